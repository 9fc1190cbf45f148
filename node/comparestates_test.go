package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/compare"
	"github.com/weirdata/weir/node/founding"
)

// Two states while the third node is on its way to say which is right put nobody in doubt yet.
func TestNobodyIsInDoubtWhileAMajorityIsAwaited(t *testing.T) {
	x := bare(t, 3, 2)
	a, b := catalog.Sum([]byte("a")), catalog.Sum([]byte("b"))
	marks := map[string][]compare.Mark{"n1": {{Entries: 8, Sum: a}}, "n2": {{Entries: 8, Sum: b}}, "n3": {{Entries: 7, Sum: a}}}
	doubted := func() int {
		return len(compare.States(marks, x.voters(), func(entries uint64) bool { return x.monitor.awaited(marks, entries) }))
	}
	x.health.set("n3", observation{alive: true})
	if got := doubted(); got != 0 {
		t.Errorf("%d nodes are in doubt while n3 is awaited", got)
	}
	x.health.set("n3", observation{})
	if got := doubted(); got != 2 {
		t.Errorf("%d nodes are in doubt, n3 being away; want 2", got)
	}
}

// changeState closes a node that has all that was acknowledged, and lets fn write to its
// state.
func (c *cluster) changeState(ctx context.Context, id string, fn func(txn *badger.Txn) error) {
	c.t.Helper()
	if err := c.nodes[id].Read(ctx, func(state.View) error { return nil }); err != nil {
		c.t.Fatal(err)
	}
	c.close(id)
	dirs, err := filepath.Glob(filepath.Join(c.nodeDir(id), founding.DirLedger, "state", "gen-*"))
	if err != nil || len(dirs) != 1 {
		c.t.Fatalf("states %v, %v", dirs, err)
	}
	db, err := badger.Open(badger.DefaultOptions(dirs[0]).WithLogger(nil))
	if err != nil {
		c.t.Fatal(err)
	}
	if err := errors.Join(db.Update(fn), db.Close()); err != nil {
		c.t.Fatal(err)
	}
}

// dropPair takes the record of the principal that is called before out of the state, and
// returns it. No later entry writes it again.
func dropPair(txn *badger.Txn) (key, value []byte, err error) {
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for it.Seek([]byte{1}); it.ValidForPrefix([]byte{1}); it.Next() { // the state machine's keys begin with it
		if value, err = it.Item().ValueCopy(nil); err != nil {
			return nil, nil, err
		}
		if bytes.Contains(value, []byte("before")) {
			key = it.Item().KeyCopy(nil)
			return key, value, txn.Delete(key)
		}
	}
	return nil, nil, errors.New("the state has no such principal")
}

// A node that starts with a state that lacks something stops before it answers anything for
// long, and says what to do; it is not "not founded".
func TestNodeThatLostSomeOfItsStateStops(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	c.changeState(ctx, "n1", func(txn *badger.Txn) error {
		_, _, err := dropPair(txn)
		return err
	})
	n, err := c.tryOpen("n1")
	if err == nil {
		c.await(ctx, "n1 to stop", func() bool { return n.standing.Live() != nil })
		err = n.advised(n.standing.Live())
	}
	if !strings.Contains(err.Error(), "move ledger/state away") {
		t.Errorf("it says: %v", err)
	}
	c.admit(ctx, newKey(t, "after"), catalog.RoleBuyer)
	c.close("n1")
	moveAway(t, c.nodeDir("n1"), "ledger/state")
	n = c.open("n1")
	c.await(ctx, "n1 to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })
}

// forget makes the digest that is stored with a state that of a state without a pair, as if
// the node had never had it: nothing that the node has by itself tells that it is wrong.
func forget(txn *badger.Txn, key, value []byte) error {
	item, err := txn.Get([]byte{0, 'd'})
	if err != nil {
		return err
	}
	b, err := item.ValueCopy(nil)
	if err != nil {
		return err
	}
	h := sha256.Sum256(append(append(binary.AppendUvarint(nil, uint64(len(key))), key...), value...))
	number := func(b []byte) *big.Int {
		r := slices.Clone(b)
		slices.Reverse(r)
		return new(big.Int).SetBytes(r)
	}
	sum := b[1 : 1+sha256.Size]
	left := new(big.Int).Sub(number(sum), number(h[:]))
	left.Mod(left, new(big.Int).Lsh(big.NewInt(1), 256)).FillBytes(sum)
	slices.Reverse(sum)
	return txn.Set([]byte{0, 'd'}, b)
}

// A node whose state differs from that of the two others is in doubt: all of them say so, it
// is not ready and does not lead, and it is whole again when its state was made again.
func TestNodeWhoseStateDiffersDoesNotLead(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	c.changeState(ctx, "n1", func(txn *badger.Txn) error {
		key, value, err := dropPair(txn)
		if err != nil {
			return err
		}
		return forget(txn, key, value)
	})
	n := c.open("n1")
	c.await(ctx, "n1 to find a leader", func() bool { _, known := n.ledger.Leader(); return known })
	c.admit(ctx, newKey(t, "after"), catalog.RoleBuyer)
	c.await(ctx, "n1 to notice", func() bool { return n.monitor.stateFault() != nil })
	if ok, reasons := n.standing.Ready(); ok || !strings.Contains(strings.Join(reasons, " "), "move ledger/state away") {
		t.Errorf("n1 is ready: %t, %v", ok, reasons)
	}
	for _, id := range []string{"n2", "n3"} {
		c.await(ctx, id+" to raise an alarm", func() bool {
			return slices.ContainsFunc(c.nodes[id].standing.Status().Alarms, func(a string) bool { return strings.Contains(a, "the state of n1 is in doubt") })
		})
		if err := c.nodes[id].monitor.stateFault(); err != nil {
			t.Errorf("%s takes itself for wrong: %v", id, err)
		}
	}
	if _, err := n.propose(ctx, catalog.Envelope{}, nil); !errors.Is(err, errDoubt) {
		t.Errorf("it proposes: %v", err)
	}
	c.await(ctx, "another node than n1 to lead after n1 was made to", func() bool {
		leader, known := c.nodes["n2"].ledger.Leader()
		return known && leader != "n1"
	})
	lead, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := c.leader(ctx, "n2").ledger.TransferLeadership(lead, "n1"); err != nil {
		t.Logf("transfer to n1: %v", err)
	}
	c.admit(ctx, newKey(t, "while n1 was made to lead"), catalog.RoleBuyer)
	c.await(ctx, "n1 to hand the lead on", func() bool {
		leader, known := c.nodes["n2"].ledger.Leader()
		return known && leader != "n1"
	})
	c.close("n1")
	moveAway(t, c.nodeDir("n1"), "ledger/state")
	n = c.open("n1")
	c.await(ctx, "n1 to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })
	for _, id := range []string{"n1", "n2", "n3"} {
		c.await(ctx, fmt.Sprintf("%s to raise no alarm", id), func() bool { return len(c.nodes[id].standing.Status().Alarms) == 0 })
	}
}
