package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/drill"
)

// briefDaily keeps versions for two days after a newer one came.
var briefDaily = strings.Replace(dailyDescriptor, "grain: month, min_cohort: 2, cubes: [[county]]", "public: true, version_days: 2", 1)

// laterCluster is a cluster of which everybody's clock can be moved on, with a bureau that keeps what append needs,
// and a buyer.
func laterCluster(ctx context.Context, t testing.TB) (c *cluster, later *atomic.Int64, bureau, buyer *client.Client) {
	t.Helper()
	later = new(atomic.Int64)
	now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	c = newCluster(t, 3, 2, func(o *Options) { o.Clock = now })
	c.now = now
	return c, later, c.keeping(c.publisher(ctx, "bureau")), c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
}

// Tiles, manifests and presences of versions that expired go from all nodes, and what others need stays: the newest
// version and those that are kept answer rightly, more is appended, and a node that lost everything gets what is kept
// and misses nothing else.
func TestTilesOfExpiredVersionsGo(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c, later, bureau, buyer := laterCluster(ctx, t)
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, briefDaily, []byte(dailyCSV(0, 40, all)), nil), nil); err != nil {
		t.Fatal(err)
	}
	contract(ctx, t, buyer, bureau, "daily")
	r := &rehearsal{t: t}
	keepResult := func() {
		t.Helper()
		answered, err := ask.Query(ctx, buyer, dailySQL, ask.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := answered.Table.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		r.results = append(r.results, drill.File{Name: answered.Query.ID, Bytes: b.Bytes()})
	}
	keepResult()
	append1 := func(day int) {
		t.Helper()
		later.Add(int64(24 * time.Hour))
		appendText(ctx, t, bureau, briefDaily, dailyCSV(day, day+1, all))
	}
	for day := 40; day < 45; day++ {
		append1(day)
	}
	for version := 1; version <= 6; version++ {
		for id := range c.nodes {
			c.await(ctx, fmt.Sprintf("%s to know of version %d", id, version), func() bool {
				v := c.version(t, id, "daily", version)
				return (v.Expired > 0) == (version <= 3) && (v.Expired > 0 || c.acked(t, id, "daily", version))
			})
		}
	}
	of := func(from, to int) (digests []catalog.Digest) {
		t.Helper()
		for version := from; version <= to; version++ {
			v := c.version(t, "n1", "daily", version)
			digests = append(append(digests, v.Manifest, v.Presence), c.tiles(ctx, t, "n1", "daily", version)...)
		}
		return digests
	}
	expired, kept := of(1, 3), of(4, 6)
	if slices.ContainsFunc(expired, func(d catalog.Digest) bool { return slices.Contains(kept, d) }) {
		t.Fatal("the versions share a tile, and every one was to have an open one")
	}
	start := c.nodes["n1"].opts.Clock()
	for id, n := range c.nodes {
		n.mustCollect(ctx, t, start)
		n.mustCollect(ctx, t, start.Add(keep-time.Second))
		if got := n.holds(ctx, t, expired...); len(got) != len(expired) {
			t.Errorf("%s holds %d of %d expired blobs before their time is over", id, len(got), len(expired))
		}
		n.mustCollect(ctx, t, start.Add(keep))
		if got := n.holds(ctx, t, expired...); len(got) != 0 {
			t.Errorf("%s holds %d expired blobs", id, len(got))
		}
		if got := n.holds(ctx, t, kept...); len(got) != len(kept) {
			t.Errorf("%s holds %d of %d blobs that are needed", id, len(got), len(kept))
		}
		if err := n.blobs.FindLost(ctx); err != nil {
			t.Fatal(err)
		}
		if s := n.blobs.Status(); s.Found != 0 || s.Lost != 0 {
			t.Errorf("%s misses what was collected: %+v", id, s)
		}
	}
	answers := func(asOf, days int) {
		t.Helper()
		r, err := ask.Query(ctx, buyer, dailySQL, ask.Options{AsOf: asOf})
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, row := range r.Table.Rows {
			rows = append(rows, fmt.Sprint(row[0], " ", row[1], " ", row[2]))
		}
		if diff := cmp.Diff(dailyTruth(days, every), rows); diff != "" {
			t.Errorf("as of version %d (−want +got):\n%s", asOf, diff)
		}
	}
	answers(4, 43)
	answers(0, 45)
	_, err := ask.Query(ctx, buyer, dailySQL, ask.Options{AsOf: 2})
	if err == nil || !strings.Contains(err.Error(), "version 2 of dataset daily was given up") || !strings.Contains(err.Error(), "version 4, the oldest") {
		t.Errorf("as of an expired version: %v", err)
	}
	for _, what := range []string{"manifest", "presence"} {
		_, err := buyer.Do(ctx, client.Call{Path: client.VersionPath("daily", 2) + "/" + what})
		if p, is := errors.AsType[*wire.Problem](err); !is || p.Status != http.StatusGone || p.Kind != wire.KindGone {
			t.Errorf("the %s of an expired version: %v", what, err)
		}
		if _, err := buyer.Do(ctx, client.Call{Path: client.VersionPath("daily", 4) + "/" + what, Limit: client.MaxBlob}); err != nil {
			t.Errorf("the %s of one that is kept: %v", what, err)
		}
	}

	// A node that lost its blobs gets those that are kept.
	c.close("n3")
	if err := os.RemoveAll(filepath.Join(c.nodeDir("n3"), "blobs")); err != nil {
		t.Fatal(err)
	}
	n3 := c.open("n3")
	c.await(ctx, "n3 to have what is kept", func() bool {
		s := n3.blobs.Status()
		return s.Found > 0 && s.Damaged == 0 && len(n3.holds(ctx, t, kept...)) == len(kept)
	})
	if s := n3.blobs.Status(); s.Lost != 0 {
		t.Errorf("n3 gave up %d blobs: %+v", s.Lost, s)
	}

	append1(45)
	answers(0, 46)
	later.Add(int64(48 * time.Hour))
	append1(46)
	answers(7, 46)
	answers(0, 47)

	// A drill does not miss what nobody keeps, and says what it did not compute.
	keepResult()
	for _, n := range c.nodes {
		n.mustCollect(ctx, t, start.Add(2*keep))
		n.mustCollect(ctx, t, start.Add(3*keep))
	}
	r.disaster = c.prepare(ctx, t)
	checks := r.run(ctx, func(o *drill.Options) { o.Shares = r.opened("n1", "n2", "n3") })
	sums, figures := checks[recovery.Sums], checks[recovery.Figures]
	opened := 0 // of what is kept; a repeat is sealed again, or opened anew where a node lacks its share
	queries, err := client.Queries.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		if q.State == catalog.QueryDone && c.version(t, "n1", "daily", q.Version).Expired == 0 && !q.Attempts[len(q.Attempts)-1].Reseals {
			opened++
		}
	}
	if d := differing(checks); len(d) > 0 || opened < 2 || sums.Tried.Tried != opened || figures.Tried.Tried != 1 {
		t.Errorf("the archive differs in %q: %+v", d, checks)
	}
	if len(sums.Notes) != 1 || !strings.Contains(sums.Notes[0], "3 answered queries are of versions that have expired") ||
		!strings.Contains(figures.Missed, r.results[0].Name) || !strings.Contains(figures.Missed, "has expired") {
		t.Errorf("the drill says %+v and %+v", sums, figures)
	}
}
