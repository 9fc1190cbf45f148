package state

import (
	"cmp"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// keyActs are the acts of a key's ceremony.
var keyActs = []act{
	{kind: catalog.KindKeyStart, by: nodes, public: true, handle: handler(startKey)},
	{kind: catalog.KindKeyCommit, by: nodes, public: true, handle: handler(commitKey)},
	{kind: catalog.KindKeyAck, by: nodes, public: true, handle: handler(ackKey)},
	{kind: catalog.KindKeyTested, by: nodes, public: true, handle: handler(testedKey)},
	{kind: catalog.KindKeySign, by: nodes, public: true, handle: handler(signKey)},
	{kind: catalog.KindKeyFail, by: nodes, public: true, handle: handler(failKey)},
}

// startKey begins an attempt, PROTOCOL.md section 1.2, step 1. Any node may: it only
// does what follows from the state.
func startKey(c *applyContext, b catalog.KeyStart) error {
	p, err := load[catalog.Principal](c.tx, records.PrefixPrincipal+b.Publisher, "unknown.principal", b.Publisher)
	if err != nil {
		return err
	}
	if p.Role != catalog.RolePublisher {
		return catalog.Conflict("role", "key.no_publisher", p.ID)
	}
	last, err := records.KeyOf(c.tx, p.ID)
	if err != nil && !errors.Is(err, records.ErrNotFound) {
		return err
	}
	if last.ID != "" && last.State != catalog.KeyFailed {
		return catalog.Conflict("key_state", "key.attempt_state", last.Attempt, last.ID, last.State)
	}
	if want := roster.NextKeyStart(p.ID, last); b != want {
		return catalog.Conflict("key_start", "key.start",
			want.Key, want.Epoch, want.Attempt, b.Key, b.Epoch, b.Attempt)
	}
	n, t := len(c.cluster.Nodes), c.cluster.Threshold
	k := catalog.Key{
		ID: b.Key, Publisher: p.ID, Epoch: b.Epoch, Attempt: b.Attempt, State: catalog.KeyCommitting,
		Reference: c.digest, Threshold: t, Nodes: c.cluster.Roster().Nodes, Started: c.now,
		Commits: make([]catalog.KeyCommit, n), Acked: make([]bool, n), Tested: make([]bool, n-t+1), Signed: make([][]byte, n),
	}
	c.out.ID = k.ID
	return cmp.Or(records.PutText(c.tx, records.PrefixKeyOf+p.ID, k.ID), records.Put(c.tx, records.PrefixKey+k.ID, k))
}

// keyAttempt loads a key of which an attempt under way is the one named, and is in the state
// wanted ("" for any): the ceremony that makes it or, where refresh is true, one that shares
// it anew. Attempts of both have different numbers.
func (c *applyContext) keyAttempt(id string, attempt int, want catalog.KeyState) (k catalog.Key, refresh bool, err error) {
	if k, err = load[catalog.Key](c.tx, records.PrefixKey+id, "unknown.key", id); err != nil {
		return k, false, err
	}
	at, state := k.Attempt, k.State
	if refresh = k.Refresh != nil && k.Refresh.Attempt > 0; refresh {
		at, state = k.Refresh.Attempt, k.Refresh.State
	}
	switch {
	case at != attempt:
		return k, refresh, catalog.Conflict("attempt", "key.attempt", attempt, id, at)
	case want != "" && state != want, state == catalog.KeyReady, state == catalog.KeyFailed, state == catalog.KeyWanted:
		return k, refresh, catalog.Conflict("key_state", "key.attempt_state", attempt, id, state)
	}
	c.out.ID = id
	return k, refresh, nil
}

// commitKey takes a node's commitment, step 2. Public shares are exchanged only
// when all are in.
func commitKey(c *applyContext, b catalog.KeyCommit) error {
	k, refresh, err := c.keyAttempt(b.Key, b.Attempt, catalog.KeyCommitting)
	if err != nil {
		return err
	}
	if refresh {
		return c.commitDealings(k, b)
	}
	if len(b.Dealings) != len(k.Nodes) {
		return catalog.Invalid("dealings", "key.dealings", len(b.Dealings), len(k.Nodes))
	}
	if b.Public.IsZero() || slices.ContainsFunc(b.Dealings, catalog.Digest.IsZero) {
		return catalog.Invalid("public", "key.digest")
	}
	i := k.Roster().Point(c.node.ID) - 1
	if i < 0 {
		return catalog.Forbidden("member", "key.no_member", c.node.ID)
	}
	if !k.Commits[i].Public.IsZero() {
		return catalog.Conflict("twice", "key.committed", c.node.ID)
	}
	for j, other := range k.Commits {
		if other.Public == b.Public {
			return catalog.Conflict("copied", "key.copied", k.Nodes[j])
		}
	}
	k.Commits[i] = b
	if !slices.ContainsFunc(k.Commits, func(c catalog.KeyCommit) bool { return c.Public.IsZero() }) {
		k.State = catalog.KeyDealing
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// ackKey takes a node's word that its share is stored, step 4.
func ackKey(c *applyContext, b catalog.KeyAck) error {
	k, refresh, err := c.keyAttempt(b.Key, b.Attempt, catalog.KeyDealing)
	if err != nil {
		return err
	}
	if refresh {
		return c.ackDealings(k)
	}
	i := k.Roster().Point(c.node.ID) - 1
	if i < 0 {
		return catalog.Forbidden("member", "key.no_member", c.node.ID)
	}
	if k.Acked[i] {
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	k.Acked[i] = true
	if !slices.Contains(k.Acked, false) {
		k.State = catalog.KeyTesting
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// testedKey takes a test set's success, step 5. Any member of the set may
// report it.
func testedKey(c *applyContext, b catalog.KeyTested) error {
	k, refresh, err := c.keyAttempt(b.Key, b.Attempt, catalog.KeyTesting)
	if err != nil {
		return err
	}
	if refresh {
		return c.testedRefresh(k, b)
	}
	if r := checkTestSet(k, c.node.ID, b.Set, k.Tested); r != nil {
		return r
	}
	k.Tested[b.Set] = true
	if !slices.Contains(k.Tested, false) {
		k.State = catalog.KeySigning
		k.Statement = attest.ReadyStatement(*c.cluster, k)
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// checkTestSet refuses a report of a test set by a node that is not in it, or a second one.
func checkTestSet(k catalog.Key, node string, set int, tested []bool) *catalog.Refusal {
	target := k.Target()
	sets := roster.TestSets(len(target.Nodes), target.Threshold)
	switch {
	case set < 0 || set >= len(sets):
		return catalog.Invalid("set", "key.test_set", set, len(sets)-1)
	case !slices.Contains(sets[set], target.Point(node)):
		return catalog.Forbidden("member", "key.not_in_set", node, set)
	case tested[set]:
		return catalog.Conflict("twice", "key.set_opened", set)
	}
	return nil
}

// signKey takes a node's signature under the ready statement; with the last one
// the key is ready.
func signKey(c *applyContext, b catalog.KeySign) error {
	k, refresh, err := c.keyAttempt(b.Key, b.Attempt, catalog.KeySigning)
	if err != nil {
		return err
	}
	if refresh { // which nobody signs
		return catalog.Conflict("key_state", "key.attempt_state", b.Attempt, k.ID, k.Refresh.State)
	}
	i := k.Roster().Point(c.node.ID) - 1
	if i < 0 {
		return catalog.Forbidden("member", "key.no_member", c.node.ID)
	}
	if k.Signed[i] != nil {
		return catalog.Conflict("twice", "key.signed", c.node.ID)
	}
	if !attest.VerifyReady(*c.node, k.Statement, b.Signature) {
		return catalog.Invalid("signature", "key.signature", c.node.ID)
	}
	k.Signed[i] = b.Signature
	if !slices.ContainsFunc(k.Signed, func(s []byte) bool { return s == nil }) {
		k.State = catalog.KeyReady
		if err := todo(c.tx, false, records.PrefixTodoKey+k.Publisher, ""); err != nil {
			return err
		}
	}
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

// failKey ends an attempt. Nothing of it can be used again.
func failKey(c *applyContext, b catalog.KeyFail) error {
	k, refresh, err := c.keyAttempt(b.Key, b.Attempt, "")
	if err != nil {
		return err
	}
	if refresh {
		return c.failRefresh(k, b.Reason)
	}
	failKeyAttempt(&k, b.Reason)
	return records.Put(c.tx, records.PrefixKey+k.ID, k)
}

func failKeyAttempt(k *catalog.Key, why catalog.Reason) {
	k.State, k.Reason = catalog.KeyFailed, why.Clean()
	k.Commits, k.Acked, k.Tested, k.Signed, k.Statement = nil, nil, nil, nil, nil
}
