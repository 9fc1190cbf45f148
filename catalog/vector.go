package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog/assignment"
)

// A private vector is a buyer's secret number for every entity of a registry: the piece
// of a partition that it is in (a selector is a partition of one piece), or a weight. The ledger holds the commitment to it, the
// checks that it passed, and nothing of its content: its Shamir shares are blobs,
// each sealed to one node (PROTOCOL.md section 6.1).

// VectorRegister commits to a private vector. The digest of its envelope is the
// commitment, and the vector's id is made of it (VectorID). Name and Version are
// the owner's: a changed portfolio is the next version of the same name.
type VectorRegister struct {
	Name     string `json:"name"` // [a-z][a-z0-9_]*
	Version  int    `json:"version"`
	Registry string `json:"registry"`
	Entities int    `json:"entities"` // the first so many of the registry
	Rows     Digest `json:"rows"`     // RowsDigest of the registry as the owner saw it
	Bits     int    `json:"bits"`     // an entity
	// Pieces is how many pieces a partition has, each with a bit: an entity is in one or
	// in none. 0: weights.
	Pieces int `json:"pieces,omitempty"`
	// By are the attributes whose groups the partition may be asked by, ascending; none:
	// one group of all (RELEASE.md section 6.1).
	By       []string `json:"by,omitempty"`
	Decimals int      `json:"decimals,omitempty"`
	// Limits are how many bits each entity's weight may have, the lowest ones, as assignment.Pack
	// writes them; none: all have Bits. The nodes check that the others are 0.
	Limits  []byte   `json:"limits,omitempty" since:"3"`
	Modulus uint64   `json:"modulus"`
	Shares  []Digest `json:"shares"` // of the sealed shares, point 1 first
}

// Selects says whether the vector is a partition: whoever is in a piece is selected.
func (b VectorRegister) Selects() bool { return b.Pieces > 0 }

// LimitBits are how many bits the weight of each entity may have; nil: all have Bits.
func (b VectorRegister) LimitBits() ([]int32, error) {
	if len(b.Limits) == 0 {
		return nil, nil
	}
	bits, err := assignment.Unpack(b.Limits, b.Entities, MaxRegistryRows)
	if err != nil {
		return nil, fmt.Errorf("limits of weights: %w", err)
	}
	for e, n := range bits {
		if n < 0 || int(n) > b.Bits {
			return nil, fmt.Errorf("limits of weights: entity %d may have %d bits, not 0 to %d", e, n, b.Bits)
		}
	}
	return bits, nil
}

// VectorDrop ends a vector. What was answered for it exactly stays taken.
type VectorDrop struct {
	Vector string `json:"vector"`
}

// VectorHold says that the node opened its share, found it well formed and stored
// it durably, and adds its nonce to the challenge. With a Reason it says the
// opposite, and the registration has failed.
type VectorHold struct {
	Vector string `json:"vector"`
	Nonce  []byte `json:"nonce,omitempty"` // 32 bytes
	Reason Reason `json:"reason,omitzero"`
}

// VectorLine is what the node publishes in the first check, one number a run: the
// numbers of all n nodes must lie on one polynomial of degree t−1.
type VectorLine struct {
	Vector string   `json:"vector"`
	Values []uint64 `json:"values"`
}

// VectorAttempt names an active set for the second check (every entry is 0 or 1, and no
// entity is in two pieces).
type VectorAttempt struct {
	Vector  string   `json:"vector"`
	Attempt int      `json:"attempt"`
	Active  []string `json:"active"` // node ids, ascending points
}

// VectorBits is a member's additive share of what the second check opens, one
// number a run. The sums must be 0.
type VectorBits struct {
	Vector  string   `json:"vector"`
	Attempt int      `json:"attempt"`
	Values  []uint64 `json:"values"`
}

// VectorFail ends an attempt of the second check. Attempt 0 is no attempt: it ends
// a registration that has not got so far.
type VectorFail struct {
	Vector  string `json:"vector"`
	Attempt int    `json:"attempt"`
	Reason  Reason `json:"reason"`
}

// TestFailed is a member's word that the test of an exact private query failed, or with
// Witnesses that its owner's witnesses are wrong (PROTOCOL.md section 6.6). When all members of
// the attempt say so the query is over. Only a failed test gives the columns and periods
// back that the query took for its portfolio.
type TestFailed struct {
	Query     string `json:"query"`
	Attempt   int    `json:"attempt"`
	Witnesses bool   `json:"witnesses,omitempty"`
}

// VectorState is where a vector is on its way.
type VectorState string

