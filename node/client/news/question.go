package news

import (
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/disclosure"
)

// maxHeld bounds the sums that are held at a time, in sources.
const maxHeld = 2048

// question is what FindNews is asked, and who cannot be asked about.
type question struct {
	disclosure.NewsQuestion
	all   []int           // all columns, where they hang together by more than one declared group
	over  []bool          // nil, or entities with a sum that is no int64
	index map[earlier]int // by dataset and column alone
}

// question puts one to FindNews.
func (w *finding) question(c disclosure.Column, period int64, list []earlier, fresh []int32) (*question, error) {
	q := &question{index: map[earlier]int{}}
	unit := w.unitOf(w.own, c)
	source := func(x earlier, r *Record) (disclosure.NewsSource, error) {
		d := w.f.dataset(x.Dataset)
		span := d.PolicyGrain.Span(x.period, d.Grain)
		s, err := w.sumsOf(x, r)
		if err != nil {
			return disclosure.NewsSource{}, err
		}
		out := disclosure.NewsSource{
			Column: q.column(w, x, r, c, unit), Period: finest(d.PolicyGrain, x.period), Manifest: x.manifest,
			Periods: int(span.To - span.From), Sums: s.sum, Cells: s.cells,
		}
		for e, over := range s.over {
			if over && e < w.own.Entities {
				if q.over == nil {
					q.over = make([]bool, w.own.Entities)
				}
				q.over[e] = true
			}
		}
		return out, nil
	}
	for _, x := range list {
		r, err := w.recordOf(x)
		if err != nil {
			return nil, err
		}
		s, err := source(x, r)
		if err != nil {
			return nil, err
		}
		s.InUnit = w.inUnit(x)
		q.Earlier = append(q.Earlier, s)
	}
	var err error
	if q.Source, err = source(earlier{Edition{Dataset: w.dataset.ID}, len(w.f.Settled), c, period}, w.own); err != nil {
		return nil, err
	}
	q.New = fresh
	if c.Plain() {
		q.findTotals(w)
	}
	return q, nil
}

// sumsOf are an earlier source's sums. Those of another period are needed again and
// again, so they are held for a while.
func (w *finding) sumsOf(x earlier, r *Record) (sums, error) {
	s, known := w.sums[x]
	if !known {
		if len(w.sums) >= maxHeld {
			clear(w.sums)
		}
		d := w.f.dataset(x.Dataset)
		var err error
		if s, err = r.sumsOf(x.column, d.PolicyGrain.Span(x.period, d.Grain)); err != nil {
			return s, err
		}
		w.sums[x] = s
	}
	return s, nil
}

// inUnit are the entities that were in a unit of a source. Of one that settles with the
// version that is published it is taken that all are: to declare too little is safe.
func (w *finding) inUnit(x earlier) disclosure.Bits {
	out, known := w.units[x]
	if known {
		return out
	}
	if x.manifest == len(w.f.Settled) {
		for e := range w.own.Entities {
			out = out.Set(e)
		}
	} else {
		s := w.f.version(x.Edition)
		source := s.Source(x.column, x.period)
		for class, members := range w.classes {
			if class < s.Classes && source.InUnit(int32(class)) { //nolint:gosec // classes are at most the rows of a registry
				for _, e := range members {
					out = out.Set(int(e))
				}
			}
		}
	}
	if len(w.units) >= maxHeld {
		clear(w.units)
	}
	w.units[x] = out
	return out
}

// unit is in what a column's sums are: the texts of its measures' units, and how many
// decimals they have together.
type unit struct {
	text     string
	decimals int
}

func (w *finding) unitOf(r *Record, c disclosure.Column) unit {
	a := r.Column(c.Measure)
	if a == nil {
		return unit{}
	}
	if c.Plain() {
		return unit{a.Unit, a.Decimals}
	}
	b := r.Column(c.With)
	if b == nil {
		return unit{}
	}
	units := []string{a.Unit, b.Unit}
	slices.Sort(units)
	return unit{strings.Join(units, "·"), a.Decimals + b.Decimals}
}

// quantity names what a column tells of: columns of one quantity have one name.
func quantity(c disclosure.Column) string {
	if c.Plain() {
		return c.Measure
	}
	return min(c.Measure, c.With) + "·" + max(c.Measure, c.With)
}

// column is the index of an earlier source's column among the question's. Columns of
// the same unit as the one asked about are declared to be so, of others the ratio is
// found from the readings. Between a measure and a square or product nothing but a fixed
// multiple is looked for: what else a moment tells, the measure's own sources tell.
func (q *question) column(w *finding, x earlier, r *Record, asked disclosure.Column, own unit) int {
	key := earlier{Edition: Edition{Dataset: x.Dataset}, column: x.column}
	at, known := q.index[key]
	if known {
		return at
	}
	at = len(q.Columns)
	q.index[key] = at
	u := w.unitOf(r, x.column)
	const most = 9 // decimals that FindNews takes; what is over is in the unit
	n := disclosure.NewsColumn{Measure: quantity(x.column), Decimals: min(u.decimals, most), Factor: x.column.Plain() != asked.Plain()}
	if u.text == own.text {
		n.Num, n.Den = 1, 1
		for range u.decimals - n.Decimals {
			n.Den *= 10
		}
	}
	q.Columns = append(q.Columns, n)
	return at
}

// findTotals finds the declared groups of three and more of which columns are among the
// question's.
func (q *question) findTotals(w *finding) {
	var names []string
	for _, c := range q.Columns {
		if !slices.Contains(names, c.Measure) {
			names = append(names, c.Measure)
		}
	}
	whole := len(names) < 3
	for _, d := range w.f.Datasets {
		for _, group := range d.Related {
			var found []int
			var of []string
			for i, c := range q.Columns {
				if !slices.ContainsFunc(group, func(name string) bool { return measureName(name) == c.Measure }) {
					continue
				}
				found = append(found, i)
				if !slices.Contains(of, c.Measure) {
					of = append(of, c.Measure)
				}
			}
			if len(of) >= 3 {
				q.Totals = append(q.Totals, found)
				whole = whole || len(of) == len(names)
			}
		}
	}
	if !whole {
		for i := range q.Columns {
			q.all = append(q.all, i)
		}
	}
}

// measureName is the measure of a name in related, which may be of another dataset.
func measureName(related string) string {
	_, measure, other := strings.Cut(related, ".")
	if other {
		return measure
	}
	return related
}
