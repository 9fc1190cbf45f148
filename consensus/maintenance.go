package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// freeInterval is how often the free space is looked at. A disk that fills at
// 200 MB/s loses 400 MB between two looks, less than what is kept free.
const freeInterval = 2 * time.Second

// maintenance looks after the disk.
type maintenance struct {
	ledger   *Ledger
	renewing atomic.Bool // a snapshot is being written in place of damaged ones

	shortening  atomic.Bool // one is being written for what is shortened
	shortenedAt time.Time
	adapting    sync.Mutex
	trailing    atomic.Uint64 // entries that stay behind a snapshot
}

func newMaintenance(l *Ledger) *maintenance {
	m := &maintenance{ledger: l}
	m.trailing.Store(l.opts.TrailingLogs)
	return m
}

func (m *maintenance) run(ctx context.Context) {
	d, logger := m.ledger.disk, m.ledger.logger
	free := time.NewTicker(freeInterval)
	defer free.Stop()
	collect := time.NewTicker(d.opts.MaintenanceInterval)
	defer collect.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-free.C:
			n, err := d.opts.Free(d.opts.Dir)
			if err != nil {
				logger.Warn("looking at the free space", slog.String("error", err.Error()))
				continue
			}
			d.free.Store(n)
			if err := d.noteProgress(); err != nil {
				logger.Warn("recording how far the log is", slog.String("error", err.Error()))
			}
			m.renewSnapshot(ctx)
		case <-d.snaps.wanted:
			m.renewSnapshot(ctx)
		case <-collect.C:
			if err := d.state.collect(); err != nil {
				logger.Warn("collecting the value log", slog.String("error", err.Error()))
			}
			if err := m.adapt(); err != nil {
				logger.Warn("adapting to the state's size", slog.String("error", err.Error()))
			}
			m.shorten(ctx)
		}
	}
}

// beside does something beside the loop, which must not miss a disk that fills meanwhile. It reports
// false where that is under way.
func (m *maintenance) beside(ctx context.Context, busy *atomic.Bool, what string, do func(context.Context) error) bool {
	if !busy.CompareAndSwap(false, true) {
		return false
	}
	m.ledger.loops.Go(func() {
		defer busy.Store(false)
		if err := do(ctx); err != nil && ctx.Err() == nil {
			m.ledger.logger.Warn(what, slog.String("error", err.Error()))
		}
	})
	return true
}

// renewSnapshot writes a new snapshot in place of damaged ones. Where nothing was applied since the
// start there is nothing to write yet; the loop asks again.
func (m *maintenance) renewSnapshot(ctx context.Context) {
	if l := m.ledger; l.disk.snaps.isWanted() {
		m.beside(ctx, &m.renewing, "writing a snapshot in place of a damaged one", func(ctx context.Context) error {
			return errors.Join(l.Snapshot(ctx), l.disk.snaps.settle())
		})
	}
}

// adapt follows the growth of the state, and how much of the log is to stay.
func (m *maintenance) adapt() error {
	m.adapting.Lock()
	defer m.adapting.Unlock()
	c, threshold, trailing := m.ledger.raft.ReloadableConfig(), m.ledger.disk.threshold(), m.trailing.Load()
	if c.SnapshotThreshold == threshold && c.TrailingLogs == trailing {
		return nil
	}
	c.SnapshotThreshold, c.TrailingLogs = threshold, trailing
	if err := m.ledger.raft.ReloadConfig(c); err != nil {
		return fmt.Errorf("set the snapshot threshold to %d: %w", threshold, err)
	}
	return nil
}

// threshold is how many entries there are between snapshots: the more there are
// in the evidence log, the more, so that all snapshots together write a few
// times the state and not its square. It is bounded because a start reads the log,
// which is from the last snapshot on and TrailingLogs entries before.
func (d *disk) threshold() uint64 {
	const most = 1 << 18
	return max(d.opts.SnapshotThreshold, min(d.state.position().NextSeq/4, most))
}
