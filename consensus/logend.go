package consensus

import "fmt"

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
	l.restored.Store(false)
	return nil
}
