package portfolio

import (
	"math/big"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever its limit lets a weight be, times what its entity can have it is no more than the bound,
// and one bit more could be. A bound that is chosen holds every weight, and is a power of two; the
// least that is told holds them too.
func TestLimitsKeepEveryWeightTimesItsCapWithinTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 20).Draw(t, "bits")
		weights := rapid.SliceOfN(rapid.Uint64Range(0, 1<<most-1), 1, 30).Draw(t, "weights")
		widths := rapid.SliceOfN(rapid.Int64Range(0, 1<<20), len(weights), len(weights)).Draw(t, "widths")
		holds := func(l *Limits) {
			for e, b := range l.Bits {
				whole := func(n int32) *big.Int {
					return new(big.Int).Mul(big.NewInt(1<<n-1), big.NewInt(widths[e]))
				}
				if b < 0 || int(b) > most || whole(b).Cmp(l.Bound) > 0 || int(b) < most && whole(b+1).Cmp(l.Bound) <= 0 {
					t.Fatalf("entity %d of width %d may have %d of %d bits at a bound of %d", e, widths[e], b, most, l.Bound)
				}
			}
		}
		l := &Limits{}
		if over := l.set(weights, widths, most); over != nil {
			t.Fatalf("the chosen bound %d does not hold %v", l.Bound, over)
		}
		holds(l)
		if bits.OnesCount64(l.Bound.Uint64()) != 1 {
			t.Fatalf("the chosen bound is %d", l.Bound)
		}
		given := &Limits{Bound: big.NewInt(rapid.Int64Range(1, 1<<36).Draw(t, "bound"))}
		over := given.set(weights, widths, most)
		holds(given)
		for e, w := range weights {
			if slices.Contains(over, e) != (bits.Len64(w) > int(given.Bits[e])) {
				t.Fatalf("entity %d of weight %d and %d bits: over is %v", e, w, given.Bits[e], over)
			}
		}
		if least := (&Limits{Bound: needed(weights, widths)}); least.set(weights, widths, most) != nil {
			t.Fatalf("the bound that is said to hold all weights does not")
		}
	})
}
