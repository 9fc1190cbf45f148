package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// mayRead reports whether the caller is one of the parties, or an operator.
func mayRead(ctx context.Context, parties ...string) bool {
	caller := callerOf(ctx)
	return caller.ID != "" && (caller.Role == catalog.RoleOperator || slices.Contains(parties, caller.ID))
}

// mayReadOrder is mayRead of the buyer and the owner of the dataset ordered from.
func mayReadOrder(ctx context.Context, v state.View, o catalog.Order) (bool, error) {
	d, err := v.Dataset(o.Dataset)
	if err != nil {
		return false, fmt.Errorf("find the dataset of order %s: %w", o.ID, err)
	}
	return mayRead(ctx, o.Buyer, d.Owner), nil
}

func listOrders(ctx context.Context, v state.View, in *Dated) (out wire.Orders, err error) {
	out.Orders, out.Next, err = paged(v.OrderPage(party(ctx), in.page()))
	return out, err
}

// showOrder answers with the signed envelope, too: whoever decides on the order signs its
// digest, and sees for itself what that is of.
func showOrder(ctx context.Context, v state.View, in *ByID) (out wire.Order, err error) {
	if out.Order, err = find(v.Order, "order", in.ID); err != nil {
		return out, err
	}
	may, err := mayReadOrder(ctx, v, out.Order)
	if err != nil {
		return out, err
	}
	if !may {
		return out, notFound("order", in.ID)
	}
	if out.Signed, err = v.SignedOrder(in.ID); err != nil {
		return out, err
	}
	buyer, err := v.Principal(out.Buyer)
	out.Key = buyer.Key
	if err == nil && out.Portfolio {
		out.Places, err = placesOf(v, out.Order)
	}
	return out, err
}

func listContracts(ctx context.Context, v state.View, in *Dated) (out wire.Contracts, err error) {
	out.Contracts, out.Next, err = paged(v.ContractPage(party(ctx), in.page()))
	return out, err
}

// showContract finds a contract that the caller may read.
func showContract(ctx context.Context, v state.View, in *ByID) (catalog.Contract, error) {
	k, err := find(v.Contract, "contract", in.ID)
	if err == nil && !mayRead(ctx, k.Buyer, k.Publisher) {
		return catalog.Contract{}, notFound("contract", in.ID)
	}
	return k, err
}

// placesOf are the places for exact portfolios in the measures that an order asks for.
func placesOf(v state.View, o catalog.Order) ([]catalog.Places, error) {
	all, err := v.Places(o.Dataset)
	return slices.DeleteFunc(all, func(p catalog.Places) bool {
		return len(o.Measures) > 0 && !slices.Contains(o.Measures, p.Measure)
	}), err
}

type byBeginning struct {
	Begin string `path:"begin" maxLength:"80" doc:"A letter, a hyphen, and eight or more hexadecimal digits"`
}

// listIDs finds what the caller may see by the beginning of its id.
func listIDs(ctx context.Context, v state.View, in *byBeginning) (wire.IDs, error) {
	out, letter := wire.IDs{IDs: []string{}}, in.Begin[:min(2, len(in.Begin))]
	err := v.EachID(letter, in.Begin, func(id string) (bool, error) {
		sees, err := maySee(ctx, v, letter, id)
		if err != nil || !sees {
			return true, err
		}
		if out.More = len(out.IDs) == wire.MaxIDs; out.More {
			return false, nil
		}
		out.IDs = append(out.IDs, id)
		return true, nil
	})
	return out, found(err, "id that begins with", in.Begin)
}

// maySee reports whether the caller may read what has the id.
func maySee(ctx context.Context, v state.View, letter, id string) (bool, error) {
	switch letter {
	case catalog.LetterOrder:
		o, err := v.Order(id)
		if err != nil {
			return false, err
		}
		return mayReadOrder(ctx, v, o)
	case catalog.LetterContract:
		k, err := v.Contract(id)
		return err == nil && mayRead(ctx, k.Buyer, k.Publisher), err
	case catalog.LetterQuery:
		q, err := v.Query(id)
		return err == nil && owns(ctx, q.Principal), err
	case catalog.LetterVector:
		x, err := v.Vectors().Get(id)
		return err == nil && owns(ctx, x.Owner), err
	}
	return mayRead(ctx, id), nil // a principal
}
