package answerable

import "slices"

// Joined is a class that is made of several combinations of values, because some had
// fewer than min_cohort entities (RELEASE.md section 1).
type Joined struct {
	Entities int     `json:"entities"`
	Leaves   []Leaf  `json:"leaves"`  // those below min_cohort first
	Missing  []Group `json:"missing"` // groups of the report's levels that have a part of the class, and so never its figures
}

// Leaf is the entities of a class that have these values along the tree.
type Leaf struct {
	Group
	Small bool `json:"small"` // fewer than min_cohort
}

// joined finds the classes that are made of several leaves, and who is in none.
func (r *reporting) joined(levels []level) {
	leaves := r.grouped(r.tree.Levels())
	of := make([][]int32, len(leaves.groups)) // leaf → entities
	for e, leaf := range leaves.assign {
		of[leaf] = append(of[leaf], int32(e)) //nolint:gosec // at most catalog.MaxRegistryRows
	}
	// What each class and the pool have of each leaf, leaves ascending.
	classes := make([][]Leaf, r.tree.Classes())
	for leaf, entities := range of {
		slices.SortStableFunc(entities, func(a, b int32) int { return int(r.tree.Class(int(a)) - r.tree.Class(int(b))) })
		for len(entities) > 0 {
			class := r.tree.Class(int(entities[0]))
			n := 1
			for n < len(entities) && r.tree.Class(int(entities[n])) == class {
				n++
			}
			part := Leaf{Group: Group{leaves.by, leaves.groups[leaf].Values, n}, Small: n < r.k}
			if class < 0 {
				r.out.Pool = append(r.out.Pool, part)
			} else {
				classes[class] = append(classes[class], part)
			}
			entities = entities[n:]
		}
	}
	for class, parts := range classes {
		if len(parts) < 2 {
			continue
		}
		slices.SortStableFunc(parts, func(a, b Leaf) int { return rank(b.Small) - rank(a.Small) })
		members := r.tree.Members(int32(class)) //nolint:gosec // at most catalog.MaxRegistryRows
		r.out.Joined = append(r.out.Joined, Joined{Entities: len(members), Leaves: parts, Missing: missing(levels, members)})
	}
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// missing are the groups of the levels that have some of these entities and not all.
func missing(levels []level, members []int32) []Group {
	out := []Group{}
	for _, l := range levels {
		var some []int32
		for _, e := range members {
			if g := l.assign[e]; !slices.Contains(some, g) {
				some = append(some, g)
			}
		}
		if len(some) < 2 {
			continue
		}
		slices.Sort(some)
		for _, g := range some {
			out = append(out, l.groups[g])
		}
	}
	return out
}
