package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
)

// Ledger is one node's part of the replicated ledger. Its methods are safe for
// concurrent use.
type Ledger struct {
	opts   Options
	logger *slog.Logger
	raft   *raft.Raft
	trans  *raft.NetworkTransport
	wal    *wal.WAL
	// walMeta is the log's, which does not close it; its file would stay locked.
	walMeta *metadb.BoltMetaDB
	log     *raftLog
	snaps   *snapshots
	state   *state
	hub     *hub
	flight  flight
	free    atomic.Uint64 // free bytes at the last look

	transfers atomic.Int32 // transfers of leadership under way

	observer  *raft.Observer
	observed  chan raft.Observation
	stopLoops context.CancelFunc
	loops     sync.WaitGroup

	mu      sync.Mutex     // guards closed; ops.Add happens under it or under an op
	closed  bool           // no operation begins any more
	ops     sync.WaitGroup // operations, and raft's answers that are under way
	closing chan struct{}

	failOnce sync.Once
	failed   chan struct{} // closed after fault is set
	fault    atomic.Pointer[error]

	closeOnce sync.Once
	closeErr  error
}

const (
	// peerTimeout bounds one message between members; raft scales it by size for
	// snapshots.
	peerTimeout = 10 * time.Second
	// peerPool is how many idle connections to a member are kept.
	peerPool = 3
	// maxAppendEntries bounds a message to MaxEntryBytes times this.
	maxAppendEntries = 64
)

// Open starts this node's part of the ledger from its directory. The Ledger owns
// o.Transport from here on, also when Open fails.
func Open(o Options) (*Ledger, error) {
	opts, err := o.validated()
	if err != nil {
		if o.Transport != nil {
			err = errors.Join(err, o.Transport.Close())
		}
		return nil, err
	}
	l := &Ledger{
		opts:    opts,
		logger:  opts.Logger.With(slog.String("component", "consensus")),
		hub:     newHub(),
		flight:  newFlight(),
		closing: make(chan struct{}),
		failed:  make(chan struct{}),
	}
	if err := l.openStores(); err != nil {
		return nil, errors.Join(err, opts.Transport.Close(), l.closeStores())
	}
	if err := l.startRaft(); err != nil { // it has closed the transport
		return nil, errors.Join(err, l.closeStores())
	}
	l.startLoops()
	return l, nil
}

// openStores opens what is on the disk and makes it consistent.
func (l *Ledger) openStores() error {
	dir := l.opts.Dir
	for _, d := range []string{dir, filepath.Join(dir, "wal")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("making the ledger's directory: %w", err)
		}
	}
	if err := l.claim(); err != nil {
		return err
	}
	free, err := freeBytes(dir)
	if err != nil {
		return err
	}
	l.free.Store(free)
	// The state comes first: its lock refuses a second process at once, while
	// the log's would wait for the first to end.
	l.state, err = openState(filepath.Join(dir, "state"), l.opts.NoSync, l.logger)
	if err != nil {
		return err
	}
	l.walMeta = &metadb.BoltMetaDB{}
	l.wal, err = wal.Open(filepath.Join(dir, "wal"), wal.WithMetaStore(l.walMeta),
		wal.WithLogger(newSlogBridge(l.opts.Logger, "raft-wal")))
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	l.snaps, err = openSnapshots(l.opts, l.logger, func() uint64 { return l.state.position().Applied })
	if err != nil {
		return err
	}
	if err := l.reconcile(); err != nil {
		return err
	}
	l.log, err = newRaftLog(l.wal, l.state.position().Applied)
	return err
}

