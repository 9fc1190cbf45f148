package consensus

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/consensus/snapstream"
)

var (
	// ErrNoQuorum is returned when no majority of the members answered within
	// Options.NoQuorumTimeout. When it also matches [ErrLostLeadership], the
	// entry had already been handed out and may yet be accepted.
	ErrNoQuorum = errors.New("no quorum: a majority of the nodes cannot be reached")

	// ErrLostLeadership is returned when this node stopped being the leader
	// while an entry of its own was under way. The outcome is unknown: the entry
	// may be accepted later, or never. A caller that proposes again must be able
	// to recognise the first one.
	ErrLostLeadership = errors.New("leadership lost while the entry was under way: its outcome is unknown")

	// ErrTooLarge is returned for an entry of more than [MaxEntryBytes]. Nothing
	// was proposed.
	ErrTooLarge = errors.New("entry too large")

	// ErrTooManyChanges is returned by a transaction's Set and Delete when the
	// entry has changed more than [MaxChangeBytes] or [MaxChangeKeys], and by
	// Propose when the state machine gave the entry up because of that. Such an
	// entry is recorded as void, on every node alike, and has changed nothing.
	ErrTooManyChanges = errors.New("entry changes more than fits one transaction")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("ledger is closed")

	// ErrDiskFull is returned by Propose when the file system holding the ledger
	// has less than Options.MinFreeBytes left. Nothing was proposed.
	ErrDiskFull = errors.New("disk almost full")

	// ErrBusy is returned by Propose on a leader that has more entries under way than it
	// may have, for as long as it waits for a quorum. Nothing was proposed.
	ErrBusy = errors.New("too many entries are proposed and not applied yet")

	// ErrFault is matched by every error that is returned after a storage fault
	// stopped this node's ledger. Only opening it again helps.
	ErrFault = errors.New("ledger stopped after a fault")

	// ErrDiverged is matched by the fault of a node whose leader has another entry in a
	// place up to which this node has applied its own: one of the two lost something.
	ErrDiverged = errors.New("the leader's log contradicts what this node has applied")

	// ErrReopen is matched by the fault of a node that only has to be opened again: it has taken the
	// leader's snapshot in place of a log that went further, in other entries or with other members,
	// and raft still goes by those.
	ErrReopen = errors.New("a snapshot has replaced the log")

	// ErrNotVoter is matched by what MayVote returns on a node that may not vote.
	ErrNotVoter = errors.New("this node does not vote")

	// ErrNotFound is returned for an evidence leaf that this node does not have.
	ErrNotFound = errors.New("no such leaf")

	// ErrCorruptSnapshot is returned for a snapshot stream that is damaged,
	// truncated or not one.
	ErrCorruptSnapshot = snapstream.ErrCorrupt

	// ErrInconsistent is returned by Open when log, snapshots and state of the
	// directory do not belong together.
	ErrInconsistent = errors.New("ledger directory is inconsistent")
)

// errChecksum is returned for an entry that is to be appended and changed on its way from its
// proposer: memory or the network did that, and no log has it.
var errChecksum = errors.New("the entry does not have its checksum")

// NotLeaderError is returned by what only the leader can do, on other nodes.
// Nothing was proposed.
type NotLeaderError struct {
	// Leader is the id of the leader, when Known.
	Leader string
	Known  bool
}

func (e *NotLeaderError) Error() string {
	if !e.Known {
		return "not the leader, and no leader is known"
	}
	return fmt.Sprintf("not the leader: %s is", e.Leader)
}

// OptionError names the field of [Options] that is wrong.
type OptionError struct {
	Field  string
	Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("consensus option %s: %s", e.Field, e.Reason)
}
