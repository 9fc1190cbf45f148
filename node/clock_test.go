package node

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
)

// TestLeaderAheadDoesNotMoveTheClustersTime: the leader's clock is 100 s ahead, which is
// less than what makes it a wrong one. Entries have the time of the other two nodes, and
// of the one that is left of them.
func TestLeaderAheadDoesNotMoveTheClustersTime(t *testing.T) {
	t.Parallel()
	const by = 100 * time.Second
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n1" {
			o.Clock = func() time.Time { return time.Now().Add(by) }
		}
	})
	n1 := c.nodes["n1"]
	admit := func(name string) {
		t.Helper()
		c.await(ctx, "n1 to lead", func() bool {
			if n1.ledger.IsLeader() {
				return true
			}
			if l := c.leader(ctx, "n1"); l.id != "n1" {
				if err := l.ledger.TransferLeadership(ctx, "n1"); err != nil {
					t.Logf("transfer to n1: %v", err)
				}
			}
			return false
		})
		c.admit(ctx, newKey(t, name), catalog.RoleBuyer)
		err := n1.Read(ctx, func(v state.View) error {
			cl, err := v.Cluster()
			if ahead := time.Until(time.UnixMilli(cl.Time)); ahead > by/2 {
				t.Errorf("%s: the cluster's time is %s ahead", name, ahead)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	admit("all three")
	c.close("n3")
	c.awaitGone(ctx, "n3")
	admit("n3 is away")
}

// TestStampIsWhatAMajorityHasReached compares it with a plain search among all clocks.
func TestStampIsWhatAMajorityHasReached(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.IntRange(1, 7).Draw(t, "nodes")
		h := newHealth("n1", "r1")
		clocks := []int64{0} // against n1's, in seconds
		voters := []string{"n1"}
		gone := 10 * time.Second // of a member without a vote, which does not count
		h.set("n9", observation{ahead: &gone})
		for i := 2; i <= all; i++ {
			voters = append(voters, fmt.Sprintf("n%d", i))
			if rapid.Bool().Draw(t, "heard") {
				s := rapid.Int64Range(-5, 5).Draw(t, "ahead")
				d := time.Duration(s) * time.Second
				h.set(fmt.Sprintf("n%d", i), observation{ahead: &d})
				clocks = append(clocks, s)
			}
		}
		var want *time.Duration
		for s := int64(5); s >= -5 && want == nil; s-- {
			reached := 0
			for _, c := range clocks {
				if c >= s {
					reached++
				}
			}
			if 2*reached > all {
				d := time.Duration(s) * time.Second
				want = &d
			}
		}
		got := h.majorityAhead(voters, "n1")
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Fatalf("%v of %d clocks: %v, want %v", clocks, all, got, want)
		}
	})
}

// TestNoEntryIsStampedWhereNobodyCanTell: of three nodes two are heard, and their clocks
// are an hour apart.
func TestNoEntryIsStampedWhereNobodyCanTell(t *testing.T) {
	t.Parallel()
	x := bare(t, 3, 2)
	now := time.Now()
	x.opts = Options{Clock: func() time.Time { return now }}
	if _, err := x.monitor.stamp(); !errors.Is(err, errUncompared) {
		t.Errorf("nobody was heard: %v", err)
	}
	for _, ahead := range []time.Duration{-time.Minute, 0, time.Hour} {
		x.health.set("n2", observation{alive: true, ahead: &ahead})
		if got, err := x.monitor.stamp(); err != nil || !got.Equal(now.Add(min(0, ahead))) {
			t.Errorf("%s ahead: %s, %v", ahead, got.Sub(now), err)
		}
	}
	behind := -time.Hour
	x.health.set("n2", observation{alive: true, ahead: &behind})
	if got, err := x.monitor.stamp(); !errors.Is(err, errClock) {
		t.Errorf("an hour behind: %s, %v", got.Sub(now), err)
	}
	same := time.Duration(0)
	x.health.set("n3", observation{alive: true, ahead: &same})
	if got, err := x.monitor.stamp(); err != nil || !got.Equal(now) {
		t.Errorf("a third agrees: %s, %v", got.Sub(now), err)
	}
}

// TestOnlyClocksOfVotersCount: all seats went to machines of which none votes yet. Two old ones vote,
// and what they tell is the time; the new ones have it once they vote.
func TestOnlyClocksOfVotersCount(t *testing.T) {
	t.Parallel()
	x := bare(t, 2, 2)
	now := time.Now()
	x.opts = Options{Clock: func() time.Time { return now }}
	x.members.Nodes = []catalog.Node{{ID: "n4", Point: 1}, {ID: "n5", Point: 2}}
	votes := map[string]bool{"n1": true, "n2": true, "n4": false, "n5": false}
	x.votes = func() map[string]bool { return votes }
	hour, same := time.Hour, time.Duration(0)
	for _, id := range []string{"n4", "n5"} {
		x.health.set(id, observation{alive: true, ahead: &hour})
	}
	if _, err := x.monitor.stamp(); !errors.Is(err, errUncompared) {
		t.Errorf("only nodes without a vote were heard: %v", err)
	}
	if x.monitor.timeKnown() {
		t.Error("only nodes without a vote were heard, and the time is known")
	}
	x.health.set("n2", observation{alive: true, ahead: &same})
	if got, err := x.monitor.stamp(); err != nil || !got.Equal(now) {
		t.Errorf("both voters agree: %s, %v", got.Sub(now), err)
	}
	if err := x.monitor.clockFault(); err != nil {
		t.Errorf("both voters agree: %v", err)
	}
	votes = map[string]bool{"n1": true, "n4": true, "n5": true}
	if err := x.monitor.clockFault(); !errors.Is(err, errClock) {
		t.Errorf("two of three voters tell another time: %v", err)
	}
}
