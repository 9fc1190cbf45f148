package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/logcache"
)

// disk is what a ledger has on its disk.
type disk struct {
	opts     Options
	storage  storage
	logger   *slog.Logger
	wal      logStore
	log      *raftLog // on top of wal
	snaps    *snapshots
	state    *appliedState
	identity *identity
	free     atomic.Uint64 // free bytes at the last look
}

// openDisk opens what is there and makes it consistent.
func openDisk(opts Options, logger *slog.Logger) (*disk, error) {
	d := &disk{opts: opts, storage: opts.storage, logger: logger}
	d.identity = &identity{id: opts.ID, storage: opts.storage, memory: opts.Memory, logger: logger, applied: d.applied}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *disk) open() error {
	if err := d.recoveredHalf(); err != nil {
		return err
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
	if d.state, err = openState(d.storage.state(), d.logger); err != nil {
		return err
	}
	if d.wal, err = d.storage.openLog(); err != nil {
		return fmt.Errorf("open the log: %w", err)
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
	return damage.Guard(PartLog, func() (err error) {
		d.log, err = newRaftLog(logcache.New(d.wal), d.applied())
		if err == nil {
			d.log.checksummedFrom.Store(d.identity.checksummedFrom)
			d.log.snapshots = d.snaps
		}
		return damage.Of(PartLog, err)
	})
}

// claim makes sure that a directory is used by one member only: two with the
// same log and votes would be one member that votes twice.
func (d *disk) claim() error {
	b, err := d.storage.readFile(idFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := d.storage.writeFile(idFile, []byte(d.opts.ID)); err != nil {
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
