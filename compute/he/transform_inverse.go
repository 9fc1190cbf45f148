package he

import "github.com/tuneinsight/lattigo/v5/ring"

// inverse transforms a back in place, to coefficients below q, from numbers
// below 4q. So are they between the passes.
func (tr *transform) inverse(a []uint64) {
	for _, pass := range tr.backward {
		switch len(a) / len(pass) {
		case 4:
			inverseFirst(a, pass, tr.q)
		case 16:
			inverseFours(a, pass, tr.q)
		default:
			inversePass(a, pass, tr.q)
		}
	}
	if !tr.odd {
		half := len(a) / 2
		inverseLayer(a[:half], tr.before[0], tr.q)
		inverseLayer(a[half:], tr.before[1], tr.q)
	}
	q, w, c := tr.q, tr.last, tr.nInv
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := y[j]
		x[j], y[j] = ring.CRed(c.mul(u+v, q), q), ring.CRed(w.mul(u+4*q-v, q), q)
	}
}

// inverseFirst is inversePass with quarters of one number.
func inverseFirst(a []uint64, pass []roots, q uint64) {
	for i := range pass {
		if len(a) < 4 { // never, as in forwardLast
			return
		}
		r, x := &pass[i], (*[4]uint64)(a)
		a = a[4:]
		s, d := x[0]+x[1], r.w0.mul(x[0]+4*q-x[1], q)
		u, e := x[2]+x[3], r.w1.mul(x[2]+4*q-x[3], q)
		x[0], x[1] = ring.CRed(ring.CRed(s+u, 8*q), 4*q), d+e
		x[2], x[3] = r.w.mul(s+8*q-u, q), r.w.mul(d+2*q-e, q)
	}
}

// inverseFours is inversePass with quarters of four numbers.
func inverseFours(a []uint64, pass []roots, q uint64) {
	for i := range pass {
		if len(a) < 16 {
			return
		}
		w, w0, w1, x := pass[i].w, pass[i].w0, pass[i].w1, (*[16]uint64)(a)
		a = a[16:]
		for j := range 4 {
			s, d := x[j]+x[j+4], w0.mul(x[j]+4*q-x[j+4], q)
			u, e := x[j+8]+x[j+12], w1.mul(x[j+8]+4*q-x[j+12], q)
			x[j], x[j+4] = ring.CRed(ring.CRed(s+u, 8*q), 4*q), d+e
			x[j+8], x[j+12] = w.mul(s+8*q-u, q), w.mul(d+2*q-e, q)
		}
	}
}

// inversePass undoes forwardPass, but for a factor of four.
func inversePass(a []uint64, pass []roots, q uint64) {
	quarter := len(a) / (4 * len(pass))
	for i := range pass {
		w, w0, w1 := pass[i].w, pass[i].w0, pass[i].w1
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

// inverseLayer is one layer alone.
func inverseLayer(a []uint64, w constant, q uint64) {
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := y[j]
		x[j], y[j] = ring.CRed(u+v, 4*q), w.mul(u+4*q-v, q)
	}
}
