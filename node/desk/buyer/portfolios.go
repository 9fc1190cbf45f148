package buyer

import (
	"context"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/desk/route"
)

// Portfolio is a private list or private weights, as the ledger knows them: which entities are on it, nobody does.
type Portfolio struct {
	Name     string `json:"name"`
	Registry string `json:"registry"`
	Version  int    `json:"version"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Bits     int    `json:"bits"`
	Pieces   int    `json:"pieces"`
	Created  int64  `json:"created"`
	Ready    int64  `json:"ready,omitempty"`
}

// Portfolios answers GET /api/portfolios.
type Portfolios struct {
	Portfolios []Portfolio `json:"portfolios"`
}

// portfolios shows and registers private lists and weights.
type portfolios struct {
	client        *client.Client
	dir           string // in which this machine keeps what a list is made of
	registrations *registrations
}

func newPortfolios(c *client.Client, dir string) *portfolios {
	return &portfolios{client: c, dir: dir, registrations: newRegistrations(func(ctx context.Context, o portfolio.Options) (portfolio.Registered, error) {
		return portfolio.Keep(ctx, c, dir, o)
	})}
}

func (s *portfolios) list(ctx context.Context, _ none) (Portfolios, error) {
	if s.client.Key() == nil {
		return Portfolios{}, client.ErrNoKey
	}
	all, err := vector.All(ctx, s.client)
	if err != nil {
		return Portfolios{}, err
	}
	out := Portfolios{Portfolios: []Portfolio{}}
	for _, v := range all {
		out.Portfolios = append(out.Portfolios, Portfolio{
			Name: v.Name, Registry: v.Registry, Version: v.Version, State: string(v.State), Reason: route.Language(ctx).Reason(v.Reason),
			Bits: v.Bits, Pieces: v.Pieces, Created: v.Created, Ready: v.ReadyAt,
		})
	}
	return out, nil
}
