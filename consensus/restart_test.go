package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/evidence"
)

// counting counts how often the state machine runs.
type counting struct {
	kv
	calls atomic.Int64
}

func (m *counting) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	m.calls.Add(1)
	return m.kv.Apply(tx, seq, entry)
}

func TestRestartFromDiskAppliesNothingTwice(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		m := &counting{}
		c := newCluster(t, 3, nil)
		c.machine = m
		for _, member := range c.members {
			c.start(member.ID)
		}
		for i := range 20 {
			c.propose(fmt.Sprintf("set k%d %d", i, i))
		}
		size, root := c.sameTrees()
		// An entry whose leader lost its lease is proposed again, and may be there twice.
		calls := m.calls.Load()
		if size < 20 || calls != 3*int64(size) { //nolint:gosec // not many
			t.Fatalf("three nodes applied %d entries in %d calls", size, calls)
		}
		for _, member := range c.members {
			c.stop(member.ID)
		}
		for _, member := range c.members {
			c.start(member.ID)
		}
		// The last entry of the log is now a no-op that no state machine sees;
		// sameTrees waits for it all the same.
		if size2, root2 := c.sameTrees(); size2 != size || root2 != root {
			t.Errorf("after the restart the tree is (%d, %x), before (%d, %x)", size2, root2, size, root)
		}
		if got := m.calls.Load(); got != calls {
			t.Errorf("the restart applied %d entries again", got-calls)
		}
		if a := c.propose("get k7"); string(a.Outcome) != "is 7" || a.Seq < size {
			t.Errorf("after the restart: seq %d, outcome %q", a.Seq, a.Outcome)
		}
	})
}

func TestOthersGoOnWhenTheLeaderDies(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set a 1")
		old := c.leader().opts.ID
		c.stop(old)
		if a := c.propose("get a"); string(a.Outcome) != "is 1" {
			t.Errorf("the new leader answered %q", a.Outcome)
		}
		c.propose("set a 2")
		l := c.start(old)
		c.settle()
		if got := get(t, l, "a"); got != "2" {
			t.Errorf("the returned node has %q, want 2", got)
		}
		c.sameTrees()
	})
}

func TestProofsHoldAcrossARestart(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		var applied []Applied
		for i := range 13 {
			applied = append(applied, c.propose(fmt.Sprintf("set k %d", i)))
		}
		oldSize, oldRoot := c.sameTrees()
		for _, m := range c.members {
			c.stop(m.ID)
			c.start(m.ID)
		}
		for i := range 8 {
			applied = append(applied, c.propose(fmt.Sprintf("set l %d", i)))
		}
		size, root := c.sameTrees()
		for _, l := range c.running() {
			for _, a := range applied {
				p, err := l.Proof(a.Seq, size)
				if err != nil {
					t.Fatalf("%s: %v", l.opts.ID, err)
				}
				if err := evidence.Check(p, a.Seq, size, root, a.Leaf); err != nil {
					t.Errorf("%s: %v", l.opts.ID, err)
				}
				rec, err := l.Record(a.Seq)
				if err != nil {
					t.Fatalf("%s: entry %d: %v", l.opts.ID, a.Seq, err)
				}
				if leaf, err := (evidence.Record{Entry: rec.Entry, Outcome: rec.Outcome}).Leaf(); err != nil || leaf != a.Leaf {
					t.Errorf("%s: leaf %d is not the hash of its record", l.opts.ID, a.Seq)
				}
			}
			p, err := l.Consistency(oldSize, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := evidence.CheckConsistency(p, oldSize, oldRoot, size, root); err != nil {
				t.Errorf("%s: %v", l.opts.ID, err)
			}
			if h, err := l.RootAt(oldSize); err != nil || h != oldRoot {
				t.Errorf("%s: root at %d: %x, %v", l.opts.ID, oldSize, h, err)
			}
		}
		if _, err := c.leader().Record(size); !errors.Is(err, ErrNotFound) {
			t.Errorf("an entry that is not there: %v", err)
		}
		if _, err := c.leader().Proof(size, size); !errors.Is(err, ErrNotFound) {
			t.Errorf("a proof of what is not there: %v", err)
		}
	})
}

func TestNoQuorumIsToldInBoundedTime(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		const limit = 400 * time.Millisecond
		c := startCluster(t, 3, func(o *Options) { o.NoQuorumTimeout = limit })
		c.propose("set a 1")
		leader := c.leader().opts.ID
		for _, m := range c.members {
			if m.ID != leader {
				c.stop(m.ID)
			}
		}
		l := c.running()[0]
		// At first it still takes itself for the leader: the entry is in its log.
		start := time.Now()
		_, err := l.Propose(t.Context(), []byte("set a 2"))
		if !errors.Is(err, ErrNoQuorum) {
			t.Errorf("without a quorum: %v", err)
		}
		for range 2 { // now it knows
			if _, err := l.Propose(t.Context(), []byte("set a 3")); !errors.Is(err, ErrNoQuorum) || errors.Is(err, ErrLostLeadership) {
				t.Errorf("without a quorum, later: %v", err)
			}
		}
		if _, err := l.ReadIndex(t.Context()); !errors.Is(err, ErrNoQuorum) {
			t.Errorf("read index without a quorum: %v", err)
		}
		if took := time.Since(start); took > 4*limit {
			t.Errorf("four calls took %s, each may take %s", took, limit)
		}
		if got := get(t, l, "a"); got != "1" {
			t.Errorf("a plain read gives %q", got)
		}
		for _, m := range c.members {
			if m.ID != leader {
				c.start(m.ID)
			}
		}
		c.propose("set a 4")
		c.sameTrees()
	})
}

func TestCallersContextEndsAWait(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		l := c.start("n1") // alone
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := l.Propose(ctx, []byte("set a 1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("propose: %v", err)
		}
		if err := l.WaitApplied(ctx, 1000); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait applied: %v", err)
		}
	})
}
