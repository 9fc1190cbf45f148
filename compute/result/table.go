package result

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

// Input is what a result is made of: everything public, and the opened sums.
type Input struct {
	Descriptor catalog.Descriptor
	Layers     []plan.Layer // of the verdict, with their presence; of a join with that of both
	Verdict    catalog.Verdict
	Plan       *plan.Plan
	Sums       []int64 // Σ of encoded values, centred; element column·len(Groups)+group
	Nodes      int     // of the active set, each of which added noise; of no use to an exact query
	// Pieces are the names of the partition's pieces, in the order of their numbers, for a
	// query that groups by them. Where they are not known, pieces are numbered from 1.
	Pieces []string
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
// Rows of protected data carry their coverage (catalog.Coverage): Included[i] of the
// Of[i] entities that count in row i are in its figures, and for HeldBack[i] of these
// a correction is not. Rows of a private selection carry none: only the buyer knows
// it. Groups are those that were withheld, in the order of the verdict. Omitted is given when periods were kept out, Omitted[i] of row i's periods of the
// dataset for at least some entities and one of the measures.
// NotThere are the periods that the condition names, from one to another, and of which nothing that can
// be asked is published: a year of which six months are there has their figures alone.
// Bounds is set when a quantile is shown, and has in its place the two ends between
// which the reading of that rank lies, [low, high], and nil elsewhere; the figure is
// interpolated. Noise is set when the sums carry noise, and
// Interval95 then has, in the place of every noised figure, the half-width of its
// 95 % interval, and nil elsewhere. A noised figure is not clamped to what is
// possible: that would bias it. Its interval is: where it reaches beyond what so many readings
// within the declared range can give, Possible95 has the ends of the part that is possible,
// [low, high], and nil elsewhere. In is the private selector that all
// figures are within, Weights the private weights. Query, Checked and Receipt are the caller's to set.
type Table struct {
	Query      string              `json:"query,omitempty"`
	Columns    []Column            `json:"columns"`
	Rows       [][]any             `json:"rows"`
	Withheld   int                 `json:"withheld"` // groups not released
	Groups     []WithheldGroup     `json:"withheld_groups,omitempty"`
	Included   []int               `json:"included,omitempty"`
	Of         []int               `json:"of,omitempty"`
	HeldBack   []int               `json:"held_back,omitempty"`
	Omitted    []int               `json:"omitted_periods,omitempty"`
	NotThere   []string            `json:"periods_not_published,omitempty"`
	Noise      *Noised             `json:"noise,omitempty"`
	Bounds     [][]any             `json:"bounds,omitempty"`
	Interval95 [][]any             `json:"interval95,omitempty"`
	Possible95 [][]any             `json:"possible95,omitempty"`      // a row is nil where nothing is cut
	Clipped    []string            `json:"clipped_at_caps,omitempty"` // measures of which readings above their entity's cap were published as the cap
	In         *catalog.VectorUse  `json:"in,omitempty"`
	Weights    []catalog.VectorUse `json:"weights,omitempty"`
	Checked    *Checked            `json:"checked,omitempty"` // nil: it was not
	Receipt    any                 `json:"receipt,omitempty"`
}

// NewTable makes the result of a query from its opened sums. It returns a
// *CheckError, and no table, when any sum cannot be.
func NewTable(c *sql.Compiled, in Input) (*Table, error) {
	t, err := newTable(c, in)
	if err != nil {
		return nil, fmt.Errorf("making the result of a query on %s: %w", in.Verdict.Dataset, err)
	}
	return t, nil
}

func newTable(c *sql.Compiled, in Input) (*Table, error) {
	b, err := newBuilder(c, in)
	if err != nil {
		return nil, err
	}
	rows := b.rows()
	if c.Limit != nil && len(rows) > *c.Limit {
		rows = rows[:max(*c.Limit, 0)]
	}
	t := &Table{Columns: b.columnsOf(), Rows: make([][]any, 0, len(rows)), Withheld: len(in.Verdict.Withheld)}
	t.Groups = b.withheld()
	t.NotThere = notThere(in.Descriptor.Grain, c.Request.Grain(), c.Request.Periods, in.Verdict.PeriodGroups)
	t.In, t.Weights = vectorsOf(in.Verdict)
	t.Clipped = clippedIn(c, in.Descriptor.Policy)
	if in.Plan.Noise != nil {
		t.Noise = &Noised{Noise: *in.Verdict.Noise}
		if t.Noise.Sums, err = in.Plan.NoiseOf(in.Descriptor, in.Nodes); err != nil {
			return nil, err
		}
	}
	for _, group := range rows {
		t.Rows = append(t.Rows, b.row(group))
		if bounds := b.bounds(group); bounds != nil {
			t.Bounds = append(t.Bounds, bounds)
		}
		if t.Noise != nil {
			t.Interval95 = append(t.Interval95, b.intervals(group))
			t.Possible95 = append(t.Possible95, b.possible(group))
		}
		if n, covered := b.covered(group); covered {
			t.Included, t.Of, t.HeldBack = append(t.Included, n.Included), append(t.Of, n.Of), append(t.HeldBack, n.HeldBack)
		}
		if len(b.left) > 0 {
			t.Omitted = append(t.Omitted, b.omitted(group))
		}
	}
	if t.cutColumns() == nil {
		t.Possible95 = nil
	}
	return t, nil
}

// builder makes a table: it holds the figures of every released group.
type builder struct {
	query      *sql.Compiled
	grid       *plan.Grid
	verdict    catalog.Verdict
	groups     []catalog.GroupIndex   // released; of those that cycles join the first
	joined     [][]catalog.GroupIndex // what each group is joined of; nil: the query joins none
	cycles     [][]int64              // by period group, in each cycle of a query that joins
	present    []int64                // COUNT(*) of each group
	opened     map[catalog.Aggregate]*aggregateSums
	figures    *figures // of the groups, once they are joined
	descriptor catalog.Descriptor
	left       map[int]calendar.PeriodSet // by entity group: periods in which some of it is left out of some column
	pieces     []string                   // names
	values     map[string]*big.Rat        // of texts of dimensions; nil: none
}

func newBuilder(c *sql.Compiled, in Input) (*builder, error) {
	if err := checkCompiled(c, in.Descriptor); err != nil {
		return nil, err
	}
	g, err := plan.NewGrid(in.Descriptor, in.Layers, in.Verdict)
	if err != nil {
		return nil, err
	}
	b := &builder{query: c, grid: g, verdict: in.Verdict, groups: g.Groups, descriptor: in.Descriptor}
	if err := b.namePieces(in); err != nil {
		return nil, err
	}
	if err := b.checkShape(in); err != nil {
		return nil, err
	}
	b.left = g.LeftOut()
	o, err := openAll(c, in, g, b.describe)
	if err != nil {
		return nil, err
	}
	b.present, b.opened = o.present, o.opened
	if err := b.join(); err != nil {
		return nil, err
	}
	b.figures = &figures{query: c, descriptor: in.Descriptor, verdict: in.Verdict, groups: b.groups, present: b.present, opened: b.opened,
		dimension: b.dimension, worked: map[sql.Output]*column{}}
	return b, nil
}

// namePieces takes the names of the pieces.
func (b *builder) namePieces(in Input) error {
	asked := slices.ContainsFunc(b.query.Request.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPiece })
	if asked != plan.ByPiece(in.Verdict) {
		return fmt.Errorf("the verdict is by %d pieces, and the query does not say the same", in.Verdict.Pieces)
	}
	if len(in.Pieces) == b.grid.Pieces {
		b.pieces = in.Pieces
		return nil
	}
	if in.Pieces != nil {
		return fmt.Errorf("%d names for %d pieces", len(in.Pieces), b.grid.Pieces)
	}
	for i := range b.grid.Pieces {
		b.pieces = append(b.pieces, fmt.Sprintf("%02d", i+1))
	}
	return nil
}

