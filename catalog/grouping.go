package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// groupPeriods forms the period groups, ascending.
func (v *evaluation) groupPeriods() *Refusal {
	grain, d := v.request.grain(), v.descriptor
	if grain == "" {
		v.verdict.PeriodGroups = []PeriodGroup{{Intervals: v.intervals}}
		return nil
	}
	if !d.Policy.Public && grain.Finer(d.Policy.Grain) {
		r := refuse(RefusedPolicy, "grain", "the query groups by %s; the finest period of a group of dataset %s is a %s", grain, d.Dataset, d.Policy.Grain).
			withFix("group by date_trunc('%s', period)", d.Policy.Grain)
		r.Field = "by"
		return r
	}
	groups := []PeriodGroup{}
	last := int64(0)
	for _, i := range v.intervals {
		for from := i.From; from < i.To; {
			p := d.Grain.In(from, grain)
			to := min(i.To, grain.Span(p, d.Grain).To)
			if len(groups) == 0 || p != last {
				if len(groups) == MaxGroups {
					return tooManyGroups(MaxGroups + 1)
				}
				groups, last = append(groups, PeriodGroup{Value: grain.Format(p)}), p
			}
			g := &groups[len(groups)-1]
			g.Intervals = append(g.Intervals, Interval{From: from, To: to})
			from = to
		}
	}
	v.verdict.PeriodGroups = groups
	return nil
}

func tooManyGroups(atLeast int64) *Refusal {
	return refuse(RefusedPolicy, "max_groups", "the query forms %d groups or more, at most %d are released at a time", atLeast, MaxGroups).
		withFix("group by fewer dimensions or coarser periods, or ask in parts").
		withNumber("groups", atLeast).withNumber("max_groups", MaxGroups)
}

// groupEntities selects the entities and forms the entity groups, ordered by
// their values. With kin it does so for the whole registry, so that entities that
// the version does not have yet stay with their own kind when classes are cut.
func (v *evaluation) groupEntities() *Refusal {
	t, n := v.table, v.table.Rows()
	if v.kin != nil {
		t = v.whole
	}
	selected := v.request.Where.Select(t)
	v.reach = make([]int32, len(selected))
	for e, hit := range selected {
		if v.reach[e] = -1; hit {
			v.reach[e] = 0
		}
	}
	dims := slices.DeleteFunc(slices.Clone(v.request.By), func(d Dimension) bool { return d.Kind == DimPeriod })
	for _, d := range dims {
		refine(v.reach, t.codes(d))
	}
	groups := keepGroups(v.reach, n)
	v.assign = v.reach[:n:n]
	switch {
	case groups == 0:
		r := refuse(RefusedInvalid, RuleEmpty, "no entity of version %d of dataset %s meets the condition", v.version.Version, v.descriptor.Dataset).
			withFix("ask for a wider condition, or without one").withNumber("entities", int64(n))
		r.Field = "where"
		return r
	case groups > MaxGroups:
		return tooManyGroups(int64(groups))
	}
	v.verdict.EntityGroups = make([]EntityGroup, groups)
	for e, g := range v.assign {
		if g < 0 {
			continue
		}
		group := &v.verdict.EntityGroups[g]
		if group.Of == 0 && len(dims) > 0 {
			group.Values = v.table.values(e, dims)
		}
		group.Of++
	}
	return nil
}

// keepGroups renumbers the groups that the first n entities are in, in the same
// order; entities of others are in none. It returns how many are left.
func keepGroups(assign []int32, n int) int {
	most := int32(-1)
	for _, g := range assign {
		most = max(most, g)
	}
	number := slices.Repeat([]int32{-1}, int(most+1))
	for _, g := range assign[:n] {
		if g >= 0 {
			number[g] = 0
		}
	}
	groups := int32(0)
	for g := range number {
		if number[g] == 0 {
			number[g] = groups
			groups++
		}
	}
	for e, g := range assign {
		if g >= 0 {
			assign[e] = number[g]
		}
	}
	return int(groups)
}

// codes are a dimension's values as numbers in the order of the values.
func (t *Table) codes(d Dimension) []uint32 {
	if d.Kind == DimEntity {
		return t.ranks[:t.n]
	}
	return t.attrs[slices.Index(t.columns, d.Column)].codes[:t.n]
}

// values are the values of the dimensions at row e.
func (t *Table) values(e int, dims []Dimension) []string {
	out := make([]string, len(dims))
	for i, d := range dims {
		if d.Kind == DimEntity {
			out[i] = t.ids[e]
		} else {
			out[i] = t.Value(e, slices.Index(t.columns, d.Column))
		}
	}
	return out
}

// refine splits the groups of an assignment by codes and renumbers them, in the
// order of (group, code).
func refine(assign []int32, codes []uint32) {
	key := func(e int) uint64 { return uint64(assign[e])<<32 | uint64(codes[e]) } //nolint:gosec // asked for assign ≥ 0
	keys := make([]uint64, 0, len(assign))
	for e, g := range assign {
		if g >= 0 {
			keys = append(keys, key(e))
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	for e, g := range assign {
		if g >= 0 {
			i, _ := slices.BinarySearch(keys, key(e))
			assign[e] = int32(i) //nolint:gosec // at most MaxRegistryRows
		}
	}
}

// groupName writes a group for a message.
func (v *evaluation) groupName(entity, period int) string {
	var parts []string
	i := 0
	for _, d := range v.request.By {
		name := d.Column
		switch d.Kind {
		case DimPeriod:
			if period >= 0 {
				parts = append(parts, fmt.Sprintf("%s %s", d.Grain, v.verdict.PeriodGroups[period].Value))
			}
			continue
		case DimEntity:
			name = v.descriptor.Entity
		case DimAttribute:
		}
		parts = append(parts, fmt.Sprintf("%s %.80s", name, v.verdict.EntityGroups[entity].Values[i]))
		i++
	}
	if len(parts) == 0 {
		return "all selected entities"
	}
	return strings.Join(parts, ", ")
}
