package he

import (
	"cmp"
	"fmt"
	"slices"
)

// Product computes, for one member of an active set, its share of the
// element-wise product of two shared vectors (PROTOCOL.md section 5). All members
// have additive shares mod T of both; afterwards their results add up to the
// products mod T, and are otherwise uniform: every pair's ρ re-randomises them.
//
// Every member makes a Product with the same Session, sends what Start returns,
// hands what arrives to Receive and sends what that returns, until Done. Between
// any two members go, each way, one request of RequestBytes and one answer of
// AnswerBytes. A Product is for one use, and so is its Session: a repeat is a new
// Product in a new Session, with new keys.
// Result returns this member's shares of the products.
type Product struct{ computation[[]uint64] }

// NewProduct returns this member's part in the product of x and b, of which it
// has the shares given.
func NewProduct(p ProductParameters, s Session, point int, x, b []uint64) (*Product, error) {
	return newProduct(p, s, point, "product", x, b)
}

// NewSquare returns this member's part in the squares of v. One evaluation per
// unordered pair is enough: v_i·v_j occurs twice. The pair takes turns in asking
// so that every member has about the same work.
func NewSquare(p ProductParameters, s Session, point int, v []uint64) (*Product, error) {
	return newProduct(p, s, point, "square", v, v)
}

func newProduct(p ProductParameters, s Session, point int, what string, x, b []uint64) (_ *Product, err error) {
	defer guard("prepare a "+what, &err)
	m, err := newPlace(p, s, point, what)
	if err != nil {
		return nil, err
	}
	if len(x) < 1 || len(x) > maxProductLength {
		return nil, fmt.Errorf("%w: a product of %d entries, not 1 to %d", ErrValues, len(x), maxProductLength)
	}
	if err := cmp.Or(p.checkNumbers(x, len(x)), p.checkNumbers(b, len(x))); err != nil {
		return nil, err
	}
	ask, answer, square := m.others(), m.others(), what == "square"
	if square {
		ask, answer = m.turns()
	}
	r := &Product{}
	r.machine = newMachine(m, newEvaluations(m, b, x, ask, answer), func(sum []uint64) (stage, error) {
		for i := range sum {
			if square {
				sum[i] = p.in.add(sum[i], sum[i])
			}
			sum[i] = p.in.add(sum[i], p.in.mul(x[i], b[i]))
		}
		r.out = sum
		return nil, nil
	})
	return r, nil
}

// turns says whom this member asks, and whom it answers, when every pair needs
// one evaluation only. Which one of a pair asks changes with the step.
func (m place) turns() (ask, answer []int) {
	mine := slices.Index(m.active, m.point)
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