// pieceOf is the number of a group's piece.
func (b *builder) pieceOf(group int) int {
	return group / (len(b.groups) / b.grid.Pieces)
}

// checkCompiled checks the indexes of a query that may have come from elsewhere.
func checkCompiled(c *sql.Compiled, d catalog.Descriptor) error {
	for i, o := range c.Output {
		if o.Index < 0 || o.Kind == sql.OutputDimension && o.Index >= len(c.Request.By) ||
			o.Kind == sql.OutputAggregate && o.Index >= len(c.Request.Select) ||
			o.Kind == sql.OutputExpression && o.Expr == nil || o.Kind == sql.OutputCycle && o.Index >= len(c.Cycles) ||
			o.Kind != sql.OutputDimension && o.Kind != sql.OutputCycle && o.Kind != sql.OutputAggregate && o.Kind != sql.OutputExpression {
			return fmt.Errorf("output column %d is of an unknown kind or index", i)
		}
	}
	for i, o := range c.Output {
		err := error(nil)
		switch o.Kind {
		case sql.OutputAggregate:
			err = checkOutput(c, o, d)
		case sql.OutputExpression:
			err = checkExpr(o.Expr, c, d, sql.MaxTokens)
		case sql.OutputDimension, sql.OutputCycle:
		}
		if err != nil {
			return fmt.Errorf("output column %d: %w", i, err)
		}
	}
	if err := checkCycles(c, d); err != nil {
		return err
	}
	if c.Having != nil {
		if err := checkHaving(c.Having, c, d, sql.MaxNesting); err != nil {
			return err
		}
	}
	for _, o := range c.Order {
		if o.Output < 0 || o.Output >= len(c.Output) {
			return fmt.Errorf("the order names output column %d of %d", o.Output, len(c.Output))
		}
	}
	for _, a := range c.Request.Select {
		weighs := a.Weight != "" && (a.Func == catalog.FuncSum || a.Func == catalog.FuncWavg && a.Measure != "")
		sums := a.Weight == "" && (a.Func == catalog.FuncCount || a.Measure != "" && a.Func != catalog.FuncWavg && aggregate.Makes(a.Func))
		if !weighs && !sums {
			return fmt.Errorf("%s is no aggregate that a result can show", a.Func)
		}
	}
	return nil
}

