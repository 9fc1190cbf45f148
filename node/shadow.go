package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/mpc"
)

// errShadow is why a node of a shadow takes no act.
var errShadow = errors.New("this is the shadow of a cluster, made of a backup for a drill: it takes nothing")

// shadowed is a roster with the machines of a shadow in its seats. No other is talked to.
func (o Options) shadowed(c catalog.Cluster) (catalog.Cluster, error) {
	if o.Shadow == nil {
		return c, nil
	}
	same := slices.EqualFunc(c.Nodes, o.Shadow, func(a, b catalog.Node) bool { return a.ID == b.ID && a.Point == b.Point })
	if !same {
		return c, fmt.Errorf("the shadow's machines are not those of the %d seats of the roster", len(c.Nodes))
	}
	c.Nodes, c.Leaving = o.Shadow, nil
	return c, nil
}

// Stands waits until the node has what the leader says is committed, and tells how many entries it has, their root,
// and how many datasets are in its catalogue.
func (n *Node) Stands(ctx context.Context) (size uint64, root catalog.Digest, datasets int, err error) {
	for {
		err = n.Read(ctx, func(v state.View) error {
			list, err := v.Datasets()
			datasets = len(list)
			return err
		})
		if err == nil {
			err = n.ledger.MayVote()
		}
		if err == nil {
			break
		}
		if paused := client.Pause(ctx, n.opts.Tick); paused != nil {
			return 0, root, 0, fmt.Errorf("node %s does not come up: %w", n.id, err)
		}
	}
	size = n.ledger.NextSeq()
	r, err := n.ledger.RootAt(size)
	return size, catalog.Digest(r), datasets, err
}

// Recompute is mpc.Recompute with what this node has on its disk.
func (n *Node) Recompute(ctx context.Context, query string, among catalog.KeyRoster) (plan, contexts catalog.Digest, err error) {
	return mpc.Recompute(ctx, ownLedger{access: n.access}, n.versions, n.cluster, query, among, func(tiles []catalog.Digest, acc *he.Accumulator) error {
		return n.blobs.Accumulate(ctx, tiles, acc, func(int) {})
	})
}
