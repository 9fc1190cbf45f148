package consensus

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// raftLog is raft's log store. It stores no more of a follower's entries than its state
// machine can keep up with (see throttle). It remembers two things about the entries it
// stores that raft does not tell, and that reads depend on:
//
// Which entries are no-ops. Raft never shows them to the state machine, so
// that "the state has applied the commit index" can be false for ever when the
// last committed entry is one.
//
// Where the newest term begins. A leader may answer reads only when it has
// committed an entry of its own term (Ongaro, Consensus: Bridging Theory and
// Practice, section 6.4), and its first entry is the no-op that opens its term.
type raftLog struct {
	raft.LogStore

	throttle atomic.Pointer[throttle] // nil until raft runs
	// restored is set between the restore of the leader's snapshot and the removal of
	// the log that it replaces.
	restored atomic.Bool
	// checksummedFrom is the first index that has a checksum: only entries before it may lack
	// one, which an earlier version stored.
	checksummedFrom atomic.Uint64

	mu        sync.Mutex
	noops     map[uint64]bool
	term      uint64
	termStart uint64
	// members is the newest configuration in the log, nil where it is not known, as when a snapshot
	// has replaced the log. Raft tells its configuration, but not its index, by which a change says
	// which one it is of (v1.8.0: Index of what GetConfiguration returns is always 0).
	members *raft.Log
	backlog backlog
}

// newRaftLog reads the entries after index applied for the no-ops among them.
func newRaftLog(store raft.LogStore, applied uint64) (*raftLog, error) {
	l := &raftLog{LogStore: store, noops: map[uint64]bool{}}
	first, last, err := rangeOf(store)
	if err != nil {
		return nil, err
	}
	for i := max(first, applied+1); i <= last && last > 0; i++ {
		var e raft.Log
		if err := store.GetLog(i, &e); err != nil {
			return nil, fmt.Errorf("read log entry %d: %w", i, err)
		}
		l.note(&e)
	}
	l.checksummedFrom.Store(math.MaxUint64)
	return l, nil
}

func (l *raftLog) note(e *raft.Log) {
	l.backlog.add(e)
	if e.Term != l.term {
		l.term, l.termStart = e.Term, e.Index
	}
	if e.Type == raft.LogNoop || e.Type == raft.LogBarrier {
		l.noops[e.Index] = true
	} else {
		delete(l.noops, e.Index)
	}
	if e.Type == raft.LogConfiguration {
		l.members = &raft.Log{Index: e.Index, Data: slices.Clone(e.Data)}
	}
}

// GetLog implements raft.LogStore. The log underneath still finds deleted entries
// as long as they are in its newest file; here they are gone at once, so that
// what a member that was away is sent does not depend on the size of a file.
func (l *raftLog) GetLog(index uint64, e *raft.Log) error {
	first, err := l.FirstIndex()
	if err != nil {
		return fmt.Errorf("read the log's first index: %w", err)
	}
	if index < first {
		return raft.ErrLogNotFound // raft compares with ==
	}
	err = l.read(index, e)
	if err == nil && e.Type == raft.LogConfiguration && l.throttle.Load() == nil { // raft starts, and looks for the newest
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.members == nil || l.members.Index < index {
			l.members = &raft.Log{Index: index, Data: slices.Clone(e.Data)}
		}
	}
	return err
}

// indexOf returns the index of raft's configuration, 0 where this log does not know it. latest is
// false where the log has a newer one, which raft is about to take.
func (l *raftLog) indexOf(c raft.Configuration) (index uint64, latest bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.members == nil {
		return 0, true
	}
	return l.members.Index, slices.Equal(raft.DecodeConfiguration(l.members.Data).Servers, c.Servers)
}

// StoreLog implements raft.LogStore.
func (l *raftLog) StoreLog(e *raft.Log) error { return l.StoreLogs([]*raft.Log{e}) }

// StoreLogs implements raft.LogStore.
func (l *raftLog) StoreLogs(entries []*raft.Log) error {
	if b := l.throttle.Load(); b != nil {
		b.wait()
		if err := b.ledger.life.fault(); err != nil {
			return err
		}
	}
	if err := l.addChecksums(entries); err != nil {
		return err
	}
	l.restored.Store(false)
	if err := l.LogStore.StoreLogs(entries); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		l.note(e)
	}
	return nil
}

// IsMonotonic implements raft.MonotonicLogStore.
func (l *raftLog) IsMonotonic() bool {
	m, ok := l.LogStore.(raft.MonotonicLogStore)
	return ok && m.IsMonotonic()
}

// committedIn tells whether an entry of the term is at or before commit.
func (l *raftLog) committedIn(term, commit uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.term == term && l.termStart <= commit
}

// appliedBefore tells whether an entry of the term is committed, and the state, which has applied
// so much, has all that comes before the term.
func (l *raftLog) appliedBefore(term, commit, applied uint64) bool {
	if !l.committedIn(term, commit) {
		return false
	}
	l.mu.Lock()
	start := l.termStart
	l.mu.Unlock()
	return applied >= l.visible(start, applied)
}

// visible returns the last index at or before commit that the state machine
// gets to see, or applied when it has seen them all.
func (l *raftLog) visible(commit, applied uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.noops {
		if i <= applied {
			delete(l.noops, i)
		}
	}
	for commit > applied && l.noops[commit] {
		commit--
	}
	return max(commit, applied)
}

// DeleteRange implements raft.LogStore. Raft removes the beginning of the log behind a
// snapshot, all of it when it has restored a snapshot of the leader, and the end where the
// leader has other entries. Those cannot be entries that were committed, let alone
// applied, unless a majority forgot them: then this node stops.
func (l *raftLog) DeleteRange(from, to uint64) error {
	b := l.throttle.Load()
	if b == nil {
		return l.LogStore.DeleteRange(from, to)
	}
	last, err := l.LastIndex()
	if err != nil {
		return fmt.Errorf("read the log's last index: %w", err)
	}
	if to < last {
		return l.LogStore.DeleteRange(from, to)
	}
	return l.removeEnd(b.ledger, from, to)
}

func (l *raftLog) removeEnd(of *Ledger, from, to uint64) error {
	if err := of.life.fault(); err != nil {
		return err
	}
	applied := of.disk.applied()
	if kept := max(applied, of.raft.CommitIndex()); from <= kept && !l.restored.Load() {
		of.life.fail(fmt.Errorf("%w: the leader has another entry at log index %d, and this node has accepted them up to %d; "+
			"a majority of the nodes lost entries, or this node was restored from a copy. Compare the nodes "+
			"(weir operator status) before anything is removed: the nodes whose logs agree with each other and "+
			"have what was acknowledged are right. If this one is wrong, move its ledger's directory away and "+
			"start it again: everything is fetched from the others", ErrDiverged, from, kept))
		return of.life.fault()
	}
	identity := of.disk.identity
	identity.mu.Lock()
	defer identity.mu.Unlock()
	next := identity.last
	next.index = min(next.index, max(from-1, applied))
	if err := identity.save(next); err != nil {
		return err
	}
	if err := l.LogStore.DeleteRange(from, to); err != nil {
		return err
	}
	l.mu.Lock()
	if l.members != nil && (l.restored.Load() || l.members.Index >= from) {
		l.members = nil
	}
	l.mu.Unlock()
	l.restored.Store(false)
	return nil
}
