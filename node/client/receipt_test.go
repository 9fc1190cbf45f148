package client_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
)

var update = flag.Bool("update", false, "write the golden receipts of the current version anew")

const airSQL = "SELECT county, date_trunc('month', period) AS month, SUM(pm25), AVG(pm10), COUNT(*) FROM air GROUP BY county, month ORDER BY month"

// asked is a query with its receipt.
type asked struct {
	query   catalog.Query
	receipt []byte
	proven  *client.Proven
}

func (w *world) ask(sql string) asked {
	w.Helper()
	buyer := w.client(catalog.RoleBuyer)
	r, err := buyer.Query(w.ctx, sql, client.QueryOptions{})
	w.must(err)
	b, p, err := buyer.QueryReceipt(w.ctx, r.Query.ID)
	w.must(err)
	return asked{r.Query, b, p}
}

// receiptOf has the first node prove entries in this order.
func (w *world) receiptOf(key []byte, wanted ...evidence.Wanted) []byte {
	w.Helper()
	b, err := w.cluster.OptionsOf(0).Evidence.Prove(w.ctx, key, wanted)
	w.must(err)
	return b
}

func TestOneFlippedBitAnywhereInAQuerysReceiptIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	w.contract("air", catalog.OrderApprove{})
	good := w.ask(airSQL).receipt
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(good); i += step {
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if _, err := w.profile.VerifyReceipt(bad); !errors.Is(err, client.ErrReceipt) {
			t.Fatalf("a bit of byte %d (%q) is flipped: %v", i, good[i], err)
		}
	}
}

// Entries that are all in the log, and do not belong together, prove nothing.
func TestEntriesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	w.contract("air", catalog.OrderApprove{})
	a, b := w.ask(airSQL), w.ask("SELECT SUM(pm25) FROM air")
	counts := w.ask("SELECT COUNT(*) FROM air")
	version, err := w.client(catalog.RoleBuyer).Version(w.ctx, "air", 1)
	w.must(err)
	buyer, publisher := w.keys[catalog.RoleBuyer].Public().Key, w.keys[catalog.RolePublisher].Public().Key
	whole := func(seq uint64) evidence.Wanted { return evidence.Wanted{Seq: seq} }
	digest := func(seq uint64) evidence.Wanted { return evidence.Wanted{Seq: seq, Withhold: true} }
	q := a.query
	for _, x := range []struct {
		name, fails string
		key         []byte
		wanted      []evidence.Wanted
	}{
		{"another principal's key", "key is not that of its signer", publisher, []evidence.Wanted{whole(q.Seq)}},
		{"no key", "key is not that of its signer", nil, []evidence.Wanted{whole(q.Seq)}},
		{"the submission withheld", "does not show it", buyer, []evidence.Wanted{digest(q.Seq)}},
		{"another query's attempt", "does not name an attempt", buyer, []evidence.Wanted{whole(q.Seq), whole(b.query.Entries[0])}},
		{"the attempt withheld", "does not show it", buyer, []evidence.Wanted{whole(q.Seq), digest(q.Entries[0])}},
		{"another query's share", "no share of query", buyer, []evidence.Wanted{whole(q.Seq), whole(q.Entries[0]), digest(b.query.Entries[1])}},
		{"one share twice", "after entry", buyer, []evidence.Wanted{whole(q.Seq), whole(q.Entries[0]), digest(q.Entries[1]), digest(q.Entries[1])}},
		{"shares in another order", "after entry", buyer, []evidence.Wanted{whole(q.Seq), whole(q.Entries[0]), digest(q.Entries[2]), digest(q.Entries[1])}},
		{"a share as the attempt", "does not name an attempt", buyer, []evidence.Wanted{whole(q.Seq), whole(q.Entries[1])}},
		{"a version with a query's share", "does not make version", publisher, []evidence.Wanted{whole(version.Entries[0]), digest(q.Entries[1])}},
		{"a version live twice", "does not make version", publisher, []evidence.Wanted{whole(version.Entries[0]), digest(version.Entries[1]), digest(version.Entries[1])}},
		{"the founding and more", "nothing to do with", w.keys[catalog.RoleOperator].Public().Key, []evidence.Wanted{whole(0), whole(1)}},
		{"a node's act with a key", "names a principal's key", buyer, []evidence.Wanted{whole(q.Entries[0])}},
	} {
		if _, err := w.profile.VerifyReceipt(w.receiptOf(x.key, x.wanted...)); !errors.Is(err, client.ErrReceipt) || !strings.Contains(err.Error(), x.fails) {
			t.Errorf("%s: %v, want one that says %q", x.name, err, x.fails)
		}
	}
	// Without all shares the query is proven, and that it was answered is not.
	p, err := w.profile.VerifyReceipt(w.receiptOf(buyer, whole(q.Seq), whole(q.Entries[0]), digest(q.Entries[1])))
	if err != nil || p.Query.Done {
		t.Errorf("one share of two: %+v, %v", p, err)
	}
	if !a.proven.Query.Done || !counts.proven.Query.Done || counts.proven.Query.Attempt != 0 {
		t.Errorf("done: %t, %t", a.proven.Query.Done, counts.proven.Query.Done)
	}
	p, err = w.profile.VerifyReceipt(w.receiptOf(w.keys[catalog.RoleOperator].Public().Key, whole(0)))
	if err != nil || p.Envelope != w.cluster.ID() {
		t.Errorf("the founding: %+v, %v", p, err)
	}
	other := w.profile
	other.Cluster[0] ^= 1
	if _, err := other.VerifyReceipt(a.receipt); !errors.Is(err, client.ErrReceipt) {
		t.Errorf("under another cluster's profile: %v", err)
	}
	stranger := newWorld(t).profile
	stranger.Cluster = w.profile.Cluster
	if _, err := stranger.VerifyReceipt(a.receipt); !errors.Is(err, evidence.ErrThreshold) {
		t.Errorf("under another cluster's nodes: %v", err)
	}
}

func TestARefusalIsProvenWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.publishAir()
	contract := w.contract("air", catalog.OrderApprove{Aggregates: []string{"count"}})
	buyer := w.client(catalog.RoleBuyer)
	_, err := buyer.Query(w.ctx, "SELECT SUM(pm25) FROM air", client.QueryOptions{Contract: contract})
	refusal, refused := client.IsRefused(err)
	if !refused {
		t.Fatal(err)
	}
	_, signed, err := buyer.Checkpoint(w.ctx)
	w.must(err)
	head, err := w.profile.OpenCheckpoint(signed)
	w.must(err)
	_, p, err := buyer.EntryReceipt(w.ctx, head.Size-1)
	w.must(err)
	if p.Refusal == nil || p.Refusal.Rule != refusal.Rule || p.Query != nil || !strings.Contains(strings.Join(p.Words(), "\n"), refusal.Message) {
		t.Errorf("proven is %+v, refused was %+v", p, refusal)
	}
}

// TestOldReceiptsStayReadable verifies receipts that earlier versions wrote.
func TestOldReceiptsStayReadable(t *testing.T) {
	dir := filepath.Join("testdata", "receipt.v1")
	if *update {
		writeGolden(t, dir)
	}
	profile, err := client.LoadProfile(filepath.Join(dir, "profile.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"query", "version"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".tlog-proof"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.VerifyReceipt(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.TrimSpace(string(want)), string(got)); d != "" {
			t.Errorf("%s: (-then +now)\n%s", name, d)
		}
	}
}

func writeGolden(t *testing.T, dir string) {
	w := newWorld(t)
	w.publishAir()
	w.contract("air", catalog.OrderApprove{})
	a := w.ask(airSQL)
	listed, p, err := w.client(catalog.RoleBuyer).VersionReceipt(w.ctx, "air", 1)
	w.must(err)
	w.must(os.MkdirAll(dir, 0o755))
	w.must(w.profile.Save(filepath.Join(dir, "profile.json")))
	for name, x := range map[string]asked{"query": a, "version": {receipt: listed, proven: p}} {
		doc, err := json.MarshalIndent(x.proven, "", "  ")
		w.must(err)
		w.must(os.WriteFile(filepath.Join(dir, name+".tlog-proof"), x.receipt, 0o644))
		w.must(os.WriteFile(filepath.Join(dir, name+".json"), append(doc, '\n'), 0o644))
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	dir := filepath.Join("testdata", "receipt.v1")
	profile, err := client.LoadProfile(filepath.Join(dir, "profile.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"query", "version"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".tlog-proof"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := profile.VerifyReceipt(b)
		if err != nil && !errors.Is(err, client.ErrReceipt) {
			t.Fatalf("not ErrReceipt: %v", err)
		}
		if err == nil {
			p.Words()
		}
	})
}

// BenchmarkVerifyReceipt verifies a query's receipt out of a log of 2^17 entries.
func BenchmarkVerifyReceipt(b *testing.B) {
	w := newWorld(b)
	w.must(w.cluster.Fill(1 << 17))
	w.publishAir()
	w.contract("air", catalog.OrderApprove{})
	receipt := w.ask(airSQL).receipt
	begin := time.Now()
	for b.Loop() {
		if _, err := w.profile.VerifyReceipt(receipt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000/float64(b.N), "verify_ms")
	b.ReportMetric(float64(len(receipt)), "receipt_bytes")
}
