package audit_test

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
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
)

var update = flag.Bool("update", false, "write the golden receipts of the current version anew")

const airSQL = "SELECT county, date_trunc('month', period) AS month, SUM(pm25), AVG(pm10), COUNT(*) FROM air GROUP BY county, month ORDER BY month"

// asked is a query with its receipt.
type asked struct {
	query   catalog.Query
	receipt []byte
	proven  *audit.Proven
}

func answered(w *clienttest.World, sql string) asked {
	w.Helper()
	buyer := w.Client(catalog.RoleBuyer)
	r, err := ask.Query(w.Ctx, buyer, sql, ask.Options{})
	w.Must(err)
	b, p, err := audit.QueryReceipt(w.Ctx, buyer, r.Query.ID)
	w.Must(err)
	return asked{r.Query, b, p}
}

// receiptOf has the first node prove entries in this order.
func receiptOf(w *clienttest.World, key []byte, wanted ...evidence.Wanted) []byte {
	w.Helper()
	b, err := w.Cluster.OptionsOf(0).Evidence.Prove(w.Ctx, key, wanted)
	w.Must(err)
	return b
}

func TestOneFlippedBitAnywhereInAQuerysReceiptIsNoticed(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	good := answered(w, airSQL).receipt
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(good); i += step {
		bad := slices.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if _, err := audit.VerifyReceipt(w.Profile, bad); !errors.Is(err, audit.ErrReceipt) {
			t.Fatalf("a bit of byte %d (%q) is flipped: %v", i, good[i], err)
		}
	}
}

// Entries that are all in the log, and do not belong together, prove nothing.
func TestEntriesThatDoNotBelongTogetherAreRefused(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	a, b := answered(w, airSQL), answered(w, "SELECT SUM(pm25) FROM air")
	counts := answered(w, "SELECT COUNT(*) FROM air")
	version, err := w.Client(catalog.RoleBuyer).Version(w.Ctx, "air", 1)
	w.Must(err)
	buyer, publisher := w.Keys[catalog.RoleBuyer].Public().Key, w.Keys[catalog.RolePublisher].Public().Key
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
		{"the founding and more", "nothing to do with", w.Keys[catalog.RoleOperator].Public().Key, []evidence.Wanted{whole(0), whole(1)}},
		{"a node's act with a key", "names a principal's key", buyer, []evidence.Wanted{whole(q.Entries[0])}},
	} {
		if _, err := audit.VerifyReceipt(w.Profile, receiptOf(w, x.key, x.wanted...)); !errors.Is(err, audit.ErrReceipt) || !strings.Contains(err.Error(), x.fails) {
			t.Errorf("%s: %v, want one that says %q", x.name, err, x.fails)
		}
	}
	// Without all shares the query is proven, and that it was answered is not.
	p, err := audit.VerifyReceipt(w.Profile, receiptOf(w, buyer, whole(q.Seq), whole(q.Entries[0]), digest(q.Entries[1])))
	if err != nil || p.Query.Done {
		t.Errorf("one share of two: %+v, %v", p, err)
	}
	if !a.proven.Query.Done || !counts.proven.Query.Done || counts.proven.Query.Attempt != 0 {
		t.Errorf("done: %t, %t", a.proven.Query.Done, counts.proven.Query.Done)
	}
	p, err = audit.VerifyReceipt(w.Profile, receiptOf(w, w.Keys[catalog.RoleOperator].Public().Key, whole(0)))
	if err != nil || p.Envelope != w.Cluster.ID() {
		t.Errorf("the founding: %+v, %v", p, err)
	}
	other := w.Profile
	other.Cluster[0] ^= 1
	if _, err := audit.VerifyReceipt(other, a.receipt); !errors.Is(err, audit.ErrReceipt) {
		t.Errorf("under another cluster's profile: %v", err)
	}
	stranger := clienttest.New(t).Profile
	stranger.Cluster = w.Profile.Cluster
	if _, err := audit.VerifyReceipt(stranger, a.receipt); !errors.Is(err, evidence.ErrThreshold) {
		t.Errorf("under another cluster's nodes: %v", err)
	}
}

// A receipt outlives the machines that signed what it shows.
func TestAReceiptHoldsWhenTheMachinesInTheSeatsAreOthers(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	receipt := answered(w, airSQL).receipt
	strangers := clienttest.New(t).Profile.Nodes
	p := w.Profile
	p.Nodes = slices.Clone(w.Profile.Nodes)
	for i := range p.Nodes {
		p.Nodes[i].Key, p.Nodes[i].Former = strangers[i].Key, [][]byte{w.Profile.Nodes[i].Key}
	}
	if _, err := audit.VerifyReceipt(p, receipt); err != nil {
		t.Errorf("after every machine was replaced: %v", err)
	}
	for i := range p.Nodes {
		p.Nodes[i].Former = nil
	}
	if _, err := audit.VerifyReceipt(p, receipt); !errors.Is(err, audit.ErrReceipt) {
		t.Errorf("under keys that no machine had: %v", err)
	}
}

func TestARefusalIsProvenWithItsReason(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	contract := w.Contract("air", catalog.OrderApprove{Aggregates: []string{"count"}})
	buyer := w.Client(catalog.RoleBuyer)
	_, err := ask.Query(w.Ctx, buyer, "SELECT SUM(pm25) FROM air", ask.Options{Contract: contract})
	refusal, refused := client.IsRefused(err)
	if !refused {
		t.Fatal(err)
	}
	_, signed, err := audit.Checkpoint(w.Ctx, buyer)
	w.Must(err)
	head, err := audit.OpenCheckpoint(w.Profile, signed)
	w.Must(err)
	_, p, err := audit.EntryReceipt(w.Ctx, buyer, head.Size-1)
	w.Must(err)
	if p.Refusal == nil || p.Refusal.Rule != refusal.Rule || p.Query != nil || !strings.Contains(strings.Join(p.Words(explain.English), "\n"), explain.Message(refusal)) {
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
		p, err := audit.VerifyReceipt(profile, b)
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
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	a := answered(w, airSQL)
	listed, p, err := audit.VersionReceipt(w.Ctx, w.Client(catalog.RoleBuyer), "air", 1)
	w.Must(err)
	w.Must(os.MkdirAll(dir, 0o755))
	w.Must(w.Profile.Save(filepath.Join(dir, "profile.json")))
	for name, x := range map[string]asked{"query": a, "version": {receipt: listed, proven: p}} {
		doc, err := json.MarshalIndent(x.proven, "", "  ")
		w.Must(err)
		w.Must(os.WriteFile(filepath.Join(dir, name+".tlog-proof"), x.receipt, 0o644))
		w.Must(os.WriteFile(filepath.Join(dir, name+".json"), append(doc, '\n'), 0o644))
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
		p, err := audit.VerifyReceipt(profile, b)
		if err != nil && !errors.Is(err, audit.ErrReceipt) {
			t.Fatalf("not ErrReceipt: %v", err)
		}
		if err == nil {
			p.Words(explain.English)
		}
	})
}

// BenchmarkVerifyReceipt verifies a query's receipt out of a log of 2^17 entries.
func BenchmarkVerifyReceipt(b *testing.B) {
	w := clienttest.New(b)
	w.Must(w.Cluster.Fill(1 << 17))
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	receipt := answered(w, airSQL).receipt
	begin := time.Now()
	for b.Loop() {
		if _, err := audit.VerifyReceipt(w.Profile, receipt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(begin).Microseconds())/1000/float64(b.N), "verify_ms")
	b.ReportMetric(float64(len(receipt)), "receipt_bytes")
}
