package consensus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/records"
)

func TestCloseEndsWaitersAndIsIdempotent(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		l := c.start("n1") // no quorum: everything waits
		var wg sync.WaitGroup
		results := make(chan error, 3)
		for _, wait := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := l.Propose(ctx, []byte("set a 1")); return err },
			func(ctx context.Context) error { _, err := l.ReadIndex(ctx); return err },
			func(ctx context.Context) error { return l.WaitApplied(ctx, 1000) },
		} {
			wg.Go(func() { results <- wait(t.Context()) })
		}
		for range 2 {
			if err := l.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
		wg.Wait()
		close(results)
		for err := range results {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("a waiter got %v", err)
			}
		}
		for name, err := range map[string]error{
			"View":        l.View(func(records.Reader) error { return nil }),
			"Snapshot":    l.Snapshot(t.Context()),
			"AddNonvoter": l.AddNonvoter(t.Context(), Member{"x", "y"}, 0),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if s := l.Status(); s.State != "shutdown" {
			t.Errorf("status after Close: %+v", s)
		}
	})
}

func TestCloseUnderLoad(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, steady)
		leader := c.leader()
		var wg sync.WaitGroup
		started := make(chan struct{}, 1000)
		ended := make(chan struct{}, 16)
		for i := range 16 {
			wg.Go(func() {
				for {
					_, err := leader.Propose(t.Context(), fmt.Appendf(nil, "set k%d x", i))
					if err != nil {
						if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrLostLeadership) {
							t.Errorf("%v", err)
						}
						ended <- struct{}{}
						return
					}
					select {
					case started <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 50 {
			select {
			case <-started:
			case <-ended:
				t.Fatal("the leader took no more before it was closed")
			}
		}
		c.stop(leader.opts.ID)
		wg.Wait()
		c.sameTrees()
	})
}

func TestDirectoryBelongsToOneNode(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, nil)
		c.propose("set a 1")
		second := c.options("n1")
		second.Transport = c.listen("")
		if l, err := Open(second); err == nil {
			t.Error("two ledgers have one directory")
			_ = l.Close()
		}
		c.stop("n1")
		other := c.options("n1")
		other.ID, other.Transport, other.Bootstrap = "n9", c.listen(""), false
		if _, err := Open(other); !errors.Is(err, ErrInconsistent) {
			t.Errorf("another node's directory: %v", err)
		}
		c.start("n1")
		c.propose("set a 2")
	})
}

func TestMembershipChanges(t *testing.T) {
	t.Parallel()
	var seated atomic.Bool
	c := newClusterOn(t, tcp(t), 3, func(o *Options) {
		steady(o)
		o.Votes = func(id string) bool { return id != "n4" || seated.Load() }
	}).startAll()
	c.propose("set a 1")
	// A fourth node joins, and has no vote until it is to have one.
	layer := c.listen("")
	joined := Member{"n4", layer.Addr().String()}
	c.members = append(c.members, joined)
	c.layer["n4"] = layer
	founders := c.mutate
	c.mutate = func(o *Options) { founders(o); o.Bootstrap = o.ID != "n4" }
	l := c.start("n4")
	follower := c.running()[0]
	if follower == c.leader() {
		follower = c.running()[1]
	}
	var other *NotLeaderError
	if err := follower.AddNonvoter(t.Context(), joined, 0); !errors.As(err, &other) {
		t.Errorf("a follower added a member: %v", err)
	}
	if _, known := follower.Configuration(); known {
		t.Error("a follower takes its state for that of a leader")
	}
	before, known := c.leader().Configuration()
	if !known || len(before.Votes) != 3 || before.Index == 0 {
		t.Errorf("configuration %+v, known %t", before, known)
	}
	if err := c.leader().AddNonvoter(t.Context(), joined, before.Index); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func() error{
		"add":    func() error { return c.leader().AddNonvoter(t.Context(), Member{"n5", "127.0.0.1:1"}, before.Index) },
		"demote": func() error { return c.leader().Demote(t.Context(), follower.opts.ID, before.Index) },
		"remove": func() error { return c.leader().RemoveServer(t.Context(), "n4", before.Index) },
	} {
		if err := change(); err == nil || !strings.Contains(err.Error(), "configuration changed") {
			t.Errorf("%s by an older configuration: %v", what, err)
		}
	}
	c.propose("set a 2")
	c.sameTrees()
	if got := get(t, l, "a"); got != "2" {
		t.Errorf("the new member has %q", got)
	}
	if got := len(l.Members()); got != 4 {
		t.Errorf("the new member knows %d members", got)
	}
	if votes, member := c.leader().Votes()["n4"]; votes || !member {
		t.Errorf("a member that is to have no vote: member %t, votes %t", member, votes)
	}
	seated.Store(true)
	await(t, "n4 votes", func() bool { return c.leader().Votes()["n4"] })
	// It becomes the leader, loses its vote again, and leaves.
	if err := c.leader().TransferLeadership(t.Context(), "n4"); err != nil {
		t.Fatal(err)
	}
	if got := c.leader().opts.ID; got != "n4" {
		t.Errorf("%s leads after the transfer", got)
	}
	if err := l.TransferLeadership(t.Context(), "n8"); err == nil {
		t.Error("leadership went to nobody")
	}
	if err := l.TransferLeadership(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	seated.Store(false)
	if err := c.leader().Demote(t.Context(), "n4", 0); err != nil {
		t.Fatal(err)
	}
	c.propose("set a 4")
	if c.leader().Votes()["n4"] {
		t.Error("the vote was given back")
	}
	if err := c.leader().RemoveServer(t.Context(), "n4", 0); err != nil {
		t.Fatal(err)
	}
	c.stop("n4")
	c.propose("set a 3")
	if got := len(c.leader().Members()); got != 3 {
		t.Errorf("%d members", got)
	}
}

func TestEntryOfTheLimitIsTakenAndOneMoreIsNot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		// What is counted are bytes: on a slow machine so large an entry must not cost the
		// leader its lease.
		c := startCluster(t, 3, steady)
		l := c.leader()
		if _, err := l.Propose(t.Context(), make([]byte, MaxEntryBytes+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a byte too many: %v", err)
		}
		a := c.propose(string(make([]byte, MaxEntryBytes)))
		if a.Seq != 0 {
			t.Errorf("the refused entry took number 0")
		}
		if _, err := l.Propose(t.Context(), []byte("flood")); !errors.Is(err, ErrTooManyChanges) {
			t.Errorf("too many changes: %v", err)
		}
		if rec, err := l.Record(1); err != nil || string(rec.Entry) != "flood" || len(rec.Outcome) != 0 || !rec.Void {
			t.Errorf("the void entry's record: %+v, %v", rec, err)
		}
		c.sameTrees()
	})
}

