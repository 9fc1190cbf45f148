package modular

import (
	"math/big"
	"math/bits"
)

// Reconstruction turns residues of a phase φ modulo three primes near 2^60 into T·φ, centred
// mod their product Q, mod T: with y_l = T·φ·(Q/q_l)^-1 mod q_l and v = round(Σ y_l/q_l),
// T·φ = Σ y_l·(Q/q_l) − v·Q. The quotients are summed in floating point, with an
// error below 2^-49: v is right when |T·φ| < Q/2 − Q/2^48.
type Reconstruction struct {
	q       [3]Montgomery
	scale   [3]uint64  // T·(Q/q_l)^-1 mod q_l, Montgomery form
	inverse [3]float64 // 1/q_l
	part    [3]uint64  // Q/q_l mod T, Montgomery form
	wraps   [4]uint64  // −v·Q mod T
	t       Montgomery
	one     Factor // mod T
}

// NewReconstruction takes the three primes, and T below 2^59.
func NewReconstruction(q [3]uint64, t uint64) Reconstruction {
	r := Reconstruction{t: NewMontgomery(t), one: NewFactor(1, t)}
	form := func(x *big.Int, q uint64) uint64 { // Montgomery's
		x = new(big.Int).Lsh(x, 64)
		return x.Mod(x, new(big.Int).SetUint64(q)).Uint64()
	}
	tBig, all := new(big.Int).SetUint64(t), big.NewInt(1)
	for _, prime := range q {
		all.Mul(all, new(big.Int).SetUint64(prime))
	}
	for l, prime := range q {
		ql := new(big.Int).SetUint64(prime)
		rest := new(big.Int).Quo(all, ql)
		inv := new(big.Int).ModInverse(rest, ql)
		r.q[l] = NewMontgomery(prime)
		r.scale[l] = form(inv.Mul(inv, tBig), prime)
		r.inverse[l] = 1 / float64(prime)
		r.part[l] = form(rest, t)
	}
	for v := range r.wraps {
		w := new(big.Int).Mul(all, big.NewInt(int64(-v)))
		r.wraps[v] = w.Mod(w, tBig).Uint64()
	}
	return r
}

// Reconstruct writes len(m) numbers for the residues x0, x1, x2.
func (r *Reconstruction) Reconstruct(m, x0, x1, x2 []uint64) {
	t, one, q0, q1, q2 := r.t, r.one, r.q[0], r.q[1], r.q[2]
	x0, x1, x2 = x0[:len(m)], x1[:len(m)], x2[:len(m)]
	for i := range m {
		y0 := Reduce(q0.Mul(x0[i], r.scale[0]), q0.q)
		y1 := Reduce(q1.Mul(x1[i], r.scale[1]), q1.q)
		y2 := Reduce(q2.Mul(x2[i], r.scale[2]), q2.q)
		v := int(float64(y0)*r.inverse[0] + float64(y1)*r.inverse[1] + float64(y2)*r.inverse[2] + 0.5)
		// Σ y_l·(Q/q_l mod T) in 128 bits, and one Montgomery reduction: below
		// 2^57 + 2T with the last summand.
		h0, l0 := bits.Mul64(y0, r.part[0])
		h1, l1 := bits.Mul64(y1, r.part[1])
		h2, l2 := bits.Mul64(y2, r.part[2])
		lo, c1 := bits.Add64(l0, l1, 0)
		lo, c2 := bits.Add64(lo, l2, 0)
		down, _ := bits.Mul64(lo*t.qInv, t.q)
		sum := h0 + h1 + h2 + c1 + c2 + t.q - down + r.wraps[v&3]
		m[i] = Reduce(one.Mul(sum, t.q), t.q)
	}
}
