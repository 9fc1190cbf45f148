package query

import (
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// ofBuckets is a figure that counts of buckets give.
func (r *result) ofBuckets(a catalog.Aggregate, o Output, group int) quantity {
	m := measureNamed(r.descriptor, a.Measure)
	list := r.buckets(a)
	n := list[0].counts[group]
	half := list[0].half
	counts := make([]*big.Int, len(list))
	for i, b := range list {
		counts[i] = b.sums[group]
	}
	switch o.Form {
	case formHistogram:
		return quantity{value: new(big.Rat).SetInt(counts[o.Bucket-1]), half: ratOrNil(half)}
	case formExceedance:
		return exceedance(counts[slices.Index(m.Buckets, o.Argument)+1:], n, half)
	}
	q := big.NewRat(1, 2)
	if o.Form == formQuantile {
		q, _ = decimalRat(o.Argument) // checked by checkOutput
	}
	return quantile(counts, bucketEdges(m), q, n, half)
}

func ratOrNil(v *big.Int) *big.Rat {
	if v == nil {
		return nil
	}
	return new(big.Rat).SetInt(v)
}

// exceedance is the share of the n readings that lie in the buckets above a limit.
// The interval of their sum is no wider than those of the counts together.
func exceedance(above []*big.Int, n int64, half *big.Int) quantity {
	if n == 0 {
		return quantity{}
	}
	sum := new(big.Int)
	for _, c := range above {
		sum.Add(sum, c)
	}
	q := quantity{value: over(sum, big.NewInt(n))}
	if half != nil {
		q.half = over(new(big.Int).Mul(half, big.NewInt(int64(len(above)))), big.NewInt(n))
	}
	return q
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
func quantile(counts []*big.Int, edges []*big.Rat, q *big.Rat, n int64, half *big.Int) quantity {
	if n == 0 {
		return quantity{}
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
		return quantity{}
	}
	rank := new(big.Rat).Mul(q, new(big.Rat).SetInt(total))
	at, below := atRank(positive, rank)
	inside := new(big.Rat).Sub(rank, new(big.Rat).SetInt(below))
	inside.Quo(inside, new(big.Rat).SetInt(positive[at]))
	value := new(big.Rat).Sub(edges[at+1], edges[at])
	value.Mul(value, inside).Add(value, edges[at])
	out := quantity{value: value, bound: [2]*big.Rat{edges[at], edges[at+1]}}
	if half != nil {
		first, last := within(counts, new(big.Rat).Mul(q, new(big.Rat).SetInt64(n)), half)
		out.bound = [2]*big.Rat{edges[min(first, at)], edges[max(last, at)+1]}
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
