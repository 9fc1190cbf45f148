package he

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// What the ledger judges, of a private vector's checks, is judged here too: tests have no
// ledger. What follows it reads of parameters and sums what tests alone look at.

var (
	// ErrNotPolynomial is returned when the nodes' shares of a private vector do
	// not lie on one polynomial of degree t−1: different active sets would see
	// different vectors.
	ErrNotPolynomial = errors.New("shares are not of one polynomial")
	// ErrNotBits is returned when a private vector has an entry other than 0 and
	// 1, or a partition an entity in two pieces.
	ErrNotBits = errors.New("vector has an entry other than 0 and 1, or an entity in two pieces")
)

// CheckLine is the first check: the values of all n nodes, by point, lie on a
// polynomial of degree t−1, so that no two active sets see different vectors. It
// fails with ErrNotPolynomial, or with ErrMissing if one is missing.
func (p ProductParameters) CheckLine(s VectorSpec, values map[int]CheckValues) (err error) {
	defer guard("check a vector", &err)
	if err := cmp.Or(p.check(), s.Check()); err != nil {
		return err
	}
	if err := p.checkPublished(values, everyPoint(s.Nodes)); err != nil {
		return err
	}
	base := everyPoint(s.Threshold)
	for point := s.Threshold + 1; point <= s.Nodes; point++ {
		weights := p.in.lagrange(base, point)
		for run := range CheckRuns {
			var want uint64
			for i, x := range base {
				want = p.in.add(want, p.in.mul(weights[i], values[x][run]))
			}
			if values[point][run] != want {
				return fmt.Errorf("%w: point %d in run %d", ErrNotPolynomial, point, run)
			}
		}
	}
	return nil
}

// CheckBits is the second check: the values of the members, by point, add up to
// 0 in every run. It fails with ErrNotBits, or with ErrMissing if one is missing.
func (p ProductParameters) CheckBits(active []int, values map[int]CheckValues) (err error) {
	defer guard("check a vector", &err)
	if err := p.check(); err != nil {
		return err
	}
	if err := p.checkPublished(values, active); err != nil {
		return err
	}
	for run := range CheckRuns {
		var sum uint64
		for _, x := range active {
			sum = p.in.add(sum, values[x][run])
		}
		if sum != 0 {
			return ErrNotBits
		}
	}
	return nil
}

// checkPublished says whether there is exactly one value of each point.
func (p ProductParameters) checkPublished(values map[int]CheckValues, points []int) error {
	for _, x := range points {
		v, ok := values[x]
		if !ok {
			return fmt.Errorf("value of point %d: %w", x, ErrMissing)
		}
		if slices.Max(v[:]) >= p.T() {
			return fmt.Errorf("value of point %d: %w: not below T", x, ErrValues)
		}
	}
	if len(values) != len(points) {
		return fmt.Errorf("%w: %d values for %d points", ErrPoint, len(values), len(points))
	}
	return nil
}

// MaxSum returns (T−1)/2, the largest |Σ| that is exact.
func (p Parameters) MaxSum() *big.Int { return new(big.Int).SetUint64((p.in.lit.T - 1) / 2) }

// Literal returns the literal with every default filled in.
func (p Parameters) Literal() ParametersLiteral {
	lit := p.in.lit
	lit.Q = slices.Clone(lit.Q)
	lit.LogSmudging = p.in.logB
	return lit
}

// LogDistance returns log2 of how far, at most, the statistical distance of one
// chunk of a response is from one that depends on nothing but the result:
// N·hidden/2B.
func (p ProductParameters) LogDistance() float64 {
	return log2(new(big.Int).Mul(p.in.hidden(), big.NewInt(int64(p.in.n)))) - float64(p.in.lit.LogFlooding) - 1
}
