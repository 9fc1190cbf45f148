// Package logcache keeps the newest entries of a log in memory. They are read soon after they were written, and more
// than once: a leader sends them to each member, and a follower applies them. It is what raft.LogCache does, bounded by
// bytes and not by entries, of which one may have a MiB and more.
package logcache

import (
	"sync"

	"github.com/hashicorp/raft"
)

// MaxBytes bounds the data of the entries that are kept.
const MaxBytes = 4 << 20

// Store is a log of which the newest entries are in memory too. It implements raft.LogStore and
// raft.MonotonicLogStore. What it returns shares its bytes with what was stored, and nobody changes either.
type Store struct {
	raft.LogStore

	mu    sync.Mutex
	kept  []raft.Log // of one index after the other; empty: none
	bytes int
}

// New keeps the newest entries that are stored from now on.
func New(log raft.LogStore) *Store { return &Store{LogStore: log} }

// GetLog implements raft.LogStore.
func (s *Store) GetLog(index uint64, e *raft.Log) error {
	if s.recall(index, e) {
		return nil
	}
	return s.LogStore.GetLog(index, e)
}

func (s *Store) recall(index uint64, e *raft.Log) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) == 0 || index < s.kept[0].Index || index > s.kept[len(s.kept)-1].Index {
		return false
	}
	*e = s.kept[index-s.kept[0].Index]
	return true
}

// StoreLog implements raft.LogStore.
func (s *Store) StoreLog(e *raft.Log) error { return s.StoreLogs([]*raft.Log{e}) }

// StoreLogs implements raft.LogStore. Entries are kept when they are stored.
func (s *Store) StoreLogs(entries []*raft.Log) error {
	err := s.LogStore.StoreLogs(entries)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.clear() // nobody knows which of them are there
		return err
	}
	for _, e := range entries {
		if n := len(s.kept); n > 0 && e.Index != s.kept[n-1].Index+1 {
			s.clear()
		}
		s.kept, s.bytes = append(s.kept, *e), s.bytes+size(e)
	}
	drop := 0
	for ; s.bytes > MaxBytes; drop++ {
		s.bytes -= size(&s.kept[drop])
	}
	clear(s.kept[:drop]) // so that their bytes may go
	s.kept = s.kept[drop:]
	return nil
}

// DeleteRange implements raft.LogStore.
func (s *Store) DeleteRange(from, to uint64) error {
	s.mu.Lock()
	s.clear()
	s.mu.Unlock()
	return s.LogStore.DeleteRange(from, to)
}

// IsMonotonic implements raft.MonotonicLogStore.
func (s *Store) IsMonotonic() bool {
	m, ok := s.LogStore.(raft.MonotonicLogStore)
	return ok && m.IsMonotonic()
}

// clear forgets all. mu is held.
func (s *Store) clear() { s.kept, s.bytes = nil, 0 }

// size is what an entry takes, about: its data, and what is around it.
func size(e *raft.Log) int { return len(e.Data) + len(e.Extensions) + 128 }
