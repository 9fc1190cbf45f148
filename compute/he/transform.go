package he

import (
	"fmt"
	"math/bits"
	"slices"

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
	odd               bool // number of layers: one is taken alone
	first             constant
	forward, backward [][]roots   // by pass, in the order of use
	before            [2]constant // the last inverse layer but one, if not odd
	last, nInv        constant    // the last inverse layer's root times 1/n, and 1/n
	one               constant
}

// roots are those of one block in a pass of two layers: of the layer with fewer
// blocks, and of the two blocks in the other. Together in memory, they take one
// pointer, and there are few registers.
type roots struct{ w, w0, w1 constant }

// newTransform takes the ring's roots. The prime is 2^60 − δ, δ < 2^19, or below
// 2^59.
func newTransform(s *ring.SubRing) (*transform, error) {
	q, n := s.Modulus, s.N
	if q >= 1<<60 || q >= 1<<59 && q < 1<<60-1<<19 || n > 1<<14 || n < 1<<4 {
		return nil, fmt.Errorf("%w: no transform of degree %d modulo %d", ErrParameters, n, q)
	}
	plain := func(x uint64) constant { return newConstant(ring.IMForm(x, q, s.MRedConstant), q) }
	of := func(table []uint64, m int) []roots {
		pass := make([]roots, m)
		for i := range pass {
			pass[i] = roots{plain(table[m+i]), plain(table[2*(m+i)]), plain(table[2*(m+i)+1])}
		}
		return pass
	}
	tr := &transform{q: q, reduces: q >= 1<<59, odd: bits.Len(uint(n))%2 == 0, one: newConstant(1, q)}
	tr.first = plain(s.RootsForward[1])
	for m := n / 4; m >= 2; m /= 4 {
		tr.forward = append(tr.forward, of(s.RootsForward, m))
		tr.backward = append(tr.backward, of(s.RootsBackward, m))
	}
	if !tr.odd {
		tr.forward = append(tr.forward, of(s.RootsForward, 1))
		tr.before = [2]constant{plain(s.RootsBackward[2]), plain(s.RootsBackward[3])}
	}
	slices.Reverse(tr.forward)
	tr.nInv = plain(s.NInv)
	tr.last = plain(ring.MRed(s.NInv, s.RootsBackward[1], q, s.MRedConstant))
	return tr, nil
}

// forwardLazy transforms a in place: from coefficients below 5q to numbers below
// 6q where q is 2^60 − δ, else from coefficients below q to any 64 bits.
func (tr *transform) forwardLazy(a []uint64) {
	bound := 5 // in q, and 16δ
	if tr.odd {
		firstLayer(a, tr.first, tr.q)
		bound += 2
	}
	end := len(tr.forward) - 1
	for _, pass := range tr.forward[:end] {
		switch {
		case tr.reduces && bound+4 > 15:
			forwardReducing(a, pass, tr.q)
			bound = 5
			continue
		case len(a) == 16*len(pass):
			forwardFours(a, pass, tr.q)
		default:
			forwardPass(a, pass, tr.q)
		}
		bound += 4
	}
	forwardLast(a, tr.forward[end], tr.q)
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

// forwardPass is two layers on blocks of four quarters.
func forwardPass(a []uint64, pass []roots, q uint64) {
	quarter := len(a) / (4 * len(pass))
	for i := range pass {
		w, w0, w1 := pass[i].w, pass[i].w0, pass[i].w1
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
func forwardReducing(a []uint64, pass []roots, q uint64) {
	quarter := len(a) / (4 * len(pass))
	for i := range pass {
		w, w0, w1 := pass[i].w, pass[i].w0, pass[i].w1
		a0 := a[4*i*quarter:][:quarter]
		a1 := a[(4*i+1)*quarter:][:len(a0)]
		a2 := a[(4*i+2)*quarter:][:len(a0)]
		a3 := a[(4*i+3)*quarter:][:len(a0)]
		for j, x0 := range a0 {
			x1, v2, v3 := a1[j], w.mul(a2[j], q), w.mul(a3[j], q)
			y, z := w0.mul(x1+v3, q), w1.mul(x1+2*q-v3, q)
			x0 -= x0 >> 60 * q
			a0[j], a1[j] = x0+v2+y, x0+v2+2*q-y
			a2[j], a3[j] = x0+2*q-v2+z, x0+4*q-v2-z
		}
	}
}

// forwardFours is forwardPass with quarters of four numbers, of which the
// compiler knows the bounds.
func forwardFours(a []uint64, pass []roots, q uint64) {
	for i := range pass {
		if len(a) < 16 {
			return
		}
		w, w0, w1, x := pass[i].w, pass[i].w0, pass[i].w1, (*[16]uint64)(a)
		a = a[16:]
		for j := range 4 {
			x0, x1, v2, v3 := x[j], x[j+4], w.mul(x[j+8], q), w.mul(x[j+12], q)
			y, z := w0.mul(x1+v3, q), w1.mul(x1+2*q-v3, q)
			x[j], x[j+4] = x0+v2+y, x0+v2+2*q-y
			x[j+8], x[j+12] = x0+2*q-v2+z, x0+4*q-v2-z
		}
	}
}

// forwardLast is forwardReducing with quarters of one number. Below 2^59 there
// is nothing to reduce, and no harm.
func forwardLast(a []uint64, pass []roots, q uint64) {
	for i := range pass {
		if len(a) < 4 { // never: it spares a bounds check and a register
			return
		}
		r, x := &pass[i], (*[4]uint64)(a)
		a = a[4:]
		x0, x1, v2, v3 := x[0]-x[0]>>60*q, x[1], r.w.mul(x[2], q), r.w.mul(x[3], q)
		y, z := r.w0.mul(x1+v3, q), r.w1.mul(x1+2*q-v3, q)
		x[0], x[1] = x0+v2+y, x0+v2+2*q-y
		x[2], x[3] = x0+2*q-v2+z, x0+4*q-v2-z
	}
}
