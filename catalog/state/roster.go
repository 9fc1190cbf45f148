package state

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// proposeRoster proposes other seats or another threshold. An operator has one proposal at a
// time, so that nobody keeps others from proposing.
func proposeRoster(c *applyContext, b roster.Propose) error {
	last, err := records.Find[roster.Change](c.tx, records.RosterKey(c.cluster.Changes))
	if err != nil {
		return err
	}
	switch {
	case c.cluster.Changes >= roster.MaxChanges:
		return catalog.Conflict("changes", "seat.many", roster.MaxChanges)
	case b.Previous != last.Envelope.Digest():
		return catalog.Conflict("previous", "seat.previous", b.Previous, last.Envelope.Digest())
	case !roster.HasSeat(c.cluster.Nodes, c.signer.Key):
		return catalog.Forbidden("seat", "roster.no_seat", c.signer.Name)
	}
	if err := c.seating().check(b); err != nil { // as it was proposed
		return err
	}
	c.out.ID = c.digest.String()
	return c.tally(c.signer.ID, b, roster.Proposal{Envelope: c.signed, Proposed: c.now})
}

// approveRoster takes an operator's approval: of a seat as it is, or of one that is proposed.
func approveRoster(c *applyContext, b roster.Approve) error {
	proposer, p, body, err := findProposal(c.tx, b.Proposal)
	if err != nil {
		return err
	}
	switch {
	case c.now > p.Proposed+roster.MaxProposalAge:
		return catalog.Conflict("expired", "roster.expired", b.Proposal, int64(roster.MaxProposalAge/(24*3600*1000)))
	case !roster.HasSeat(append(slices.Clone(c.cluster.Nodes), body.Nodes...), c.signer.Key):
		return catalog.Forbidden("seat", "roster.no_seat", c.signer.Name)
	case p.SignedBy(c.signer.ID):
		return catalog.Conflict("twice", "roster.approved", c.signer.Name, b.Proposal)
	}
	p.Approvals = append(p.Approvals, c.signed)
	c.out.ID = b.Proposal.String()
	return c.tally(proposer, body, p)
}

// withdrawRoster takes a proposal back. Whoever made it may.
func withdrawRoster(c *applyContext, b roster.Withdraw) error {
	proposer, _, _, err := findProposal(c.tx, b.Proposal)
	if err != nil {
		return err
	}
	if proposer != c.signer.ID {
		return catalog.Forbidden("proposer", "roster.proposer", b.Proposal)
	}
	c.out.ID = b.Proposal.String()
	return records.Remove(c.tx, records.PrefixProposal+proposer)
}

// findProposal finds the proposal of that digest, and who made it.
func findProposal(r records.Reader, digest catalog.Digest) (proposer string, p roster.Proposal, body roster.Propose, err error) {
	all, err := records.List[roster.Proposal](r, records.PrefixProposal)
	if err != nil {
		return "", p, body, err
	}
	i := slices.IndexFunc(all, func(p roster.Proposal) bool { return p.Envelope.Digest() == digest })
	if i < 0 {
		return "", p, body, catalog.Refuse(catalog.RefusedUnknown, "unknown", "roster.none", digest)
	}
	payload, err := catalog.ParsePayload(all[i].Envelope.Payload)
	if err == nil {
		err = catalog.DecodeStrict(payload.Body, &body)
	}
	if err != nil {
		err = fmt.Errorf("read proposal %s: %w", digest, err)
	}
	return all[i].Envelope.Signer, all[i], body, err
}

// tally stores a proposal, or makes it the roster when enough have approved it (roster.Count).
func (c *applyContext) tally(proposer string, b roster.Propose, p roster.Proposal) error {
	b = roster.Rebased(*c.cluster, b)
	if err := c.seating().check(b); err != nil {
		return err
	}
	count := roster.Count(*c.cluster, b, func(operator []byte) bool { return p.SignedBy(catalog.PrincipalID(operator)) })
	if !count.Enough() {
		return records.Put(c.tx, records.PrefixProposal+proposer, p)
	}
	before := roster.Seats{Threshold: c.cluster.Threshold, Nodes: c.cluster.Nodes, Leaving: c.cluster.Leaving}
	old := c.cluster.Roster()
	cluster := roster.Seated(*c.cluster, b.Nodes, b.Threshold, c.seq) // others may be reading the one that is there
	c.cluster = &cluster
	if err := c.changeRoster(roster.Change{Envelope: p.Envelope, Approvals: p.Approvals, Seats: &before}); err != nil {
		return err
	}
	if err := dropMoves(c.tx); err != nil {
		return err
	}
	for _, n := range b.Nodes {
		if old.Point(n.ID) > 0 {
			continue
		}
		if err := ackAnew(c.tx, n.ID); err != nil {
			return err
		}
	}
	return nil
}

