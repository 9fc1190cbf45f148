package modular

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCuttingErrsByHalfAUnit: Lengthen undoes Shorten up to 2^(bits−1), around
// both ends of the modulus too.
func TestCuttingErrsByHalfAUnit(t *testing.T) {
	const n = 512
	pair, rng := NewPair(1152921504606748673, 4503599626682369), rand.New(rand.NewPCG(71, 72))
	var a, b [2][]uint64
	for l, q := range pair.q {
		a[l], b[l] = make([]uint64, n), make([]uint64, n)
		for i := range n {
			a[l][i] = rng.Uint64N(q)
			if i < 8 { // 0..3, −4..−1
				a[l][i] = (uint64(i) + q - uint64(i/4*8)) % q
			}
		}
	}
	lo, hi := make([]uint64, n), make([]uint64, n)
	for _, c := range []Cut{NewCut(pair, 51), NewCut(pair, 37)} {
		c.Shorten(lo, hi, a[0], a[1])
		if slices.Max(lo) >= 1<<c.Low || slices.Max(hi) >= 1<<c.High {
			t.Fatal("a part is wider than its place")
		}
		if !c.Lengthen(b[0], b[1], lo, hi) {
			t.Fatal("it is refused")
		}
		for i := range lo {
			// The difference is small: the same in both limbs, centred.
			var d [2]int64
			for l, q := range pair.q {
				x := (a[l][i] + q - b[l][i]) % q
				d[l] = int64(x)
				if x > q/2 {
					d[l] = -int64(q - x)
				}
			}
			if d[0] != d[1] || d[0] > 1<<(c.bits-1) || -d[0] > 1<<(c.bits-1) {
				t.Fatalf("cut of %d bits: coefficient %d is off by %d and %d", c.bits, i, d[0], d[1])
			}
		}
		lo[3], hi[3] = c.maxLow, c.maxHi
		if !c.Lengthen(b[0], b[1], lo, hi) {
			t.Error("the largest number is refused")
		}
		lo[3]++
		if c.Lengthen(b[0], b[1], lo, hi) {
			t.Error("one more is accepted")
		}
	}
}
