package he

import "fmt"

// Product computes, for one member of an active set, its share of the
// element-wise product of two shared vectors (PROTOCOL.md section 5). All members
// have additive shares mod T of both; afterwards their results add up to the
// products mod T, and are otherwise uniform: every pair's ρ re-randomises them.
//
// Every member makes a Product with the same Session, sends what Start returns,
// hands what arrives to Receive and sends what that returns, until Done. Between
// any two members go, each way, one request of RequestBytes and one answer of
// AnswerBytes. It is safe for concurrent use. A Product is for one use, and so
// is its Session: a repeat is a new Product in a new Session, with new keys.
type Product struct {
	*machine
	out []uint64
}

// NewProduct returns this member's part in the product of x and b, of which it
// has the shares given.
func NewProduct(p ProductParameters, s Session, point int, x, b []uint64) (*Product, error) {
	m, err := newPlace(p, s, point, "product")
	if err != nil {
		return nil, fmt.Errorf("prepare a product: %w", err)
	}
	if err := checkFactors(p, x, b); err != nil {
		return nil, fmt.Errorf("prepare a product: %w", err)
	}
	r := &Product{}
	first := newEvaluations(m, b, x, m.others(), m.others())
	r.machine = newMachine(m, first, func(sum []uint64) (stage, error) {
		for i := range sum {
			sum[i] = p.in.add(sum[i], p.in.mul(x[i], b[i]))
		}
		r.out = sum
		return nil, nil
	})
	return r, nil
}

// NewSquare returns this member's part in the squares of v. One evaluation per
// unordered pair is enough: v_i·v_j occurs twice. The pair takes turns in asking
// so that every member has about the same work.
func NewSquare(p ProductParameters, s Session, point int, v []uint64) (*Product, error) {
	m, err := newPlace(p, s, point, "square")
	if err != nil {
		return nil, fmt.Errorf("prepare a square: %w", err)
	}
	if err := checkFactors(p, v, v); err != nil {
		return nil, fmt.Errorf("prepare a square: %w", err)
	}
	ask, answer := m.turns()
	r := &Product{}
	first := newEvaluations(m, v, v, ask, answer)
	r.machine = newMachine(m, first, func(sum []uint64) (stage, error) {
		for i := range sum {
			sum[i] = p.in.add(p.in.add(sum[i], sum[i]), p.in.mul(v[i], v[i]))
		}
		r.out = sum
		return nil, nil
	})
	return r, nil
}

// turns says whom this member asks, and whom it answers, when every pair needs
// one evaluation only. Which one of a pair asks changes with the step.
func (m place) turns() (ask, answer []int) {
	mine := 0
	for i, j := range m.active {
		if j == m.point {
			mine = i
		}
	}
	for i, j := range m.active {
		if i == mine {
			continue
		}
		if lowerAsks := (i+mine+m.step)%2 == 1; lowerAsks == (mine < i) {
			ask = append(ask, j)
		} else {
			answer = append(answer, j)
		}
	}
	return ask, answer
}

func checkFactors(p ProductParameters, x, b []uint64) error {
	if len(x) < 1 || len(x) > maxProductLength {
		return fmt.Errorf("%w: a product of %d entries, not 1 to %d", ErrValues, len(x), maxProductLength)
	}
	if err := p.checkNumbers(x, len(x)); err != nil {
		return err
	}
	return p.checkNumbers(b, len(x))
}

// Result returns this member's shares of the products. It fails with
// ErrUnfinished until Done.
func (r *Product) Result() ([]uint64, error) {
	if err := r.finished(); err != nil {
		return nil, err
	}
	return r.out, nil
}
