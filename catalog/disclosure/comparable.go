package disclosure

import (
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// First reports whether the source of a column and period in a dataset's next
// version would be the first of comparable ones, so that who counts has news
// (RELEASE.md section 2.3): no earlier source of a related column overlaps it, nor
// does one that settles before it in the same version. A chain of overlapping
// periods begins with one that overlaps, so it need not be followed. Squares and
// products are compared with their factors, which settle before them, and are
// never first. It is false for what the family does not have.
func (f *Family) First(dataset string, c Column, period int64) bool {
	m := f.member(dataset)
	if m == nil {
		return false
	}
	i := slices.Index(m.dataset.Columns(), c)
	if i < 0 {
		return false
	}
	first, conflict := f.first(m, i, period)
	return first && conflict == nil
}

func (f *Family) first(m *member, column int, period int64) (bool, *Conflict) {
	columns := m.dataset.Columns()
	c := columns[column]
	ref := columnRef{dataset: m.dataset.ID, column: c}
	first := true
	for _, before := range columns[:column] {
		if f.rule.related(f.relations, ref, columnRef{dataset: m.dataset.ID, column: before}) {
			first = false
		}
	}
	for _, other := range f.members {
		touched, nested := overlap(m.dataset.PolicyGrain, period, other.dataset.PolicyGrain)
		for _, s := range other.versions {
			if touched.From >= s.Closed.To || touched.To <= s.Closed.From {
				continue
			}
			for _, b := range s.Columns {
				if !f.rule.related(f.relations, ref, columnRef{dataset: other.dataset.ID, column: b}) {
					continue
				}
				if !nested {
					return false, &Conflict{
						Code: ConflictPeriods, Dataset: m.dataset.ID, Column: c, Other: other.dataset.ID, OtherColumn: b,
						Period: m.dataset.PolicyGrain.Format(period), OtherGrain: other.dataset.PolicyGrain,
					}
				}
				first = false
			}
		}
	}
	return first && c.Plain(), nil
}

// overlap are the periods of another grain that a period overlaps, and whether
// it nests with each: contains it or lies in it.
func overlap(grain calendar.Grain, period int64, other calendar.Grain) (touched calendar.Interval, nested bool) {
	own := grain.Span(period, calendar.Finest)
	touched = calendar.Interval{
		From: calendar.Finest.In(own.From, other), To: calendar.Finest.In(own.To-1, other) + 1,
	}
	first, last := other.Span(touched.From, calendar.Finest), other.Span(touched.To-1, calendar.Finest)
	return touched, nests(own, first) && nests(own, last)
}

// nests reports whether one of two intervals lies in the other.
func nests(a, b calendar.Interval) bool {
	return a.From <= b.From && b.To <= a.To || b.From <= a.From && a.To <= b.To
}
