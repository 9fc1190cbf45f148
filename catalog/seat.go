package catalog

import "slices"

// MaxRosterChanges is how often the roster of a cluster may change.
const MaxRosterChanges = 500

// SeatReplace puts another machine into a seat of the roster, or gives the machine in it
// other addresses. Node has the id, point, institution and operator of the seat. Previous
// is the digest of the envelope that changed the roster last, or founded the cluster. The
// seat's operator signs it.
type SeatReplace struct {
	Previous Digest `json:"previous"`
	Node     Node   `json:"node"`
}

// What bounds changes of the roster, in milliseconds of the state's clock.
const (
	MaxProposalAge = 30 * 24 * 3600 * 1000 // a proposal waits for approvals
	MaxErasing     = 7 * 24 * 3600 * 1000  // a seat that leaves may take to erase its old shares
)

// RosterPropose proposes another roster: who has a seat, and how many open together. Seats
// that stay are as they are but for their points, keep their order, and come before new ones.
// Previous is as in SeatReplace. It is its signer's approval too.
type RosterPropose struct {
	Previous  Digest `json:"previous"`
	Threshold int    `json:"threshold"`
	Nodes     []Node `json:"nodes"`
}

// RosterApprove approves a proposal, the digest of whose envelope it names.
type RosterApprove struct {
	Proposal Digest `json:"proposal"`
}

// RosterWithdraw takes a proposal back.
type RosterWithdraw struct {
	Proposal Digest `json:"proposal"`
}

// SeatLeft ends the membership of a seat that leaves and holds nothing any more.
type SeatLeft struct {
	Node string `json:"node"`
}

// KeyMove approves that the publisher's key is shared anew to the roster, the digest of whose
// last change it names.
type KeyMove struct {
	Key    string `json:"key"`
	Roster Digest `json:"roster"`
}

// Proposal is a roster that was proposed and waits for approvals.
type Proposal struct {
	Envelope  Envelope   `json:"envelope"`
	Approvals []Envelope `json:"approvals,omitempty"` // beside the proposer's
	Proposed  int64      `json:"proposed"`
}

// RosterChange is an entry that made or changed the roster: the founding, then machines put
// into seats, and other rosters. Whoever knows the cluster's id can check all of them.
type RosterChange struct {
	Seq       uint64     `json:"seq"`
	Envelope  Envelope   `json:"envelope"`
	Approvals []Envelope `json:"approvals,omitempty"` // of another roster
	Before    *Node      `json:"before,omitempty"`    // of a SeatReplace: what was in the seat
	Seats     *Seats     `json:"seats,omitempty"`     // of another roster: what was before
}

// Seats are who has one at a time.
type Seats struct {
	Threshold int       `json:"threshold"`
	Nodes     []Node    `json:"nodes"`
	Leaving   []Leaving `json:"leaving,omitempty"`
}

// Leaving is a seat that is no part of the roster any more and may hold shares still.
type Leaving struct {
	Node  Node   `json:"node"`
	Since uint64 `json:"since,omitempty"` // as in Cluster
}

// KeyRoster is among whom a key is shared: ids by point, and how many open it.
type KeyRoster struct {
	Nodes     []string `json:"nodes"`
	Threshold int      `json:"threshold"`
}

// Point is a node's Shamir point, 0 for one that has none.
func (r KeyRoster) Point(id string) int { return slices.Index(r.Nodes, id) + 1 }

// Equal reports whether shares of both can be computed with together.
func (r KeyRoster) Equal(o KeyRoster) bool {
	return r.Threshold == o.Threshold && slices.Equal(r.Nodes, o.Nodes)
}

// InOrder lists those ids that are in the roster, ascending points.
func (r KeyRoster) InOrder(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(r.Nodes), func(id string) bool { return !slices.Contains(ids, id) })
}

// Roster is among whom new keys are shared.
func (c Cluster) Roster() KeyRoster {
	r := KeyRoster{Threshold: c.Threshold}
	for _, n := range c.Nodes {
		r.Nodes = append(r.Nodes, n.ID)
	}
	return r
}
