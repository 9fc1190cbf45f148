// Package modular is arithmetic on vectors of numbers modulo a prime of at most 60 bits: the
// number theoretic transform, sums of stored numbers, and packing them into bits. Its results
// are bit for bit those of lattigo's ring, which package he compares it with.
package modular

import "math/bits"

// Factor is a factor modulo a prime q below 2^63, with ⌊w·2^64/q⌋ (Shoup): a
// product takes one high and two low multiplications.
type Factor struct{ w, shoup uint64 }

// NewFactor returns the factor w, which is below q.
func NewFactor(w, q uint64) Factor {
	quo, _ := bits.Div64(w, 0, q)
	return Factor{w: w, shoup: quo}
}

// Mul returns x·w mod q, below 2q, for any x.
func (c Factor) Mul(x, q uint64) uint64 {
	hi, _ := bits.Mul64(x, c.shoup)
	return x*c.w - hi*q
}

// AddTo adds xs times the factor to dst, whose numbers are below q and stay so.
func (c Factor) AddTo(dst, xs []uint64, q uint64) {
	dst = dst[:len(xs)]
	for i, x := range xs {
		dst[i] = Reduce(Reduce(dst[i]+c.Mul(x, q), 2*q), q)
	}
}

// Reduce returns x mod q for x below 2q.
func Reduce(x, q uint64) uint64 {
	if x >= q {
		return x - q
	}
	return x
}

// Montgomery multiplies modulo an odd prime below 2^63.
type Montgomery struct{ q, qInv uint64 }

// NewMontgomery returns the arithmetic modulo q.
func NewMontgomery(q uint64) Montgomery {
	inv := q // q^-1 mod 2^64, right to 3 bits, and to twice as many with every step
	for range 5 {
		inv *= 2 - q*inv
	}
	return Montgomery{q: q, qInv: inv}
}

// Mul returns x·y·2^-64 mod q, below 2q, for x·y below 2^64·q.
func (m Montgomery) Mul(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	h, _ := bits.Mul64(lo*m.qInv, m.q)
	return hi - h + m.q
}
