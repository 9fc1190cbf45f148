package consensus

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

func TestVisibleSkipsNoOps(t *testing.T) {
	store := raft.NewInmemStore()
	at := func(index, term uint64, typ raft.LogType) *raft.Log {
		return &raft.Log{Index: index, Term: term, Type: typ}
	}
	early := []*raft.Log{at(1, 1, raft.LogConfiguration), at(2, 2, raft.LogNoop), at(3, 2, raft.LogCommand), at(4, 3, raft.LogNoop)}
	if err := store.StoreLogs(early); err != nil {
		t.Fatal(err)
	}
	l, err := newRaftLog(store, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.StoreLog(at(5, 4, raft.LogNoop)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ commit, applied, want uint64 }{
		{1, 0, 1}, {2, 1, 1}, {3, 1, 3}, {4, 1, 3}, {5, 1, 3}, {5, 3, 3}, {5, 7, 7},
	} {
		// visible forgets what is applied, so each case has its own.
		c, err := newRaftLog(store, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.visible(tc.commit, tc.applied); got != tc.want {
			t.Errorf("committed %d, applied %d: %d, want %d", tc.commit, tc.applied, got, tc.want)
		}
	}
	for _, tc := range []struct {
		term, commit uint64
		want         bool
	}{{4, 5, true}, {4, 4, false}, {3, 4, false}, {5, 5, false}} {
		if got := l.committedIn(tc.term, tc.commit); got != tc.want {
			t.Errorf("committed in term %d at %d: %t", tc.term, tc.commit, got)
		}
	}
	for _, tc := range []struct {
		term, commit, applied uint64
		want                  bool
	}{{4, 5, 3, true}, {4, 9, 4, true}, {4, 5, 2, false}, {4, 4, 3, false}, {5, 5, 5, false}} {
		if got := l.appliedBefore(tc.term, tc.commit, tc.applied); got != tc.want {
			t.Errorf("what came before term %d is applied where %d is, of %d committed: %t", tc.term, tc.applied, tc.commit, got)
		}
	}
	// A new leader overwrites what was not committed.
	if err := l.StoreLogs([]*raft.Log{at(5, 6, raft.LogCommand)}); err != nil {
		t.Fatal(err)
	}
	if got := l.visible(5, 3); got != 5 {
		t.Errorf("an overwritten no-op still counts: %d", got)
	}
}

func TestDeletedEntriesAreGone(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 1, smallLog)
		for range 8 {
			c.propose("set a 1")
		}
		l := c.leader()
		if err := l.Snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		first, err := l.disk.log.FirstIndex()
		if err != nil || first < 5 {
			t.Fatalf("the log begins at %d, %v", first, err)
		}
		var e raft.Log
		if err := l.disk.log.GetLog(first-1, &e); !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("a deleted entry: %v", err)
		}
		if err := l.disk.log.GetLog(first, &e); err != nil || e.Index != first {
			t.Errorf("the first entry: %d, %v", e.Index, err)
		}
	})
}
