package geojson

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// square is a feature of a square degree at a place.
func square(name string, lon, lat int) string {
	return fmt.Sprintf(`{"type":"Feature","properties":{"name":%q,"code":%d},"geometry":{"type":"Polygon","coordinates":[[[%d,%d],[%d,%d],[%d,%d],[%d,%d],[%d,%d]]]}}`,
		name, 130000+lon, lon, lat, lon+1, lat, lon+1, lat+1, lon, lat+1, lon, lat)
}

func collection(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func read(t testing.TB, text string) *Map {
	t.Helper()
	m, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAMapIsRead(t *testing.T) {
	m := read(t, "\ufeff"+collection(
		square("north", 115, 38),
		`{"type":"Feature","id":7,"bbox":[0,0,1,1],"properties":{"name":" 衡水 ","adcode":131100,"open":true,"x":null,"of":{"a":1}},"more":[1],
		  "geometry":{"type":"MultiPolygon","coordinates":[[[[1,1,5.5],[4,1],[4,4],[1,4],[1,1,5.5]],[[2,2],[2,3],[3,3],[2,2]]],[[[5,5],[6,5],[6,6],[5,5]]]]}}`))
	two := m.Features[1]
	if len(m.Features) != 2 || len(two.Polygons) != 2 || len(two.Polygons[0]) != 2 || two.Polygons[1][0][1] != (Position{6, 5}) {
		t.Errorf("it is read as %+v", m)
	}
	if fmt.Sprint(two.Properties) != "map[adcode:131100 name:衡水]" {
		t.Errorf("its names are %v", two.Properties)
	}
	if got := fmt.Sprint(m.Properties()); got != "[adcode code name]" {
		t.Errorf("properties are %s", got)
	}
}

func TestAMapThatCannotBeDrawnIsRefused(t *testing.T) {
	feature := func(geometry string) string {
		return collection(square("north", 1, 1), `{"type":"Feature","properties":{"name":"west"},"geometry":`+geometry+`}`)
	}
	polygon := func(coordinates string) string {
		return feature(`{"type":"Polygon","coordinates":` + coordinates + `}`)
	}
	const second = "feature 2 of the map (west) "
	for text, want := range map[string]string{
		``:                             "the map is no JSON object (byte 0); want a GeoJSON FeatureCollection",
		`{"type":"FeatureCollection",`: "the map is no JSON object (byte 28); want a GeoJSON FeatureCollection",
		`null`:                         "the map is no JSON object; want a GeoJSON FeatureCollection",
		"{\"a\":\"\xff\"}":             "the map is not UTF-8; GeoJSON always is",
		`{"type":"Topology"}`:          "the map is TopoJSON; write it as GeoJSON, for example with topo2geo",
		`{"Type":"FeatureCollection"}`: `the map has the type "", want FeatureCollection`,
		square("north", 1, 1):          `the map has the type "Feature", want FeatureCollection`,
		`{"type":"FeatureCollection"}`: `the map has no list of features; want "features": [ … ]`,
		collection():                   "the map has 0 features, want 1 to 5000",
		`{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:3857"}},"features":[` + square("n", 1, 1) + `]}`: `the map has coordinates of the system "EPSG:3857", want longitude and latitude of WGS 84 (RFC 7946)`,
		collection(`{"type":"Topic"}`):                                     `feature 1 of the map has the type "Topic", want Feature`,
		collection(`null`):                                                 `feature 1 of the map has the type "", want Feature`,
		feature(`null`):                                                    second + "has no geometry; want a Polygon or MultiPolygon, or leave the feature out",
		feature(`{"type":"Point","coordinates":[1,1]}`):                    second + `is a "Point", want a Polygon or MultiPolygon`,
		feature(`{"type":"MultiPolygon","coordinates":[]}`):                second + "has no polygon; leave the feature out",
		polygon(`[]`):                                                      second + "has a polygon without a ring; want an outer ring, then its holes",
		polygon(`[[[1,1],[2,2],[1,1]]]`):                                   second + "has 3 positions in ring 1, want at least 4, of which the last is the first",
		polygon(`[[[1,1],[2,2],[3,1],[1,1]],[[1,1],[2,2],[3,1],[1,2]]]`):   second + "is not closed in ring 2; the last position of a ring is its first",
		polygon(`[[[1,1],[2],[3,1],[1,1]]]`):                               second + "has a position of 1 numbers in ring 1, want [longitude, latitude]",
		polygon(`[[[1,1],[null,1],[3,1],[1,1]]]`):                          second + errShape.Error(),
		polygon(`[[1,1],[2,2],[3,1],[1,1]]`):                               second + errShape.Error(),
		polygon(`{"a":1}`):                                                 second + errShape.Error(),
		polygon(`[[[38,115],[39,115],[39,116],[38,115]]]`):                 second + "has the position [38, 115] in ring 1: latitude and longitude are exchanged, want [longitude, latitude]",
		polygon(`[[[500000,4649776],[1,1],[2,2],[500000,4649776]]]`):       second + "has the position [500000, 4.649776e+06] in ring 1, want longitude and latitude in degrees, not projected",
		polygon(`[[[1e999,1],[1,1],[2,2],[1e999,1]]]`):                     second + errShape.Error(),
		polygon("[[" + strings.Repeat("[1,1],", MaxPositions) + "[1,1]]]"): second + "is beyond the 1000000 positions that a map may have; draw it with fewer points",
		strings.Repeat(" ", MaxBytes+1):                                    "the map has 16777217 bytes, at most 16777216 are read; draw it with fewer points",
		collection(slices.Repeat([]string{`{}`}, MaxFeatures+1)...):        "the map has 5001 features, want 1 to 5000",
	} {
		_, err := Read([]byte(text))
		if _, ok := errors.AsType[*Error](err); !ok || err.Error() != want {
			t.Errorf("%.60s…\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestAreasAreFoundByTheProperty(t *testing.T) {
	m := read(t, collection(square("north", 1, 1), square("south", 2, 1), square("islands", 3, 1), square("islands", 4, 1), square("", 5, 1)))
	got := m.Match([]string{"south", "islands", "nowhere", "nowhere"}, "")
	if fmt.Sprintf("%+v", got) != "{Property:name Of:[ south islands islands ] Values:[nowhere] Areas:[north]}" {
		t.Errorf("%+v", got)
	}
	if got = m.Match([]string{"130001", "130002"}, ""); got.Property != "code" || len(got.Values) != 0 || len(got.Areas) != 3 {
		t.Errorf("by numbers: %+v", got)
	}
	if got = m.Match([]string{"north"}, "code"); len(got.Values) != 1 || len(got.Areas) != 5 {
		t.Errorf("by a property that does not have it: %+v", got)
	}
	if got = (&Map{Features: []Feature{{}}}).Match([]string{"north"}, ""); got.Of[0] != "" || len(got.Values) != 1 {
		t.Errorf("without properties: %+v", got)
	}
}

// parse reads path data as an SVG does.
func parse(t testing.TB, path string) (rings [][]point) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		start, steps, ok := strings.Cut(strings.TrimPrefix(part, "M"), "l")
		x, y, two := strings.Cut(start, " ")
		if !ok || !two || part[0] != 'M' {
			t.Fatalf("%q is no path", path)
		}
		number := func(s string) int32 {
			n, err := strconv.ParseInt(s, 10, 32)
			if err != nil {
				t.Fatalf("%q: %v", path, err)
			}
			return int32(n)
		}
		at := point{number(x), number(y)}
		ring := []point{at}
		fields := strings.Fields(strings.ReplaceAll(steps, "-", " -"))
		if len(fields)%2 != 0 || len(fields) < 4 {
			t.Fatalf("%q has %d steps", path, len(fields))
		}
		for i := 0; i < len(fields); i += 2 {
			at = point{at.x + number(fields[i]), at.y + number(fields[i+1])}
			ring = append(ring, at)
		}
		rings = append(rings, ring)
	}
	return rings
}

func areaOf(r []point) (twice int64) {
	for i, p := range r {
		q := r[(i+1)%len(r)]
		twice += int64(p.x)*int64(q.y) - int64(q.x)*int64(p.y)
	}
	return twice
}

func TestADrawingIsUprightAndOfEqualAreas(t *testing.T) {
	m := read(t, collection(square("south", 115, 20), square("north", 115, 50), square("east", 125, 35)))
	d := m.Draw()
	if d.Height != grid || d.Width < grid/5 || d.Width > grid {
		t.Errorf("it is %d × %d", d.Width, d.Height)
	}
	var areas []float64
	for _, p := range d.Paths {
		areas = append(areas, math.Abs(float64(areaOf(parse(t, p)[0]))))
	}
	south, north := parse(t, d.Paths[0])[0][0], parse(t, d.Paths[1])[0][0]
	if south.y < north.y {
		t.Errorf("the south is drawn above the north")
	}
	// A square degree is smaller in the north, as the sine has it.
	band := func(lat float64) float64 { return math.Sin((lat+1)*degree) - math.Sin(lat*degree) }
	for i, lat := range []float64{20, 50, 35} {
		if got, want := areas[i]/areas[0], band(lat)/band(20); math.Abs(got/want-1) > 0.06 { // a step of the grid is three per cent of its side
			t.Errorf("the square at %g is %.3f of the first, want %.3f", lat, got, want)
		}
	}
}

// The projection keeps areas: a rectangle's, wherever it lies on whichever map.
func TestTheProjectionKeepsAreas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		south := rapid.Float64Range(-80, 60).Draw(t, "south")
		north := rapid.Float64Range(south+1, min(south+70, 84)).Draw(t, "north")
		west := rapid.Float64Range(-180, 120).Draw(t, "west")
		east := rapid.Float64Range(west+1, west+59).Draw(t, "east")
		p := newProjection(&Map{Features: []Feature{{Polygons: []Polygon{{{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}}}}}})
		lat := rapid.Float64Range(south, north-0.5).Draw(t, "lat")
		lon := rapid.Float64Range(west, east-0.5).Draw(t, "lon")
		area, n := 0.0, 64
		var last [2]float64
		walk := func(at Position, first bool) {
			x, y := p.to(at)
			if !first {
				area += (last[0]*y - x*last[1]) / 2
			}
			last = [2]float64{x, y}
		}
		corners := []Position{{lon, lat}, {lon + 0.5, lat}, {lon + 0.5, lat + 0.5}, {lon, lat + 0.5}, {lon, lat}}
		walk(corners[0], true)
		for i := 1; i < len(corners); i++ {
			for k := 1; k <= n; k++ {
				f := float64(k) / float64(n)
				a, b := corners[i-1], corners[i]
				walk(Position{a.Lon + f*(b.Lon-a.Lon), a.Lat + f*(b.Lat-a.Lat)}, false)
			}
		}
		want := 0.5 * degree * (math.Sin((lat+0.5)*degree) - math.Sin(lat*degree))
		if math.Abs(area/want-1) > 1e-4 {
			t.Fatalf("an area of %g is drawn as %g", want, area)
		}
	})
}

