package client

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/node/api/wire"
)

// Cluster reads the cluster's record and compares it with the profile. A machine that was put
// into its seat after the profile was made is believed on the word of the seat's operator,
// whom the founding names: the cluster's id is the founding's digest (attest.Rosters).
func (c *Client) Cluster(ctx context.Context) (catalog.Cluster, error) {
	rosters, err := c.Rosters(ctx)
	if err != nil {
		return catalog.Cluster{}, err
	}
	return rosters[len(rosters)-1], nil
}

// Rosters are the cluster as it was founded and after each change of its roster, of which the
// last is as it is now. While the roster is the one that the profile pins, it is the only one.
func (c *Client) Rosters(ctx context.Context) ([]catalog.Cluster, error) {
	cluster, err := Get[catalog.Cluster](ctx, c, Call{Path: "/v1/cluster"})
	switch {
	case err != nil:
		return nil, err
	case cluster.ID != c.profile.Cluster:
		return nil, fmt.Errorf("%w: the node belongs to cluster %s, pinned is %s", ErrPinned, cluster.ID, c.profile.Cluster)
	case len(cluster.Nodes) != len(c.profile.Nodes):
		return nil, fmt.Errorf("%w: the roster has %d nodes, pinned are %d", ErrPinned, len(cluster.Nodes), len(c.profile.Nodes))
	case cluster.Threshold < 2 || cluster.Threshold > len(cluster.Nodes):
		return nil, fmt.Errorf("%w: a threshold of %d of %d nodes", ErrPinned, cluster.Threshold, len(cluster.Nodes))
	case cluster.Changes < c.profile.Changes:
		return nil, fmt.Errorf("%w: the node knows %d changes of the roster, pinned is the roster after %d", ErrPinned, cluster.Changes, c.profile.Changes)
	}
	if cluster.Changes == 0 {
		if id, ok := c.profile.pins(cluster); !ok {
			return nil, fmt.Errorf("%w: node %s has another key or is not pinned", ErrPinned, id)
		}
		return []catalog.Cluster{cluster}, nil
	}
	rosters, err := c.provenRosters(ctx, cluster)
	if err == nil {
		p := c.profile.After(rosters)
		c.renewed.Store(&p)
	}
	return rosters, err
}

// provenRosters reads what made the roster and checks it. One of the rosters is the one that
// the profile pins, and the last one has the keys of the record.
func (c *Client) provenRosters(ctx context.Context, cluster catalog.Cluster) ([]catalog.Cluster, error) {
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return nil, err
	}
	rosters, err := attest.Rosters(c.profile.Cluster, envelopes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPinned, err)
	}
	if len(rosters) <= max(cluster.Changes, c.profile.Changes) {
		return nil, fmt.Errorf("%w: the node tells %d changes of the roster, and there are %d", ErrPinned, len(rosters)-1, cluster.Changes)
	}
	if id, ok := c.profile.pins(rosters[c.profile.Changes]); !ok {
		return nil, fmt.Errorf("%w: node %s has another key than in the roster after %d changes", ErrPinned, id, c.profile.Changes)
	}
	last := &rosters[len(rosters)-1]
	last.Time, last.Since = cluster.Time, cluster.Since
	return rosters, nil
}

// pins reports whether the profile pins the keys of all nodes; if not, which it does not.
func (p Profile) pins(c catalog.Cluster) (id string, ok bool) {
	for _, n := range c.Nodes {
		if pinned, ok := p.Node(n.ID); !ok || !bytes.Equal(pinned.Key, n.Key) {
			return n.ID, false
		}
	}
	return "", true
}

// After is the profile that pins the last of some rosters. The keys before stay known: what
// they have signed is still proof. Addresses stay that the changes since do not touch: they
// may lead to a node in a way of the profile's owner.
func (p Profile) After(rosters []catalog.Cluster) Profile {
	last := rosters[len(rosters)-1]
	seen := rosters[min(p.Changes, len(rosters)-1)]
	p.Changes, p.Nodes = last.Changes, slices.Clone(p.Nodes)
	for i := range p.Nodes {
		n := &p.Nodes[i]
		at := slices.IndexFunc(last.Nodes, func(m catalog.Node) bool { return m.ID == n.ID })
		if at < 0 {
			continue
		}
		if api := last.Nodes[at].API; api != seen.Nodes[at].API {
			if p.Addr == n.Addr {
				p.Addr = api
			}
			n.Addr = api
		}
		n.Key, n.Former = last.Nodes[at].Key, nil
		for _, c := range rosters {
			if k := c.Nodes[at].Key; !bytes.Equal(k, n.Key) && !slices.ContainsFunc(n.Former, func(f []byte) bool { return bytes.Equal(f, k) }) {
				n.Former = append(n.Former, k)
			}
		}
	}
	return p
}

// Renewed is the profile that pins the roster as it is now, where this client has met another
// one than its profile pins.
func (c *Client) Renewed() (p Profile, newer bool) {
	renewed := c.renewed.Load()
	if renewed == nil || renewed.Changes == c.profile.Changes {
		return c.profile, false
	}
	return *renewed, true
}

// RosterEnvelopes reads the entries that made the roster, the founding first. They are not
// checked: see attest.Rosters.
func (c *Client) RosterEnvelopes(ctx context.Context) ([]catalog.Envelope, error) {
	chain, err := Get[wire.Roster](ctx, c, Call{Path: "/v1/roster"})
	if err != nil {
		return nil, fmt.Errorf("read what changed the roster: %w", err)
	}
	envelopes := make([]catalog.Envelope, len(chain.Changes))
	for i, x := range chain.Changes {
		envelopes[i] = x.Envelope
	}
	return envelopes, nil
}

// ReplaceSeat puts a machine into the seat that it names, for the seat's operator.
func (c *Client) ReplaceSeat(ctx context.Context, n catalog.Node) (wire.Submitted, error) {
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return wire.Submitted{}, err
	}
	if _, err := attest.Rosters(c.profile.Cluster, envelopes); err != nil {
		return wire.Submitted{}, fmt.Errorf("%w: %w", ErrPinned, err)
	}
	previous := envelopes[len(envelopes)-1].Digest()
	return c.Submit(ctx, catalog.KindSeatReplace, catalog.SeatReplace{Previous: previous, Node: n})
}
