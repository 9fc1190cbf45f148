package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/blobs"
	"github.com/weirdata/weir/node/founding"
)

// Anybody can send envelopes. One that nobody is known to have signed must not
// become an entry, which every node keeps for ever; one of a principal that this
// node has not heard of yet must.
func TestForgedEnvelopesLeaveNoEntry(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	buyer := newKey(t, "buyer") // whose admission has no consequences of its own
	c.admit(ctx, buyer, catalog.RoleBuyer)
	// A node passes on what a principal is said to have signed of whom it has not heard.
	c.await(ctx, "all nodes to know the buyer", func() bool {
		for _, n := range c.nodes {
			if n.view(func(v state.View) error { _, err := v.Principal(buyer.ID()); return err }) != nil {
				return false
			}
		}
		return true
	})
	n := c.nodes["n1"]
	act := func(key []byte, signer string) catalog.Envelope {
		p := newPayload(n.cluster.String(), catalog.KindOrderRefuse, time.Now().UnixMilli(), []byte(`{"order":"o","reason":"r"}`))
		e, err := catalog.Sign(key, signer, p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	stranger := newKey(t, "stranger")
	forged := act(buyer.Signing(), buyer.ID())
	forged.Signature = slices.Clone(forged.Signature)
	forged.Signature[7] ^= 1
	before, err := n.Submit(ctx, act(buyer.Signing(), buyer.ID()), false)
	if err != nil || before.Outcome.Refusal == nil {
		t.Fatalf("a genuine act that the state refuses: %+v, %v; want an entry with the refusal", before, err)
	}
	for name, e := range map[string]catalog.Envelope{
		"nobody's":        act(stranger.Signing(), stranger.ID()),
		"in another name": act(stranger.Signing(), buyer.ID()),
		"as a node":       act(stranger.Signing(), catalog.NodeSigner("n2")),
		"of no node":      act(stranger.Signing(), catalog.NodeSigner("n9")),
		"a changed one":   forged,
		"an empty one":    {},
		"without a sign":  {Signer: buyer.ID(), Payload: []byte("{}")},
	} {
		for _, id := range c.nodes {
			_, err := id.Submit(ctx, e, false)
			var refusal *catalog.Refusal
			if !errors.As(err, &refusal) || refusal.Kind != catalog.RefusedSignature {
				t.Errorf("%s at %s: %v, want a refusal for the signature", name, id.id, err)
			}
		}
	}
	last := act(buyer.Signing(), buyer.ID())
	after, err := n.Submit(ctx, last, false)
	if err != nil {
		t.Fatal(err)
	}
	for seq := before.Seq + 1; seq < after.Seq; seq++ {
		r, err := n.checkpoints.Record(ctx, seq)
		if err != nil {
			t.Fatal(err)
		}
		if entry, err := catalog.ParseEntry(r.Entry); err == nil && entry.Envelope.Digest() == last.Digest() {
			continue // said twice, to one leader and the next
		}
		t.Errorf("entry %d came of envelopes that nobody signed: %s", seq, r.Entry)
	}
}

// A query whose answer can be sealed to nobody must be refused before it opens
// anything: attempts wear the publisher's key.
func TestUnusableReceivingKeyIsRefusedBeforeTheOpening(t *testing.T) {
	t.Parallel()
	good := newKey(t, "buyer").Public().Receiving
	if r := refuseReceiving(good); r != nil {
		t.Fatalf("a sound key: %v", r)
	}
	unreduced := slices.Clone(good)
	for i := range 1184 { // the ML-KEM half
		unreduced[i] = 0xff
	}
	smallOrder := slices.Clone(good)
	clear(smallOrder[1184:])
	for name, key := range map[string][]byte{"unreduced": unreduced, "small order": smallOrder, "short": good[:9], "none": nil} {
		if r := refuseReceiving(key); r == nil || r.Kind != catalog.RefusedInvalid || r.Rule != "receiving" {
			t.Errorf("%s: %v, want a refusal", name, r)
		}
	}
}

// The leader's time becomes the cluster's and never runs back. A node that is a
// day ahead of all others must not stamp entries, must say so, and must let
// another lead.
func TestNodeWithAWrongClockDoesNotSetTheClusters(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID == "n1" {
			o.Clock = func() time.Time { return time.Now().Add(24 * time.Hour) }
		}
	})
	wrong := c.nodes["n1"]
	c.await(ctx, "n1 to notice", func() bool { return wrong.monitor.clockFault() != nil })
	ok, reasons := wrong.standing.Ready()
	if ok || !strings.Contains(strings.Join(reasons, " "), "ahead of that of n2, n3") {
		t.Errorf("n1 says that it is ready: %t, %v", ok, reasons)
	}
	for _, id := range []string{"n2", "n3"} {
		if err := c.nodes[id].monitor.clockFault(); err != nil {
			t.Errorf("%s, of two that agree: %v", id, err)
		}
	}
	for i := range 3 { // wherever raft put the leadership, n1 hands it on
		var leader *Node
		c.await(ctx, "another node to lead", func() bool {
			leader = c.leader(ctx, "n2")
			return leader.id != "n1"
		})
		if err := leader.ledger.TransferLeadership(ctx, "n1"); err != nil {
			t.Logf("transfer to n1: %v", err)
		}
		c.admit(ctx, newKey(t, fmt.Sprintf("buyer %d", i)), catalog.RoleBuyer)
	}
	err := c.nodes["n2"].Read(ctx, func(v state.View) error {
		cl, err := v.Cluster()
		if ahead := time.Until(time.UnixMilli(cl.Time)); ahead > time.Hour {
			t.Errorf("the cluster's clock is %s ahead", ahead)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is lost is looked for when the state has caught up, and not before: the node may
// not have applied yet that it acknowledged a version.
func TestLostBlobsAreLookedForInACurrentState(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	n := c.nodes["n3"]
	c.await(ctx, "n3 to know that it holds the version", func() bool {
		v, err := n.versions.Load("stations", 1)
		return n.blobs.Searched() && err == nil && slices.Contains(v.Record.Acks, "n3") // n3 may not have the entry yet
	})
	all := c.tiles(ctx, t, "n3", "stations", 1)
	if err := n.disk.Delete(ctx, all[0]); err != nil {
		t.Fatal(err)
	}
	n.blobs.Search() // as after a start
	c.await(ctx, "n3 to fetch the tile", func() bool {
		missing, err := n.disk.Missing(ctx, all)
		if err != nil {
			t.Fatal(err)
		}
		return len(missing) == 0
	})
}

// A node whose blobs were deleted while it was down gets all of them back
// without being asked for any: a copy that is missing is no copy.
func TestLostBlobDirectoryIsFetchedAgain(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n3 to hold the version", func() bool {
		return slices.Contains(c.version(t, "n1", "stations", 1).Acks, "n3")
	})
	want := c.tiles(ctx, t, "n1", "stations", 1)
	c.close("n3")
	if err := os.RemoveAll(filepath.Join(c.nodeDir("n3"), founding.DirBlobs)); err != nil {
		t.Fatal(err)
	}
	n := c.open("n3")
	c.await(ctx, "n3 to fetch all tiles", func() bool {
		missing, err := n.disk.Missing(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		return len(missing) == 0
	})
}

// The look for what else is lost is due until it is over. Were it not, it would be
// cancelled as soon as the node looks for work again, and never be begun anew.
func TestLookForLostTilesOutlivesItsBeginning(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n2 to hold the version", func() bool { return c.acked(t, "n2", "stations", 1) })
	n := c.nodes["n2"]
	if err := n.disk.Delete(ctx, c.version(t, "n2", "stations", 1).Manifest); err != nil {
		t.Fatal(err)
	}
	lost := blobs.New(n.blobs.Options)
	for _, what := range []string{"the look after the start", "the repair of the manifest"} {
		tasks := lost.Tasks()
		if len(tasks) != 1 {
			t.Fatalf("%d tasks, want %s", len(tasks), what)
		}
		if err := tasks[0].Run(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, when := range []struct {
		name string
		ctx  context.Context
		due  int
	}{{"cancelled", cancelled, 1}, {"over", ctx, 0}} {
		list := lost.Tasks()
		if len(list) != 1 {
			t.Fatalf("%d tasks before the look that is %s", len(list), when.name)
		}
		if err := list[0].Run(when.ctx); (err == nil) != (when.due == 0) {
			t.Errorf("the look that is %s: %v", when.name, err)
		}
		if due := len(lost.Tasks()); due != when.due {
			t.Errorf("after the look that is %s: %d tasks, not %d", when.name, due, when.due)
		}
	}
}
