package wire

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
)

// Status answers GET /v1/status: what one node knows of itself and of the others. It is
// answered from the node's own state, so that it can be read when there is no quorum.
type Status struct {
	ID      string         `json:"id"`
	Cluster catalog.Digest `json:"cluster"`
	Version string         `json:"version,omitempty"` // of its program
	Level   int            `json:"level,omitempty"`   // feature level that its program has; 0: the first
	Ready   bool           `json:"ready"`
	Reasons []string       `json:"reasons,omitempty"` // why it is not
	Waiting string         `json:"waiting,omitempty"` // what the leader waits for
	Alarms  []string       `json:"alarms,omitempty"`  // nodes whose states are in doubt, as this one sees it
	Alive   []string       `json:"alive"`             // the nodes that answer this one, itself among them
	Blobs   BlobStatus     `json:"blobs"`
	Ledger  LedgerStatus   `json:"ledger"`
	Shares  ShareStatus    `json:"shares"`
	Drill   *Drill         `json:"drill,omitempty"` // what was reported of drills with backups
	// AuditBehind is how many entries the file of the audit log lacks.
	AuditBehind uint64 `json:"audit_behind,omitempty"`
}

// Drill is what was reported of drills with backups. Times are Unix milliseconds.
type Drill struct {
	recovery.Drilled
	// Since is when a backup was last found sound; where none was, when the cluster was founded.
	Since int64 `json:"since"`
}

// ShareStatus is how the shares of keys and of private vectors are, by this node's state. Times
// are Unix milliseconds.
type ShareStatus struct {
	Every   int64        `json:"every,omitempty"` // how old shares may get, milliseconds; 0: as old as they will
	Keys    []KeyShares  `json:"keys,omitempty"`
	Vectors VectorShares `json:"vectors"`
	// Deposit is the newest deposit of this node's share that can be used; nil: there is none.
	Deposit *SeatDeposit `json:"deposit,omitempty"`
}

// SeatDeposit is a deposit of a node's share with custodians.
type SeatDeposit struct {
	Deposit    catalog.Digest `json:"deposit"`
	Made       int64          `json:"made"`
	Threshold  int            `json:"threshold"`
	Custodians int            `json:"custodians"`
	Keys       int            `json:"keys,omitempty"`    // of which it has no share in force
	Vectors    int            `json:"vectors,omitempty"` // private, likewise
}

// Deposited is when the newest deposit was made that can be used; 0: there is none.
func (s ShareStatus) Deposited() int64 {
	if s.Deposit == nil {
		return 0
	}
	return s.Deposit.Made
}

// Undeposited counts the keys and private vectors of which the newest deposit has no share in force.
func (s ShareStatus) Undeposited() int {
	if s.Deposit == nil {
		return 0
	}
	return s.Deposit.Keys + s.Deposit.Vectors
}

// Since is since when the oldest shares are in force, of keys and vectors; 0: there are none.
func (s ShareStatus) Since() int64 {
	oldest := s.Vectors.Oldest
	for _, k := range s.Keys {
		if oldest == 0 || k.Since < oldest {
			oldest = k.Since
		}
	}
	return oldest
}

// Due is when new shares are due next by the schedule; 0: never.
func (s ShareStatus) Due() int64 {
	if s.Every == 0 || s.Since() == 0 {
		return 0
	}
	return s.Since() + s.Every
}

// Tried is when the shares of the key were tried whose last canary is the oldest; 0: there is a
// key whose shares were not, or no key.
func (s ShareStatus) Tried() int64 {
	var oldest int64
	for i, k := range s.Keys {
		if i == 0 || k.Tried < oldest {
			oldest = k.Tried
		}
	}
	return oldest
}

// Unfit counts the members that canaries named, key by key, and keys of which one found a fault
// and named nobody.
func (s ShareStatus) Unfit() (n int) {
	for _, k := range s.Keys {
		n += len(k.Unfit)
		if k.Doubt != "" {
			n++
		}
	}
	return n
}

