package api

import (
	"context"
	"fmt"

	"github.com/weirdata/weir/catalog"
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
func orderParties(v catalog.View, o catalog.Order) ([]string, error) {
	d, err := v.Dataset(o.Dataset)
	if err != nil {
		return nil, fmt.Errorf("find the dataset of order %s: %w", o.ID, err)
	}
	return []string{o.Buyer, d.Owner}, nil
}

func listOrders(ctx context.Context, s *server, in *Dated) (*reply[wire.Orders], error) {
	out := new(reply[wire.Orders])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		read := func(p catalog.Page) ([]catalog.Order, string, error) { return v.OrderPage(party(ctx), p) }
		return paged(read, in.page(), &out.Body.Orders, &out.Body.More)
	})
}

func showOrder(ctx context.Context, s *server, in *ByID) (*reply[catalog.Order], error) {
	out := new(reply[catalog.Order])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
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
		out.Body = o
		return nil
	})
}

func listContracts(ctx context.Context, s *server, in *Dated) (*reply[wire.Contracts], error) {
	out := new(reply[wire.Contracts])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		read := func(p catalog.Page) ([]catalog.Contract, string, error) { return v.ContractPage(party(ctx), p) }
		return paged(read, in.page(), &out.Body.Contracts, &out.Body.More)
	})
}

func showContract(ctx context.Context, s *server, in *ByID) (*reply[catalog.Contract], error) {
	out := new(reply[catalog.Contract])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		var err error
		out.Body, err = partyContract(ctx, v, in.ID)
		return err
	})
}
