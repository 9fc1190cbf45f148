package news

import (
	"fmt"
	"math/bits"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
)

// Record is what a publisher keeps of a version: all its readings. Cell (entity e,
// period p) stands at p·Entities + e, p counting from First.
type Record struct {
	Version  int
	Entities int
	First    int64 // first period of the version, in the dataset's grain
	Periods  int
	// Unknown is how many of the first periods this record has nothing of: a version that
	// was appended to on a machine without the record of the one before.
	Unknown int
	Columns []Column
}

// Column is a measure of a record.
type Column struct {
	Measure  string
	Unit     string
	Decimals int
	Mid      int64          // of the range: a reading is Values + Mid, in units of 10^-Decimals
	Values   *spill.Numbers // 0 where there is none
	Present  *bitset.BitSet // which cells hold a reading
}

// RecordOf is the record of a version that has a panel's readings, but for those of
// its first unknown periods. It shares the panel's cells.
func RecordOf(d catalog.Descriptor, p *panel.Panel, version, unknown int) *Record {
	r := &Record{Version: version, Entities: len(p.Entities), First: p.First, Periods: p.Periods, Unknown: unknown}
	for m, c := range p.Columns {
		of := d.Measures[m]
		r.Columns = append(r.Columns, Column{
			Measure: of.Name, Unit: of.Unit, Decimals: of.Decimals, Mid: of.Mid(), Values: c.Values, Present: c.Present,
		})
	}
	return r
}

// Column is the column of a measure, nil when the record has none.
func (r *Record) Column(measure string) *Column {
	for i := range r.Columns {
		if r.Columns[i].Measure == measure {
			return &r.Columns[i]
		}
	}
	return nil
}

// Fits reports whether the record is of the version.
func (r *Record) Fits(v catalog.Version, d catalog.Descriptor) bool {
	if r == nil || r.Version != v.Version || r.Entities != v.Entities || r.First != v.First || r.Periods != v.Periods || len(r.Columns) != len(d.Measures) {
		return false
	}
	for m, c := range r.Columns {
		of := d.Measures[m]
		if c.Measure != of.Name || c.Decimals != of.Decimals || c.Mid != of.Mid() {
			return false
		}
	}
	return true
}

// Knows reports whether the record has every period of an interval of the dataset's
// grain that the version has.
func (r *Record) Knows(span calendar.Interval) bool {
	return span.From >= r.First+int64(r.Unknown) || span.To <= r.First || r.Unknown == 0
}

// within are the version's own periods of an interval, counted from First.
func (r *Record) within(span calendar.Interval) (from, to int) {
	clamp := func(at int64) int { return int(min(max(at-r.First, int64(r.Unknown)), int64(r.Periods))) }
	return clamp(span.From), clamp(span.To)
}

// Line is one period of a column.
type Line struct {
	values  []int64 // nil: nothing is known of the period
	present *bitset.BitSet
	from    int
	mid     int64
}

// Line reads a period of a column, counted from First; it may lie outside, and the column
// may be nil: there are no readings then. The line is in the memory of scratch where this
// is long enough, and there until scratch is used again.
func (r *Record) Line(c *Column, period int, scratch []int64) (Line, error) {
	if c == nil || period < r.Unknown || period >= r.Periods {
		return Line{}, nil
	}
	if cap(scratch) < r.Entities {
		scratch = make([]int64, r.Entities)
	}
	l := Line{values: scratch[:r.Entities], present: c.Present, from: period * r.Entities, mid: c.Mid}
	if err := c.Values.Read(l.from, l.values); err != nil {
		return Line{}, fmt.Errorf("read the record of version %d: %w", r.Version, err)
	}
	return l, nil
}

// cell is the reading of an entity in units of 10^-Decimals and whether there is one.
func (l Line) cell(entity int) (int64, bool) {
	v, has := l.Value(entity)
	if !has {
		return 0, false
	}
	return v + l.mid, true
}

// Value is the encoded reading of an entity, as a panel has it, and whether there is one.
func (l Line) Value(entity int) (int64, bool) {
	if entity >= len(l.values) || !l.present.Test(uint(l.from+entity)) { //nolint:gosec // not negative
		return 0, false
	}
	return l.values[entity], true
}

// has reports whether an entity has a reading in a period, which counts from First and
// may lie outside.
func (r *Record) has(c *Column, entity, period int) bool {
	return c != nil && entity < r.Entities && period >= r.Unknown && period < r.Periods && c.Present.Test(uint(period*r.Entities+entity)) //nolint:gosec // not negative
}

// check refuses sizes that no version has.
func (r *Record) check() error {
	switch {
	case r.Version < 1, r.Entities < 1, r.Periods < 1, r.Unknown < 0, r.Unknown > r.Periods, len(r.Columns) < 1, len(r.Columns) > catalog.MaxColumns:
		return fmt.Errorf("%w: version %d, %d measures of %d entities and %d periods", ErrRecord, r.Version, len(r.Columns), r.Entities, r.Periods)
	case r.Entities > tiles.MaxCells/r.Periods, len(r.Columns) > tiles.MaxCells/(r.Entities*r.Periods):
		return fmt.Errorf("%w: %d measures of %d entities and %d periods are more than %d cells", ErrRecord, len(r.Columns), r.Entities, r.Periods, tiles.MaxCells)
	}
	return nil
}

// sums are what the entities have in one source: exact sums and how many cells.
type sums struct {
	sum   []int64
	cells []int32
	over  []bool // nil, or whose sum is no int64
}

// sumsOf are the sums of a column in the periods of an interval of the dataset's grain.
func (r *Record) sumsOf(c disclosure.Column, span calendar.Interval) (sums, error) {
	out := sums{sum: make([]int64, r.Entities), cells: make([]int32, r.Entities)}
	scratch := [2][]int64{make([]int64, r.Entities)}
	if !c.Plain() {
		scratch[1] = make([]int64, r.Entities)
	}
	from, to := r.within(span)
	for p := from; p < to; p++ {
		line, err := r.pairs(c, p, &scratch)
		if err != nil {
			return out, err
		}
		for e := range r.Entities {
			x := line.of(e)
			if !x.whole() {
				continue
			}
			v, fits := x.a, true
			if !c.Plain() {
				v, fits = product(x.a, x.b)
			}
			s := out.sum[e] + v
			if !fits || (s < out.sum[e]) != (v < 0) {
				if out.over == nil {
					out.over = make([]bool, r.Entities)
				}
				out.over[e], s = true, 0
			}
			out.sum[e] = s
			out.cells[e]++
		}
	}
	return out, nil
}

// product of two readings, and whether it is an int64.
func product(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > 1<<62 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // the magnitude of every int64 is a uint64
	}
	return uint64(v)
}