// States of a vector.
const (
	VectorStoring  VectorState = "storing"  // waiting for n nodes to hold their shares
	VectorLining   VectorState = "lining"   // waiting for n lines
	VectorProving  VectorState = "proving"  // the second check
	VectorReady    VectorState = "ready"    // may be named by queries of its owner
	VectorRejected VectorState = "rejected" // by a check, or a node could not read its share
	VectorDropped  VectorState = "dropped"
)

// Vector is a private vector as the ledger knows it.
type Vector struct {
	VectorRegister
	ID         string      `json:"id"`
	Seq        uint64      `json:"seq"` // entry that committed to it
	Owner      string      `json:"owner"`
	Commitment Digest      `json:"commitment"`
	Nodes      []string    `json:"nodes"` // roster, point 1 first
	Threshold  int         `json:"threshold"`
	State      VectorState `json:"state"`
	Reason     Reason      `json:"reason,omitzero"`
	Nonces     [][]byte    `json:"nonces,omitempty"` // by point; nil where missing
	Lines      [][]uint64  `json:"lines,omitempty"`  // by point; nil where missing
	Attempts   []Attempt   `json:"attempts,omitempty"`
	Checks     [][]uint64  `json:"checks,omitempty"` // of the current attempt, by position in Active; nil where missing
	Created    int64       `json:"created"`
	ReadyAt    int64       `json:"ready_at,omitempty"`

	Sharing VectorSharing `json:"sharing,omitzero"` // in force; zero: as its owner dealt it
	Moving  uint64        `json:"moving,omitempty"` // the move that it is in, until its old shares are erased
	Tried   int           `json:"tried,omitempty"`  // moves that failed since it was to be moved
	Stays   Reason        `json:"stays,omitzero"`   // why the last of them failed
}

// VectorSharing is a division of a vector into shares.
type VectorSharing struct {
	Move      uint64   `json:"move"`      // entry that began the move which made it; 0: its owner did
	Nodes     []string `json:"nodes"`     // point 1 first
	Threshold int      `json:"threshold"` // of them
	At        int64    `json:"at"`        // since when it is in force
}

// InForce is the sharing that the next attempt reads the vector under.
func (v Vector) InForce() VectorSharing {
	if v.Sharing.Move == 0 {
		return VectorSharing{Nodes: v.Nodes, Threshold: v.Threshold, At: v.ReadyAt}
	}
	return v.Sharing
}

// Roster is among whom it shares the vector.
func (s VectorSharing) Roster() KeyRoster { return KeyRoster{s.Nodes, s.Threshold} }

// HeldBy are the nodes that have their shares of the sharing in force, point 1 first; "" where
// another machine is in the seat since.
func (v Vector) HeldBy(c Cluster) []string {
	s := v.InForce()
	have := c.Holding(cmp.Or(s.Move, v.Seq))
	out := slices.Clone(s.Nodes)
	for i, id := range out {
		if !slices.Contains(have, id) {
			out[i] = ""
		}
	}
	return out
}

// Holders counts them.
func (v Vector) Holders(c Cluster) int {
	return len(slices.DeleteFunc(v.HeldBy(c), func(id string) bool { return id == "" }))
}

// VectorUnder says which sharing of a vector an attempt reads it under.
type VectorUnder struct {
	ID   string `json:"id"`
	Move uint64 `json:"move"`
}

// Over says whether nothing is left to do for the registration of a vector.
func (v Vector) Over() bool {
	return v.State == VectorReady || v.State == VectorRejected || v.State == VectorDropped
}

// NewVector stands, in a request that is only previewed, for a selector of the
// caller's that is not registered yet.
const NewVector = "v-new"

// AAD binds a sealed share of a vector to all that it is for (PROTOCOL.md section 6.1):
// cluster and roster, owner, name and version, registry, its length and rows, bits,
// pieces, what it may be asked by, modulus, and the node it is sealed to.
func (b VectorRegister) AAD(c Cluster, owner string, point int) []byte {
	type bound struct {
		Protocol  string `json:"protocol"`
		Cluster   Digest `json:"cluster"`
		Nodes     []Node `json:"nodes"`
		Threshold int    `json:"threshold"`
		Owner     string `json:"owner"`
		Point     int    `json:"point"`
		VectorRegister
	}
	b.Shares = nil // what they are digests of is sealed with this
	d := Sum(Encode(bound{"weir v1 vector share", c.ID, c.Nodes, c.Threshold, owner, point, b}))
	return d[:]
}

// Codes of the reasons of private queries that are over because their test failed, or
// could not be run on what their owner sent.
const (
	CodeTest      = "test.failed_query"
	CodeWitnesses = "test.witnesses_query"
)
