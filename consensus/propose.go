package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/entrysum"
)

// Propose hands an entry to the cluster and returns when this node has applied
// it, durably. next are entries that follow it in the log, with none or few of others
// between: most often all are synced at once. Any of them may be lost where the
// entry is not. It fails with
//
//   - [*NotLeaderError] on a node that knows another leader, [ErrTooLarge] of any of them,
//     [ErrDiskFull], [ErrClosed]: nothing was proposed;
//   - [ErrNoQuorum], within Options.NoQuorumTimeout, or [ErrBusy], when for so long there
//     was no room among the entries that are proposed and not applied;
//   - [ErrLostLeadership], or the context's error: the outcome may be unknown;
//   - [ErrTooManyChanges], with the entry's Applied: it is recorded as void;
//   - [ErrFault]: this node stopped. An entry that was under way may have been
//     accepted; the other nodes know.
func (l *Ledger) Propose(ctx context.Context, entry []byte, next ...[]byte) (Applied, error) {
	var logs []raft.Log
	size := 0
	for _, e := range append([][]byte{entry}, next...) {
		if len(e) > MaxEntryBytes {
			return Applied{}, fmt.Errorf("%w: %d bytes, allowed are %d", ErrTooLarge, len(e), MaxEntryBytes)
		}
		// Raft keeps the entries when ctx ends this call.
		logs, size = append(logs, raft.Log{Data: bytes.Clone(e), Extensions: entrysum.Proposed(e)}), size+len(e)
	}
	end, err := l.life.enter()
	if err != nil {
		return Applied{}, err
	}
	defer end()
	if err := l.Full(); err != nil {
		return Applied{}, err
	}
	ctx, cancel := l.quorumContext(ctx)
	defer cancel()
	for {
		if err := l.awaitLeadership(ctx); err != nil {
			return Applied{}, err
		}
		if l.room.Acquire(ctx, int64(size)) != nil {
			err := context.Cause(ctx)
			if errors.Is(err, ErrNoQuorum) && l.raft.leads() { // a majority answers it
				return Applied{}, fmt.Errorf("%w: %d MB (waited %s)", ErrBusy, maxProposedBytes>>20, l.opts.NoQuorumTimeout)
			}
			return Applied{}, fmt.Errorf("wait for room among %d MB of entries: %w", maxProposedBytes>>20, err)
		}
		var r applyResult
		err = l.life.await(ctx, func() error {
			// When the entries have been applied, or have failed; not when their proposer gives up.
			defer l.room.Release(int64(size))
			var futures []raft.ApplyFuture
			for _, log := range logs {
				futures = append(futures, l.raft.ApplyLog(log, 0))
			}
			f := futures[0]
			err := f.Error()
			for _, other := range futures[1:] {
				_ = other.Error() // what became of it is in the ledger
			}
			if err != nil {
				return err
			}
			r = f.Response().(applyResult)
			return nil
		})
		switch {
		case err == nil:
			return r.applied, r.err
		case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
			// It was refused before it was in the log.
			if err := l.pause(ctx); err != nil {
				return Applied{}, err
			}
		default:
			return Applied{}, l.outcomeUnknown(ctx, err)
		}
	}
}

// Full returns an error that wraps [ErrDiskFull] while Propose refuses for want of
// space.
func (l *Ledger) Full() error {
	if free := l.disk.free.Load(); free < l.opts.MinFreeBytes {
		return fmt.Errorf("%w: %d MB left, %d are kept free", ErrDiskFull, free>>20, l.opts.MinFreeBytes>>20)
	}
	return nil
}

// outcomeUnknown says what is known when an entry that was in the leader's log
// did not come back.
func (l *Ledger) outcomeUnknown(ctx context.Context, err error) error {
	if fault := l.life.fault(); fault != nil {
		return errors.Join(fault, ErrLostLeadership)
	}
	if errors.Is(err, ErrNoQuorum) {
		return errors.Join(err, ErrLostLeadership)
	}
	if !errors.Is(err, raft.ErrLeadershipLost) {
		return fmt.Errorf("wait for the entry, its outcome is unknown: %w", l.mapped(err))
	}
	// A leader steps down because there is a new one, or because it hears
	// nothing from a majority. Which it was shows when a leader turns up.
	if err := l.awaitLeadership(ctx); errors.Is(err, ErrNoQuorum) {
		return errors.Join(err, ErrLostLeadership)
	}
	return ErrLostLeadership
}

// mapped turns raft's errors into ours.
func (l *Ledger) mapped(err error) error {
	switch {
	case errors.Is(err, raft.ErrRaftShutdown):
		if fault := l.life.fault(); fault != nil {
			return fault
		}
		return ErrClosed
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrNotVoter):
		id, known := l.Leader()
		return &NotLeaderError{Leader: id, Known: known}
	}
	return err
}

// quorumContext bounds a call by NoQuorumTimeout. Its end is ErrNoQuorum, unless
// the caller's own context ended first.
func (l *Ledger) quorumContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, l.opts.NoQuorumTimeout,
		fmt.Errorf("%w (waited %s)", ErrNoQuorum, l.opts.NoQuorumTimeout))
}

// awaitLeadership returns nil when this node leads, and a *NotLeaderError when
// another does. While nobody does, it waits.
func (l *Ledger) awaitLeadership(ctx context.Context) error {
	return l.waitUntil(ctx, func() (bool, error) {
		if l.raft.leads() {
			return true, nil
		}
		if id, known := l.Leader(); known && id != l.opts.ID {
			return false, &NotLeaderError{Leader: id, Known: true}
		}
		return false, nil
	})
}

// waitUntil waits until something holds, or has failed for good. It looks when something was
// applied or the leadership changed.
func (l *Ledger) waitUntil(ctx context.Context, holds func() (bool, error)) error {
	if ok, err := holds(); ok || err != nil {
		return err
	}
	changes, cancel := l.notifier.subscribe() // with a notification to begin with
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.life.failed:
			return l.life.fault()
		case <-l.life.closing:
			return ErrClosed
		case <-changes:
		}
		if ok, err := holds(); ok || err != nil {
			return err
		}
	}
}

// pause lets raft's main loop turn before it is asked again: during a transfer
// of leadership this node is the leader and refuses.
func (l *Ledger) pause(ctx context.Context) error {
	t := time.NewTimer(l.opts.CommitTimeout)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.life.closing:
		return ErrClosed
	case <-t.C:
		return nil
	}
}
