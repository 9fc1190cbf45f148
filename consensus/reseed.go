package consensus

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/logbridge"
	"github.com/weirdata/weir/consensus/snapstream"
)

// restoreGap is by how much the log of a restored cluster begins later than the one before was
// in the backup. It is more than any log gets after a backup: a member that comes back with its
// old log is behind the first snapshot then, and takes the restored state whole, instead of
// applying entries to a state of another past.
const restoreGap = 1 << 40

// entriesPerMilli is how many entries no log gets in a millisecond, as bits. By it the log of a
// restore begins later than that of any restore that was ordered before, of the same backup too.
const entriesPerMilli = 20

// maxSeedIndex is where no restored log begins: from there on there is no room for it.
const maxSeedIndex = 1 << 62

// Seed is the restore that a ledger is made by.
type Seed struct {
	ID   [32]byte // of the order
	Made int64    // when the order was, in Unix milliseconds
	// Voter is the one member that votes at first; the others have a vote when they have caught up.
	// Empty: all vote.
	Voter string
}

// index is where the log begins after a backup of one that had come so far.
func (s Seed) index(applied uint64) (uint64, error) {
	if s.Made < 0 || s.Made > maxSeedIndex>>entriesPerMilli || applied > maxSeedIndex {
		return 0, fmt.Errorf("%w: no log goes on from entry %d by an order of the time %d", ErrInconsistent, applied, s.Made)
	}
	index := uint64(s.Made) << entriesPerMilli
	if least := applied + restoreGap; index < least {
		// The backup is of a log that was restored some minutes ago; other orders are of other milliseconds.
		index = least + uint64(s.Made)%(1<<30)<<entriesPerMilli
	}
	if index > maxSeedIndex {
		return 0, fmt.Errorf("%w: a log would go on from entry %d, at most %d are possible", ErrInconsistent, index, uint64(maxSeedIndex))
	}
	return index, nil
}

// ErrRan is returned for a member that has run since the restore that it is to be made by.
var ErrRan = errors.New("this node has run since that restore: start it, it catches up")

// term is the term in which the log of a restored cluster begins: one that no log before gets to. Members of a past
// that are still there might lead in the very terms of those that go on, otherwise.
func (s Seed) term() uint64 { return max(1, uint64(s.Made)) } //nolint:gosec // index refuses one below 0

// seedTerm has raft begin in the restore's term.
func seedTerm(o Options, half string, restore Seed) error {
	o.Dir = half
	log, err := directory{o}.openLog()
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	if err := errors.Join(log.SetUint64(keyCurrentTerm, restore.term()), log.Close()); err != nil {
		return fmt.Errorf("write the log's term: %w", err)
	}
	return nil
}

// Reseed makes a directory, which must not be there, the ledger of a member of a restored
// cluster: one that begins with an exported state (see [Ledger.Export]). All members are made of
// the same state and the same restore, which names incarnations that none of them had before;
// so nobody takes the vote or the acknowledgement of a member with another past for one of
// theirs. Of o it takes Dir, ID, Members, Memory and Logger, of which only the last may be left out.
//
// The record outside the directory comes first and the directory last, in one step. After a
// crash in between the member has lost its ledger, and Reseed can be repeated. A member that was
// opened since then may have voted and acknowledged entries, of which the seed knows nothing:
// that is [ErrRan].
func Reseed(o Options, restore Seed, state io.Reader) (err error) {
	if err := o.checkMembers(); err != nil {
		return err
	}
	o = o.offline()
	if _, err := os.Lstat(o.Dir); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%w: %s is there already", ErrInconsistent, o.Dir))
	}
	if err := checkNotRan(o, restore); err != nil {
		return err
	}
	half, index, err := beginSeed(o, restore, state)
	if err != nil {
		return err
	}
	return endSeed(o, restore, half, index)
}

// beginSeed makes the ledger beside the place that it is for. What an earlier call made is removed.
func beginSeed(o Options, restore Seed, state io.Reader) (half string, index uint64, err error) {
	half = filepath.Clean(o.Dir) + ".half"
	if err := os.RemoveAll(half); err != nil {
		return half, 0, fmt.Errorf("remove what was begun: %w", err)
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		return half, 0, fmt.Errorf("make the ledger's directory: %w", err)
	}
	if index, err = seedSnapshot(o, half, restore, state); err != nil {
		return half, 0, errors.Join(err, os.RemoveAll(half))
	}
	if err := seedTerm(o, half, restore); err != nil {
		return half, 0, errors.Join(err, os.RemoveAll(half))
	}
	own := record{incarnation: restoredIncarnation(restore.ID, o.ID)}
	for name, content := range map[string][]byte{incarnationFile: own.encode(), idFile: []byte(o.ID)} {
		if err := durable.Overwrite(filepath.Join(half, name), content); err != nil {
			return half, 0, errors.Join(fmt.Errorf("write the ledger's %s: %w", name, err), os.RemoveAll(half))
		}
	}
	return half, index, nil
}

