package ask

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// open opens the sealed shares of a query's active set and adds them up
// (PROTOCOL.md section 4.7): the centred sums in the plan's order. A share that was
// sealed for other contexts, another plan or another query does not open; q.Plan is the plan's
// digest. The parity numbers must add up to 0, or there is no figure.
func open(c *client.Client, p he.Parameters, q catalog.Query, plan *plan.Plan, shares []wire.SealedShare) ([]int64, error) {
	if err := checkMembers(c, p.Threshold(), q, shares); err != nil {
		return nil, err
	}
	aad := seal.ShareAAD(q.Context, q.Plan, q.Envelope)
	sums := make([]uint64, plan.Width)
	parity := make([]uint64, 1)
	for _, share := range shares {
		values, own, err := openShare(c, share, aad, plan, p.T())
		if err != nil {
			return nil, fmt.Errorf("open the share of node %s in query %s: %w; no figure is printed", share.Node, q.ID, err)
		}
		if err := p.AddMod(sums, values); err != nil {
			return nil, fmt.Errorf("add the share of node %s: %w", share.Node, err)
		}
		if err := p.AddMod(parity, []uint64{own}); err != nil {
			return nil, fmt.Errorf("add the parity of node %s: %w", share.Node, err)
		}
	}
	if parity[0] != 0 {
		nodes := make([]string, len(shares))
		for i, share := range shares {
			nodes[i] = share.Node
		}
		return nil, &ParityError{Query: q.ID, Nodes: nodes}
	}
	return centred(p, sums), nil
}

// centred are sums as signed numbers.
func centred(p he.Parameters, sums []uint64) []int64 {
	out := make([]int64, len(sums))
	for i, s := range sums {
		out[i] = p.Centre(s)
	}
	return out
}

func openShare(c *client.Client, share wire.SealedShare, aad []byte, plan *plan.Plan, modulus uint64) (values []uint64, parity uint64, err error) {
	plain, err := c.Key().Open([]byte(seal.ShareInfo), aad, share.Sealed)
	if err != nil {
		return nil, 0, err
	}
	defer clear(plain)
	values, own, err := seal.DecodeShare(plain, plan.Width, modulus)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case plan.Multiplies() && own != nil:
		return nil, 0, fmt.Errorf("%w: it carries a parity number, and the plan multiplies", seal.ErrShare)
	case plan.Multiplies():
		return values, 0, nil // the members checked it among themselves
	case own == nil:
		return nil, 0, fmt.Errorf("%w: it carries no parity number", seal.ErrShare)
	}
	return values, *own, nil
}

// answeredBy is the cluster with the roster among whom the attempt that answered a query
// computed: one of those that the cluster has had, since a key may have moved before or after.
func answeredBy(rosters []catalog.Cluster, q catalog.Query) (catalog.Cluster, error) {
	if len(q.Attempts) == 0 {
		return rosters[len(rosters)-1], nil // nothing was opened
	}
	a := q.Attempts[len(q.Attempts)-1]
	active := a.Active
	for _, c := range slices.Backward(rosters) {
		r := c.Roster()
		together := len(active) == r.Threshold && a.SetOf == 0 || a.SetOf == r.Threshold && checked.Possible(len(active), a.SetOf)
		if together && slices.Equal(r.InOrder(active), active) {
			return c, nil
		}
	}
	return catalog.Cluster{}, fmt.Errorf("%w: query %s was answered by %q, who are the nodes that open together in no roster of the cluster", client.ErrPinned, q.ID, active)
}

// checkMembers requires exactly so many shares, of distinct pinned nodes.
func checkMembers(c *client.Client, members int, q catalog.Query, shares []wire.SealedShare) error {
	if len(shares) != members {
		return fmt.Errorf("query %s has %d shares, want exactly %d", q.ID, len(shares), members)
	}
	seen := make(map[string]bool)
	for _, share := range shares {
		if _, ok := c.Profile().Node(share.Node); !ok || seen[share.Node] {
			return fmt.Errorf("%w: query %s has a share of node %q, which is not pinned or has two", client.ErrPinned, q.ID, share.Node)
		}
		seen[share.Node] = true
	}
	return nil
}
