package state

import "math/bits"

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

// weights are the Lagrange coefficients with which the values at the points 1 to n
// of a polynomial of degree n−1 give its value at another.
func (f modulus) weights(n int, at uint64) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		above, below := uint64(1), uint64(1)
		for j := range out {
			if j != i {
				above = f.mul(above, f.sub(at, uint64(j+1)))
				below = f.mul(below, f.sub(uint64(i+1), uint64(j+1)))
			}
		}
		out[i] = f.mul(above, f.inverse(below))
	}
	return out
}

// onPolynomial reports whether the values at the points 1, 2, … lie, run by run,
// on polynomials of degree threshold−1.
func (f modulus) onPolynomial(values [][]uint64, threshold int) bool {
	for point := threshold + 1; point <= len(values); point++ {
		weights := f.weights(threshold, uint64(point))
		for run, have := range values[point-1] {
			var want uint64
			for i, w := range weights {
				want = f.add(want, f.mul(w, values[i][run]))
			}
			if want != have {
				return false
			}
		}
	}
	return true
}
