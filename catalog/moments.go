package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// releasedColumn is an exact column that was released: a sum, or with Other the
// sum of the product of two measures (DESIGN section 8, point 5).
type releasedColumn struct {
	Dataset string `json:"dataset"`
	Measure string `json:"measure"`
	Other   string `json:"other,omitempty"`
	With    string `json:"with,omitempty"` // only cells in which it has a reading
}

func (c releasedColumn) moment() bool { return c.Other != "" }

// burdens say what was released exactly of each class. Of the periods only the
// hull is kept, from the first to the last one released: a few bytes a class and
// column however many releases there were. A period in the hull that was not
// released makes p larger than it had to be, never smaller.
type burdens struct {
	columns []releasedColumn
	hulls   [][]Interval // class → column → periods of the dataset's policy grain; empty: never
}

type burdensRecord struct {
	Format  int              `json:"v"`
	Columns []releasedColumn `json:"columns,omitempty"`
	Classes int              `json:"classes"`
	Hulls   []byte           `json:"hulls,omitempty"` // by class and column: length, and if it is not 0 the first period
}

const burdensFormat = 1

// maxHull bounds the periods in a record, far beyond those of any calendar, so that
// no interval ends before it begins.
const maxHull = 1 << 40

func (b *burdens) encode() []byte {
	r := burdensRecord{Format: burdensFormat, Columns: b.columns, Classes: len(b.hulls)}
	for _, class := range b.hulls {
		for i := range b.columns {
			h := class[i]
			r.Hulls = binary.AppendUvarint(r.Hulls, uint64(h.To-h.From)) //nolint:gosec // never negative
			if h.To > h.From {
				r.Hulls = binary.AppendVarint(r.Hulls, h.From)
			}
		}
	}
	return encode(r)
}

func decodeBurdens(r burdensRecord) (*burdens, error) {
	if r.Format != burdensFormat || r.Classes < 0 || r.Classes > MaxRegistryRows+1 {
		return nil, fmt.Errorf("released columns of format %d, %d classes", r.Format, r.Classes)
	}
	b := &burdens{columns: r.Columns, hulls: make([][]Interval, r.Classes)}
	rest := r.Hulls
	for c := range b.hulls {
		b.hulls[c] = make([]Interval, len(b.columns))
		for i := range b.columns {
			length, n := binary.Uvarint(rest)
			if n <= 0 || length > maxHull {
				return nil, errors.New("released columns: a period is missing or no period")
			}
			rest = rest[n:]
			if length == 0 {
				continue
			}
			from, n := binary.Varint(rest)
			if n <= 0 || from < -maxHull || from > maxHull {
				return nil, errors.New("released columns: a period is missing or no period")
			}
			rest = rest[n:]
			b.hulls[c][i] = Interval{From: from, To: from + int64(length)} //nolint:gosec // bounded above
		}
	}
	if len(rest) > 0 {
		return nil, errors.New("released columns: bytes are left")
	}
	return b, nil
}

// heavy reports whether any moment was released: without one, p is 1.
//
// Sums alone do not add up. Σx and Σy over a class are equations in different
// unknowns, so no number of them says more about x than Σx does; every
// combination of released sums is still, measure by measure, a combination of
// class sums. A square or product ties the columns together: then all columns of
// the class and period count, its sums included.
func (b *burdens) heavy(more []releasedColumn) bool {
	return slices.ContainsFunc(b.columns, releasedColumn.moment) || slices.ContainsFunc(more, releasedColumn.moment)
}

// weight is p: how many distinct exact columns are released for the class in a
// period of the grain, with those of more; 1 while none of them is a moment.
// grain tells the grain of a dataset's policy.
func (b *burdens) weight(class int, period int64, in Grain, more []releasedColumn, grain func(dataset string) Grain) int {
	n, moment := 0, false
	if class < len(b.hulls) {
		for i, c := range b.columns {
			if overlaps(in, period, grain(c.Dataset), b.hulls[class][i]) && !slices.Contains(more, c) {
				n++
				moment = moment || c.moment()
			}
		}
	}
	if !moment && !slices.ContainsFunc(more, releasedColumn.moment) {
		return 1
	}
	return n + len(more)
}

// joint reports whether a sum over the common cells of two measures was released of
// the class in a period of the grain.
func (b *burdens) joint(class int, period int64, in Grain, grain func(dataset string) Grain) bool {
	if class >= len(b.hulls) {
		return false
	}
	for i, c := range b.columns {
		if c.With != "" && overlaps(in, period, grain(c.Dataset), b.hulls[class][i]) {
			return true
		}
	}
	return false
}

// overlaps reports whether a period of one grain has a part in an interval of
// another.
func overlaps(in Grain, period int64, of Grain, i Interval) bool {
	if of.Finer(in) {
		span := in.Span(period, of)
		return span.From < i.To && i.From < span.To && i.From < i.To
	}
	at := in.In(period, of)
	return i.From <= at && at < i.To
}

// grown has every class up to so many; those in parents, the numbers of which
// follow, inherit what was released of the class they were cut from.
func (b *burdens) grown(classes int, parents []int32) *burdens {
	out := &burdens{columns: slices.Clone(b.columns), hulls: make([][]Interval, 0, classes)}
	for _, h := range b.hulls {
		out.hulls = append(out.hulls, slices.Clone(h))
	}
	for len(out.hulls) < classes-len(parents) {
		out.hulls = append(out.hulls, make([]Interval, len(b.columns)))
	}
	for _, p := range parents {
		out.hulls = append(out.hulls, slices.Clone(out.hulls[p]))
	}
	return out
}

// covers reports whether all that is in the hulls already.
func (b *burdens) covers(class int, column releasedColumn, span Interval) bool {
	i := slices.Index(b.columns, column)
	if i < 0 || class >= len(b.hulls) {
		return false
	}
	h := b.hulls[class][i]
	return h.From <= span.From && span.To <= h.To
}

// extend notes the release of a column of a class.
func (b *burdens) extend(class int, column releasedColumn, span Interval) {
	i := slices.Index(b.columns, column)
	if i < 0 {
		i = len(b.columns)
		b.columns = append(b.columns, column)
		for c := range b.hulls {
			b.hulls[c] = append(b.hulls[c], Interval{})
		}
	}
	h := &b.hulls[class][i]
	if h.From == h.To {
		*h = span
		return
	}
	h.From, h.To = min(h.From, span.From), max(h.To, span.To)
}