// KeyShares is how the shares of a key are.
type KeyShares struct {
	Key       string `json:"key"`
	Publisher string `json:"publisher"`
	Epoch     uint64 `json:"epoch"`
	Since     int64  `json:"since"`         // when they came into force
	Due       int64  `json:"due,omitempty"` // when new ones are made by the schedule; 0: there is none
	// Tried is when the last canary ended; 0: none has. Unfit are the nodes that it named, and
	// Doubt says where it found a fault and could name nobody.
	Tried int64    `json:"tried,omitempty"`
	Unfit []string `json:"unfit,omitempty"`
	Doubt string   `json:"doubt,omitempty"`
}

// VectorShares counts private vectors that are ready.
type VectorShares struct {
	Ready  int   `json:"ready"`
	ToMove int   `json:"to_move"` // of them, which wait for new shares
	Moving int   `json:"moving"`  // of them, which are being moved, or whose old shares are being erased
	Stay   int   `json:"stay"`    // of them, of which the last move failed
	Lost   int   `json:"lost"`    // of them, which too few nodes have shares of
	Oldest int64 `json:"oldest"`  // since when the oldest shares are in force, Unix milliseconds; 0: there are none
	// Waits are the nodes that moves under way wait for.
	Waits []string `json:"waits,omitempty"`
}

// BlobStatus is how the node's blobs fare. Counts are since the node was started.
type BlobStatus struct {
	Stored    int64 `json:"stored"`
	Bytes     int64 `json:"bytes"`
	Damaged   int   `json:"damaged"`    // waiting for repair now
	Found     int64 `json:"found"`      // damaged or lost, on reading or by a scrub
	Repaired  int64 `json:"repaired"`   // of them
	Lost      int64 `json:"lost"`       // of them, which no node has any more
	Scrubbed  int64 `json:"scrubbed"`   // read and compared with their digests by scrubs
	Scrubs    int64 `json:"scrubs"`     // that went through the whole store
	LastScrub int64 `json:"last_scrub"` // its end, Unix milliseconds; 0: none yet
	Collected int64 `json:"collected"`  // deleted, since nothing had named them for days

	// Of a node whose blobs an object store keeps: those that it has, those that lie on the disk alone, and why the last
	// upload failed.
	Uploaded    int    `json:"uploaded,omitempty"`
	Waiting     int    `json:"waiting,omitempty"`
	UploadFault string `json:"upload_fault,omitempty"`
}

// LedgerStatus is a node's view of the replicated log.
type LedgerStatus struct {
	State     string `json:"state"` // follower, candidate, leader or shutdown
	Leader    string `json:"leader,omitempty"`
	Term      uint64 `json:"term"`
	LastIndex uint64 `json:"last_index"`
	Commit    uint64 `json:"commit_index"`
	Applied   uint64 `json:"applied_index"`
	Entries   uint64 `json:"entries"`             // of the evidence log
	TreeRoot  string `json:"tree_root,omitempty"` // hex
	Snapshot  uint64 `json:"snapshot_index"`      // of the newest snapshot
	// LastContactMS is the time since a follower heard from its leader, −1 when it never
	// did.
	LastContactMS int64    `json:"last_contact_ms"`
	StateBytes    int64    `json:"state_bytes"`
	LogWrites     uint64   `json:"log_writes"`             // of raft's log since the start, each with an fsync
	StateWrites   uint64   `json:"state_writes"`           // likewise of the state
	StateDigest   string   `json:"state_digest,omitempty"` // hex; of the state after StateEntries entries
	StateEntries  uint64   `json:"state_entries,omitempty"`
	FreeBytes     uint64   `json:"free_bytes"` // of the disk
	Members       []Member `json:"members"`
	Fault         string   `json:"fault,omitempty"`
	// Incarnation names the node's ledger among those that it has had, in hexadecimal;
	// empty: it is the first.
	Incarnation string `json:"incarnation,omitempty"`
	NoVote      string `json:"no_vote,omitempty"` // why the node neither votes nor leads
}

// Member is a voter of the replicated log.
type Member struct {
	ID   string `json:"id"`
	Addr string `json:"addr"`
}
