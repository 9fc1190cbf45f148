package roster

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// How often the roster of a cluster may change: MaxChanges in all, of which operators make MaxAlone at most by
// replacing machines, which each does alone, so that enough are left for rosters that most seats want.
const (
	MaxChanges = 1000
	MaxAlone   = 800
)

// How often the machine in a seat may be replaced, or moved: MaxOfSeat times in all, and MaxInTime times within Time. Nobody
// uses up by that what others need, nor keeps keys from being shared anew. A seat that needs more is
// given up for a new one, which others have to approve.
const (
	MaxOfSeat = 50
	MaxInTime = 10
	Time      = 30 * 24 * 3600 * 1000 // milliseconds of the state's clock
)

// Replace puts another machine into a seat of the roster, or gives the machine in it
// other addresses. Node has the id, point, institution and operator of the seat. Previous
// is the digest of the envelope that changed the roster last, or founded the cluster. The
// seat's operator signs it.
type Replace struct {
	Previous catalog.Digest `json:"previous"`
	Node     catalog.Node   `json:"node"`
	// KeysLost says that the share of the machine before is lost whatever is decided, so that the
	// seat may get another one although keys are lost with it. Without it they keep the old machine
	// in its seat until others have their shares.
	KeysLost bool `json:"keys_lost,omitempty"`
}

// What bounds changes of the roster, in milliseconds of the state's clock.
const (
	MaxProposalAge = 30 * 24 * 3600 * 1000 // a proposal waits for approvals
	MaxErasing     = 7 * 24 * 3600 * 1000  // a seat that leaves may take to erase its old shares
)

// Propose proposes another roster: who has a seat, and how many open together. Seats
// that stay are as they are but for their points, keep their order, and come before new ones.
// Previous is as in Replace. It is its signer's approval too. Machines that are replaced before it is approved change
// nothing of what it says: seats stay with the machine that is in them then (Rebased).
type Propose struct {
	Previous  catalog.Digest `json:"previous"`
	Threshold int            `json:"threshold"`
	Nodes     []catalog.Node `json:"nodes"`
}

// Approve approves a proposal, the digest of whose envelope it names.
type Approve struct {
	Proposal catalog.Digest `json:"proposal"`
}

// Withdraw takes a proposal back.
type Withdraw struct {
	Proposal catalog.Digest `json:"proposal"`
}

// Left ends the membership of a seat that leaves and holds nothing any more.
type Left struct {
	Node string `json:"node"`
}

// MoveKey approves that the publisher's key is shared anew to the roster, the digest of whose
// last change it names.
type MoveKey struct {
	Key    string         `json:"key"`
	Roster catalog.Digest `json:"roster"`
}

// Proposal is a roster that was proposed and waits for approvals.
type Proposal struct {
	Envelope  catalog.Envelope   `json:"envelope"`
	Approvals []catalog.Envelope `json:"approvals,omitempty"` // beside the proposer's
	Proposed  int64              `json:"proposed"`
}

// SignedBy reports whether an operator made or approved the proposal.
func (p Proposal) SignedBy(operator string) bool {
	return p.Envelope.Signer == operator || slices.ContainsFunc(p.Approvals, func(e catalog.Envelope) bool { return e.Signer == operator })
}

// Change is an entry that made or changed the roster: the founding, then machines put
// into seats, and other rosters. Whoever knows the cluster's id can check all of them.
type Change struct {
	Seq       uint64             `json:"seq"`
	At        int64              `json:"at,omitempty"` // the state's clock
	Envelope  catalog.Envelope   `json:"envelope"`
	Approvals []catalog.Envelope `json:"approvals,omitempty"` // of another roster
	Before    *catalog.Node      `json:"before,omitempty"`    // of a Replace: what was in the seat
	Seats     *Seats             `json:"seats,omitempty"`     // of another roster: what was before
}

// Seats are who has one at a time.
type Seats struct {
	Threshold int               `json:"threshold"`
	Nodes     []catalog.Node    `json:"nodes"`
	Leaving   []catalog.Leaving `json:"leaving,omitempty"`
}
