package consensus

import (
	"errors"
	"fmt"
	"io"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"
)

// fsm connects raft's thread to the state.
type fsm struct {
	ledger *Ledger
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
	out := make([]any, len(logs))
	results, err := f.apply(logs)
	if err != nil {
		f.ledger.fail(err)
		for i := range out {
			out[i] = applyResult{err: f.ledger.Fault()}
		}
		return out
	}
	for i, r := range results {
		out[i] = r
	}
	f.seen = logs[len(logs)-1].Index
	f.ledger.hub.notify()
	return out
}

func (f *fsm) apply(logs []*raft.Log) ([]applyResult, error) {
	if err := f.ledger.Fault(); err != nil {
		return nil, err
	}
	// Followers have no other place to stop before a full disk stops them with
	// a SIGBUS. The leader refuses proposals long before that.
	if free := f.ledger.free.Load(); free < f.ledger.opts.MinFreeBytes/8 {
		return nil, fmt.Errorf("%w: %d bytes left", ErrDiskFull, free)
	}
	return f.ledger.state.applyBatch(f.ledger.opts.Machine, logs)
}

// Snapshot implements raft.FSM. It holds a version of the state open. While raft
// still replays what the state has, it would give the snapshot an index that is
// behind its content; a member that restores it would have a state ahead of its
// log.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if err := f.ledger.Fault(); err != nil {
		return nil, err
	}
	if f.seen < f.ledger.state.position().Applied {
		return nil, raft.ErrNothingNewToSnapshot
	}
	g, err := f.ledger.state.acquire()
	if err != nil {
		return nil, err
	}
	return &fsmSnapshot{gen: g, txn: g.db.NewTransaction(false)}, nil
}

// Restore implements raft.FSM. A stream that is damaged leaves the state as it
// was; raft asks the leader again.
func (f *fsm) Restore(source io.ReadCloser) error {
	if err := f.ledger.Fault(); err != nil {
		return err
	}
	err := f.ledger.state.restore(&spaceReader{Reader: source, space: f.ledger.snaps.space})
	if errors.Is(err, ErrCorruptSnapshot) {
		return errors.Join(err, f.ledger.snaps.removeNewest(err))
	}
	if err != nil {
		f.ledger.fail(err)
	}
	f.seen = f.ledger.state.position().Applied
	f.ledger.hub.notify()
	return err
}

type fsmSnapshot struct {
	gen *generation
	txn *badger.Txn
}

// Persist implements raft.FSMSnapshot.
func (s *fsmSnapshot) Persist(sink raft.SnapshotSink) error {
	_, err := writeState(sink, s.txn)
	return err
}

// Release implements raft.FSMSnapshot.
func (s *fsmSnapshot) Release() {
	s.txn.Discard()
	s.gen.release()
}

// writeState streams one version of the state and returns its length.
func writeState(w io.Writer, txn *badger.Txn) (uint64, error) {
	p, err := readPosition(txn)
	if err != nil {
		return 0, err
	}
	out, err := newSnapshotWriter(w, p)
	if err != nil {
		return 0, err
	}
	for _, space := range []byte{spaceMeta, spaceMachine, spaceEvidence} {
		if err := scanTxn(txn, []byte{space}, out.pair); err != nil {
			return 0, fmt.Errorf("writing a snapshot at %d: %w", p.Applied, err)
		}
	}
	return out.finish()
}