// crumpled is a partition of a rectangle into cells whose borders are crumpled lines of many points, and a lake with an
// island in one of them.
func crumpled(seed uint64, cells, fine int) *Map {
	random := func() float64 {
		seed = seed*6364136223846793005 + 1442695040888963407
		return float64(seed>>33)/float64(1<<31) - 0.5
	}
	line := func(a, b Position) (out Ring) {
		for i := range fine {
			f := float64(i) / float64(fine)
			p := Position{a.Lon + f*(b.Lon-a.Lon), a.Lat + f*(b.Lat-a.Lat)}
			if i > 0 {
				p.Lon, p.Lat = p.Lon+0.15*random(), p.Lat+0.15*random()
			}
			out = append(out, p)
		}
		return append(out, b)
	}
	corner := func(i, j int) Position { return Position{100 + float64(i), 30 + float64(j)} }
	across, up := map[[2]int]Ring{}, map[[2]int]Ring{}
	for i := range cells + 1 {
		for j := range cells + 1 {
			if i < cells {
				across[[2]int{i, j}] = line(corner(i, j), corner(i+1, j))
			}
			if j < cells {
				up[[2]int{i, j}] = line(corner(i, j), corner(i, j+1))
			}
		}
	}
	reversed := func(r Ring) Ring { r = slices.Clone(r); slices.Reverse(r); return r }
	m := &Map{}
	for i := range cells {
		for j := range cells {
			r := slices.Concat(across[[2]int{i, j}], up[[2]int{i + 1, j}][1:], reversed(across[[2]int{i, j + 1}])[1:], reversed(up[[2]int{i, j}])[1:])
			turn := int((random() + 0.5) * float64(len(r)-1)) // rings begin anywhere
			r = append(slices.Clone(r[turn:len(r)-1]), r[:turn+1]...)
			if random() > 0 {
				slices.Reverse(r)
			}
			m.Features = append(m.Features, Feature{Polygons: []Polygon{{r}}})
		}
	}
	var shore Ring
	for k := range 40 {
		a := float64(k) / 40 * 2 * math.Pi
		shore = append(shore, Position{100.5 + 0.2*math.Cos(a) + 0.02*random(), 30.5 + 0.2*math.Sin(a) + 0.02*random()})
	}
	shore = append(shore, shore[0])
	first := &m.Features[0].Polygons[0]
	*first = append(*first, shore)
	island := append(slices.Clone(reversed(shore)[7:40]), reversed(shore)[:8]...)
	m.Features = append(m.Features, Feature{Polygons: []Polygon{{island}}})
	return m
}

