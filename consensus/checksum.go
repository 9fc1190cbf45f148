package consensus

import (
	"errors"
	"fmt"
	"log/slog"
	"math"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/damage"
	"github.com/weirdata/weir/consensus/entrysum"
)

// placed adds to the proposer's checksum that of the entry's place.
func placed(e *raft.Log, sum []byte) []byte {
	return entrysum.Placed(sum, e.Index, e.Term, byte(e.Type))
}

// damagedEntry is the error of an entry of the log that is not what was proposed.
func damagedEntry(index uint64, what string, args ...any) error {
	return damage.Of(PartLog, fmt.Errorf("log index %d "+what, append([]any{index}, args...)...))
}

// verifyChecksum returns a DamageError when an entry of a log does not have the checksums that it
// came with. One without any is of an earlier version.
func verifyChecksum(e *raft.Log) error {
	if len(e.Extensions) > 0 && !entrysum.Holds(e.Extensions, e.Data, e.Index, e.Term, byte(e.Type)) {
		return damagedEntry(e.Index, "does not have its checksum")
	}
	return nil
}

// addChecksums checks entries that are to be appended, and completes the checksums of those that
// have no place yet.
func (l *raftLog) addChecksums(entries []*raft.Log) error {
	for _, e := range entries {
		sum := entrysum.Proposed(e.Data)
		switch {
		case len(e.Extensions) == 0, string(e.Extensions) == string(sum):
			e.Extensions = placed(e, sum)
		case verifyChecksum(e) != nil:
			return fmt.Errorf("append log index %d: %w", e.Index, errChecksum)
		}
		if e.Index < l.checksummedFrom.Load() { // raft's main thread alone stores
			l.checksummedFrom.Store(e.Index)
		}
	}
	return nil
}

// read reads an entry and checks it. Raft's main thread ends the process when it cannot
// read an entry, and whoever finds a damaged one must not go on; so the ledger stops, and
// raft, until it has, gets an entry that no state machine sees, no node appends, and no
// other entry follows.
func (l *raftLog) read(index uint64, e *raft.Log) error {
	err := readEntry(l.LogStore, index, e)
	if err == nil && len(e.Extensions) == 0 && index >= l.checksummedFrom.Load() {
		err = damagedEntry(index, "has lost its checksum")
	}
	b := l.throttle.Load()
	if !damage.Is(err) || b == nil {
		return err
	}
	b.ledger.life.fail(err)
	*e = raft.Log{Index: index, Type: raft.LogNoop, Extensions: []byte{0}}
	return nil
}

// readEntry reads an entry that the store is to have. It returns a DamageError for one that
// does not decode, or is not the one that was asked for, or does not have its checksum.
func readEntry(store raft.LogStore, index uint64, e *raft.Log) (err error) {
	defer func() {
		if p := recover(); p != nil { // lengths that make no sense
			err = damagedEntry(index, "does not decode: %v", p)
		}
	}()
	switch err := store.GetLog(index, e); {
	case errors.Is(err, raft.ErrLogNotFound):
		return raft.ErrLogNotFound // raft compares with ==
	case err != nil:
		return damagedEntry(index, "cannot be read: %w", err)
	case e.Index != index:
		return damagedEntry(index, "says that it is %d", e.Index)
	}
	return verifyChecksum(e)
}

// flaws is what is wrong with a log. cut and drop are 0 where nothing is.
type flaws struct {
	// cut is the first damaged entry behind what is applied: the log must end before it.
	cut uint64
	// drop is the last damaged entry before the newest snapshot: the log may begin behind it.
	drop uint64
	why  error // of cut, or of drop
	// checksummedFrom is the first entry with a checksum.
	checksummedFrom uint64
}

// inspectLog reads the whole log and checks every entry. A damaged one
//
//   - up to the newest snapshot is needed by nobody but members that were away, which get
//     the snapshot instead: the log will begin behind it;
//   - behind what is applied was perhaps acknowledged, and is fetched from the leader: the
//     log will end before it, and the node is another incarnation (see incarnation.go);
//   - between the two cannot be replaced without what the state was made of, which is not
//     thrown away unasked: the node does not start, and an operator decides.
func (d *disk) inspectLog() (flaws, error) {
	f := flaws{checksummedFrom: math.MaxUint64}
	first, last, err := d.logRange()
	if err != nil || last == 0 {
		return f, err
	}
	newest, err := d.snaps.newestIndex()
	if err != nil {
		return f, err
	}
	applied := d.applied()
	for i := first; i <= last; i++ {
		var e raft.Log
		err := readEntry(d.wal, i, &e)
		if err == nil && len(e.Extensions) == 0 && i > f.checksummedFrom {
			err = damagedEntry(i, "has lost its checksum")
		}
		if len(e.Extensions) > 0 {
			f.checksummedFrom = min(f.checksummedFrom, i)
		}
		switch {
		case err == nil:
		case i <= newest && newest <= applied:
			f.drop, f.why = i, err
		case i > applied:
			f.cut, f.why = i, err
			return f, nil
		default:
			return f, err
		}
	}
	return f, nil
}

// repairLog makes the log one without damaged entries.
func (d *disk) repairLog(f flaws) error {
	first, last, err := d.logRange()
	if err != nil {
		return err
	}
	if f.drop > 0 {
		d.logger.Warn("dropping a damaged beginning of the log, which a snapshot covers",
			slog.Uint64("to", f.drop), slog.String("error", f.why.Error()))
		if err := d.wal.DeleteRange(first, f.drop); err != nil {
			return fmt.Errorf("drop the damaged beginning of the log: %w", err)
		}
	}
	if f.cut > 0 {
		d.logger.Warn("cutting the log before a damaged entry",
			slog.Uint64("from", f.cut), slog.Uint64("to", last), slog.String("error", f.why.Error()))
		if err := d.wal.DeleteRange(f.cut, last); err != nil {
			return fmt.Errorf("cut the log before a damaged entry: %w", err)
		}
	}
	return nil
}
