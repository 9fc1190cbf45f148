package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/replication"
)

const (
	// peerTimeout bounds one message between members; raft scales it by size for
	// snapshots.
	peerTimeout = 10 * time.Second
	// peerPool is how many idle connections to a member are kept.
	peerPool = 3
	// maxAppendEntries bounds a message to MaxEntryBytes times this.
	maxAppendEntries = 64
)

// What raft calls the values of its stable store.
var (
	keyCurrentTerm  = []byte("CurrentTerm")
	keyLastVoteTerm = []byte("LastVoteTerm")
	// keyLastVoteCand has the address of the node that this one voted for.
	keyLastVoteCand = []byte("LastVoteCand")
)

// errRaftStays is returned by Close when raft did not end in time. The stores are left to
// the end of the process then: what still runs may use them.
var errRaftStays = errors.New("raft does not end: end the process")

// raftNode is raft as it runs on this node.
type raftNode struct {
	*raft.Raft
	opts   Options
	logger *slog.Logger
	trans  *members
	log    *raftLog

	observer *raft.Observer
	observed chan raft.Observation // has a message when the leadership may have changed

	stopOnce sync.Once
	stopErr  error
	ended    chan struct{} // closed when raft's goroutines have ended
}

// startRaft starts raft on what the ledger has on its disk. On an error the transport is
// closed.
func startRaft(l *Ledger) (*raftNode, error) {
	// One slot is enough: the observation itself is not looked at, and one that
	// is dropped because another is waiting says the same.
	r := &raftNode{opts: l.opts, logger: l.logger, log: l.disk.log, ended: make(chan struct{}), observed: make(chan raft.Observation, 1)}
	layer := newStreams(l.opts.Transport, l.opts)
	layer.own, layer.applied = l.disk.identity.incarnation, l.disk.applied
	r.trans = &members{
		transport: transport{raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Logger:  logbridge.New(l.opts.Logger, "raft-net"),
			Stream:  layer,
			MaxPool: peerPool,
			Timeout: peerTimeout,
		}), replication.NewCommits()},
		opts: l.opts, identity: l.disk.identity, layer: layer, logs: map[raft.ServerAddress]uint64{},
	}
	config := raftConfig(l.opts, l.disk.threshold())
	if err := r.bootstrap(config, l.disk); err != nil {
		return nil, errors.Join(err, r.trans.Close())
	}
	// Raft reads the log up to its end and panics where it cannot.
	err := damage.Guard(PartLog, func() (err error) {
		votes := voteStore{StableStore: l.disk.wal, identity: l.disk.identity, outdated: layer.isOutdated, own: string(r.trans.LocalAddr())}
		r.Raft, err = raft.NewRaft(config, &fsm{ledger: l, commits: r.trans.commits}, l.disk.log, votes, l.disk.snaps, r.trans)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start raft: %w", err), r.trans.Close())
	}
	l.disk.identity.raft.Store(r.Raft)
	r.observer = raft.NewObserver(r.observed, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.RaftState:
			return true
		}
		return false
	})
	r.RegisterObserver(r.observer)
	return r, nil
}

func raftConfig(o Options, threshold uint64) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.ID)
	c.HeartbeatTimeout = o.HeartbeatTimeout
	c.ElectionTimeout = o.ElectionTimeout
	c.LeaderLeaseTimeout = o.LeaderLeaseTimeout
	c.CommitTimeout = o.CommitTimeout
	c.MaxAppendEntries = maxAppendEntries
	c.BatchApplyCh = true // entries that are proposed together are synced together; nothing here has a time to be taken in
	c.SnapshotInterval = o.SnapshotInterval
	c.SnapshotThreshold = threshold
	c.TrailingLogs = o.TrailingLogs
	c.NoSnapshotRestoreOnStart = true // the state is durable by itself
	c.NoLegacyTelemetry = true
	c.ShutdownOnRemove = false // the node decides what a removal means
	c.Logger = logbridge.New(o.Logger, "raft")
	return c
}

