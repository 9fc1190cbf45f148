package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/vault"
)

// NewNode makes a node for a new seat, on a host: its keys and its directory, and nothing that others know of. The
// operator of the cluster's other seats holds it.
func (c *Cluster) NewNode(ctx context.Context, id, host string) (n catalog.Node, err error) {
	operator, err := client.LoadKey(c.layout.key(Operator))
	if err != nil {
		return n, err
	}
	ports, err := FreePorts(2)
	if err != nil {
		return n, err
	}
	if err := vault.NewKeyFile(c.layout.sealKey(id)); err != nil {
		return n, err
	}
	public := operator.Public()
	card, err := founding.Init(ctx, c.layout.node(id), founding.SealKey{File: c.layout.sealKey(id)}, founding.Card{
		ID: id, Institution: public.Name, Operator: public.Key,
		Addr: net.JoinHostPort(host, strconv.Itoa(ports[0])), API: "https://" + net.JoinHostPort(host, strconv.Itoa(ports[1])),
	})
	return card.Node(0), err
}

// Seat makes another roster: the seats as they are, without some, with nodes of new ones, so many of which open results
// together. It may be called again where it is not known what came of it. Nodes of new seats are started afterwards; those
// without a seat end by themselves when nothing is left of them.
func (c *Cluster) Seat(ctx context.Context, threshold int, without []string, fresh []catalog.Node) error {
	operator, err := c.Client(Operator)
	if err != nil {
		return err
	}
	defer operator.Close()
	now, err := operator.Cluster(ctx)
	if err != nil {
		return fmt.Errorf("read the roster: %w", err)
	}
	seated := func(id string) bool { return now.Roster().Point(id) > 0 }
	without = slices.DeleteFunc(slices.Clone(without), func(id string) bool { return !seated(id) })
	fresh = slices.DeleteFunc(slices.Clone(fresh), func(n catalog.Node) bool { return seated(n.ID) })
	if len(without)+len(fresh) > 0 || now.Threshold != threshold {
		if _, err := govern.ProposeRoster(ctx, operator, threshold, without, fresh); err != nil {
			return fmt.Errorf("make another roster: %w", err)
		}
	}
	return c.follow(ctx, operator)
}

// Leaving are the seats that were given up and of which something is left still.
func (c *Cluster) Leaving(ctx context.Context) (ids []string, err error) {
	operator, err := c.Client(Operator)
	if err != nil {
		return nil, err
	}
	defer operator.Close()
	now, err := client.Get[catalog.Cluster](ctx, operator, client.Call{Path: "/v1/cluster"})
	for _, l := range now.Leaving {
		ids = append(ids, l.Node.ID)
	}
	return ids, err
}

// Forget removes what a node that has left and has ended had on this machine.
func (c *Cluster) Forget(id string) error {
	c.mu.Lock()
	p := c.nodes[id]
	if p != nil && !p.gone() {
		c.mu.Unlock()
		return fmt.Errorf("node %s runs still", id)
	}
	delete(c.nodes, id)
	c.mu.Unlock()
	return cmp.Or(os.RemoveAll(c.layout.node(id)), os.Remove(c.layout.sealKey(id)))
}

// follow takes a new roster over: into the founding's file, of which nodes begin, and into the profile.
func (c *Cluster) follow(ctx context.Context, operator *client.Client) error {
	changes, err := operator.RosterEnvelopes(ctx)
	if err != nil {
		return err
	}
	g := c.genesis
	if g.Left, err = govern.Left(ctx, operator); err != nil { // proves the roster
		return err
	}
	g.Roster = changes[1:]
	if _, err := g.Rosters(); err != nil {
		return errors.Join(errors.New("the roster changed while it was read"), err)
	}
	if err := g.WriteFile(c.layout.genesis()); err != nil {
		return err
	}
	if p, newer := operator.Renewed(); newer {
		c.mu.Lock()
		c.profile = p
		c.mu.Unlock()
	}
	return nil
}
