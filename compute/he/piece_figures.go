package he

import "slices"

// The second half of a piece test: what the checks look at, beside what the figures come
// to. The checks are opened first, and the figures' number only where they are 0.

// carried is what some consecutive steps of a figure make of N, by piece:
// N → p + e·N. With e nil it is N itself.
type carried struct{ p, e []uint64 }

// figures computes N of every figure and piece, beside c·r·b and f·B, which the checks
// look at, and ρ times the checks.
func (t *pieceRun) figures() (stage, error) {
	steps := t.steps()
	multiplied := func(x, b []uint64, into *[]uint64) *job {
		if len(x) == 0 {
			return nil
		}
		return &job{x: x, b: b, then: func(products []uint64) *job {
			*into = products
			return nil
		}}
	}
	return t.work([]*job{multiplied(t.cr, t.b, &t.crb), multiplied(t.f, t.kb, &t.fkb), t.polynomials(steps)}, func() (stage, error) {
		sums, err := t.checked()
		if err != nil {
			return nil, err
		}
		list := t.begun(steps)
		jobs := []*job{t.carry(list)}
		if !t.hooks.noRho {
			jobs = append(jobs, multiplied(t.rho[:CheckRuns], sums, &sums))
		}
		return t.work(jobs, func() (stage, error) { return t.open(sums, list), nil })
	})
}

// checked returns this member's shares of what the checks add up to, under every
// expansion of the challenge.
func (t *pieceRun) checked() ([]uint64, error) {
	in := t.place.p.in
	values := make([]uint64, 0, t.witnesses())
	for i, x := range t.cr {
		values = append(values, in.sub(x, t.crb[i]))
	}
	for i, x := range t.f {
		values = append(values, in.sub(x, t.fkb[i]))
	}
	values = append(values, t.mE...)
	sums := make([]uint64, CheckRuns)
	for run := range sums {
		chi, err := in.factors(t.challenge, labelPieces, run, len(values))
		if err != nil {
			return nil, err
		}
		for i, x := range values {
			sums[run] = in.add(sums[run], in.mul(chi[i], x))
		}
	}
	return sums, nil
}

// begun sets N before the first step of every figure, which is 1. Figures without a step
// are left out: nothing changed ever, and they pass.
func (t *pieceRun) begun(steps [][]carried) [][]carried {
	in := t.place.p.in
	var list [][]carried
	for _, s := range steps {
		if len(s) == 0 {
			continue
		}
		for i, e := range s[0].e {
			s[0].p[i] = in.add(s[0].p[i], e)
		}
		s[0].e = nil
		list = append(list, s)
	}
	return list
}

// open is the stage that opens the checks. The test goes on only if they are 0: then ρ
// times the product of every N is opened.
func (t *pieceRun) open(sums []uint64, list [][]carried) stage {
	t.next = func(opened []uint64) (stage, error) {
		t.checks = opened
		if slices.ContainsFunc(opened, notZero) {
			return nil, nil
		}
		numbers := []uint64{t.rho[CheckRuns]}
		for _, s := range list {
			numbers = append(numbers, s[0].p...)
		}
		return t.lastNumber(numbers)
	}
	return newRevelation(t.place, sums...)
}

// steps are the steps of all figures, without their polynomials in M.
func (t *pieceRun) steps() [][]carried {
	out := make([][]carried, len(t.Figures))
	for i, f := range t.Figures {
		for _, step := range f.Steps {
			c := carried{p: make([]uint64, t.Pieces)}
			if at := t.movedAt[step.Move]; at >= 0 {
				c.e = slices.Clone(t.still[at*t.Pieces:][:t.Pieces])
			} else {
				c.e = t.oneMinus(make([]uint64, t.Pieces))
			}
			out[i] = append(out[i], c)
		}
	}
	return out
}

// polynomials fills in Π (M − j).
func (t *pieceRun) polynomials(steps [][]carried) *job {
	var sums []uint64
	var degrees []int
	var into [][]uint64
	for i, f := range t.Figures {
		for n, step := range f.Steps {
			d := t.factors(f.K, step)
			if d == 0 {
				continue // M never reaches K
			}
			sums = append(sums, t.together(f.K, step)...)
			for range t.Pieces {
				degrees = append(degrees, d)
			}
			into = append(into, steps[i][n].p)
		}
	}
	if len(sums) == 0 {
		return nil
	}
	return t.falling(sums, degrees, func(values []uint64) *job {
		for _, p := range into {
			values = values[copy(p, values):]
		}
		return nil
	})
}

// together returns this member's shares of M of a step, by piece.
func (t *pieceRun) together(k int, step PieceStep) []uint64 {
	in, out := t.place.p.in, make([]uint64, t.Pieces)
	for _, u := range step.Units {
		if at := t.mixedAt[u]; at >= 0 {
			for i := range out {
				out[i] = in.add(out[i], t.b[at*t.Pieces+i])
			}
		}
		if at, ok := t.bothAt[bothUnit{u, k}]; ok {
			for i := range out {
				out[i] = in.add(out[i], in.mul(uint64(k-1), t.kb[at*t.Pieces+i]))
			}
		}
	}
	return out
}

// carry joins consecutive steps two by two until every figure has one left. It
// returns nil if every figure has.
func (t *pieceRun) carry(list [][]carried) *job {
	j := &job{}
	for _, s := range list {
		for n := 0; n+1 < len(s); n += 2 {
			early, late := s[n], s[n+1]
			j.x, j.b = append(j.x, early.p...), append(j.b, late.e...)
			if early.e != nil {
				j.x, j.b = append(j.x, early.e...), append(j.b, late.e...)
			}
		}
	}
	if len(j.x) == 0 {
		return nil
	}
	j.then = func(products []uint64) *job {
		in := t.place.p.in
		take := func() []uint64 {
			out := products[:t.Pieces:t.Pieces]
			products = products[t.Pieces:]
			return out
		}
		for f, s := range list {
			left := s[:0]
			for n := 0; n+1 < len(s); n += 2 {
				both := carried{p: take()}
				for i, x := range s[n+1].p {
					both.p[i] = in.add(both.p[i], x)
				}
				if s[n].e != nil {
					both.e = take()
				}
				left = append(left, both)
			}
			if len(s)%2 == 1 {
				left = append(left, s[len(s)-1])
			}
			list[f] = left
		}
		return t.carry(list)
	}
	return j
}

// lastNumber multiplies numbers to one and opens it. level takes few enough for a chunk:
// for two members it has fewer stages.
func (t *pieceRun) lastNumber(numbers []uint64) (stage, error) {
	if len(numbers) <= t.place.p.in.n/2 {
		return t.level(numbers)
	}
	n := len(numbers) / 2
	var products []uint64
	return t.work([]*job{{x: numbers[:n], b: numbers[n : 2*n], then: func(out []uint64) *job {
		products = out
		return nil
	}}}, func() (stage, error) { return t.lastNumber(append(products, numbers[2*n:]...)) })
}
