package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/peer"
)

// timers replace the timers of scrubs: passes begin when the test says so, each at
// the node that it means, and do not pause.
type timers struct{ scrub map[string]chan time.Time }

func newTimers() *timers { return &timers{scrub: map[string]chan time.Time{}} }

func (x *timers) set(o *Options) {
	scrub := make(chan time.Time)
	x.scrub[o.ID] = scrub
	o.ScrubEvery, o.ScrubPause, o.CollectEvery = time.Hour, time.Millisecond, 2*time.Hour
	o.Ticks = func(every time.Duration) (<-chan time.Time, func()) {
		switch every {
		case time.Hour:
			return scrub, func() {}
		case 2 * time.Hour:
			return nil, func() {} // never
		case time.Millisecond:
			always := make(chan time.Time)
			close(always)
			return always, func() {}
		}
		ticker := time.NewTicker(every) // of what is no scrub
		return ticker.C, ticker.Stop
	}
}

// tiles lists the digests of a version's tiles.
func (c *cluster) tiles(ctx context.Context, t *testing.T, id, dataset string, version int) []catalog.Digest {
	t.Helper()
	n := c.nodes[id]
	w, err := n.versions.Load(dataset, version)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.versions.FetchManifest(ctx, &w); err != nil {
		t.Fatal(err)
	}
	return w.Manifest.Digests()
}

// damage flips one bit of a tile in the segment files of a node that runs, and has it notice.
func (c *cluster) damage(ctx context.Context, t *testing.T, id string, d catalog.Digest) {
	t.Helper()
	c.damageUnseen(ctx, t, id, d)
	if err := c.nodes[id].disk.Verify(ctx, d); !errors.Is(err, tiles.ErrCorrupt) {
		t.Fatalf("after the damage: %v", err)
	}
}

