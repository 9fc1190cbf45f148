package consensus

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/hashicorp/raft"
)

// reconcile makes log, snapshots and state of the directory belong together, as
// they do unless a crash came while a snapshot of the leader was being
// installed. It runs before raft looks at them.
func (d *disk) reconcile() error {
	newest, err := d.restoreMissing()
	if err != nil {
		return err
	}
	first, last, err := d.logRange()
	if err != nil {
		return err
	}
	if last > 0 && last < newest {
		// The leader's snapshot was installed, and the log that it replaces
		// not yet removed. Raft goes on behind the snapshot, and the log
		// takes no entry that does not follow its last one.
		d.logger.Info("removing a log that ends before the snapshot",
			slog.Uint64("last", last), slog.Uint64("snapshot", newest))
		if err := d.wal.DeleteRange(first, last); err != nil {
			return fmt.Errorf("remove the log before the snapshot: %w", err)
		}
		first, last = 0, 0
	}
	applied := d.applied()
	switch {
	case applied > max(last, newest):
		return fmt.Errorf("%w: the state has applied log index %d, but the log ends at %d",
			ErrInconsistent, applied, max(last, newest))
	case applied < newest:
		return fmt.Errorf("%w: the state ends at log index %d, before the snapshot at %d",
			ErrInconsistent, applied, newest)
	case last > 0 && first > newest+1:
		// Raft takes the members from the newest snapshot and the log behind
		// it, and would panic over the entries in between.
		return fmt.Errorf("%w: the log begins at %d, and no usable snapshot reaches it, the newest ends at %d",
			ErrInconsistent, first, newest)
	case last > 0 && first > applied+1:
		return fmt.Errorf("%w: the state ends at log index %d, and the log begins at %d",
			ErrInconsistent, applied, first)
	}
	return nil
}

func (d *disk) logRange() (first, last uint64, err error) { return rangeOf(d.wal) }

func rangeOf(log raft.LogStore) (first, last uint64, err error) {
	if first, err = log.FirstIndex(); err != nil {
		return 0, 0, fmt.Errorf("read the log's first index: %w", err)
	}
	if last, err = log.LastIndex(); err != nil {
		return 0, 0, fmt.Errorf("read the log's last index: %w", err)
	}
	return first, last, nil
}

// restoreMissing brings the state to the newest snapshot when it is behind that,
// and returns the index of the newest snapshot that remains. A snapshot that is
// damaged is removed: nothing of the log was removed for its sake, since that
// happens after it is installed.
func (d *disk) restoreMissing() (newest uint64, err error) {
	list, err := d.snaps.List()
	if err != nil {
		return 0, fmt.Errorf("list the snapshots: %w", err)
	}
	for _, meta := range list {
		if meta.Index <= d.applied() {
			return meta.Index, nil
		}
		d.logger.Info("the state is behind the snapshot: restoring it",
			slog.Uint64("applied", d.applied()), slog.Uint64("snapshot", meta.Index))
		err := d.restoreSnapshot(meta.ID)
		if err == nil {
			return meta.Index, nil
		}
		if !errors.Is(err, ErrCorruptSnapshot) {
			return 0, err
		}
		if err := d.snaps.discard(meta.ID, err); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (d *disk) restoreSnapshot(id string) error {
	_, r, err := d.snaps.Open(id)
	if err != nil {
		return err
	}
	return errors.Join(d.state.restore(&spaceReader{Reader: r, space: d.snaps.space}, 0), r.Close())
}
