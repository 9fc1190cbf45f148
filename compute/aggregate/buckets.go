package aggregate

import (
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// bucket is how many readings lie in the bucket that is asked for.
func (s Sums) bucket() Quantity {
	q := Quantity{Value: new(big.Rat).SetInt(s.Buckets[s.Bucket-1])}
	if s.Half != nil {
		q.Half, q.Can = new(big.Rat).SetInt(s.Half), s.readings()
	}
	return q
}

// readings are the least and the greatest number of readings that can be in buckets.
func (s Sums) readings() [2]*big.Rat { return [2]*big.Rat{new(big.Rat), s.count()} }

// exceedance is the share of the readings that lie in the buckets above a bound. The
// interval of their sum is no wider than those of the counts together.
func (s Sums) exceedance() Quantity {
	if s.N == 0 {
		return Quantity{}
	}
	at := slices.IndexFunc(s.MeasureX.Buckets, func(b string) bool {
		bound, ok := ParseNumber(b)
		return ok && bound.Cmp(s.Number) == 0
	})
	above, sum := s.Buckets[at+1:], new(big.Int)
	for _, c := range above {
		sum.Add(sum, c)
	}
	q := Quantity{Value: new(big.Rat).SetInt(sum)}
	if s.Half != nil {
		q.Half, q.Can = new(big.Rat).SetInt(new(big.Int).Mul(s.Half, big.NewInt(int64(len(above))))), s.readings()
	}
	return q.over(s.count())
}

// quantile of the readings.
func (s Sums) quantile(q *big.Rat) Quantity {
	return quantile(s.Buckets, bucketEdges(s.MeasureX), q, s.N, s.Half)
}

// bucketEdges are the lower and upper ends of a measure's buckets: bucket i lies
// from edges[i] to edges[i+1], counted from 0. The outermost are the range's.
func bucketEdges(m catalog.Measure) []*big.Rat {
	edges := []int64{m.Min}
	for _, b := range m.BucketBounds() {
		edges = append(edges, min(max(b, m.Min), m.Max))
	}
	out := make([]*big.Rat, 0, len(edges)+1)
	for _, e := range append(edges, m.Max) {
		out = append(out, ratOf(big.NewInt(e), m.Decimals))
	}
	return out
}

// quantile finds the bucket in which the reading of rank ⌈q·n⌉ lies (SQL's
// PERCENTILE_DISC) and interpolates linearly inside it. The reading itself lies
// between the bucket's ends, which are the bound. Of noised counts, negative ones
// count as 0 for the figure; the bound spans the buckets in which the reading lies
// when every count is within its 95 % interval.
func quantile(counts []*big.Int, edges []*big.Rat, q *big.Rat, n int64, half *big.Int) Quantity {
	if n == 0 {
		return Quantity{}
	}
	total := new(big.Int)
	positive := make([]*big.Int, len(counts))
	for i, c := range counts {
		positive[i] = c
		if c.Sign() < 0 {
			positive[i] = new(big.Int)
		}
		total.Add(total, positive[i])
	}
	if total.Sign() == 0 {
		return Quantity{}
	}
	rank := new(big.Rat).Mul(q, new(big.Rat).SetInt(total))
	at, below := atRank(positive, rank)
	inside := new(big.Rat).Sub(rank, new(big.Rat).SetInt(below))
	inside.Quo(inside, new(big.Rat).SetInt(positive[at]))
	value := new(big.Rat).Sub(edges[at+1], edges[at])
	value.Mul(value, inside).Add(value, edges[at])
	out := Quantity{Value: value, Bound: [2]*big.Rat{edges[at], edges[at+1]}}
	if half != nil {
		first, last := within(counts, new(big.Rat).Mul(q, new(big.Rat).SetInt64(n)), half)
		out.Bound = [2]*big.Rat{edges[min(first, at)], edges[max(last, at)+1]}
	}
	return out
}

// atRank is the first bucket with readings up to which there are rank of them, and
// how many lie below it.
func atRank(counts []*big.Int, rank *big.Rat) (at int, below *big.Int) {
	below = new(big.Int)
	for i, c := range counts {
		up := new(big.Int).Add(below, c)
		if c.Sign() > 0 {
			at = i
			if new(big.Rat).SetInt(up).Cmp(rank) >= 0 {
				return i, below
			}
		}
		below = up
	}
	return at, below.Sub(below, counts[at]) // not reached: rank is no more than all
}

// within are the first and last bucket in which the reading of a rank can lie when
// no count is off by more than half.
func within(counts []*big.Int, rank *big.Rat, half *big.Int) (first, last int) {
	first, last = len(counts)-1, len(counts)-1
	sum, off := new(big.Int), new(big.Int)
	for i := range counts {
		sum.Add(sum, counts[i])
		off.Add(off, half)
		if new(big.Rat).SetInt(new(big.Int).Add(sum, off)).Cmp(rank) >= 0 {
			first = min(first, i)
		}
		if new(big.Rat).SetInt(new(big.Int).Sub(sum, off)).Cmp(rank) >= 0 {
			return first, i
		}
	}
	return first, last
}