// endSeed has the ledger count.
func endSeed(o Options, restore Seed, half string, index uint64) error {
	own := record{incarnation: restoredIncarnation(restore.ID, o.ID), index: index}
	if err := o.Memory.Save(own.encode()); err != nil {
		return errors.Join(fmt.Errorf("record the ledger: %w", err), os.RemoveAll(half))
	}
	if err := os.Rename(half, o.Dir); err != nil {
		return errors.Join(fmt.Errorf("put the ledger into its place: %w", err), os.RemoveAll(half))
	}
	return durable.SyncTree(o.Dir)
}

func checkNotRan(o Options, restore Seed) error {
	_, err := seededBy(o, restore)
	return err
}

// seededBy reports whether the member's ledger is on record to be the restore's. Where it was opened
// since, that is ErrRan.
func seededBy(o Options, restore Seed) (bool, error) {
	b, err := o.Memory.Load()
	if err != nil || b == nil {
		return false, err
	}
	kept, err := decodeRecord(b)
	if err != nil || kept.incarnation != restoredIncarnation(restore.ID, o.ID) {
		return false, err
	}
	if kept.opened > 0 {
		return true, ErrRan
	}
	return true, nil
}

// restoredIncarnation is which ledger a member has after a restore.
func restoredIncarnation(restore [32]byte, id string) incarnation {
	h := sha256.Sum256(append(append([]byte("weir incarnation\n"), restore[:]...), id...))
	if i := incarnation(binary.BigEndian.Uint64(h[:])); i != founding {
		return i
	}
	return founding + 1
}

// seedSnapshot writes the snapshot that the log of a restored cluster begins with.
func seedSnapshot(o Options, dir string, restore Seed, state io.Reader) (index uint64, err error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, keptSnapshots, logbridge.New(o.Logger, "raft-snapshot"))
	if err != nil {
		return 0, fmt.Errorf("make the snapshots: %w", err)
	}
	var members raft.Configuration
	for _, m := range o.Members {
		at := endpoint{addr: m.Addr, incarnation: restoredIncarnation(restore.ID, m.ID)}
		votes := raft.Voter
		if restore.Voter != "" && restore.Voter != m.ID {
			votes = raft.Nonvoter
		}
		members.Servers = append(members.Servers, raft.Server{Suffrage: votes, ID: raft.ServerID(m.ID), Address: at.address()})
	}
	_, transport := raft.NewInmemTransport("")
	var sink raft.SnapshotSink
	err = rebase(state, restore, func(p snapstream.Position) (io.Writer, error) {
		index = p.Applied
		sink, err = store.Create(raft.SnapshotVersionMax, index, restore.term(), members, index, transport)
		return sink, err
	})
	if sink == nil {
		return 0, err
	}
	if err != nil {
		return 0, errors.Join(err, sink.Cancel())
	}
	if err := sink.Close(); err != nil {
		return 0, fmt.Errorf("write the snapshot: %w", err)
	}
	return index, nil
}

// rebase writes a stream anew as that of a state whose log goes on where the restore's begins. The pairs stay, but
// for what is said of the log before: where that has entries whole, the new one has none.
// into is asked where to, once, with the new position.
func rebase(r io.Reader, restore Seed, into func(snapstream.Position) (io.Writer, error)) error {
	var out *snapstream.Writer
	var at snapstream.Position
	_, err := snapstream.ReadFrom(r, func(p snapstream.Position) error {
		index, err := restore.index(p.Applied)
		if err != nil {
			return err
		}
		at = snapstream.Position{Applied: index, NextSeq: p.NextSeq}
		w, err := into(at)
		if err != nil {
			return err
		}
		out, err = snapstream.NewWriter(w, at)
		return err
	}, func(key, value []byte) error {
		switch {
		case bytes.Equal(key, shortenedKey):
			return nil
		case bytes.Equal(key, positionKey):
			value = position(at).encode()
		}
		return out.Pair(key, value)
	})
	if err != nil {
		return fmt.Errorf("write the restored state: %w", err)
	}
	if _, err := out.Finish(); err != nil {
		return fmt.Errorf("write the restored state: %w", err)
	}
	return nil
}