// Neighbours keep the same points of the border that they share: no gap opens, and nothing overlaps that did not.
func TestBordersStayShared(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := crumpled(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 4).Draw(t, "cells"), rapid.IntRange(1, 60).Draw(t, "fine"))
		_, rings, all := m.onGrid()
		far := rapid.Float64Range(0.5, 100).Draw(t, "far")
		edges := func(rings [][]point) map[[2]point]int {
			out := map[[2]point]int{}
			for _, r := range rings {
				for i, p := range r {
					q := r[(i+1)%len(r)]
					if less(q, p) {
						p, q = q, p
					}
					out[[2]point{p, q}]++
				}
			}
			return out
		}
		// A ring that turns back on the grid has an edge twice, which is its own none the less.
		having := map[[2]point]int{}
		for _, r := range rings {
			for e := range edges([][]point{r}) {
				having[e]++
			}
		}
		outer := map[point]bool{}
		for e, n := range having {
			if n == 1 {
				outer[e[0]], outer[e[1]] = true, true
			}
		}
		for e, n := range edges(all.simplified(rings, far)) {
			if n%2 == 1 && (!outer[e[0]] || !outer[e[1]]) {
				t.Fatalf("%v is the border of one area alone", e)
			}
		}
	})
}

func TestADrawingOfManyPointsIsSmall(t *testing.T) {
	for seed := range uint64(4) {
		d := crumpled(seed, 8, 400).Draw()
		total := 0
		for _, p := range d.Paths {
			total += len(p)
		}
		if total > maxPaths || total < maxPaths/4 || len(d.Paths) != 65 {
			t.Errorf("%d paths have %d bytes", len(d.Paths), total)
		}
	}
}

