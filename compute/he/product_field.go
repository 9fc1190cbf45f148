package he

import (
	"math/bits"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// primeField is arithmetic mod T on numbers below T.
type primeField struct {
	t *ring.SubRing
}

func (f primeField) add(a, b uint64) uint64 { return ring.CRed(a+b, f.t.Modulus) }

func (f primeField) sub(a, b uint64) uint64 {
	return ring.CRed(a+f.t.Modulus-b, f.t.Modulus)
}

func (f primeField) mul(a, b uint64) uint64 {
	return ring.BRed(a, b, f.t.Modulus, f.t.BRedConstant)
}

// inverse of a number that is not 0.
func (f primeField) inverse(a uint64) uint64 {
	return ring.ModExp(a, f.t.Modulus-2, f.t.Modulus)
}

// lagrange returns the coefficients of points for the value at x mod T of a
// polynomial of degree below len(points). Points are distinct and below T.
func (f primeField) lagrange(points []int, x int) []uint64 {
	out := make([]uint64, len(points))
	at := uint64(x)
	for i, pi := range points {
		num, den := uint64(1), uint64(1)
		for j, pj := range points {
			if j != i {
				num = f.mul(num, f.sub(at, uint64(pj)))
				den = f.mul(den, f.sub(uint64(pi), uint64(pj)))
			}
		}
		out[i] = f.mul(num, f.inverse(den))
	}
	return out
}

// powers returns a^0..a^d.
func (f primeField) powers(a uint64, d int) []uint64 {
	out := make([]uint64, d+1)
	out[0] = 1
	for i := range d {
		out[i+1] = f.mul(out[i], a)
	}
	return out
}

// shiftedRoots returns the coefficients of Π (X + b − x).
func (f primeField) shiftedRoots(b uint64, xs []uint64) []uint64 {
	out := make([]uint64, len(xs)+1)
	out[0] = 1
	for d, x := range xs {
		shift := f.sub(b, x)
		out[d+1] = out[d]
		for i := d; i > 0; i-- {
			out[i] = f.add(out[i-1], f.mul(out[i], shift))
		}
		out[0] = f.mul(out[0], shift)
	}
	return out
}

// falling returns x·(x−1)·…·(x−k+1).
func (f primeField) falling(x uint64, k int) uint64 {
	out := uint64(1)
	for j := range k {
		out = f.mul(out, f.sub(x, uint64(j)))
	}
	return out
}

// subsetProducts returns the product of every subset of xs, by bit mask.
func (f primeField) subsetProducts(xs []uint64) []uint64 {
	out := make([]uint64, 1<<len(xs))
	out[0] = 1
	for s := 1; s < len(out); s++ {
		out[s] = f.mul(out[s&(s-1)], xs[bits.TrailingZeros(uint(s))])
	}
	return out
}

// addGroups adds to every number its group of the sum's entries.
func (f primeField) addGroups(local, sum []uint64, widths []int) []uint64 {
	for i, w := range widths {
		for _, x := range sum[:w] {
			local[i] = f.add(local[i], x)
		}
		sum = sum[w:]
	}
	return local
}

// combine writes Σ factors_k·vectors_k to dst.
func (f primeField) combine(dst []uint64, vectors [][]uint64, factors []uint64) {
	clear(dst)
	for k, v := range vectors {
		factor := factors[k]
		for i, x := range v[:len(dst)] {
			dst[i] = f.add(dst[i], f.mul(x, factor))
		}
	}
}
