package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// A query's receipt and a version's are verified by whoever has the profile,
// when no node runs any more, and stay below 10 kB.
func TestReceiptsAreVerifiedWithAllNodesClosed(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	publishStations(ctx, t, bureau, "stations")
	contract(ctx, t, buyer, bureau, "stations")
	r, err := ask.Query(ctx, buyer, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	receipt, _, err := audit.QueryReceipt(ctx, buyer, r.Query.ID)
	if err != nil {
		t.Fatal(err)
	}
	listed, _, err := audit.VersionReceipt(ctx, buyer, "stations", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.QueryReceipt(ctx, bureau, r.Query.ID); err == nil {
		t.Error("another principal got the query's receipt")
	}
	if _, _, err := audit.EntryReceipt(ctx, bureau, r.Query.Seq); err == nil {
		t.Error("another principal got the query's entry")
	}
	shares := sharesOf(t, c, r.Query.ID)
	version, err := buyer.Version(ctx, "stations", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.body.Nodes {
		c.close(m.ID)
	}

	p, err := audit.VerifyReceipt(c.profile, receipt)
	if err != nil {
		t.Fatal(err)
	}
	q := p.Query
	switch {
	case len(receipt) > 10_000:
		t.Errorf("the receipt has %d bytes, want at most 10 kB", len(receipt))
	case p.ID != r.Query.ID || p.Envelope != r.Query.Envelope || p.Signer != buyer.Key().ID() || q.Decision.Name != "bank":
		t.Errorf("it proves another query: %+v", p)
	case q.Decision.Manifest != version.Manifest || q.Decision.Presence != version.Presence || q.Decision.Version != 1:
		t.Errorf("it proves another version: %+v", q.Decision)
	case !q.Done || len(q.Shares) != 2 || len(p.Signed) != 2:
		t.Errorf("it proves no answer: %+v", q)
	}
	for _, s := range q.Shares {
		if catalog.Sum(shares[s.Node]) != s.Sealed {
			t.Errorf("the share of %s has digest %s, was %s", s.Node, s.Sealed, catalog.Sum(shares[s.Node]))
		}
	}
	v, err := audit.VerifyReceipt(c.profile, listed)
	if err != nil {
		t.Fatal(err)
	}
	if v.Version == nil || v.Version.Manifest != version.Manifest || v.Version.Live != version.LiveAt {
		t.Errorf("the version's receipt proves %+v", v.Version)
	}
	other := c.profile
	other.Threshold = 3
	if _, err := audit.VerifyReceipt(other, receipt); !errors.Is(err, evidence.ErrThreshold) {
		t.Errorf("two signatures where three must sign: %v", err)
	}
}

// sharesOf reads the sealed shares of a query from the first node's state.
func sharesOf(t *testing.T, c *cluster, id string) map[string][]byte {
	t.Helper()
	shares := map[string][]byte{}
	err := c.nodes["n1"].Read(testContext(t), func(v state.View) error {
		q, err := v.Query(id)
		if err != nil {
			return err
		}
		list, err := v.Shares(id)
		for i, s := range list {
			shares[q.Attempts[len(q.Attempts)-1].Active[i]] = s.Sealed
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return shares
}

// All nodes are asked at once while the log grows; what they sign is consistent,
// before and after a restart.
func TestCheckpointsOfAllNodesAreConsistentWhileTheLogGrows(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.publisher(ctx, "bureau")
	operator := c.client(c.operator)
	var mu sync.Mutex
	var seen []evidence.Signed
	round := func() {
		var wg sync.WaitGroup
		for i := range 4 {
			key := newKey(t, fmt.Sprintf("bank %d %d", len(seen), i))
			wg.Go(func() {
				if _, err := govern.AddPrincipal(ctx, operator, key.Public(), catalog.RoleBuyer); err != nil {
					t.Error(err)
				}
			})
		}
		for _, n := range c.nodes {
			wg.Go(func() {
				for range 5 {
					b, err := n.checkpoints.Checkpoint(ctx)
					if err != nil {
						t.Error(err)
						return
					}
					signed, err := audit.OpenCheckpoint(c.profile, b)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					seen = append(seen, signed)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	round()
	for _, m := range c.body.Nodes {
		c.close(m.ID)
	}
	for _, m := range c.body.Nodes {
		c.open(m.ID)
	}
	round()
	last, _, err := audit.Checkpoint(ctx, operator)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range seen {
		if s.Size > last.Size {
			s, last = last, s
		}
		if err := audit.CheckConsistency(ctx, operator, s.Checkpoint, last.Checkpoint); err != nil {
			t.Errorf("%d and %d entries: %v", s.Size, last.Size, err)
		}
	}
}

func TestCheckpointNamesTheNodesThatAreMissing(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 3, nil)
	c.publisher(ctx, "bureau")
	whole, err := c.nodes["n1"].checkpoints.Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := audit.OpenCheckpoint(c.profile, whole)
	if err != nil {
		t.Fatal(err)
	}
	c.close("n3")
	if _, err := govern.AddPrincipal(ctx, c.client(c.operator), newKey(t, "bank").Public(), catalog.RoleBuyer); err != nil {
		t.Fatal(err)
	}
	// Until n1 has applied the entry too, the checkpoint that all three signed is
	// the right answer.
	c.await(ctx, "n1 to apply what n3 has not", func() bool { return c.nodes["n1"].ledger.NextSeq() > signed.Size })
	c.awaitGone(ctx, "n3")
	c.await(ctx, "n1 to say that n3 is missing", func() bool { // once it had the time to ask
		brief, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := c.nodes["n1"].checkpoints.Checkpoint(brief)
		if err == nil {
			t.Fatal("two nodes signed a checkpoint for three")
		}
		t.Log(err)
		return errors.Is(err, api.ErrTooFew) && strings.Contains(err.Error(), "n3 (does not answer)")
	})
}

// A node whose log was rewritten signs nothing more, and peers sign nothing for
// it: the root that it asks about is not theirs.
func TestNobodySignsARewrittenLog(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.publisher(ctx, "bureau")
	n := c.nodes["n1"]
	if _, err := n.checkpoints.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	size := n.ledger.NextSeq()
	votes := n.checkpoints.others.Ask(ctx, evidence.Checkpoint{Origin: n.checkpoints.origin(), Size: size, Root: evidence.Hash{1}})
	if len(votes.Lines) != 0 || len(votes.Forks) != 2 {
		t.Fatalf("peers answered %+v to a root that is not theirs", votes)
	}
	if err := n.checkpoints.others.TooFew(votes, evidence.Checkpoint{Size: size}); !errors.Is(err, api.ErrForked) {
		t.Errorf("got %v, want %v", err, api.ErrForked)
	}
	// What it signed before, another root: as after a rewriting.
	c.close("n1")
	c.rememberSigned(t, "n1", size, catalog.Digest{1})
	c.open("n1")
	if _, err := c.nodes["n1"].checkpoints.OwnCheckpoint(ctx); !errors.Is(err, api.ErrForked) {
		t.Errorf("got %v, want %v", err, api.ErrForked)
	}
	s := audit.State{Version: 1, Cluster: c.profile.Cluster, Nodes: map[string]audit.Head{}}
	_, _, err := audit.Monitor(ctx, c.client(c.operator), s)
	var fork *audit.ForkError
	if !errors.As(err, &fork) || !strings.Contains(fork.Reason, "n1") {
		t.Errorf("the monitor says %v, want a fork of n1", err)
	}
	// The other two still vouch for each other.
	if _, err := c.nodes["n2"].checkpoints.Checkpoint(ctx); err != nil {
		t.Error(err)
	}
}

// rememberSigned replaces what a closed node has in its vault as signed last.
func (c *cluster) rememberSigned(t *testing.T, id string, size uint64, root catalog.Digest) {
	t.Helper()
	v, err := vault.Open(filepath.Join(c.nodeDir(id), founding.DirSecrets), c.sealKey(id))
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint64([]byte{1}, size)
	if err := v.Put(secretSigned, append(b, root[:]...)); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
