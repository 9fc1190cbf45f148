package pairs

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// counted counts what is read of the store below.
type counted struct {
	Store
	mu    sync.Mutex
	gets  int
	walks int
}

type countedReader struct {
	Reader
	of *counted
}

func (s *counted) Read() Reader { return countedReader{s.Store.Read(), s} }

func (r countedReader) Get(key []byte) ([]byte, error) {
	r.of.mu.Lock()
	r.of.gets++
	r.of.mu.Unlock()
	return r.Reader.Get(key)
}

func (r countedReader) Walk(prefix, after []byte, down bool, fn func(key, value []byte) error) error {
	r.of.mu.Lock()
	r.of.walks++
	r.of.mu.Unlock()
	return r.Reader.Walk(prefix, after, down, fn)
}

// openIn opens a store in a directory of the test's.
func openIn(t *testing.T, dir string) *counted {
	t.Helper()
	s, err := In(dir, Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)}).Open()
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Store: s}
}

// readAs compares all that a reader can be asked with a map.
func readAs(t *rapid.T, r Reader, want map[string]string, keys []string) {
	t.Helper()
	for _, k := range keys {
		v, err := r.Get([]byte(k))
		w, there := want[k]
		if err != nil || (v != nil) != there || string(v) != w {
			t.Fatalf("%q is %.20q (there: %v, %v), wanted is %.20q (%v)", k, v, v != nil, err, w, there)
		}
		if len(v) > 0 {
			v[0]++ // it is a copy
		}
	}
	for _, prefix := range []string{"", "a", "b", "a/", "a/1", "b/", "c"} {
		var list []string
		if err := r.Walk([]byte(prefix), nil, false, func(key, value []byte) error {
			list = append(list, string(key)+"="+string(value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var wanted []string
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if strings.HasPrefix(k, prefix) {
				wanted = append(wanted, k+"="+want[k])
			}
		}
		if !slices.Equal(list, wanted) {
			t.Fatalf("below %q: %d keys, wanted are %d", prefix, len(list), len(wanted))
		}
	}
}

// A reader has its version, whatever was read before, is written afterwards, and does not fit into memory.
func TestRecentReadsWhatTheStoreHas(t *testing.T) {
	keys := []string{"a", "a/", "a/1", "a/12", "a/2", "b", "b/1", "b/1/x", "b/2", "d"}
	rapid.Check(t, func(t *rapid.T) {
		below := &memory{}
		s := newRecent(below, rapid.SampledFrom([]int{0, 2000, 1 << 20}).Draw(t, "most"))
		now := map[string]string{}
		type opened struct {
			Reader
			want map[string]string
		}
		var readers []opened
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				readers = append(readers, opened{s.Read(), maps.Clone(now)})
			case 1:
				d := s.Draft()
				readAs(t, d, now, rapid.SliceOfN(rapid.SampledFrom(keys), 0, 6).Draw(t, "asked before"))
				for _, k := range rapid.SliceOfN(rapid.SampledFrom(keys), 0, 6).Draw(t, "looked at") {
					v, err := d.Peek(k, rapid.Bool().Draw(t, "keep"))
					if w, there := now[k]; err != nil || (v != nil) != there || string(v) != w {
						t.Fatalf("%q is %.20q (there: %v, %v), wanted is %.20q (%v)", k, v, v != nil, err, w, there)
					}
				}
				d.Close()
				var list []Change
				for _, k := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 0, 4, rapid.ID).Draw(t, "keys") {
					c := Change{Key: k, Deleted: rapid.Bool().Draw(t, "deleted")}
					if !c.Deleted {
						c.Value = bytes.Repeat([]byte{byte(rapid.IntRange(0, 9).Draw(t, "byte"))}, rapid.SampledFrom([]int{0, 1, 900, recentValue, recentValue + 1}).Draw(t, "length"))
					}
					list = append(list, c)
					if delete(now, k); !c.Deleted {
						now[k] = string(c.Value)
					}
				}
				if err := s.Write(slices.Values(list)); err != nil {
					t.Fatal(err)
				}
			case 2:
				if len(readers) > 0 {
					x := rapid.SampledFrom(readers).Draw(t, "reader")
					readAs(t, x, x.want, rapid.SliceOfN(rapid.SampledFrom(keys), 0, 6).Draw(t, "asked"))
				}
			case 3:
				if len(readers) > 0 {
					i := rapid.IntRange(0, len(readers)-1).Draw(t, "closed")
					readers[i].Close()
					readers = slices.Delete(readers, i, i+1)
				}
			}
		}
		for _, x := range readers {
			readAs(t, x, x.want, keys)
			x.Close()
		}
		s.Forget()
		if below.open != 0 {
			t.Fatalf("%d readers of the store are open after all were closed", below.open)
		}
	})
}

// memory is a store of versions in memory, which counts its open readers.
type memory struct {
	Store
	now  map[string]string
	open int
}

type memoryReader struct {
	of   *memory
	list map[string]string
}

func (m *memory) Read() Reader {
	m.open++
	return &memoryReader{m, maps.Clone(m.now)}
}

func (m *memory) Write(changes iter.Seq[Change]) error {
	if m.now == nil {
		m.now = map[string]string{}
	}
	for c := range changes {
		if delete(m.now, c.Key); !c.Deleted {
			m.now[c.Key] = string(c.Value)
		}
	}
	return nil
}

