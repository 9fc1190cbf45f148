package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
)

// gate holds back the state machine of one node.
type gate struct {
	node atomic.Pointer[string]
	open chan struct{}
}

// holding makes a cluster whose nodes' machines can be held back.
func holding(t *testing.T, quorum time.Duration) (*cluster, *gate) {
	t.Helper()
	g := &gate{open: make(chan struct{})}
	c := startCluster(t, 3, func(o *Options) {
		id := o.ID
		o.NoQuorumTimeout = quorum
		roomy(o)
		// The lead must not change because a disk is busy with large entries.
		o.HeartbeatTimeout, o.ElectionTimeout, o.LeaderLeaseTimeout = 3*time.Second, 3*time.Second, 3*time.Second
		o.Machine = kv{fail: func(uint64, []byte) error {
			if held := g.node.Load(); held != nil && *held == id {
				<-g.open
			}
			return nil
		}}
	})
	return c, g
}

// large is an entry of nearly 1 MiB.
func large(i int) []byte {
	return append(fmt.Appendf(nil, "set large%d ", i), bytes.Repeat([]byte{'x'}, 1<<20-64)...)
}

// A follower whose state machine stands still takes a bounded number of bytes into
// memory, however much the others apply, and answers heartbeats meanwhile; when the
// machine goes on it catches up.
func TestSlowFollowerHoldsABoundedNumberOfBytes(t *testing.T) {
	longrun.Only(t)
	inFakeTime(t, func(t *testing.T) {
		c, g := holding(t, 20*time.Second)
		leader := c.leader()
		c.settle()
		var slow *Ledger
		for _, l := range c.running() {
			if l != leader {
				slow = l
			}
		}
		release := sync.OnceFunc(func() { close(g.open) })
		t.Cleanup(release)
		g.node.Store(&slow.opts.ID)
		b := slow.disk.log.throttle.Load()
		most := 0
		for i := range 24 {
			c.propose(string(large(i)))
			most = max(most, b.queued())
		}
		await(t, "the throttle", b.held.Load)
		most = max(most, b.queued())
		t.Logf("%d MB wait for the state machine that stands still", most>>20)
		if bound := maxQueuedBytes + maxAppendEntries*MaxEntryBytes; most > bound {
			t.Errorf("%d MB wait for the state machine, the bound is %d", most>>20, bound>>20)
		}
		if most <= maxQueuedBytes {
			t.Errorf("the throttle was on with %d bytes in the queue", most)
		}
		// Heartbeats are answered: the slow one takes the leader for alive.
		if id, known := slow.Leader(); !known {
			t.Errorf("the slow follower knows no leader, %q", id)
		}
		release()
		c.sameTrees()
		if n := b.queued(); n != 0 {
			t.Errorf("%d bytes wait when everything is applied", n)
		}
	})
}

// Whoever proposes to a leader whose state machine stands still waits outside of raft,
// and is told so; what is on its way is bounded, and is applied when the machine goes on.
func TestSlowLeaderTakesABoundedNumberOfBytes(t *testing.T) {
	longrun.Only(t)
	inFakeTime(t, func(t *testing.T) {
		c, g := holding(t, time.Second)
		leader := c.leader()
		c.settle()
		release := sync.OnceFunc(func() { close(g.open) })
		t.Cleanup(release)
		g.node.Store(&leader.opts.ID)
		const proposals = 32
		errs := make(chan error, proposals)
		for i := range proposals {
			go func() {
				_, err := leader.Propose(context.WithoutCancel(t.Context()), large(i))
				errs <- err
			}()
		}
		waited := 0
		for range proposals {
			err := <-errs
			if err == nil {
				t.Fatal("an entry was applied by a machine that stands still")
			}
			if errors.Is(err, ErrBusy) && !errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrLostLeadership) {
				waited++
			}
		}
		taken := leader.disk.log.throttle.Load().queued()
		t.Logf("%d MB were taken, %d of %d entries of 1 MiB waited outside", taken>>20, waited, proposals)
		if taken > maxProposedBytes || waited < proposals-maxProposedBytes>>20-1 {
			t.Errorf("%d MB were taken, and %d of %d entries turned away", taken>>20, waited, proposals)
		}
		release()
		c.settle()
		await(t, "an entry to be applied after the machine went on", func() bool {
			_, err := c.leader().Propose(t.Context(), []byte("set after held"))
			if err != nil { // a disk may be busy for longer than NoQuorumTimeout
				t.Logf("after the machine went on: %v", err)
			}
			return err == nil
		})
		// Everything was given back.
		if err := leader.room.Acquire(t.Context(), maxProposedBytes); err != nil {
			t.Error(err)
		}
	})
}
