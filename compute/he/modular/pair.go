package modular

import (
	"math/big"
	"math/bits"
)

// Pair is two primes below 2^61, the first not below the second, and numbers below their
// product by their residues (Garner).
type Pair struct {
	q            [2]uint64
	one, inverse Factor // 1 and q0^-1 mod q1
}

// NewPair returns the pair of two primes.
func NewPair(q0, q1 uint64) Pair {
	inverse := new(big.Int).ModInverse(new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1))
	return Pair{q: [2]uint64{q0, q1}, one: NewFactor(1, q1), inverse: NewFactor(inverse.Uint64(), q1)}
}

// product is q0·q1.
func (p *Pair) product() *big.Int {
	return new(big.Int).Mul(new(big.Int).SetUint64(p.q[0]), new(big.Int).SetUint64(p.q[1]))
}

// digit returns y with x = x0 + q0·y, 0 ≤ x < q0·q1, for x's residues.
func (p *Pair) digit(x0, x1 uint64) uint64 {
	q1 := p.q[1]
	d := x1 + 2*q1 - Reduce(p.one.Mul(x0, q1), q1)
	return Reduce(p.inverse.Mul(d, q1), q1)
}

// Decoding turns residues of a phase φ modulo a pair of primes into P·T·φ, T·φ centred, mod T.
type Decoding struct {
	pair           Pair
	t              Montgomery
	tMod           [2]Factor // T mod q
	halfHi, halfLo uint64    // ⌊q0·q1/2⌋

	// P·x mod T for x = x0 + q0·y − [x > q0·q1/2]·q0·q1, Montgomery forms.
	first, second uint64
	wrap          uint64 // −P·q0·q1 mod T
}

// NewDecoding takes T, a prime, and P, by which the phase was divided.
func NewDecoding(pair Pair, t uint64, p *big.Int) Decoding {
	tBig, both := new(big.Int).SetUint64(t), pair.product()
	form := func(x *big.Int) uint64 { // Montgomery's
		x = new(big.Int).Lsh(x, 64)
		return x.Mod(x, tBig).Uint64()
	}
	half := new(big.Int).Rsh(both, 1)
	wrap := new(big.Int).Mul(p, both)
	wrap.Neg(wrap).Mod(wrap, tBig)
	d := Decoding{
		pair: pair, t: NewMontgomery(t), halfHi: new(big.Int).Rsh(half, 64).Uint64(),
		halfLo: new(big.Int).And(half, new(big.Int).SetUint64(^uint64(0))).Uint64(),
		first:  form(p), second: form(new(big.Int).Mul(p, new(big.Int).SetUint64(pair.q[0]))), wrap: wrap.Uint64(),
	}
	for l, q := range pair.q {
		d.tMod[l] = NewFactor(t%q, q)
	}
	return d
}

// Decode writes len(m) numbers for the residues a0, a1.
func (d *Decoding) Decode(m, a0, a1 []uint64) {
	q0, q1, t := d.pair.q[0], d.pair.q[1], d.t
	a0, a1 = a0[:len(m)], a1[:len(m)]
	for i := range m {
		x0 := Reduce(d.tMod[0].Mul(a0[i], q0), q0)
		y := d.pair.digit(x0, Reduce(d.tMod[1].Mul(a1[i], q1), q1))
		hi, lo := bits.Mul64(y, q0)
		lo, carry := bits.Add64(lo, x0, 0)
		hi += carry
		_, over := bits.Sub64(d.halfLo, lo, 0)
		_, over = bits.Sub64(d.halfHi, hi, over) // 1 where x > half
		sum := Reduce(Reduce(t.Mul(x0, d.first), t.q)+Reduce(t.Mul(y, d.second), t.q), t.q)
		m[i] = Reduce(sum+d.wrap&-over, t.q)
	}
}

// Cut leaves the low bits out of numbers below q0·q1. What is left has low and
// high parts of fixed width on the wire.
type Cut struct {
	Low, High uint // widths

	pair           Pair
	bits           uint
	maxLow, maxHi  uint64
	scale, scaleHi [2]Factor // 2^bits and 2^(bits+low) mod q
}

// NewCut cuts the lowest n bits.
func NewCut(pair Pair, n int) Cut {
	most := pair.product()
	most.Sub(most, big.NewInt(1))
	most.Add(most, new(big.Int).Lsh(big.NewInt(1), uint(n-1)))
	most.Rsh(most, uint(n))
	width := uint(most.BitLen())
	c := Cut{pair: pair, bits: uint(n), Low: width / 2, High: width - width/2}
	c.maxHi = new(big.Int).Rsh(most, c.Low).Uint64()
	c.maxLow = new(big.Int).And(most, new(big.Int).SetUint64(1<<c.Low-1)).Uint64()
	for l, q := range pair.q {
		power := func(k uint) Factor {
			x := new(big.Int).Lsh(big.NewInt(1), k)
			return NewFactor(x.Mod(x, new(big.Int).SetUint64(q)).Uint64(), q)
		}
		c.scale[l], c.scaleHi[l] = power(c.bits), power(c.bits+c.Low)
	}
	return c
}

// Shorten writes (x + 2^(n−1)) >> n, in two parts, for the residues of x.
func (c *Cut) Shorten(lo, hi, a0, a1 []uint64) {
	q0, half, mask := c.pair.q[0], uint64(1)<<(c.bits-1), uint64(1)<<c.Low-1
	a0, a1, hi = a0[:len(lo)], a1[:len(lo)], hi[:len(lo)]
	for i := range lo {
		h, l := bits.Mul64(c.pair.digit(a0[i], a1[i]), q0)
		l, carry := bits.Add64(l, a0[i], 0)
		h += carry
		l, carry = bits.Add64(l, half, 0)
		h += carry
		l, h = l>>c.bits|h<<(64-c.bits), h>>c.bits
		lo[i] = l & mask
		hi[i] = l>>c.Low | h<<(64-c.Low)
	}
}

// Lengthen is the inverse of Shorten, but for what was cut. It returns false for numbers
// that Shorten does not give.
func (c *Cut) Lengthen(a0, a1, lo, hi []uint64) bool {
	hi = hi[:len(lo)]
	var over uint64
	for i, x := range lo {
		// 1 where (hi, lo) is above the largest.
		_, b := bits.Sub64(c.maxLow, x, 0)
		_, b = bits.Sub64(c.maxHi, hi[i], b)
		over |= b
	}
	if over != 0 {
		return false
	}
	for l, out := range [][]uint64{a0[:len(lo)], a1[:len(lo)]} {
		q, f, g := c.pair.q[l], c.scale[l], c.scaleHi[l]
		for i, x := range lo {
			out[i] = Reduce(Reduce(f.Mul(x, q), q)+Reduce(g.Mul(hi[i], q), q), q)
		}
	}
	return true
}
