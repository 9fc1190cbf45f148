package he

import (
	"github.com/tuneinsight/lattigo/v5/ring"
)

// inverse transforms a back in place, to coefficients below q, from numbers
// below 4q.
func (tr *transform) inverse(a []uint64) {
	q, n := tr.q, len(a)
	inverseFirst(a, tr.backward[n/4:n/2], tr.backward[n/2:n], q)
	m := n / 16
	for ; m >= 2; m /= 4 {
		inversePass(a, tr.backward, m, q)
	}
	if m == 1 { // an even number of layers
		tr.inverseLastTwo(a)
	} else {
		tr.inverseLast(a)
	}
}

// inverseFirst is the first two layers, as forwardLast. What goes in and what
// comes out is below 4q, here and in the other passes.
func inverseFirst(a []uint64, one, two []constant, q uint64) {
	one, two = one[:len(a)/4], two[:len(a)/2]
	for i, w := range one {
		x := (*[4]uint64)(a[4*i:])
		w0, w1 := two[2*i], two[2*i+1]
		s, d := x[0]+x[1], w0.mul(x[0]+4*q-x[1], q)
		u, e := x[2]+x[3], w1.mul(x[2]+4*q-x[3], q)
		x[0], x[1] = ring.CRed(ring.CRed(s+u, 8*q), 4*q), d+e
		x[2], x[3] = w.mul(s+8*q-u, q), w.mul(d+2*q-e, q)
	}
}

// inversePass is the layers of 2m and m blocks.
func inversePass(a []uint64, roots []constant, m int, q uint64) {
	quarter := len(a) / (4 * m)
	for i := range m {
		w, w0, w1 := roots[m+i], roots[2*(m+i)], roots[2*(m+i)+1]
		a0 := a[4*i*quarter:][:quarter]
		a1 := a[(4*i+1)*quarter:][:len(a0)]
		a2 := a[(4*i+2)*quarter:][:len(a0)]
		a3 := a[(4*i+3)*quarter:][:len(a0)]
		for j, x0 := range a0 {
			x1, x2, x3 := a1[j], a2[j], a3[j]
			s, d := x0+x1, w0.mul(x0+4*q-x1, q)
			u, e := x2+x3, w1.mul(x2+4*q-x3, q)
			a0[j], a1[j] = ring.CRed(ring.CRed(s+u, 8*q), 4*q), d+e
			a2[j], a3[j] = w.mul(s+8*q-u, q), w.mul(d+2*q-e, q)
		}
	}
}

// inverseLast is the last layer, the factor 1/n and the exact reduction.
func (tr *transform) inverseLast(a []uint64) {
	q, w, c := tr.q, tr.lastInv, tr.nInv
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := y[j]
		x[j], y[j] = ring.CRed(c.mul(u+v, q), q), ring.CRed(w.mul(u+4*q-v, q), q)
	}
}

// inverseLastTwo is inverseLast with the layer before it.
func (tr *transform) inverseLastTwo(a []uint64) {
	q := tr.q
	inverseLayer(a[:len(a)/2], tr.backward[2], q)
	inverseLayer(a[len(a)/2:], tr.backward[3], q)
	tr.inverseLast(a)
}

func inverseLayer(a []uint64, w constant, q uint64) {
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := y[j]
		x[j], y[j] = ring.CRed(u+v, 4*q), w.mul(u+4*q-v, q)
	}
}
