package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
)

// loseLedger removes a stopped node's directory, as an operator or a new disk does.
func (c *cluster) loseLedger(id string) {
	c.tb.Helper()
	if err := os.RemoveAll(c.options(id).Dir); err != nil {
		c.tb.Fatal(err)
	}
}

// loseAcknowledged has n1 and n2 acknowledge entries that n3 has not, stops all three, and
// takes n2's ledger away. It returns how many entries there are, and their root.
func (c *cluster) loseAcknowledged() (size uint64, root [32]byte) {
	c.tb.Helper()
	c.propose("set before 1")
	c.settle()
	c.stop("n3")
	for i := range 30 {
		c.propose(fmt.Sprintf("set k%d %d", i, i))
	}
	c.settle()
	size, root = c.sameTrees()
	c.stop("n1")
	c.stop("n2")
	c.loseLedger("n2")
	return size, root
}

// noLeader requires that no node of a cluster leads for several election timeouts, which
// raft's term would show as well as its state.
func (c *cluster) noLeader(why string) {
	c.tb.Helper()
	for _, l := range c.running() {
		ctx, cancel := context.WithTimeout(c.tb.Context(), 10*l.opts.ElectionTimeout)
		index, err := l.ReadIndex(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrNoQuorum) {
			c.tb.Fatalf("%s: %s is answered: %d, %v", why, l.opts.ID, index, err)
		}
	}
}

// TestNodeWithoutItsLedgerDoesNotVote: two of three acknowledge entries, one of them loses
// its ledger, and the third never had them. Those two are a majority, and must not go on.
func TestNodeWithoutItsLedgerDoesNotVote(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		size, root := c.loseAcknowledged()

		lost := c.start("n2")
		c.start("n3")
		c.noLeader("n1, which has the entries, is away")
		if err := lost.MayVote(); !errors.Is(err, ErrNotVoter) {
			t.Errorf("without its ledger n2 may vote: %v", err)
		}
		if s := lost.Status(); s.NoVote == "" || s.Incarnation == "" {
			t.Errorf("its status does not say so: %+v", s)
		}

		c.start("n1")
		await(t, "n2 to vote again", func() bool { return lost.MayVote() == nil })
		if got, at := c.sameTrees(); got < size {
			t.Errorf("%d entries are left of %d", got, size)
		} else if again, err := c.leader().RootAt(size); err != nil || again != root {
			t.Errorf("the first %d of %d entries %x have the root %x now, %v, want %x", size, got, at, again, err, root)
		}
		if a := c.propose("get k29"); string(a.Outcome) != "is 29" {
			t.Errorf("k29 %s", a.Outcome)
		}
		// It counts again: with it alone the others' leader has a majority.
		c.stop("n3")
		c.propose("set after 1")
		c.start("n3")
		c.sameTrees()
	})
}

// TestAnotherMachineOfANodeDoesNotVote: a machine that follows a member has neither the
// member's ledger nor its record of it. It must not pass for the member.
func TestAnotherMachineOfANodeDoesNotVote(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		successor := ""
		c := startCluster(t, 3, func(o *Options) { o.Successor = o.ID == successor })
		size, root := c.loseAcknowledged()
		if err := os.Remove(filepath.Clean(c.options("n2").Dir) + ".record"); err != nil {
			t.Fatal(err)
		}
		successor = "n2"

		another := c.start("n2")
		c.start("n3")
		c.noLeader("n1, which has the entries, is away")
		if err := another.MayVote(); !errors.Is(err, ErrNotVoter) {
			t.Errorf("another machine votes for n2: %v", err)
		}
		c.start("n1")
		await(t, "n2 to vote", func() bool { return another.MayVote() == nil })
		c.sameTrees()
		if again, err := c.leader().RootAt(size); err != nil || again != root {
			t.Errorf("the first %d entries have the root %x now, %v, want %x", size, again, err, root)
		}

		// Started again it is who it became.
		c.stop("n2")
		c.stop("n3")
		another = c.start("n2")
		await(t, "n2 to vote again", func() bool { return another.MayVote() == nil })
		c.propose("set after 1")
		c.start("n3")
		c.sameTrees()
	})
}

// TestMajorityWithoutItsLedgerWaits: when two of three lost their ledgers nobody can tell
// what they had acknowledged.
func TestMajorityWithoutItsLedgerWaits(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set a 1")
		c.settle()
		for _, m := range c.members {
			c.stop(m.ID)
		}
		c.loseLedger("n1")
		c.loseLedger("n2")
		for _, m := range c.members {
			c.start(m.ID)
		}
		c.noLeader("one of three has its ledger")
	})
}

