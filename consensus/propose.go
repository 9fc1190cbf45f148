package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Propose hands an entry to the cluster and returns when this node has applied
// it, durably. It fails with
//
//   - [*NotLeaderError] on a node that knows another leader, [ErrTooLarge],
//     [ErrDiskFull], [ErrClosed]: nothing was proposed;
//   - [ErrNoQuorum], within Options.NoQuorumTimeout, or [ErrBusy], when for so long there
//     was no room among the entries that are proposed and not applied;
//   - [ErrLostLeadership], or the context's error: the outcome may be unknown;
//   - [ErrTooManyChanges], with the entry's Applied: it is recorded as void;
//   - [ErrFault]: this node stopped. An entry that was under way may have been
//     accepted; the other nodes know.
func (l *Ledger) Propose(ctx context.Context, entry []byte) (Applied, error) {
	if len(entry) > MaxEntryBytes {
		return Applied{}, fmt.Errorf("%w: %d bytes, allowed are %d", ErrTooLarge, len(entry), MaxEntryBytes)
	}
	end, err := l.enter()
	if err != nil {
		return Applied{}, err
	}
	defer end()
	if err := l.Full(); err != nil {
		return Applied{}, err
	}
	// Raft keeps the entry when ctx ends this call.
	entry = bytes.Clone(entry)
	ctx, cancel := l.quorumContext(ctx)
	defer cancel()
	for {
		if err := l.awaitLeadership(ctx); err != nil {
			return Applied{}, err
		}
		leave, err := l.flight.enter(ctx, len(entry))
		if err != nil {
			if errors.Is(err, ErrNoQuorum) && l.raft.State() == raft.Leader { // a majority answers it
				return Applied{}, fmt.Errorf("%w: %d MB (waited %s)", ErrBusy, maxFlightBytes>>20, l.opts.NoQuorumTimeout)
			}
			return Applied{}, err
		}
		var r applyResult
		err = l.await(ctx, func() error {
			defer leave()
			f := l.raft.Apply(entry, 0)
			if err := f.Error(); err != nil {
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
	if free := l.free.Load(); free < l.opts.MinFreeBytes {
		return fmt.Errorf("%w: %d MB left, %d are kept free", ErrDiskFull, free>>20, l.opts.MinFreeBytes>>20)
	}
	return nil
}

// outcomeUnknown says what is known when an entry that was in the leader's log
// did not come back.
func (l *Ledger) outcomeUnknown(ctx context.Context, err error) error {
	if fault := l.Fault(); fault != nil {
		return errors.Join(fault, ErrLostLeadership)
	}
	if errors.Is(err, ErrNoQuorum) {
		return errors.Join(err, ErrLostLeadership)
	}
	if !errors.Is(err, raft.ErrLeadershipLost) {
		return fmt.Errorf("waiting for the entry, its outcome is unknown: %w", l.mapped(err))
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
		if fault := l.Fault(); fault != nil {
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
	if l.raft.State() == raft.Leader {
		return nil
	}
	changes, cancel := l.hub.subscribe()
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.failed:
			return l.Fault()
		case <-l.closing:
			return ErrClosed
		case <-changes:
		}
		if l.raft.State() == raft.Leader {
			return nil
		}
		if id, known := l.Leader(); known && id != l.opts.ID {
			return &NotLeaderError{Leader: id, Known: true}
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
	case <-l.closing:
		return ErrClosed
	case <-t.C:
		return nil
	}
}

// await runs a call of raft's, which knows no context. What call writes may be
// read only when await returns nil. The goroutine belongs to the ledger: it ends
// when raft answers, and Close waits for it. It begins within an operation.
func (l *Ledger) await(ctx context.Context, call func() error) error {
	done := make(chan error, 1)
	l.ops.Add(1)
	go func() {
		defer l.ops.Done()
		done <- call()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
