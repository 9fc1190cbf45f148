package answerable

import (
	"cmp"
	"slices"
)

// level is a list of attributes and the groups of entities that their values make.
type level struct {
	attributes []int // indexes of Facts.Attributes
	by         []string
	groups     []Group
	assign     []int32 // entity → group
}

// Group is the entities that have these values.
type Group struct {
	By       []string `json:"by,omitempty"`
	Values   []string `json:"values,omitempty"`
	Entities int      `json:"entities"`
}

// levels are everybody, the levels of the tree, each with those above it, and the
// cubes that are none of these.
func (r *reporting) levels() []level {
	order := r.tree.Levels()
	lists := [][]int{{}}
	for n := range order {
		lists = append(lists, order[:n+1])
	}
	for _, cube := range r.Descriptor.Policy.Cubes {
		var list []int
		for _, name := range cube {
			if a := slices.IndexFunc(r.Attributes, func(a Attribute) bool { return a.Name == name }); a >= 0 {
				list = append(list, a)
			}
		}
		same := func(other []int) bool {
			return len(other) == len(list) && !slices.ContainsFunc(list, func(a int) bool { return !slices.Contains(other, a) })
		}
		if !slices.ContainsFunc(lists, same) {
			lists = append(lists, list)
		}
	}
	out := make([]level, len(lists))
	for i, list := range lists {
		out[i] = r.grouped(list)
	}
	return out
}

// grouped makes the groups of a list of attributes, ascending by their values.
func (r *reporting) grouped(attributes []int) level {
	l := level{attributes: attributes, by: []string{}, assign: make([]int32, r.tree.Entities())}
	for _, a := range attributes {
		l.by = append(l.by, r.Attributes[a].Name)
	}
	entities := make([]int32, len(l.assign))
	for e := range entities {
		entities[e] = int32(e) //nolint:gosec // at most catalog.MaxRegistryRows
	}
	compare := func(x, y int32) int {
		for _, a := range attributes {
			of := &r.Attributes[a]
			if c := cmp.Compare(of.Values[of.Codes[x]], of.Values[of.Codes[y]]); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortStableFunc(entities, compare)
	for i, e := range entities {
		if i == 0 || compare(entities[i-1], e) != 0 {
			g := Group{By: l.by}
			for _, a := range attributes {
				g.Values = append(g.Values, r.Attributes[a].Values[r.Attributes[a].Codes[e]])
			}
			l.groups = append(l.groups, g)
		}
		l.groups[len(l.groups)-1].Entities++
		l.assign[e] = int32(len(l.groups) - 1) //nolint:gosec // as above
	}
	return l
}
