package he

import (
	"fmt"
	"math/bits"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// transform is the number theoretic transform over one prime, with lattigo's
// roots in lattigo's order, so its results are lattigo's. It takes two layers a
// pass, multiplies by constants (one high and two low multiplications, no chain
// between them), and reduces late: a product is below 2q for any factor below
// 2^64, so the numbers only grow by 2q a layer, and there is room for 16q.
type transform struct {
	q                 uint64
	reduces           bool // q is 2^60 − δ, δ < 2^19; else q < 2^59, and 14 layers fit 64 bits
	forward, backward []constant
	nInv, lastInv     constant // 1/n, and the last inverse layer's root times 1/n
	one               constant
}

// newTransform takes the ring's roots. The prime is 2^60 − δ, δ < 2^19, or below
// 2^59.
func newTransform(s *ring.SubRing) (*transform, error) {
	q := s.Modulus
	tr := &transform{q: q, reduces: q >= 1<<59, one: newConstant(1, q)}
	if tr.reduces && (q >= 1<<60 || q < 1<<60-1<<19) || s.N > 1<<14 || s.N < 1<<4 {
		return nil, fmt.Errorf("%w: no transform of degree %d modulo %d", ErrParameters, s.N, q)
	}
	plain := func(x uint64) uint64 { return ring.IMForm(x, q, s.MRedConstant) }
	tr.forward, tr.backward = make([]constant, s.N), make([]constant, s.N)
	for i := range s.N {
		tr.forward[i] = newConstant(plain(s.RootsForward[i]), q)
		tr.backward[i] = newConstant(plain(s.RootsBackward[i]), q)
	}
	tr.nInv = newConstant(plain(s.NInv), q)
	tr.lastInv = newConstant(ring.MRed(s.NInv, tr.backward[1].w, q, s.MRedConstant), q)
	return tr, nil
}

// forwardLazy transforms a in place: from coefficients below 5q to numbers below
// 6q where q is 2^60 − δ, else from coefficients below q to any 64 bits.
func (tr *transform) forwardLazy(a []uint64) {
	m, bound := 1, 5                   // in q, and 16δ
	if bits.Len(uint(len(a)))%2 == 0 { // an odd number of layers
		firstLayer(a, tr.forward[1], tr.q)
		m, bound = 2, 7
	}
	for ; m < len(a)/4; m *= 4 {
		if tr.reduces && bound+4 > 15 {
			forwardReducing(a, tr.forward, m, tr.q)
			bound = 5
		} else {
			forwardPass(a, tr.forward, m, tr.q)
			bound += 4
		}
	}
	forwardLast(a, tr.forward[m:2*m], tr.forward[2*m:4*m], tr.q)
}

// reduce writes what is congruent to a and below q.
func (tr *transform) reduce(a []uint64) {
	if tr.reduces {
		for i, x := range a {
			a[i] = ring.CRed(x-x>>60*tr.q, tr.q)
		}
		return
	}
	for i, x := range a {
		a[i] = ring.CRed(tr.one.mul(x, tr.q), tr.q)
	}
}

// firstLayer is one layer alone: sums and differences of a's halves.
func firstLayer(a []uint64, w constant, q uint64) {
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := w.mul(y[j], q)
		x[j], y[j] = u+v, u+2*q-v
	}
}

// forwardPass is the layers of m and 2m blocks.
func forwardPass(a []uint64, roots []constant, m int, q uint64) {
	quarter := len(a) / (4 * m)
	for i := range m {
		w, w0, w1 := roots[m+i], roots[2*(m+i)], roots[2*(m+i)+1]
		a0 := a[4*i*quarter:][:quarter]
		a1 := a[(4*i+1)*quarter:][:len(a0)]
		a2 := a[(4*i+2)*quarter:][:len(a0)]
		a3 := a[(4*i+3)*quarter:][:len(a0)]
		for j, x0 := range a0 {
			x1, v2, v3 := a1[j], w.mul(a2[j], q), w.mul(a3[j], q)
			y, z := w0.mul(x1+v3, q), w1.mul(x1+2*q-v3, q)
			a0[j], a1[j] = x0+v2+y, x0+v2+2*q-y
			a2[j], a3[j] = x0+2*q-v2+z, x0+4*q-v2-z
		}
	}
}

// forwardReducing is forwardPass with the first quarter reduced before, to less
// than 2^60 + 16δ; the others are multiplied anyway.
func forwardReducing(a []uint64, roots []constant, m int, q uint64) {
	quarter := len(a) / (4 * m)
	for i := range m {
		w, w0, w1 := roots[m+i], roots[2*(m+i)], roots[2*(m+i)+1]
		a0 := a[4*i*quarter:][:quarter]
		a1 := a[(4*i+1)*quarter:][:len(a0)]
		a2 := a[(4*i+2)*quarter:][:len(a0)]
		a3 := a[(4*i+3)*quarter:][:len(a0)]
		for j, x0 := range a0 {
			x1, v2, v3 := a1[j], w.mul(a2[j], q), w.mul(a3[j], q)
			x0 -= x0 >> 60 * q
			y, z := w0.mul(x1+v3, q), w1.mul(x1+2*q-v3, q)
			a0[j], a1[j] = x0+v2+y, x0+v2+2*q-y
			a2[j], a3[j] = x0+2*q-v2+z, x0+4*q-v2-z
		}
	}
}

// forwardLast is forwardReducing for the last two layers, where every four
// numbers have roots of their own. (Below 2^59 there is nothing to reduce, and
// no harm.)
func forwardLast(a []uint64, one, two []constant, q uint64) {
	one, two = one[:len(a)/4], two[:len(a)/2]
	for i, w := range one {
		x := (*[4]uint64)(a[4*i:])
		w0, w1 := two[2*i], two[2*i+1]
		x0, x1, v2, v3 := x[0]-x[0]>>60*q, x[1], w.mul(x[2], q), w.mul(x[3], q)
		y, z := w0.mul(x1+v3, q), w1.mul(x1+2*q-v3, q)
		x[0], x[1] = x0+v2+y, x0+v2+2*q-y
		x[2], x[3] = x0+2*q-v2+z, x0+4*q-v2-z
	}
}
