package node

import (
	"bytes"
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
			if n.view(func(v catalog.View) error { _, err := v.Principal(buyer.ID()); return err }) != nil {
				return false
			}
		}
		return true
	})
	n := c.nodes["n1"]
	act := func(key []byte, signer string) catalog.Envelope {
		p, err := newPayload(n.cluster.String(), catalog.KindOrderRefuse, time.Now().UnixMilli(), []byte(`{"order":"o","reason":"r"}`))
		if err != nil {
			t.Fatal(err)
		}
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
	before, err := n.Submit(ctx, act(buyer.Signing(), buyer.ID()))
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
			_, err := id.Submit(ctx, e)
			var refusal *catalog.Refusal
			if !errors.As(err, &refusal) || refusal.Kind != catalog.RefusedSignature {
				t.Errorf("%s at %s: %v, want a refusal for the signature", name, id.id, err)
			}
		}
	}
	last := act(buyer.Signing(), buyer.ID())
	after, err := n.Submit(ctx, last)
	if err != nil {
		t.Fatal(err)
	}
	for seq := before.Seq + 1; seq < after.Seq; seq++ {
		r, err := n.Record(ctx, seq)
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
	c.await(ctx, "n1 to notice", func() bool { return wrong.clockFault() != nil })
	ok, reasons := wrong.Ready()
	if ok || !strings.Contains(strings.Join(reasons, " "), "ahead of that of n2, n3") {
		t.Errorf("n1 says that it is ready: %t, %v", ok, reasons)
	}
	for _, id := range []string{"n2", "n3"} {
		if err := c.nodes[id].clockFault(); err != nil {
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
	err := c.nodes["n2"].Read(ctx, func(v catalog.View) error {
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
		return n.mender.isCurrent() && slices.Contains(c.version(t, "n3", "stations", 1).Acks, "n3")
	})
	all := c.tiles(ctx, t, "n3", "stations", 1)
	if err := n.blobs.store.Delete(ctx, all[0]); err != nil {
		t.Fatal(err)
	}
	n.mender.lookedIn(false) // as after a start
	n.wake()
	c.await(ctx, "n3 to fetch the tile", func() bool {
		missing, err := n.blobs.store.Missing(ctx, all)
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
	if err := os.RemoveAll(filepath.Join(c.nodeDir("n3"), dirBlobs)); err != nil {
		t.Fatal(err)
	}
	n := c.open("n3")
	c.await(ctx, "n3 to fetch all tiles", func() bool {
		missing, err := n.blobs.store.Missing(ctx, want)
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
	manifest := c.version(t, "n2", "stations", 1).Manifest
	lost := &Node{id: n.id, params: n.params, ledger: n.ledger, blobs: n.blobs, orphans: n.orphans, mender: newMender(), log: n.log}
	lost.mender.lookedIn(true)
	lost.mender.lacksIndex(manifest) // and it is there again

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, when := range []struct {
		name string
		ctx  context.Context
		due  int
	}{{"cancelled", cancelled, 1}, {"over", ctx, 0}} {
		list := lost.repairDuties()
		if len(list) != 1 {
			t.Fatalf("%d duties before the look that is %s", len(list), when.name)
		}
		if err := list[0].run(when.ctx); (err == nil) != (when.due == 0) {
			t.Errorf("the look that is %s: %v", when.name, err)
		}
		if due := len(lost.repairDuties()); due != when.due {
			t.Errorf("after the look that is %s: %d duties, not %d", when.name, due, when.due)
		}
	}
}

// A repair that is under way stays due until it is over, however often the node looks
// for work and however much else is lost: work that is not due any more is cancelled.
func TestRepairsUnderWayAreNotGivenUpForOthers(t *testing.T) {
	t.Parallel()
	m := newMender()
	for i := range byte(40) {
		m.note(catalog.Sum([]byte{i}))
	}
	sorted := func() []catalog.Digest {
		list := m.due()
		slices.SortFunc(list, func(a, b catalog.Digest) int { return bytes.Compare(a[:], b[:]) })
		return list
	}
	first := sorted()
	if len(first) != maxRepairs {
		t.Fatalf("%d repairs are due, want %d", len(first), maxRepairs)
	}
	for range 20 {
		if list := sorted(); !slices.Equal(list, first) {
			t.Fatalf("other repairs are due though none is over: %v, before %v", list, first)
		}
	}
	m.mended(first[0]) // its bytes are there, and the repair has to verify them yet
	if !slices.Equal(sorted(), first) {
		t.Error("a repair is given up before it is over")
	}
	m.over(first[0])
	if list := sorted(); len(list) != maxRepairs || slices.Contains(list, first[0]) {
		t.Errorf("after a repair %v are due, before it %v", list, first)
	}
	for range 36 {
		d := m.due()[0]
		m.mended(d)
		m.over(d)
	}
	if list := m.due(); len(list) != 3 {
		t.Errorf("%d repairs are due of 3 that are left", len(list))
	}
}

// A manifest that no node has does not come back: it is no reason to look for its tiles,
// and to find again and again that it is lost.
func TestManifestThatIsNowhereIsNotBack(t *testing.T) {
	t.Parallel()
	m := newMender()
	here, nowhere := catalog.Sum([]byte("here")), catalog.Sum([]byte("nowhere"))
	for _, d := range []catalog.Digest{here, nowhere} {
		m.note(d)
		m.lacksIndex(d)
	}
	m.mended(here)
	m.lost(nowhere)
	if back := m.indexesBack(); !slices.Equal(back, []catalog.Digest{here}) {
		t.Errorf("back are %v, want %s alone", back, here)
	}
}
