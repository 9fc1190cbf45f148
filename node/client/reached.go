package client

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/weirdata/weir/node/api/wire"
)

// Reached is a node that answers, whatever it can do.
type Reached struct {
	Node   string
	Ready  bool // it can take work: a majority of the ledger's members is there
	Sealed bool // it says so, and cannot prove who it is
}

// Reach asks every pinned node at once, once, whether it is there, and returns those that are, in the
// profile's order. It needs neither a key nor a quorum.
func (c *Client) Reach(ctx context.Context) []Reached {
	all := make([]*Reached, len(c.profile.Nodes))
	var wg sync.WaitGroup
	for i, n := range c.profile.Nodes {
		wg.Go(func() {
			asking, cancel := context.WithTimeout(ctx, c.opts.Patience)
			defer cancel()
			b, err := c.Ask(asking, n, Call{Path: "/readyz"})
			_, answered := errors.AsType[*wire.Problem](err)
			switch {
			case err == nil:
				var r wire.Ready
				all[i] = &Reached{Node: n.ID, Ready: json.Unmarshal(b, &r) == nil && r.Ready}
			case answered:
				all[i] = &Reached{Node: n.ID}
			case c.saysSealed(ctx, n):
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
