package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirdata/weir/consensus/pairs"
)

// smallLog makes snapshots cut the log short.
func smallLog(o *Options) {
	o.TrailingLogs = 2
	o.SnapshotThreshold = 1 << 30 // only when told
}

func TestLateNodeCatchesUpBySnapshot(t *testing.T) {
	inFakeTime(t, func(t *testing.T) {
		c := startCluster(t, 3, func(o *Options) { smallLog(o); roomy(o) })
		c.propose("set early yes")
		late := "n1"
		if c.leader().opts.ID == late {
			late = "n2"
		}
		c.settle()
		c.stop(late)
		// 18 MB: more than one transaction takes.
		for range 3 {
			c.propose("big")
		}
		c.propose("set k 1")
		c.settle()
		for _, l := range c.running() {
			if err := l.Snapshot(t.Context()); err != nil {
				t.Fatalf("%s: %v", l.opts.ID, err)
			}
			if first, err := l.disk.wal.FirstIndex(); err != nil || first < 5 {
				t.Fatalf("%s: the log still begins at %d (%v)", l.opts.ID, first, err)
			}
		}
		m := &counting{}
		c.machine = m
		l := c.start(late)
		c.propose("set k 2")
		c.sameTrees()
		if got := get(t, l, "k"); got != "2" {
			t.Errorf("the late node has %q, want 2", got)
		}
		if calls := m.calls.Load(); calls > 3 {
			t.Errorf("the late node applied %d entries, it should have restored them", calls)
		}
		if currentGeneration(t, l) != generationName(2) {
			t.Errorf("the state is %s: no snapshot was restored", currentGeneration(t, l))
		}
		// And it starts again from what it restored.
		c.stop(late)
		l = c.start(late)
		c.sameTrees()
		if got := get(t, l, "big/2/77"); len(got) != 30_000 {
			t.Errorf("a restored value has %d bytes", len(got))
		}
	})
}