// TestOlderCopyOfALedgerDoesNotVote puts back a copy of a ledger that lacks entries that
// its node acknowledged.
func TestOlderCopyOfALedgerDoesNotVote(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set a 1")
		c.settle()
		c.stop("n2")
		dir := c.options("n2").Dir
		if err := os.CopyFS(dir+".copy", os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		c.start("n2")
		c.stop("n3")
		for i := range 10 {
			c.propose(fmt.Sprintf("set a %d", i+2))
		}
		c.stop("n1")
		c.stop("n2")
		c.loseLedger("n2")
		if err := os.Rename(dir+".copy", dir); err != nil {
			t.Fatal(err)
		}
		old := c.start("n2")
		c.start("n3")
		c.noLeader("n2 has an older copy")
		c.start("n1")
		await(t, "n2 to vote again", func() bool { return old.MayVote() == nil })
		if a := c.propose("get a"); string(a.Outcome) != "is 11" {
			t.Errorf("a %s", a.Outcome)
		}
		c.sameTrees()
	})
}

// TestNodeThatCatchesUpIsNeededByNobody kills and restarts a node that lost its ledger while
// it catches up, and has it lose its ledger twice.
func TestNodeThatCatchesUpIsNeededByNobody(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		for i := range 20 {
			c.propose(fmt.Sprintf("set k%d %d", i, i))
		}
		c.settle()
		c.stop("n2")
		seen := map[string]bool{}
		for range 3 {
			c.loseLedger("n2")
			l := c.start("n2")
			first := l.Status().Incarnation
			if seen[first] || first == "" {
				t.Fatalf("incarnation %q of %v", first, seen)
			}
			seen[first] = true
			c.stop("n2") // wherever it is
			l = c.start("n2")
			if again := l.Status().Incarnation; again != first {
				t.Errorf("after a restart it is incarnation %s, before %s", again, first)
			}
			await(t, "n2 to vote again", func() bool { return l.MayVote() == nil })
			c.propose("set k 1")
			c.sameTrees()
			c.stop("n2")
		}
		c.start("n2")
		c.sameTrees()
	})
}

// TestLeaderThatLosesItsLedgerComesBack and catches up by a snapshot.
func TestLeaderThatLosesItsLedgerComesBack(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, smallLog)
		for i := range 40 {
			c.propose(fmt.Sprintf("set k%d %d", i, i))
		}
		c.settle()
		old := c.leader().opts.ID
		c.stop(old)
		c.loseLedger(old)
		if err := c.leader().Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := c.start(old)
		await(t, old+" to vote again", func() bool { return l.MayVote() == nil })
		if err := c.leader().TransferLeadership(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		await(t, old+" to lead", l.IsLeader)
		c.propose("set a 1")
		c.sameTrees()
		for _, m := range c.leader().Members() {
			if _, err := parseEndpoint(m.Addr); err != nil || endpointOf(raft.Server{Address: raft.ServerAddress(m.Addr)}).incarnation != founding {
				t.Errorf("a member's address is given as %q", m.Addr)
			}
		}
	})
}

// TestLogIsNotCutBelowWhatIsApplied: a leader has other entries than this node has applied.
func TestLogIsNotCutBelowWhatIsApplied(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, nil)
		c.propose("set a 1")
		l := c.leader()
		applied := l.AppliedIndex()
		last, err := l.disk.log.LastIndex()
		if err != nil {
			t.Fatal(err)
		}
		if err := l.disk.log.DeleteRange(applied, last); !errors.Is(err, ErrDiverged) {
			t.Errorf("it was cut at what is applied: %v", err)
		}
		select {
		case <-l.Failed():
		default:
			t.Error("the node goes on")
		}
		if err := l.Fault(); !errors.Is(err, ErrDiverged) {
			t.Errorf("the fault is %v", err)
		}
		var e raft.Log
		if err := l.disk.log.GetLog(applied, &e); err != nil || e.Index != applied {
			t.Errorf("the entry is gone: %v", err)
		}
	})
}

// TestRecordRoundTrip: and what is not one is refused.
func TestRecordRoundTrip(t *testing.T) {
	r := record{incarnation: 1 << 63, opened: 7, index: 1 << 40, term: 9}
	b := r.encode()
	if got, err := decodeRecord(b); err != nil || got != r {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range b {
		bad := append([]byte{}, b...)
		bad[i] ^= 4
		if _, err := decodeRecord(bad); !errors.Is(err, ErrInconsistent) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for _, p := range []endpoint{{addr: "h:1"}, {addr: "[::1]:1", incarnation: 3}, {addr: "h:1", incarnation: 1 << 63}} {
		if got, err := parseEndpoint(p.String()); err != nil || got != p {
			t.Errorf("%q: %+v, %v", p, got, err)
		}
	}
	for _, s := range []string{"h:1#", "h:1#3", "h:1#0000000000000000", "h:1#00000000000000030", "h:1#000000000000000g"} {
		if p, err := parseEndpoint(s); err == nil {
			t.Errorf("%q is %+v", s, p)
		}
	}
}
