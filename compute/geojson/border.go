package geojson

import "slices"

// border is what rings have in common: at a junction, more than two of their points meet.
type border struct {
	junction map[point]bool
}

// borders finds the junctions of a map, by the positions that its file has: lines that come near each other may meet on
// the grid, and are two borders still. at is where a position lies on the grid.
func borders(m *Map, at func(Position) point) border {
	type pair struct{ a, b Position }
	beside := map[Position]pair{}
	b := border{junction: map[point]bool{}}
	m.each(func(r Ring) {
		r = r[:len(r)-1]
		for i, p := range r {
			two := pair{r[(i+len(r)-1)%len(r)], r[(i+1)%len(r)]}
			if two.b.Lon < two.a.Lon || two.b.Lon == two.a.Lon && two.b.Lat < two.a.Lat {
				two.a, two.b = two.b, two.a
			}
			if had, seen := beside[p]; seen && had != two {
				b.junction[at(p)] = true
			}
			beside[p] = two
		}
	})
	return b
}

// less orders points, so that a line is simplified alike whichever way it is gone.
func less(a, b point) bool { return a.x < b.x || a.x == b.x && a.y < b.y }

// simplified leaves points out of rings that lie at most so far from the line without them. Junctions stay.
func (b border) simplified(rings [][]point, far float64) [][]point {
	out := make([][]point, len(rings))
	for i, r := range rings {
		out[i] = b.ring(r, far)
	}
	return out
}

// ring goes from junction to junction. A ring without one goes from its least point to the point that is farthest from
// there, and back.
func (b border) ring(r []point, far float64) []point {
	if len(r) < 3 {
		return r
	}
	from := slices.IndexFunc(r, func(p point) bool { return b.junction[p] })
	stops := func(p point) bool { return b.junction[p] }
	if from < 0 {
		from = 0
		for i, p := range r {
			if less(p, r[from]) {
				from = i
			}
		}
		opposite, most := r[from], int64(-1)
		for _, p := range r {
			dx, dy := int64(p.x-r[from].x), int64(p.y-r[from].y)
			if d := dx*dx + dy*dy; d > most || d == most && less(p, opposite) {
				opposite, most = p, d
			}
		}
		start := r[from]
		stops = func(p point) bool { return p == start || p == opposite }
	}
	var out, line []point
	for i := range len(r) + 1 {
		p := r[(from+i)%len(r)]
		line = append(line, p)
		if i > 0 && stops(p) {
			out = append(out, simplify(line, far)...)
			out = out[:len(out)-1] // the next line begins with it
			line = append(line[:0], p)
		}
	}
	return out
}

// longest is how many points a line has that is simplified as a whole: the work grows with the square.
const longest = 512

// simplify is Douglas and Peucker's, from the lesser end.
func simplify(line []point, far float64) []point {
	line = slices.Clone(line)
	last := len(line) - 1
	turned := less(line[last], line[0]) || line[last] == line[0] && less(line[last-1], line[1])
	if turned {
		slices.Reverse(line)
	}
	keep := make([]bool, len(line))
	keep[0], keep[last] = true, true
	var stack [][2]int
	for from := 0; from < last; from += longest {
		to := min(from+longest, last)
		keep[to] = true
		stack = append(stack, [2]int{from, to})
	}
	for len(stack) > 0 {
		from, to := stack[len(stack)-1][0], stack[len(stack)-1][1]
		stack = stack[:len(stack)-1]
		at, most := 0, far*far
		for i := from + 1; i < to; i++ {
			if d := apart(line[i], line[from], line[to]); d > most {
				at, most = i, d
			}
		}
		if at > 0 {
			keep[at] = true
			stack = append(stack, [2]int{from, at}, [2]int{at, to})
		}
	}
	out := line[:0]
	for i, p := range line {
		if keep[i] {
			out = append(out, p)
		}
	}
	if turned {
		slices.Reverse(out)
	}
	return out
}

// apart is the square of how far a point is from the line between two others.
func apart(p, a, b point) float64 {
	x, y := float64(p.x-a.x), float64(p.y-a.y)
	dx, dy := float64(b.x-a.x), float64(b.y-a.y)
	if length := dx*dx + dy*dy; length > 0 {
		t := min(max((x*dx+y*dy)/length, 0), 1)
		x, y = x-t*dx, y-t*dy
	}
	return x*x + y*y
}
