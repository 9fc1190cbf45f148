package dev

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/founding"
)

// Replace has the machine of a node burn down, and puts another one into its seat: the node's
// process is killed, its directory removed, its keys made anew, and its operator says so to
// the others. The node is not started. Clients that were made before do not know the new
// machine; Profile does.
func (c *Cluster) Replace(ctx context.Context, id string) error {
	if err := c.Kill(id); err != nil {
		return err
	}
	dir := c.layout.node(id)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("burn down the machine of %s: %w", id, err)
	}
	operator, err := c.Client(Operator)
	if err != nil {
		return err
	}
	defer operator.Close()
	cluster, err := operator.Cluster(ctx)
	if err != nil {
		return fmt.Errorf("replace the machine of %s: %w", id, err)
	}
	at := slices.IndexFunc(cluster.Nodes, func(n catalog.Node) bool { return n.ID == id })
	if at < 0 {
		return fmt.Errorf("replace the machine of %s: the roster has no such node", id)
	}
	n := cluster.Nodes[at]
	card, err := founding.Init(ctx, dir, founding.SealKey{File: c.layout.sealKey(id)}, founding.Card{
		ID: id, Institution: n.Institution, Operator: n.Operator, Addr: n.Addr, API: n.API,
	})
	if err != nil {
		return err
	}
	if _, err := govern.ReplaceSeat(ctx, operator, card.Node(n.Point), false); err != nil {
		return fmt.Errorf("replace the machine of %s: %w", id, err)
	}
	return c.follow(ctx, operator)
}
