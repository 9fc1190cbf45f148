package consensus

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/pairs"
	"github.com/weirdata/weir/consensus/panictrace"
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
	applied  Applied
	shortens []uint64 // entries that are shortened with it
	void     bool
	err      error
}

// applyBatch applies committed log entries in order, and returns one result for
// each. What they changed is read from then on, and durable a little later (see pairs.Deferred): the log
// has them. On an error the entries from the failing write on are not applied at all.
func (s *appliedState) applyBatch(machine Machine, logs []*raft.Log) ([]applyResult, error) {
	return s.applyRecorded(machine, logs, nil)
}

// applyRecorded is applyBatch of entries of which the records are known, where there are any.
func (s *appliedState) applyRecorded(machine Machine, logs []*raft.Log, known []evidence.Record) ([]applyResult, error) {
	g, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer g.release()
	b := &batch{state: s, store: g.store, machine: machine, at: s.position(), digest: s.currentDigest()}
	results := make([]applyResult, len(logs))
	defer b.discard()
	for i, l := range logs {
		if l.Index <= b.at.Applied {
			// After a restart raft replays from its last snapshot on.
			continue
		}
		if known != nil {
			b.recorded = &known[i]
		}
		if results[i], err = b.add(l); err != nil {
			return nil, err
		}
	}
	return results, b.commit()
}

// batch is a transaction in the making.
type batch struct {
	state     *appliedState
	store     *pairs.Recent
	machine   Machine
	stage     *stage
	at        position        // after the entries in stage.batch
	digest    statesum.Digest // likewise
	shortened shortened       // by the entries in stage.batch
	// recorded is what is known of the entry being applied, where it is one of a log that is applied anew.
	recorded *evidence.Record
}

func (b *batch) begin() {
	b.stage = &stage{read: b.store.Draft(), batch: pairs.NewLayer(), entry: pairs.NewLayer()}
}

func (b *batch) discard() {
	if b.stage != nil {
		b.stage.read.Close()
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
	entry.Clear()
	b.stage.entry = entry
	b.at = after
	return result, nil
}

// count takes what an entry replaces out of the digest, and what it writes into it.
func (b *batch) count(entry *pairs.Layer) error {
	for key, c := range entry.Changes {
		old, there, err := b.stage.before(key)
		if err != nil {
			return err
		}
		if there {
			b.digest.Sum.Remove([]byte(key), old)
		}
		if !c.Deleted {
			b.digest.Sum.Add([]byte(key), c.Value)
		}
	}
	return nil
}

// fits tells whether the batch can take another entry's changes. The bounds are
// the store's, taken a little tighter.
func (b *batch) fits(entry *pairs.Layer) bool {
	keys := len(b.stage.batch.Changes) + len(entry.Changes) + 3 // position, digest and what is shortened
	size := b.stage.batch.Bytes + entry.Bytes + statesum.EncodedBytes + (keys+1)*pairs.PerChange
	mostKeys, mostBytes := b.store.Room()
	return len(b.stage.batch.Changes) == 0 || (int64(keys) < mostKeys && int64(size) < mostBytes)
}

// execute runs the state machine on one command and adds its leaf.
func (b *batch) execute(l *raft.Log) (applyResult, error) {
	seq := b.at.NextSeq
	rec := evidence.Record{Entry: l.Data}
	apply := func() ([]byte, error) { return b.machine.Apply(machineTx{b.stage}, seq, l.Data) }
	shortener, shortens := b.machine.(Shortener)
	if b.recorded != nil && b.recorded.Shortened {
		if !shortens {
			return applyResult{}, fmt.Errorf("entry %d is shortened, and the state machine shortens none", seq)
		}
		rec = evidence.Record{Shortened: true, Digest: b.recorded.Digest, Short: b.recorded.Short}
		apply = func() ([]byte, error) {
			return shortener.ApplyShort(machineTx{b.stage}, seq, b.recorded.Short, b.recorded.Outcome)
		}
	}
	outcome, err := run(apply)
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
		b.stage.entry = pairs.NewLayer()
	}
	leaf, appendErr := evidence.Append(evidenceTx{b.stage}, seq, rec)
	if appendErr != nil {
		return applyResult{}, appendErr
	}
	result := applyResult{
		applied: Applied{Seq: seq, Leaf: leaf, Outcome: rec.Outcome, Index: l.Index},
		void:    rec.Void,
		err:     err,
	}
	if shortens && !rec.Void {
		result.shortens = shortener.Shortens(rec.Outcome)
	}
	return result, b.shorten(shortener, result)
}

// shorten shortens what an entry says that is to be shortened, in the transaction of its changes.
func (b *batch) shorten(m Shortener, r applyResult) (err error) {
	for _, seq := range r.shortens {
		if seq >= r.applied.Seq {
			return fmt.Errorf("shorten entry %d: it does not come before entry %d, which says so", seq, r.applied.Seq)
		}
		switch err = evidence.Shorten(evidenceTx{b.stage}, seq, m.Short); {
		case errors.Is(err, evidence.ErrCorrupt):
			return damage.Of(PartState, err)
		case err != nil:
			return err
		}
	}
	if len(r.shortens) == 0 {
		return nil
	}
	// Between two entries of the state machine there may be some of raft's, never the other way round.
	upTo := slices.Max(r.shortens) + 1 + r.applied.Index - r.applied.Seq
	if b.shortened.by == 0 {
		if b.shortened, err = readShortened(b.stage.read); err != nil {
			return err
		}
	}
	b.shortened = shortened{upTo: max(b.shortened.upTo, upTo), by: r.applied.Index}
	return nil
}

// run calls the state machine. A panic there is a fault like any other: the
// other nodes panic too, or this one's memory is broken; in both cases it must
// not go on.
func run(apply func() ([]byte, error)) (outcome []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			if err = damage.Panic(PartState, p); err != nil {
				return
			}
			err = fmt.Errorf("the state machine panicked: %v\n%s", p, panictrace.Frames())
		}
	}()
	return apply()
}

// commit writes the batch together with the position after it.
func (b *batch) commit() error {
	if b.stage == nil {
		return nil
	}
	changes := b.stage.batch
	b.discard()
	var keys []string // of the state machine
	for key := range changes.Changes {
		if key[0] == spaceMachine {
			keys = append(keys, key[1:])
		}
	}
	changes.Put(change{Key: string(positionKey), Value: b.at.encode()})
	changes.Put(change{Key: string(digestKey), Value: b.digest.Encode()})
	if b.shortened.by > 0 {
		changes.Put(change{Key: string(shortenedKey), Value: b.shortened.encode()})
	}
	if err := b.store.Write(maps.Values(changes.Changes)); err != nil {
		return fmt.Errorf("write the changes up to log index %d: %w", b.at.Applied, err)
	}
	b.state.touched.Note(b.at.Applied, keys)
	b.state.setPosition(b.at, b.digest)
	return nil
}
