// Package geojson reads maps of areas as RFC 7946 has them, matches their names with values, and draws them: in an
// equal-area projection, as path data of SVG, with fewer points than the file has.
//
// A map comes from somebody else. It is read strictly and within bounds; what cannot be drawn as it was meant is an
// error that says which feature it is, and what would be right.
package geojson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxBytes is the most that a file has: the counties of a continent are fewer.
	MaxBytes = 16 << 20
	// MaxFeatures is how many areas a map has at most.
	MaxFeatures = 5_000
	// MaxPositions is how many positions its rings have at most.
	MaxPositions = 1_000_000
	// maxText is the most bytes of a property that may be a name.
	maxText = 200
)

// Map is a collection of areas.
type Map struct {
	Features []Feature
}

// Feature is an area. Properties are its texts, and its numbers as they are written: what may be its name.
type Feature struct {
	Properties map[string]string
	Polygons   []Polygon
}

// Polygon is an outer ring and its holes.
type Polygon []Ring

// Ring is closed: its last position is its first.
type Ring []Position

// Position is a place on the earth, in degrees of WGS 84.
type Position struct{ Lon, Lat float64 }

// Error is a fault of a file. Its sentence has what would be right.
type Error struct {
	Feature int    // counted from 1; 0: it is the file's
	Message string // what is wrong, and what would be right
}

func (e *Error) Error() string {
	if e.Feature == 0 {
		return "the map " + e.Message
	}
	return fmt.Sprintf("feature %d of the map %s", e.Feature, e.Message)
}

func fault(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// object is a JSON object by its members. Names are compared as they are written, unlike those of a struct's fields.
type object map[string]json.RawMessage

// text is a member that is a string; empty if it is none.
func (o object) text(name string) (s string) {
	if json.Unmarshal(o[name], &s) != nil {
		return ""
	}
	return s
}

// Read reads a FeatureCollection of Polygons and MultiPolygons. It fails with an *Error.
func Read(b []byte) (*Map, error) {
	if len(b) > MaxBytes {
		return nil, fault("has %d bytes, at most %d are read; draw it with fewer points", len(b), MaxBytes)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return nil, fault("is not UTF-8; GeoJSON always is")
	}
	var top object
	if err := json.Unmarshal(b, &top); err != nil || top == nil {
		return nil, fault("is no JSON object%s; want a GeoJSON FeatureCollection", where(err))
	}
	switch kind := top.text("type"); kind {
	case "FeatureCollection":
	case "Topology":
		return nil, fault("is TopoJSON; write it as GeoJSON, for example with topo2geo")
	default:
		return nil, fault("has the type %.40q, want FeatureCollection", kind)
	}
	if err := checkSystem(top["crs"]); err != nil {
		return nil, err
	}
	var features []object
	if err := json.Unmarshal(top["features"], &features); err != nil {
		return nil, fault("has no list of features; want \"features\": [ … ]")
	}
	if n := len(features); n == 0 || n > MaxFeatures {
		return nil, fault("has %d features, want 1 to %d", n, MaxFeatures)
	}
	m := &Map{}
	left := MaxPositions
	for i, o := range features {
		f, err := readFeature(o, &left)
		if err != nil {
			return nil, &Error{i + 1, called(f) + err.Error()}
		}
		m.Features = append(m.Features, f)
	}
	return m, nil
}

// where tells at which byte JSON ends to be such.
func where(err error) string {
	if at, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf(" (byte %d)", at.Offset)
	}
	return ""
}

// checkSystem refuses coordinates in another system than RFC 7946's. Older files name it, and name it differently.
func checkSystem(crs json.RawMessage) error {
	if crs == nil || string(crs) == "null" {
		return nil
	}
	var named struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	_ = json.Unmarshal(crs, &named) //nolint:errcheck // what it is not is refused below
	switch name := named.Properties.Name; name {
	case "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "EPSG:4490", "urn:ogc:def:crs:EPSG::4490":
		return nil // China's CGCS2000 is within decimetres of WGS 84
	default:
		return fault("has coordinates of the system %.60q, want longitude and latitude of WGS 84 (RFC 7946)", name)
	}
}

// called is how a fault calls a feature beside its number.
func called(f Feature) string {
	for _, key := range append([]string{"name", "NAME", "Name"}, slices.Sorted(maps.Keys(f.Properties))...) {
		if text := f.Properties[key]; text != "" {
			return fmt.Sprintf("(%.40s) ", text)
		}
	}
	return ""
}

