package node

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
)

// What a publisher says of the cells in which a version differs from an earlier one
// is recomputed by every node from the presences, and a version with wrong sets is
// rejected with the reason. The difference of the two versions is station 0 alone;
// unnoticed, the class rule would release both.
//
// What they cannot check is which values changed: with the true sets the rule closes
// the class, and sets that name more cells than the presences tell are taken for
// corrections. That is the publisher's word on its own readings.
func TestSetsThatContradictThePresencesAreRejected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	if _, err := bureau.PublishDataset(ctx, prepareText(ctx, t, dailyDescriptor, []byte(dailyCSV(0, 45, all)), nil), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := bureau.Query(ctx, dailySQL, client.QueryOptions{}); err != nil { // so that there is something to subtract from
		t.Fatal(err)
	}
	more := dailyCSV(45, 50, func(s int) bool { return s == 0 })
	p := prepareText(ctx, t, dailyDescriptor, []byte(dailyCSV(0, 45, all)+more[strings.Index(more, "\n")+1:]), nil)
	key, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	l := liar{cluster: c, publisher: bureau, prepared: p, propose: c.uploadRaw(ctx, t, p, key.Record, key.Public)}
	february := catalog.GrainDay.In(p.Panel.First+45, catalog.GrainMonth)
	truth := []int32{2, -1, -1, -1, -1, -1, -1} // ⌊log2 5⌋ of station 0
	for _, x := range []struct {
		name string
		sets map[int64][]int32
		want string
	}{
		{"no difference", nil, "0 of 1 periods with a difference are named"},
		{"another month", map[int64][]int32{february - 1: truth}, "0 of 1 periods"},
		{"fewer cells", map[int64][]int32{february: {1, -1, -1, -1, -1, -1, -1}}, "entity 0 in period 649 has level 1, the presences give 2"},
		{"another station", map[int64][]int32{february: {-1, 2, -1, -1, -1, -1, -1}}, "entity 0 in period 649 has level -1, the presences give 2"},
	} {
		v := l.publish(ctx, t, x.sets)
		if v.State != catalog.VersionRejected || !strings.Contains(v.Reason, x.want) || !strings.Contains(v.Reason, "no2 against version 1 of daily") {
			t.Errorf("%s: version %d is %s: %q", x.name, v.Version, v.State, v.Reason)
		}
	}
	if v := l.publish(ctx, t, map[int64][]int32{february: truth}); v.State != catalog.VersionLive {
		t.Fatalf("the true sets: version %d is %s: %q", v.Version, v.State, v.Reason)
	}
	r, err := bureau.Query(ctx, dailySQL, client.QueryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range r.Table.Rows {
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(row...)))
	}
	if d := cmp.Diff(dailyTruth(45, "c0 2024-02"), rows); d != "" || r.Query.Release != 6 {
		t.Errorf("answered from version %d (-plaintext +answer)\n%s", r.Query.Release, d)
	}
}

// liar publishes versions of the same tiles with any sets.
type liar struct {
	cluster   *cluster
	publisher *client.Client
	prepared  *client.Prepared
	propose   catalog.VersionPropose
}

// publish proposes a version that says it differs from version 1 in the sets.
func (l *liar) publish(ctx context.Context, t *testing.T, levels map[int64][]int32) catalog.Version {
	t.Helper()
	d := l.prepared.Source.Descriptor
	counts, err := l.prepared.Panel.Counts(d)
	if err != nil {
		t.Fatal(err)
	}
	propose, sets := l.propose, tiles.CellSets(0, levels)
	propose.Counts = counts.Digest()
	propose.Compared = []catalog.Comparison{{Measure: "no2", Dataset: "daily", Release: 1, Other: "no2"}}
	propose.Sets = catalog.SetsDigest(sets)
	submit := func(kind catalog.Kind, body any) int {
		t.Helper()
		done, err := l.publisher.Submit(ctx, kind, body)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		return done.Outcome.Version
	}
	version := submit(catalog.KindVersionPropose, propose)
	chunks, err := counts.Chunks(version)
	if err != nil {
		t.Fatal(err)
	}
	for _, chunk := range chunks {
		submit(catalog.KindVersionCounts, chunk)
	}
	for _, chunk := range tiles.SetChunks("daily", version, sets) {
		submit(catalog.KindVersionSets, chunk)
	}
	submit(catalog.KindVersionCommit, catalog.VersionCommit{Dataset: "daily", Version: version})
	return l.cluster.awaitVerdict(ctx, t, l.publisher, "daily", version)
}
