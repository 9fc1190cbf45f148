package plan

import (
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// classColumn is what an exclusion is of, whatever the layer: a column of a part.
type classColumn struct{ part, column int }

// LeftOut are, by entity group, the periods in which some column is left out of some part
// of it in every layer.
func (g *Grid) LeftOut() map[int]calendar.PeriodSet {
	left := map[classColumn]calendar.PeriodSet{}
	for _, l := range g.layers {
		for key, set := range l.leftOut() {
			left[key] = append(left[key], set...)
		}
	}
	taken := map[classColumn]calendar.PeriodSet{}
	for _, l := range g.layers {
		for key, set := range l.takenOf(left) {
			taken[key] = append(taken[key], set...)
		}
	}
	out := map[int]calendar.PeriodSet{}
	for key := range left {
		group := g.verdict.Parts[key.part].Group
		out[group] = append(out[group], calendar.NewPeriodSet(taken[key]).Complement(g.extent())...)
	}
	for group, list := range out {
		out[group] = calendar.NewPeriodSet(list)
	}
	return out
}

// leftOut are the periods that a layer leaves out of columns of classes.
func (g *gridLayer) leftOut() map[classColumn]calendar.PeriodSet {
	out := map[classColumn]calendar.PeriodSet{}
	for _, e := range g.layer.Exclusions {
		e.Each(len(g.verdict.Columns), len(g.verdict.Parts), func(column, part int) {
			key := classColumn{part, column}
			out[key] = append(out[key], e.Intervals...)
		})
	}
	return out
}

// takenOf are the periods that a layer takes of those columns of classes of which some
// layer leaves something out.
func (g *gridLayer) takenOf(columns map[classColumn]calendar.PeriodSet) map[classColumn]calendar.PeriodSet {
	left := g.leftOut()
	extent := calendar.Interval{From: g.first, To: g.first + int64(len(g.periodOf))}
	out := map[classColumn]calendar.PeriodSet{}
	for key := range columns {
		if g.layer.Has(key.part) {
			out[key] = calendar.NewPeriodSet(slices.Clone(left[key])).Intersect(calendar.PeriodSet{extent}).Complement(extent)
		}
	}
	return out
}
