package node

import (
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
)

// A node that was away while another machine came into a seat hears of it, whoever leads when it comes back: the new machine,
// which it does not know, too.
func TestANodeThatWasAwayHearsOfAMachineThatLeads(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 5, 3, nil)
	c.await(ctx, "the founding", func() bool { _, err := c.client(nil).Cluster(ctx); return err == nil })
	c.await(ctx, "all to know of it", func() bool {
		for _, n := range c.nodes {
			if n.ledger.MayVote() != nil || n.ledger.NextSeq() == 0 {
				return false
			}
		}
		return true
	})
	c.close("n1")
	c.close("n5")
	c.awaitGone(ctx, "n1")
	c.awaitGone(ctx, "n5")
	c.replace(ctx, c.newMachine("n5"))
	c.await(ctx, "the new machine to vote", func() bool { return c.nodes["n5"].ledger.MayVote() == nil && c.nodes["n5"].votes()["n5"] })
	c.await(ctx, "the new machine to lead", func() bool {
		for _, n := range c.nodes {
			if n.ledger.IsLeader() && n.id != "n5" {
				_ = n.ledger.TransferLeadership(ctx, "n5")
			}
		}
		_ = client.Pause(ctx, 500*time.Millisecond)
		return c.nodes["n5"].ledger.IsLeader()
	})
	c.genesis.Roster = nil // n1 goes by what it has
	c.open("n1")
	c.await(ctx, "the one that was away to hear of it", func() bool {
		c.follow()
		return c.nodes["n1"].members.Changes == 1 && c.nodes["n1"].ledger.NextSeq() == c.nodes["n2"].ledger.NextSeq()
	})
}