// letMove takes a publisher's approval that its key moves to the roster as it is now, which it
// names. Nobody else can bring a share of the key into other hands.
func letMove(c *applyContext, b roster.MoveKey) error {
	k, err := load[catalog.Key](c.tx, records.PrefixKey+b.Key, "unknown.key", b.Key)
	if err != nil {
		return err
	}
	last, err := records.Find[roster.Change](c.tx, records.RosterKey(c.cluster.Changes))
	if err != nil {
		return err
	}
	to := c.cluster.Roster()
	switch {
	case k.Publisher != c.signer.ID:
		return catalog.Forbidden("owner", "key.owner", k.ID, k.Publisher)
	case k.State != catalog.KeyReady:
		return catalog.Conflict("key_state", "key.attempt_state", k.Attempt, k.ID, k.State)
	case b.Roster != last.Envelope.Digest():
		return catalog.Conflict("previous", "seat.previous", b.Roster, last.Envelope.Digest())
	case k.Roster().Equal(to):
		return catalog.Conflict("moved", "key.moved", k.ID)
	case k.Refreshing(), k.Refresh != nil && k.Refresh.To != nil:
		return catalog.Conflict("refresh", "key.refreshing", k.ID)
	}
	attempt := 0
	if k.Refresh != nil {
		attempt = k.Refresh.Attempt // its number is not used again
	}
	k.Refresh = &catalog.Refresh{State: catalog.KeyWanted, Wanted: c.now, Attempt: attempt, To: &to, Approved: &catalog.KeyMoved{Envelope: c.signed, Key: c.signer.Key}}
	c.out.ID = k.ID
	return cmp.Or(todo(c.tx, true, records.PrefixTodoRefresh+k.ID, ""), records.Put(c.tx, records.PrefixKey+k.ID, k))
}

// leftSeat ends the membership of a seat that leaves. Any node may say so: it follows from the
// state. A node that does not erase what it has of a retired sharing is waited for only so
// long: it may be gone with its disk, and with fewer than t such it is of no use.
func leftSeat(c *applyContext, b roster.Left) error {
	at := slices.IndexFunc(c.cluster.Leaving, func(l catalog.Leaving) bool { return l.Node.ID == b.Node })
	if at < 0 {
		return catalog.Conflict("leaving", "seat.stays", b.Node)
	}
	if r, err := judge.SeatHolds(c.tx, b.Node, c.now); err != nil || r != nil {
		return cmp.Or[error](err, r)
	}
	keys, err := records.List[catalog.Key](c.tx, records.PrefixKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		i := k.Before().Point(b.Node)
		if k.Retired == nil || i == 0 {
			continue
		}
		k.Retired = erasedAt(*k.Retired, i-1)
		if err := records.Put(c.tx, records.PrefixKey+k.ID, k); err != nil {
			return err
		}
	}
	versions, err := records.List[catalog.Version](c.tx, records.PrefixVersion)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if !slices.Contains(v.Acks, b.Node) {
			continue
		}
		v.Acks = slices.DeleteFunc(v.Acks, func(id string) bool { return id == b.Node })
		if err := records.Put(c.tx, records.PrefixVersion+records.VersionName(v.Dataset, v.Version), v); err != nil {
			return err
		}
	}
	cluster := *c.cluster
	cluster.Leaving = slices.Delete(slices.Clone(cluster.Leaving), at, at+1)
	c.cluster, c.out.ID = &cluster, b.Node
	all, err := records.List[resharing.Move](c.tx, records.PrefixMove)
	if err != nil {
		return err
	}
	for _, m := range all { // of those under way none has it as a member
		if m.State != resharing.Erasing {
			continue
		}
		if err := c.moves().forgetGone(m); err != nil {
			return err
		}
	}
	return cmp.Or(records.RemoveAll(c.tx, records.PrefixTodoAck+b.Node+"/", ""), records.Put(c.tx, records.KeyCluster, cluster))
}