// claim makes sure that a directory is used by one member only: two with the
// same log and votes would be one member that votes twice.
func (l *Ledger) claim() error {
	path := filepath.Join(l.opts.Dir, "id")
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := replaceFile(path, []byte(l.opts.ID)); err != nil {
			return fmt.Errorf("naming the directory's owner: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("reading whose directory it is: %w", err)
	case string(b) != l.opts.ID:
		return fmt.Errorf("%w: it belongs to node %q, this is %q", ErrInconsistent, b, l.opts.ID)
	}
	return nil
}

func (l *Ledger) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(l.opts.ID)
	c.HeartbeatTimeout = l.opts.HeartbeatTimeout
	c.ElectionTimeout = l.opts.ElectionTimeout
	c.LeaderLeaseTimeout = l.opts.LeaderLeaseTimeout
	c.CommitTimeout = l.opts.CommitTimeout
	c.MaxAppendEntries = maxAppendEntries
	c.SnapshotInterval = l.opts.SnapshotInterval
	c.SnapshotThreshold = l.threshold()
	c.TrailingLogs = l.opts.TrailingLogs
	c.NoSnapshotRestoreOnStart = true // the state is durable by itself
	c.NoLegacyTelemetry = true
	c.ShutdownOnRemove = false // the node decides what a removal means
	c.Logger = newSlogBridge(l.opts.Logger, "raft")
	return c
}

func (l *Ledger) startRaft() error {
	config := l.raftConfig()
	layer := newStreams(l.opts.Transport, l.opts)
	transport := &raft.NetworkTransportConfig{
		Logger:  newSlogBridge(l.opts.Logger, "raft-net"),
		Stream:  layer,
		MaxPool: peerPool,
		Timeout: peerTimeout,
	}
	if l.opts.Resolve != nil {
		transport.ServerAddressProvider = resolver(l.opts.Resolve)
	}
	l.trans = raft.NewNetworkTransportWithConfig(transport)
	if err := l.bootstrap(config); err != nil {
		return errors.Join(err, l.trans.Close())
	}
	var err error
	l.raft, err = raft.NewRaft(config, &fsm{ledger: l}, l.log, l.wal, l.snaps, l.trans)
	if err != nil {
		return errors.Join(fmt.Errorf("starting raft: %w", err), l.trans.Close())
	}
	l.log.brake.Store(&brake{ledger: l})
	return nil
}

// bootstrap writes the members of a new cluster as the first entry of an empty
// log. All of them write the same, so that it does not matter who is elected.
func (l *Ledger) bootstrap(config *raft.Config) error {
	if !l.opts.Bootstrap {
		return nil
	}
	existing, err := raft.HasExistingState(l.log, l.wal, l.snaps)
	if err != nil {
		return fmt.Errorf("looking for an existing cluster: %w", err)
	}
	if existing {
		if interrupted, err := l.bootstrapInterrupted(); err != nil || !interrupted {
			return err
		}
	}
	var c raft.Configuration
	for _, m := range l.opts.Members {
		c.Servers = append(c.Servers, raft.Server{
			Suffrage: raft.Voter, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Addr),
		})
	}
	if err := raft.BootstrapCluster(config, l.log, l.wal, l.snaps, l.trans, c); err != nil {
		return fmt.Errorf("bootstrapping the cluster: %w", err)
	}
	return nil
}

// bootstrapInterrupted tells whether a crash came between the two writes of a
// bootstrap, the term and the entry, and takes the first one back. Term 1 with an
// empty log is nothing else: the first leader of a cluster has term 2, and a vote
// would be on the disk.
func (l *Ledger) bootstrapInterrupted() (bool, error) {
	term, err := l.wal.GetUint64([]byte("CurrentTerm"))
	if err != nil {
		return false, fmt.Errorf("reading the term: %w", err)
	}
	vote, err := l.wal.GetUint64([]byte("LastVoteTerm"))
	if err != nil {
		return false, fmt.Errorf("reading the last vote: %w", err)
	}
	_, last, err := l.logRange()
	if err != nil {
		return false, err
	}
	snaps, err := l.snaps.List()
	if err != nil {
		return false, fmt.Errorf("listing the snapshots: %w", err)
	}
	if term != 1 || vote != 0 || last != 0 || len(snaps) != 0 || l.state.position() != (position{}) {
		return false, nil
	}
	if err := l.wal.SetUint64([]byte("CurrentTerm"), 0); err != nil {
		return false, fmt.Errorf("taking back an interrupted bootstrap: %w", err)
	}
	return true, nil
}

