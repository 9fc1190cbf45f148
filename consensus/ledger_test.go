package consensus

import (
	"errors"
	"fmt"
	"testing"
)

func TestProposedEntryIsAppliedOnEveryNode(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		for i := range 10 {
			a := c.propose(fmt.Sprintf("set k %d", i))
			if a.Seq != uint64(i) {
				t.Fatalf("entry %d got sequence number %d", i, a.Seq)
			}
		}
		c.settle()
		for _, l := range c.running() {
			if got := get(t, l, "k"); got != "9" {
				t.Errorf("%s has %q, want 9", l.opts.ID, got)
			}
		}
		if size, _ := c.sameTrees(); size != 10 {
			t.Errorf("the tree has %d leaves, want 10", size)
		}
	})
}

func TestFollowerRefusesAndNamesTheLeader(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		c.propose("set a 1")
		c.settle()
		leader := c.leader()
		for _, l := range c.running() {
			if l == leader {
				continue
			}
			_, err := l.Propose(t.Context(), []byte("set a 2"))
			var other *NotLeaderError
			if !errors.As(err, &other) || !other.Known || other.Leader != leader.opts.ID {
				t.Errorf("%s answered %v, want that %s leads", l.opts.ID, err, leader.opts.ID)
			}
			if _, err := l.ReadIndex(t.Context()); !errors.As(err, &other) {
				t.Errorf("%s gave a read index: %v", l.opts.ID, err)
			}
		}
	})
}

// Entries that are proposed together are applied one right after the other.
func TestEntriesProposedTogether(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, nil)
		leader := c.leader()
		before, _, err := leader.TreeHead()
		if err != nil {
			t.Fatal(err)
		}
		a, err := leader.Propose(t.Context(), []byte("set a 1"), []byte("set b 2"), []byte("set a 3"))
		if err != nil || a.Seq != before {
			t.Fatalf("entry %d, %v; want %d", a.Seq, err, before)
		}
		if _, err := leader.Propose(t.Context(), []byte("set a 4"), make([]byte, MaxEntryBytes+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("an entry that is too large was taken with another: %v", err)
		}
		c.settle()
		for _, l := range c.running() {
			if a, b := get(t, l, "a"), get(t, l, "b"); a != "3" || b != "2" {
				t.Errorf("%s has %q and %q, want 3 and 2", l.opts.ID, a, b)
			}
		}
		if size, _ := c.sameTrees(); size != before+3 {
			t.Errorf("the tree has %d leaves, want %d", size, before+3)
		}
	})
}