func TestFullDiskRefusesProposals(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, nil)
		c.propose("set a 1")
		l := c.leader()
		await(t, "a proposal to be refused", func() bool { // the ledger looks at its disk now and then
			l.disk.free.Store(l.opts.MinFreeBytes - 1)
			_, err := l.Propose(t.Context(), []byte("set a 2"))
			return errors.Is(err, ErrDiskFull)
		})
		l.disk.free.Store(math.MaxUint64)
		c.propose("set a 3")
	})
}

// TestFollowerStopsBeforeItsDiskIsFull: it stops with an error where mapped
// files would stop it with a signal, and catches up when there is room.
func TestFollowerStopsBeforeItsDiskIsFull(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, func(o *Options) { o.MinFreeBytes = 1 << 20 })
		c.propose("set a 1")
		c.settle()
		leader := c.leader()
		follower := c.running()[0]
		if follower == leader {
			follower = c.running()[1]
		}
		await(t, "the follower to stop", func() bool {
			follower.disk.free.Store(0) // it looks at its disk now and then
			c.propose("set a 2")
			select {
			case <-follower.Failed():
				return true
			default:
				return false
			}
		})
		if err := follower.Fault(); !errors.Is(err, ErrDiskFull) {
			t.Errorf("the fault is %v", err)
		}
		c.stop(follower.opts.ID)
		c.start(follower.opts.ID)
		c.sameTrees()
	})
}

func TestChangesTellOfEntriesAndLeaders(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.settle()
		leader := c.leader()
		follower := c.running()[0]
		if follower == leader {
			follower = c.running()[1]
		}
		changes, cancel := follower.Changes()
		defer cancel()
		await := func(what string, done func() bool) {
			t.Helper()
			timeout := time.After(30 * time.Second)
			for !done() {
				select {
				case <-changes:
				case <-timeout:
					t.Fatalf("never told: %s", what)
				}
			}
		}
		c.propose("set a 1")
		await("an entry", func() bool { return follower.NextSeq() == 1 })
		c.stop(leader.opts.ID)
		await("another leader", func() bool {
			id, known := follower.Leader()
			return known && id != leader.opts.ID
		})
	})
}

// TestInterruptedBootstrapIsRepeated: raft writes the term first and the entry
// with the members second.
func TestInterruptedBootstrapIsRepeated(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 1, func(o *Options) { o.Bootstrap = false })
		l := c.start("n1")
		if err := l.disk.wal.SetUint64([]byte("CurrentTerm"), 1); err != nil {
			t.Fatal(err)
		}
		c.stop("n1")
		c.mutate = nil
		c.start("n1")
		if a := c.propose("set a 1"); a.Seq != 0 {
			t.Errorf("seq %d", a.Seq)
		}
	})
}

// TestMemberThatNeverBootstrappedIsLeftAlone: a term from a leader is no
// interrupted bootstrap.
func TestMemberThatNeverBootstrappedIsLeftAlone(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 1, func(o *Options) { o.Bootstrap = false })
		l := c.start("n1")
		if err := l.disk.wal.SetUint64([]byte("CurrentTerm"), 2); err != nil {
			t.Fatal(err)
		}
		c.stop("n1")
		c.mutate = nil
		if got := len(c.start("n1").Members()); got != 0 {
			t.Errorf("it bootstrapped a cluster of %d", got)
		}
	})
}

func TestProposedEntryIsCopied(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := newCluster(t, 3, nil)
		l := c.start("n1")
		ctx, cancel := context.WithCancel(t.Context())
		entry := []byte("set a 1")
		done := make(chan error, 1)
		go func() { _, err := l.Propose(ctx, entry); done <- err }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		clear(entry) // the race detector watches
		c.start("n2")
		c.start("n3")
		c.propose("set b 1")
		c.sameTrees()
	})
}
