package geojson

import (
	"cmp"
	"math"
	"slices"
)

// projection is Albers' conic of equal areas, with the standard parallels a sixth of the map's height within its edges. A
// map that lies around the equator, or the earth, has the cylinder of equal areas, which is its limit.
type projection struct {
	middle   float64 // longitude that is drawn upright, in degrees
	n, c     float64 // of the cone
	cylinder bool
	scale    float64 // of the cylinder: the cosine of its standard parallel
}

const degree = math.Pi / 180

// newProjection returns the one for a map. Its middle is opposite the widest gap of longitudes: a country that lies on both
// sides of the 180th meridian is drawn in one piece.
func newProjection(m *Map) projection {
	south, north := 90.0, -90.0
	var spans [][2]float64
	m.each(func(r Ring) {
		west, east := r[0].Lon, r[0].Lon
		for _, p := range r {
			south, north = min(south, p.Lat), max(north, p.Lat)
			west, east = min(west, p.Lon), max(east, p.Lon)
		}
		spans = append(spans, [2]float64{west, east})
	})
	out := projection{}
	span := 0.0
	out.middle, span = middleOf(spans)
	sixth := (north - south) / 6
	one, two := math.Sin((south+sixth)*degree), math.Sin((north-sixth)*degree)
	out.n = (one + two) / 2
	if math.Abs(out.n) < 0.05 || span > 180 {
		out.cylinder, out.scale = true, math.Cos(min((north-south)/3, 40)*degree)
		return out
	}
	out.c = 1 - one*one + 2*out.n*one
	return out
}

// middleOf is the longitude in the middle of the shortest arc that has all of some spans of longitudes, and how long the arc
// is. No ring crosses the 180th meridian: such a one is cut in two there (RFC 7946, section 3.1.9).
func middleOf(spans [][2]float64) (middle, span float64) {
	slices.SortFunc(spans, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) })
	first, last := spans[0][0], spans[0][1] // of the arc that begins behind the widest gap
	widest, east := -1.0, last
	for _, s := range spans {
		if gap := s[0] - east; gap > widest && gap > 0 {
			widest, first, last = gap, s[0], east+360
		}
		east = max(east, s[1])
	}
	if gap := spans[0][0] + 360 - east; gap >= widest {
		first, last = spans[0][0], east
	}
	return (first + last) / 2, last - first
}

// to is where a position is drawn, in radii of the earth; y grows to the north.
func (p projection) to(at Position) (x, y float64) {
	lon := at.Lon - p.middle
	switch {
	case lon > 180:
		lon -= 360
	case lon < -180:
		lon += 360
	}
	sin := math.Sin(at.Lat * degree)
	if p.cylinder {
		return lon * degree * p.scale, sin / p.scale
	}
	rho := math.Sqrt(max(p.c-2*p.n*sin, 0)) / p.n
	theta := p.n * lon * degree
	return rho * math.Sin(theta), -rho * math.Cos(theta)
}

// each calls a function with every ring.
func (m *Map) each(do func(Ring)) {
	for _, f := range m.Features {
		for _, p := range f.Polygons {
			for _, r := range p {
				do(r)
			}
		}
	}
}
