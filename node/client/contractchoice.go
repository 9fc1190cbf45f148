package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// chooseContract finds the caller's only active contract that covers the
// request; empty when the caller owns the dataset, which needs none.
func (c *Client) chooseContract(ctx context.Context, d catalog.Dataset, r catalog.Request) (string, error) {
	me, err := c.principal()
	if err != nil {
		return "", err
	}
	if d.Owner == me {
		return "", nil
	}
	all, err := c.Contracts(ctx)
	if err != nil {
		return "", fmt.Errorf("look for a contract on %s: %w", d.ID, err)
	}
	now := c.now().UnixMilli()
	var fitting, others []string
	only := "" // the one contract on the dataset, if there is one
	for _, k := range all {
		if k.Buyer != me || k.Dataset != d.ID {
			continue
		}
		if only = k.ID; len(fitting)+len(others) > 0 {
			only = ""
		}
		if why := uncovered(k, r, now); why != "" {
			others = append(others, k.ID+" "+why)
			continue
		}
		if outside := k.InScope(d.Descriptor, r); outside != nil {
			others = append(others, k.ID+" does not do: "+outside.Message)
			continue
		}
		fitting = append(fitting, k.ID)
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
		message := fmt.Sprintf("no contract of yours on dataset %s covers this query", d.ID)
		if len(others) > 0 {
			message += ": " + strings.Join(others, "; ")
		}
		fix, err := c.wayToContract(ctx, d.ID, me)
		if err != nil {
			return "", err
		}
		return "", &catalog.Refusal{Kind: catalog.RefusedPolicy, Rule: "contract", Message: message, Fix: fix}
	default:
		return "", &catalog.Refusal{
			Kind: catalog.RefusedInvalid, Rule: "contract_ambiguous", Field: "contract",
			Message: fmt.Sprintf("%d contracts cover this query: %s", len(fitting), strings.Join(fitting, ", ")),
			Fix:     "name one with --contract",
		}
	}
}

// wayToContract is what to do to get a contract: to wait for an order that is open,
// or to order one.
func (c *Client) wayToContract(ctx context.Context, dataset, me string) (string, error) {
	orders, err := c.Orders(ctx)
	if err != nil {
		return "", fmt.Errorf("look for orders on %s: %w", dataset, err)
	}
	fix := fmt.Sprintf("order one with `weir order create --dataset %s --purpose TEXT`", dataset)
	for _, o := range orders {
		if o.Buyer == me && o.Dataset == dataset && o.State == catalog.OrderOpen {
			fix = fmt.Sprintf("your order %s waits for the publisher, who grants it with `weir order approve %s`", o.ID, o.ID)
		}
	}
	return fix, nil
}

// uncovered says why a contract does not cover a request; empty: it does. The
// ledger decides again, and finally, when the query is applied.
func uncovered(k catalog.Contract, r catalog.Request, now int64) string {
	switch k.State {
	case catalog.ContractRevoked:
		return "was revoked"
	case catalog.ContractSuspended:
		return "is suspended"
	}
	if now < k.From {
		return "has not begun"
	}
	if k.Until != 0 && now >= k.Until {
		return "has ended"
	}
	if k.Queries != 0 && k.Used >= k.Queries {
		return fmt.Sprintf("has used its %d queries", k.Queries)
	}
	for _, a := range r.Select {
		if len(k.Aggregates) > 0 && !catalog.Grants(k.Aggregates, a.Func) {
			return "does not grant " + a.Func
		}
		for _, m := range [2]string{a.Measure, a.Other} {
			if m != "" && len(k.Measures) > 0 && !slices.Contains(k.Measures, m) {
				return "does not grant measure " + m
			}
		}
	}
	return ""
}