// dump reads a whole state.
func dump(tb testing.TB, s *appliedState) (map[string]string, position) {
	tb.Helper()
	out := map[string]string{}
	g, err := s.acquire()
	if err != nil {
		tb.Fatal(err)
	}
	defer g.release()
	r := g.store.Read()
	defer r.Close()
	for _, space := range []byte{spaceMeta, spaceMachine, spaceEvidence} {
		err := r.Walk([]byte{space}, nil, false, func(k, v []byte) error {
			out[string(k)] = string(v)
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return out, s.position()
}

func openTestState(tb testing.TB, dir string) *appliedState {
	tb.Helper()
	in := smallStateIn(dir)
	if _, measures := tb.(*testing.B); measures {
		in = stateIn(dir, true, discard)
	}
	return openStateIn(tb, in)
}

// openRoomyState takes entries of some megabytes.
func openRoomyState(tb testing.TB) *appliedState {
	tb.Helper()
	return openStateIn(tb, stateIn(tb.TempDir(), true, discard))
}

// smallStateIn is where a state is kept that takes entries of up to a megabyte.
func smallStateIn(dir string) pairs.Generations {
	return pairs.In(dir, pairs.Options{NoSync: true, MemTable: smallMemTable, Logger: discard})
}

func openStateIn(tb testing.TB, in pairs.Generations) *appliedState {
	tb.Helper()
	s, err := openState(in, discard)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func streamOf(tb testing.TB, s *appliedState) []byte {
	tb.Helper()
	g, err := s.acquire()
	if err != nil {
		tb.Fatal(err)
	}
	defer g.release()
	r := g.store.Read()
	defer r.Close()
	var b bytes.Buffer
	n, err := writeState(&b, r, 0)
	if err != nil {
		tb.Fatal(err)
	}
	if n != uint64(b.Len()) {
		tb.Errorf("the stream has %d bytes, said %d", b.Len(), n)
	}
	return b.Bytes()
}

func TestRestoreReplacesTheState(t *testing.T) {
	from, to := openRoomyState(t), openRoomyState(t)
	apply(t, from, kv{}, "big", "set a 1", "set b "+string(make([]byte, 200<<10)))
	apply(t, to, kv{}, "set a old", "set gone old")
	if err := to.restore(bytes.NewReader(streamOf(t, from)), 0); err != nil {
		t.Fatal(err)
	}
	want, wantAt := dump(t, from)
	got, gotAt := dump(t, to)
	if !maps.Equal(got, want) || gotAt != wantAt {
		t.Errorf("the restored state differs: %d keys at %+v, want %d at %+v", len(got), gotAt, len(want), wantAt)
	}
	apply(t, to, kv{}, "set c 3")
}

func TestDamagedStreamLeavesTheState(t *testing.T) {
	from := openTestState(t, t.TempDir())
	apply(t, from, kv{}, "set a 1", "set b 2")
	stream := streamOf(t, from)
	dir := t.TempDir()
	to := openTestState(t, dir)
	apply(t, to, kv{}, "set old 1")
	want, wantAt := dump(t, to)
	check := func(name string, stream io.Reader, wantErr error) {
		t.Helper()
		if err := to.restore(stream, 0); !errors.Is(err, wantErr) {
			t.Errorf("%s: %v", name, err)
		}
		if got, at := dump(t, to); !maps.Equal(got, want) || at != wantAt {
			t.Errorf("%s: the state changed", name)
		}
		if left, err := filepath.Glob(filepath.Join(dir, generationPrefix+"*")); err != nil || len(left) != 1 {
			t.Errorf("%s: %d states on the disk, %v", name, len(left), err)
		}
	}
	for _, cut := range []int{0, 5, 20, len(stream) / 2, len(stream) - 1} {
		check(fmt.Sprintf("cut at %d", cut), bytes.NewReader(stream[:cut]), ErrCorruptSnapshot)
	}
	flipped := bytes.Clone(stream)
	flipped[len(flipped)/2] ^= 1
	check("flipped bit", bytes.NewReader(flipped), ErrCorruptSnapshot)
	check("trailing byte", bytes.NewReader(append(bytes.Clone(stream), 0)), ErrCorruptSnapshot)
	disk := errors.New("the disk is gone")
	check("disk fault", io.MultiReader(bytes.NewReader(stream[:30]), failingReader{disk}), disk)
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestReaderKeepsItsVersionAcrossARestore: a view that began before goes on
// with the old state, and the old state goes when it ends.
func TestReaderKeepsItsVersionAcrossARestore(t *testing.T) {
	dir := t.TempDir()
	s := openTestState(t, dir)
	apply(t, s, kv{}, "set a 1")
	stream := streamOf(t, s)
	g, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.restore(bytes.NewReader(stream), 0); err != nil {
		t.Fatal(err)
	}
	r := g.store.Read()
	if v, err := (machineReader{r}).Get([]byte("a")); err != nil || string(v) != "1" {
		t.Errorf("the old version says %q, %v", v, err)
	}
	r.Close()
	g.release()
	s.retired.Wait()
	if _, err := os.Stat(filepath.Join(dir, generationName(1))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old state is still there: %v", err)
	}
}

func TestThresholdGrowsWithTheLog(t *testing.T) {
	d := &disk{opts: Options{SnapshotThreshold: 100}, state: &appliedState{}}
	for _, tc := range []struct{ seq, want uint64 }{{0, 100}, {400, 100}, {4000, 1000}, {1 << 40, 1 << 18}} {
		d.state.nextSeq.Store(tc.seq)
		if got := d.threshold(); got != tc.want {
			t.Errorf("after %d entries: %d, want %d", tc.seq, got, tc.want)
		}
	}
}

func TestRaftTakesSnapshotsByItself(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, func(o *Options) {
		o.SnapshotThreshold, o.SnapshotInterval, o.TrailingLogs = 4, 5*time.Millisecond, 1
		o.MaintenanceInterval = 5 * time.Millisecond
	})
	l := c.leader()
	changes, cancel := l.Changes()
	defer cancel()
	for i := 0; ; i++ {
		c.propose(fmt.Sprintf("set a %d", i))
		<-changes
		if first, err := l.disk.wal.FirstIndex(); err != nil {
			t.Fatal(err)
		} else if first > 5 {
			break
		}
		if i > 5000 {
			t.Fatal("the log was never compacted")
		}
	}
	if s := l.Status(); s.Snapshot == 0 {
		t.Error("the status names no snapshot")
	}
}
