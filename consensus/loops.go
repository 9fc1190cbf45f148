package consensus

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hashicorp/raft"
)

// freeInterval is how often the free space is looked at. A disk that fills at
// 200 MB/s loses 400 MB between two looks, less than what is kept free.
const freeInterval = 2 * time.Second

// startLoops starts the ledger's own goroutines; Close ends them.
func (l *Ledger) startLoops() {
	// One slot is enough: the observation itself is not looked at, and one that
	// is dropped because another is waiting says the same.
	l.observed = make(chan raft.Observation, 1)
	l.observer = raft.NewObserver(l.observed, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		}
		return false
	})
	l.raft.RegisterObserver(l.observer)
	ctx, cancel := context.WithCancel(context.Background())
	l.stopLoops = cancel
	l.loops.Add(2)
	go func() {
		defer l.loops.Done()
		l.watch(ctx)
	}()
	go func() {
		defer l.loops.Done()
		l.maintain(ctx)
	}()
	l.hub.notify() // what happened before the observer was there
}

// watch passes changes of leadership on, and takes a node with a fault out of
// the cluster, so that a leader that cannot apply does not stay leader.
func (l *Ledger) watch(ctx context.Context) {
	failed := l.failed
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.observed:
			l.hub.notify()
		case <-failed:
			failed = nil
			l.hub.notify()
			l.shutdownFailed(ctx)
		}
	}
}

// shutdownFailed stops raft when what was under way has been answered.
func (l *Ledger) shutdownFailed(ctx context.Context) {
	// Whoever took the lock before saw no fault and is counted; whoever takes it
	// later sees it.
	l.mu.Lock()
	l.mu.Unlock() //nolint:staticcheck // the lock is a barrier
	done := make(chan struct{})
	l.loops.Add(1)
	go func() {
		defer l.loops.Done()
		l.ops.Wait()
		close(done)
	}()
	t := time.NewTimer(l.drainTime())
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-done:
	case <-t.C:
	}
	if err := l.raft.Shutdown().Error(); err != nil {
		l.logger.Error("stopping raft after a fault", slog.String("error", err.Error()))
	}
}

// maintain looks after the disk.
func (l *Ledger) maintain(ctx context.Context) {
	free := time.NewTicker(freeInterval)
	defer free.Stop()
	collect := time.NewTicker(l.opts.MaintenanceInterval)
	defer collect.Stop()
	renewed := make(chan struct{}, 1)
	renewed <- struct{}{} // none is being written
	for {
		select {
		case <-ctx.Done():
			return
		case <-free.C:
			n, err := freeBytes(l.opts.Dir)
			if err != nil {
				l.logger.Warn("looking at the free space", slog.String("error", err.Error()))
				continue
			}
			l.free.Store(n)
			l.renewSnapshot(ctx, renewed)
		case <-l.snaps.wanted:
			l.renewSnapshot(ctx, renewed)
		case <-collect.C:
			if err := l.state.collect(); err != nil {
				l.logger.Warn("collecting the value log", slog.String("error", err.Error()))
			}
			if err := l.adaptThreshold(); err != nil {
				l.logger.Warn("adapting to the state's size", slog.String("error", err.Error()))
			}
		}
	}
}

// renewSnapshot writes a new snapshot in place of damaged ones, beside the loop,
// which must not miss a disk that fills meanwhile. idle holds one token while
// none is being written. Where nothing was applied since the start there is
// nothing to write yet; the loop asks again.
func (l *Ledger) renewSnapshot(ctx context.Context, idle chan struct{}) {
	if !l.snaps.isWanted() {
		return
	}
	select {
	case <-idle:
	default:
		return
	}
	l.loops.Add(1)
	go func() {
		defer l.loops.Done()
		defer func() { idle <- struct{}{} }()
		if err := errors.Join(l.Snapshot(ctx), l.snaps.settle()); err != nil && ctx.Err() == nil {
			l.logger.Warn("writing a snapshot in place of a damaged one", slog.String("error", err.Error()))
		}
	}()
}
