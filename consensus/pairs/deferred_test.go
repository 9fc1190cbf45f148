package pairs

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// versioned is a store in memory that has few keys' room, and may be told to wait, or to fail.
type versioned struct {
	Store
	mu     sync.Mutex
	now    map[string]string // never changed in place
	made   []map[string]string
	waits  chan struct{} // nil, or Write waits until it is closed
	err    error
	open   int // readers
	closed bool
}

func (s *versioned) Read() Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return versionedReader{sortedReader{s.now}, s}
}

// versionedReader is counted while it is open.
type versionedReader struct {
	sortedReader
	of *versioned
}

func (r versionedReader) Close() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	r.of.open--
}

func (s *versioned) Room() (keys, bytes int64) { return 6, 1 << 20 }

func (s *versioned) Write(changes iter.Seq[Change]) error {
	if s.waits != nil {
		<-s.waits
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	next := changed(s.now, slices.Collect(changes))
	s.now, s.made = next, append(s.made, next)
	return nil
}

func (s *versioned) Close() error {
	s.closed = true
	return nil
}

// has is how many transactions were made, and what there is since.
func (s *versioned) has() (made int, now map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.made), s.now
}

func changed(m map[string]string, changes []Change) map[string]string {
	next := map[string]string{}
	maps.Copy(next, m)
	for _, c := range changes {
		if delete(next, c.Key); !c.Deleted {
			next[c.Key] = string(c.Value)
		}
	}
	return next
}

// sortedReader reads a map.
type sortedReader struct{ pairs map[string]string }

func (r sortedReader) Get(key []byte) ([]byte, error) {
	if v, ok := r.pairs[string(key)]; ok {
		return []byte(v), nil
	}
	return nil, nil
}

func (r sortedReader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	keys := slices.Sorted(maps.Keys(r.pairs))
	if down {
		slices.Reverse(keys)
	}
	start := string(prefix) + string(after)
	for _, k := range keys {
		if !strings.HasPrefix(k, string(prefix)) || len(after) > 0 && (!down && k <= start || down && k >= start) {
			continue
		}
		if err := fn([]byte(k), []byte(r.pairs[k])); err != nil {
			return err
		}
	}
	return nil
}

func (sortedReader) Close() {}

// walked is what a walk of at most some pairs passes.
func walked(t *rapid.T, r Reader, prefix, after string, down bool, most int) (list []string) {
	t.Helper()
	enough := errors.New("enough")
	err := r.Walk([]byte(prefix), []byte(after), down, func(key, value []byte) error {
		if len(list) == most {
			return enough
		}
		list = append(list, string(key)+"="+string(value))
		return nil
	})
	if err != nil && err != enough { //nolint:errorlint // it is returned as it is
		t.Fatal(err)
	}
	return list
}

// Whatever is read, written, synced and how long the store takes: a reader has what was written before it was opened, and a
// crash at any moment leaves what the first writes made, at least those that were synced.
func TestACrashLeavesTheFirstWrites(t *testing.T) {
	keys := []string{"a", "a/", "a/1", "a/12", "a/2", "b", "b/1", "b/2", "d"}
	rapid.Check(t, func(t *rapid.T) {
		below := &versioned{}
		var count atomic.Uint64
		s := NewDeferred(below, &count)
		history := []map[string]string{{}}
		now := func() map[string]string { return history[len(history)-1] }
		synced := 0
		type opened struct {
			Reader
			want map[string]string
		}
		readers := []opened{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				var list []Change
				for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 5, rapid.ID).Draw(t, "keys") {
					c := Change{Key: k, Deleted: rapid.Bool().Draw(t, "deleted")}
					if !c.Deleted {
						c.Value = []byte(fmt.Sprint(len(history)))
					}
					list = append(list, c)
				}
				if err := s.Write(slices.Values(list)); err != nil {
					t.Fatal(err)
				}
				history = append(history, changed(now(), list))
			case 2:
				readers = append(readers, opened{s.Read(), now()})
			case 3:
				if err := s.Sync(); err != nil {
					t.Fatal(err)
				}
				synced = len(history) - 1
			default:
				if len(readers) == 0 {
					continue
				}
				x := rapid.SampledFrom(readers).Draw(t, "reader")
				for _, k := range keys {
					v, err := x.Get([]byte(k))
					if w, there := x.want[k]; err != nil || (v != nil) != there || string(v) != w {
						t.Fatalf("%q is %q (%v), wanted is %q (%v)", k, v, err, w, there)
					}
				}
				prefix := rapid.SampledFrom([]string{"", "a", "a/", "b/", "c"}).Draw(t, "prefix")
				after := rapid.SampledFrom([]string{"", "1", "/1", "2", "a", "zz"}).Draw(t, "after")
				down, most := rapid.Bool().Draw(t, "down"), rapid.IntRange(1, 9).Draw(t, "most")
				if got, want := walked(t, x, prefix, after, down, most), walked(t, sortedReader{x.want}, prefix, after, down, most); !slices.Equal(got, want) {
					t.Fatalf("walk of %q after %q (down: %v): %q, want %q", prefix, after, down, got, want)
				}
			}
			// What a crash would leave is one of the versions that there were, in their order, and none from before a sync.
			below.mu.Lock()
			left := append([]map[string]string{{}}, below.made...)
			below.mu.Unlock()
			at := 0
			for _, m := range left {
				for at < len(history) && !maps.Equal(history[at], m) {
					at++
				}
				if at == len(history) {
					t.Fatalf("a crash leaves %v, which is none of the versions after the one before", m)
				}
			}
			if !slices.ContainsFunc(history[synced:], func(m map[string]string) bool { return maps.Equal(m, left[len(left)-1]) }) {
				t.Fatalf("a crash leaves %v, and %d writes were synced", left[len(left)-1], synced)
			}
		}
		for _, r := range readers {
			r.Close()
		}
		if err := s.Close(); err != nil || below.open != 0 || !below.closed || !maps.Equal(below.now, now()) {
			t.Fatalf("closed with %v (%v): the store has %v, want %v", err, below.closed, below.now, now())
		}
		if uint64(len(below.made)) != count.Load() {
			t.Fatalf("%d transactions are counted as %d", len(below.made), count.Load())
		}
	})
}

