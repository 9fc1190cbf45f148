package govern

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Left are the seats that were given up and are no members any more. That they were given up is proved; that
// nothing is left of them is a node's word.
func Left(ctx context.Context, c *client.Client) (left []string, err error) {
	proved, err := c.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	said, err := client.Get[catalog.Cluster](ctx, c, client.Call{Path: "/v1/cluster"})
	for _, l := range proved.Leaving {
		if !slices.ContainsFunc(said.Leaving, func(x catalog.Leaving) bool { return x.Node.ID == l.Node.ID }) {
			left = append(left, l.Node.ID)
		}
	}
	return left, err
}

// ReplaceSeat puts a machine into the seat that it names, for the seat's operator. keysLost is
// roster.Replace's.
func ReplaceSeat(ctx context.Context, c *client.Client, n catalog.Node, keysLost bool) (wire.Submitted, error) {
	_, since, err := lastRoster(ctx, c)
	if err != nil {
		return wire.Submitted{}, err
	}
	return c.Submit(ctx, catalog.KindSeatReplace, roster.Replace{Previous: since[len(since)-1], Node: n, KeysLost: keysLost})
}

// lastRoster is the cluster as it is now, proved by those who had to sign it, and the changes that made
// the roster what it is (attest.SameSeats), of which the next change names the last.
func lastRoster(ctx context.Context, c *client.Client) (catalog.Cluster, []catalog.Digest, error) {
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return catalog.Cluster{}, nil, err
	}
	rosters, err := attest.Rosters(c.Profile().Cluster, envelopes)
	if err != nil {
		return catalog.Cluster{}, nil, fmt.Errorf("%w: %w", client.ErrPinned, err)
	}
	return rosters[len(rosters)-1], attest.SameSeats(envelopes), nil
}

// Proposal is a roster that was proposed, read and checked here.
type Proposal struct {
	ID        catalog.Digest
	Now       catalog.Cluster // the roster that it is to follow
	Body      roster.Propose
	Proposer  string // an operator's id
	Approved  []string
	Approvals roster.Approvals // what it has and lacks
	Proposed  int64
}

// Comes are the nodes that would get a seat.
func (p Proposal) Comes() (nodes []catalog.Node) {
	for _, n := range p.Body.Nodes {
		if p.Now.Roster().Point(n.ID) == 0 {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Goes are the nodes that would lose theirs.
func (p Proposal) Goes() (nodes []catalog.Node) {
	next := catalog.Cluster{Nodes: p.Body.Nodes}.Roster()
	for _, n := range p.Now.Nodes {
		if next.Point(n.ID) == 0 {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Newcomers are the institutions that would get a seat and have not approved.
func (p Proposal) Newcomers() (names []string) {
	for _, n := range p.Approvals.Newcomers {
		if !slices.Contains(names, n.Institution) {
			names = append(names, n.Institution)
		}
	}
	return names
}

// Proposals reads the rosters that wait for approvals. Each follows the present roster, and
// counts only approvals whose signatures hold.
func Proposals(ctx context.Context, c *client.Client) ([]Proposal, error) {
	now, since, err := lastRoster(ctx, c)
	if err != nil {
		return nil, err
	}
	chain, err := client.Get[wire.Roster](ctx, c, client.Call{Path: "/v1/roster"})
	if err != nil {
		return nil, fmt.Errorf("read the proposals of rosters: %w", err)
	}
	var all []Proposal
	for _, p := range chain.Proposals {
		body, approved, err := attest.Proposed(now, since, p)
		if err != nil {
			return nil, fmt.Errorf("%w: proposal %s: %w", client.ErrPinned, p.Envelope.Digest(), err)
		}
		body = roster.Rebased(now, body)
		all = append(all, Proposal{
			ID: p.Envelope.Digest(), Now: now, Body: body, Proposer: p.Envelope.Signer, Approved: approved, Proposed: p.Proposed,
			Approvals: roster.Count(now, body, func(operator []byte) bool { return slices.Contains(approved, catalog.PrincipalID(operator)) }),
		})
	}
	return all, nil
}

// ProposeRoster proposes a roster for an operator with a seat: seats are given up, and added with
// the nodes that fresh has, whatever their points. Threshold 0 is the present one.
func ProposeRoster(ctx context.Context, c *client.Client, threshold int, without []string, fresh []catalog.Node) (wire.Submitted, error) {
	now, since, err := lastRoster(ctx, c)
	if err != nil {
		return wire.Submitted{}, err
	}
	b := roster.Propose{Previous: since[len(since)-1], Threshold: cmp.Or(threshold, now.Threshold)}
	for _, n := range append(slices.Clone(now.Nodes), fresh...) {
		if !slices.Contains(without, n.ID) {
			n.Point = len(b.Nodes) + 1
			b.Nodes = append(b.Nodes, n)
		}
	}
	return c.Submit(ctx, catalog.KindRosterPropose, b)
}

// ApproveRoster approves a proposal.
func ApproveRoster(ctx context.Context, c *client.Client, proposal catalog.Digest) (wire.Submitted, error) {
	return c.Submit(ctx, catalog.KindRosterApprove, roster.Approve{Proposal: proposal})
}

// WithdrawRoster takes a proposal back.
func WithdrawRoster(ctx context.Context, c *client.Client, proposal catalog.Digest) (wire.Submitted, error) {
	return c.Submit(ctx, catalog.KindRosterWithdraw, roster.Withdraw{Proposal: proposal})
}

// MoveKey approves, for the key's publisher, that it moves to the roster as it is now, which is
// returned.
func MoveKey(ctx context.Context, c *client.Client, key string) (catalog.Cluster, error) {
	now, since, err := lastRoster(ctx, c)
	if err != nil {
		return now, err
	}
	_, err = c.Submit(ctx, catalog.KindKeyMove, roster.MoveKey{Key: key, Roster: since[len(since)-1]})
	return now, err
}
