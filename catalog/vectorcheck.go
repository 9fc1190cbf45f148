package catalog

import (
	"fmt"
	"slices"
)

// vectorRuns is how often each check of a vector is run (PROTOCOL section 6).
const vectorRuns = 2

// openVector returns a vector that is in a state, and the point of the node that
// speaks, counted from 0.
func (c *call) openVector(id string, state VectorState) (Vector, int, error) {
	v, err := load[Vector](c, prefixVector+id, fmt.Sprintf("vector %.80q", id))
	if err != nil {
		return v, 0, err
	}
	if v.State != state {
		return v, 0, conflict("vector_state", "vector %s is %s", v.ID, v.State)
	}
	at := slices.Index(v.Nodes, c.node.ID)
	if at < 0 {
		return v, 0, forbidden("member", "node %s is not in the roster of vector %s", c.node.ID, v.ID)
	}
	return v, at, nil
}

// holdVector notes that a node holds its share. With the last one the challenge is
// there: nobody knew it when the vector was committed to, and it is the only one
// that the commitment will ever have.
func holdVector(c *call, b VectorHold) error {
	v, at, err := c.openVector(b.Vector, VectorStoring)
	switch {
	case err != nil:
		return err
	case b.Reason != "":
		v.end(VectorRejected, "node "+c.node.ID+": "+cleanReason(b.Reason))
		return c.putVector(v)
	case v.Nonces[at] != nil:
		return conflict("twice", "node %s holds its share already", c.node.ID)
	case len(b.Nonce) != vectorNonce:
		return invalid("nonce", "%d bytes, want %d", len(b.Nonce), vectorNonce)
	}
	v.Nonces[at] = b.Nonce
	if !slices.ContainsFunc(v.Nonces, func(n []byte) bool { return n == nil }) {
		v.State, v.Lines = VectorLining, make([][]uint64, len(v.Nodes))
	}
	return c.putVector(v)
}

// lineVector takes a node's numbers in the first check; the last one's decide.
func lineVector(c *call, b VectorLine) error {
	v, at, err := c.openVector(b.Vector, VectorLining)
	if err != nil {
		return err
	}
	if v.Lines[at] != nil {
		return conflict("twice", "node %s has sent its line", c.node.ID)
	}
	if r := v.checkNumbers(b.Values); r != nil {
		return r
	}
	v.Lines[at] = b.Values
	if slices.ContainsFunc(v.Lines, func(n []uint64) bool { return n == nil }) {
		return c.putVector(v)
	}
	if !modulus(v.Modulus).onPolynomial(v.Lines, v.Threshold) {
		v.end(VectorRejected, fmt.Sprintf("the shares do not lie on one polynomial of degree %d", v.Threshold-1))
		return c.putVector(v)
	}
	v.State, v.Lines = VectorProving, nil
	return c.putVector(v)
}

func (v Vector) checkNumbers(list []uint64) *Refusal {
	if len(list) != vectorRuns {
		return invalid("values", "%d numbers, want one for each of %d runs", len(list), vectorRuns)
	}
	for i, x := range list {
		if x >= v.Modulus {
			return invalid(fmt.Sprintf("values[%d]", i), "%d is not below the modulus %d", x, v.Modulus)
		}
	}
	return nil
}

// attemptVector names an active set for the second check. What it opens is the
// same in every attempt, 0 for a vector that is what it should be.
func attemptVector(c *call, b VectorAttempt) error {
	v, _, err := c.openVector(b.Vector, VectorProving)
	if err != nil {
		return err
	}
	if r := checkNext(v.Attempts, b.Attempt); r != nil {
		return r
	}
	if len(b.Active) == 0 {
		return invalid("active", "the active set is empty")
	}
	if r := c.checkActive(b.Active, b.Active[0], v.Nodes); r != nil {
		return r
	}
	v.Attempts = append(v.Attempts, Attempt{Number: b.Attempt, Active: b.Active, Root: b.Active[0], Named: c.now})
	v.Checks = make([][]uint64, len(b.Active))
	return c.putVector(v)
}

// provenVector returns a vector whose second check is under way, in the attempt of that
// number.
func (c *call) provenVector(id string, number int) (Vector, *Attempt, error) {
	v, _, err := c.openVector(id, VectorProving)
	if err != nil {
		return v, nil, err
	}
	a, r := checkAttempt(v.Attempts, number)
	if r != nil {
		return v, nil, r
	}
	return v, a, nil
}

// addBits takes a member's shares of what the second check opens; the last one's
// decide.
func addBits(c *call, b VectorBits) error {
	v, a, err := c.provenVector(b.Vector, b.Attempt)
	if err != nil {
		return err
	}
	i := slices.Index(a.Active, c.node.ID)
	switch {
	case i < 0:
		return forbidden("member", "node %s is not in the active set", c.node.ID)
	case v.Checks[i] != nil:
		return conflict("twice", "node %s has sent its share", c.node.ID)
	}
	if r := v.checkNumbers(b.Values); r != nil {
		return r
	}
	v.Checks[i] = b.Values
	if slices.ContainsFunc(v.Checks, func(n []uint64) bool { return n == nil }) {
		return c.putVector(v)
	}
	for run := range vectorRuns {
		var sum uint64
		for _, x := range v.Checks {
			sum = modulus(v.Modulus).add(sum, x[run])
		}
		if sum != 0 {
			v.end(VectorRejected, "an entry is neither 0 nor 1")
			return c.putVector(v)
		}
	}
	v.ReadyAt = c.now
	v.end(VectorReady, "")
	return c.putVector(v)
}

// failVector ends an attempt of the second check, or, where it names none, a
// registration that has not got so far and does not get on: its sealed shares may
// be nowhere.
func failVector(c *call, b VectorFail) error {
	if b.Attempt == 0 {
		return c.giveUpVector(b)
	}
	v, a, err := c.provenVector(b.Vector, b.Attempt)
	if err != nil {
		return err
	}
	a.Failed, v.Checks = cleanReason(b.Reason), nil
	if len(v.Attempts) == MaxParityAttempts {
		v.end(VectorRejected, fmt.Sprintf("none of %d attempts to check it completed; the last: %s", MaxParityAttempts, a.Failed))
	}
	return c.putVector(v)
}

// giveUpVector rejects a vector of which some node does not hold its share, or has
// not sent its line.
func (c *call) giveUpVector(b VectorFail) error {
	v, _, err := c.openVector(b.Vector, VectorStoring)
	if err != nil {
		if v, _, err = c.openVector(b.Vector, VectorLining); err != nil {
			return err
		}
	}
	v.end(VectorRejected, cleanReason(b.Reason))
	return c.putVector(v)
}
