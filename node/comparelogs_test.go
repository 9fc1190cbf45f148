package node

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// TestLogsThatDifferAreAnAlarmOnAllNodes: what n2 takes for its log differs from the
// others' from entry 3 on. All three say so and name the entry; the others do not accuse
// each other; and it is over when n2 has the log again.
func TestLogsThatDifferAreAnAlarmOnAllNodes(t *testing.T) {
	t.Parallel()
	const first = 3
	ctx := testContext(t)
	var forked atomic.Bool
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n2" {
			o.root = func(size uint64, root catalog.Digest) catalog.Digest {
				if forked.Load() && size > first {
					root[0] ^= 1
				}
				return root
			}
		}
	})
	for i := range 4 {
		c.admit(ctx, newKey(t, fmt.Sprintf("buyer %d", i)), catalog.RoleBuyer)
	}
	says := func(id string, pairs ...string) bool {
		ok, reasons := c.nodes[id].Ready()
		all := strings.Join(reasons, "\n")
		for _, pair := range pairs {
			if !strings.Contains(all, fmt.Sprintf("the logs of %s differ from entry %d on", pair, first)) {
				return false
			}
		}
		return !ok && strings.Count(all, "differ") == len(pairs)+strings.Count(all, "differs from most")
	}
	for id, n := range c.nodes {
		c.await(ctx, id+" to be ready", func() bool { ok, _ := n.Ready(); return ok })
	}
	forked.Store(true)
	c.await(ctx, "n1 to name the entry", func() bool { return says("n1", "n1 and n2") })
	c.await(ctx, "n2 to name the entry", func() bool { return says("n2", "n2 and n1", "n2 and n3") })
	c.await(ctx, "n3 to name the entry", func() bool { return says("n3", "n3 and n2") })
	forked.Store(false)
	for id, n := range c.nodes {
		c.await(ctx, id+" to be ready again", func() bool { ok, _ := n.Ready(); return ok })
	}
}

// TestForkIsNarrowed: whatever the order in which sizes are compared, the first entry that
// differs is that of a plain search.
func TestForkIsNarrowed(t *testing.T) {
	t.Parallel()
	for first := range uint64(40) {
		var s forks
		verdict := func(size uint64) string {
			if size > first {
				return otherLogs
			}
			return sameLogs
		}
		if s.note("n2", first, sameLogs); s.reasons("n1") != nil {
			t.Fatal("logs that are the same are an alarm")
		}
		if !s.note("n2", 41, otherLogs) || s.note("n2", 50, otherLogs) {
			t.Fatal("a fork is new once")
		}
		for steps := 0; ; steps++ {
			f, differs := s.with("n2")
			if !differs || steps > 7 {
				t.Fatalf("first %d: %+v, %t after %d steps", first, f, differs, steps)
			}
			if f.found() {
				if f.same != first {
					t.Errorf("entry %d, want %d", f.same, first)
				}
				break
			}
			middle := f.same + (f.differ-f.same)/2
			s.note("n2", middle, verdict(middle))
		}
		s.note("n2", first, sameLogs) // a node that was emptied: nothing is known of what differed
		if _, differs := s.with("n2"); !differs {
			t.Error("the alarm is over before the entry was compared again")
		}
		s.note("n2", first+1, sameLogs)
		if _, differs := s.with("n2"); differs {
			t.Error("the alarm is not over")
		}
	}
}
