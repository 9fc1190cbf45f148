package result

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

// CheckError is a sum that cannot be: it lies outside the number of present
// cells times the declared range, so something was damaged on the way, or the
// publisher's readings are not what it declared. No figure of the query may be
// shown.
type CheckError struct {
	Measure string
	What    string // which sum; empty: of the measure's readings
	Group   string // its dimensions, for a person
	Count   int64
	Sum     string // as it came out, in the measure's unit
	Least   string // count × the declared bounds
	Most    string
}

// Error implements error.
func (e *CheckError) Error() string {
	what := e.What
	if what == "" {
		what = "sum of " + e.Measure
	}
	return fmt.Sprintf("the %s over %d readings (%s) came out as %s, and must lie from %s to %s; no figure is printed",
		what, e.Count, e.Group, e.Sum, e.Least, e.Most)
}

// columnSums are the opened sums of one column of a verdict, by released group, in units
// of the column's last decimal: of readings, of centred readings' squares or products, of
// the readings of a bucket, or of weights.
type columnSums struct {
	counts []int64 // of the cells that are summed
	sums   []*big.Int
	can    [][2]*big.Int // least and greatest that each can be
	half   *big.Int      // half-width of the 95 % interval of a sum; nil of exact ones
}

// aggregateSums are the sums of one aggregate of the request; nil are those that it does
// not take.
type aggregateSums struct {
	x, y                  catalog.Measure // y of weights: their name and decimals
	counts                []int64         // of the cells that are summed
	sx, sy, sxx, syy, sxy *columnSums
	buckets               []*columnSums
	entities              []int64     // that have a cell; nil: nobody asks for it
	noised                *columnSums // the one that carries noise, or of buckets the first; nil: none does, or several
}

// opener decodes the opened sums of a verdict, by its released groups, and checks each. What of them is joined comes after.
type opener struct {
	in       Input
	query    *sql.Compiled
	grid     *plan.Grid
	describe func(group int) string // for a person

	present []int64 // COUNT(*) of each group
	columns map[catalog.Column]*columnSums
	opened  map[catalog.Aggregate]*aggregateSums
}

