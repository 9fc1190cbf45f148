package consensus

import (
	"errors"
	"fmt"
	"log/slog"
)

// reconcile makes log, snapshots and state of the directory belong together, as
// they do unless a crash came while a snapshot of the leader was being
// installed. It runs before raft looks at them.
func (l *Ledger) reconcile() error {
	newest, err := l.restoreMissing()
	if err != nil {
		return err
	}
	first, last, err := l.logRange()
	if err != nil {
		return err
	}
	const anew = "; with all other nodes up, move the ledger's directory away and start again: everything is fetched from them"
	if last > 0 && last < newest {
		// The leader's snapshot was installed, and the log that it replaces
		// not yet removed. Raft goes on behind the snapshot, and the log
		// takes no entry that does not follow its last one.
		l.logger.Info("removing a log that ends before the snapshot",
			slog.Uint64("last", last), slog.Uint64("snapshot", newest))
		if err := l.wal.DeleteRange(first, last); err != nil {
			return fmt.Errorf("removing the log before the snapshot: %w", err)
		}
		first, last = 0, 0
	}
	applied := l.state.position().Applied
	switch {
	case applied > max(last, newest):
		return fmt.Errorf("%w: the state has applied log index %d, but the log ends at %d%s",
			ErrInconsistent, applied, max(last, newest), anew)
	case applied < newest:
		return fmt.Errorf("%w: the state ends at log index %d, before the snapshot at %d%s",
			ErrInconsistent, applied, newest, anew)
	case last > 0 && first > newest+1:
		// Raft takes the members from the newest snapshot and the log behind
		// it, and would panic over the entries in between.
		return fmt.Errorf("%w: the log begins at %d, and no usable snapshot reaches it, the newest ends at %d%s",
			ErrInconsistent, first, newest, anew)
	case last > 0 && first > applied+1:
		return fmt.Errorf("%w: the state ends at log index %d, and the log begins at %d%s",
			ErrInconsistent, applied, first, anew)
	}
	return nil
}

func (l *Ledger) logRange() (first, last uint64, err error) {
	if first, err = l.wal.FirstIndex(); err != nil {
		return 0, 0, fmt.Errorf("reading the log's first index: %w", err)
	}
	if last, err = l.wal.LastIndex(); err != nil {
		return 0, 0, fmt.Errorf("reading the log's last index: %w", err)
	}
	return first, last, nil
}

// restoreMissing brings the state to the newest snapshot when it is behind that,
// and returns the index of the newest snapshot that remains. A snapshot that is
// damaged is removed: nothing of the log was removed for its sake, since that
// happens after it is installed.
func (l *Ledger) restoreMissing() (newest uint64, err error) {
	list, err := l.snaps.List()
	if err != nil {
		return 0, fmt.Errorf("listing the snapshots: %w", err)
	}
	for _, meta := range list {
		if meta.Index <= l.state.position().Applied {
			return meta.Index, nil
		}
		l.logger.Info("the state is behind the snapshot: restoring it",
			slog.Uint64("applied", l.state.position().Applied), slog.Uint64("snapshot", meta.Index))
		err := l.restoreSnapshot(meta.ID)
		if err == nil {
			return meta.Index, nil
		}
		if !errors.Is(err, ErrCorruptSnapshot) {
			return 0, err
		}
		if err := l.snaps.remove(meta.ID, err); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (l *Ledger) restoreSnapshot(id string) error {
	_, r, err := l.snaps.Open(id)
	if err != nil {
		return err
	}
	return errors.Join(l.state.restore(&spaceReader{Reader: r, space: l.snaps.space}), r.Close())
}

// threshold is how many entries there are between snapshots: the more there are
// in the evidence log, the more, so that all snapshots together write a few
// times the state and not its square. It is bounded because raft reads the log
// from the last snapshot on when it starts.
func (l *Ledger) threshold() uint64 {
	const most = 1 << 20
	return max(l.opts.SnapshotThreshold, min(l.state.position().NextSeq/4, most))
}

// adaptThreshold follows the growth of the state.
func (l *Ledger) adaptThreshold() error {
	c := l.raft.ReloadableConfig()
	t := l.threshold()
	if c.SnapshotThreshold == t {
		return nil
	}
	c.SnapshotThreshold = t
	if err := l.raft.ReloadConfig(c); err != nil {
		return fmt.Errorf("setting the snapshot threshold to %d: %w", t, err)
	}
	return nil
}
