package consensus

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// restoredMember is a cluster one of whose members has just restored the leader's snapshot, and has
// nothing in its log.
func restoredMember(t *testing.T) (c *cluster, leader, member *Ledger) {
	t.Helper()
	c = startCluster(t, 3, func(o *Options) {
		smallLog(o)
		steady(o)
	})
	c.propose("set a 0")
	c.settle()
	leader = c.leader()
	late := c.running()[0].opts.ID
	if leader.opts.ID == late {
		late = c.running()[1].opts.ID
	}
	c.stop(late)
	for range 30 {
		c.propose("set a 1")
	}
	if err := leader.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	member = c.start(late)
	await(t, late+" to restore", func() bool { return member.AppliedIndex() >= leader.AppliedIndex() })
	if first, last, err := rangeOf(member.disk.log); err != nil || last != 0 {
		t.Fatalf("the log of %s begins at %d and ends at %d, %v: nothing was restored", late, first, last, err)
	}
	return c, leader, member
}

// TestSnapshotBehindABarrierIsStartedFrom: a barrier, by which a leader is confirmed while a member
// catches up, is no entry of the state machine's, and may be the last one in a snapshot.
func TestSnapshotBehindABarrierIsStartedFrom(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, nil)
		c.propose("set a 1")
		l := c.leader()
		if err := l.raft.Barrier(0).Error(); err != nil {
			t.Fatal(err)
		}
		if err := l.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if newest, err := l.disk.snaps.newestIndex(); err != nil || newest <= l.AppliedIndex() {
			t.Fatalf("the snapshot is at %d, %v, the state at %d: no barrier is behind it", newest, err, l.AppliedIndex())
		}
		c.stop("n1")
		c.start("n1")
		c.propose("set a 2")
	})
}

// TestMemberThatHasRestoredWritesASnapshot while nothing is proposed, which its log, that ended
// before the one it restored, has no entry for.
func TestMemberThatHasRestoredWritesASnapshot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c, _, member := restoredMember(t)
		if err := member.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := member.Fault(); err != nil {
			t.Fatal(err)
		}
		c.propose("set a 2")
		c.sameTrees()
	})
}

// TestEntriesBehindASnapshotAreTakenAgain: the leader did not hear that a member took the first
// entries behind the snapshot, and sends them again.
func TestEntriesBehindASnapshotAreTakenAgain(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c, leader, member := restoredMember(t)
		snapshot, err := member.disk.log.newestSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		c.propose("set a 2")
		c.settle()
		first, last, err := rangeOf(member.disk.log)
		if err != nil || first != snapshot.Index+1 {
			t.Fatalf("the log begins at %d, %v, the snapshot ends at %d", first, err, snapshot.Index)
		}
		again := &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader.opts.ID), Addr: []byte(leader.raft.trans.LocalAddr())},
			Term:      leader.Term(), PrevLogEntry: snapshot.Index, PrevLogTerm: snapshot.Term, LeaderCommitIndex: snapshot.Index,
		}
		for i := first; i <= last; i++ {
			var e raft.Log
			if err := leader.disk.log.GetLog(i, &e); err != nil {
				t.Fatal(err)
			}
			again.Entries = append(again.Entries, &e)
		}
		var answer raft.AppendEntriesResponse
		err = leader.raft.trans.AppendEntries(raft.ServerID(member.opts.ID), member.raft.trans.LocalAddr(), again, &answer)
		if err != nil || !answer.Success {
			t.Errorf("the same entries again: %+v, %v", answer, err)
		}
		// Of what is before its log a leader says nothing: who lacks it needs the snapshot.
		if err := leader.TransferLeadership(t.Context(), member.opts.ID); err != nil {
			t.Fatal(err)
		}
		await(t, member.opts.ID+" to lead", member.IsLeader)
		if err := member.disk.log.GetLog(snapshot.Index, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("a leader has the entry before its log: %v", err)
		}
		c.sameTrees()
	})
}

// install sends a member a snapshot as the leader does.
func install(t *testing.T, leader, member *Ledger, meta raft.SnapshotMeta) error {
	t.Helper()
	_, r, err := leader.disk.snaps.Open(meta.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }() // read only
	var answer raft.InstallSnapshotResponse
	err = leader.raft.trans.InstallSnapshot(raft.ServerID(member.opts.ID), member.raft.trans.LocalAddr(), &raft.InstallSnapshotRequest{
		RPCHeader:       raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(leader.opts.ID), Addr: []byte(leader.raft.trans.LocalAddr())},
		SnapshotVersion: meta.Version, Term: leader.Term(), LastLogIndex: meta.Index, LastLogTerm: meta.Term,
		Configuration: raft.EncodeConfiguration(meta.Configuration), ConfigurationIndex: meta.ConfigurationIndex, Size: meta.Size,
	}, &answer, r)
	if err == nil && !answer.Success {
		err = errors.New("refused")
	}
	return err
}

// TestSnapshotThatComesAgainTakesNothingBack of what this node has applied or acknowledged since.
func TestSnapshotThatComesAgainTakesNothingBack(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c, leader, member := restoredMember(t)
		snapshot, err := leader.disk.log.newestSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		c.propose("set a 2")
		c.settle()
		applied := member.AppliedIndex()
		if err := install(t, leader, member, snapshot); err == nil {
			t.Error("a snapshot of an earlier state was taken")
		}
		if now := member.AppliedIndex(); now < applied {
			t.Errorf("the state went back from %d to %d", applied, now)
		}
		// Where nothing behind it was applied yet it is taken, and raft has the log removed.
		first, last, err := rangeOf(member.disk.log)
		if err != nil || first != snapshot.Index+1 || last < first {
			t.Fatalf("the log is %d to %d, %v, the snapshot ends at %d", first, last, err, snapshot.Index)
		}
		member.disk.log.restored.Store(true)
		if err := member.disk.log.DeleteRange(first, last); err != nil {
			t.Fatal(err)
		}
		if _, left, err := rangeOf(member.disk.log); err != nil || left != last {
			t.Errorf("the log ends at %d, %v, before at %d: what was acknowledged is gone", left, err, last)
		}
		c.propose("set a 3")
		c.sameTrees()
	})
}

// TestLogOfAnotherPastEndsWithASnapshot: raft, which remembers where the log ended, must not go on.
func TestLogOfAnotherPastEndsWithASnapshot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c, _, member := restoredMember(t)
		c.propose("set a 2")
		c.propose("set a 3")
		c.settle()
		if err := member.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.propose("set a 4")
		c.settle()
		first, last, err := rangeOf(member.disk.log)
		if err != nil {
			t.Fatal(err)
		}
		log := member.disk.log
		log.snapshots = otherTerm{log.snapshots}
		log.restored.Store(true)
		if err := log.DeleteRange(first, last); !errors.Is(err, ErrReopen) {
			t.Errorf("the log to %d was removed: %v", last, err)
		}
		if _, left, err := rangeOf(log); err != nil || left != 0 {
			t.Errorf("the log still ends at %d, %v", left, err)
		}
		await(t, "the node to stop", func() bool { return errors.Is(member.Fault(), ErrReopen) })
	})
}

// otherTerm has snapshots end in a term that no log knows.
type otherTerm struct{ raft.SnapshotStore }

func (s otherTerm) List() ([]*raft.SnapshotMeta, error) {
	list, err := s.SnapshotStore.List()
	for _, m := range list {
		m.Term++
	}
	return list, err
}
