package consensus

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/consensus/snapstream"
)

// Limits that hold on every node alike: what depends on them must come out the
// same everywhere.
const (
	// MaxEntryBytes bounds an entry: an envelope of 1 MiB, and what the leader
	// wraps around it.
	MaxEntryBytes = 1<<20 + 64<<10
	// MaxOutcomeBytes bounds what the state machine records beside an entry.
	MaxOutcomeBytes = 256 << 10
	// MaxChangeBytes bounds the keys and values that one entry may change. It is
	// chosen so that an entry's changes, its record and its hashes always fit
	// one transaction of badger with our memtable.
	MaxChangeBytes = 7 << 20
	// MaxChangeKeys bounds the number of keys that one entry may change.
	MaxChangeKeys = 64 << 10
	// MaxKeyBytes bounds a key of the state machine.
	MaxKeyBytes = snapstream.MaxKey - 1
)

// Defaults, each with its reason.
const (
	// DefaultHeartbeatTimeout is how long a follower waits before it suspects the
	// leader: ten times the pauses of a busy disk on the target machine.
	DefaultHeartbeatTimeout = time.Second
	// DefaultElectionTimeout is how long a candidate waits for votes.
	DefaultElectionTimeout = time.Second
	// DefaultLeaderLeaseTimeout is how long a leader that hears nothing from a
	// majority goes on. It must stay below the heartbeat timeout, or an old
	// leader could still answer reads when a new one exists.
	DefaultLeaderLeaseTimeout = 500 * time.Millisecond
	// DefaultCommitTimeout is how soon followers learn of the last commit when
	// nothing new is proposed.
	DefaultCommitTimeout = 20 * time.Millisecond
	// DefaultNoQuorumTimeout leaves a margin in the ten seconds after which a
	// caller is to be told that there is no quorum: the caller may have to find a
	// node first that does not hang.
	DefaultNoQuorumTimeout = 6 * time.Second
	// DefaultSnapshotThreshold is the least number of entries between snapshots.
	// It grows with the state, so that the log may hold half as many bytes as a
	// snapshot (see doc.go, growth).
	DefaultSnapshotThreshold = 16384
	// DefaultSnapshotInterval is how often the threshold is looked at.
	DefaultSnapshotInterval = 2 * time.Minute
	// DefaultTrailingLogs is how many entries stay behind a snapshot for members
	// that were away for a moment.
	DefaultTrailingLogs = 8192
	// DefaultMaintenanceInterval is how often value logs are collected.
	DefaultMaintenanceInterval = 5 * time.Minute
	// DefaultMinFreeBytes is when writing stops before the disk is full: badger
	// writes to mapped files, where a full disk is a SIGBUS and no error.
	DefaultMinFreeBytes = 512 << 20
)

// Machine is the deterministic state machine.
type Machine interface {
	// Apply executes one entry inside tx. seq counts applied commands from 0: it
	// is the entry's leaf in the evidence log and independent of the indexes of
	// raft. outcome, at most [MaxOutcomeBytes], is recorded beside the entry.
	//
	// Apply depends on nothing but tx, seq and entry, and keeps neither tx nor
	// the slices it is given. err is a fault of the store: the node stops. The
	// one exception is [ErrTooManyChanges]: an entry that returns it is recorded
	// as void.
	Apply(tx records.Tx, seq uint64, entry []byte) (outcome []byte, err error)
}

// Shortener is a machine that says of some entries that the log need not keep them whole any more. The
// evidence log keeps their digest, their outcome and what Short made of them, so that their leaves, and what
// was proved of them, stay as they were, and so that they can be applied anew. All that it says depends on its arguments
// alone.
type Shortener interface {
	Machine
	// Shortens lists the earlier entries that are shortened with the entry that had an outcome.
	Shortens(outcome []byte) []uint64
	// Short is what is kept of such an entry.
	Short(entry []byte) ([]byte, error)
	// ApplyShort is Apply of an entry of which that is kept, and which came to that outcome, which the leaf proves.
	// What it changes may lack what is in nobody's state any more once the entry is shortened.
	ApplyShort(tx records.Tx, seq uint64, short, outcome []byte) ([]byte, error)
}

// Member is a node of the cluster.
type Member struct {
	ID   string `json:"id"`
	Addr string `json:"addr"`
}

// StreamLayer carries the connections between members. Accept returns only
// connections whose peer is known to be a member: it finishes the TLS handshake
// itself, with a timeout. A Ledger owns the layer that it is given, and closes
// it.
type StreamLayer interface {
	net.Listener
	// Dial connects to a member's address.
	Dial(address string, timeout time.Duration) (net.Conn, error)
}

