package notice

import (
	"context"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/feed"
	"github.com/weirdata/weir/node/client/nodestatus"
)

// Kinds of events.
const (
	KindOrder = "order"
	KindSpent = "spent"
	KindNode  = "node"
	KindFeed  = "feed"
)

// maxListed is how many orders and contracts are looked at, the newest.
const maxListed = 200

// Looker looks with a client: at nodes, at orders on the key's datasets, and at what is left of the key's contracts; and at
// the feeds of this machine with these configurations.
func Looker(c *client.Client, feeds []string) func(context.Context) ([]Event, []string) {
	return func(ctx context.Context) (events []Event, kinds []string) {
		there := nodestatus.Reach(ctx, c)
		if len(there) < len(c.Profile().Nodes) { // one that was slow once has not died
			there = append(there, nodestatus.Reach(ctx, c)...)
		}
		if ctx.Err() != nil {
			return nil, nil
		}
		kinds = append(kinds, KindNode)
		for _, n := range c.Profile().Nodes {
			if !slices.ContainsFunc(there, func(r nodestatus.Reached) bool { return r.Node == n.ID }) {
				events = append(events, Event{KindNode, n.ID})
			}
		}
		events, kinds = append(events, stopped(feeds)...), append(kinds, KindFeed)
		if c.Key() == nil {
			return events, kinds
		}
		newest := client.ListOptions{Newest: true, Limit: maxListed}
		if orders, err := client.Orders.Read(ctx, c, newest); err == nil {
			kinds = append(kinds, KindOrder)
			events = append(events, ordered(ctx, c, orders)...)
		}
		if contracts, err := client.Contracts.Read(ctx, c, newest); err == nil {
			kinds = append(kinds, KindSpent)
			for _, k := range contracts {
				if k.Buyer == c.Key().ID() && catalog.IsID(catalog.LetterContract, k.ID) && k.State == catalog.ContractActive && nearlySpent(k) {
					events = append(events, Event{KindSpent, k.ID})
				}
			}
		}
		return events, kinds
	}
}

// stopped are the feeds that ran on this machine and do not run now. One that was never started has not stopped.
func stopped(files []string) (events []Event) {
	for _, file := range files {
		if s, err := feed.StateOf(file); err == nil && !s.Running {
			events = append(events, Event{KindFeed, s.Dataset})
		}
	}
	return events
}

// ordered are the open orders on datasets of the client's key. An operator is shown everybody's.
func ordered(ctx context.Context, c *client.Client, orders []catalog.Order) (events []Event) {
	owners := map[string]string{}
	for _, o := range orders {
		if o.State != catalog.OrderOpen || !catalog.IsID(catalog.LetterOrder, o.ID) { // what is no id is told nobody's command
			continue
		}
		owner, known := owners[o.Dataset]
		if !known {
			d, err := c.Dataset(ctx, o.Dataset)
			if err != nil {
				continue
			}
			owner = d.Owner
			owners[o.Dataset] = owner
		}
		if owner == c.Key().ID() {
			events = append(events, Event{KindOrder, o.ID})
		}
	}
	return events
}

// nearlySpent reports whether less than a tenth of a contract's queries or budget is left.
func nearlySpent(k catalog.Contract) bool {
	if k.Queries > 0 && 10*k.Used > 9*k.Queries {
		return true
	}
	budget, granted := new(big.Rat).SetString(k.Budget)
	spent, charged := new(big.Rat).SetString(k.Spent)
	if !granted || !charged || budget.Sign() <= 0 {
		return false
	}
	return spent.Mul(spent, big.NewRat(10, 1)).Cmp(budget.Mul(budget, big.NewRat(9, 1))) > 0
}
