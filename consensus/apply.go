package consensus

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/panictrace"
	"github.com/weirdata/weir/consensus/pending"
	"github.com/weirdata/weir/consensus/statesum"
)

// Applied says what became of an entry.
type Applied struct {
	// Seq is the entry's number among all applied entries: its leaf.
	Seq uint64
	// Leaf is the RFC 6962 hash of the leaf.
	Leaf [32]byte
	// Outcome is what the state machine answered.
	Outcome []byte
	// Index is the entry's index in raft's log, for [Ledger.WaitApplied].
	Index uint64
}

// applyResult is what the state machine thread answers to a proposal.
type applyResult struct {
	applied Applied
	void    bool
	err     error
}

// applyBatch applies committed log entries in order, and returns one result for
// each when everything that they changed is durable. On an error the entries
// from the failing transaction on are not applied at all.
func (s *appliedState) applyBatch(machine Machine, logs []*raft.Log) ([]applyResult, error) {
	g, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer g.release()
	b := &batch{state: s, db: g.db, machine: machine, at: s.position(), digest: s.currentDigest()}
	results := make([]applyResult, len(logs))
	defer b.discard()
	for i, l := range logs {
		if l.Index <= b.at.Applied {
			// After a restart raft replays from its last snapshot on.
			continue
		}
		if results[i], err = b.add(l); err != nil {
			return nil, err
		}
	}
	return results, b.commit()
}

// batch is a transaction in the making.
type batch struct {
	state   *appliedState
	db      *badger.DB
	machine Machine
	stage   *stage
	at      position        // after the entries in stage.batch
	digest  statesum.Digest // likewise
}

func (b *batch) begin() {
	b.stage = &stage{txn: b.db.NewTransaction(false), batch: pending.New(), entry: pending.New()}
}

func (b *batch) discard() {
	if b.stage != nil {
		b.stage.txn.Discard()
		b.stage = nil
	}
}

// add applies one entry. When its changes and those of the entries before it do
// not fit one transaction, the earlier ones are committed first.
func (b *batch) add(l *raft.Log) (applyResult, error) {
	if b.stage == nil {
		b.begin()
	}
	after, result := position{Applied: l.Index, NextSeq: b.at.NextSeq}, applyResult{}
	if l.Type == raft.LogCommand {
		var err error
		if result, err = b.execute(l); err != nil {
			return applyResult{}, fmt.Errorf("apply entry %d (log index %d): %w", b.at.NextSeq, l.Index, err)
		}
		after.NextSeq++
	}
	entry := b.stage.entry
	if !b.fits(entry) {
		if err := b.commit(); err != nil {
			return applyResult{}, err
		}
		b.begin()
	}
	if err := b.count(entry); err != nil {
		return applyResult{}, err
	}
	if after.NextSeq > b.at.NextSeq {
		b.digest.Note(after.NextSeq)
	}
	for _, c := range entry.Changes {
		b.stage.batch.Put(c)
	}
	b.stage.entry = pending.New()
	b.at = after
	return result, nil
}

// count takes what an entry replaces out of the digest, and what it writes into it.
func (b *batch) count(entry *pending.Layer) error {
	for key, c := range entry.Changes {
		old, err := b.stage.before(key)
		if err != nil {
			return err
		}
		if old != nil {
			b.digest.Sum.Remove([]byte(key), old)
		}
		if !c.Deleted {
			b.digest.Sum.Add([]byte(key), c.Value)
		}
	}
	return nil
}

// fits tells whether the batch can take another entry's changes. The bounds are
// badger's, taken a little tighter.
func (b *batch) fits(entry *pending.Layer) bool {
	const perKey = 32                                           // above what badger counts beside key and value
	keys := len(b.stage.batch.Changes) + len(entry.Changes) + 2 // position and digest
	size := b.stage.batch.Bytes + entry.Bytes + statesum.EncodedBytes + (keys+1)*perKey
	return len(b.stage.batch.Changes) == 0 || (int64(keys) < b.db.MaxBatchCount() && int64(size) < b.db.MaxBatchSize())
}

// execute runs the state machine on one command and adds its leaf.
func (b *batch) execute(l *raft.Log) (applyResult, error) {
	seq := b.at.NextSeq
	rec := evidence.Record{Entry: l.Data}
	outcome, err := b.run(seq, l.Data)
	switch {
	case errors.Is(err, ErrTooManyChanges):
		rec.Void = true
	case err != nil:
		return applyResult{}, err
	case len(outcome) > MaxOutcomeBytes:
		rec.Void, err = true, fmt.Errorf("%w: an outcome of %d bytes, allowed are %d",
			ErrTooManyChanges, len(outcome), MaxOutcomeBytes)
	default:
		rec.Outcome = outcome
	}
	if rec.Void {
		b.stage.entry = pending.New()
	}
	leaf, appendErr := evidence.Append(evidenceTx{b.stage}, seq, rec)
	if appendErr != nil {
		return applyResult{}, appendErr
	}
	return applyResult{
		applied: Applied{Seq: seq, Leaf: leaf, Outcome: rec.Outcome, Index: l.Index},
		void:    rec.Void,
		err:     err,
	}, nil
}

// run calls the state machine. A panic there is a fault like any other: the
// other nodes panic too, or this one's memory is broken; in both cases it must
// not go on.
func (b *batch) run(seq uint64, entry []byte) (outcome []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			if err = libraryPanic(PartState, p); err != nil {
				return
			}
			err = fmt.Errorf("the state machine panicked: %v\n%s", p, panictrace.Frames())
		}
	}()
	return b.machine.Apply(machineTx{b.stage}, seq, entry)
}

// commit makes the batch durable together with the position after it.
func (b *batch) commit() error {
	if b.stage == nil {
		return nil
	}
	changes := b.stage.batch.Changes
	b.discard()
	txn := b.db.NewTransaction(true)
	defer txn.Discard()
	for _, c := range changes {
		var err error
		if c.Deleted {
			err = txn.Delete([]byte(c.Key))
		} else {
			err = txn.Set([]byte(c.Key), c.Value)
		}
		if err != nil {
			return fmt.Errorf("write the changes up to log index %d: %w", b.at.Applied, err)
		}
	}
	if err := txn.Set(positionKey, b.at.encode()); err != nil {
		return fmt.Errorf("write the position %d: %w", b.at.Applied, err)
	}
	if err := txn.Set(digestKey, b.digest.Encode()); err != nil {
		return fmt.Errorf("write the digest at %d: %w", b.at.Applied, err)
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("commit the changes up to log index %d: %w", b.at.Applied, err)
	}
	b.state.setPosition(b.at, b.digest)
	return nil
}
