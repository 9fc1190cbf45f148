package attest

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
)

// Rosters checks what made the roster of the cluster with that id: the founding, whose
// digest is the id, then machines that were put into its seats, each signed by the operator
// of the seat, and other rosters, each followed by the approvals that it needs (roster.Count).
// Each names the change before it. It returns the cluster as each change left it, with every
// seat that was ever given up as leaving. Nobody but the operators has to be believed: who
// passes the entries on can only leave the last ones out.
func Rosters(id catalog.Digest, envelopes []catalog.Envelope) ([]catalog.Cluster, error) {
	if len(envelopes) == 0 || envelopes[0].Digest() != id {
		return nil, fmt.Errorf("the first entry is not the founding of cluster %s", id)
	}
	var body catalog.InitBody
	if err := readBody(envelopes[0], catalog.KindInit, "", &body); err != nil {
		return nil, fmt.Errorf("read the founding: %w", err)
	}
	c := catalog.Cluster{ID: id, Name: body.Name, Threshold: body.Threshold, Nodes: body.Nodes}
	all, ever := []catalog.Cluster{c}, body.Nodes
	since := []catalog.Digest{id} // what made these seats, and the changes of machines in them after it
	for rest := envelopes[1:]; len(rest) > 0; {
		e := rest[0]
		end := 1
		for end < len(rest) && kindOf(rest[end]) == catalog.KindRosterApprove {
			end++
		}
		var err error
		if kindOf(e) == catalog.KindRosterPropose {
			c, err = seated(all[len(all)-len(since):], ever, since, e, rest[1:end])
			since = nil
		} else if c, err = replaced(c, since[len(since)-1], e); err == nil && end > 1 {
			err = errors.New("approvals follow it")
		}
		if err != nil {
			return nil, fmt.Errorf("read change %d of the roster: %w", len(all), err)
		}
		all, ever = append(all, c), append(slices.Clip(ever), c.Nodes...)
		since, rest = append(since, e.Digest()), rest[end:]
	}
	return all, nil
}

// Made are the digests of the changes that made rosters, the founding's first, of what Rosters took.
func Made(envelopes []catalog.Envelope) (made []catalog.Digest) {
	for _, e := range envelopes {
		if kindOf(e) != catalog.KindRosterApprove {
			made = append(made, e.Digest())
		}
	}
	return made
}

// Shared checks among whom a key is shared now: those who made it, or a roster that its publisher approved. The rosters
// are proved (Rosters), and made has the change that made each (Made). It returns how many changes there were before the publisher
// approved the roster; 0: it never did, and the key is where it was made, which its statement proves. Nobody but the publisher has
// to be believed: who passes the record on can only leave out the newest approvals.
func Shared(rosters []catalog.Cluster, made []catalog.Digest, k catalog.Key) (changes int, err error) {
	if k.First == nil {
		return 0, nil
	}
	if k.Moved == nil {
		return 0, errors.New("it is not where it was made, and its publisher's approval is missing")
	}
	e, key := k.Moved.Envelope, k.Moved.Key
	var body roster.MoveKey
	if err := readBody(e, catalog.KindKeyMove, rosters[0].ID.String(), &body); err != nil {
		return 0, fmt.Errorf("read its publisher's approval: %w", err)
	}
	at := slices.Index(made, body.Roster)
	switch {
	case e.Signer != k.Publisher || catalog.PrincipalID(key) != k.Publisher || !e.Verify(key):
		return 0, fmt.Errorf("what says that it moved is not signed by %s", k.Publisher)
	case body.Key != k.ID:
		return 0, fmt.Errorf("what its publisher signed is of key %.80q", body.Key)
	case at <= 0 || at >= len(rosters):
		return 0, fmt.Errorf("its publisher approved the roster of change %s, which there is not", body.Roster)
	case !rosters[at].Roster().Equal(k.Roster()):
		return 0, fmt.Errorf("its publisher approved that %q have it, %d of which open it, not %q and %d",
			rosters[at].Roster().Nodes, rosters[at].Threshold, k.Nodes, k.Threshold)
	}
	return at, nil
}

// SameSeats are the digests that a proposal may follow, of what Rosters took: of the change that made the
// seats what they are, and of those after it, which put machines into them.
func SameSeats(envelopes []catalog.Envelope) (since []catalog.Digest) {
	for _, e := range envelopes {
		switch kindOf(e) {
		case catalog.KindRosterApprove:
			continue
		case catalog.KindRosterPropose:
			since = nil
		default:
		}
		since = append(since, e.Digest())
	}
	return since
}

// Entries are a roster's changes as Rosters takes them.
func Entries(changes []roster.Change) []catalog.Envelope {
	var all []catalog.Envelope
	for _, x := range changes {
		all = append(append(all, x.Envelope), x.Approvals...)
	}
	return all
}

// kindOf is the kind of an envelope; empty where it cannot be read.
func kindOf(e catalog.Envelope) catalog.Kind {
	p, err := catalog.ParsePayload(e.Payload)
	if err != nil {
		return ""
	}
	return p.Kind
}

