package query

import "slices"

// included counts, for each released group, the entities of its parts that are not
// left out of every column in all of its periods.
func (r *result) included() []int {
	g := r.grid
	size := make([]int, len(g.verdict.Parts))
	for _, part := range g.assign {
		if part >= 0 {
			size[part]++
		}
	}
	out := make([]int, len(g.groups))
	periods := len(g.verdict.PeriodGroups)
	for i, p := range g.verdict.Parts {
		for j := range periods {
			if n := g.numbers[p.Group*periods+j]; n >= 0 {
				out[n] += size[i]
			}
		}
	}
	// What is left out is rare: only parts with exclusions are looked at.
	left := map[[2]int]periodSet{}
	for _, e := range g.verdict.Exclusions {
		key := [2]int{e.Part, e.Column}
		left[key] = newPeriodSet(append(slices.Clone(left[key]), e.Intervals...))
	}
	lost := map[int]bool{}
	for _, e := range g.verdict.Exclusions {
		if lost[e.Part] {
			continue
		}
		lost[e.Part] = true
		for j := range periods {
			n := g.numbers[g.verdict.Parts[e.Part].Group*periods+j]
			if n >= 0 && r.excludedAll(left, e.Part, j) {
				out[n] -= size[e.Part]
			}
		}
	}
	return out
}

// excludedAll reports whether a part is left out of every column in all periods of
// a period group that the version has.
func (r *result) excludedAll(left map[[2]int]periodSet, part, period int) bool {
	own := newPeriodSet(r.grid.verdict.PeriodGroups[period].Intervals)
	length := func(s periodSet) (n int) {
		for _, i := range s {
			from, to := r.grid.clip(i)
			n += to - from
		}
		return n
	}
	all := length(own)
	for c, kind := range r.grid.verdict.Columns {
		if kind.Measure == "" {
			continue // cells with any measure are left out of nothing
		}
		if length(own.intersect(left[[2]int{part, c}])) < all {
			return false
		}
	}
	return all > 0 && len(r.grid.verdict.Columns) > 0
}

// omitted counts the periods of a group in which a column is left out.
func (r *result) omitted(group int) int {
	if r.left == nil {
		r.left = map[int]periodSet{}
		for _, e := range r.grid.verdict.Exclusions {
			g := r.grid.verdict.Parts[e.Part].Group
			r.left[g] = append(r.left[g], e.Intervals...)
		}
		for g, list := range r.left {
			r.left[g] = newPeriodSet(list)
		}
	}
	at, n := r.grid.groups[group], 0
	own := newPeriodSet(r.grid.verdict.PeriodGroups[at.Period].Intervals)
	for _, i := range own.intersect(r.left[at.Entity]) {
		from, to := r.grid.clip(i)
		n += to - from
	}
	return n
}
