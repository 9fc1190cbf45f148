package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// mayRead reports whether the caller is one of the parties, or an operator.
func mayRead(caller catalog.Principal, parties ...string) bool {
	if caller.ID == "" {
		return false
	}
	if caller.Role == catalog.RoleOperator {
		return true
	}
	for _, p := range parties {
		if p == caller.ID {
			return true
		}
	}
	return false
}

// orderParties are the buyer and the owner of the dataset ordered from.
func orderParties(v state.View, o catalog.Order) ([]string, error) {
	d, err := v.Dataset(o.Dataset)
	if err != nil {
		return nil, fmt.Errorf("find the dataset of order %s: %w", o.ID, err)
	}
	return []string{o.Buyer, d.Owner}, nil
}

func listOrders(ctx context.Context, s *server, in *Dated) (*reply[wire.Orders], error) {
	out := new(reply[wire.Orders])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		read := func(p records.Page) ([]catalog.Order, string, error) { return v.OrderPage(party(ctx), p) }
		return paged(read, in.page(), &out.Body.Orders, &out.Body.More)
	})
}

// showOrder answers with the signed envelope, too: whoever decides on the order signs its
// digest, and sees for itself what that is of.
func showOrder(ctx context.Context, s *server, in *ByID) (*reply[wire.Order], error) {
	out := new(reply[wire.Order])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		o, err := find(v.Order, "order", in.ID)
		if err != nil {
			return err
		}
		parties, err := orderParties(v, o)
		if err != nil {
			return err
		}
		if !mayRead(callerOf(ctx), parties...) {
			return notFound("order", in.ID)
		}
		out.Body.Order = o
		if out.Body.Signed, err = v.SignedOrder(in.ID); err != nil {
			return err
		}
		buyer, err := v.Principal(o.Buyer)
		if err != nil {
			return err
		}
		out.Body.Key = buyer.Key
		if o.Portfolio {
			out.Body.Places, err = placesOf(v, o)
		}
		return err
	})
}

func listContracts(ctx context.Context, s *server, in *Dated) (*reply[wire.Contracts], error) {
	out := new(reply[wire.Contracts])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		read := func(p records.Page) ([]catalog.Contract, string, error) { return v.ContractPage(party(ctx), p) }
		return paged(read, in.page(), &out.Body.Contracts, &out.Body.More)
	})
}

func showContract(ctx context.Context, s *server, in *ByID) (*reply[catalog.Contract], error) {
	out := new(reply[catalog.Contract])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		var err error
		out.Body, err = partyContract(ctx, v, in.ID)
		return err
	})
}

// placesOf are the places for exact portfolios in the measures that an order asks for.
func placesOf(v state.View, o catalog.Order) ([]catalog.Places, error) {
	all, err := v.Places(o.Dataset)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(p catalog.Places) bool {
		return len(o.Measures) > 0 && !slices.Contains(o.Measures, p.Measure)
	}), nil
}
