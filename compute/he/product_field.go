package he

import "github.com/tuneinsight/lattigo/v5/ring"

// Arithmetic mod T on numbers below T.

func (in *productInstance) add(a, b uint64) uint64 { return ring.CRed(a+b, in.t.Modulus) }

func (in *productInstance) sub(a, b uint64) uint64 {
	return ring.CRed(a+in.t.Modulus-b, in.t.Modulus)
}

func (in *productInstance) mul(a, b uint64) uint64 {
	return ring.BRed(a, b, in.t.Modulus, in.t.BRedConstant)
}

// inverse of a number that is not 0.
func (in *productInstance) inverse(a uint64) uint64 {
	return ring.ModExp(a, in.t.Modulus-2, in.t.Modulus)
}

// lagrange returns the coefficients of points for the value at x mod T of a
// polynomial of degree below len(points). Points are distinct and below T.
func (in *productInstance) lagrange(points []int, x int) []uint64 {
	out := make([]uint64, len(points))
	at := uint64(x)
	for i, pi := range points {
		num, den := uint64(1), uint64(1)
		for j, pj := range points {
			if j != i {
				num = in.mul(num, in.sub(at, uint64(pj)))
				den = in.mul(den, in.sub(uint64(pi), uint64(pj)))
			}
		}
		out[i] = in.mul(num, in.inverse(den))
	}
	return out
}
