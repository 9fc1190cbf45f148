package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/peer"
)

// version reads a version from a node's own state.
func (c *cluster) version(t *testing.T, id, dataset string, version int) catalog.Version {
	t.Helper()
	w, err := c.nodes[id].versions.Load(dataset, version)
	if err != nil {
		t.Fatal(err)
	}
	return w.Record
}

// A node that was down while a dataset was published is in no active set until
// it has caught up and said so.
func TestNodeAwayDuringPublishingCatchesUpBeforeItOpens(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	c.close("n3")
	list := publishStations(ctx, t, bureau, "stations")
	truth := stationTruth(list)
	asked := 0
	ask := func() catalog.Query {
		t.Helper()
		asked++
		r, err := ask.Query(ctx, bureau, stationsAnew(asked), ask.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Query
	}
	held := func() bool { return slices.Contains(c.version(t, "n1", "stations", 1).Acks, "n3") }
	for range 2 {
		if q := ask(); slices.Contains(q.Attempts[len(q.Attempts)-1].Active, "n3") {
			t.Error("n3, which is down, is in an active set")
		}
	}
	if held() {
		t.Fatal("n3 acknowledged what it cannot have")
	}
	c.open("n3")
	for before := held(); !before; before = held() {
		q := ask()
		v, err := bureau.Version(ctx, "stations", 1) // n1 may not have applied it yet
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(q.Attempts[0].Active, "n3") && !slices.Contains(v.Acks, "n3") {
			t.Error("n3 is in an active set before it acknowledged")
		}
	}
	digests := c.tiles(ctx, t, "n1", "stations", 1)
	if err := c.nodes["n3"].disk.Verify(ctx, digests...); err != nil {
		t.Errorf("n3 acknowledged and does not hold everything: %v", err)
	}
	// Without n1 no set is left but the one with the late node.
	c.close("n1")
	if d := cmp.Diff(truth, queryRows(ctx, t, bureau, stationsAnew(0))); d != "" {
		t.Errorf("(-plaintext +answer of n2 and n3)\n%s", d)
	}
}

// A node that was away for longer than the others keep their logs gets a
// snapshot, then the blobs.
func TestNodeAwayLongerThanTheLogCatchesUpBySnapshot(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, func(o *Options) { o.SnapshotThreshold, o.TrailingLogs = 8, 2 })
	bureau := c.publisher(ctx, "bureau")
	c.close("n3")
	list := publishStations(ctx, t, bureau, "stations")
	for _, id := range []string{"n1", "n2"} {
		if err := c.nodes[id].raftLedger(c.t).Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// After n3's last entry nothing is left of the log but its end.
	c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	n3 := c.open("n3")
	c.await(ctx, "n3 to acknowledge the version", func() bool {
		return slices.Contains(c.version(t, "n1", "stations", 1).Acks, "n3")
	})
	if s := n3.ledger.Status(); s.Snapshot == 0 {
		t.Errorf("n3 caught up without a snapshot: %+v", s)
	}
	c.close("n1")
	if d := cmp.Diff(stationTruth(list), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer of n2 and n3)\n%s", d)
	}
}

// wideDescriptor makes many tiles of few readings: two periods fill one.
const wideDescriptor = `dataset: %s
title: {en: Wide, zh: 宽}
license: CC0-1.0
entity: {column: station, attributes: []}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: x, column: x, unit: t, range: [0, 100000], decimals: 0}
policy: {aggregates: [count, sum], public: true}
`

// wide are so many days of 4,000 stations, and their sum.
func wide(days int) (csv []byte, sum *big.Int) {
	var b bytes.Buffer
	sum = new(big.Int)
	b.WriteString("station,period,x\n")
	for s := range 4000 {
		for d := range days {
			v := s*7 + d*13
			fmt.Fprintf(&b, "s%04d,2024-01-%02d,%d\n", s, d+1, v)
			sum.Add(sum, big.NewInt(int64(v)))
		}
	}
	return b.Bytes(), sum
}

