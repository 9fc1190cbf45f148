package modular

// Inverse transforms a back in place, to coefficients below q, from numbers
// below 4q. So are they between the passes.
func (tr *Transform) Inverse(a []uint64) {
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
		x[j], y[j] = Reduce(c.Mul(u+v, q), q), Reduce(w.Mul(u+4*q-v, q), q)
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
		s, d := x[0]+x[1], r.w0.Mul(x[0]+4*q-x[1], q)
		u, e := x[2]+x[3], r.w1.Mul(x[2]+4*q-x[3], q)
		x[0], x[1] = Reduce(Reduce(s+u, 8*q), 4*q), d+e
		x[2], x[3] = r.w.Mul(s+8*q-u, q), r.w.Mul(d+2*q-e, q)
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
			s, d := x[j]+x[j+4], w0.Mul(x[j]+4*q-x[j+4], q)
			u, e := x[j+8]+x[j+12], w1.Mul(x[j+8]+4*q-x[j+12], q)
			x[j], x[j+4] = Reduce(Reduce(s+u, 8*q), 4*q), d+e
			x[j+8], x[j+12] = w.Mul(s+8*q-u, q), w.Mul(d+2*q-e, q)
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
			s, d := x0+x1, w0.Mul(x0+4*q-x1, q)
			u, e := x2+x3, w1.Mul(x2+4*q-x3, q)
			a0[j], a1[j] = Reduce(Reduce(s+u, 8*q), 4*q), d+e
			a2[j], a3[j] = w.Mul(s+8*q-u, q), w.Mul(d+2*q-e, q)
		}
	}
}

// inverseLayer is one layer alone.
func inverseLayer(a []uint64, w Factor, q uint64) {
	x := a[:len(a)/2]
	y := a[len(a)/2:][:len(x)]
	for j, u := range x {
		v := y[j]
		x[j], y[j] = Reduce(u+v, 4*q), w.Mul(u+4*q-v, q)
	}
}
