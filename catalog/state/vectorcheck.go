package state

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/polynomial"
	"github.com/weirdata/weir/catalog/records"
)

// vectorRuns is how often each check of a vector is run (PROTOCOL.md section 6.3).
const vectorRuns = 2

// openVector returns a vector that is in a state, and the point of the node that
// speaks, counted from 0.
func (c *applyContext) openVector(id string, state catalog.VectorState) (catalog.Vector, int, error) {
	v, err := load[catalog.Vector](c.tx, records.PrefixVector+id, "unknown.vector", id)
	if err != nil {
		return v, 0, err
	}
	if v.State != state {
		return v, 0, catalog.Conflict("vector_state", "vector.state", v.ID, v.State)
	}
	at := slices.Index(v.Nodes, c.node.ID)
	if at < 0 {
		return v, 0, catalog.Forbidden("member", "vector.member", c.node.ID, v.ID)
	}
	return v, at, nil
}

// holdVector notes that a node holds its share. With the last one the challenge is
// there: nobody knew it when the vector was committed to, and it is the only one
// that the commitment will ever have.
func holdVector(c *applyContext, b catalog.VectorHold) error {
	v, at, err := c.openVector(b.Vector, catalog.VectorStoring)
	switch {
	case err != nil:
		return err
	case !b.Reason.IsZero():
		return c.endVector(v, catalog.VectorRejected, catalog.Why("node.said", c.node.ID).With(b.Reason.Clean()))
	case v.Nonces[at] != nil:
		return catalog.Conflict("twice", "vector.held", c.node.ID)
	case len(b.Nonce) != vectorNonce:
		return catalog.Invalid("nonce", "vector.nonce", len(b.Nonce), vectorNonce)
	}
	v.Nonces[at] = b.Nonce
	if !slices.ContainsFunc(v.Nonces, func(n []byte) bool { return n == nil }) {
		v.State, v.Lines = catalog.VectorLining, make([][]uint64, len(v.Nodes))
	}
	return c.putVector(v)
}

// lineVector takes a node's numbers in the first check; the last one's decide.
func lineVector(c *applyContext, b catalog.VectorLine) error {
	v, at, err := c.openVector(b.Vector, catalog.VectorLining)
	if err != nil {
		return err
	}
	if v.Lines[at] != nil {
		return catalog.Conflict("twice", "vector.line_sent", c.node.ID)
	}
	if r := checkVectorNumbers(v, b.Values); r != nil {
		return r
	}
	v.Lines[at] = b.Values
	if slices.ContainsFunc(v.Lines, func(n []uint64) bool { return n == nil }) {
		return c.putVector(v)
	}
	if !polynomial.Modulus(v.Modulus).On(v.Lines, v.Threshold) {
		return c.endVector(v, catalog.VectorRejected, catalog.Why("vector.polynomial", v.Threshold-1))
	}
	v.State, v.Lines = catalog.VectorProving, nil
	return c.putVector(v)
}

func checkVectorNumbers(v catalog.Vector, list []uint64) *catalog.Refusal {
	if len(list) != vectorRuns {
		return catalog.Invalid("values", "vector.numbers", len(list), vectorRuns)
	}
	for i, x := range list {
		if x >= v.Modulus {
			return catalog.Invalid(fmt.Sprintf("values[%d]", i), "vector.number", x, v.Modulus)
		}
	}
	return nil
}

// attemptVector names an active set for the second check. What it opens is the
// same in every attempt, 0 for a vector that is what it should be.
func attemptVector(c *applyContext, b catalog.VectorAttempt) error {
	v, _, err := c.openVector(b.Vector, catalog.VectorProving)
	if err != nil {
		return err
	}
	a, r := nextCheck(c.now, v.Attempts, b.Attempt, b.Active, catalog.KeyRoster{Nodes: v.Nodes, Threshold: v.Threshold})
	if r != nil {
		return r
	}
	v.Attempts = append(v.Attempts, a)
	v.Checks = make([][]uint64, len(b.Active))
	return c.putVector(v)
}

// provenVector returns a vector whose second check is under way, in the attempt of that
// number.
func (c *applyContext) provenVector(id string, number int) (catalog.Vector, *catalog.Attempt, error) {
	v, _, err := c.openVector(id, catalog.VectorProving)
	if err != nil {
		return v, nil, err
	}
	a, err := checkAttempt(v.Attempts, number)
	return v, a, err
}

// addBits takes a member's shares of what the second check opens; the last one's
// decide.
func addBits(c *applyContext, b catalog.VectorBits) error {
	v, _, err := c.openVector(b.Vector, catalog.VectorProving)
	if err != nil {
		return err
	}
	i, err := turn(v.Attempts, b.Attempt, c.node.ID, func(i int) bool { return v.Checks[i] != nil })
	if err != nil {
		return err
	}
	if r := checkVectorNumbers(v, b.Values); r != nil {
		return r
	}
	v.Checks[i] = b.Values
	if slices.ContainsFunc(v.Checks, func(n []uint64) bool { return n == nil }) {
		return c.putVector(v)
	}
	for run := range vectorRuns {
		var sum uint64
		for _, x := range v.Checks {
			sum = polynomial.Modulus(v.Modulus).Add(sum, x[run])
		}
		if sum != 0 {
			return c.endVector(v, catalog.VectorRejected, notBits(v))
		}
	}
	v.ReadyAt = c.now
	among, err := vectorRoster(c.tx, c.cluster, v.Registry)
	if err != nil {
		return err
	}
	if v.Holders(*c.cluster) < len(v.Nodes) || !v.InForce().Roster().Equal(among) { // a machine was replaced meanwhile, or the key moved
		if err := todo(c.tx, true, moveKey(v), v.ID); err != nil {
			return err
		}
	}
	return c.endVector(v, catalog.VectorReady, catalog.Reason{})
}

// notBits says what the second check has found. It does not know more.
func notBits(v catalog.Vector) catalog.Reason {
	if v.Pieces > 1 {
		return catalog.Why("vector.entry_pieces")
	}
	if len(v.Limits) > 0 {
		return catalog.Why("vector.entry_limits")
	}
	return catalog.Why("vector.entry")
}

// failVector ends an attempt of the second check, or, where it names none, a
// registration that has not got so far and does not get on: its sealed shares may
// be nowhere.
func failVector(c *applyContext, b catalog.VectorFail) error {
	if b.Attempt == 0 {
		return giveUpVector(c, b)
	}
	v, a, err := c.provenVector(b.Vector, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed, v.Checks = b.Reason.Clean(), nil
	if len(v.Attempts) == catalog.MaxParityAttempts {
		return c.endVector(v, catalog.VectorRejected, catalog.Why("vector.attempts", catalog.MaxParityAttempts).With(a.Failed))
	}
	return c.putVector(v)
}

// giveUpVector rejects a vector of which some node does not hold its share, or has
// not sent its line.
func giveUpVector(c *applyContext, b catalog.VectorFail) error {
	v, _, err := c.openVector(b.Vector, catalog.VectorStoring)
	if err != nil {
		if v, _, err = c.openVector(b.Vector, catalog.VectorLining); err != nil {
			return err
		}
	}
	return c.endVector(v, catalog.VectorRejected, b.Reason.Clean())
}
