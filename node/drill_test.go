package node

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/drill"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/nodeshare"
	"github.com/weirdata/weir/node/versions"
)

// rehearsal is what a drill is given of a cluster that has answered.
type rehearsal struct {
	*disaster
	t        *testing.T
	receipts []drill.File
	results  []drill.File
}

// run runs a drill; change changes what it is given.
func (r *rehearsal) run(ctx context.Context, change func(o *drill.Options)) map[string]drill.Check {
	r.t.Helper()
	o := drill.Options{Archive: r.archive, Dir: r.t.TempDir(), Receipts: r.receipts, Results: r.results, Progress: func(string) {}}
	change(&o)
	report, err := drill.Run(ctx, o)
	if err != nil {
		r.t.Fatal(err)
	}
	checks := map[string]drill.Check{}
	for _, c := range report.Checks {
		checks[c.What] = c
	}
	return checks
}

// opened are nodes' shares, in memory.
func (r *rehearsal) opened(ids ...string) (list []drill.Share) {
	r.t.Helper()
	for _, id := range ids {
		info, secrets, err := nodeshare.Read([]age.Identity{r.key}, bytes.NewReader(r.shares[id]))
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, drill.Share{Info: info, Secrets: secrets})
	}
	return list
}

// differing names what differs.
func differing(checks map[string]drill.Check) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		if checks[name].Differ > 0 {
			names = append(names, name)
		}
	}
	return names
}

