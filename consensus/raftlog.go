package consensus

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// raftLog is raft's log store. It mends what raft (v1.8.0) does with the log after it has restored
// a snapshot of the leader:
//
//   - A follower whose log begins behind a snapshot does not know the entry before, unless its
//     log is empty, and refuses a leader that sends the entries behind it again. GetLog answers
//     with the snapshot's term.
//   - Raft removes the whole log, also what follows the snapshot in it, which this node has
//     acknowledged. DeleteRange keeps that.
//   - Raft does not forget where the log ended. Where it ended in other entries than the leader's,
//     raft would go by them in elections; and it forgets members that the rest of the log names. The
//     ledger stops then, and starts right.
//   - It compacts an empty log up to where it ended before.
//
// It stores no more of a follower's entries than its state machine can keep up with (see
// throttle). It remembers two things about the entries it stores that raft does not tell, and
// that reads depend on:
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

	snapshots raft.SnapshotStore       // those that raft has
	throttle  atomic.Pointer[throttle] // nil until raft runs
	writes    atomic.Uint64            // each of them with an fsync, of one entry or of many
	// restored is set between the restore of the leader's snapshot and the removal of
	// the log that it replaces.
	restored atomic.Bool
	// checksummedFrom is the first index that has a checksum: only entries before it may lack
	// one, which an earlier version stored.
	checksummedFrom atomic.Uint64
	// before is the last entry that was there when the log was opened, of those that are there still.
	before atomic.Uint64

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
	l.before.Store(last)
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
	if index < first || first == 0 {
		return l.boundary(index, first, e)
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

// boundary answers a follower with the last entry before its log, of which the snapshot has the term:
// the term alone, in an entry that no state machine sees and no node appends. Who leads must not
// hand it on, but send the snapshot.
func (l *raftLog) boundary(index, first uint64, e *raft.Log) error {
	b := l.throttle.Load()
	if b == nil || first != 0 && index+1 != first || b.ledger.raft.leads() {
		return raft.ErrLogNotFound // raft compares with ==
	}
	newest, err := l.newestSnapshot()
	if err != nil {
		return err
	}
	if newest.Index != index {
		return raft.ErrLogNotFound
	}
	*e = raft.Log{Index: index, Term: newest.Term, Type: raft.LogNoop, Extensions: []byte{0}}
	return nil
}

// newestSnapshot is empty where there is none.
func (l *raftLog) newestSnapshot() (m raft.SnapshotMeta, err error) {
	list, err := l.snapshots.List()
	if err != nil {
		return m, fmt.Errorf("list the snapshots: %w", err)
	}
	if len(list) > 0 {
		m = *list[0]
	}
	return m, nil
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
	l.writes.Add(1)
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
	switch {
	case last == 0:
		return nil
	case to < last:
		return l.LogStore.DeleteRange(from, to)
	case l.restored.Load():
		return l.replaceBySnapshot(b.ledger, from, to)
	}
	return l.removeEnd(b.ledger, from, to)
}

// replaceBySnapshot removes of the log what the snapshot that was restored just now has, and keeps
// what follows it. Where the log has another past, nothing of it may stay.
func (l *raftLog) replaceBySnapshot(of *Ledger, first, last uint64) error {
	newest, err := l.newestSnapshot()
	if err != nil {
		return err
	}
	follows := first == newest.Index+1 // on an earlier snapshot of the same index
	if first <= newest.Index && newest.Index <= last {
		var e raft.Log
		if err := l.read(newest.Index, &e); err != nil {
			return err
		}
		follows = e.Term == newest.Term
	}
	l.mu.Lock()
	named := l.members != nil && l.members.Index > newest.Index
	l.mu.Unlock()
	switch {
	case !follows || newest.Index >= last:
		err = l.removeEnd(of, first, last)
	case first <= newest.Index:
		err = l.LogStore.DeleteRange(first, newest.Index)
	}
	l.restored.Store(false)
	if err == nil && last > newest.Index && (!follows || named) {
		of.life.fail(fmt.Errorf("%w: it had entries up to %d, and the leader's snapshot ends at %d: start this node again",
			ErrReopen, last, newest.Index))
		err = of.life.fault()
	}
	return err
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
	l.before.Store(min(l.before.Load(), from-1))
	l.mu.Lock()
	if l.members != nil && (l.restored.Load() || l.members.Index >= from) {
		l.members = nil
	}
	l.mu.Unlock()
	l.restored.Store(false)
	return nil
}