// openAll opens the sums of all aggregates of a query.
func openAll(c *sql.Compiled, in Input, g *plan.Grid, describe func(group int) string) (o *opener, err error) {
	o = &opener{in: in, query: c, grid: g, describe: describe, columns: map[catalog.Column]*columnSums{}, opened: map[catalog.Aggregate]*aggregateSums{}}
	if o.present, err = g.Count(plan.AnyMeasure, -1); err != nil {
		return nil, err
	}
	if in.Verdict.In != "" {
		if o.present, err = o.selected("", o.present); err != nil {
			return nil, err
		}
	}
	for _, a := range c.Request.Select {
		if err := o.open(a); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// open decodes the sums of an aggregate, each checked against what it can be.
func (o *opener) open(a catalog.Aggregate) error {
	if o.opened[a] != nil {
		return nil
	}
	s := &aggregateSums{x: o.in.Descriptor.MeasureNamed(a.Measure), y: o.in.Descriptor.MeasureNamed(a.Other)}
	columns := a.Columns(o.in.Descriptor)
	var err error
	switch {
	case a.Weight != "":
		err = o.openWeighted(a, s)
	case a.Measure == "":
		s.counts = o.present
		if slices.ContainsFunc(o.query.Figures(), func(of *sql.Output) bool { return of.Form == aggregate.FormEntities }) {
			s.entities, err = o.grid.CountEntities()
		}
	case len(columns) == 0:
		s.counts, err = o.countMeasure(a.Measure)
	default:
		err = o.openColumns(columns, s)
	}
	if err != nil {
		return err
	}
	o.opened[a] = s
	return o.checkTogether(a, s)
}

// countMeasure counts the cells of a measure of which no sum is opened.
func (o *opener) countMeasure(measure string) ([]int64, error) {
	i := o.in.Descriptor.MeasureIndex(measure)
	if i < 0 {
		return nil, fmt.Errorf("the dataset has no measure %q", measure)
	}
	counts, err := o.grid.Count(i, o.leaves(measure))
	if err != nil || o.in.Verdict.In == "" {
		return counts, err
	}
	return o.selected(measure, counts)
}

func (o *opener) openColumns(columns []catalog.Column, s *aggregateSums) error {
	noised := 0
	for _, c := range columns {
		sums, err := o.openColumn(c)
		if err != nil {
			return err
		}
		switch ofX := c.Measure == s.x.Name; {
		case c.Bucket > 0:
			s.buckets = append(s.buckets, sums)
		case c.Times != "" && c.Times != c.Measure:
			s.sxy = sums
		case c.Times != "" && ofX:
			s.sxx = sums
		case c.Times != "":
			s.syy = sums
		case ofX:
			s.sx = sums
		default:
			s.sy = sums
		}
		if sums.half != nil && c.Bucket <= 1 { // all buckets of a measure have one law
			noised++
			s.noised = sums
		}
		s.counts = sums.counts
	}
	if noised > 1 {
		s.noised = nil
	}
	return nil
}

// openColumn decodes and checks one column, Σx = Σ(x − mid) + mid·n. Aggregates of the same
// sums share it.
func (o *opener) openColumn(c catalog.Column) (*columnSums, error) {
	if known := o.columns[c]; known != nil {
		return known, nil
	}
	column := o.grid.Column(c)
	if column < 0 {
		return nil, fmt.Errorf("the verdict does not open %+v", c)
	}
	s := &columnSums{}
	var err error
	if s.counts, err = o.grid.CountColumn(o.in.Descriptor, column); err != nil {
		return nil, err
	}
	if o.in.Verdict.In != "" {
		if s.counts, err = o.selected(c.Measure, s.counts); err != nil {
			return nil, err
		}
	}
	l, err := s.limits(o.in, c, column)
	if err != nil {
		return nil, err
	}
	mid := int64(0)
	if c.Times == "" && c.Bucket == 0 {
		mid = o.in.Descriptor.MeasureNamed(c.Measure).Mid()
	}
	if err := s.decode(o, column, l, mid, s.cells); err != nil {
		return nil, err
	}
	o.columns[c] = s
	return s, nil
}

// decode reads the opened numbers of a column as the sums that they stand for, Σt·x =
// Σt·(x − mid) + mid·Σt, and checks each. times are Σt of a group.
func (s *columnSums) decode(o *opener, column int, l limits, mid int64, times func(group int) *big.Int) error {
	for group, v := range o.numbers(column) {
		n := times(group)
		sum := new(big.Int).Mul(big.NewInt(mid), n)
		can := [2]*big.Int{new(big.Int).Mul(l.least, n), new(big.Int).Mul(l.most, n)}
		if err := o.within(l, sum.Add(sum, big.NewInt(v)), can, s.counts[group], group); err != nil {
			return err
		}
		s.sums, s.can = append(s.sums, sum), append(s.can, can)
	}
	return nil
}

// cells is how many cells of a group are summed.
func (s *columnSums) cells(group int) *big.Int { return big.NewInt(s.counts[group]) }

// limits are what the sums of a column can be, and notes their interval.
func (s *columnSums) limits(in Input, c catalog.Column, column int) (limits, error) {
	d := in.Descriptor
	x, y := d.MeasureNamed(c.Measure), d.MeasureNamed(c.Times)
	what, _, decimals := plan.ColumnText(c, x, y)
	l := limits{measure: c.Measure, what: what, decimals: decimals}
	least, most := int64(0), c.Widest(d) // of squares, and of a bucket
	switch {
	case c.Joined(): // of the readings themselves: the corners of the two ranges
		corners := []int64{x.Min * y.Min, x.Min * y.Max, x.Max * y.Min, x.Max * y.Max}
		least, most = slices.Min(corners), slices.Max(corners)
	case c.Times != "" && c.Times != c.Measure:
		least = -most
	case c.Times == "" && c.Bucket == 0:
		l.what, least, most = "", x.Min, x.Max
	}
	l.least, l.most = big.NewInt(least), big.NewInt(most)
	return l, l.noise(s, in, column)
}

// limits are what one cell may add to the sums of a column, and how far noise may move
// them.
type limits struct {
	measure, what string // for a person
	decimals      int
	least, most   *big.Int
	tail          *big.Int
}

// noise notes how far the noise of a column's sums may go, and their interval.
func (l *limits) noise(s *columnSums, in Input, column int) (err error) {
	if l.tail, err = in.Plan.Tail(column, in.Nodes); err != nil || in.Plan.Noise == nil {
		return err
	}
	if s.half, err = noise.Interval95(in.Plan.Noise[column], in.Nodes); err != nil {
		return fmt.Errorf("interval of %s: %w", l.measure, err)
	}
	return nil
}

// within checks a sum over count cells against what it can be, and the noise beside it.
func (o *opener) within(l limits, sum *big.Int, can [2]*big.Int, count int64, group int) error {
	least, most := new(big.Int).Sub(can[0], l.tail), new(big.Int).Add(can[1], l.tail)
	if sum.Cmp(least) >= 0 && sum.Cmp(most) <= 0 {
		return nil
	}
	text := func(v *big.Int) string { return decimal.Fixed(v, l.decimals) }
	return &CheckError{Measure: l.measure, What: l.what, Group: o.describe(group), Count: count, Sum: text(sum), Least: text(least), Most: text(most)}
}

// checkTogether checks sums against each other, where they are exact: buckets hold every
// reading once, and squares and products are those of some readings.
func (o *opener) checkTogether(a catalog.Aggregate, s *aggregateSums) error {
	for group, n := range s.counts {
		switch {
		case len(s.buckets) > 0 && s.noised == nil:
			sum := new(big.Int)
			for _, one := range s.buckets {
				sum.Add(sum, one.sums[group])
			}
			if sum.Cmp(big.NewInt(n)) != 0 {
				return &CheckError{Measure: a.Measure, What: "counts of all buckets of " + a.Measure, Group: o.describe(group), Count: n,
					Sum: sum.String(), Least: fmt.Sprint(n), Most: fmt.Sprint(n)}
			}
		case s.sxx != nil && s.sxx.half == nil:
			if impossible := s.at(group).Impossible(); impossible != "" {
				return &CheckError{Measure: a.Measure, What: "squares and products of " + a.Measure, Group: o.describe(group), Count: n,
					Sum: impossible, Least: "0", Most: "what the others allow"}
			}
		}
	}
	return nil
}

func (s *aggregateSums) entitiesOf(group int) int64 {
	if s.entities == nil {
		return 0
	}
	return s.entities[group]
}

// at are the sums of a group. Those of products are of centred readings, but for joined
// datasets and weights, where no sums of x and y alone are opened beside them:
// Σxy = Σ(x−p)(y−q) + p·Σy + q·Σx − p·q·n.
func (s *aggregateSums) at(group int) aggregate.Sums {
	of := func(c *columnSums) *big.Int {
		if c == nil {
			return nil
		}
		return c.sums[group]
	}
	product := func(c *columnSums, x, y *big.Int, p, q int64) *big.Int {
		if c == nil || x == nil || y == nil {
			return of(c)
		}
		sum := new(big.Int).Mul(big.NewInt(p), y)
		sum.Add(sum, new(big.Int).Mul(big.NewInt(q), x))
		pqn := new(big.Int).Mul(big.NewInt(p), big.NewInt(q))
		return sum.Add(sum, of(c)).Sub(sum, pqn.Mul(pqn, big.NewInt(s.counts[group])))
	}
	x, y, p, q := of(s.sx), of(s.sy), s.x.Mid(), s.y.Mid()
	out := aggregate.Sums{N: s.counts[group], Entities: s.entitiesOf(group), MeasureX: s.x, MeasureY: s.y, X: x, Y: y,
		XX: product(s.sxx, x, x, p, p), YY: product(s.syy, y, y, q, q), XY: product(s.sxy, x, y, p, q)}
	for _, c := range s.buckets {
		out.Buckets = append(out.Buckets, c.sums[group])
	}
	if s.noised != nil {
		out.Half, out.Can = s.noised.half, s.noised.can[group]
	}
	return out
}
