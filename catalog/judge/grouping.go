package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
)

// groupPeriods forms the period groups, ascending.
func (v *evaluation) groupPeriods() error {
	grain, d := v.request.Grain(), v.descriptor
	if grain == "" {
		v.verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: v.intervals}}
		return nil
	}
	if !d.GroupsBy(grain) {
		return catalog.Refuse(catalog.RefusedPolicy, "grain", "query.grain", grain, d.Dataset, d.Policy.Grain).
			WithField("by")
	}
	groups := []catalog.PeriodGroup{}
	last := int64(0)
	for _, i := range v.intervals {
		for from := i.From; from < i.To; {
			p := d.Grain.In(from, grain)
			to := min(i.To, grain.Span(p, d.Grain).To)
			if len(groups) == 0 || p != last {
				if len(groups) == catalog.MaxGroups {
					return tooManyGroups(catalog.MaxGroups + 1)
				}
				groups, last = append(groups, catalog.PeriodGroup{Value: grain.Format(p)}), p
			}
			g := &groups[len(groups)-1]
			g.Intervals = append(g.Intervals, calendar.Interval{From: from, To: to})
			from = to
		}
	}
	v.verdict.PeriodGroups = groups
	return nil
}

func tooManyGroups(atLeast int64) *catalog.Refusal {
	return catalog.Refuse(catalog.RefusedPolicy, "max_groups", "query.max_groups", atLeast, catalog.MaxGroups).
		WithNumber("groups", atLeast).WithNumber("max_groups", catalog.MaxGroups)
}

// groupEntities selects the entities and forms the entity groups, ordered by
// their values.
func (v *evaluation) groupEntities() error {
	if v.list != nil {
		return v.groupListed()
	}
	return v.groupRows(v.table)
}

// groupRows selects and groups the rows of a table.
func (v *evaluation) groupRows(table *tables.Table) error {
	v.assign = make([]int32, table.Rows())
	if v.request.Where != nil {
		for e, hit := range tables.Select(v.request.Where, table) {
			if !hit {
				v.assign[e] = -1
			}
		}
	}
	dims := slices.DeleteFunc(slices.Clone(v.request.By), func(d catalog.Dimension) bool { return !d.OfEntities() })
	if !refineAtOnce(v.assign, table, dims) {
		for _, d := range dims {
			refine(v.assign, table.Codes(d))
		}
	}
	groups := int(slices.Max(v.assign)) + 1 // refine leaves no gaps
	switch {
	case groups == 0:
		return catalog.Refuse(catalog.RefusedInvalid, catalog.RuleEmpty, "query.no_entity", v.version.Version, v.descriptor.Dataset).
			WithNumber("entities", int64(table.Rows())).WithField("where")
	case groups > catalog.MaxGroups:
		return tooManyGroups(int64(groups))
	}
	v.verdict.EntityGroups = make([]catalog.EntityGroup, groups)
	for e, g := range v.assign {
		if g < 0 {
			continue
		}
		group := &v.verdict.EntityGroups[g]
		if group.Of == 0 && len(dims) > 0 {
			group.Values = table.Values(e, dims)
		}
		group.Of++
	}
	return nil
}

// refineAtOnce splits the one group of an assignment by the values of all dimensions,
// as refine does for one after the other, where these have few. It reports whether that
// is so.
func refineAtOnce(assign []int32, table *tables.Table, dims []catalog.Dimension) bool {
	if len(dims) < 2 {
		return false
	}
	width := 1
	for _, d := range dims {
		values, _ := table.Distinct(d.Column)
		if width *= max(len(values), 1); d.Kind != catalog.DimAttribute || width > maxRefineTable {
			return false
		}
	}
	number := make([]int32, width)
	for i, d := range dims {
		values, _ := table.Distinct(d.Column)
		times := int32(len(values)) //nolint:gosec // at most maxRefineTable
		for e, code := range table.Codes(d) {
			if g := assign[e]; g >= 0 {
				assign[e] = g*times + int32(code) //nolint:gosec // less than width
				if i == len(dims)-1 {
					number[assign[e]] = 1
				}
			}
		}
	}
	renumber(number)
	for e, g := range assign {
		if g >= 0 {
			assign[e] = number[g]
		}
	}
	return true
}

// renumber numbers what is not 0, ascending.
func renumber(number []int32) {
	next := int32(0)
	for i, there := range number {
		if there != 0 {
			number[i] = next
			next++
		}
	}
}

// refine splits the groups of an assignment by codes and renumbers them, in the
// order of (group, code).
func refine(assign []int32, codes []uint32) {
	groups, width := int32(0), uint32(0)
	for e, g := range assign {
		if g >= 0 {
			groups, width = max(groups, g+1), max(width, codes[e]+1)
		}
	}
	if int64(groups)*int64(width) <= maxRefineTable {
		refineByTable(assign, codes, int(groups), int(width))
		return
	}
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

// maxRefineTable is the most pairs of group and code that are numbered by a table.
const maxRefineTable = 1 << 16

// refineByTable is refine where there are few groups and codes.
func refineByTable(assign []int32, codes []uint32, groups, width int) {
	number := make([]int32, groups*width)
	for e, g := range assign {
		if g >= 0 {
			number[int(g)*width+int(codes[e])] = 1
		}
	}
	renumber(number)
	for e, g := range assign {
		if g >= 0 {
			assign[e] = number[int(g)*width+int(codes[e])]
		}
	}
}

// groupName names a group by its values; "*" is everything that is selected.
func (v *evaluation) groupName(entity, period int) string {
	var parts []string
	i := 0
	for _, d := range v.request.By {
		name := d.Column
		switch d.Kind {
		case catalog.DimPeriod:
			if period >= 0 {
				parts = append(parts, fmt.Sprintf("%s %s", d.Grain, v.verdict.PeriodGroups[period].Value))
			}
			continue
		case catalog.DimPiece:
			continue
		case catalog.DimEntity:
			name = v.descriptor.Entity
		case catalog.DimAttribute:
		}
		parts = append(parts, fmt.Sprintf("%s %.80s", name, v.verdict.EntityGroups[entity].Values[i]))
		i++
	}
	if len(parts) == 0 {
		return "*"
	}
	return strings.Join(parts, ", ")
}
