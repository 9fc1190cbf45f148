package bureau

import (
	"context"
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk/route"
)

// KindPublisher is of problems of a desk whose key is no publisher's: 403.
const KindPublisher = "no-publisher"

// Bureau answers what a publisher's pages ask.
type Bureau struct {
	client *client.Client
	drafts *drafts
	feeds  []string // files of configurations
}

// New returns the publisher's part of a desk for a client, with the files of the configurations of feeds on this machine.
// Close ends it.
func New(c *client.Client, feeds []string) *Bureau {
	return &Bureau{client: c, drafts: newDrafts(c), feeds: feeds}
}

// Close ends what is under way here, and removes the files that were dropped.
func (b *Bureau) Close() error { return b.drafts.close() }

// Routes are what the pages and notebooks may ask.
func (b *Bureau) Routes() []route.Route {
	return append(append([]route.Route{
		route.New("GET", "/api/bureau", "Whether the desk's key is a publisher's, and what waits for it", route.Reads, b.standing),
		route.New("GET", "/api/inbox", "Orders on one's datasets, those that wait first", route.Reads, b.inbox),
		route.New("GET", "/api/inbox/{id}", "What an order would allow if it is granted as it is", route.Reads, b.asked),
		route.New("POST", "/api/inbox/{id}/consider", "What an order would allow if it is granted so; nothing is signed", route.Reads, b.consider),
		route.New("POST", "/api/inbox/{id}/approve", "Grant an order, as asked or narrower", route.Changes, b.approve),
		route.New("POST", "/api/inbox/{id}/refuse", "Refuse an order with a reason", route.Changes, b.refuse),
		route.New("POST", "/api/contracts/{id}/change", "Suspend, resume or revoke a contract that one granted", route.Changes, b.changeContract),
	}, b.ownRoutes()...), b.draftRoutes()...)
}

// none is the input of a route without parameters.
type none struct{}

// named is the id of something.
type named struct {
	ID string `path:"id"`
}

// Standing is whose desk it is, as far as publishing goes.
type Standing struct {
	Publisher bool `json:"publisher"`
	// Key is the state of the collective key; empty: there is none.
	Key      string `json:"key,omitempty"`
	Datasets int    `json:"datasets"`
	Waiting  int    `json:"waiting"` // orders
}

func (b *Bureau) standing(ctx context.Context, _ none) (Standing, error) {
	var out Standing
	if b.client.Key() == nil {
		return out, nil
	}
	key, err := b.client.PublisherKey(ctx, b.client.Key().ID())
	switch {
	case client.IsNotFound(err):
	case err != nil:
		return out, err
	default:
		out.Publisher, out.Key = true, string(key.State)
	}
	mine, err := b.mine(ctx)
	if err != nil {
		return out, err
	}
	if out.Datasets = len(mine); out.Datasets > 0 {
		out.Publisher = true
	}
	if !out.Publisher {
		return out, nil
	}
	orders, err := client.Orders.All(ctx, b.client)
	for _, o := range orders {
		if o.State == catalog.OrderOpen && mine[o.Dataset] != nil {
			out.Waiting++
		}
	}
	return out, err
}

// mine are the datasets of the desk's key, those that were withdrawn too.
func (b *Bureau) mine(ctx context.Context) (map[string]*catalog.Dataset, error) {
	me, err := b.client.Principal()
	if err != nil {
		return nil, err
	}
	all, err := client.EveryDataset.All(ctx, b.client)
	if err != nil {
		return nil, err
	}
	out := map[string]*catalog.Dataset{}
	for _, d := range all {
		if d.Owner == me {
			out[d.ID] = &d
		}
	}
	return out, nil
}

// own is a dataset of the desk's key.
func (b *Bureau) own(ctx context.Context, id string) (catalog.Dataset, error) {
	me, err := b.client.Principal()
	if err != nil {
		return catalog.Dataset{}, err
	}
	d, err := b.client.Dataset(ctx, id)
	if err == nil && d.Owner != me {
		err = wire.NewProblem(http.StatusForbidden, KindPublisher, "dataset "+id+" is another publisher's").
			Advising("start the desk with the key that it was published with: `weir desk --key FILE`")
	}
	return d, err
}
