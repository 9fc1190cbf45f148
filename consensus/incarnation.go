package consensus

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/entrysum"
	"github.com/weirdata/weir/consensus/evidence"
)

// # A node that lost its ledger is another member
//
// Raft is safe as long as a voter forgets neither an entry that it acknowledged nor a
// vote that it gave. A node whose ledger was deleted, or replaced by an older copy, has
// forgotten both. If it went on under its name, it and a node that was away would elect
// a leader without the entries that it had acknowledged with the others.
//
// So a voter is a node together with the ledger that it has: its incarnation. The first
// one, with which a cluster is founded, is 0; each later one is drawn at random when a
// node finds that it lost its ledger. Raft's configuration, which is part of the log,
// names for each member the incarnation that counts (as part of its address, see endpoint),
// so that all nodes know it. These rules hold:
//
//  1. A connection is made to a member's incarnation, and one of another incarnation
//     refuses it and says which it is (handshake.go). So no vote and no acknowledgement
//     of an incarnation is ever counted as that of another.
//  2. A node asks for votes, and votes for itself, only while its own latest
//     configuration names its own incarnation as a voter (MayVote). A new incarnation
//     that catches up reads old configurations on the way, in which its node is a voter
//     as an earlier incarnation: by them it must not become a leader.
//  3. A leader that learns that a member runs as another incarnation demotes the member,
//     adds the new incarnation without a vote, and gives it a vote when it has what was
//     committed (readmit.go). Each step is an entry of the log, committed by those who
//     vote at that time.
//
// Why nothing acknowledged is lost. Let n voters be configured, and let x be the one
// that lost its ledger. An entry was acknowledged by ⌊n/2⌋+1 voters, of which at least
// ⌊n/2⌋ are not x. By rule 1 a leader is elected by ⌊n/2⌋+1 voters that are not x, out of
// n−1. The two sets have a voter in common, since ⌊n/2⌋+⌊n/2⌋+1 > n−1; so the leader has
// the entry. The demotion is committed by a majority of the n−1 others, ⌊(n−1)/2⌋+1, which
// has a voter in common with those ⌊n/2⌋ too, since together they are n. So no acknowledged
// entry is missing where the demotion is.
//
// A vote that x gave before the loss, in a term t, is no danger either. Its candidate needs
// ⌊n/2⌋ voters besides x, of which one, v, committed the demotion, in a term d. If v had
// voted in t first, then t ≤ d, since v refuses a leader of an earlier term; and the new
// incarnation votes only for candidates that have the demotion, in terms after d, so not
// in t. If v had the demotion first, it votes for no candidate without it, and one that
// has it does not count x.
//
// After the demotion x is a new member, with which Raft's change of one member at a time
// deals.
//
// When the others cannot commit the demotion, because they need x for a majority, then
// nothing proceeds until enough of them are back. That is right: they may lack what x
// acknowledged, and nobody can tell.
//
// # How a node knows
//
// It keeps a record outside the ledger's directory (Options.Memory; a node's is in its
// vault, without which it has no identity): its incarnation, how often the ledger was
// opened, and how far its log and its term had come. The ledger's directory says which
// incarnation it belongs to and how often it was opened. The ledger is lost when it is
// of another incarnation than the record or of none, was opened fewer times, or ends
// before what the record says. The cases:
//
//   - Founding: no record and no ledger, on all nodes. The ledger is the first
//     incarnation; bootstrap makes it a voter. The record is written before raft starts,
//     so before the first vote.
//   - No record and no ledger, on a machine that follows another one under the node's name
//     (Options.Successor): as if the ledger was deleted.
//   - No record, but a ledger: of a version without records. The ledger counts.
//   - Killed while opening: the ledger's count is written first, the record second. A
//     count in the ledger above that in the record is no loss.
//   - Killed at any other time: what raft acknowledges it has synced before. The record
//     lags behind the log, by freeInterval at most, never the other way: before the end
//     of the log is replaced by a leader's, the record is taken back.
//   - The ledger was deleted, or the log alone, or the log's metadata (the log is empty
//     then): it ends before what the record says, or has no incarnation.
//   - An older copy of the ledger was put back: it was opened fewer times; or it was copied
//     during the last run, and its log ends before what the record says. Not noticed is a
//     copy of the last run that lacks only what came within freeInterval before a kill;
//     after an orderly end the record is exact.
//   - Killed while it becomes a new incarnation: the record with the new number comes first.
//     A ledger of the old number is then lost again, and another number is drawn. None was
//     used before the ledger had it.
//   - Killed while it catches up: record and ledger have the same number; it goes on, and
//     its own configuration does not give it a vote yet.
//   - The record is lost and the ledger is not: as without a record. Both lost, with the
//     identity kept, would look like founding; so the record must be kept with the identity.
//     If an older record is put back with the identity, the ledger is of another incarnation
//     or was opened more often; both are safe. Incarnations are drawn and not counted because
//     a count from an old record would name an earlier incarnation again.
//
// Raft takes answers of members without a vote for confirmations that a leader leads, which
// could make a read stale. While there is such a member, a leader is confirmed by an entry
// that is committed (raftNode.confirm).

