package client

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
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
	rosters, _, err := c.provenRosters(ctx)
	return rosters, err
}

// provenRosters is Rosters with the digest of the change that made each.
func (c *Client) provenRosters(ctx context.Context) ([]catalog.Cluster, []catalog.Digest, error) {
	cluster, err := Get[catalog.Cluster](ctx, c, Call{Path: "/v1/cluster"})
	if err != nil {
		return nil, nil, err
	}
	return c.rostersOf(ctx, cluster)
}

// RostersOf is Rosters of what a node says that the cluster is now.
func (c *Client) RostersOf(ctx context.Context, cluster catalog.Cluster) ([]catalog.Cluster, error) {
	rosters, _, err := c.rostersOf(ctx, cluster)
	return rosters, err
}

func (c *Client) rostersOf(ctx context.Context, cluster catalog.Cluster) ([]catalog.Cluster, []catalog.Digest, error) {
	switch {
	case cluster.ID != c.profile.Cluster:
		return nil, nil, fmt.Errorf("%w: the node belongs to cluster %s, pinned is %s", ErrPinned, cluster.ID, c.profile.Cluster)
	case cluster.Threshold < 2 || cluster.Threshold > len(cluster.Nodes):
		return nil, nil, fmt.Errorf("%w: a threshold of %d of %d nodes", ErrPinned, cluster.Threshold, len(cluster.Nodes))
	case cluster.Changes < c.profile.Changes:
		return nil, nil, fmt.Errorf("%w: the node knows %d changes of the roster, pinned is the roster after %d", ErrPinned, cluster.Changes, c.profile.Changes)
	}
	if cluster.Changes == 0 {
		if id, ok := c.profile.pins(cluster); !ok {
			return nil, nil, fmt.Errorf("%w: node %s has another key, or is pinned and not there, or the other way round", ErrPinned, id)
		}
		return []catalog.Cluster{cluster}, []catalog.Digest{cluster.ID}, nil
	}
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return nil, nil, err
	}
	rosters, made, err := c.profile.proven(cluster, envelopes)
	if err == nil {
		c.renew(func(p *Profile) {
			moved := p.Moved
			*p = c.profile.After(rosters)
			p.Moved = moved
		})
	}
	return rosters, made, err
}

// proven are the rosters that the envelopes make, checked: one of them is the one that the profile pins, and the last
// one is the record of the cluster; with the digest of the change that made each.
func (p Profile) proven(cluster catalog.Cluster, envelopes []catalog.Envelope) ([]catalog.Cluster, []catalog.Digest, error) {
	rosters, err := attest.Rosters(p.Cluster, envelopes)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPinned, err)
	}
	if len(rosters) <= max(cluster.Changes, p.Changes) {
		return nil, nil, fmt.Errorf("%w: the node tells %d changes of the roster, and there are %d", ErrPinned, len(rosters)-1, cluster.Changes)
	}
	if id, ok := p.pins(rosters[p.Changes]); !ok {
		return nil, nil, fmt.Errorf("%w: node %s is not pinned as it is in the roster after %d changes", ErrPinned, id, p.Changes)
	}
	last := &rosters[len(rosters)-1]
	last.Time, last.Level = cluster.Time, cluster.Level
	if len(cluster.Since) == len(last.Nodes) {
		last.Since = cluster.Since
	}
	return rosters, attest.Made(envelopes), nil
}

// pins reports whether the profile pins the keys of all nodes with seats, and of no others; if
// not, which it does not.
func (p Profile) pins(c catalog.Cluster) (id string, ok bool) {
	for _, n := range c.Nodes {
		at := slices.IndexFunc(p.Nodes, func(m ProfileNode) bool { return m.ID == n.ID })
		if at < 0 || !bytes.Equal(p.Nodes[at].Key, n.Key) {
			return n.ID, false
		}
	}
	for _, n := range p.Nodes {
		if c.Roster().Point(n.ID) == 0 {
			return n.ID, false
		}
	}
	return "", true
}

// PinRosters returns the profile of a cluster from its rosters, of which the first is its founding's: see
// attest.Rosters.
func PinRosters(rosters []catalog.Cluster) Profile {
	first := rosters[0]
	return Pin(first.ID, catalog.InitBody{Name: first.Name, Threshold: first.Threshold, Nodes: first.Nodes}).After(rosters)
}

// After is the profile that pins the last of some rosters. The keys of machines that were in
// the seats before stay known: what they have signed is still proof. Addresses stay that the
// changes since do not touch: they may lead to a node in a way of the profile's owner.
func (p Profile) After(rosters []catalog.Cluster) Profile {
	last, seen := rosters[len(rosters)-1], rosters[min(p.Changes, len(rosters)-1)]
	was, prefer := p, p.Addr
	p.Nodes, p.Gone, p.Changes = nil, nil, last.Changes
	for _, m := range roster.All(last) {
		n, known := was.Node(m.ID)
		if !known {
			n = ProfileNode{ID: m.ID, Addr: m.API}
		}
		if at := seen.Roster().Point(m.ID); known && at > 0 && seen.Nodes[at-1].API != m.API {
			if was.Addr == n.Addr {
				prefer = m.API
			}
			n.Addr = m.API
		}
		n.Key, n.Former = m.Key, nil
		for _, c := range rosters {
			at := c.Roster().Point(m.ID)
			if at == 0 {
				continue
			}
			if k := c.Nodes[at-1].Key; !bytes.Equal(k, n.Key) && !slices.ContainsFunc(n.Former, func(f []byte) bool { return bytes.Equal(f, k) }) {
				n.Former = append(n.Former, k)
			}
		}
		if last.Roster().Point(m.ID) > 0 {
			p.Nodes = append(p.Nodes, n)
			continue
		}
		p.Gone = append(p.Gone, n)
		if prefer == n.Addr {
			prefer = ""
		}
	}
	if p.Addr = prefer; p.Addr == "" {
		p.Addr = p.Nodes[0].Addr
	}
	if was.Addr == "" {
		p.Addr = ""
	}
	if last.Threshold != seen.Threshold {
		p.Threshold = last.Threshold
	}
	return p
}

// Renewed is the profile that pins the roster as it is now, and among whom keys are, where this client has met
// another one than its profile pins.
func (c *Client) Renewed() (p Profile, newer bool) {
	renewed := c.renewed.Load()
	if renewed == nil || renewed.Changes == c.profile.Changes && maps.Equal(renewed.Moved, c.profile.Moved) {
		return c.profile, false
	}
	return *renewed, true
}

// renew changes what pins the roster as it is now.
func (c *Client) renew(change func(p *Profile)) {
	for {
		was := c.renewed.Load()
		p := c.profile
		if was != nil {
			p = *was
		}
		if change(&p); c.renewed.CompareAndSwap(was, &p) {
			return
		}
	}
}

// RosterEnvelopes reads the entries that made the roster, the founding first, and the approvals
// after what they approve. They are not checked: see attest.Rosters.
func (c *Client) RosterEnvelopes(ctx context.Context) ([]catalog.Envelope, error) {
	chain, err := Get[wire.Roster](ctx, c, Call{Path: "/v1/roster"})
	if err != nil {
		return nil, fmt.Errorf("read what changed the roster: %w", err)
	}
	return attest.Entries(chain.Changes), nil
}
