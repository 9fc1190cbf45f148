package noise

import "math/big"

// laplaceSum is the exact distribution of the sum S of t independent discrete
// Laplace samples, in closed form.
//
// Its generating function is ((1−q)²/((1−qz)(1−q/z)))^t. Partial fractions at
// the pole z = 1/q give P(S = k) = Σ_{i=1..t} c_i·C(k+i−1, i−1)·q^k for k ≥ 0;
// with u = 1−qz and w = 1−q², c_{t−j} is the coefficient of u^j in
// (1−q)^{2t}·((1−u)/(w−u))^t. All terms are positive, so nothing cancels.
type laplaceSum struct {
	q, p *big.Float   // exp(−1/scale), 1 − q
	c    []*big.Float // c[i−1] = c_i / p^i
}

func newLaplaceSum(scale *big.Rat, t int) *laplaceSum {
	e := expm1(numberOf(new(big.Rat).Inv(scale)))
	e1 := newNumber().Add(e, number(1))
	s := &laplaceSum{q: newNumber().Quo(number(1), e1), p: newNumber().Quo(e, e1)}
	w := newNumber().Mul(s.p, newNumber().Add(number(1), s.q))

	// (1−u)/(w−u) = 1 + (1−w)/w·Σ (u/w)^n, to the power of t.
	base := make([]*big.Float, t)
	base[0] = newNumber().Quo(number(1), w)
	for n, next := 1, newNumber().Quo(newNumber().Mul(s.q, s.q), newNumber().Mul(w, w)); n < t; n++ {
		base[n] = next
		next = newNumber().Quo(next, w)
	}
	series := base
	for range t - 1 {
		series = mulSeries(series, base)
	}
	head := pow(s.p, big.NewInt(int64(2*t)))
	s.c = make([]*big.Float, t)
	for i := 1; i <= t; i++ {
		c := newNumber().Mul(head, series[t-i])
		s.c[i-1] = c.Quo(c, pow(s.p, big.NewInt(int64(i))))
	}
	return s
}

// mulSeries multiplies two power series of one length and keeps the length.
func mulSeries(a, b []*big.Float) []*big.Float {
	out := make([]*big.Float, len(a))
	for n := range out {
		out[n] = number(0)
		for i := range n + 1 {
			out[n].Add(out[n], newNumber().Mul(a[i], b[n-i]))
		}
	}
	return out
}

// tail returns P(S ≥ m) for m ≥ 1, given q^m. Summed over k ≥ m,
// C(k+i−1, i−1)·p^i·q^k is the probability of fewer than i successes in m+i−1
// trials.
func (s *laplaceSum) tail(m *big.Int, qm *big.Float) *big.Float {
	sum := number(0)
	ratio := newNumber().Quo(s.p, s.q)
	none := newNumber().Set(qm)
	for i, c := range s.c { // i+1 is the order of the pole
		trials := new(big.Int).Add(m, big.NewInt(int64(i)))
		term := newNumber().Set(none)
		fewer := newNumber().Set(term)
		for l := range i { // term l+1 of the binomial from term l
			left := new(big.Int).Sub(trials, big.NewInt(int64(l)))
			term.Mul(term, newNumber().SetInt(left))
			term.Mul(term.Quo(term, number(int64(l+1))), ratio)
			fewer.Add(fewer, term)
		}
		sum.Add(sum, fewer.Mul(fewer, c))
		none.Mul(none, s.q)
	}
	return sum
}

// bound returns the smallest m ≥ 0 with P(|S| > m) ≤ p < 1, except that a tail
// within a factor of 1 ± 2^-150 of p counts as above it. That is the largest m
// with P(|S| ≥ m) > p, found bit by bit; q^m follows by one product a bit.
func (s *laplaceSum) bound(p *big.Float) *big.Int {
	above := func(m *big.Int, qm *big.Float) bool {
		both := s.tail(m, qm)
		return slack(both.Mul(both, number(2))).Cmp(p) > 0
	}
	bit := func(j int) *big.Int { return new(big.Int).Lsh(one, uint(j)) }
	squares := []*big.Float{s.q} // q^(2^j)
	for above(bit(len(squares)-1), squares[len(squares)-1]) {
		last := squares[len(squares)-1]
		squares = append(squares, newNumber().Mul(last, last))
	}
	m, qm := new(big.Int), number(1)
	for j := len(squares) - 2; j >= 0; j-- {
		next, power := new(big.Int).Add(m, bit(j)), newNumber().Mul(qm, squares[j])
		if above(next, power) {
			m, qm = next, power
		}
	}
	return m
}

// variance returns the variance of one of the t samples, 2q/(1−q)².
func (s *laplaceSum) variance() *big.Float {
	v := newNumber().Mul(number(2), s.q)
	return v.Quo(v, newNumber().Mul(s.p, s.p))
}
