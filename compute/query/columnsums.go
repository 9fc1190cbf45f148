package query

import (
	"fmt"
	"math/big"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// columnSums are the opened sums of one column of a verdict, by released group:
// of centred readings, their squares or products, or counts of a bucket.
type columnSums struct {
	counts []int64    // of the cells that are summed, from public presence
	sums   []*big.Int // centred, in units of the column's last decimal
	tail   *big.Int   // bound of the noise in a sum; 0 of exact ones
	half   *big.Int   // half-width of the 95 % interval of a sum; nil of exact ones
}

// exact reports whether the sums carry no noise.
func (c *columnSums) exact() bool { return c.half == nil }

// openColumns decodes and checks the columns of a statistic.
func (r *result) openColumns(in Input, a catalog.Aggregate) error {
	for _, c := range a.Columns(in.Descriptor) {
		if r.columnsOf[c] != nil {
			continue
		}
		sums, err := r.openColumn(in, c)
		if err != nil {
			return err
		}
		r.columnsOf[c] = sums
	}
	return nil
}

func (r *result) openColumn(in Input, c catalog.Column) (*columnSums, error) {
	column := r.grid.column(c)
	if column < 0 {
		return nil, fmt.Errorf("the verdict does not open %+v", c)
	}
	out := &columnSums{}
	var err error
	if out.counts, err = r.countCommon(in, c, column); err != nil {
		return nil, err
	}
	if out.tail, err = in.Plan.tail(column, in.Nodes); err != nil {
		return nil, err
	}
	if in.Plan.Noise != nil {
		if out.half, err = noise.Interval95(in.Plan.Noise[column], in.Nodes); err != nil {
			return nil, fmt.Errorf("interval of %s: %w", c.Measure, err)
		}
	}
	m := measureNamed(in.Descriptor, c.Measure)
	what, _, decimals := whatOf(c, m, measureNamed(in.Descriptor, c.Times))
	least, most := cellRange(c, m, in.Descriptor)
	for group, v := range r.opened(in, column) {
		sum, count := big.NewInt(v), big.NewInt(out.counts[group])
		low, high := new(big.Int).Mul(big.NewInt(least), count), new(big.Int).Mul(big.NewInt(most), count)
		low.Sub(low, out.tail)
		high.Add(high, out.tail)
		if sum.Cmp(low) < 0 || sum.Cmp(high) > 0 {
			return nil, &CheckError{Measure: c.Measure, What: what, Group: r.describe(group), Count: out.counts[group],
				Sum: decimalText(sum, decimals), Least: decimalText(low, decimals), Most: decimalText(high, decimals)}
		}
		out.sums = append(out.sums, sum)
	}
	return out, nil
}

// cellRange is what one cell may add to a column, centred.
func cellRange(c catalog.Column, m catalog.Measure, d catalog.Descriptor) (least, most int64) {
	switch {
	case c.Bucket > 0:
		return 0, 1
	case c.Times == c.Measure:
		return 0, c.Widest(d)
	case c.Joined(): // of the readings themselves: the corners of the two ranges
		y := measureNamed(d, c.Times)
		return min(m.Min*y.Min, m.Min*y.Max, m.Max*y.Min, m.Max*y.Max), max(m.Min*y.Min, m.Min*y.Max, m.Max*y.Min, m.Max*y.Max)
	case c.Times != "":
		return -c.Widest(d), c.Widest(d)
	}
	return m.Min - m.Mid(), m.Max - m.Mid()
}

// countCommon counts the cells that a column sums: where all its measures have a
// reading.
func (r *result) countCommon(in Input, c catalog.Column, column int) ([]int64, error) {
	measure := r.grid.columns[column]
	set := in.Presence.Bits(measure)
	for _, other := range [2]string{c.With, c.Times} {
		if other == "" || other == c.Measure {
			continue
		}
		i := measureAt(in.Descriptor, other)
		if i < 0 {
			return nil, fmt.Errorf("the dataset has no measure %q", other)
		}
		set = common(set, in.Presence.Bits(i))
	}
	return r.grid.countBits(set, measure, column)
}

func common(a, b *bitset.BitSet) *bitset.BitSet {
	if a == nil || b == nil {
		return nil
	}
	return a.Intersection(b)
}

// buckets are the columns of a measure's buckets, the lowest first.
func (r *result) buckets(a catalog.Aggregate) []*columnSums {
	var out []*columnSums
	for _, c := range a.Columns(r.descriptor) {
		out = append(out, r.columnsOf[c])
	}
	return out
}

// checkBuckets checks that exact buckets hold every reading once.
func (r *result) checkBuckets(a catalog.Aggregate) error {
	list := r.buckets(a)
	if len(list) == 0 || !list[0].exact() {
		return nil
	}
	for group, n := range list[0].counts {
		sum := new(big.Int)
		for _, b := range list {
			sum.Add(sum, b.sums[group])
		}
		if sum.Cmp(big.NewInt(n)) != 0 {
			return &CheckError{Measure: a.Measure, What: "counts of all buckets of " + a.Measure, Group: r.describe(group), Count: n,
				Sum: sum.String(), Least: fmt.Sprint(n), Most: fmt.Sprint(n)}
		}
	}
	return nil
}

// checkMoments checks what no readings can break: n·Σx² is no less than (Σx)², and
// of two measures the squared covariance no more than the product of variances.
func (r *result) checkMoments(a catalog.Aggregate) error {
	s := r.moments(a)
	if s.xx == nil || !s.xx.exact() {
		return nil
	}
	for group, n := range s.xx.counts {
		vx, vy, cov := s.spread(group)
		worse := vx.Sign() < 0 || vy.Sign() < 0
		if a.Func == catalog.FuncRegr {
			worse = worse || new(big.Int).Mul(cov, cov).Cmp(new(big.Int).Mul(vx, vy)) > 0
		}
		if worse && n > 0 {
			return &CheckError{Measure: a.Measure, What: "squares and products of " + a.Measure, Group: r.describe(group), Count: n,
				Sum: fmt.Sprintf("n·Σx² − (Σx)² = %s, n·Σy² − (Σy)² = %s, n·Σxy − Σx·Σy = %s", vx, vy, cov), Least: "0", Most: "what the others allow"}
		}
	}
	return nil
}

// moments are the columns of a statistic of one or two measures; yy and xy are nil
// for one.
type moments struct{ x, y, xx, yy, xy *columnSums }

func (r *result) moments(a catalog.Aggregate) moments {
	x, y := a.Measure, a.Other
	if a.Func == catalog.FuncVar {
		return moments{x: r.columnsOf[catalog.Column{Measure: x}], xx: r.columnsOf[catalog.Column{Measure: x, Times: x}]}
	}
	return moments{
		x: r.columnsOf[catalog.Column{Measure: x, With: y}], y: r.columnsOf[catalog.Column{Measure: y, With: x}],
		xy: r.columnsOf[catalog.Column{Measure: x, Times: y}],
		xx: r.columnsOf[catalog.Column{Measure: x, Times: x, With: y}], yy: r.columnsOf[catalog.Column{Measure: y, Times: y, With: x}],
	}
}

// spread is n·Σx² − (Σx)², the same of y, and n·Σxy − Σx·Σy, each 0 where its
// columns are not opened. They do not depend on what the readings are centred on.
func (s moments) spread(group int) (vx, vy, cov *big.Int) {
	n := big.NewInt(s.x.counts[group])
	of := func(product, a, b *columnSums) *big.Int {
		if product == nil || a == nil || b == nil {
			return new(big.Int)
		}
		out := new(big.Int).Mul(n, product.sums[group])
		return out.Sub(out, new(big.Int).Mul(a.sums[group], b.sums[group]))
	}
	return of(s.xx, s.x, s.x), of(s.yy, s.y, s.y), of(s.xy, s.x, s.y)
}
