package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
)

// leadSeats has the ledger's members follow the roster, and lets seats go that hold nothing
// any more. A new seat's node joins without a vote, and is given one when it has what was
// committed (consensus.Options.Votes). One that leaves loses its vote when all that have seats have theirs:
// it may be gone, and must not be needed for a majority. It stays without one, since it has
// shares, until it has none. Raft changes one member at a time, and none when another change came
// between the look and the step.
func (l *leader) leadSeats(v state.View, _ map[string]bool) (list []task, err error) {
	c, err := v.Cluster()
	if errors.Is(err, records.ErrNotFound) {
		return nil, nil
	}
	if err != nil || c.Changes != l.members.Changes { // then this node is opened anew
		return nil, err
	}
	if !l.ledgerKnown { // the roster may be older than the ledger's members are
		return nil, nil
	}
	now := l.ledgerNow
	votes := now.Votes
	do := func(what, id string, run func(context.Context) error) []task {
		return append(list, task{name: fmt.Sprintf("members: %s %s", what, id), run: run})
	}
	for _, m := range roster.All(c) {
		if _, member := votes[m.ID]; !member {
			return do("take up", m.ID, func(ctx context.Context) error {
				return l.ledger.AddNonvoter(ctx, consensus.Member{ID: m.ID, Addr: m.Addr}, now.Index)
			}), nil
		}
	}
	var late []string
	for _, m := range c.Nodes {
		if !votes[m.ID] {
			late = append(late, m.ID)
		}
	}
	if len(late) > 0 {
		l.waitsFor("%s has no vote in the ledger yet: it has to be up, and to have what the others have", strings.Join(late, ", "))
	}
	// dismiss takes a vote: only when all that have seats have theirs, or those left would be too few, or nobody.
	dismiss := func(id string) []task {
		switch {
		case len(late) > 0:
			return nil
		case id == l.id:
			return do("hand over from", id, l.handOver)
		}
		return do("take the vote of", id, func(ctx context.Context) error { return l.ledger.Demote(ctx, id, now.Index) })
	}
	for _, x := range c.Leaving {
		id := x.Node.ID
		if votes[id] { // and is not said to have left before it does no more
			if list := dismiss(id); list != nil {
				return list, nil
			}
			continue
		}
		why, err := v.Holds(id)
		if err != nil {
			return nil, err
		}
		if why != nil {
			l.waitsFor("%s", explain.Message(why))
			continue
		}
		list = append(list, l.decide(id, catalog.KindSeatLeft, roster.Left{Node: id}))
	}
	for _, id := range slices.Sorted(maps.Keys(votes)) {
		switch {
		case slices.ContainsFunc(roster.All(c), func(m catalog.Node) bool { return m.ID == id }):
		case votes[id]:
			if list := dismiss(id); list != nil {
				return list, nil
			}
		default:
			return do("let go", id, func(ctx context.Context) error { return l.ledger.RemoveServer(ctx, id, now.Index) }), nil
		}
	}
	return list, nil
}

// refuseVoteless keeps another machine out of a seat while those that vote beside it, as far as this
// node has heard of them, are no majority: the new machine has no vote until they give it one,
// and the one before has no say from the entry on. What the ledger takes it could not take any more then.
func (acc *access) refuseVoteless(p catalog.Payload) error {
	if p.Kind != catalog.KindSeatReplace {
		return nil
	}
	var body roster.Replace
	if err := catalog.DecodeStrict(p.Body, &body); err != nil {
		return nil //nolint:nilerr // the ledger says what is wrong with it
	}
	at := acc.members.Roster().Point(body.Node.ID) - 1
	if at < 0 || bytes.Equal(acc.members.Nodes[at].Key, body.Node.Key) {
		return nil // no such seat, or the machine stays
	}
	voters := acc.voters()
	rest := slices.DeleteFunc(slices.Clone(voters), func(id string) bool {
		return id == body.Node.ID || id != acc.id && !acc.health.isAlive(id)
	})
	if len(rest) > len(voters)/2 {
		return nil
	}
	var wait []string
	for _, id := range acc.members.Roster().Nodes {
		if id != body.Node.ID && !slices.Contains(rest, id) {
			wait = append(wait, id)
		}
	}
	if len(wait) == 0 {
		return catalog.Conflict("votes", "seat.votes_all", body.Node.ID)
	}
	return catalog.Conflict("votes", "seat.votes", body.Node.ID, wait)
}

// handOver makes a node with a seat the leader.
func (l *leader) handOver(ctx context.Context) error {
	for _, m := range l.members.Nodes {
		if l.health.isAlive(m.ID) {
			return l.ledger.TransferLeadership(ctx, m.ID)
		}
	}
	return fmt.Errorf("no node with a seat answers: %s, which leaves, leads on", l.id)
}
