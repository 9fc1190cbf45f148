package geojson

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Match is which areas have which values.
type Match struct {
	Property string   // whose values are the areas' names
	Of       []string // by feature: its value; empty: no value is its
	// Values have no area, and Areas no value: names, sorted, each once.
	Values, Areas []string
}

// Properties are the names of all properties that may be names, sorted.
func (m *Map) Properties() []string {
	all := map[string]bool{}
	for _, f := range m.Features {
		for name := range f.Properties {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Match finds the areas of values by a property; empty: by the one that finds most of the values.
func (m *Map) Match(values []string, property string) Match {
	if property != "" {
		return m.match(values, property)
	}
	best := Match{}
	for i, p := range m.Properties() {
		// Of two that find as many, the one by which fewer areas are left over, then the first.
		if is := m.match(values, p); i == 0 || cmp.Or(cmp.Compare(len(is.Values), len(best.Values)), cmp.Compare(len(is.Areas), len(best.Areas))) < 0 {
			best = is
		}
	}
	if best.Property == "" { // there is no property at all
		return m.match(values, "")
	}
	return best
}

func (m *Map) match(values []string, property string) Match {
	out := Match{Property: property, Of: make([]string, len(m.Features))}
	known := map[string]string{} // a value, by how it is compared
	for _, v := range values {
		known[strings.TrimSpace(v)] = v
	}
	found, over := map[string]bool{}, map[string]bool{}
	for i, f := range m.Features {
		name := f.Properties[property]
		if v, is := known[name]; is && name != "" {
			out.Of[i] = v
			found[v] = true
		} else {
			over[name] = true
		}
	}
	for _, v := range values {
		if !found[v] {
			out.Values = append(out.Values, v)
		}
	}
	slices.Sort(out.Values)
	out.Values = slices.Compact(out.Values)
	delete(over, "")
	out.Areas = slices.Sorted(maps.Keys(over))
	return out
}
