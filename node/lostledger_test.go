package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/node/founding"
)

// TestNodeThatLostItsLedgerDoesNotLeadTheClusterBack: n3 is away while n1 and n2 admit
// people; both stop, n2's ledger is deleted, and n2 and n3 are started. They must not go
// on without what n1 has, and n2 must say why. With n1 back, all three have everything,
// and n2 votes again.
func TestNodeThatLostItsLedgerDoesNotLeadTheClusterBack(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.admit(ctx, newKey(t, "before"), catalog.RoleBuyer)
	c.close("n3")
	for i := range 5 {
		c.admit(ctx, newKey(t, fmt.Sprintf("buyer %d", i)), catalog.RoleBuyer)
	}
	size, root, err := c.leader(ctx, "n1").raftLedger(t).TreeHead()
	if err != nil {
		t.Fatal(err)
	}
	c.close("n1")
	c.close("n2")
	if err := os.RemoveAll(filepath.Join(c.nodeDir("n2"), founding.DirLedger)); err != nil {
		t.Fatal(err)
	}
	n2, n3 := c.open("n2"), c.open("n3")
	var asked sync.WaitGroup
	for _, n := range []*Node{n2, n3} {
		asked.Go(func() {
			some, cancel := context.WithTimeout(ctx, 10*consensus.DefaultElectionTimeout)
			defer cancel()
			if _, err := n.ledger.ReadIndex(some); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, consensus.ErrNoQuorum) {
				t.Errorf("%s is answered without n1: %v", n.id, err)
			}
		})
	}
	asked.Wait()
	s := n2.standing.Status()
	if s.Ready || s.Ledger.NoVote == "" || !strings.Contains(strings.Join(s.Reasons, " "), "lost its ledger") {
		t.Errorf("n2 does not say that it lost its ledger: %+v", s)
	}
	n1 := c.open("n1")
	for _, n := range []*Node{n1, n2, n3} {
		c.await(ctx, n.id+" to be ready", func() bool { ok, _ := n.standing.Ready(); return ok && n.ledger.NextSeq() >= size })
		if again, err := n.ledger.RootAt(size); err != nil || again != root {
			t.Errorf("the first %d entries of %s have the root %x, %v, want %x", size, n.id, again, err, root)
		}
	}
	c.close("n1")
	c.admit(ctx, newKey(t, "after"), catalog.RoleBuyer) // n2's vote counts
}
