package node

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
)

// kept is how many bytes of keys and values a state has that stay: what is
// remembered of envelopes is forgotten after minutes, and what is left to do when
// it is done.
type kept struct {
	*memstore.Store
	bytes   int // that stay
	written int // all that was set
}

func stays(key []byte) bool {
	return !strings.HasPrefix(string(key), "seen") && !strings.HasPrefix(string(key), "todo.")
}

func (k *kept) size(key []byte) int {
	v, _ := k.Get(key) // a map's error is nil
	if v == nil || !stays(key) {
		return 0
	}
	return len(key) + len(v)
}

// Set implements records.Tx.
func (k *kept) Set(key, value []byte) error {
	k.bytes -= k.size(key)
	k.written += len(key) + len(value)
	if stays(key) {
		k.bytes += len(key) + len(value)
	}
	return k.Store.Set(key, value)
}

// Delete implements records.Tx.
func (k *kept) Delete(key []byte) error {
	k.bytes -= k.size(key)
	return k.Store.Delete(key)
}

// growth is what entries of a kind leave on every node, in bytes.
type growth struct {
	entries                          int
	entry, evidence, state, rewrites int
}

func (g *growth) add(o growth) {
	g.entries += o.entries
	g.entry += o.entry
	g.evidence += o.evidence
	g.state += o.state
	g.rewrites += o.rewrites
}

// replayed applies the records of a ledger to an empty state once more, and sums
// what each kind leaves.
func replayed(b *testing.B, records []evidence.Record) map[catalog.Kind]growth {
	b.Helper()
	machine, state := state.NewMachine(), &kept{Store: memstore.New()}
	kinds := map[catalog.Kind]growth{}
	for i, rec := range records {
		seq := uint64(i) //nolint:gosec // not negative
		bytes, written := state.bytes, state.written
		if _, err := machine.Apply(state, seq, rec.Entry); err != nil {
			b.Fatal(err)
		}
		e, err := catalog.ParseEntry(rec.Entry)
		if err != nil {
			b.Fatal(err)
		}
		p, err := catalog.ParsePayload(e.Envelope.Payload)
		if err != nil {
			b.Fatal(err)
		}
		encoded, err := rec.Encode()
		if err != nil {
			b.Fatal(err)
		}
		g := kinds[p.Kind]
		g.add(growth{
			entries: 1, entry: len(rec.Entry),
			// The record, the hashes of the leaf and of the subtrees that it completes, and two keys.
			evidence: len(encoded) + 32*(1+bits.TrailingZeros64(seq+1)) + 2*(1+evidence.KeySize),
			state:    state.bytes - bytes, rewrites: state.written - written,
		})
		kinds[p.Kind] = g
	}
	return kinds
}

// BenchmarkGrowth is what every kind of entry leaves on the disk of every node for
// good: the log's entry, until it is compacted; its record and hashes; and what the
// state grows by. rewritten-B is what is written over what was there. The ledger is
// that of a cluster that publishes, contracts, asks and registers portfolios.
func BenchmarkGrowth(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	x := newFirms(ctx, b, 3, 2)
	const queries = 48
	for i := range 4 {
		other := x.admit(ctx, newKey(b, fmt.Sprintf("bank %d", i)), catalog.RoleBuyer)
		contract(ctx, b, other, x.bureau, "firms")
	}
	for i := range queries {
		queryRows(ctx, b, x.buyer, fmt.Sprintf("SELECT county, date_trunc('month', period) AS month, SUM(co2), COUNT(co2) FROM firms "+
			"WHERE firm > '!%d' GROUP BY county, month", i))
	}
	x.register(ctx, b, x.vector("mine", 1, selected(func(f int) bool { return f%2 == 0 || f > 30 })))
	queryRows(ctx, b, x.buyer, "SELECT county, SUM(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county")
	ledger := x.nodes["n1"].ledger
	var records []evidence.Record
	for seq := range ledger.NextSeq() {
		rec, err := ledger.Record(seq)
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, rec)
	}
	var kinds map[catalog.Kind]growth
	b.Run("replay", func(b *testing.B) {
		for b.Loop() {
			kinds = replayed(b, records)
		}
		b.ReportMetric(float64(len(records)*b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	report := func(name string, g growth, of int) {
		b.Run(name, func(b *testing.B) {
			for metric, bytes := range map[string]int{
				"entry-B": g.entry, "evidence-B": g.evidence, "state-B": g.state, "rewritten-B": g.rewrites - g.state, "B/entry": g.evidence + g.state,
			} {
				b.ReportMetric(float64(bytes)/float64(of), metric)
			}
			b.ReportMetric(float64(g.entries)/float64(of), "entries")
			b.ReportMetric(0, "ns/op")
		})
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		report(string(kind), kinds[kind], kinds[kind].entries)
	}
	var query growth
	for _, kind := range []catalog.Kind{catalog.KindQuerySubmit, catalog.KindQueryAttempt, catalog.KindQueryShare} {
		query.add(kinds[kind])
	}
	report("a whole query", query, kinds[catalog.KindQuerySubmit].entries)
	b.Run("all on the disk", func(b *testing.B) {
		logical := 0
		for _, g := range kinds {
			logical += g.evidence + g.state
		}
		disk := restoredBytes(b, x.nodes["n1"].raftLedger(b), filepath.Join(x.nodeDir("n1"), "ledger"))
		b.ReportMetric(float64(logical)/float64(len(records)), "B/entry")
		b.ReportMetric(float64(disk)/float64(len(records)), "disk-B/entry")
		b.ReportMetric(0, "ns/op")
	})
}

// restoredBytes restores a ledger's snapshot elsewhere, and returns what the tables
// of the state take there.
func restoredBytes(b *testing.B, of *consensus.Ledger, from string) (bytes int64) {
	b.Helper()
	if err := of.Snapshot(b.Context()); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "snapshots"), os.DirFS(filepath.Join(from, "snapshots"))); err != nil {
		b.Fatal(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	l, err := consensus.Open(consensus.Options{Dir: dir, ID: "restored", Transport: deaf{listener}, Machine: state.NewMachine(), NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	if l.NextSeq() != of.NextSeq() {
		b.Errorf("restored %d entries of %d", l.NextSeq(), of.NextSeq())
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "state", "*", "*.sst"))
	if err != nil || len(tables) == 0 {
		b.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, path := range tables {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

// deaf is a stream layer that reaches nobody.
type deaf struct{ net.Listener }

// Dial implements consensus.StreamLayer.
func (deaf) Dial(address string, _ time.Duration) (net.Conn, error) {
	return nil, fmt.Errorf("%s is not to be reached", address)
}
