package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/replication"
	"github.com/weirdata/weir/consensus/snapstream"
	"github.com/weirdata/weir/consensus/statesum"
)

// fsm connects raft's thread to the state.
type fsm struct {
	ledger  *Ledger
	commits *replication.Commits
	// seen is the last index that raft has handed over since it started, also
	// when the state had it already. Raft's thread alone uses it.
	seen uint64
}

var (
	_ raft.FSM         = (*fsm)(nil)
	_ raft.BatchingFSM = (*fsm)(nil)
	_ raft.FSMSnapshot = (*fsmSnapshot)(nil)
)

// Apply implements raft.FSM.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM. Its answers are applyResult.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	last := logs[len(logs)-1]
	f.commits.Committed(last.Index, last.Term)
	out := make([]any, len(logs))
	results, err := f.apply(logs)
	if err != nil {
		f.ledger.life.fail(err)
		for i := range out {
			out[i] = applyResult{err: f.ledger.life.fault()}
		}
		return out
	}
	for i, r := range results {
		out[i] = r
	}
	f.seen = last.Index
	f.ledger.notifier.notify()
	return out
}

func (f *fsm) apply(logs []*raft.Log) ([]applyResult, error) {
	if err := f.ledger.life.fault(); err != nil {
		return nil, err
	}
	// Followers have no other place to stop before a full disk stops them with
	// a SIGBUS. The leader refuses proposals long before that.
	if free := f.ledger.disk.free.Load(); free < f.ledger.opts.MinFreeBytes/8 {
		return nil, fmt.Errorf("%w: %d bytes left", ErrDiskFull, free)
	}
	for _, l := range logs {
		if err := verifyChecksum(l); err != nil {
			return nil, err
		}
	}
	var results []applyResult
	err := damage.Guard(PartState, func() (err error) {
		results, err = f.ledger.disk.state.applyBatch(f.ledger.opts.Machine, logs)
		return err
	})
	return results, err
}

// Snapshot implements raft.FSM. It holds a version of the state open. While raft
// still replays what the state has, it would give the snapshot an index that is
// behind its content; a member that restores it would have a state ahead of its
// log.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if err := f.ledger.life.fault(); err != nil {
		return nil, err
	}
	if f.seen < f.ledger.disk.state.position().Applied {
		return nil, raft.ErrNothingNewToSnapshot
	}
	g, err := f.ledger.disk.state.acquire()
	if err != nil {
		return nil, err
	}
	return &fsmSnapshot{ledger: f.ledger, gen: g, read: g.store.Read()}, nil
}

// Restore implements raft.FSM. A stream that is damaged leaves the state as it
// was; raft asks the leader again.
func (f *fsm) Restore(source io.ReadCloser) error {
	if err := f.ledger.life.fault(); err != nil {
		return err
	}
	// One of an earlier state would take back what this node has accepted.
	least := f.ledger.disk.state.position().Applied
	err := f.ledger.disk.state.restore(&spaceReader{Reader: source, space: f.ledger.disk.snaps.space}, least)
	if errors.Is(err, errEarlier) {
		return err
	}
	if errors.Is(err, ErrCorruptSnapshot) {
		return errors.Join(err, f.ledger.disk.snaps.removeNewest(err))
	}
	if err != nil {
		f.ledger.life.fail(err)
	}
	f.seen = f.ledger.disk.state.position().Applied
	f.ledger.disk.log.restored.Store(err == nil)
	f.ledger.notifier.notify()
	return err
}

type fsmSnapshot struct {
	ledger *Ledger
	gen    *generation
	read   pairs.Reader
}

// Persist implements raft.FSMSnapshot. The last entries that raft has handed over may be barriers,
// which the state machine does not see: raft's snapshot has their index, and so has what is
// restored from it, or it would be behind a log that begins after them.
func (s *fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	return s.ledger.life.checked(damage.Guard(PartState, func() error {
		// Raft cuts its log behind the snapshot: what was in it has to be in the state.
		if err := s.gen.deferred.Sync(); err != nil {
			return err
		}
		_, err := writeState(sink, s.read, sink.(*spaceSink).index)
		return err
	}))
}

// Release implements raft.FSMSnapshot.
func (s *fsmSnapshot) Release() {
	s.read.Close()
	s.gen.release()
}

// writeState streams one version of the state, as that of a log index at or behind the last entry
// that it has, and returns its length. It writes no end to a stream whose pairs do not add up to
// the state's digest: who restores it would have what this node has lost.
func writeState(w io.Writer, r pairs.Reader, index uint64) (uint64, error) {
	p, d, err := readSummed(r)
	if err != nil {
		return 0, err
	}
	p.Applied = max(p.Applied, index)
	out, err := snapstream.NewWriter(w, snapstream.Position(p))
	if err != nil {
		return 0, err
	}
	var sum statesum.Sum
	for _, space := range []byte{spaceMeta, spaceMachine, spaceEvidence} {
		err := r.Walk([]byte{space}, nil, false, func(key, value []byte) error {
			switch {
			case space != spaceMeta:
				sum.Add(key, value)
			case bytes.Equal(key, positionKey):
				value = p.encode()
			}
			return out.Pair(key, value)
		})
		if err != nil {
			return 0, fmt.Errorf("write a snapshot at %d: %w", p.Applied, err)
		}
	}
	if err := difference(p, d.Sum, sum); err != nil {
		return 0, fmt.Errorf("write a snapshot at %d: %w", p.Applied, err)
	}
	return out.Finish()
}