// Options say how to open a [Ledger]. Dir, ID, Transport and Machine are
// required, and Members when Bootstrap is set; zero means the default elsewhere.
type Options struct {
	// Dir holds everything: wal, state and snapshots.
	Dir string
	// ID is this node's id for all time.
	ID string
	// Members are the nodes of a new cluster, the same on all of them.
	Members []Member
	// Bootstrap makes a directory that holds nothing a member of the new cluster
	// of Members. A directory that holds something ignores it. A node that joins
	// an existing cluster leaves it false.
	Bootstrap bool
	// Successor says that this node follows another machine of its ID. A directory that
	// holds nothing is then no member's at a founding but another incarnation: what the
	// machine before it acknowledged is lost.
	Successor bool
	// Transport carries raft's connections. Its Addr is where others reach this
	// node, unless Members or Resolve say otherwise.
	Transport StreamLayer
	// Resolve, when set, says where a member is reached now. It takes precedence
	// over the address with which the member was added.
	Resolve func(id string) (addr string, ok bool)
	// Votes, when set, says which members are to have a vote, once they have what was
	// committed; when nil, all are.
	Votes func(id string) bool
	// Memory keeps outside Dir which ledger this node has and how far that has come, so
	// that the loss of Dir is noticed. It belongs beside the node's identity: what loses
	// it must lose the identity too. nil: a file beside Dir, named Dir and ".record".
	Memory evidence.Memory
	// Machine is the state machine.
	Machine Machine
	// Logger takes raft's and badger's logs. The default discards them.
	Logger *slog.Logger

	HeartbeatTimeout   time.Duration
	ElectionTimeout    time.Duration
	LeaderLeaseTimeout time.Duration
	CommitTimeout      time.Duration
	// NoQuorumTimeout bounds how long Propose and ReadIndex look for a quorum.
	NoQuorumTimeout time.Duration

	SnapshotThreshold uint64
	SnapshotInterval  time.Duration
	TrailingLogs      uint64

	// MaintenanceInterval is the time between collections of the value log.
	MaintenanceInterval time.Duration
	// MinFreeBytes is the free space below which Propose refuses.
	MinFreeBytes uint64
	// Free is the bytes that the file system of a directory has left for this process. nil:
	// ask the operating system.
	Free func(dir string) (uint64, error)
	// storage is where the ledger is kept; nil: Dir. Tests alone set it.
	storage storage
	// NoSync leaves the state's writes to the operating system. A killed process
	// loses nothing by that, but a power cut can leave a state that is not that
	// after any whole number of entries, unnoticed: the node must then start from
	// an empty directory. For tests and throw-away clusters.
	NoSync bool
	// MemTable is the size of a memtable of the state; 0: that of package pairs. Tests take less: each
	// ledger that is opened in a process zeroes as much.
	MemTable int64
}

// validate returns the options with their defaults, or an *OptionError.
func (o Options) validate() (Options, error) {
	switch {
	case o.Dir == "":
		return o, &OptionError{"Dir", "is empty"}
	case o.ID == "":
		return o, &OptionError{"ID", "is empty"}
	case o.Transport == nil:
		return o, &OptionError{"Transport", "is missing"}
	case o.Machine == nil:
		return o, &OptionError{"Machine", "is missing"}
	}
	if err := o.checkMembers(); err != nil {
		return o, err
	}
	o.Members = slices.Clone(o.Members)
	slices.SortFunc(o.Members, func(a, b Member) int { return strings.Compare(a.ID, b.ID) })
	if o.Memory == nil {
		o.Memory = recordFile(filepath.Clean(o.Dir) + ".record")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		field string
		value *time.Duration
		def   time.Duration
		least time.Duration
	}{
		{"HeartbeatTimeout", &o.HeartbeatTimeout, DefaultHeartbeatTimeout, 5 * time.Millisecond},
		{"ElectionTimeout", &o.ElectionTimeout, DefaultElectionTimeout, 5 * time.Millisecond},
		{"LeaderLeaseTimeout", &o.LeaderLeaseTimeout, DefaultLeaderLeaseTimeout, 5 * time.Millisecond},
		{"CommitTimeout", &o.CommitTimeout, DefaultCommitTimeout, time.Millisecond},
		{"NoQuorumTimeout", &o.NoQuorumTimeout, DefaultNoQuorumTimeout, time.Millisecond},
		{"SnapshotInterval", &o.SnapshotInterval, DefaultSnapshotInterval, 5 * time.Millisecond},
		{"MaintenanceInterval", &o.MaintenanceInterval, DefaultMaintenanceInterval, time.Millisecond},
	} {
		if *d.value = cmp.Or(*d.value, d.def); *d.value < d.least {
			return o, &OptionError{d.field, fmt.Sprintf("is %s, at least %s is needed", *d.value, d.least)}
		}
	}
	if o.ElectionTimeout < o.HeartbeatTimeout {
		return o, &OptionError{"ElectionTimeout", fmt.Sprintf("is %s, shorter than the heartbeat timeout %s",
			o.ElectionTimeout, o.HeartbeatTimeout)}
	}
	if o.LeaderLeaseTimeout > o.HeartbeatTimeout {
		return o, &OptionError{"LeaderLeaseTimeout", fmt.Sprintf("is %s, longer than the heartbeat timeout %s: "+
			"an old leader would answer reads beside a new one", o.LeaderLeaseTimeout, o.HeartbeatTimeout)}
	}
	o.SnapshotThreshold = cmp.Or(o.SnapshotThreshold, DefaultSnapshotThreshold)
	o.TrailingLogs = cmp.Or(o.TrailingLogs, DefaultTrailingLogs)
	o.MinFreeBytes = cmp.Or(o.MinFreeBytes, DefaultMinFreeBytes)
	if o.Free == nil {
		o.Free = durable.FreeBytes
	}
	if o.storage == nil {
		o.storage = directory{o}
	}
	return o, nil
}

// checkMembers refuses what would make two nodes bootstrap different clusters,
// or none.
func (o Options) checkMembers() error {
	ids, addrs := map[string]bool{}, map[string]bool{}
	for i, m := range o.Members {
		field := fmt.Sprintf("Members[%d]", i)
		switch {
		case m.ID == "":
			return &OptionError{field, "has no ID"}
		case m.Addr == "":
			return &OptionError{field, fmt.Sprintf("%s has no address", m.ID)}
		case ids[m.ID]:
			return &OptionError{field, fmt.Sprintf("%s is there twice", m.ID)}
		case addrs[m.Addr]:
			return &OptionError{field, fmt.Sprintf("%s has the address of another member", m.ID)}
		}
		ids[m.ID], addrs[m.Addr] = true, true
	}
	if o.Bootstrap && !ids[o.ID] {
		return &OptionError{"Members", fmt.Sprintf("this node, %s, is not among them, but is to bootstrap", o.ID)}
	}
	return nil
}
