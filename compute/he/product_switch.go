package he

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// switchDown divides a polynomial in coefficients by the primes that a response
// drops, rounding, in place. What was T^-1·m + e in the phase becomes
// T^-1·(m/P mod T) + e/P, P the dropped primes: the scale is no longer 1, so
// whatever is to be added at scale 1 has to be added before, and decryption
// multiplies by P.
func (in *productInstance) switchDown(a ring.Poly) {
	for k := productLimbs - 1; k >= keptLimbs; k-- {
		qk, top := in.q[k].Modulus, a.Coeffs[k]
		half := qk / 2
		for i, x := range top {
			top[i] = ring.CRed(x+half, qk)
		}
		for l, s := range in.q[:k] {
			q, f, out := s.Modulus, in.drop[k][l], a.Coeffs[l][:len(top)]
			for i, r := range top {
				out[i] = ring.CRed(f.mul(out[i]+half+q-r, q), q) // r < q_k < q
			}
		}
	}
}

// garner reconstructs numbers from their residues modulo the two kept primes.
type garner struct {
	inverse constant // q0^-1 mod q1
	t       [keptLimbs]constant
	halfHi  uint64 // ⌊q0·q1/2⌋
	halfLo  uint64

	// P·x mod T for x = x0 + q0·y − [x > q0·q1/2]·q0·q1, Montgomery forms.
	first, second uint64
	wrap          uint64 // −P·q0·q1 mod T
}

func (in *productInstance) newGarner() garner {
	t := new(big.Int).SetUint64(in.lit.T)
	q0 := new(big.Int).SetUint64(in.q[0].Modulus)
	q1 := new(big.Int).SetUint64(in.q[1].Modulus)
	kept := in.modulusOf(keptLimbs)
	dropped := new(big.Int).Quo(in.modulusOf(productLimbs), kept)
	half := new(big.Int).Rsh(kept, 1)
	wrap := new(big.Int).Mul(dropped, kept)
	wrap.Neg(wrap).Mod(wrap, t)
	return garner{
		inverse: newConstant(new(big.Int).ModInverse(q0, q1).Uint64(), in.q[1].Modulus),
		t:       [keptLimbs]constant{newConstant(in.tMod[0], in.q[0].Modulus), newConstant(in.tMod[1], in.q[1].Modulus)},
		halfHi:  new(big.Int).Rsh(half, 64).Uint64(),
		halfLo:  lowWord(half),
		first:   montgomery(dropped, in.t),
		second:  montgomery(new(big.Int).Mul(dropped, q0), in.t),
		wrap:    wrap.Uint64(),
	}
}

func lowWord(x *big.Int) uint64 {
	return new(big.Int).And(x, new(big.Int).SetUint64(^uint64(0))).Uint64()
}

// digit returns y with x = x0 + q0·y, 0 ≤ x < q0·q1, for x's residues.
func (in *productInstance) digit(x0, x1 uint64) uint64 {
	q1 := in.q[1].Modulus
	d := x1 + 2*q1 - ring.CRed(in.one[1].mul(x0, q1), q1)
	return ring.CRed(in.garner.inverse.mul(d, q1), q1)
}

// plaintext writes P·T·φ, T·φ centred, mod T for the two residues of a phase φ
// in coefficients.
func (in *productInstance) plaintext(m []uint64, phase ring.Poly) {
	g, q0, q1 := &in.garner, in.q[0].Modulus, in.q[1].Modulus
	t, tInv := in.t.Modulus, in.t.MRedConstant
	a0, a1 := phase.Coeffs[0][:len(m)], phase.Coeffs[1][:len(m)]
	for i := range m {
		x0 := ring.CRed(g.t[0].mul(a0[i], q0), q0)
		y := in.digit(x0, ring.CRed(g.t[1].mul(a1[i], q1), q1))
		hi, lo := bits.Mul64(y, q0)
		lo, carry := bits.Add64(lo, x0, 0)
		hi += carry
		_, over := bits.Sub64(g.halfLo, lo, 0)
		_, over = bits.Sub64(g.halfHi, hi, over) // 1 where x > half
		sum := ring.CRed(ring.MRed(x0, g.first, t, tInv)+ring.MRed(y, g.second, t, tInv), t)
		m[i] = ring.CRed(sum+g.wrap&-over, t)
	}
}

// cut leaves the low bits out of numbers below q0·q1. What is left has low and
// high parts of fixed width on the wire.
type cut struct {
	bits           uint
	low, high      uint // widths
	maxLow, maxHi  uint64
	scale, scaleHi [keptLimbs]constant // 2^bits and 2^(bits+low) mod q
}

func (in *productInstance) newCut(n int) cut {
	most := in.modulusOf(keptLimbs)
	most.Sub(most, big.NewInt(1))
	most.Add(most, new(big.Int).Lsh(big.NewInt(1), uint(n-1)))
	most.Rsh(most, uint(n))
	width := uint(most.BitLen())
	c := cut{bits: uint(n), low: width / 2, high: width - width/2}
	c.maxHi = new(big.Int).Rsh(most, c.low).Uint64()
	c.maxLow = new(big.Int).And(most, new(big.Int).SetUint64(1<<c.low-1)).Uint64()
	for l := range c.scale {
		q := new(big.Int).SetUint64(in.q[l].Modulus)
		power := func(k uint) uint64 {
			x := new(big.Int).Lsh(big.NewInt(1), k)
			return x.Mod(x, q).Uint64()
		}
		c.scale[l] = newConstant(power(c.bits), in.q[l].Modulus)
		c.scaleHi[l] = newConstant(power(c.bits+c.low), in.q[l].Modulus)
	}
	return c
}

// shorten writes (x + 2^(bits−1)) >> bits, in two parts, for the residues of x.
func (in *productInstance) shorten(c *cut, lo, hi []uint64, a ring.Poly) {
	q0, half, mask := in.q[0].Modulus, uint64(1)<<(c.bits-1), uint64(1)<<c.low-1
	a0, a1 := a.Coeffs[0][:len(lo)], a.Coeffs[1][:len(lo)]
	hi = hi[:len(lo)]
	for i := range lo {
		h, l := bits.Mul64(in.digit(a0[i], a1[i]), q0)
		l, carry := bits.Add64(l, a0[i], 0)
		h += carry
		l, carry = bits.Add64(l, half, 0)
		h += carry
		l, h = l>>c.bits|h<<(64-c.bits), h>>c.bits
		lo[i] = l & mask
		hi[i] = l>>c.low | h<<(64-c.low)
	}
}

// lengthen is the inverse of shorten, but for what was cut. It refuses numbers
// that shorten does not give.
func (in *productInstance) lengthen(c *cut, a ring.Poly, lo, hi []uint64) error {
	hi = hi[:len(lo)]
	var over uint64
	for i, x := range lo {
		// 1 where (hi, lo) is above the largest.
		_, b := bits.Sub64(c.maxLow, x, 0)
		_, b = bits.Sub64(c.maxHi, hi[i], b)
		over |= b
	}
	if over != 0 {
		return fmt.Errorf("%w: a coefficient exceeds the modulus", ErrMalformed)
	}
	for l, s := range in.q[:keptLimbs] {
		q, f, g, out := s.Modulus, c.scale[l], c.scaleHi[l], a.Coeffs[l][:len(lo)]
		for i, x := range lo {
			out[i] = ring.CRed(ring.CRed(f.mul(x, q), q)+ring.CRed(g.mul(hi[i], q), q), q)
		}
	}
	return nil
}
