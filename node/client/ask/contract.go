package ask

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// chooseContract finds the caller's only active contract that covers the
// request; empty when the caller owns the dataset, which needs none.
func chooseContract(ctx context.Context, c *client.Client, d catalog.Dataset, r catalog.Request) (string, error) {
	me, err := c.Principal()
	if err != nil {
		return "", err
	}
	if d.Owner == me || d.Withdrawn != nil { // the ledger says when it was withdrawn
		return "", nil
	}
	all, err := client.Contracts.All(ctx, c)
	if err != nil {
		return "", fmt.Errorf("look for a contract on %s: %w", d.ID, err)
	}
	now := c.Now().UnixMilli()
	var fitting []string
	var others []catalog.Reason
	only := "" // the one contract on the dataset, if there is one
	for _, k := range all {
		if k.Buyer != me || k.Dataset != d.ID {
			continue
		}
		if only = k.ID; len(fitting)+len(others) > 0 {
			only = ""
		}
		if why := uncovered(k, d.Descriptor, r, now); !why.IsZero() {
			others = append(others, why)
		} else if outside := k.InScope(d.Descriptor, r); outside != nil {
			others = append(others, catalog.Why("contract.does_not_do", k.ID).With(outside.Reason))
		} else {
			fitting = append(fitting, k.ID)
		}
	}
	switch len(fitting) {
	case 1:
		return fitting[0], nil
	case 0:
		if no := r.Ungrantable(d.Descriptor); no != nil {
			return "", no // nor would any other
		}
		if only != "" {
			return only, nil // the ledger says what it lacks, with its numbers
		}
		no := catalog.Refuse(catalog.RefusedPolicy, "contract", "contract.none", d.ID)
		if len(others) > 0 {
			no = catalog.Refuse(catalog.RefusedPolicy, "contract", "contract.none_covers", d.ID).WithParts(others...)
		}
		fix, err := wayToContract(ctx, c, d.ID, me)
		if err != nil {
			return "", err
		}
		return "", no.WithFixes(fix)
	default:
		no := catalog.Refuse(catalog.RefusedInvalid, "contract_ambiguous", "contract.ambiguous", len(fitting), fitting)
		no.Field = "contract"
		return "", no
	}
}

// wayToContract is what to do to get a contract: to wait for an order that is open,
// or to order one.
func wayToContract(ctx context.Context, c *client.Client, dataset, me string) (catalog.Reason, error) {
	orders, err := client.Orders.All(ctx, c)
	if err != nil {
		return catalog.Reason{}, fmt.Errorf("look for orders on %s: %w", dataset, err)
	}
	fix := catalog.Why("fix.order_contract", dataset)
	for _, o := range orders {
		if o.Buyer == me && o.Dataset == dataset && o.State == catalog.OrderOpen {
			fix = catalog.Why("fix.open_order", o.ID)
		}
	}
	return fix, nil
}

// uncovered says why a contract does not cover a request; zero: it does. The
// ledger decides again, and finally, when the query is applied.
func uncovered(k catalog.Contract, d catalog.Descriptor, r catalog.Request, now int64) catalog.Reason {
	switch {
	case k.State == catalog.ContractRevoked:
		return catalog.Why("contract.is_revoked", k.ID)
	case k.State == catalog.ContractSuspended:
		return catalog.Why("contract.is_suspended", k.ID)
	case now < k.From:
		return catalog.Why("contract.not_begun", k.ID)
	case k.Until != 0 && now >= k.Until:
		return catalog.Why("contract.has_ended", k.ID)
	case !k.Portfolio && r.Listing(d):
		return catalog.Why("contract.lacks_portfolio", k.ID)
	case k.Queries != 0 && k.Used >= k.Queries:
		return catalog.Why("contract.used_up", k.ID, k.Queries)
	}
	for _, a := range r.Select {
		if len(k.Aggregates) > 0 && !catalog.Grants(k.Aggregates, a.Func) {
			return catalog.Why("contract.lacks_function", k.ID, a.Func)
		}
		for _, m := range [2]string{a.Measure, a.Other} {
			if m != "" && len(k.Measures) > 0 && !slices.Contains(k.Measures, m) {
				return catalog.Why("contract.lacks_measure", k.ID, m)
			}
		}
	}
	return catalog.Reason{}
}