func (r *memoryReader) Close() { r.of.open-- }

func (r *memoryReader) Get(key []byte) ([]byte, error) {
	if v, ok := r.list[string(key)]; ok {
		return []byte(v), nil
	}
	return nil, nil
}

func (r *memoryReader) Walk(prefix, _ []byte, _ bool, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(r.list)) {
		if strings.HasPrefix(k, string(prefix)) {
			if err := fn([]byte(k), []byte(r.list[k])); err != nil {
				return err
			}
		}
	}
	return nil
}

// What was read once is read from memory, and stays there when it is written.
func TestRecentReadsTheStoreOnce(t *testing.T) {
	below := openIn(t, t.TempDir())
	s := NewRecent(below)
	defer s.Close() //nolint:errcheck // the end of the test
	write := func(c ...Change) {
		t.Helper()
		if err := s.Write(slices.Values(c)); err != nil {
			t.Fatal(err)
		}
	}
	look := func() (found int) {
		t.Helper()
		r := s.Read()
		defer r.Close()
		for _, key := range []string{"one", "none"} {
			if _, err := r.Get([]byte(key)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Walk([]byte("list/"), nil, false, func(_, _ []byte) error { found++; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get([]byte("list/absent")); err != nil {
			t.Fatal(err)
		}
		return found
	}
	write(Change{Key: "one", Value: []byte("1")}, Change{Key: "list/a", Value: []byte("a")})
	for i := range 3 {
		if found := look(); found != 1 || below.gets != 2 || below.walks != 1 {
			t.Errorf("look %d found %d keys with %d gets and %d walks of the store", i, found, below.gets, below.walks)
		}
	}
	write(Change{Key: "one", Value: []byte("2")}, Change{Key: "list/b", Value: []byte("b")}, Change{Key: "list/a", Deleted: true}, Change{Key: "other", Value: []byte("3")})
	if found := look(); found != 1 || below.gets != 2 || below.walks != 1 {
		t.Errorf("after a write: %d keys with %d gets and %d walks", found, below.gets, below.walks)
	}
	stop := errors.New("stop")
	r := s.Read()
	defer r.Close()
	if err := r.Walk([]byte("list/"), nil, false, func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk that its caller ends returns %v", err)
	}
	if err := r.Walk([]byte("o"), nil, false, func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk of the store that its caller ends returns %v", err)
	}
	count := 0
	if err := r.Walk([]byte("o"), nil, false, func(_, _ []byte) error { count++; return nil }); err != nil || count != 2 {
		t.Errorf("what a walk that was ended saw counts as all: %d keys, %v", count, err)
	}
}

// What was read by who writes is kept from when it was closed, but for what was not to be.
func TestADraftsReadsAreKept(t *testing.T) {
	below := openIn(t, t.TempDir())
	s := NewRecent(below)
	defer s.Close() //nolint:errcheck // the end of the test
	for _, x := range []struct {
		keep bool
		gets int
	}{{false, 4}, {true, 2}} {
		below.gets = 0
		d := s.Draft()
		for range 2 {
			for _, key := range []string{"a", "b"} {
				if v, err := d.Peek(key, x.keep); v != nil || err != nil {
					t.Errorf("%s is %q, %v", key, v, err)
				}
			}
		}
		d.Close()
		if below.gets != x.gets {
			t.Errorf("kept: %v, %d gets of the store, wanted are %d", x.keep, below.gets, x.gets)
		}
	}
	if err := s.Write(slices.Values([]Change{{Key: "a", Value: []byte("1")}})); err != nil {
		t.Fatal(err)
	}
	r := s.Read()
	defer r.Close()
	a, err := r.Get([]byte("a"))
	b, err2 := r.Get([]byte("b"))
	if string(a) != "1" || b != nil || err != nil || err2 != nil || below.gets != 2 {
		t.Errorf("a is %q, b %q (%v, %v), with %d gets of the store", a, b, err, err2, below.gets)
	}
}

// A reader that is open while others write and read has one version: the same number under every key.
func TestRecentVersionsAreWholeUnderConcurrency(t *testing.T) {
	s := newRecent(NewDeferred(openIn(t, t.TempDir()), new(atomic.Uint64)), 20<<10)
	defer s.Close() //nolint:errcheck // the end of the test
	write := func(n int) {
		var list []Change
		for i := range 20 {
			list = append(list, Change{Key: fmt.Sprintf("k/%02d", i), Value: []byte(fmt.Sprint(n))})
		}
		if err := s.Write(slices.Values(list)); err != nil {
			t.Error(err)
		}
	}
	write(0)
	var readers sync.WaitGroup
	over := make(chan struct{})
	for g := range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					return
				default:
				}
				seen := map[string]bool{}
				r := s.Read()
				for n := range 5 {
					v, err := r.Get([]byte(fmt.Sprintf("k/%02d", (g+i+n*7)%20)))
					if err != nil {
						t.Error(err)
					}
					seen[string(v)] = true
				}
				if i%3 == g%3 {
					if err := r.Walk([]byte("k/"), nil, false, func(_, v []byte) error { seen[string(v)] = true; return nil }); err != nil {
						t.Error(err)
					}
				}
				r.Close()
				if len(seen) != 1 {
					t.Errorf("a reader saw %d versions", len(seen))
					return
				}
			}
		})
	}
	for n := range 200 {
		write(n + 1)
	}
	close(over)
	readers.Wait()
}
