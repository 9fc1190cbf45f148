package aggregate

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
)

// TestRootsAreRoundedExactly, halves away from zero.
func TestRootsAreRoundedExactly(t *testing.T) {
	for _, x := range []struct {
		num, den int64
		places   int
		want     string
	}{{4, 1, 3, "2.000"}, {2, 1, 5, "1.41421"}, {3, 1, 0, "2"}, {9, 4, 0, "2"}, {25, 4, 0, "3"}, {-9, 4, 1, "-1.5"}, {0, 1, 2, "0.00"}, {1, 400, 1, "0.1"}, {1, 401, 1, "0.0"}} {
		if got := rootText(big.NewRat(x.num, x.den), x.places); got != x.want {
			t.Errorf("√(%d/%d) to %d places is %s, want %s", x.num, x.den, x.places, got, x.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := big.NewRat(rapid.Int64Range(0, 1<<60).Draw(t, "num"), rapid.Int64Range(1, 1<<60).Draw(t, "den"))
		got, _ := new(big.Rat).SetString(rootText(v, 12))
		half := big.NewRat(1, 2_000_000_000_000)
		low, high := new(big.Rat).Sub(got, half), new(big.Rat).Add(got, half)
		if low.Sign() > 0 && low.Mul(low, low).Cmp(v) > 0 || high.Mul(high, high).Cmp(v) <= 0 {
			t.Fatalf("√%s is not %s", v, got.FloatString(12))
		}
	})
}

func TestDecimalText(t *testing.T) {
	for _, tc := range []struct {
		v        int64
		decimals int
		want     string
	}{{0, 0, "0"}, {0, 2, "0.00"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {12345, 2, "123.45"}, {-123, 0, "-123"}, {100, 2, "1.00"}, {-100, 3, "-0.100"}} {
		if got := decimal.Fixed(big.NewInt(tc.v), tc.decimals); got != tc.want {
			t.Errorf("%d·10^-%d is written %s, want %s", tc.v, tc.decimals, got, tc.want)
		}
	}
}

func TestAverageRoundsHalvesAwayFromZero(t *testing.T) {
	for _, tc := range []struct {
		sum, n int64
		want   string
	}{{1, 2000, "0.000000000001"}, {-1, 2000, "-0.000000000001"}, {1, 8, "0.000000000125"}} {
		q := Of(catalog.FuncAvg, "").Value(Sums{N: tc.n, MeasureX: catalog.Measure{Decimals: 9}, X: big.NewInt(tc.sum)})
		if got := q.Text(AvgPlaces); got != tc.want {
			t.Errorf("average of %d·10^-9 over %d is %v, want %s", tc.sum, tc.n, got, tc.want)
		}
	}
}

// The interval of an average is the sum's over the count, rounded up.
func TestIntervalOfAnAverageIsTheSumsDividedByTheCount(t *testing.T) {
	for _, c := range []struct {
		fn     string
		n      int64
		places int
		want   string
	}{{"sum", 3, 1, "1.0"}, {"avg", 3, AvgPlaces, "0.333333333334"}, {"count", 3, 0, ""}, {"sum", 0, 1, ""}} {
		q := Of(c.fn, "").Value(Sums{N: c.n, MeasureX: catalog.Measure{Decimals: 1}, X: big.NewInt(7), Half: big.NewInt(10)})
		got := ""
		if q.Half != nil {
			got = q.Interval(c.places)
		}
		if got != c.want {
			t.Errorf("%s over %d cells: %s, want %s", c.fn, c.n, got, c.want)
		}
	}
}

// The part of an interval that is possible has the exact figure whenever the interval has it, lies
// within what is possible, and is told only where something is cut.
func TestPossibleIntervalCoversWhatTheIntervalDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) *big.Rat {
			return big.NewRat(rapid.Int64Range(-3000, 3000).Draw(t, name), rapid.Int64Range(1, 7).Draw(t, name+" by"))
		}
		truth, noise, half := number("truth"), number("noise"), new(big.Rat).Abs(number("half"))
		least, most := new(big.Rat).Sub(truth, new(big.Rat).Abs(number("below"))), new(big.Rat).Add(truth, new(big.Rat).Abs(number("above")))
		q := Quantity{Value: new(big.Rat).Add(truth, noise), Half: half, Can: [2]*big.Rat{least, most}}
		low, high, cut := q.Possible(3)
		whole := new(big.Rat).Sub(q.Value, half).Cmp(least) >= 0 && new(big.Rat).Add(q.Value, half).Cmp(most) <= 0
		if cut == whole {
			t.Fatalf("cut is %v", cut)
		}
		if !cut {
			return
		}
		from, _ := new(big.Rat).SetString(low)
		to, _ := new(big.Rat).SetString(high)
		if new(big.Rat).Abs(noise).Cmp(half) <= 0 && (truth.Cmp(from) < 0 || truth.Cmp(to) > 0) {
			t.Fatalf("%s is not within [%s, %s]", truth.FloatString(3), low, high)
		}
		last := big.NewRat(1, 1000) // rounded outwards
		if from.Cmp(to) > 0 || new(big.Rat).Sub(least, from).Cmp(last) >= 0 || new(big.Rat).Sub(to, most).Cmp(last) >= 0 {
			t.Fatalf("[%s, %s] of [%s, %s]", low, high, least.FloatString(5), most.FloatString(5))
		}
		by := big.NewRat(-3, 2)
		if divided := q.over(by); divided.Can[0].Cmp(new(big.Rat).Quo(most, by)) != 0 || divided.Can[1].Cmp(new(big.Rat).Quo(least, by)) != 0 {
			t.Fatalf("divided by a negative number: %v", divided.Can)
		}
	})
}
