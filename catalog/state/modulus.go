package state

import (
	"math/bits"
	"slices"
)

// modulus computes with the integers modulo an odd number below 2^59, the plaintext modulus of
// the nodes, which is prime.
type modulus uint64

func (f modulus) add(a, b uint64) uint64 { return (a + b) % uint64(f) }

func (f modulus) sub(a, b uint64) uint64 { return (a + uint64(f) - b) % uint64(f) }

func (f modulus) mul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	_, rest := bits.Div64(hi, lo, uint64(f)) // hi is below f, as a and b are
	return rest
}

// inverse is a^(f−2), the inverse where f is prime.
func (f modulus) inverse(a uint64) uint64 {
	out := uint64(1)
	for e := uint64(f) - 2; e > 0; e >>= 1 {
		if e&1 == 1 {
			out = f.mul(out, a)
		}
		a = f.mul(a, a)
	}
	return out
}

// weights are the Lagrange coefficients with which the values at points of a polynomial of
// degree below their number give its value at another.
func (f modulus) weights(points []int, at uint64) []uint64 {
	out := make([]uint64, len(points))
	for i, x := range points {
		above, below := uint64(1), uint64(1)
		for j, y := range points {
			if j != i {
				above = f.mul(above, f.sub(at, uint64(y)))
				below = f.mul(below, f.sub(uint64(x), uint64(y)))
			}
		}
		out[i] = f.mul(above, f.inverse(below))
	}
	return out
}

// onPolynomial reports whether the values at the points 1, 2, … lie, run by run,
// on polynomials of degree threshold−1.
func (f modulus) onPolynomial(values [][]uint64, threshold int) bool {
	points := make([]int, len(values))
	for i := range points {
		points[i] = i + 1
	}
	_, on := f.interpolate(points, values, threshold)
	return on
}

// interpolate gives, run by run, the values at 0 of the polynomials of degree threshold−1 on
// which the values at points lie; false where they lie on none, or are fewer than threshold.
func (f modulus) interpolate(points []int, values [][]uint64, threshold int) (at0 []uint64, on bool) {
	if len(points) < threshold {
		return nil, false
	}
	base := points[:threshold]
	for i := threshold - 1; i < len(points); i++ { // at threshold−1, which is of base, at 0
		at := uint64(0)
		if i >= threshold {
			at = uint64(points[i])
		}
		weights, got := f.weights(base, at), make([]uint64, len(values[0]))
		for run := range got {
			for k, w := range weights {
				got[run] = f.add(got[run], f.mul(w, values[k][run]))
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
