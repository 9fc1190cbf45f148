package he

import (
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// workspace is the scratch of one call. Nothing in lattigo that has buffers is
// safe for concurrent use, so every call takes its own.
type workspace struct {
	a, b, c ring.Poly // over R_Q
	m       []uint64  // over R_T
}

func (in *instance) newPoly() ring.Poly { return ring.NewPoly(in.n, limbs-1) }

// pool hands out workspaces.
type pool struct {
	in   *instance
	free sync.Pool
}

func (p *pool) get() *workspace {
	if w, ok := p.free.Get().(*workspace); ok {
		return w
	}
	return &workspace{a: p.in.newPoly(), b: p.in.newPoly(), c: p.in.newPoly(), m: make([]uint64, p.in.n)}
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
		tr.Forward(a.Coeffs[l])
		tr.Reduce(a.Coeffs[l])
	}
}

// nttLazy is ntt from numbers below 5q, and but for the last reduction: to
// numbers below 6q.
func (in *instance) nttLazy(a ring.Poly) {
	for l, tr := range in.overQ {
		tr.Forward(a.Coeffs[l])
	}
}

func (in *instance) intt(a ring.Poly) {
	for l, tr := range in.overQ {
		tr.Inverse(a.Coeffs[l])
	}
}

// toSlots permutes a polynomial over R_T, in coefficients, to slots. dst and m
// must not overlap; m is overwritten.
func (in *instance) toSlots(dst, m []uint64) {
	in.overT.Forward(m)
	in.overT.Reduce(m)
	for i, at := range in.place {
		dst[i] = m[at]
	}
}

// fromSlots is the inverse of toSlots; slots are below T.
func (in *instance) fromSlots(m, slots []uint64) {
	for i, at := range in.place {
		m[at] = slots[i]
	}
	in.overT.Inverse(m)
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

// plaintext writes T·φ, centred mod Q, mod T for a phase φ in coefficients.
func (in *instance) plaintext(m []uint64, phase ring.Poly) {
	in.crt.Reconstruct(m, phase.Coeffs[0], phase.Coeffs[1], phase.Coeffs[2])
}

// addScaled adds T^-1·m to a polynomial in coefficients.
func (in *instance) addScaled(dst ring.Poly, m []uint64) {
	for l, s := range in.q {
		in.tInv[l].AddTo(dst.Coeffs[l], m, s.Modulus)
	}
}