// The node from which a late node fetches dies in the middle of an answer: the
// late node goes on with another one.
func TestSourceThatDiesWhileANodeCatchesUp(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	var sources atomic.Pointer[map[string]*Node] // once set, the tap counts
	var requests atomic.Int64
	died := make(chan string, 1)
	c := newCluster(t, 3, 2, func(o *Options) {
		if o.ID != "n3" {
			return
		}
		o.Tap = func(conn *peer.Conn, sent bool, p []byte) {
			nodes := sources.Load()
			if sent && nodes != nil && bytes.Contains(p, []byte("GET "+pathBlobs)) && requests.Add(1) == 4 {
				// All its connections break, this one before the answer.
				if err := (*nodes)[conn.Node()].mux.Close(); err != nil {
					t.Error(err)
				}
				died <- conn.Node()
			}
		}
	})
	bureau := c.publisher(ctx, "bureau")
	c.close("n3")
	csv, sum := wide(14)
	p := prepareText(ctx, t, fmt.Sprintf(wideDescriptor, "wide"), csv, nil)
	if _, err := publish.Publish(ctx, bureau, p, nil); err != nil {
		t.Fatal(err)
	}
	c.await(ctx, "both nodes to hold the version", func() bool { return len(c.version(t, "n1", "wide", 1).Acks) == 2 })
	sources.Store(&map[string]*Node{"n1": c.nodes["n1"], "n2": c.nodes["n2"]})
	c.open("n3")
	var source string
	select {
	case source = <-died:
	case <-ctx.Done():
		t.Fatal("n3 asks for too little")
	}
	c.close(source)
	other := map[string]string{"n1": "n2", "n2": "n1"}[source]
	c.await(ctx, "n3 to acknowledge the version", func() bool {
		return slices.Contains(c.version(t, other, "wide", 1).Acks, "n3")
	})
	got := queryRows(ctx, t, bureau, `SELECT SUM(x) FROM wide`)
	if want := [][]string{{sum.String()}}; !cmp.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A publisher's machine that dies leaves nothing half-visible, wherever in the
// middle it dies, and the next publishing succeeds.
func TestPublisherThatDiesInTheMiddleLeavesNothingHalfVisible(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	list := stationReadings()
	p := prepareText(ctx, t, fmt.Sprintf(stationsDescriptor, "stations"), stationsCSV(list), nil)
	hidden := func(when string) {
		t.Helper()
		d, err := bureau.Dataset(ctx, "stations")
		if err != nil {
			t.Fatal(err)
		}
		if d.Live != 0 {
			t.Errorf("%s: version %d is live", when, d.Live)
		}
		if r, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{}); err == nil {
			t.Errorf("%s: a query was answered: %v", when, r.Query.ID)
		}
	}

	// While it uploads.
	dying, die := context.WithCancel(ctx)
	_, err := publish.Publish(dying, bureau, p, func(x publish.Progress) {
		if x.Stage == publish.StageUploading && x.Tiles > 0 {
			die()
		}
	})
	die()
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("publishing went on: %v", err)
	}
	hidden("died while uploading")

	// After it proposed and before it committed.
	key, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	_, err = bureau.Submit(ctx, catalog.KindVersionPropose, catalog.VersionPropose{
		Dataset: "stations", Key: key.Record.ID, Epoch: key.Record.Epoch, First: p.Panel.First, Periods: p.Panel.Periods,
		Entities: len(p.Panel.Entities), Blocks: p.Blocks, Tiles: p.Tiles(),
		Manifest: catalog.Sum([]byte("never uploaded")), Presence: catalog.Sum([]byte("nor this")),
	})
	if err != nil {
		t.Fatal(err)
	}
	hidden("died after proposing")

	published, err := publish.Publish(ctx, bureau, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if published.Version != 2 {
		t.Errorf("published version %d, want 2", published.Version)
	}
	if d := cmp.Diff(stationTruth(list), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

// What a node fetches is as fast with many requests at once as the slowest of
// encryption check and disk allows.
func BenchmarkCatchUp(b *testing.B) {
	for _, most := range []int{1, 2, 8} {
		b.Run(fmt.Sprint(most), func(b *testing.B) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c := newCluster(b, 2, 2, nil)
			from, to := c.nodes["n1"], c.nodes["n2"]
			c.await(ctx, "n1 to be seen", func() bool { return to.health.isAlive("n1") })
			const size = 393_241
			for b.Loop() {
				b.StopTimer()
				digests := make([]catalog.Digest, 32)
				for i := range digests {
					blob := bytes.Repeat([]byte{byte(i), byte(b.N), byte(time.Now().UnixNano())}, size/3)
					digests[i] = catalog.Sum(blob)
					if err := from.blobs.Put(ctx, digests[i], blob); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				err := failure.Each(ctx, most, len(digests), func(ctx context.Context, i int) error {
					_, err := to.blobs.Load(ctx, digests[i])
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(32 * size)
		})
	}
}
