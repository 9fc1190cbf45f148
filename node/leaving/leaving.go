// Package leaving asks the other nodes of a cluster, at their addresses for clients, whether a node still takes part, and
// with whom: one that was away when its seat was let go is not talked to any more at the others' own port.
package leaving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/founding"
	"log/slog"
	"slices"
	"time"
)

// Seat is the place of the node that asks.
type Seat struct {
	Node    string
	Rosters []catalog.Cluster // that it knows, the founding first
	Changes int               // of the roster that it goes by
	Log     *slog.Logger
}

// Ask is what the node writes down when it has left, or others have come: the operators of seats have signed that, and as many
// of the nodes that have seats now as open together say that it is no member any more, or go by that roster. There are no changes
// in it otherwise: no one node's word ends it, or has it go by what the ledger refused, and a seat that leaves and holds shares
// still goes on.
func Ask(ctx context.Context, s Seat) (f founding.RosterFile, err error) {
	options := client.Options{Patience: 2 * time.Second, RequestTimeout: 5 * time.Second}
	c, err := client.New(client.PinRosters(s.Rosters), nil, options)
	if err != nil {
		return f, err
	}
	defer c.Close()
	now, err := c.Cluster(ctx)
	seated := now.Roster().Point(s.Node) > 0
	if err != nil || seated && now.Changes <= s.Changes {
		return f, err
	}
	envelopes, err := c.RosterEnvelopes(ctx)
	if err != nil {
		return f, err
	}
	if _, err := attest.Rosters(s.Rosters[0].ID, envelopes); err != nil {
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
			s.Log.DebugContext(ctx, "asking a node whether this one has left", "node", m.ID, "error", err)
			continue
		}
		if m.ID != s.Node && (seated || slices.Contains(gone, s.Node)) {
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
