package he

import (
	"encoding/binary"
	"fmt"

	"github.com/weirdata/weir/compute/he/prf"
)

// The checks of a private vector (PROTOCOL.md sections 6.3 and 6.4). Each run has its own
// random factors χ, expanded from the challenge.

// CheckValues are the numbers that a node publishes in a check, one a run.
type CheckValues [CheckRuns]uint64

// factors expands χ for one run of a check.
func (in *productInstance) factors(challenge [32]byte, label string, run, n int) ([]uint64, error) {
	var context [32]byte
	binary.LittleEndian.PutUint64(context[:], uint64(run))
	s, err := prf.New(challenge, label, context)
	if err != nil {
		return nil, err
	}
	xs := make([]uint64, n)
	s.Uniform(xs, in.t.Modulus)
	return xs, nil
}

// LineValues returns what the node publishes in the first check: Σ χ_e·v_e plus
// the run's mask, on its Shamir share. The masks make the values say nothing about
// the entries.
func (v *VectorShare) LineValues(challenge [32]byte) (CheckValues, error) {
	var out CheckValues
	in := v.p.in
	for run := range out {
		chi, err := in.factors(challenge, labelLine, run, v.spec.Entries())
		if err != nil {
			return out, fmt.Errorf("check a vector: %w", err)
		}
		sum := v.xs[v.spec.Entries()+run]
		for e, f := range chi {
			sum = in.add(sum, in.mul(f, v.xs[e]))
		}
		out[run] = sum
	}
	return out, nil
}

// BitCheck is one member's part in the second check: every entry is 0 or 1, and in a
// partition the sum of every entity's entries is, so that nobody is in two pieces. The
// members square both, without the masks, and every member publishes its share of
// ρ·Σ χ_e·(v_e² − v_e), and the bits above their entities' limits likewise, for every run, ρ a fresh random number to which every member
// contributes: Result. The ledger judges them. It is driven like a Product.
//
// What is published is a share of a product, uniform but for the sum, and the sum is 0
// for a good vector. For any other it is uniform. Without ρ a member that adds δ to its
// share of one entry opens χ·(δ² + 2vδ − δ), and has v (TestRhoHidesAnEntry).
type BitCheck struct{ computation[CheckValues] }

// NewBitCheck returns this node's part in the check of a vector among the
// members of a session, who are an active set of the vector's roster.
//
// limits are how many of an entity's bits may be other than 0, the lowest, by entity; nil: all of
// them. The bits above are added to what opens, each times a random number of its own: they are
// shares already, so nothing more is multiplied.
func NewBitCheck(s Session, v *VectorShare, challenge [32]byte, limits []int32) (*BitCheck, error) {
	return newBitCheck(s, v, challenge, limits, false)
}

// newBitCheck leaves ρ out for a test, which shows what it is for.
func newBitCheck(s Session, v *VectorShare, challenge [32]byte, limits []int32, noRho bool) (_ *BitCheck, err error) {
	defer guard("prepare the check of a vector", &err)
	m, err := newPlace(v.p, s, v.point, "bits")
	if err != nil {
		return nil, err
	}
	bits, err := v.Additive(s.Active)
	if err != nil {
		return nil, err
	}
	above, err := v.aboveLimits(bits, limits, challenge)
	if err != nil {
		return nil, err
	}
	random, err := prf.Fresh()
	if err != nil {
		return nil, err
	}
	defer random.Erase()
	rho := make([]uint64, CheckRuns)
	random.Uniform(rho, v.p.T())
	if v.spec.Pieces > 1 {
		bits = append(bits, v.sums(bits)...)
	}
	c, in := &BitCheck{}, v.p.in
	ask, answer := m.turns()
	first := newEvaluations(m, bits, bits, ask, answer)
	t := &batches{}
	c.machine = newMachine(m, first, func(sum []uint64) (stage, error) {
		values := make([]uint64, CheckRuns)
		for e, x := range bits {
			// v² − v, in shares: x·(x−1) and twice the pairs' products.
			sum[e] = in.add(in.add(sum[e], sum[e]), in.sub(in.mul(x, x), x))
		}
		for run := range values {
			chi, err := in.factors(challenge, labelBits, run, len(sum))
			if err != nil {
				return nil, err
			}
			for e, f := range chi {
				values[run] = in.add(values[run], in.mul(f, sum[e]))
			}
			values[run] = in.add(values[run], above[run])
		}
		publish := func(shares []uint64) *job {
			copy(c.out[:], shares)
			return nil
		}
		done := func() (stage, error) { return nil, nil }
		if noRho {
			publish(values)
			return done()
		}
		return t.work([]*job{{x: rho, b: values, then: publish}}, done)
	})
	t.machine = c.machine
	return c, nil
}

// aboveLimits is, for each run, the sum of an entity's bits above its limit, over all entities, each
// bit times a factor of its own.
func (v *VectorShare) aboveLimits(bits []uint64, limits []int32, challenge [32]byte) (out CheckValues, err error) {
	if limits == nil {
		return out, nil
	}
	if len(limits) != v.spec.Entities || v.spec.Pieces > 0 {
		return out, fmt.Errorf("%w: limits of %d entities for weights of %d", ErrVector, len(limits), v.spec.Entities)
	}
	in := v.p.in
	for run := range out {
		chi, err := in.factors(challenge, labelLimits, run, v.spec.Entries())
		if err != nil {
			return out, fmt.Errorf("check a vector: %w", err)
		}
		for e, limit := range limits {
			if limit < 0 || int(limit) > v.spec.Bits {
				return out, fmt.Errorf("%w: a limit of %d bits for weights of %d", ErrVector, limit, v.spec.Bits)
			}
			for b := int(limit); b < v.spec.Bits; b++ {
				at := b*v.spec.Entities + e
				out[run] = in.add(out[run], in.mul(chi[at], bits[at]))
			}
		}
	}
	return out, nil
}

// sums adds up the shares of every entity's bits.
func (v *VectorShare) sums(bits []uint64) []uint64 {
	n := v.spec.Entities
	out := make([]uint64, n)
	for b := range v.spec.Bits {
		for e, x := range bits[b*n:][:n] {
			out[e] = v.p.in.add(out[e], x)
		}
	}
	return out
}