// A drill shows of a sound archive that it is one, opens what it can with the shares that it is given, and
// finds what is wrong with others: blobs that the list leaves out, figures that are others, shares that
// do not fit, sums that the members did not open. It changes nothing, and leaves nothing.
func TestDrillTellsSoundArchivesFromOthers(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	r := &rehearsal{t: t}
	keep := func(sql string) {
		answered, err := ask.Query(ctx, x.buyer, sql, ask.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := answered.Table.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		r.results = append(r.results, drill.File{Name: answered.Query.ID, Bytes: b.Bytes()})
		receipt, _, err := audit.QueryReceipt(ctx, x.buyer, answered.Query.ID)
		if err != nil {
			t.Fatal(err)
		}
		r.receipts = append(r.receipts, drill.File{Name: answered.Query.ID, Bytes: receipt})
	}
	keep("SELECT county, date_trunc('month', period) AS month, SUM(co2) FROM firms GROUP BY county, month")
	keep("SELECT SUM(co2), COUNT(co2) AS n FROM firms WHERE county <> 'c1' ORDER BY n LIMIT 3")
	x.register(ctx, t, x.vector("mine", 1, selected(func(f int) bool { return f%2 == 0 || f > 30 })))
	keep("SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)")
	r.disaster = x.prepare(ctx, t)
	files := leak.Files(t, r.archive.Store.String())
	kept := slices.Clone(r.receipts)
	keep("SELECT AVG(co2) FROM firms")
	late := r.receipts[len(r.receipts)-1]
	r.receipts, r.results = append(kept, late), r.results[:3]

	whole := r.run(ctx, func(o *drill.Options) { o.Shares = r.opened("n1", "n2", "n3") })
	for name, tried := range map[string]int{recovery.Decisions: 3, recovery.Sums: 3, recovery.Receipts: 4, recovery.Openings: 3, recovery.Figures: 2} {
		if c := whole[name]; c.Tried.Tried != tried {
			t.Errorf("%s: %+v, want %d tried", name, c, tried)
		}
	}
	if d := differing(whole); len(d) > 0 || whole[recovery.Entries].Tried.Tried != int(r.archive.Size) || whole[recovery.Parts].Tried.Tried == 0 || whole[recovery.Blobs].Tried.Tried == 0 {
		t.Errorf("a sound archive differs in %q: %+v", d, whole)
	}
	if n := whole[recovery.Receipts].Notes; len(n) != 1 || !strings.Contains(n[0], "came after the backup") {
		t.Errorf("of the receipt of later: %q", n)
	}
	if again := leak.Files(t, r.archive.Store.String()); len(again) != len(files) {
		t.Errorf("the archive had %d files, and has %d", len(files), len(again))
	}

	few := r.run(ctx, func(o *drill.Options) { o.Shares = r.opened("n2") })
	if c := few[recovery.Openings]; c.Tried.Tried != 0 || !strings.Contains(c.Skipped, "1 nodes were given, 2 are needed") || len(differing(few)) > 0 {
		t.Errorf("with one share: %+v, differing %q", c, differing(few))
	}

	version, err := x.bureau.Version(ctx, "firms", 1)
	if err != nil {
		t.Fatal(err)
	}
	blob := func(d catalog.Digest) int {
		return slices.IndexFunc(r.archive.Blobs, func(p backup.Part) bool { return p.Digest == d })
	}
	b, err := r.archive.Load(ctx, r.archive.Blobs[blob(version.Manifest)])
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := tiles.ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	tile := blob(manifest.Digests()[0])
	for name, test := range map[string]struct {
		change func(o *drill.Options)
		want   []string
	}{
		"a tile is left out of the list": {func(o *drill.Options) {
			o.Archive.Blobs = slices.Delete(slices.Clone(o.Archive.Blobs), tile, tile+1)
		}, []string{recovery.Blobs, recovery.Sums}},
		"the list has other bytes in a tile's place": {func(o *drill.Options) {
			b, err := r.archive.Load(ctx, r.archive.Blobs[tile])
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			list := slices.Clone(o.Archive.Blobs)
			list[tile] = r.put(ctx, b)
			o.Archive.Blobs = list
		}, []string{recovery.Blobs, recovery.Sums}},
		"a figure is another": {func(o *drill.Options) {
			other := slices.Clone(o.Results)
			other[0].Bytes = bytes.Replace(other[0].Bytes, []byte(`"rows":[[`), []byte(`"rows":[["elsewhere",`), 1)
			o.Results = other
		}, []string{recovery.Figures}},
		"a result of a query that was never asked": {func(o *drill.Options) {
			o.Results = []drill.File{{Name: "x", Bytes: []byte(`{"query":"q-1","rows":[]}`)}}
		}, []string{recovery.Figures}},
		"a receipt was changed": {func(o *drill.Options) {
			b := bytes.Replace(o.Receipts[0].Bytes, []byte("index "), []byte("index 1"), 1)
			o.Receipts = []drill.File{{Name: "x", Bytes: b}}
		}, []string{recovery.Receipts}},
		"a share is another node's": {func(o *drill.Options) {
			mixed := r.opened("n1", "n2")
			mixed[0].Secrets, mixed[1].Secrets = mixed[1].Secrets, mixed[0].Secrets
			o.Shares = mixed
		}, []string{recovery.Openings}},
		"a sum has a tile twice": {func(o *drill.Options) {
			o.Plan = func(w versions.Sources, v catalog.Verdict) (*plan.Plan, error) {
				p, err := versions.PlanOf(w, v)
				if err == nil && len(p.Accumulators) > 0 { // its digest names the slots, and not which tiles are added up
					p.Accumulators[0].Tiles = append(p.Accumulators[0].Tiles, p.Accumulators[0].Tiles[0])
				}
				return p, err
			}
		}, []string{recovery.Sums}},
	} {
		checks := r.run(ctx, func(given *drill.Options) {
			given.Shares = r.opened("n1", "n3")
			test.change(given)
		})
		if got := differing(checks); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q differ, want %q: %+v", name, got, test.want, checks)
		}
	}
	if names, err := os.ReadDir(r.archive.Store.String()); err != nil || len(names) != 2 {
		t.Errorf("the archive has %v (%v)", names, err)
	}
}

// put adds a part to the archive as whoever owns it could.
func (r *rehearsal) put(ctx context.Context, b []byte) backup.Part {
	r.t.Helper()
	p := backup.Part{Digest: catalog.Sum(b), Bytes: int64(len(b))}
	sealed, err := backup.Seal(b, []age.Recipient{r.key.Recipient()})
	if err == nil {
		err = r.archive.Store.Put(ctx, r.archive.Object(p), sealed)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}