// incarnation names a ledger among those that a node has had.
type incarnation uint64

// founding is the incarnation of a node that never lost its ledger.
const founding incarnation = 0

// String is empty for founding.
func (i incarnation) String() string {
	if i == founding {
		return ""
	}
	return fmt.Sprintf("%016x", uint64(i))
}

func newIncarnation() (incarnation, error) {
	var b [8]byte
	for {
		if _, err := rand.Read(b[:]); err != nil {
			return 0, fmt.Errorf("draw an incarnation: %w", err)
		}
		if i := incarnation(binary.BigEndian.Uint64(b[:])); i != founding {
			return i, nil
		}
	}
}

// record is what a node remembers of its ledger, in the ledger and outside. In the ledger
// the last two are 0: it has them.
type record struct {
	incarnation incarnation
	opened      uint64 // how often
	index       uint64 // of the last entry in the log
	term        uint64
}

const (
	recordVersion = 1
	recordBytes   = 1 + 4*8 + crc32.Size
	// incarnationFile is the record in the ledger's directory.
	incarnationFile = "incarnation"
)

func (r record) encode() []byte {
	b := []byte{recordVersion}
	for _, n := range []uint64{uint64(r.incarnation), r.opened, r.index, r.term} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, entrysum.Castagnoli))
}

// LostRecord is a record (see Options.Memory) of a ledger that a node has lost: a node that is
// given it, and no ledger, has no vote until it has caught up.
func LostRecord() ([]byte, error) {
	i, err := newIncarnation()
	if err != nil {
		return nil, err
	}
	return record{incarnation: i}.encode(), nil
}

func decodeRecord(b []byte) (record, error) {
	if len(b) != recordBytes || b[0] != recordVersion {
		return record{}, fmt.Errorf("%w: the record of the ledger has %d bytes and does not decode", ErrInconsistent, len(b))
	}
	body := b[:recordBytes-crc32.Size]
	if crc32.Checksum(body, entrysum.Castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return record{}, fmt.Errorf("%w: the record of the ledger does not have its checksum", ErrInconsistent)
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(body[1+8*i:]) }
	return record{incarnation: incarnation(n(0)), opened: n(1), index: n(2), term: n(3)}, nil
}

// recordFile is the path of a record outside the ledger.
type recordFile string

var _ evidence.Memory = recordFile("")

