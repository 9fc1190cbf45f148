package logcache

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

// counting counts what is read of a log, and may fail to store half of what it is given.
type counting struct {
	*raft.InmemStore
	reads int
	fail  bool
}

var errFull = errors.New("disk full")

func (c *counting) GetLog(index uint64, e *raft.Log) error {
	c.reads++
	return c.InmemStore.GetLog(index, e)
}

func (c *counting) StoreLogs(entries []*raft.Log) error {
	if c.fail {
		return errors.Join(errFull, c.InmemStore.StoreLogs(entries[:len(entries)/2]))
	}
	return c.InmemStore.StoreLogs(entries)
}

// Whatever is stored, cut off, stored anew in its place and half stored: what is read is what the log has.
func TestReadsAreThoseOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		under := &counting{InmemStore: raft.NewInmemStore()}
		s := New(under)
		next, term := uint64(1), uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"store": func(t *rapid.T) {
				var list []*raft.Log
				for range rapid.IntRange(1, 5).Draw(t, "n") {
					size := rapid.SampledFrom([]int{0, 10, 1 << 20, 3 << 20}).Draw(t, "size")
					data := append([]byte(fmt.Sprint(next, term)), make([]byte, size)...)
					list = append(list, &raft.Log{Index: next, Term: term, Data: data})
					next++
				}
				under.fail = rapid.IntRange(0, 9).Draw(t, "fails") == 0
				if err := s.StoreLogs(list); err != nil {
					next -= uint64(len(list) - len(list)/2)
				}
			},
			"cut the end": func(t *rapid.T) {
				from := rapid.Uint64Range(1, next).Draw(t, "from")
				if err := s.DeleteRange(from, next); err != nil {
					t.Fatal(err)
				}
				next, term = from, term+1
			},
			"": func(t *rapid.T) {
				for i := range next + 1 {
					var got, want raft.Log
					gotErr, wantErr := s.GetLog(i, &got), under.InmemStore.GetLog(i, &want)
					if !errors.Is(gotErr, wantErr) || got.Index != want.Index || got.Term != want.Term || string(got.Data) != string(want.Data) {
						t.Fatalf("entry %d: %d of term %d, %v; want %d of term %d, %v", i, got.Index, got.Term, gotErr, want.Index, want.Term, wantErr)
					}
				}
				if s.bytes > MaxBytes {
					t.Fatalf("%d bytes are kept", s.bytes)
				}
			},
		})
	})
}

// The newest entries are not read of the log.
func TestNewestEntriesAreKept(t *testing.T) {
	under := &counting{InmemStore: raft.NewInmemStore()}
	s := New(under)
	for i := range uint64(100) {
		if err := s.StoreLog(&raft.Log{Index: i + 1, Data: make([]byte, 100<<10)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(100) {
		var e raft.Log
		if err := s.GetLog(i+1, &e); err != nil || e.Index != i+1 {
			t.Fatalf("entry %d: %d, %v", i+1, e.Index, err)
		}
	}
	if kept := 100 - under.reads; kept < 35 || kept > 40 {
		t.Errorf("%d entries were kept", kept)
	}
}
