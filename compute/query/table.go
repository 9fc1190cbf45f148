package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// Input is what a result is made of: everything public, and the opened sums.
type Input struct {
	Descriptor catalog.Descriptor
	Version    catalog.Version
	Verdict    catalog.Verdict
	Plan       *Plan
	Presence   Presence
	Sums       []int64 // Σ of encoded values, centred; element column·len(Groups)+group
	Nodes      int     // of the active set, each of which added noise; of no use to an exact query
}

// Types of result columns. Decimals are exact and printed as text: a sum with
// the decimals of its measure, an average to 12 places, halves away from zero.
const (
	TypeText    = "text"
	TypePeriod  = "period"
	TypeInteger = "integer"
	TypeDecimal = "decimal"
)

// Column describes one column of a result.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Unit string `json:"unit"` // of sums and averages; empty elsewhere
}

// Table is the result of a query. A cell is a string, an int64, or nil for NULL.
// What is missing is said: Included and Of are given when the policy kept
// entities out of some row, of row i Included[i] of Of[i] are in its figures, in
// some measure and period; Omitted when it kept out periods, Omitted[i] of row i's
// periods of the dataset for at least some entities and one of the measures.
// Bounds is set when a quantile is shown, and has in its place the two ends between
// which the reading of that rank lies, [low, high], and nil elsewhere; the figure is
// interpolated. Noise is set when the sums carry noise, and
// Interval95 then has, in the place of every noised figure, the half-width of its
// 95 % interval, and nil elsewhere. A noised figure is not clamped to what is
// possible: that would bias it. In is the private selector that all
// figures are within, Weights the private weights. Query and Receipt are the caller's to set.
type Table struct {
	Query      string              `json:"query,omitempty"`
	Columns    []Column            `json:"columns"`
	Rows       [][]any             `json:"rows"`
	Withheld   int                 `json:"withheld"` // groups not released
	Included   []int               `json:"included,omitempty"`
	Of         []int               `json:"of,omitempty"`
	Omitted    []int               `json:"omitted_periods,omitempty"`
	Noise      *Noised             `json:"noise,omitempty"`
	Bounds     [][]any             `json:"bounds,omitempty"`
	Interval95 [][]any             `json:"interval95,omitempty"`
	In         *catalog.VectorUse  `json:"in,omitempty"`
	Weights    []catalog.VectorUse `json:"weights,omitempty"`
	Receipt    any                 `json:"receipt,omitempty"`
}

// Table makes the result of a query from its opened sums. It returns a
// *CheckError, and no table, when any sum cannot be.
func (c *Compiled) Table(in Input) (*Table, error) {
	r, err := newResult(c, in)
	if err != nil {
		return nil, fmt.Errorf("making the result of a query on %s: %w", in.Verdict.Dataset, err)
	}
	rows := r.rows()
	if c.Limit != nil && len(rows) > *c.Limit {
		rows = rows[:max(*c.Limit, 0)]
	}
	t := &Table{Columns: r.columns(), Rows: make([][]any, 0, len(rows)), Withheld: len(in.Verdict.Withheld)}
	t.In, t.Weights = vectorsOf(in.Verdict)
	if t.Noise, err = noised(in); err != nil {
		return nil, fmt.Errorf("making the result of a query on %s: %w", in.Verdict.Dataset, err)
	}
	included := r.included()
	incomplete := slices.ContainsFunc(rows, func(g int) bool {
		return included[g] < in.Verdict.EntityGroups[r.grid.groups[g].Entity].Of
	})
	for _, group := range rows {
		t.Rows = append(t.Rows, r.row(group))
		if bounds := r.bounds(group); bounds != nil {
			t.Bounds = append(t.Bounds, bounds)
		}
		if t.Noise != nil {
			t.Interval95 = append(t.Interval95, r.intervals(group))
		}
		if incomplete {
			t.Included = append(t.Included, included[group])
			t.Of = append(t.Of, in.Verdict.EntityGroups[r.grid.groups[group].Entity].Of)
		}
		if len(in.Verdict.Exclusions) > 0 {
			t.Omitted = append(t.Omitted, r.omitted(group))
		}
	}
	return t, nil
}

// result holds the figures of every released group.
type result struct {
	query      *Compiled
	grid       *grid
	present    []int64                        // COUNT(*) of each group
	figures    map[string]figures             // by measure
	weighted   map[catalog.Aggregate]weighted // by measure and weight
	columnsOf  map[catalog.Column]*columnSums // opened for statistics
	worked     map[Output][]quantity
	descriptor catalog.Descriptor
	left       map[int]periodSet // by entity group: periods left out for some column
}

