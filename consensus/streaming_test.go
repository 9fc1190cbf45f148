package consensus

import (
	"encoding/binary"
	"io"
	"maps"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/snapstream"
)

// synthetic writes the snapshot of a state of about so many bytes, in pairs of
// 1 KiB that do not compress.
func synthetic(w io.Writer, bytes int) error {
	at := position{Applied: 7}
	s, err := snapstream.NewWriter(w, snapstream.Position(at))
	if err != nil {
		return err
	}
	if err := s.Pair(positionKey, at.encode()); err != nil {
		return err
	}
	for i := range bytes >> 10 {
		key := binary.BigEndian.AppendUint64([]byte{spaceMachine}, uint64(i)) //nolint:gosec // not negative
		if err := s.Pair(key, incompressible(i)); err != nil {
			return err
		}
	}
	_, err = s.Finish()
	return err
}

// restoreSynthetic restores it without ever having the stream in one place.
func restoreSynthetic(tb testing.TB, to *appliedState, bytes int) {
	tb.Helper()
	r, w := io.Pipe()
	var g errgroup.Group
	g.Go(func() error { return w.CloseWithError(synthetic(w, bytes)) })
	if err := to.restore(r, 0); err != nil {
		tb.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		tb.Fatal(err)
	}
}

// snapshotTo streams a state and returns how many bytes it took.
func snapshotTo(tb testing.TB, w io.Writer, from *appliedState) uint64 {
	tb.Helper()
	g, err := from.acquire()
	if err != nil {
		tb.Fatal(err)
	}
	defer g.release()
	r := g.store.Read()
	defer r.Close()
	n, err := writeState(w, r, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// peakHeap runs fn and returns the most that was on the heap, in bytes, above
// what was there before. Garbage is collected early, so that it counts little.
func peakHeap(fn func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64()) //nolint:gosec // bytes of memory
	}
	before := heap()
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		most := before
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				most = max(most, heap())
			}
		}
	}()
	fn()
	close(stop)
	return <-peak - before
}

// TestSnapshotsAndRestoresStream: a state of 192 MB takes 200 MB of heap to restore,
// as one of 512 MB does (BenchmarkRestore), and some 20 to write. Whoever held the
// stream in memory as well would need 192 more.
func TestSnapshotsAndRestoresStream(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("measures the heap, which the race detector adds to")
	}
	const size = 192 << 20
	to := openRoomyState(t)
	if heap := peakHeap(func() { restoreSynthetic(t, to, size) }); heap > 320<<20 {
		t.Errorf("restoring took %d MB of heap", heap>>20)
	}
	heap := peakHeap(func() {
		if n := snapshotTo(t, io.Discard, to); n < size {
			t.Errorf("a snapshot of %d bytes of %d", n, size)
		}
	})
	if heap > 128<<20 {
		t.Errorf("writing took %d MB of heap", heap>>20)
	}
}

// TestLargestEntriesAreRestored: keys and values at every limit, and an entry
// that fills the transactions of a restore several times.
func TestLargestEntriesAreRestored(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("moves much, on one goroutine")
	}
	from, to := openRoomyState(t), openRoomyState(t)
	for _, m := range []Machine{
		largest{0}, largest{pairs.LargeValue - 1}, largest{pairs.LargeValue}, largest{MaxChangeBytes - 9},
		valueUnder{strings.Repeat("k", MaxKeyBytes), pairs.LargeValue - 1}, // both count against a transaction
		valueUnder{strings.Repeat("l", MaxKeyBytes), pairs.LargeValue},
	} {
		apply(t, from, m, string(make([]byte, MaxEntryBytes)))
	}
	r, w := io.Pipe()
	var g errgroup.Group
	g.Go(func() error {
		snapshotTo(t, w, from)
		return w.Close()
	})
	if err := to.restore(r, 0); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	want, wantAt := dump(t, from)
	got, gotAt := dump(t, to)
	if !maps.Equal(got, want) || gotAt != wantAt {
		t.Errorf("restored %d keys at %+v, want %d at %+v", len(got), gotAt, len(want), wantAt)
	}
}

// valueUnder sets one key.
type valueUnder struct {
	key  string
	size int
}

func (v valueUnder) Apply(tx records.Tx, _ uint64, _ []byte) ([]byte, error) {
	return nil, tx.Set([]byte(v.key), make([]byte, v.size))
}