// enter begins an operation; the returned function ends it.
func (l *Ledger) enter() (end func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usableLocked(); err != nil {
		return nil, err
	}
	l.ops.Add(1)
	return l.ops.Done, nil
}

func (l *Ledger) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.usableLocked()
}

func (l *Ledger) usableLocked() error {
	if l.closed {
		return ErrClosed
	}
	return l.Fault()
}

// fail stops the ledger: what the state holds can no longer be trusted to be
// what the others hold.
func (l *Ledger) fail(err error) {
	l.failOnce.Do(func() {
		fault := fmt.Errorf("%w: %w", ErrFault, err)
		l.fault.Store(&fault)
		close(l.failed)
		l.logger.Error("ledger stopped", slog.String("error", err.Error()))
	})
}

// Failed is closed when a fault has stopped the ledger.
func (l *Ledger) Failed() <-chan struct{} { return l.failed }

// Fault returns what stopped the ledger, matching [ErrFault], or nil.
func (l *Ledger) Fault() error {
	if p := l.fault.Load(); p != nil {
		return *p
	}
	return nil
}

// Leader returns the id of the leader that this node knows.
func (l *Ledger) Leader() (id string, known bool) {
	_, leader := l.raft.LeaderWithID()
	return string(leader), leader != ""
}

// IsLeader tells whether this node takes itself for the leader. Another node may
// know better: see [Ledger.ReadIndex].
func (l *Ledger) IsLeader() bool { return l.raft.State() == raft.Leader }

// Term returns the current term.
func (l *Ledger) Term() uint64 { return l.raft.CurrentTerm() }

// AppliedIndex returns the index in raft's log up to which this node's state is.
func (l *Ledger) AppliedIndex() uint64 { return l.state.position().Applied }

// NextSeq returns how many entries this node has applied.
func (l *Ledger) NextSeq() uint64 { return l.state.position().NextSeq }

// drainTime bounds how long Close waits for raft's answers. A leader that has
// lost its quorum answers when its lease ends.
func (l *Ledger) drainTime() time.Duration { return 4*l.opts.LeaderLeaseTimeout + 5*time.Second }

// drain lets no operation begin any more and waits for those under way. Raft
// drops what is on its way to the state machine when it shuts down, and whoever
// waits for that waits for ever.
func (l *Ledger) drain() bool {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	done := make(chan struct{})
	go func() {
		l.ops.Wait()
		close(done)
	}()
	t := time.NewTimer(l.drainTime())
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// Close stops this node's part of the ledger, without handing over leadership
// (see [Ledger.TransferLeadership]), and closes its stores and its transport.
// Nothing durable is lost. Later calls return what the first one did.
func (l *Ledger) Close() error {
	l.closeOnce.Do(func() {
		close(l.closing)
		if !l.drain() {
			l.logger.Warn("closing while operations are under way")
		}
		l.stopLoops()
		l.loops.Wait()
		l.raft.DeregisterObserver(l.observer)
		l.closeErr = errors.Join(l.stopRaft(), l.closeStores())
	})
	return l.closeErr
}

// stopRaft ends raft's goroutines. The transport is closed first, or those that
// talk to a dead member would run into their timeouts.
func (l *Ledger) stopRaft() error {
	stopped := l.raft.Shutdown()
	if err := l.trans.Close(); err != nil {
		return fmt.Errorf("closing raft's transport: %w", err)
	}
	if err := stopped.Error(); err != nil {
		return fmt.Errorf("stopping raft: %w", err)
	}
	return nil
}

func (l *Ledger) closeStores() error {
	var errs []error
	if l.state != nil {
		errs = append(errs, l.state.close())
	}
	if l.wal != nil {
		if err := l.wal.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the log: %w", err))
		}
	}
	if l.walMeta != nil {
		if err := l.walMeta.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the log's metadata: %w", err))
		}
	}
	return errors.Join(errs...)
}
