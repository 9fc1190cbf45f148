package he

import (
	"math/big"
	"math/bits"
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// workspace is the scratch of one call. Nothing in lattigo that has buffers is
// safe for concurrent use, so every call takes its own.
type workspace struct {
	a, b, c ring.Poly // over R_Q
	m       []uint64  // over R_T
}

// pool hands out workspaces.
type pool struct {
	in   *instance
	free sync.Pool
}

func (p *pool) get() *workspace {
	if w, ok := p.free.Get().(*workspace); ok {
		return w
	}
	return &workspace{
		a: ring.NewPoly(p.in.n, limbs-1),
		b: ring.NewPoly(p.in.n, limbs-1),
		c: ring.NewPoly(p.in.n, limbs-1),
		m: make([]uint64, p.in.n),
	}
}

// put takes a workspace back. It overwrites m and the polynomials that the call
// has used, which may have held secrets: all that it has written must be named.
func (p *pool) put(w *workspace, used ...ring.Poly) {
	for _, a := range used {
		a.Zero()
	}
	clear(w.m)
	p.free.Put(w)
}

// ntt and intt change the form of a polynomial over R_Q in place.
func (in *instance) ntt(a ring.Poly) {
	for l, tr := range in.overQ {
		tr.forwardLazy(a.Coeffs[l])
		tr.reduce(a.Coeffs[l])
	}
}

// nttLazy is ntt from numbers below 5q, and but for the last reduction: to
// numbers below 6q.
func (in *instance) nttLazy(a ring.Poly) {
	for l, tr := range in.overQ {
		tr.forwardLazy(a.Coeffs[l])
	}
}

func (in *instance) intt(a ring.Poly) {
	for l, tr := range in.overQ {
		tr.inverse(a.Coeffs[l])
	}
}

// toSlots permutes a polynomial over R_T, in coefficients, to slots. dst and m
// must not overlap; m is overwritten.
func (in *instance) toSlots(dst, m []uint64) {
	in.overT.forwardLazy(m)
	in.overT.reduce(m)
	for i, at := range in.place {
		dst[i] = m[at]
	}
}

// fromSlots is the inverse of toSlots; slots are below T.
func (in *instance) fromSlots(m, slots []uint64) {
	for i, at := range in.place {
		m[at] = slots[i]
	}
	in.overT.inverse(m)
}

// addMask adds z, reduced, to dst, below 2^64, or subtracts it. dst is below 3q
// afterwards.
func (in *instance) addMask(dst, z ring.Poly, negative bool) {
	for l, s := range in.q {
		q, out, x := s.Modulus, dst.Coeffs[l], z.Coeffs[l][:len(dst.Coeffs[l])]
		if negative {
			for i, v := range out {
				out[i] = v - v>>60*q + q - x[i]
			}
		} else {
			for i, v := range out {
				out[i] = v - v>>60*q + x[i]
			}
		}
	}
}

// addScaled adds T^-1·m to a polynomial in coefficients.
func (in *instance) addScaled(dst ring.Poly, m []uint64) {
	for l, s := range in.q {
		q, f, out := s.Modulus, in.tInv[l], dst.Coeffs[l][:len(m)]
		for i, x := range m {
			out[i] = ring.CRed(ring.CRed(out[i]+f.mul(x, q), 2*q), q)
		}
	}
}

// reconstruction turns residues of a phase φ into T·φ, centred mod Q, mod T:
// with y_l = T·φ·(Q/q_l)^-1 mod q_l and v = round(Σ y_l/q_l),
// T·φ = Σ y_l·(Q/q_l) − v·Q. The quotients are summed in floating point, with an
// error below 2^-49: v is right when |T·φ| < Q/2 − Q/2^48, which the bound
// leaves room for.
type reconstruction struct {
	scale   [limbs]uint64     // T·(Q/q_l)^-1 mod q_l, Montgomery form
	inverse [limbs]float64    // 1/q_l
	part    [limbs]uint64     // Q/q_l mod T, Montgomery form
	wraps   [limbs + 1]uint64 // −v·Q mod T
}

func newReconstruction(q [limbs]*ring.SubRing, t *ring.SubRing) reconstruction {
	var r reconstruction
	tBig := new(big.Int).SetUint64(t.Modulus)
	all := big.NewInt(1)
	for _, s := range q {
		all.Mul(all, new(big.Int).SetUint64(s.Modulus))
	}
	for l, s := range q {
		ql := new(big.Int).SetUint64(s.Modulus)
		rest := new(big.Int).Quo(all, ql)
		inv := new(big.Int).ModInverse(rest, ql)
		r.scale[l] = montgomery(inv.Mul(inv, tBig), s)
		r.inverse[l] = 1 / float64(s.Modulus)
		r.part[l] = montgomery(rest, t)
	}
	for v := range r.wraps {
		w := new(big.Int).Mul(all, big.NewInt(int64(-v)))
		r.wraps[v] = w.Mod(w, tBig).Uint64()
	}
	return r
}

// plaintext writes T·φ, centred mod Q, mod T for a phase φ in coefficients.
func (in *instance) plaintext(m []uint64, phase ring.Poly) {
	r, t, tInv := &in.crt, in.t.Modulus, in.t.MRedConstant
	x0, x1, x2 := phase.Coeffs[0][:len(m)], phase.Coeffs[1][:len(m)], phase.Coeffs[2][:len(m)]
	q0, q1, q2 := in.q[0], in.q[1], in.q[2]
	for i := range m {
		y0 := ring.MRed(x0[i], r.scale[0], q0.Modulus, q0.MRedConstant)
		y1 := ring.MRed(x1[i], r.scale[1], q1.Modulus, q1.MRedConstant)
		y2 := ring.MRed(x2[i], r.scale[2], q2.Modulus, q2.MRedConstant)
		v := int(float64(y0)*r.inverse[0] + float64(y1)*r.inverse[1] + float64(y2)*r.inverse[2] + 0.5)
		// Σ y_l·(Q/q_l mod T) in 128 bits, and one Montgomery reduction: below
		// 2^57 + 2T with the last summand.
		h0, l0 := bits.Mul64(y0, r.part[0])
		h1, l1 := bits.Mul64(y1, r.part[1])
		h2, l2 := bits.Mul64(y2, r.part[2])
		lo, c1 := bits.Add64(l0, l1, 0)
		lo, c2 := bits.Add64(lo, l2, 0)
		down, _ := bits.Mul64(lo*tInv, t)
		sum := h0 + h1 + h2 + c1 + c2 + t - down + r.wraps[v&3]
		m[i] = ring.BRedAdd(sum, t, in.t.BRedConstant)
	}
}
