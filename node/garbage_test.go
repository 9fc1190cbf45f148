package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client/vector"
)

const keep = DefaultKeepOrphans

// holds reports which of the blobs a node has, without asking for them as others do.
func (n *Node) holds(ctx context.Context, t *testing.T, digests ...catalog.Digest) (held []catalog.Digest) {
	t.Helper()
	missing, err := n.disk.Missing(ctx, digests)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(slices.Clone(digests), func(d catalog.Digest) bool { return slices.Contains(missing, d) })
}

func (n *Node) mustCollect(ctx context.Context, t *testing.T, now time.Time) {
	t.Helper()
	if err := n.blobs.Collect(ctx, now); err != nil {
		t.Fatalf("%s: %v", n.id, err)
	}
}

// uploaded stores bytes as an upload does and returns their digest.
func (n *Node) uploaded(ctx context.Context, t *testing.T, what string) catalog.Digest {
	t.Helper()
	d := catalog.Sum([]byte(what))
	if err := n.blobs.Put(ctx, d, []byte(what)); err != nil {
		t.Fatal(err)
	}
	return d
}

// needed are the blobs of the version of the firms and of the bureau's key.
func (x *exchangeOf) needed(ctx context.Context, t *testing.T) []catalog.Digest {
	t.Helper()
	v := x.version(t, "n1", "firms", 1)
	digests := append(x.tiles(ctx, t, "n1", "firms", 1), v.Manifest, v.Presence)
	key, err := x.bureau.ReadyKey(ctx, x.bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range key.Record.Commits {
		digests = append(digests, c.Public)
	}
	return digests
}

// What nothing in the ledger names goes when its time is over, and nothing else does: the
// cluster answers as before, and nothing is missed.
func TestWhatNobodyNeedsIsCollectedAfterItsTime(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	mine := selected(func(f int) bool { return f < 20 })
	v := x.register(ctx, t, x.vector("mine", 1, mine))
	x.await(ctx, "all nodes to hold the version", func() bool {
		return x.acked(t, "n1", "firms", 1) && x.acked(t, "n2", "firms", 1) && x.acked(t, "n3", "firms", 1)
	})
	needed := x.needed(ctx, t)
	start := x.nodes["n1"].opts.Clock()
	for _, n := range x.nodes {
		abandoned, resumed := n.uploaded(ctx, t, "an upload that was given up"), n.uploaded(ctx, t, "an upload that goes on")
		all := append(slices.Clone(v.Shares), abandoned, resumed)
		before := len(n.holds(ctx, t, all...))
		if before < 3 {
			t.Fatalf("%s holds %d of what is to be collected", n.id, before)
		}
		n.mustCollect(ctx, t, start)
		n.mustCollect(ctx, t, start.Add(keep-time.Second))
		if got := len(n.holds(ctx, t, all...)); got != before {
			t.Errorf("%s holds %d of %d before their time is over", n.id, got, before)
		}
		// Asked for, its time begins anew.
		if missing, err := n.blobs.Missing(ctx, []catalog.Digest{resumed}); err != nil || len(missing) != 0 {
			t.Fatalf("missing %v, %v", missing, err)
		}
		n.mustCollect(ctx, t, start.Add(keep))
		if got := n.holds(ctx, t, all...); len(got) != 1 || got[0] != resumed {
			t.Errorf("%s holds %v when the time is over, want what was asked for last", n.id, got)
		}
		n.mustCollect(ctx, t, start.Add(2*keep))
		if got := n.holds(ctx, t, all...); len(got) != 0 {
			t.Errorf("%s holds %v at the end", n.id, got)
		}
		if got := n.holds(ctx, t, needed...); len(got) != len(needed) {
			t.Errorf("%s holds %d of %d blobs that are needed", n.id, len(got), len(needed))
		}
		if s := n.standing.Status().Blobs; s.Collected != int64(before) {
			t.Errorf("%s says that it collected %d, want %d", n.id, s.Collected, before)
		}
		if err := n.blobs.FindLost(ctx); err != nil {
			t.Fatal(err)
		}
		if s := n.blobs.Status(); s.Found != 0 || s.Lost != 0 {
			t.Errorf("%s misses what was collected: %+v", n.id, s)
		}
	}
	sum, _ := x.sums(mine)
	total := sum["c0"] + sum["c1"]
	got := queryRows(ctx, t, x.buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`)
	if want := fmt.Sprintf("%d.%d", total/10, total%10); got[0][0] != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A registration under way and a version on its way keep what they need, for however long
// a node is away; when they have come to nothing, it goes.
func TestWhatIsUnderWayIsNotCollected(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	n1 := x.nodes["n1"]
	x.close("n3")
	done := make(chan error, 1)
	go func() {
		_, err := vector.Register(ctx, x.buyer, x.vector("mine", 1, selected(func(f int) bool { return f < 20 })), nil)
		done <- err
	}()
	var pending []catalog.Vector
	x.await(ctx, "two of three nodes to hold their shares", func() bool {
		err := n1.view(func(v state.View) (err error) {
			pending, err = v.Vectors().Pending()
			return err
		})
		return err == nil && len(pending) == 1 && pending[0].Nonces[0] != nil && pending[0].Nonces[1] != nil
	})
	shares := pending[0].Shares
	start := n1.opts.Clock()
	held := func() (n int) {
		for _, id := range []string{"n1", "n2"} {
			n += len(x.nodes[id].holds(ctx, t, shares...))
		}
		return n
	}
	before := held()
	for i := range 4 {
		for _, id := range []string{"n1", "n2"} {
			x.nodes[id].mustCollect(ctx, t, start.Add(time.Duration(i)*keep))
		}
	}
	if got := held(); got != before || got == 0 {
		t.Errorf("%d of %d sealed shares are held while a node is away", got, before)
	}
	x.open("n3")
	if err := <-done; err != nil {
		t.Fatalf("the registration does not go on: %v", err)
	}
	for i := range 2 {
		for _, n := range x.nodes {
			n.mustCollect(ctx, t, start.Add(time.Duration(10+i)*keep))
		}
	}
	if got := held(); got != 0 {
		t.Errorf("%d sealed shares are held that nobody needs", got)
	}
}

// A node that cannot tell what the ledger names deletes nothing: without a quorum it may
// be behind, and without a manifest it does not know the tiles.
func TestNothingIsCollectedWhereItIsNotKnownWhatIsNeeded(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	x.await(ctx, "all nodes to hold the version", func() bool { return len(x.version(t, "n1", "firms", 1).Acks) == 3 })
	x.close("n1")
	x.configure = func(o *Options) { o.QuorumWait = 2 * time.Second } // as long as a read without a quorum takes
	n1 := x.open("n1")
	start := n1.opts.Clock()
	orphan := n1.uploaded(ctx, t, "an upload that was given up")
	x.await(ctx, "n1 to have caught up", func() bool { return n1.Read(ctx, func(state.View) error { return nil }) == nil })
	n1.mustCollect(ctx, t, start)

	manifest := x.version(t, "n1", "firms", 1).Manifest
	content, err := n1.disk.Get(ctx, manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range x.nodes {
		if err := n.disk.Delete(ctx, manifest); err != nil {
			t.Fatal(err)
		}
	}
	if err := n1.blobs.Collect(ctx, start.Add(2*keep)); err == nil || !strings.Contains(err.Error(), "find the tiles of version 1 of firms") {
		t.Errorf("without the manifest: %v", err)
	}
	if err := n1.blobs.Put(ctx, manifest, content); err != nil {
		t.Fatal(err)
	}
	x.close("n2")
	x.close("n3")
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := n1.blobs.Collect(short, start.Add(2*keep)); err == nil {
		t.Error("without a quorum the node goes by what it knows")
	}
	if got := n1.holds(ctx, t, orphan); len(got) != 1 {
		t.Error("it was deleted nevertheless")
	}
	x.open("n2")
	var last error
	defer func() {
		if t.Failed() {
			t.Logf("collecting ended last with: %v", last)
		}
	}()
	x.await(ctx, "what nobody needs to be collected", func() bool {
		last = n1.blobs.Collect(ctx, start.Add(2*keep))
		return last == nil && len(n1.holds(ctx, t, orphan)) == 0
	})
}

// A version that was rejected keeps nothing; the one beside it, all.
func TestBlobsOfARejectedVersionAreCollected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau, thief := c.publisher(ctx, "bureau"), c.publisher(ctx, "thief")
	foreign, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	own, err := thief.ReadyKey(ctx, thief.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	c.publishRaw(ctx, t, thief, "mine", own.Record, own.Public)
	if v := c.publishRaw(ctx, t, thief, "stolen", own.Record, foreign.Public); v.State != catalog.VersionRejected {
		t.Fatalf("the version is %s", v.State)
	}
	n1 := c.nodes["n1"]
	blobsOf := func(dataset string) []catalog.Digest {
		v := c.version(t, "n1", dataset, 1)
		return append(c.tiles(ctx, t, "n1", dataset, 1), v.Manifest)
	}
	good, bad := blobsOf("mine"), blobsOf("stolen")
	if got := len(n1.holds(ctx, t, bad...)); got != len(bad) || got < 2 {
		t.Fatalf("n1 holds %d of %d blobs of the rejected version", got, len(bad))
	}
	start := n1.opts.Clock()
	n1.mustCollect(ctx, t, start)
	n1.mustCollect(ctx, t, start.Add(keep))
	if got := n1.holds(ctx, t, bad...); len(got) != 0 {
		t.Errorf("%d blobs of the rejected version are held", len(got))
	}
	if got := n1.holds(ctx, t, good...); len(got) != len(good) {
		t.Errorf("%d of %d blobs of the live version are held", len(got), len(good))
	}
}
