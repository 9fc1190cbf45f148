package consensus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// Ledger is one node's part of the replicated ledger. Its methods are safe for
// concurrent use.
type Ledger struct {
	opts     Options
	logger   *slog.Logger
	life     *lifecycle
	disk     *disk
	raft     *raftNode
	notifier *notifier
	room     *semaphore.Weighted // bytes, for entries that are proposed and not applied

	transfers atomic.Int32 // transfers of leadership under way

	stopLoops context.CancelFunc
	loops     sync.WaitGroup

	closeOnce sync.Once
	closeErr  error
}

// Open starts this node's part of the ledger from its directory. The Ledger owns
// o.Transport from here on, also when Open fails.
func Open(o Options) (*Ledger, error) {
	opts, err := o.validate()
	if err != nil {
		if o.Transport != nil {
			err = errors.Join(err, o.Transport.Close())
		}
		return nil, err
	}
	logger := opts.Logger.With(slog.String("component", "consensus"))
	l := &Ledger{
		opts: opts, logger: logger, life: newLifecycle(logger), notifier: newNotifier(),
		room: semaphore.NewWeighted(maxProposedBytes),
	}
	if l.disk, err = openDisk(opts, logger); err != nil {
		return nil, errors.Join(err, opts.Transport.Close())
	}
	if l.raft, err = startRaft(l); err != nil { // it has closed the transport
		return nil, errors.Join(err, l.disk.close())
	}
	l.disk.log.throttle.Store(&throttle{ledger: l})
	l.startLoops()
	return l, nil
}

// startLoops starts the ledger's own goroutines; Close ends them.
func (l *Ledger) startLoops() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stopLoops = cancel
	l.loops.Go(func() { l.watch(ctx) })
	l.loops.Go(func() { readmission{l}.run(ctx) })
	l.loops.Go(func() { newMaintenance(l).run(ctx) })
	l.notifier.notify() // what happened before the observer was there
}

// watch passes changes of leadership on, and takes a node with a fault out of
// the cluster, so that a leader that cannot apply does not stay leader.
func (l *Ledger) watch(ctx context.Context) {
	failed := l.life.failed
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.raft.observed:
			l.notifier.notify()
		case <-failed:
			failed = nil
			l.notifier.notify()
			l.life.drain(ctx, l.raft.drainTime()) // what was under way has been answered
			if ctx.Err() != nil {
				return
			}
			if err := l.raft.stop(); err != nil {
				l.logger.Error("stopping raft after a fault", slog.String("error", err.Error()))
			}
		}
	}
}

// Failed is closed when a fault has stopped the ledger.
func (l *Ledger) Failed() <-chan struct{} { return l.life.failed }

// Fault returns what stopped the ledger, matching [ErrFault], or nil.
func (l *Ledger) Fault() error { return l.life.fault() }

// Leader returns the id of the leader that this node knows.
func (l *Ledger) Leader() (id string, known bool) {
	_, leader := l.raft.LeaderWithID()
	return string(leader), leader != ""
}

// IsLeader tells whether this node takes itself for the leader. Another node may
// know better: see [Ledger.ReadIndex].
func (l *Ledger) IsLeader() bool { return l.raft.leads() }

// Term returns the current term.
func (l *Ledger) Term() uint64 { return l.raft.CurrentTerm() }

// AppliedIndex returns the index in raft's log up to which this node's state is.
func (l *Ledger) AppliedIndex() uint64 { return l.disk.applied() }

// NextSeq returns how many entries this node has applied.
func (l *Ledger) NextSeq() uint64 { return l.disk.state.position().NextSeq }

// MayVote returns an error that wraps [ErrNotVoter] and says why this node may not vote,
// or nil. A node that lost its ledger is entitled again when it has caught up.
func (l *Ledger) MayVote() error { return l.disk.identity.mayVote() }

// Close stops this node's part of the ledger, without handing over leadership
// (see [Ledger.TransferLeadership]), and closes its stores and its transport.
// Nothing durable is lost. Later calls return what the first one did.
func (l *Ledger) Close() error {
	l.closeOnce.Do(func() {
		l.life.close()
		if !l.life.drain(context.Background(), l.raft.drainTime()) {
			l.logger.Warn("closing while operations are under way")
		}
		l.stopLoops()
		l.loops.Wait()
		l.raft.DeregisterObserver(l.raft.observer)
		l.closeErr = errors.Join(l.raft.stop(), l.disk.noteProgress())
		if !errors.Is(l.closeErr, errRaftStays) {
			l.closeErr = errors.Join(l.closeErr, l.disk.close())
		}
	})
	return l.closeErr
}