// damageUnseen flips it behind the node's back.
func (c *cluster) damageUnseen(ctx context.Context, t *testing.T, id string, d catalog.Digest) {
	t.Helper()
	content, err := c.nodes[id].disk.Get(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(c.nodeDir(id), founding.DirBlobs, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range logs {
		if flipLast(t, path, content[2000:2064]) {
			return
		}
	}
	t.Fatalf("blob %s is in no segment file of %s", d, id)
}

// flipLast flips a bit where a file has needle for the last time.
func flipLast(t *testing.T, path string, needle []byte) bool {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	// The file is longer than 64 MiB, and empty there. Parts overlap by less than a needle.
	last, part := int64(-1), make([]byte, 1<<20)
	for from := int64(0); from < 64<<20; from += int64(len(part) - len(needle) + 1) {
		n, err := f.ReadAt(part, from)
		if at := bytes.LastIndex(part[:n], needle); at >= 0 {
			last = from + int64(at)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if last < 0 {
		return false
	}
	if _, err := f.WriteAt([]byte{needle[0] ^ 4}, last); err != nil {
		t.Fatal(err)
	}
	return true
}

// A query that meets a tile that went bad on one of its nodes is answered as if
// nothing had happened, and the tile is sound afterwards.
func TestTileDamagedOnDiskIsRepairedInTheMiddleOfAQuery(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newTimers()
	c := newCluster(t, 2, 2, x.set)
	bureau := c.publisher(ctx, "bureau")
	list := publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n2 to hold the version", func() bool { return c.acked(t, "n2", "stations", 1) })
	for _, d := range c.tiles(ctx, t, "n1", "stations", 1) {
		c.damage(ctx, t, "n2", d)
	}
	if d := cmp.Diff(stationTruth(list), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	s := c.nodes["n2"].blobs.Status()
	if s.Found != int64(len(digests)) || s.Repaired != s.Found || s.Damaged != 0 || s.Lost != 0 {
		t.Errorf("%d tiles were damaged, counted are %+v", len(digests), s)
	}
	if err := c.nodes["n2"].disk.Verify(ctx, digests...); err != nil {
		t.Error(err)
	}
}

// TestATileThatGoesBadAfterItWasReadIsFoundByTheMembers: the node has compared its digest and adds it up as it is, the
// members' sums differ, nothing is opened, and what is doubted is compared again and repaired for the next attempt.
func TestATileThatGoesBadAfterItWasReadIsFoundByTheMembers(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	truth := stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.await(ctx, "n2 to hold the version", func() bool { return c.acked(t, "n2", "stations", 1) })
	if d := cmp.Diff(truth, queryRows(ctx, t, bureau, stationsAnew(1))); d != "" {
		t.Fatalf("(-plaintext +answer)\n%s", d)
	}
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	c.damageUnseen(ctx, t, "n2", digests[0])
	r, err := ask.Query(ctx, bureau, stationsAnew(2), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := r.Table.WriteCSV(&got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(truth, rowsOf(t, got.Bytes())); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	if n := len(r.Query.Attempts); n < 2 || !strings.Contains(explain.Reason(r.Query.Attempts[0].Failed), failure.ErrDeviates.Error()) {
		t.Errorf("attempts %+v", r.Query.Attempts)
	}
	if s := c.nodes["n2"].blobs.Status(); s.Found != 1 || s.Repaired != 1 || s.Damaged != 0 {
		t.Errorf("one tile was damaged, counted are %+v", s)
	}
	if err := c.nodes["n2"].disk.Verify(ctx, digests...); err != nil {
		t.Error(err)
	}
}

// acked reports whether a node's own state has its acknowledgement.
func (c *cluster) acked(t *testing.T, id, dataset string, version int) bool {
	t.Helper()
	w, err := c.nodes[id].versions.Load(dataset, version)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range w.Record.Acks {
		if a == id {
			return true
		}
	}
	return false
}

// Nobody reads the blobs here but the scrub, which finds what rotted and what is
// gone. A damaged blob is served to nobody.
func TestScrubFindsDamagedAndLostBlobsAndNodesServeNone(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newTimers()
	c := newCluster(t, 2, 2, x.set)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n2 to hold the version", func() bool { return c.acked(t, "n2", "stations", 1) })
	n1, n2 := c.nodes["n1"], c.nodes["n2"]
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	repaired := func(want int64) func() bool {
		return func() bool { s := n2.blobs.Status(); return s.Repaired == want && s.Damaged == 0 }
	}
	tick := func() {
		t.Helper()
		for id, scrub := range x.scrub {
			select {
			case scrub <- time.Now():
			case <-ctx.Done():
				t.Fatalf("no scrub of %s waits for its time", id)
			}
		}
	}

	c.damage(ctx, t, "n2", digests[0])
	tick()
	c.await(ctx, "the scrub to repair a damaged tile", repaired(1))

	if err := n2.disk.Delete(ctx, digests[1]); err != nil {
		t.Fatal(err)
	}
	tick()
	c.await(ctx, "the scrub to bring a lost tile back", repaired(2))

	c.damage(ctx, t, "n2", digests[0])
	_, err := blobPeers{n1.core}.Blob(ctx, "n2", digests[0])
	var remote *peer.RemoteError
	if !errors.As(err, &remote) || remote.Kind != kindNoBlob {
		t.Errorf("a damaged tile was asked for: got %v, want %s", err, kindNoBlob)
	}
	c.await(ctx, "the tile that was asked for to be repaired", repaired(3))
	if err := n2.disk.Verify(ctx, digests...); err != nil {
		t.Error(err)
	}
	if s := n2.standing.Status().Blobs; s.Found != 3 || s.Scrubs < 2 || s.Scrubbed < 4 || s.LastScrub == 0 || s.Stored < 4 {
		t.Errorf("status %+v", s)
	}
}

// Where no node has a sound copy the query fails and says why. There is no
// figure.
func TestTileDamagedOnAllNodesFailsTheQuery(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newTimers()
	c := newCluster(t, 2, 2, x.set)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.await(ctx, "n2 to hold the version", func() bool { return c.acked(t, "n2", "stations", 1) })
	d := c.tiles(ctx, t, "n1", "stations", 1)[0]
	c.damage(ctx, t, "n1", d)
	c.damage(ctx, t, "n2", d)
	r, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	if err == nil {
		t.Fatalf("a figure came out: %+v", r.Table)
	}
	if !strings.Contains(err.Error(), failure.ErrDamaged.Error()) {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
}
