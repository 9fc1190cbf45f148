package result

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/compute/standard"
	"github.com/weirdata/weir/compute/unit"
)

// indexOf is the index that an expression is, nil if there is none of its name.
func indexOf(e *sql.Expr) *standard.Index { return standard.IndexNamed(e.Text) }

// checkIndex refuses an index of what it is not made of.
func checkIndex(e *sql.Expr, c *sql.Compiled, d catalog.Descriptor) error {
	x := indexOf(e)
	if x == nil || len(e.Args) == 0 {
		return fmt.Errorf("%.80q of %d figures is no index", e.Text, len(e.Args))
	}
	for _, a := range e.Args {
		if a.Op != sql.ExprFigure || a.Of == nil || a.Of.Index < 0 || a.Of.Index >= len(c.Request.Select) {
			return fmt.Errorf("%s is made of something else than figures", x.Name)
		}
		m := d.MeasureNamed(c.Request.Select[a.Of.Index].Measure)
		if _, known := unit.Of(m.UCUM, m.Unit); !known || !slices.Contains(x.Takes, m.Pollutant) {
			return fmt.Errorf("%s is not made of measure %q", x.Name, m.Name)
		}
	}
	return nil
}

// index works an index out in a group: a number, or a text; neither where a figure is NULL, or
// the group has days of two editions of the standard.
func (w *figures) index(e *sql.Expr, group int) (*big.Rat, string) {
	x := indexOf(e)
	intervals := w.verdict.PeriodGroups[w.groups[group].Period].Intervals
	if len(intervals) == 0 {
		return nil, ""
	}
	g := w.descriptor.Grain
	first := calendar.Day.Format(g.Span(intervals[0].From, calendar.Day).From)
	last := calendar.Day.Format(g.Span(intervals[len(intervals)-1].To-1, calendar.Day).To - 1)
	if x.Dated && len(standard.ChangesWithin(first, last)) > 0 {
		return nil, ""
	}
	list := make([]standard.Concentration, 0, len(e.Args))
	for _, a := range e.Args {
		m := w.descriptor.MeasureNamed(w.query.Request.Select[a.Of.Index].Measure)
		q := w.column(*a.Of).figures[group]
		if q.Null() {
			return nil, ""
		}
		u, _ := unit.Of(m.UCUM, m.Unit)
		list = append(list, standard.Concentration{Pollutant: m.Pollutant, Unit: u, Value: q.Value})
	}
	return x.Of(list, first, e.Lake)
}
