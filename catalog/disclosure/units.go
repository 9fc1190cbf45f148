package disclosure

import "slices"

// unit is a unit in the making.
type unit struct {
	node     int32 // the deepest that contains its classes
	classes  []int32
	entities int // of its classes
}

// units puts the classes that take part in a source into units (RELEASE.md section
// 2.5), writes them into at, and returns those of several classes. cohort is how
// much news makes a unit.
func (f *Family) units(at []int32, taking []bool, news Bits, cohort int) [][]int32 {
	t := f.tree
	count := make([]int, len(at))
	news.each(func(e int) {
		if c := t.Class(e); c >= 0 && int(c) < len(at) {
			count[c]++
		}
	})
	pending := make([][]int32, len(t.nodes)) // node → classes under it that are in no unit yet
	waiting := 0
	for c := range at {
		switch {
		case !taking[c]:
		case f.rule.enough(count[c], cohort):
			at[c] = unitAlone
		default:
			n := t.classes[c].node
			pending[n] = append(pending[n], int32(c))
			waiting++
		}
	}
	if waiting == 0 {
		return nil
	}
	made := make([]unit, 0, len(at))
	for c := range at {
		if at[c] == unitAlone {
			made = append(made, unit{t.classes[c].node, t.numbers[c : c+1 : c+1], len(t.members[c])})
		}
	}
	// A parent comes before its children, so this is bottom up.
	for n := int32(len(t.nodes)) - 1; n >= 0; n-- {
		classes := pending[n]
		if len(classes) == 0 {
			continue
		}
		made = f.joinUnder(n, classes, made, count, cohort, func(up []int32) {
			if p := t.nodes[n].parent; p >= 0 {
				pending[p] = append(pending[p], up...)
			}
		})
	}
	return record(at, made)
}

// joinUnder finds the unit of classes that are in none under node n: together
// they make one, or join the smallest there, or go up.
func (f *Family) joinUnder(n int32, classes []int32, made []unit, count []int, cohort int, up func([]int32)) []unit {
	t := f.tree
	news, entities := 0, 0
	for _, c := range classes {
		news += count[c]
		entities += len(t.members[c])
	}
	if f.rule.enough(news, cohort) {
		slices.Sort(classes)
		return append(made, unit{n, classes, entities})
	}
	best := -1
	for i, u := range made {
		if !t.under(u.node, n) {
			continue
		}
		if best < 0 || u.entities < made[best].entities || u.entities == made[best].entities && u.classes[0] < made[best].classes[0] {
			best = i
		}
	}
	if best < 0 {
		up(classes)
		return made
	}
	u := &made[best]
	u.classes = append(u.classes, classes...)
	slices.Sort(u.classes)
	u.entities += entities
	u.node = n // they are in different children of it, or would have met below
	return made
}

// record writes units of several classes into at.
func record(at []int32, made []unit) [][]int32 {
	made = slices.DeleteFunc(made, func(u unit) bool { return len(u.classes) == 1 })
	slices.SortFunc(made, func(a, b unit) int { return int(a.classes[0] - b.classes[0]) })
	var all []int32 // one piece of memory for all of them
	for _, u := range made {
		all = append(all, u.classes...)
	}
	var joined [][]int32
	for _, u := range made {
		n := len(u.classes)
		joined = append(joined, all[:n:n])
		all = all[n:]
		for _, c := range u.classes {
			at[c] = int32(len(joined))
		}
	}
	return joined
}
