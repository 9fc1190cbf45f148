package operator

import (
	"context"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/desk/route"
	"github.com/weirdata/weir/node/founding"
)

// Roster answers GET /api/roster.
type Roster struct {
	Threshold int        `json:"threshold"`
	Changes   int        `json:"changes"` // how often it has changed
	Level     int        `json:"level"`   // the cluster's feature level
	Seats     []Seat     `json:"seats"`
	Proposals []Proposal `json:"proposals"`
}

// Seat is a node's seat, and who holds it.
type Seat struct {
	Node        string `json:"node"`
	Institution string `json:"institution"`
	Operator    string `json:"operator"` // a principal's id
	Addr        string `json:"addr"`     // for nodes
	API         string `json:"api"`      // for clients
	Key         string `json:"key"`      // its fingerprint, to compare by phone
}

// Proposal is a roster that waits for approvals.
type Proposal struct {
	Proposal  string   `json:"proposal"`
	Proposer  string   `json:"proposer"`
	Proposed  int64    `json:"proposed"`
	Threshold int      `json:"threshold"`
	Nodes     int      `json:"nodes"` // that it would have
	Comes     []Seat   `json:"comes"`
	Goes      []Seat   `json:"goes"`
	Seats     int      `json:"seats"`  // that approve
	Needed    int      `json:"needed"` // of them
	Newcomers []string `json:"newcomers"`
	Mine      bool     `json:"mine"` // the desk's key has approved it
}

func seatOf(n catalog.Node) Seat {
	return Seat{n.ID, n.Institution, catalog.PrincipalID(n.Operator), n.Addr, n.API, founding.Fingerprint(n.Key)}
}

func seatsOf(nodes []catalog.Node) []Seat {
	out := []Seat{}
	for _, n := range nodes {
		out = append(out, seatOf(n))
	}
	return out
}

func (o *Operator) roster(ctx context.Context, _ none) (Roster, error) {
	cluster, err := o.client.Cluster(ctx)
	if err != nil {
		return Roster{}, err
	}
	proposals, err := govern.Proposals(ctx, o.client)
	if err != nil {
		return Roster{}, err
	}
	out := Roster{Threshold: cluster.Threshold, Changes: cluster.Changes, Level: cluster.FeatureLevel(), Seats: seatsOf(cluster.Nodes), Proposals: []Proposal{}}
	for _, p := range proposals {
		out.Proposals = append(out.Proposals, Proposal{
			Proposal: p.ID.String(), Proposer: p.Proposer, Proposed: p.Proposed, Threshold: p.Body.Threshold, Nodes: len(p.Body.Nodes),
			Comes: seatsOf(p.Comes()), Goes: seatsOf(p.Goes()), Seats: p.Approvals.Seats, Needed: p.Approvals.Needed, Newcomers: append([]string{}, p.Newcomers()...),
			Mine: o.client.Key() != nil && slices.Contains(p.Approved, o.client.Key().ID()),
		})
	}
	return out, nil
}

// proposed is a proposal.
type proposed struct {
	Proposal string `path:"proposal"`
}

func (o *Operator) approve(ctx context.Context, in proposed) (none, error) {
	if o.client.Key() == nil {
		return none{}, client.ErrNoKey
	}
	all, err := govern.Proposals(ctx, o.client)
	if err != nil {
		return none{}, err
	}
	for _, p := range all {
		if p.ID.String() == in.Proposal {
			_, err := govern.ApproveRoster(ctx, o.client, p.ID)
			return none{}, err
		}
	}
	return none{}, route.NotFound("no such roster is proposed", "one that was approved, withdrawn or overtaken by another change is gone")
}