func TestNoAreaVanishes(t *testing.T) {
	speck := `{"type":"Feature","properties":{"name":"speck"},"geometry":{"type":"Polygon","coordinates":[[[100,30],[100.00001,30],[100.00001,30.00001],[100,30]]]}}`
	m := read(t, collection(square("large", 70, 20), square("far", 130, 50), speck))
	if got := parse(t, m.Draw().Paths[2])[0]; len(got) != 4 || areaOf(got) == 0 {
		t.Errorf("it is drawn as %v", got)
	}
	if d := read(t, collection(speck)).Draw(); len(d.Paths) != 1 || d.Width == 0 || d.Height == 0 {
		t.Errorf("alone it is drawn as %+v", d)
	}
}

// A country on both sides of the 180th meridian is drawn in one piece; the earth is drawn from −180 to 180.
func TestTheDateLine(t *testing.T) {
	d := read(t, collection(square("west", 178, -17), square("middle", 179, -17), square("east", -180, -17))).Draw()
	if d.Width < 2*d.Height || d.Width > 4*d.Height {
		t.Errorf("Fiji is %d × %d", d.Width, d.Height)
	}
	earth := `{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[-180,-90],[0,-90],[180,-90],[180,90],[0,90],[-180,90],[-180,-90]]]}}`
	if d = read(t, collection(earth)).Draw(); d.Width != grid || areaOf(parse(t, d.Paths[0])[0]) == 0 {
		t.Errorf("the earth is %d × %d: %s", d.Width, d.Height, d.Paths[0])
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(collection(square("north", 115, 38), square("南", -180, -90))))
	f.Add([]byte(collection(`{"type":"Feature","properties":{"name":"a"},"geometry":{"type":"MultiPolygon","coordinates":[[[[1,1,5.5],[4,1],[4,4],[1,4],[1,1,5.5]],[[2,2],[2,3],[3,3],[2,2]]]]}}`)))
	f.Add([]byte(collection(`{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[1,1],[1,1],[1,1],[1,1]]]}}`)))
	f.Add([]byte(`{"type":"Topology"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%v is no fault of the file", err)
			}
			return
		}
		d := m.Draw()
		if len(d.Paths) != len(m.Features) || d.Width < 1 || d.Height < 1 || d.Width > grid || d.Height > grid {
			t.Fatalf("%d features are drawn as %d × %d, %d paths", len(m.Features), d.Width, d.Height, len(d.Paths))
		}
		for _, p := range d.Paths {
			for _, r := range parse(t, p) {
				if len(r) < 3 {
					t.Errorf("%q has a ring of %d points", p, len(r))
				}
				for _, at := range r {
					if at.x < -2 || at.y < -2 || int(at.x) > d.Width+2 || int(at.y) > d.Height+2 {
						t.Errorf("%v is outside of %d × %d", at, d.Width, d.Height)
					}
				}
			}
		}
		if got := m.Match(append(m.Properties(), "x"), ""); len(got.Of) != len(m.Features) {
			t.Errorf("%+v", got)
		}
	})
}
