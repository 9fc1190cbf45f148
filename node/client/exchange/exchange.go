// Package exchange is what a buyer and a publisher settle between them on the ledger: orders, the contracts
// that they become, and the statements of what was asked under one.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// ErrOrderForged is returned when a node tells something else of an order than what
// its buyer signed. Nothing is decided on it.
var ErrOrderForged = errors.New("a node tells something else of the order than its buyer has signed")

// CreateOrder asks for a contract and returns the order's id.
func CreateOrder(ctx context.Context, c *client.Client, o catalog.OrderCreate) (string, error) {
	done, err := c.Submit(ctx, catalog.KindOrderCreate, o)
	return done.Outcome.ID, err
}

// EndOfDay is the moment after a day such as 2027-12-31 that is to come, in Unix milliseconds: the term of an
// order or a contract up to that day. Days are those of China, where the data is.
func EndOfDay(text string, now time.Time) (int64, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, time.FixedZone("UTC+8", 8*60*60))
	if err != nil {
		return 0, fmt.Errorf("%q is not a day such as 2027-12-31", text)
	}
	end := day.AddDate(0, 0, 1)
	if !end.After(now) {
		return 0, fmt.Errorf("%s is in the past", text)
	}
	return end.UnixMilli(), nil
}

// ApproveOrder grants an order, as asked or narrowed, and returns the contract's id.
// What is signed names the digest of what the buyer signed, which is read first, as
// Order does: no node can have another order granted.
func ApproveOrder(ctx context.Context, c *client.Client, o catalog.OrderApprove) (string, error) {
	order, err := Order(ctx, c, o.Order)
	if err != nil {
		return "", err
	}
	o.Order = order.ID
	done, err := c.Submit(ctx, catalog.KindOrderApprove, o)
	return done.Outcome.ID, err
}

// OrderPlaces tells how the places for exact portfolios are taken in the measures of an
// order that asks for one.
func OrderPlaces(ctx context.Context, c *client.Client, id string) ([]catalog.Places, error) {
	o, err := client.Get[wire.Order](ctx, c, client.Call{Path: "/v1/orders/" + url.PathEscape(id), Token: true})
	return o.Places, err
}

// RefuseOrder ends an order with a reason. The order is read first, as for ApproveOrder.
func RefuseOrder(ctx context.Context, c *client.Client, id, reason string) error {
	order, err := Order(ctx, c, id)
	if err != nil {
		return err
	}
	_, err = c.Submit(ctx, catalog.KindOrderRefuse, catalog.OrderRefuse{Order: order.ID, Reason: reason})
	return err
}

// Order reads one order, and verifies that it is what its buyer signed: the id is the
// digest of that. What a node says otherwise is ErrOrderForged.
func Order(ctx context.Context, c *client.Client, id string) (catalog.Order, error) {
	id, err := c.ID(ctx, catalog.LetterOrder, id)
	if err != nil {
		return catalog.Order{}, err
	}
	o, err := client.Get[wire.Order](ctx, c, client.Call{Path: "/v1/orders/" + url.PathEscape(id), Token: true})
	if err != nil {
		return catalog.Order{}, err
	}
	signed, err := attest.OpenOrder(o.Signed, o.Key, c.Profile().Cluster)
	switch {
	case err != nil:
		return catalog.Order{}, fmt.Errorf("%w: order %s: %w", ErrOrderForged, id, err)
	case signed.ID != id:
		return catalog.Order{}, fmt.Errorf("%w: asked for was %s, signed is %s", ErrOrderForged, id, signed.ID)
	case !signed.Same(o.Order):
		return catalog.Order{}, fmt.Errorf("%w: order %s", ErrOrderForged, id)
	}
	return o.Order, nil
}

// Contract reads one contract.
func Contract(ctx context.Context, c *client.Client, id string) (catalog.Contract, error) {
	id, err := c.ID(ctx, catalog.LetterContract, id)
	if err != nil {
		return catalog.Contract{}, err
	}
	return client.Get[catalog.Contract](ctx, c, client.Call{Path: "/v1/contracts/" + url.PathEscape(id), Token: true})
}

// ChangeContract suspends a contract (catalog.KindContractSuspend) until it is resumed
// (KindContractResume), or revokes it for good (KindContractRevoke), from the next query on.
func ChangeContract(ctx context.Context, c *client.Client, kind catalog.Kind, id, reason string) error {
	id, err := c.ID(ctx, catalog.LetterContract, id)
	if err == nil {
		_, err = c.Submit(ctx, kind, catalog.ContractChange{Contract: id, Reason: reason})
	}
	return err
}

// Statement reads what was asked under a contract in a month such as 2026-11,
// or in its whole term for an empty month.
func Statement(ctx context.Context, c *client.Client, contract, month string) (catalog.Statement, error) {
	contract, err := c.ID(ctx, catalog.LetterContract, contract)
	if err != nil {
		return catalog.Statement{}, err
	}
	var all catalog.Statement
	for after := ""; ; after = all.Next {
		q := client.PageOf(after, wire.MaxPage)
		if month != "" {
			q.Set("month", month)
		}
		page, err := client.Get[catalog.Statement](ctx, c, client.Call{Path: "/v1/contracts/" + url.PathEscape(contract) + "/statement?" + q.Encode(), Token: true})
		switch {
		case err != nil:
			return catalog.Statement{}, err
		case !client.GoesOn(after, page.Next, false, len(page.Lines)):
			return catalog.Statement{}, fmt.Errorf("the node's pages of the statement of %s do not go on", contract)
		case after == "":
			all = page
		default:
			all.Add(page)
		}
		if all.Next == "" {
			return all, nil
		}
	}
}
