package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// nextStart is what begins the next attempt of a publisher's key, the last
// having been k (zero: there was none).
func nextStart(publisher string, k Key) KeyStart {
	s := KeyStart{Publisher: publisher, Key: KeyID(publisher), Epoch: 1, Attempt: 1}
	if k.ID != "" {
		s.Key, s.Epoch, s.Attempt = k.ID, k.Epoch, k.Attempt+1
	}
	return s
}

// startKey begins an attempt, PROTOCOL section 1, step 1. Any node may: it only
// does what follows from the state.
func startKey(c *call, b KeyStart) error {
	p, err := load[Principal](c, prefixPrincipal+b.Publisher, fmt.Sprintf("principal %.80q", b.Publisher))
	if err != nil {
		return err
	}
	if p.Role != RolePublisher {
		return conflict("role", "%s is no publisher and has no key", p.ID)
	}
	last, err := View{machine: c.machine, r: c.tx}.KeyOf(p.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if last.ID != "" && last.State != KeyFailed {
		return conflict("key_state", "attempt %d of key %s is %s", last.Attempt, last.ID, last.State)
	}
	if want := nextStart(p.ID, last); b != want {
		return conflict("key_start", "the next attempt is key %s, epoch %d, attempt %d; not key %.80q, epoch %d, attempt %d",
			want.Key, want.Epoch, want.Attempt, b.Key, b.Epoch, b.Attempt)
	}
	n, t := len(c.cluster.Nodes), c.cluster.Threshold
	k := Key{
		ID: b.Key, Publisher: p.ID, Epoch: b.Epoch, Attempt: b.Attempt, State: KeyCommitting,
		Reference: c.digest, Threshold: t, Nodes: c.roster(), Started: c.now,
		Commits: make([]KeyCommit, n), Acked: make([]bool, n), Tested: make([]bool, n-t+1), Signed: make([][]byte, n),
	}
	if err := putName(c.tx, prefixKeyOf+p.ID, k.ID); err != nil {
		return err
	}
	c.out.ID = k.ID
	return put(c.tx, prefixKey+k.ID, k)
}

// roster lists the ids of the nodes, ascending points.
func (c *call) roster() []string {
	ids := make([]string, len(c.cluster.Nodes))
	for i, n := range c.cluster.Nodes {
		ids[i] = n.ID
	}
	return ids
}

// keyAttempt loads a key whose current attempt is the one named and is in the
// state wanted ("" for any that is under way).
func (c *call) keyAttempt(id string, attempt int, want KeyState) (Key, error) {
	k, err := load[Key](c, prefixKey+id, fmt.Sprintf("key %.80q", id))
	switch {
	case err != nil:
		return k, err
	case k.Attempt != attempt:
		return k, conflict("attempt", "attempt %d of key %s, it is at attempt %d", attempt, id, k.Attempt)
	case want != "" && k.State != want, k.State == KeyReady, k.State == KeyFailed:
		return k, conflict("key_state", "attempt %d of key %s is %s", attempt, id, k.State)
	}
	c.out.ID = id
	return k, nil
}

// commitKey takes a node's commitment, step 2. Public shares are exchanged only
// when all are in.
func commitKey(c *call, b KeyCommit) error {
	k, err := c.keyAttempt(b.Key, b.Attempt, KeyCommitting)
	if err != nil {
		return err
	}
	if len(b.Dealings) != len(k.Nodes) {
		return invalid("dealings", "%d dealings, want one for each of %d nodes", len(b.Dealings), len(k.Nodes))
	}
	if b.Public.IsZero() || slices.ContainsFunc(b.Dealings, Digest.IsZero) {
		return invalid("public", "a digest is missing")
	}
	i := c.node.Point - 1
	if !k.Commits[i].Public.IsZero() {
		return conflict("twice", "node %s has committed", c.node.ID)
	}
	for j, other := range k.Commits {
		if other.Public == b.Public {
			return conflict("copied", "the public share is that of node %s", k.Nodes[j])
		}
	}
	k.Commits[i] = b
	if !slices.ContainsFunc(k.Commits, func(c KeyCommit) bool { return c.Public.IsZero() }) {
		k.State = KeyDealing
	}
	return put(c.tx, prefixKey+k.ID, k)
}

// ackKey takes a node's word that its share is stored, step 4.
func ackKey(c *call, b KeyAck) error {
	k, err := c.keyAttempt(b.Key, b.Attempt, KeyDealing)
	if err != nil {
		return err
	}
	i := c.node.Point - 1
	if k.Acked[i] {
		return conflict("twice", "node %s has acknowledged", c.node.ID)
	}
	k.Acked[i] = true
	if !slices.Contains(k.Acked, false) {
		k.State = KeyTesting
	}
	return put(c.tx, prefixKey+k.ID, k)
}

// testedKey takes a test set's success, step 5. Any member of the set may
// report it.
func testedKey(c *call, b KeyTested) error {
	k, err := c.keyAttempt(b.Key, b.Attempt, KeyTesting)
	if err != nil {
		return err
	}
	sets := TestSets(len(k.Nodes), k.Threshold)
	switch {
	case b.Set < 0 || b.Set >= len(sets):
		return invalid("set", "test set %d, there are 0 to %d", b.Set, len(sets)-1)
	case !slices.Contains(sets[b.Set], c.node.Point):
		return forbidden("member", "node %s is not in test set %d", c.node.ID, b.Set)
	case k.Tested[b.Set]:
		return conflict("twice", "test set %d has opened", b.Set)
	}
	k.Tested[b.Set] = true
	if !slices.Contains(k.Tested, false) {
		k.State = KeySigning
		k.Statement = ReadyStatement(*c.cluster, k)
	}
	return put(c.tx, prefixKey+k.ID, k)
}

// signKey takes a node's signature under the ready statement; with the last one
// the key is ready.
func signKey(c *call, b KeySign) error {
	k, err := c.keyAttempt(b.Key, b.Attempt, KeySigning)
	if err != nil {
		return err
	}
	i := c.node.Point - 1
	if k.Signed[i] != nil {
		return conflict("twice", "node %s has signed", c.node.ID)
	}
	if !VerifyReady(*c.node, k.Statement, b.Signature) {
		return invalid("signature", "the signature is not that of node %s under the ready statement", c.node.ID)
	}
	k.Signed[i] = b.Signature
	if !slices.ContainsFunc(k.Signed, func(s []byte) bool { return s == nil }) {
		k.State = KeyReady
		if err := c.todo(false, prefixTodoKey+k.Publisher, ""); err != nil {
			return err
		}
	}
	return put(c.tx, prefixKey+k.ID, k)
}

// failKey ends an attempt. Nothing of it can be used again.
func failKey(c *call, b KeyFail) error {
	k, err := c.keyAttempt(b.Key, b.Attempt, "")
	if err != nil {
		return err
	}
	k.State, k.Reason = KeyFailed, cleanReason(b.Reason)
	k.Commits, k.Acked, k.Tested, k.Signed, k.Statement = nil, nil, nil, nil, nil
	return put(c.tx, prefixKey+k.ID, k)
}
