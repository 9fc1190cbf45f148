package nodestatus

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Reached is a node that answers, whatever it can do.
type Reached struct {
	Node   string
	Ready  bool // it can take work: a majority of the ledger's members is there
	Sealed bool // it says so, and cannot prove who it is
}

// Reach asks every pinned node at once, once, whether it is there, and returns those that are, in the
// profile's order. It needs neither a key nor a quorum.
func Reach(ctx context.Context, c *client.Client) []Reached {
	all := make([]*Reached, len(c.Pinned().Nodes))
	var wg sync.WaitGroup
	for i, n := range c.Pinned().Nodes {
		wg.Go(func() {
			asking, cancel := context.WithTimeout(ctx, c.Options().Patience)
			defer cancel()
			b, err := c.Ask(asking, n, client.Call{Path: "/readyz"})
			_, answered := errors.AsType[*wire.Problem](err)
			switch {
			case err == nil:
				var r wire.Ready
				all[i] = &Reached{Node: n.ID, Ready: json.Unmarshal(b, &r) == nil && r.Ready}
			case answered:
				all[i] = &Reached{Node: n.ID}
			case saysSealed(ctx, c, n):
				all[i] = &Reached{Node: n.ID, Sealed: true}
			}
		})
	}
	wg.Wait()
	var out []Reached
	for _, r := range all {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}