// Load implements evidence.Memory.
func (f recordFile) Load() ([]byte, error) {
	b, err := os.ReadFile(string(f))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements evidence.Memory.
func (f recordFile) Save(b []byte) error { return durable.Overwrite(string(f), b) }

// identity is what a node knows of its own ledger.
type identity struct {
	id              string        // of the node
	storage         storage       // of the ledger
	applied         func() uint64 // how far its state has come
	logger          *slog.Logger
	incarnation     incarnation
	checksummedFrom uint64 // see raftLog
	// raft is nil until it runs.
	raft atomic.Pointer[raft.Raft]

	mu     sync.Mutex // guards last, and is held while the log's end is removed
	last   record     // as it is in memory
	memory evidence.Memory
}

// identify finds out whether the ledger is the one that this node is on record to have
// had, and makes it another incarnation where it is not. It runs before anything in the
// directory is changed.
func (d *disk) identify() error {
	kept, found, err := d.identity.remembered()
	if err != nil {
		return err
	}
	own, fileErr := d.identity.own()
	at, err := d.furthest()
	if err != nil {
		return err
	}
	flaws, err := d.inspectLog()
	if err != nil {
		return err
	}
	lost := lostSince(kept, found, own, fileErr, at)
	switch {
	case lost != "":
	case flaws.cut > 0:
		lost = flaws.why.Error()
	case d.opts.Successor && !found && fileErr != nil && at.index == 0:
		lost = "it is another machine than the one that had the ledger"
	}
	d.identity.last = record{incarnation: own.incarnation, opened: max(own.opened, kept.opened)}
	if lost != "" {
		if err := d.identity.renew(lost); err != nil {
			return err
		}
	}
	d.identity.incarnation = d.identity.last.incarnation
	d.identity.checksummedFrom = flaws.checksummedFrom
	return d.repairLog(flaws)
}

// lostSince says why a ledger, which ends at at, is not the one on record; empty: it is.
func lostSince(kept record, found bool, own record, ownErr error, at record) string {
	switch {
	case found && ownErr != nil:
		return "its ledger is gone"
	case ownErr != nil && !errors.Is(ownErr, os.ErrNotExist):
		return ownErr.Error()
	case found && own.incarnation != kept.incarnation:
		return "its ledger is not the one that it had last"
	case found && (own.opened < kept.opened || at.index < kept.index || at.term < kept.term):
		return fmt.Sprintf("its ledger ends at log index %d and term %d, and it had %d and %d", at.index, at.term, kept.index, kept.term)
	}
	return ""
}

// remembered returns the record outside the ledger.
func (s *identity) remembered() (r record, found bool, err error) {
	b, err := s.memory.Load()
	if err != nil {
		return record{}, false, fmt.Errorf("read the record of the ledger: %w", err)
	}
	if b == nil {
		return record{}, false, nil
	}
	r, err = decodeRecord(b)
	return r, err == nil, err
}

// own returns what the ledger's directory says of itself.
func (s *identity) own() (record, error) {
	b, err := s.storage.readFile(incarnationFile)
	if err != nil {
		return record{}, err
	}
	return decodeRecord(b)
}

// renew makes the ledger another incarnation. The record comes first: see the argument.
func (s *identity) renew(why string) error {
	i, err := newIncarnation()
	if err != nil {
		return err
	}
	s.logger.Warn("this node lost its ledger: it does not vote until it has caught up",
		slog.String("reason", why), slog.String("incarnation", i.String()))
	s.last = record{incarnation: i}
	if err := s.memory.Save(s.last.encode()); err != nil {
		return fmt.Errorf("record that the ledger was lost: %w", err)
	}
	return s.writeOwn()
}

func (s *identity) writeOwn() error {
	r := s.last
	r.index, r.term = 0, 0
	if err := s.storage.writeFile(incarnationFile, r.encode()); err != nil {
		return fmt.Errorf("name the ledger's incarnation: %w", err)
	}
	return nil
}

// begin counts that the ledger is opened, in the ledger and then outside.
func (s *identity) begin(at record) error {
	s.last.opened++
	s.last.index, s.last.term = at.index, at.term
	if err := s.writeOwn(); err != nil {
		return err
	}
	if err := s.memory.Save(s.last.encode()); err != nil {
		return fmt.Errorf("record the ledger: %w", err)
	}
	return nil
}

func (s *identity) save(next record) error {
	if next == s.last {
		return nil
	}
	if err := s.memory.Save(next.encode()); err != nil {
		return fmt.Errorf("record the ledger: %w", err)
	}
	s.last = next
	return nil
}

// mayVote is [Ledger.MayVote].
func (s *identity) mayVote() error {
	r := s.raft.Load()
	if r == nil {
		return fmt.Errorf("%w: it is being started", ErrNotVoter)
	}
	for _, m := range r.GetConfiguration().Configuration().Servers {
		if string(m.ID) == s.id && m.Suffrage == raft.Voter && endpointOf(m).incarnation == s.incarnation {
			return nil
		}
	}
	if s.incarnation == founding {
		return fmt.Errorf("%w: the cluster's log does not name it as a voter", ErrNotVoter)
	}
	return fmt.Errorf("%w: it lost its ledger or a part of it, and has to catch up with a majority of the nodes that "+
		"does not need it; log index %d is applied", ErrNotVoter, s.applied())
}

// voteStore is raft's store of terms and votes. It stores no vote of a node for itself that
// it is not entitled to, nor any while the ledger is one of before a restore; and raft gives no vote that is not stored.
type voteStore struct {
	raft.StableStore
	identity *identity
	outdated func() bool
	own      string // this node's address, as raft knows it
}

// Set implements raft.StableStore.
func (b voteStore) Set(key, value []byte) error {
	if bytes.Equal(key, keyLastVoteCand) && b.outdated() {
		return fmt.Errorf("%w: the cluster goes on by a restore that its ledger does not have yet", ErrNotVoter)
	}
	if bytes.Equal(key, keyLastVoteCand) && string(value) == b.own {
		if err := b.identity.mayVote(); err != nil {
			return err
		}
	}
	return b.StableStore.Set(key, value)
}
