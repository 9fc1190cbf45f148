package consensus

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/consensus/entrysum"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
)

// hashesOnly is a tree that keeps its hashes and forgets its records.
type hashesOnly struct{ memoryStore }

func (h hashesOnly) Set(key, value []byte) error {
	if key[0] == 'h' {
		return h.memoryStore.Set(key, value)
	}
	return nil
}

// longSnapshot writes the snapshot of a state with nothing but so many records of
// 200 bytes.
func longSnapshot(w io.Writer, n uint64) error {
	at := position{Applied: n, NextSeq: n}
	s, err := snapstream.NewWriter(w, snapstream.Position(at))
	if err != nil {
		return err
	}
	if err := s.Pair(positionKey, at.encode()); err != nil {
		return err
	}
	record := func(seq uint64) evidence.Record {
		return evidence.Record{Entry: incompressible(int(seq))[:200]} //nolint:gosec // any number does
	}
	key := func(kind byte, seq uint64) []byte {
		return binary.BigEndian.AppendUint64([]byte{spaceEvidence, kind}, seq)
	}
	tree := hashesOnly{memoryStore{}}
	for seq := range n {
		if _, err := evidence.Append(tree, seq, record(seq)); err != nil {
			return err
		}
		k := key('h', seq)
		if err := s.Pair(k, tree.memoryStore[string(k[1:])]); err != nil {
			return err
		}
	}
	for seq := range n {
		encoded, err := record(seq).Encode()
		if err != nil {
			return err
		}
		if err := s.Pair(key('r', seq), encoded); err != nil {
			return err
		}
	}
	_, err = s.Finish()
	return err
}

// lengths are the numbers of entries to compare; WEIR_BENCH_ENTRIES adds one.
func lengths(b *testing.B) []uint64 {
	b.Helper()
	all := []uint64{10_000, 300_000}
	if text := os.Getenv("WEIR_BENCH_ENTRIES"); text != "" {
		n, err := strconv.ParseUint(text, 10, 40)
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// BenchmarkLength is what the number of entries costs: opening the state, memory
// and files when it is open, a proof, and the next entry.
func BenchmarkLength(b *testing.B) {
	for _, n := range lengths(b) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			s := openTestState(b, dir)
			r, w := io.Pipe()
			var g errgroup.Group
			g.Go(func() error { return w.CloseWithError(longSnapshot(w, n)) })
			if err := s.restore(r, 0); err != nil {
				b.Fatal(err)
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
			if err := s.close(); err != nil {
				b.Fatal(err)
			}
			var opening, proving, applying time.Duration
			heap := int64(0)
			rounds := 0
			for b.Loop() {
				rounds++
				before := liveHeap()
				start := time.Now()
				var err error
				if s, err = openState(stateIn(dir, true, discard), discard); err != nil {
					b.Fatal(err)
				}
				opening += time.Since(start)
				heap = liveHeap() - before
				start = time.Now()
				prove(b, s, n)
				proving += time.Since(start)
				start = time.Now()
				apply(b, s, kv{}, "get x")
				applying += time.Since(start)
				if err := s.close(); err != nil {
					b.Fatal(err)
				}
			}
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(rounds) }
			b.ReportMetric(ms(opening), "open-ms")
			b.ReportMetric(ms(proving)*1000/proofs, "µs/proof")
			b.ReportMetric(ms(applying), "apply-ms")
			b.ReportMetric(float64(heap)/1e6, "heap-MB")
			b.ReportMetric(float64(diskBytes(b, dir))/float64(n), "disk-B/entry")
			tables, err := filepath.Glob(filepath.Join(dir, "*", "*.sst"))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(len(tables)), "tables")
			b.ReportMetric(0, "ns/op")
		})
	}
}

const proofs = 200

// prove makes proofs of random leaves.
func prove(b *testing.B, s *appliedState, n uint64) {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // leaves
	err := s.view(func(r pairs.Reader) error {
		for range proofs {
			if _, err := evidence.Prove(evidenceReader{r}, rng.Uint64N(n), n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // bytes of memory
}

// BenchmarkStart is what the log since the last snapshot costs a start: raft reads
// it for changes of membership, and once more for the state machine, which has it.
func BenchmarkStart(b *testing.B) {
	for _, n := range lengths(b) {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := startCluster(b, 1, func(o *Options) { o.SnapshotThreshold, o.SnapshotInterval = 1<<40, time.Hour })
			c.leader()
			c.stop("n1")
			last := lengthen(b, filepath.Join(c.dir, "n1"), n)
			var opening, leading time.Duration
			for b.Loop() {
				start := time.Now()
				c.start("n1")
				opening += time.Since(start)
				l := c.leader()
				if err := l.WaitApplied(b.Context(), last); err != nil {
					b.Fatal(err)
				}
				leading += time.Since(start)
				c.stop("n1")
			}
			b.ReportMetric(float64(opening.Microseconds())/float64(b.N)/float64(n), "open-µs/entry")
			b.ReportMetric(float64(leading.Microseconds())/float64(b.N)/float64(n), "lead-µs/entry")
			b.ReportMetric(float64(diskBytes(b, filepath.Join(c.dir, "n1", "wal")))/float64(n), "log-B/entry")
			b.ReportMetric(leading.Seconds()/float64(b.N), "s/start")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A ledger of millions of entries starts in seconds: however many there are, a start reads no more of the log than there is
// between two snapshots, and what stays behind one.
func TestAStartReadsABoundedNumberOfEntries(t *testing.T) {
	longrun.Only(t)
	c := startCluster(t, 1, func(o *Options) { roomy(o); o.SnapshotThreshold, o.SnapshotInterval = 1<<40, time.Hour })
	c.leader()
	c.stop("n1")
	d := &disk{opts: Options{SnapshotThreshold: DefaultSnapshotThreshold}, state: &appliedState{}}
	d.state.nextSeq.Store(1 << 40)
	most := d.threshold() + DefaultTrailingLogs
	last := lengthen(t, filepath.Join(c.dir, "n1"), most)
	start := time.Now()
	c.start("n1")
	opening := time.Since(start)
	if err := c.leader().WaitApplied(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	t.Logf("the longest log that a start reads has %d entries: %s to open, %s to lead", most, opening, time.Since(start))
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("a start takes %s", took)
	}
}

// lengthen appends n commands of 400 bytes to a node's log and applies them, and
// returns the index of the last.
func lengthen(b testing.TB, dir string, n uint64) (last uint64) {
	b.Helper()
	meta := &metadb.BoltMetaDB{}
	log, err := wal.Open(filepath.Join(dir, "wal"), wal.WithMetaStore(meta))
	if err != nil {
		b.Fatal(err)
	}
	s := openTestState(b, filepath.Join(dir, "state"))
	if last, err = log.LastIndex(); err != nil {
		b.Fatal(err)
	}
	var newest raft.Log
	if err := log.GetLog(last, &newest); err != nil {
		b.Fatal(err)
	}
	for done := uint64(0); done < n; {
		var batch []*raft.Log
		for range min(n-done, 512) {
			last++
			done++
			e := &raft.Log{Index: last, Term: newest.Term, Data: append([]byte("note "), incompressible(int(done))[:395]...)} //nolint:gosec // any number does
			e.Extensions = placed(e, entrysum.Proposed(e.Data))
			batch = append(batch, e)
		}
		if err := log.StoreLogs(batch); err != nil {
			b.Fatal(err)
		}
		if _, err := s.applyBatch(kv{}, batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
	if err := meta.Close(); err != nil {
		b.Fatal(err)
	}
	return last
}
