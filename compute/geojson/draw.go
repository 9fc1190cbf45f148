package geojson

import (
	"math"
	"strconv"
)

const (
	// grid is how many steps the longer side of a drawing has. Positions are drawn to the step.
	grid = 2000
	// maxPaths is how many bytes the paths of a drawing have at most where that can be had by leaving out points.
	maxPaths = 50_000
)

// Drawing is a map as SVG draws it: north is up, areas are true to each other. Paths[i] is feature i's, for the fill rule
// evenodd.
type Drawing struct {
	Width, Height int
	Paths         []string
}

// point is a place of the grid; y grows to the south.
type point struct{ x, y int32 }

// Draw draws the map. Of two areas that share a border, both keep the same points of it, so that no gap opens between
// them. No area vanishes: one that is too small for the grid is drawn as a small square.
func (m *Map) Draw() Drawing {
	d, rings, all := m.onGrid()
	for far := 0.5; ; far *= 1.5 {
		d.Paths = d.Paths[:0]
		total := 0
		at := 0
		for _, f := range m.Features {
			n := 0
			for _, p := range f.Polygons {
				n += len(p)
			}
			path := pathOf(rings[at:at+n], f, all.simplified(rings[at:at+n], far))
			at += n
			d.Paths = append(d.Paths, path)
			total += len(path)
		}
		if total <= maxPaths || far > grid/20 {
			return d
		}
	}
}

// onGrid has the map's rings on the grid, without the position that closes them, and their borders.
func (m *Map) onGrid() (Drawing, [][]point, border) {
	p := newProjection(m)
	west, east, south, north := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	m.each(func(r Ring) {
		for _, at := range r {
			x, y := p.to(at)
			west, east, south, north = min(west, x), max(east, x), min(south, y), max(north, y)
		}
	})
	step := max(east-west, north-south) / grid
	if step <= 0 { // every position is the same
		step = 1
	}
	on := func(at Position) point {
		x, y := p.to(at)
		return point{int32(math.Round((x - west) / step)), int32(math.Round((north - y) / step))}
	}
	var rings [][]point
	m.each(func(r Ring) {
		var out []point
		for _, at := range r[:len(r)-1] {
			if next := on(at); len(out) == 0 || out[len(out)-1] != next {
				out = append(out, next)
			}
		}
		for len(out) > 1 && out[0] == out[len(out)-1] {
			out = out[:len(out)-1]
		}
		rings = append(rings, out)
	})
	size := func(from, to float64) int { return max(1, int(math.Round((to-from)/step))) }
	return Drawing{Width: size(west, east), Height: size(south, north)}, rings, borders(m, on)
}

// pathOf is a feature's path. Rings that have become lines are left out, unless the feature would have none.
func pathOf(full [][]point, f Feature, rings [][]point) string {
	var b []byte
	at := 0
	for _, p := range f.Polygons {
		for i := range p {
			if i > 0 && len(rings[at]) < 3 {
				break // of an island that is gone, its holes are, too; ring at is this polygon's outer one
			}
			if r := rings[at+i]; len(r) >= 3 {
				b = appendRing(b, r)
			}
		}
		at += len(p)
	}
	if len(b) == 0 {
		middle := largest(full)
		b = appendRing(b, []point{{middle.x - 2, middle.y - 2}, {middle.x + 2, middle.y - 2}, {middle.x + 2, middle.y + 2}, {middle.x - 2, middle.y + 2}})
	}
	return string(b)
}

// largest is the middle of the ring that spans the most.
func largest(rings [][]point) point {
	most, middle := int32(-1), point{}
	for _, r := range rings {
		low, high := r[0], r[0]
		for _, p := range r {
			low, high = point{min(low.x, p.x), min(low.y, p.y)}, point{max(high.x, p.x), max(high.y, p.y)}
		}
		if spans := high.x - low.x + high.y - low.y; spans > most {
			most, middle = spans, point{(low.x + high.x) / 2, (low.y + high.y) / 2}
		}
	}
	return middle
}

// appendRing writes a ring as path data: where it begins, then step by step.
func appendRing(b []byte, r []point) []byte {
	b = append(b, 'M')
	b = strconv.AppendInt(b, int64(r[0].x), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(r[0].y), 10)
	b = append(b, 'l')
	for i := 1; i < len(r); i++ {
		b = appendStep(b, r[i].x-r[i-1].x, i > 1)
		b = appendStep(b, r[i].y-r[i-1].y, true)
	}
	return append(b, 'z')
}

// appendStep writes a number behind another: a minus is separation enough.
func appendStep(b []byte, n int32, apart bool) []byte {
	if apart && n >= 0 {
		b = append(b, ' ')
	}
	return strconv.AppendInt(b, int64(n), 10)
}