// checkShape checks that the parts of the input are of one query.
func (b *builder) checkShape(in Input) error {
	g := b.grid
	if in.Plan == nil || slices.ContainsFunc(in.Layers, func(l plan.Layer) bool { return l.Presence == nil }) {
		return fmt.Errorf("the plan or a presence is missing")
	}
	if !g.Fits(in.Plan) || len(in.Sums) != in.Plan.Width {
		return fmt.Errorf("the plan is another verdict's, or %d sums are not its %d", len(in.Sums), in.Plan.Width)
	}
	if err := g.CheckPresence(in.Descriptor); err != nil {
		return err
	}
	dimensions := 0
	for _, d := range b.query.Request.By {
		if d.OfEntities() {
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

// dimension is the value of a dimension of the request in a group.
func (b *builder) dimension(group, index int) string {
	if b.query.Request.By[index].Kind == catalog.DimPiece {
		return b.pieces[b.pieceOf(group)]
	}
	return b.publicDimension(b.groups[group], index)
}

// publicDimension is the value of a dimension in a group, released or not: one that is of no
// pieces.
func (b *builder) publicDimension(at catalog.GroupIndex, index int) string {
	by := b.query.Request.By
	if by[index].Kind == catalog.DimPeriod {
		return b.verdict.PeriodGroups[at.Period].Value
	}
	position := 0
	for _, d := range by[:index] {
		if d.OfEntities() {
			position++
		}
	}
	return b.verdict.EntityGroups[at.Entity].Values[position]
}

// describe names a group by its dimensions.
func (b *builder) describe(group int) string {
	if len(b.query.Request.By) == 0 {
		return "the whole"
	}
	var parts []string
	for i := range b.query.Request.By {
		parts = append(parts, b.dimension(group, i))
	}
	return strings.Join(parts, ", ")
}

// rows lists the groups with a present cell in the order of the result.
func (b *builder) rows() []int {
	var out []int
	for group := range b.groups {
		if b.present[group] > 0 && (b.query.Having == nil || b.figures.holds(b.query.Having, group) == isTrue) {
			out = append(out, group)
		}
	}
	slices.SortStableFunc(out, func(one, other int) int {
		for _, key := range b.query.Order {
			c := b.compare(b.query.Output[key.Output], one, other)
			if key.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		for i, d := range b.query.Request.By {
			if isPeriod(d) && b.joined != nil {
				continue
			}
			if c := b.compareDimension(i, one, other); c != 0 {
				return c
			}
		}
		for i := range b.query.Cycles {
			if c := cmp.Compare(b.cycle(one, i), b.cycle(other, i)); c != 0 {
				return c
			}
		}
		return 0
	})
	return out
}

func (b *builder) compare(o sql.Output, one, other int) int {
	if o.Kind == sql.OutputDimension {
		return b.compareDimension(o.Index, one, other)
	}
	if o.Kind == sql.OutputCycle {
		return cmp.Compare(b.cycle(one, o.Index), b.cycle(other, o.Index))
	}
	column := b.figures.column(o)
	if column.texts != nil {
		return strings.Compare(column.texts[one], column.texts[other])
	}
	return column.figures[one].Compare(column.figures[other])
}

// compareDimension orders two groups by a dimension: as texts, and where the descriptor says
// that it is a number by value, before which those come that have none.
func (b *builder) compareDimension(i, one, other int) int {
	x, y := b.dimension(one, i), b.dimension(other, i)
	if d := b.query.Request.By[i]; x == y || d.Kind != catalog.DimAttribute || !slices.Contains(b.descriptor.Numbers, d.Column) {
		return strings.Compare(x, y)
	}
	m, number := b.number(x)
	n, both := b.number(y)
	switch {
	case number && both:
		return cmp.Or(m.Cmp(n), strings.Compare(x, y))
	case number:
		return 1
	case both:
		return -1
	}
	return strings.Compare(x, y)
}

// number is the number that a text of a dimension is.
func (b *builder) number(text string) (*big.Rat, bool) {
	n, known := b.values[text]
	if !known {
		n, _ = decimal.Exact(text)
		if b.values == nil {
			b.values = map[string]*big.Rat{}
		}
		b.values[text] = n
	}
	return n, n != nil
}

func (b *builder) row(group int) []any {
	out := make([]any, len(b.query.Output))
	for i, o := range b.query.Output {
		switch o.Kind {
		case sql.OutputDimension:
			out[i] = b.dimension(group, o.Index)
		case sql.OutputCycle:
			out[i] = b.cycle(group, o.Index)
			if y := sql.CycleNamed(b.query.Cycles[o.Index]); y.Whole() {
				out[i] = y.Grain.Format(b.cycle(group, o.Index))
			}
		default:
			out[i], _ = b.figures.column(o).figure(group)
		}
	}
	return out
}

func (b *builder) columnsOf() []Column {
	out := []Column{}
	for _, o := range b.query.Output {
		switch {
		case o.Kind == sql.OutputCycle && sql.CycleNamed(b.query.Cycles[o.Index]).Whole():
			out = append(out, Column{Name: o.Name, Type: TypePeriod})
		case o.Kind == sql.OutputCycle:
			out = append(out, Column{Name: o.Name, Type: TypeInteger})
		case o.Kind != sql.OutputDimension:
			c := b.figures.column(o).Column
			c.Name = o.Name
			out = append(out, c)
		case b.query.Request.By[o.Index].Kind == catalog.DimPeriod:
			out = append(out, Column{Name: o.Name, Type: TypePeriod})
		default:
			out = append(out, Column{Name: o.Name, Type: TypeText})
		}
	}
	return out
}

// coverage is how many entities a group consists of. There is none of public data, nor of
// a private selection: the verdict's is of everybody in the group.
func (b *builder) coverage(at catalog.GroupIndex) (c catalog.Coverage, covered bool) {
	v := b.verdict
	if len(v.Coverage) == 0 || v.In != "" {
		return catalog.Coverage{}, false
	}
	return v.Coverage[at.Entity*len(v.PeriodGroups)+at.Period], true
}

// omitted counts the periods of a group in which a column is left out.
func (b *builder) omitted(group int) int {
	n := 0
	for _, at := range b.partsOf(group) {
		own := calendar.NewPeriodSet(b.verdict.PeriodGroups[at.Period].Intervals)
		for _, i := range own.Intersect(b.left[at.Entity]) {
			n += int(i.To - i.From)
		}
	}
	return n
}
