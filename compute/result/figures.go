package result

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/sql"
)

// checkOutput refuses an output that its aggregate cannot show; it may have come
// from elsewhere.
func checkOutput(c *sql.Compiled, o sql.Output, d catalog.Descriptor) error {
	if o.Kind != sql.OutputAggregate || o.Index < 0 || o.Index >= len(c.Request.Select) {
		return fmt.Errorf("there is no aggregate %d", o.Index)
	}
	a := c.Request.Select[o.Index]
	f := aggregate.Of(a.Func, o.Form)
	switch {
	case f == nil:
		return fmt.Errorf("%q is not made of %s", o.Form, a.Func)
	case a.Other != "" && o.Argument != a.Measure && o.Argument != a.Other:
		return fmt.Errorf("%q is no measure of %s(%s, %s)", o.Argument, a.Func, a.Measure, a.Other)
	case o.Relative != "" && o.Relative != aggregate.RelativeShare && o.Relative != aggregate.RelativeYear:
		return fmt.Errorf("nothing is shown relative to %q", o.Relative)
	}
	m := d.MeasureNamed(a.Measure)
	if f.PerBucket && (o.Bucket < 1 || o.Bucket > m.BucketCount()) {
		return fmt.Errorf("%s has no bucket %d", a.Measure, o.Bucket)
	}
	if f.Arguments == aggregate.Fraction || f.Arguments == aggregate.BucketBound {
		if _, ok := f.Arguments.Number(m, o.Argument); !ok {
			return fmt.Errorf("there is no %s of %s at %q", o.Form, a.Measure, o.Argument)
		}
	}
	return nil
}

// figures works out what a result shows of the opened sums, of every group.
type figures struct {
	query      *sql.Compiled
	descriptor catalog.Descriptor
	verdict    catalog.Verdict // whose noise the sums carry
	groups     []catalog.GroupIndex
	present    []int64 // COUNT(*) of each group
	opened     map[catalog.Aggregate]*aggregateSums
	dimension  func(group, index int) string
	worked     map[sql.Output]*column
}

// function is what an output shows, and of which measures in the order in which they were
// written.
func (w *figures) function(o sql.Output) (f *aggregate.Function, s *aggregateSums) {
	a := w.query.Request.Select[o.Index]
	s = w.opened[a]
	if a.Other != "" && o.Argument == a.Other {
		s = &aggregateSums{x: s.y, y: s.x, counts: s.counts, sx: s.sy, sy: s.sx, sxx: s.syy, syy: s.sxx, sxy: s.sxy, noised: s.noised}
	}
	return aggregate.Of(a.Func, o.Form), s
}

// column is what a table shows of one output in all groups.
type column struct {
	Column
	figures      []aggregate.Quantity
	texts        []string // of a column of texts, "" for NULL; nil: it is one of figures
	places       int      // of decimals
	interpolated bool
}

// column is worked out once for an output.
func (w *figures) column(o sql.Output) *column {
	key := o.Figure()
	if known := w.worked[key]; known != nil {
		return known
	}
	if key.Kind == sql.OutputExpression {
		c := w.computed(key.Expr)
		w.worked[key] = c
		return c
	}
	f, s := w.function(key)
	c := &column{Column: Column{Type: TypeDecimal}, places: aggregate.AvgPlaces}
	w.worked[key] = c
	if key.Relative != "" {
		base := key
		base.Relative = ""
		c.figures = w.relativeTo(key.Relative, w.column(base).figures)
		return c
	}
	if f.Places != nil {
		c.places = f.Places(s.x, s.y)
	}
	if f.Interpolated { // within a bucket; what is behind the measure's own decimals says nothing
		c.places = s.x.Decimals
	}
	if f.Unit != nil {
		c.Unit = f.Unit(s.x, s.y)
	}
	if f.Integer {
		c.Type, c.places = TypeInteger, 0
	}
	c.interpolated = f.Interpolated
	number, _ := aggregate.ParseNumber(key.Argument) // checked by checkOutput, where it is one
	for group := range w.groups {
		sums := s.at(group)
		sums.Number, sums.Bucket = number, key.Bucket
		c.figures = append(c.figures, f.Value(sums))
	}
	return c
}

// figure is an output in a group, int64, text, or nil for NULL, and the half-width of its
// 95 % interval, nil where none is stated.
func (c *column) figure(group int) (value, interval any) {
	if c.texts != nil {
		if c.texts[group] == "" {
			return nil, nil
		}
		return c.texts[group], nil
	}
	q := c.figures[group]
	if q.Null() {
		return nil, nil
	}
	if q.Half != nil {
		interval = q.Interval(c.places)
	}
	if c.Type == TypeInteger {
		return q.Value.Num().Int64(), interval // counts of cells, and sums of at most MaxSum
	}
	return q.Text(c.places), interval
}

// possible are, where a row's intervals reach beyond what is possible, the ends of the part
// that is, in the order of its cells; nil where none does.
func (b *builder) possible(group int) (out []any) {
	for i, o := range b.query.Output {
		if o.Kind == sql.OutputDimension || o.Kind == sql.OutputCycle {
			continue
		}
		c := b.figures.column(o)
		if c.texts != nil {
			continue
		}
		if low, high, cut := c.figures[group].Possible(c.places); cut {
			if out == nil {
				out = make([]any, len(b.query.Output))
			}
			out[i] = [2]string{low, high}
		}
	}
	return out
}

// bounds are the ends between which the readings at a row's quantiles lie, in the
// order of its cells; nil when no quantile is shown.
func (b *builder) bounds(group int) []any {
	var out []any
	for i, o := range b.query.Output {
		if o.Kind != sql.OutputAggregate || !b.figures.column(o).interpolated {
			continue
		}
		if out == nil {
			out = make([]any, len(b.query.Output))
		}
		if q := b.figures.column(o).figures[group]; !q.Null() {
			places := b.descriptor.MeasureNamed(b.query.Request.Select[o.Index].Measure).Decimals
			out[i] = [2]string{q.Bound[0].FloatString(places), q.Bound[1].FloatString(places)}
		}
	}
	return out
}

// boundColumns are the columns that have bounds in some row.
func (t *Table) boundColumns() []int {
	var out []int
	for i := range t.Columns {
		if slices.ContainsFunc(t.Bounds, func(row []any) bool { return row[i] != nil }) {
			out = append(out, i)
		}
	}
	return out
}

// endTexts are the two ends that lists of them have in a row, empty where there are none.
func endTexts(list [][]any, row, column int) (low, high string) {
	if list[row] == nil {
		return "", ""
	}
	ends, _ := list[row][column].([2]string)
	return ends[0], ends[1]
}

// boundWords say what the bounds in a table mean.
func (t *Table) boundWords() string {
	if t.boundColumns() == nil {
		return ""
	}
	words := "(a to b): the reading of that rank lies between a and b, the ends of its bucket; the figure is interpolated\n"
	if t.Noise != nil {
		words = fmt.Sprintf("%s; with the noise, the ends of the buckets in which it may lie when every count is within its 95 %% interval\n", words[:len(words)-1])
	}
	return words
}
