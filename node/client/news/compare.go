package news

import "github.com/weirdata/weir/catalog/disclosure"

// compare holds the cells of a source against the dataset's earlier versions. fresh are
// per entity its cells that none of them has, same[i] the entities all of whose cells
// are as in w.before[i], absent ones included. Of a version whose record is lost nobody
// is the same, and complete is false: what is fresh is not known then.
func (w *finding) compare(c disclosure.Column, period int64) (fresh []int32, same []disclosure.Bits, complete bool, err error) {
	span := w.span(period)
	records := make([]*Record, len(w.before))
	same = make([]disclosure.Bits, len(w.before))
	complete = true
	for i, at := range w.before {
		if s := w.f.version(at); s.Source(c, period) == nil {
			continue // this column's cells there were never in a source
		}
		if records[i], err = w.record(at); err != nil {
			return nil, nil, false, err
		}
		if records[i] == nil || !records[i].Knows(span) {
			w.lost[at] = true
			records[i], complete = nil, false
		}
	}
	fresh = make([]int32, w.own.Entities)
	differs := make([][]bool, len(records))
	for i := range differs {
		differs[i] = make([]bool, w.own.Entities)
	}
	for p := span.From; p < span.To; p++ {
		if err := w.comparePeriod(c, p, records, fresh, differs); err != nil {
			return nil, nil, false, err
		}
	}
	for i, r := range records {
		if r == nil {
			continue
		}
		for e, d := range differs[i] {
			if !d {
				same[i] = same[i].Set(e)
			}
		}
	}
	return fresh, same, complete, nil
}

// pair is a cell of a column: one reading, or one of each factor.
type pair struct {
	a, b       int64
	hasA, hasB bool
}

// whole reports whether the column has a cell there.
func (p pair) whole() bool { return p.hasA && p.hasB }

// pairs are the cells of a column in one period.
type pairs struct {
	a, b  Line
	plain bool // b is a
}

// pairs reads a period, counted from First and maybe outside; with scratch as Line.
func (r *Record) pairs(c disclosure.Column, period int, scratch *[2][]int64) (out pairs, err error) {
	out.plain = c.Plain()
	if out.a, err = r.Line(r.Column(c.Measure), period, scratch[0]); err == nil && !out.plain {
		out.b, err = r.Line(r.Column(c.With), period, scratch[1])
	}
	return out, err
}

func (p pairs) of(entity int) (out pair) {
	out.a, out.hasA = p.a.cell(entity)
	if out.b, out.hasB = out.a, out.hasA; !p.plain {
		out.b, out.hasB = p.b.cell(entity)
	}
	return out
}

// comparePeriod compares one period of the dataset's grain.
func (w *finding) comparePeriod(c disclosure.Column, period int64, records []*Record, fresh []int32, differs [][]bool) error {
	now, err := w.own.pairs(c, int(period-w.own.First), new([2][]int64))
	if err != nil {
		return err
	}
	before := make([]pairs, len(records))
	for i, r := range records {
		if r == nil {
			continue
		}
		if before[i], err = r.pairs(c, int(period-r.First), new([2][]int64)); err != nil {
			return err
		}
	}
	for e := range w.own.Entities {
		own := now.of(e)
		isNew := own.whole()
		for i, r := range records {
			if r == nil {
				continue
			}
			there := before[i].of(e)
			if there == own {
				isNew = false
			} else {
				differs[i][e] = true
			}
		}
		if isNew {
			fresh[e]++
		}
	}
	return nil
}
