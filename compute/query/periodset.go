package query

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// periodSet is a set of periods in canonical form: ascending, disjoint,
// non-empty intervals that do not touch.
type periodSet []catalog.Interval

func newPeriodSet(list []catalog.Interval) periodSet {
	sorted := slices.DeleteFunc(slices.Clone(list), func(i catalog.Interval) bool { return i.To <= i.From })
	slices.SortFunc(sorted, func(a, b catalog.Interval) int { return cmp.Compare(a.From, b.From) })
	var out periodSet
	for _, i := range sorted {
		if n := len(out); n > 0 && i.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, i.To)
			continue
		}
		out = append(out, i)
	}
	return out
}

func (s periodSet) union(o periodSet) periodSet {
	return newPeriodSet(append(slices.Clip(s), o...))
}

func (s periodSet) intersect(o periodSet) periodSet {
	var out periodSet
	for i, j := 0, 0; i < len(s) && j < len(o); {
		if from, to := max(s[i].From, o[j].From), min(s[i].To, o[j].To); from < to {
			out = append(out, catalog.Interval{From: from, To: to})
		}
		if s[i].To < o[j].To {
			i++
		} else {
			j++
		}
	}
	return out
}

// within is what all holds and s does not.
func (s periodSet) within(all catalog.Interval) periodSet {
	var out periodSet
	from := all.From
	for _, i := range s {
		out = append(out, catalog.Interval{From: from, To: i.From})
		from = i.To
	}
	return newPeriodSet(append(out, catalog.Interval{From: from, To: all.To}))
}
