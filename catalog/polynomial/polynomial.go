// Package polynomial computes with values of polynomials modulo the plaintext modulus of the
// nodes, which is how the ledger checks shares of private vectors.
package polynomial

import (
	"math/bits"
	"slices"
)

// Modulus computes with the integers modulo an odd number below 2^59, the plaintext modulus of
// the nodes, which is prime.
type Modulus uint64

// Add returns a + b.
func (f Modulus) Add(a, b uint64) uint64 { return (a + b) % uint64(f) }

// Sub returns a − b.
func (f Modulus) Sub(a, b uint64) uint64 { return (a + uint64(f) - b) % uint64(f) }

// Mul returns a·b.
func (f Modulus) Mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi, lo, uint64(f)) // hi is below f, as a and b are
	return rest
}

// Inverse is a^(f−2), the inverse where f is prime.
func (f Modulus) Inverse(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(f) - 2; e > 0; e >>= 1 {
		if e&1 == 1 {
			out = f.Mul(out, a)
		}
		a = f.Mul(a, a)
	}
	return out
}

// Weights are the Lagrange coefficients with which the values at points of a polynomial of
// degree below their number give its value at another.
func (f Modulus) Weights(points []int, at uint64) []uint64 {
	out := make([]uint64, len(points))
	for i, x := range points {
		above, below := uint64(1), uint64(1)
		for j, y := range points {
			if j != i {
				above = f.Mul(above, f.Sub(at, uint64(y)))
				below = f.Mul(below, f.Sub(uint64(x), uint64(y)))
			}
		}
		out[i] = f.Mul(above, f.Inverse(below))
	}
	return out
}

// On reports whether the values at the points 1, 2, … lie, run by run,
// on polynomials of degree threshold−1.
func (f Modulus) On(values [][]uint64, threshold int) bool {
	points := make([]int, len(values))
	for i := range points {
		points[i] = i + 1
	}
	_, on := f.Interpolate(points, values, threshold)
	return on
}

// Interpolate gives, run by run, the values at 0 of the polynomials of degree threshold−1 on
// which the values at points lie; false where they lie on none, or are fewer than threshold.
func (f Modulus) Interpolate(points []int, values [][]uint64, threshold int) (at0 []uint64, on bool) {
	if len(points) < threshold {
		return nil, false
	}
	base := points[:threshold]
	for i := threshold - 1; i < len(points); i++ { // at threshold−1, which is of base, at 0
		at := uint64(0)
		if i >= threshold {
			at = uint64(points[i])
		}
		weights, got := f.Weights(base, at), make([]uint64, len(values[0]))
		for run := range got {
			for k, w := range weights {
				got[run] = f.Add(got[run], f.Mul(w, values[k][run]))
			}
		}
		if i < threshold {
			at0 = got
		} else if !slices.Equal(got, values[i]) {
			return nil, false
		}
	}
	return at0, true
}
