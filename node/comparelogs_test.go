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
		ok, reasons := c.nodes[id].standing.Ready()
		all := strings.Join(reasons, "\n")
		for _, pair := range pairs {
			if !strings.Contains(all, fmt.Sprintf("the logs of %s differ from entry %d on", pair, first)) {
				return false
			}
		}
		return !ok && strings.Count(all, "differ") == len(pairs)+strings.Count(all, "differs from most")
	}
	for id, n := range c.nodes {
		c.await(ctx, id+" to be ready", func() bool { ok, _ := n.standing.Ready(); return ok })
	}
	everybody := []string{"n1", "n2", "n3"}
	for id, n := range c.nodes {
		// A node that applies late has, with at most first entries, a log that is n2's too.
		c.await(ctx, id+" to have entries that n2 will not, and to hear that all have them", func() bool {
			return n.ledger.NextSeq() > first && n.monitor.agree(ctx, everybody) == nil
		})
	}
	forked.Store(true)
	for id, n := range c.nodes {
		if err := n.monitor.agree(ctx, everybody); err == nil {
			t.Errorf("%s would answer a challenge that others do not have", id)
		}
	}
	c.await(ctx, "n1 to name the entry", func() bool { return says("n1", "n1 and n2") })
	c.await(ctx, "n2 to name the entry", func() bool { return says("n2", "n2 and n1", "n2 and n3") })
	c.await(ctx, "n3 to name the entry", func() bool { return says("n3", "n3 and n2") })
	forked.Store(false)
	for id, n := range c.nodes {
		c.await(ctx, id+" to be ready again", func() bool { ok, _ := n.standing.Ready(); return ok })
	}
}
