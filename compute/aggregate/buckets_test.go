package aggregate

import (
	"math/big"
	"slices"
	"testing"
)

// TestNoisedQuantilesSayInWhichBucketsTheReadingMayLie.
func TestNoisedQuantilesSayInWhichBucketsTheReadingMayLie(t *testing.T) {
	edges := []*big.Rat{big.NewRat(0, 1), big.NewRat(10, 1), big.NewRat(20, 1), big.NewRat(30, 1), big.NewRat(40, 1)}
	counts := func(list ...int64) (out []*big.Int) {
		for _, n := range list {
			out = append(out, big.NewInt(n))
		}
		return out
	}
	for _, x := range []struct {
		counts    []*big.Int
		n, half   int64
		value     string
		low, high string
		nothing   bool
	}{
		{counts: counts(10, 10, 10, 10), n: 40, half: 1, value: "20.0", low: "10.0", high: "30.0"},
		{counts: counts(40, 0, 0, 60), n: 100, half: 2, value: "31.7", low: "30.0", high: "40.0"},
		{counts: counts(-5, 30, -8, 20), n: 40, half: 9, value: "18.3", low: "10.0", high: "40.0"},
		{counts: counts(-5, -3, -8, 0), n: 40, half: 9, nothing: true},
	} {
		q := quantile(x.counts, edges, big.NewRat(1, 2), x.n, big.NewInt(x.half))
		if x.nothing {
			if !q.Null() {
				t.Errorf("%v: %s of no positive count", x.counts, q.Value)
			}
			continue
		}
		if got := []string{q.Text(1), q.Bound[0].FloatString(1), q.Bound[1].FloatString(1)}; !slices.Equal(got, []string{x.value, x.low, x.high}) {
			t.Errorf("%v: %v, want %s in %s to %s", x.counts, got, x.value, x.low, x.high)
		}
	}
}
