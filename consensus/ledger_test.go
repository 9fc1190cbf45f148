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
