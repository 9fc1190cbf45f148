package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
)

// lonelyHeartbeats is for how many heartbeats a node hears of no leader before it asks whether it has left.
const lonelyHeartbeats = 10

// asksWhetherLeft has a node that hears of no leader ask the others at their addresses for clients whether it still takes part, and
// with whom: one that was away when its seat was let go is not talked to any more, nor does it talk to a machine that came meanwhile and leads.
func (n *Node) asksWhetherLeft(ctx context.Context) {
	ticks, stop := n.opts.Ticks(lonelyHeartbeats * n.opts.Heartbeat)
	defer stop()
	alone := false // at the last tick
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		_, led := n.ledger.Leader()
		if led || !alone {
			alone = !led
			continue
		}
		f, err := n.leftAs(ctx)
		if err == nil && f.Changes != nil {
			if err = f.Write(n.opts.Dir); err == nil {
				select {
				case n.failed <- errRoster: // opened again, it has left (ErrLeft), or knows the others
				default: // it has failed in another way before
				}
				return
			}
		}
		if err != nil {
			n.log.DebugContext(ctx, "asking whether this node has left", "error", err)
		}
	}
}

// leftAs is what the node writes down when it has left, or others have come: the operators of seats have signed that, and as many
// of the nodes that have seats now as open together say that it is no member any more, or go by that roster. Nothing is left of it
// otherwise: no one node's word ends it, or has it go by what the ledger refused, and a seat that leaves and holds shares still goes on.
func (n *Node) leftAs(ctx context.Context) (f founding.RosterFile, err error) {
	rosters, _, _, err := founding.ReadRosters(n.opts.Dir, n.opts.Genesis)
	if err != nil {
		return f, err
	}
	options := client.Options{Patience: 2 * time.Second, RequestTimeout: 5 * time.Second}
	c, err := client.New(client.PinRosters(rosters), nil, options)
	if err != nil {
		return f, err
	}
	defer c.Close()
	now, err := c.Cluster(ctx)
	seated := now.Roster().Point(n.id) > 0
	if err != nil || seated && now.Changes <= n.members.Changes {
		return f, err
	}
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return f, err
	}
	if _, err := attest.Rosters(n.cluster, envelopes); err != nil {
		return f, err
	}
	asked, err := client.New(c.Profile(), nil, options) // which pins those that have seats now
	if err != nil {
		return f, err
	}
	defer asked.Close()
	var left []string
	agree := 0
	for _, m := range asked.Profile().Nodes {
		gone, err := goneBy(ctx, asked, m, now)
		if err != nil {
			n.log.DebugContext(ctx, "asking a node whether this one has left", "node", m.ID, "error", err)
			continue
		}
		if m.ID != n.id && (seated || slices.Contains(gone, n.id)) {
			agree++
			left = gone
		}
	}
	if agree < now.Threshold {
		return f, fmt.Errorf("%d nodes say that this one is no member any more, or has others beside it, %d have to", agree, now.Threshold)
	}
	if seated {
		left = nil // what else has left the ledger says
	}
	return founding.RosterFile{Version: 1, Changes: envelopes[1:], Left: left}, nil
}

// goneBy are the seats that were given up and are no members any more, as one node says that goes by this roster.
func goneBy(ctx context.Context, c *client.Client, m client.ProfileNode, now catalog.Cluster) (gone []string, err error) {
	b, err := c.Ask(ctx, m, client.Call{Path: "/v1/cluster"})
	if err != nil {
		return nil, err
	}
	var said catalog.Cluster
	if err := json.Unmarshal(b, &said); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if said.ID != now.ID || said.Changes != now.Changes || string(catalog.Encode(said.Nodes)) != string(catalog.Encode(now.Nodes)) {
		return nil, errors.New("it is of another cluster, or goes by another roster") // one that the ledger refused may be signed too
	}
	takesPart := roster.All(said)
	for _, l := range now.Leaving {
		if !slices.ContainsFunc(takesPart, func(x catalog.Node) bool { return x.ID == l.Node.ID }) {
			gone = append(gone, l.Node.ID)
		}
	}
	return gone, nil
}