// seated is the last of some clusters with another roster. They are those since the change that made the seats,
// each with the machines of its time, and since has the change that made each. ever are all machines that were in a seat.
func seated(clusters []catalog.Cluster, ever []catalog.Node, since []catalog.Digest, e catalog.Envelope, approvals []catalog.Envelope) (catalog.Cluster, error) {
	c := clusters[len(clusters)-1]
	body, approved, err := Proposed(c, since, roster.Proposal{Envelope: e, Approvals: approvals})
	if err != nil {
		return c, err
	}
	rebased := roster.Rebased(c, body)
	for _, x := range []struct {
		at   catalog.Cluster
		body roster.Propose
	}{{clusters[slices.Index(since, body.Previous)], body}, {c, rebased}} {
		// A seat leaves for good by what the nodes say, which no operator signs: how many are leaving
		// still is for the ledger's state to bound.
		x.at.Leaving = nil
		if r := roster.Check(x.at, ever, x.body); r != nil {
			return c, fmt.Errorf("no such roster can follow: %s", r.Reason)
		}
	}
	count := roster.Count(c, rebased, func(operator []byte) bool { return slices.Contains(approved, catalog.PrincipalID(operator)) })
	if !count.Enough() {
		return c, fmt.Errorf("operators of %d seats approve it, want %d, and %d new seats are of operators who do not", count.Seats, count.Needed, len(count.Newcomers))
	}
	return roster.Seated(c, rebased.Nodes, rebased.Threshold, 0), nil
}

// Proposed reads a proposal that is to follow a cluster's roster, made by one of the changes since (SameSeats), and
// returns the ids of the operators who have made or approved it. Whose signature does not hold is an error.
func Proposed(c catalog.Cluster, since []catalog.Digest, p roster.Proposal) (body roster.Propose, approved []string, err error) {
	if err := readBody(p.Envelope, catalog.KindRosterPropose, c.ID.String(), &body); err != nil {
		return body, nil, err
	}
	if !slices.Contains(since, body.Previous) {
		return body, nil, fmt.Errorf("it follows %s, which is none of the %d changes that made the roster what it is", body.Previous, len(since))
	}
	id := p.Envelope.Digest()
	for i, e := range append([]catalog.Envelope{p.Envelope}, p.Approvals...) {
		seats := c.Nodes // whose operators may propose; those of new seats may approve
		if i > 0 {
			seats = append(slices.Clone(seats), body.Nodes...)
			var approve roster.Approve
			if err := readBody(e, catalog.KindRosterApprove, c.ID.String(), &approve); err != nil {
				return body, nil, err
			}
			if approve.Proposal != id {
				return body, nil, fmt.Errorf("approval %d is of %s, not of %s", i, approve.Proposal, id)
			}
		}
		at := slices.IndexFunc(seats, func(n catalog.Node) bool { return catalog.PrincipalID(n.Operator) == e.Signer })
		if at < 0 || len(seats[at].Operator) != ed25519.PublicKeySize || !e.Verify(seats[at].Operator) {
			return body, nil, fmt.Errorf("%.80q has not signed it, or has no seat", e.Signer)
		}
		if slices.Contains(approved, e.Signer) {
			return body, nil, fmt.Errorf("%.80q has approved it twice", e.Signer)
		}
		approved = append(approved, e.Signer)
	}
	return body, approved, nil
}

// replaced is the cluster after another machine was put into a seat.
func replaced(c catalog.Cluster, previous catalog.Digest, e catalog.Envelope) (catalog.Cluster, error) {
	var body roster.Replace
	if err := readBody(e, catalog.KindSeatReplace, c.ID.String(), &body); err != nil {
		return c, err
	}
	n, at := body.Node, body.Node.Point-1
	switch {
	case body.Previous != previous:
		return c, fmt.Errorf("it follows %s, not %s", body.Previous, previous)
	case at < 0 || at >= len(c.Nodes) || c.Nodes[at].ID != n.ID:
		return c, fmt.Errorf("there is no node %.80q at point %d", n.ID, n.Point)
	case n.Institution != c.Nodes[at].Institution || !bytes.Equal(n.Operator, c.Nodes[at].Operator):
		return c, fmt.Errorf("it gives the seat of %s to another institution or operator", n.ID)
	case len(n.Operator) != ed25519.PublicKeySize || !e.Verify(n.Operator):
		return c, fmt.Errorf("the operator of %s has not signed it", n.ID)
	case len(n.Key) != ed25519.PublicKeySize || len(n.Sealing) != catalog.ReceivingKeySize:
		return c, fmt.Errorf("the keys of %s have %d and %d bytes, want %d and %d",
			n.ID, len(n.Key), len(n.Sealing), ed25519.PublicKeySize, catalog.ReceivingKeySize)
	}
	return roster.With(c, n), nil
}

// readBody reads the body of an envelope of a kind that is meant for a cluster.
func readBody(e catalog.Envelope, kind catalog.Kind, cluster string, body any) error {
	p, err := catalog.ParsePayload(e.Payload)
	switch {
	case err != nil:
		return err
	case p.Kind != kind || p.Cluster != cluster || p.Signer != e.Signer:
		return fmt.Errorf("it is a %q of cluster %.80q signed for %.80q, want a %q of cluster %q", p.Kind, p.Cluster, p.Signer, kind, cluster)
	}
	return catalog.DecodeStrict(p.Body, body)
}
