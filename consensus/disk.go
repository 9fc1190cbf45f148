package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/weirdata/weir/consensus/logbridge"
)

// disk is what a ledger has on its disk.
type disk struct {
	opts   Options
	logger *slog.Logger
	wal    *wal.WAL
	// walMeta is the log's, which does not close it; its file would stay locked.
	walMeta  *metadb.BoltMetaDB
	log      *raftLog // on top of wal
	snaps    *snapshots
	state    *appliedState
	identity *identity
	free     atomic.Uint64 // free bytes at the last look
}

// openDisk opens what is there and makes it consistent.
func openDisk(opts Options, logger *slog.Logger) (*disk, error) {
	d := &disk{opts: opts, logger: logger}
	d.identity = &identity{id: opts.ID, dir: opts.Dir, memory: opts.Memory, logger: logger, applied: d.applied}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *disk) open() error {
	if err := d.recoveredHalf(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.opts.Dir, "wal"), 0o700); err != nil {
		return fmt.Errorf("make the ledger's directory: %w", err)
	}
	if err := d.claim(); err != nil {
		return err
	}
	free, err := d.opts.Free(d.opts.Dir)
	if err != nil {
		return err
	}
	d.free.Store(free)
	// The state comes first: its lock refuses a second process at once, while
	// the log's would wait for the first to end.
	d.state, err = openState(filepath.Join(d.opts.Dir, "state"), d.opts.NoSync, d.logger)
	if err != nil {
		return err
	}
	if err := d.openWAL(); err != nil {
		return err
	}
	d.snaps, err = openSnapshots(d.opts, d.logger, d.applied)
	if err != nil {
		return err
	}
	if err := d.identify(); err != nil {
		return err
	}
	if err := d.reconcile(); err != nil {
		return err
	}
	at, err := d.furthest()
	if err != nil {
		return err
	}
	if err := d.identity.begin(at); err != nil {
		return err
	}
	return guarded(PartLog, func() (err error) {
		d.log, err = newRaftLog(d.wal, d.applied())
		if err == nil {
			d.log.checksummedFrom.Store(d.identity.checksummedFrom)
		}
		return damaged(PartLog, err)
	})
}

// claim makes sure that a directory is used by one member only: two with the
// same log and votes would be one member that votes twice.
func (d *disk) claim() error {
	path := filepath.Join(d.opts.Dir, "id")
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := replaceFile(path, []byte(d.opts.ID)); err != nil {
			return fmt.Errorf("name the directory's owner: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("read whose directory it is: %w", err)
	case string(b) != d.opts.ID:
		return fmt.Errorf("%w: it belongs to node %q, this is %q", ErrInconsistent, b, d.opts.ID)
	}
	return nil
}

func (d *disk) openWAL() error {
	d.walMeta = &metadb.BoltMetaDB{}
	err := guarded(PartLog, func() (err error) {
		d.wal, err = wal.Open(filepath.Join(d.opts.Dir, "wal"), wal.WithMetaStore(d.walMeta),
			wal.WithLogger(logbridge.New(d.opts.Logger, "raft-wal")))
		return openError(PartLog, err)
	})
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	return nil
}

func (d *disk) close() error {
	var errs []error
	if d.state != nil {
		errs = append(errs, d.state.close())
	}
	if d.wal != nil {
		if err := d.wal.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the log: %w", err))
		}
	}
	if d.walMeta != nil {
		if err := d.walMeta.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the log's metadata: %w", err))
		}
	}
	return errors.Join(errs...)
}

// applied is the index of the last log entry that the state has.
func (d *disk) applied() uint64 { return d.state.position().Applied }

// furthest is how far the ledger's log and term have come, as index and term of a record.
func (d *disk) furthest() (record, error) {
	_, last, err := d.logRange()
	if err != nil {
		return record{}, err
	}
	newest, err := d.snaps.newestIndex()
	if err != nil {
		return record{}, err
	}
	term, err := d.wal.GetUint64(keyCurrentTerm)
	if err != nil {
		return record{}, fmt.Errorf("read the term: %w", err)
	}
	return record{index: max(last, newest), term: term}, nil
}

// noteProgress records outside the directory how far the ledger has come.
func (d *disk) noteProgress() error {
	d.identity.mu.Lock()
	defer d.identity.mu.Unlock()
	at, err := d.furthest()
	if err != nil {
		return err
	}
	next := d.identity.last
	next.index, next.term = at.index, at.term
	return d.identity.save(next)
}