func newResult(c *Compiled, in Input) (*result, error) {
	if err := c.check(in.Descriptor); err != nil {
		return nil, err
	}
	g, err := newGrid(in.Descriptor, in.Version, in.Verdict)
	if err != nil {
		return nil, err
	}
	r := &result{query: c, grid: g, figures: map[string]figures{}, weighted: map[catalog.Aggregate]weighted{},
		columnsOf: map[catalog.Column]*columnSums{}, worked: map[Output][]quantity{}, descriptor: in.Descriptor}
	if err := r.checkShape(in); err != nil {
		return nil, err
	}
	if r.present, err = g.count(in.Presence, AnyMeasure, -1); err != nil {
		return nil, err
	}
	if in.Verdict.In != "" {
		if r.present, err = r.selected(in, "", r.present); err != nil {
			return nil, err
		}
	}
	for _, a := range c.Request.Select {
		if err := r.figure(in, a); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// check checks the indexes of a query that may have come from elsewhere.
func (c *Compiled) check(d catalog.Descriptor) error {
	for i, o := range c.Output {
		if o.Index < 0 || o.Kind == OutputDimension && o.Index >= len(c.Request.By) ||
			o.Kind == OutputAggregate && o.Index >= len(c.Request.Select) ||
			o.Kind != OutputDimension && o.Kind != OutputAggregate {
			return fmt.Errorf("output column %d is of an unknown kind or index", i)
		}
	}
	for i, o := range c.Output {
		if o.Kind != OutputAggregate {
			continue
		}
		if err := c.checkOutput(o, d); err != nil {
			return fmt.Errorf("output column %d: %w", i, err)
		}
	}
	if c.Having != nil {
		if err := c.Having.check(c, d, MaxNesting); err != nil {
			return err
		}
	}
	for _, o := range c.Order {
		if o.Output < 0 || o.Output >= len(c.Output) {
			return fmt.Errorf("the order names output column %d of %d", o.Output, len(c.Output))
		}
	}
	for _, a := range c.Request.Select {
		weighs := a.Weight != "" && (a.Func == fnSum || a.Func == fnWAvg && a.Measure != "")
		if !weighs && (a.Weight != "" || a.Func != fnCount && (a.Measure == "" || !slices.Contains(shown, a.Func))) {
			return fmt.Errorf("%s is no aggregate that a result can show", a.Func)
		}
	}
	return nil
}

// checkShape checks that the parts of the input are of one query.
func (r *result) checkShape(in Input) error {
	g := r.grid
	if in.Plan == nil || in.Presence == nil {
		return fmt.Errorf("the plan or the presence is missing")
	}
	if !slices.Equal(in.Plan.Groups, g.groups) || !slices.Equal(in.Plan.Columns, g.columns) || len(in.Sums) != in.Plan.Width ||
		(in.Plan.Noise != nil) != (in.Verdict.Noise != nil && len(g.columns) > 0) {
		return fmt.Errorf("the plan is another verdict's, or %d sums are not its %d", len(in.Sums), in.Plan.Width)
	}
	measures, entities, periods := in.Presence.Size()
	if measures != len(in.Descriptor.Measures) || entities != in.Version.Entities || periods != in.Version.Periods {
		return fmt.Errorf("the presence is of %d measures × %d entities × %d periods, the version of %d × %d × %d", measures,
			entities, periods, len(in.Descriptor.Measures), in.Version.Entities, in.Version.Periods)
	}
	dimensions := 0
	for _, d := range r.query.Request.By {
		if d.Kind != catalog.DimPeriod {
			dimensions++
		}
	}
	for i, group := range in.Verdict.EntityGroups {
		if len(group.Values) != dimensions {
			return fmt.Errorf("entity group %d has %d values for %d dimensions", i, len(group.Values), dimensions)
		}
	}
	return nil
}

// figure works out the counts, and where it is opened the checked sums, of an
// aggregate's measure.
func (r *result) figure(in Input, a catalog.Aggregate) error {
	if a.Weight != "" {
		return r.weigh(in, a)
	}
	if isStatistic(a) {
		return r.openStatistic(in, a)
	}
	f, done := r.figures[a.Measure]
	if a.Measure == "" || done && (f.sums != nil || a.Func == fnCount) {
		return nil
	}
	measure := slices.IndexFunc(in.Descriptor.Measures, func(m catalog.Measure) bool { return m.Name == a.Measure })
	if measure < 0 {
		return fmt.Errorf("the dataset has no measure %q", a.Measure)
	}
	column := r.grid.column(catalog.Column{Measure: a.Measure})
	if column < 0 && a.Func != fnCount {
		return fmt.Errorf("the verdict does not open %q", a.Measure)
	}
	f.measure = in.Descriptor.Measures[measure]
	var err error
	if f.counts, err = r.grid.count(in.Presence, measure, r.leaves(a.Measure)); err != nil {
		return err
	}
	if in.Verdict.In != "" {
		if f.counts, err = r.selected(in, a.Measure, f.counts); err != nil {
			return err
		}
	}
	if column >= 0 {
		if err := f.bound(in.Plan, column, in.Nodes); err != nil {
			return err
		}
		if err := f.decode(r.opened(in, column), r.describe); err != nil {
			return err
		}
	}
	r.figures[a.Measure] = f
	return nil
}

// dimension is the value of a dimension of the request in a group.
func (r *result) dimension(group, index int) string {
	at, by := r.grid.groups[group], r.query.Request.By
	if by[index].Kind == catalog.DimPeriod {
		return r.grid.verdict.PeriodGroups[at.Period].Value
	}
	position := 0
	for _, d := range by[:index] {
		if d.Kind != catalog.DimPeriod {
			position++
		}
	}
	return r.grid.verdict.EntityGroups[at.Entity].Values[position]
}

// describe names a group by its dimensions.
func (r *result) describe(group int) string {
	if len(r.query.Request.By) == 0 {
		return "the whole"
	}
	var parts []string
	for i := range r.query.Request.By {
		parts = append(parts, r.dimension(group, i))
	}
	return strings.Join(parts, ", ")
}

// rows lists the groups with a present cell in the order of the result.
func (r *result) rows() []int {
	var out []int
	for group := range r.grid.groups {
		if r.present[group] > 0 && (r.query.Having == nil || r.holds(r.query.Having, group) == isTrue) {
			out = append(out, group)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		for _, key := range r.query.Order {
			c := r.compare(r.query.Output[key.Output], a, b)
			if key.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		for i := range r.query.Request.By {
			if c := strings.Compare(r.dimension(a, i), r.dimension(b, i)); c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

func (r *result) compare(o Output, a, b int) int {
	if o.Kind == OutputDimension {
		return strings.Compare(r.dimension(a, o.Index), r.dimension(b, o.Index))
	}
	agg := r.query.Request.Select[o.Index]
	if o.derived() {
		list := r.quantities(o)
		return list[a].compare(list[b])
	}
	if agg.Weight != "" {
		return r.weightedOf(agg).compare(agg.Func, a, b)
	}
	if agg.Measure == "" {
		return cmp.Compare(r.present[a], r.present[b])
	}
	f := r.figures[agg.Measure]
	return f.compare(agg.Func, a, b)
}

func (r *result) row(group int) []any {
	var out []any
	for _, o := range r.query.Output {
		if o.Kind == OutputDimension {
			out = append(out, r.dimension(group, o.Index))
			continue
		}
		agg := r.query.Request.Select[o.Index]
		if o.derived() {
			out = append(out, r.derivedCell(o, group))
			continue
		}
		if agg.Weight != "" {
			out = append(out, r.weightedOf(agg).cell(agg.Func, group))
			continue
		}
		if agg.Measure == "" {
			out = append(out, r.present[group])
			continue
		}
		f := r.figures[agg.Measure]
		out = append(out, f.cell(agg.Func, group))
	}
	return out
}

func (r *result) columns() []Column {
	out := []Column{}
	for _, o := range r.query.Output {
		c := Column{Name: o.Name, Type: TypeText}
		if o.Kind == OutputAggregate {
			agg := r.query.Request.Select[o.Index]
			c.Type = TypeInteger
			if o.derived() {
				c.Type, c.Unit = r.derivedType(o)
			} else if agg.Weight != "" {
				c.Type, c.Unit = TypeDecimal, r.weightedOf(agg).unit(agg.Func)
			} else if agg.Func != fnCount {
				c.Type, c.Unit = TypeDecimal, r.figures[agg.Measure].measure.Unit
			}
		} else if r.query.Request.By[o.Index].Kind == catalog.DimPeriod {
			c.Type = TypePeriod
		}
		out = append(out, c)
	}
	return out
}