// bootstrap writes the members of a new cluster as the first entry of an empty
// log. All of them write the same, so that it does not matter who is elected.
func (r *raftNode) bootstrap(config *raft.Config, d *disk) error {
	if !r.opts.Bootstrap || d.identity.incarnation != founding {
		return nil
	}
	existing, err := raft.HasExistingState(d.log, d.wal, d.snaps)
	if err != nil {
		return fmt.Errorf("look for an existing cluster: %w", err)
	}
	if existing {
		if interrupted, err := d.bootstrapInterrupted(); err != nil || !interrupted {
			return err
		}
	}
	var c raft.Configuration
	for _, m := range r.opts.Members {
		c.Servers = append(c.Servers, raft.Server{
			Suffrage: raft.Voter, ID: raft.ServerID(m.ID), Address: raft.ServerAddress(m.Addr),
		})
	}
	if err := raft.BootstrapCluster(config, d.log, d.wal, d.snaps, r.trans, c); err != nil {
		return fmt.Errorf("bootstrap the cluster: %w", err)
	}
	return nil
}

// bootstrapInterrupted tells whether a crash came between the two writes of a
// bootstrap, the term and the entry, and takes the first one back. Term 1 with an
// empty log is nothing else: the first leader of a cluster has term 2, and a vote
// would be on the disk.
func (d *disk) bootstrapInterrupted() (bool, error) {
	term, err := d.wal.GetUint64(keyCurrentTerm)
	if err != nil {
		return false, fmt.Errorf("read the term: %w", err)
	}
	vote, err := d.wal.GetUint64(keyLastVoteTerm)
	if err != nil {
		return false, fmt.Errorf("read the last vote: %w", err)
	}
	_, last, err := d.logRange()
	if err != nil {
		return false, err
	}
	newest, err := d.snaps.newestIndex()
	if err != nil {
		return false, err
	}
	if term != 1 || vote != 0 || last != 0 || newest != 0 || d.state.position() != (position{}) {
		return false, nil
	}
	if err := d.wal.SetUint64(keyCurrentTerm, 0); err != nil {
		return false, fmt.Errorf("take back an interrupted bootstrap: %w", err)
	}
	return true, nil
}

// leads tells whether this node takes itself for the leader.
func (r *raftNode) leads() bool { return r.State() == raft.Leader }

// confirm returns nil when a majority of those who vote takes this node for the leader.
// Raft counts the answers of members without a vote too; while there are some, what
// confirms is an entry that is committed.
func (r *raftNode) confirm() error {
	config := r.GetConfiguration().Configuration()
	index, latest := r.log.indexOf(config)
	if !latest {
		return raft.ErrNotLeader // the caller asks again
	}
	for _, s := range config.Servers {
		if s.Suffrage != raft.Voter {
			return r.Barrier(r.opts.NoQuorumTimeout).Error()
		}
	}
	if err := r.VerifyLeader().Error(); err != nil {
		return err
	}
	if now, latest := r.log.indexOf(config); now != index || !latest { // one may have come in between
		return raft.ErrNotLeader
	}
	return nil
}

// incarnationOf is the one that counts for a member, or founding for a node that is none.
func (r *raftNode) incarnationOf(id string) incarnation {
	for _, s := range r.GetConfiguration().Configuration().Servers {
		if string(s.ID) == id {
			return endpointOf(s).incarnation
		}
	}
	return founding
}

// drainTime bounds how long Close waits for raft's answers. A leader that has
// lost its quorum answers when its lease ends.
func (r *raftNode) drainTime() time.Duration { return 4*r.opts.LeaderLeaseTimeout + 5*time.Second }

// stopTime bounds how long Close waits for raft's goroutines. It guards against one that hangs, and
// is longer than a busy machine or disk stands still.
const stopTime = time.Minute

// stop ends raft's goroutines. The transport is closed first, or those that talk to a
// dead member would run into their timeouts. It returns after stopTime at the latest. Later
// calls return what the first one did.
func (r *raftNode) stop() error {
	r.stopOnce.Do(func() {
		stopped := r.Shutdown()
		r.trans.stopHeartbeats()
		if err := r.trans.Close(); err != nil {
			r.stopErr = fmt.Errorf("close raft's transport: %w", err)
			return
		}
		go func() { // ends with raft
			defer close(r.ended)
			if err := stopped.Error(); err != nil {
				r.logger.Error("stopping raft", slog.String("error", err.Error()))
			}
		}()
		t := time.NewTimer(stopTime)
		defer t.Stop()
		select {
		case <-r.ended:
		case <-t.C:
			r.stopErr = fmt.Errorf("%w (waited %s)", errRaftStays, stopTime)
		}
	})
	return r.stopErr
}