// Nobody has to ask for a write to reach the store, and many reach it together.
func TestDeferredWritesReachTheStoreByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &versioned{}
		var count atomic.Uint64
		s := NewDeferred(below, &count)
		for i := range 5 {
			if err := s.Write(slices.Values([]Change{{Key: "a", Value: []byte(fmt.Sprint(i))}})); err != nil {
				t.Fatal(err)
			}
			time.Sleep(deferFor / 10) // of the bubble's clock
		}
		if made, now := below.has(); made != 0 {
			t.Errorf("after half of the time the store has %v", now)
		}
		time.Sleep(deferFor)
		synctest.Wait()
		if made, now := below.has(); made != 1 || now["a"] != "4" {
			t.Errorf("after %d transactions the store has %v", made, now)
		}
		if err := s.Close(); err != nil || count.Load() != 1 {
			t.Errorf("closed with %v after %d transactions", err, count.Load())
		}
	})
}

// Who reads and writes does not wait for a transaction of the store that is under way, which takes an fsync.
func TestNobodyWaitsForATransactionOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &held{Store: &versioned{}, holds: make(chan struct{})}
		s := NewDeferred(below, new(atomic.Uint64))
		write := func(v string) {
			if err := s.Write(slices.Values([]Change{{Key: "a", Value: []byte(v)}})); err != nil {
				t.Error(err)
			}
		}
		write("1")
		time.Sleep(2 * deferFor)
		synctest.Wait() // the transaction is under way
		read := ""
		go func() {
			write("2")
			r := s.Read()
			defer r.Close()
			v, err := r.Get([]byte("a"))
			if err != nil {
				t.Error(err)
			}
			read = string(v)
		}()
		synctest.Wait()
		if read != "2" {
			t.Errorf("while a transaction is under way %q is read", read)
		}
		close(below.holds)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// held is a store whose transactions end when the test says so, and whose new readers wait for them, as badger's do.
type held struct {
	Store
	holds chan struct{}
	under atomic.Bool
}

func (s *held) Write(changes iter.Seq[Change]) error {
	s.under.Store(true)
	<-s.holds
	s.under.Store(false)
	return s.Store.Write(changes)
}

func (s *held) Read() Reader {
	if s.under.Load() {
		<-s.holds
	}
	return s.Store.Read()
}

// What is in memory alone is bounded: a write waits for a store that is slow.
func TestDeferredWritesWaitForASlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := &versioned{waits: make(chan struct{})}
		var count atomic.Uint64
		s := NewDeferred(below, &count)
		var written atomic.Int64
		go func() {
			for range 12 {
				if err := s.Write(slices.Values([]Change{{Key: fmt.Sprint(written.Load()), Value: make([]byte, 1<<20)}})); err != nil {
					t.Error(err)
				}
				written.Add(1)
			}
		}()
		synctest.Wait()
		if written.Load() != deferBytes>>20-1 {
			t.Errorf("%d writes of 1 MiB were taken", written.Load())
		}
		close(below.waits)
		synctest.Wait()
		if written.Load() != 12 {
			t.Errorf("%d writes were taken once the store went on", written.Load())
		}
		if err := s.Close(); err != nil || len(below.now) != 12 {
			t.Errorf("closed with %v, the store has %d", err, len(below.now))
		}
	})
}

// A store that fails is told of from then on, and nothing is written over what it did not take.
func TestDeferredTellsThatTheStoreFailed(t *testing.T) {
	below := &versioned{err: errors.New("no disk")}
	var count atomic.Uint64
	s := NewDeferred(below, &count)
	write := func() error { return s.Write(slices.Values([]Change{{Key: "a", Value: []byte("1")}})) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); !errors.Is(err, below.err) {
		t.Errorf("synced with %v", err)
	}
	failed := below.err
	below.mu.Lock()
	below.err = nil
	below.mu.Unlock()
	if err := write(); !errors.Is(err, failed) {
		t.Errorf("written with %v", err)
	}
	if err := s.Close(); !errors.Is(err, failed) || !below.closed || len(below.made) != 0 {
		t.Errorf("closed with %v (%v), the store has %v", err, below.closed, below.made)
	}
}

// What counts no more is let go as it is.
func TestDeferredWritesAreDropped(t *testing.T) {
	below := &versioned{waits: make(chan struct{})}
	var count atomic.Uint64
	s := NewDeferred(below, &count)
	if err := s.Write(slices.Values([]Change{{Key: "a", Value: []byte("1")}})); err != nil {
		t.Fatal(err)
	}
	close(below.waits)
	if s.Drop() != Store(below) || below.closed || below.open != 0 {
		t.Error("the store was closed, or is still read")
	}
}
