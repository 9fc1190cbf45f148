package modular

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// ErrModulus is returned for a prime or a degree that no [Transform] is made for.
var ErrModulus = errors.New("unsuitable modulus")

// Transform is the number theoretic transform over one prime, with roots in lattigo's
// order, so its results are lattigo's. It takes two layers a
// pass, multiplies by constants (one high and two low multiplications, no chain
// between them), and reduces late: a product is below 2q for any factor below
// 2^64, so the numbers only grow by 2q a layer, and there is room for 16q.
type Transform struct {
	q                 uint64
	reduces           bool // q is 2^60 − δ, δ < 2^19; else q < 2^59, and 14 layers fit 64 bits
	odd               bool // number of layers: one is taken alone
	first             Factor
	forward, backward [][]roots // by pass, in the order of use
	before            [2]Factor // the last inverse layer but one, if not odd
	last, nInv        Factor    // the last inverse layer's root times 1/n, and 1/n
	one               Factor
}

// roots are those of one block in a pass of two layers: of the layer with fewer
// blocks, and of the two blocks in the other. Together in memory, they take one
// pointer, and there are few registers.
type roots struct{ w, w0, w1 Factor }

// Roots are the powers of a 2n-th root of unity in bit-reversed order, those of its inverse,
// and 1/n. All are below the prime.
type Roots struct {
	Forward, Backward []uint64
	NInv              uint64
}

// NewTransform returns the transform of len(r.Forward) numbers, a power of two from 2^4 to
// 2^14. The prime q is 2^60 − δ, δ < 2^19, or below 2^59. It fails with [ErrModulus].
func NewTransform(q uint64, r Roots) (*Transform, error) {
	n := len(r.Forward)
	if q >= 1<<60 || q >= 1<<59 && q < 1<<60-1<<19 || n > 1<<14 || n < 1<<4 {
		return nil, fmt.Errorf("%w: no transform of degree %d modulo %d", ErrModulus, n, q)
	}
	of := func(table []uint64, m int) []roots {
		pass := make([]roots, m)
		for i := range pass {
			pass[i] = roots{NewFactor(table[m+i], q), NewFactor(table[2*(m+i)], q), NewFactor(table[2*(m+i)+1], q)}
		}
		return pass
	}
	tr := &Transform{q: q, reduces: q >= 1<<59, odd: bits.Len(uint(n))%2 == 0, one: NewFactor(1, q)}
	tr.first = NewFactor(r.Forward[1], q)
	for m := n / 4; m >= 2; m /= 4 {
		tr.forward = append(tr.forward, of(r.Forward, m))
		tr.backward = append(tr.backward, of(r.Backward, m))
	}
	if !tr.odd {
		tr.forward = append(tr.forward, of(r.Forward, 1))
		tr.before = [2]Factor{NewFactor(r.Backward[2], q), NewFactor(r.Backward[3], q)}
	}
	slices.Reverse(tr.forward)
	tr.nInv = NewFactor(r.NInv, q)
	tr.last = NewFactor(Reduce(tr.nInv.Mul(r.Backward[1], q), q), q)
	return tr, nil
}

// Forward transforms a in place: from coefficients below 5q to numbers below
// 6q where q is 2^60 − δ, else from coefficients below q to any 64 bits.
func (tr *Transform) Forward(a []uint64) {
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

// Reduce writes what is congruent to a and below q.
func (tr *Transform) Reduce(a []uint64) {
	if tr.reduces {
		for i, x := range a {
			a[i] = Reduce(x-x>>60*tr.q, tr.q)
		}
		return
	}
	for i, x := range a {
		a[i] = Reduce(tr.one.Mul(x, tr.q), tr.q)
	}
}

// firstLayer is one layer alone: sums and differences of a's halves.
func firstLayer(a []uint64, w Factor, q uint64) {
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := w.Mul(y[j], q)
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
			x1, v2, v3 := a1[j], w.Mul(a2[j], q), w.Mul(a3[j], q)
			y, z := w0.Mul(x1+v3, q), w1.Mul(x1+2*q-v3, q)
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
			x1, v2, v3 := a1[j], w.Mul(a2[j], q), w.Mul(a3[j], q)
			y, z := w0.Mul(x1+v3, q), w1.Mul(x1+2*q-v3, q)
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
			x0, x1, v2, v3 := x[j], x[j+4], w.Mul(x[j+8], q), w.Mul(x[j+12], q)
			y, z := w0.Mul(x1+v3, q), w1.Mul(x1+2*q-v3, q)
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
		x0, x1, v2, v3 := x[0]-x[0]>>60*q, x[1], r.w.Mul(x[2], q), r.w.Mul(x[3], q)
		y, z := r.w0.Mul(x1+v3, q), r.w1.Mul(x1+2*q-v3, q)
		x[0], x[1] = x0+v2+y, x0+v2+2*q-y
		x[2], x[3] = x0+2*q-v2+z, x0+4*q-v2-z
	}
}