func readFeature(o object, left *int) (f Feature, err error) {
	if kind := o.text("type"); kind != "Feature" {
		return f, fmt.Errorf("has the type %.40q, want Feature", kind)
	}
	f.Properties = readProperties(o["properties"])
	var geometry object
	if err := json.Unmarshal(o["geometry"], &geometry); err != nil || geometry == nil {
		return f, errors.New("has no geometry; want a Polygon or MultiPolygon, or leave the feature out")
	}
	s := scanner{b: geometry["coordinates"], left: left}
	switch kind := geometry.text("type"); kind {
	case "Polygon":
		var p Polygon
		p, err = s.polygon()
		f.Polygons = []Polygon{p}
	case "MultiPolygon":
		err = s.list(func() error {
			p, err := s.polygon()
			f.Polygons = append(f.Polygons, p)
			return err
		})
	default:
		return f, fmt.Errorf("is a %.40q, want a Polygon or MultiPolygon", kind)
	}
	if err == nil && len(f.Polygons) == 0 {
		err = errors.New("has no polygon; leave the feature out")
	}
	return f, err
}

// readProperties has those that may be names.
func readProperties(b json.RawMessage) map[string]string {
	var all object
	_ = json.Unmarshal(b, &all) //nolint:errcheck // null and what is no object have none
	out := map[string]string{}
	for name, value := range all {
		text := ""
		switch {
		case len(value) > 0 && value[0] == '"':
			_ = json.Unmarshal(value, &text) //nolint:errcheck // it is a JSON string
		case len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
			text = string(value)
		}
		if text = strings.TrimSpace(text); text != "" && len(text) <= maxText && len(name) <= maxText {
			out[name] = text
		}
	}
	return out
}

// scanner reads coordinates, which are JSON already.
type scanner struct {
	b    []byte
	at   int
	left *int // positions that may still come
	ring int  // that is read, counted from 1 through the feature
}

// peek is the next byte that is no white space; 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.b) {
		switch c := s.b[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// errShape is told of coordinates that are nested otherwise.
var errShape = errors.New("has coordinates of another shape; want lists of rings of [longitude, latitude]")

// list reads a list, each element by a function.
func (s *scanner) list(element func() error) error {
	if s.peek() != '[' {
		return errShape
	}
	s.at++
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return errShape
		}
	}
}

func (s *scanner) polygon() (p Polygon, err error) {
	err = s.list(func() error {
		s.ring++
		var r Ring
		err := s.list(func() error {
			at, err := s.position()
			r = append(r, at)
			return err
		})
		switch {
		case err != nil:
			return err
		case len(r) < 4:
			return fmt.Errorf("has %d positions in ring %d, want at least 4, of which the last is the first", len(r), s.ring)
		case r[0] != r[len(r)-1]:
			return fmt.Errorf("is not closed in ring %d; the last position of a ring is its first", s.ring)
		}
		p = append(p, r)
		return nil
	})
	if err == nil && len(p) == 0 {
		err = errors.New("has a polygon without a ring; want an outer ring, then its holes")
	}
	return p, err
}

// position reads a place. A third number is its height, which a map does not show.
func (s *scanner) position() (Position, error) {
	var numbers []float64
	err := s.list(func() error {
		from := s.at
		for s.at < len(s.b) && strings.IndexByte("+-.0123456789eE", s.b[s.at]) >= 0 {
			s.at++
		}
		v, err := strconv.ParseFloat(string(s.b[from:s.at]), 64)
		if err != nil {
			return errShape
		}
		numbers = append(numbers, v)
		return nil
	})
	if err != nil {
		return Position{}, err
	}
	if len(numbers) != 2 && len(numbers) != 3 {
		return Position{}, fmt.Errorf("has a position of %d numbers in ring %d, want [longitude, latitude]", len(numbers), s.ring)
	}
	if *s.left--; *s.left < 0 {
		return Position{}, fmt.Errorf("is beyond the %d positions that a map may have; draw it with fewer points", MaxPositions)
	}
	p := Position{numbers[0], numbers[1]}
	switch within := func(v, most float64) bool { return v >= -most && v <= most }; {
	case within(p.Lon, 180) && within(p.Lat, 90):
		return p, nil
	case within(p.Lon, 90) && within(p.Lat, 180):
		return p, fmt.Errorf("has the position [%g, %g] in ring %d: latitude and longitude are exchanged, want [longitude, latitude]", p.Lon, p.Lat, s.ring)
	default:
		return p, fmt.Errorf("has the position [%g, %g] in ring %d, want longitude and latitude in degrees, not projected", p.Lon, p.Lat, s.ring)
	}
}
