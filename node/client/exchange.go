package client

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/node/api/wire"
)

// AddPrincipal admits an organisation in a role; the client's key must be an
// operator's. It returns the principal's id.
func (c *Client) AddPrincipal(ctx context.Context, p PublicKey, role catalog.Role) (string, error) {
	done, err := c.Submit(ctx, catalog.KindPrincipalAdd, catalog.PrincipalAdd{
		Name: p.Name, Role: role, Key: p.Key, Receiving: p.Receiving,
	})
	return done.Outcome.ID, err
}

// RefreshKey asks the nodes to share a publisher's key anew; the client's key must be an
// operator's. All nodes have to be up for it, and it is done once Key.Refresh and Key.Retired
// are nil again.
func (c *Client) RefreshKey(ctx context.Context, key string) error {
	_, err := c.Submit(ctx, catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	return err
}

// RefreshVectors has all private vectors shared anew among the nodes of the roster.
func (c *Client) RefreshVectors(ctx context.Context) error {
	_, err := c.Submit(ctx, catalog.KindVectorRefresh, resharing.Refresh{})
	return err
}

// RefreshEvery has keys and private vectors shared anew whenever their shares are that old; 0:
// never.
func (c *Client) RefreshEvery(ctx context.Context, age time.Duration) error {
	_, err := c.Submit(ctx, catalog.KindRefreshEvery, resharing.Every{Every: age.Milliseconds()})
	return err
}

// CreateOrder asks for a contract and returns the order's id.
func (c *Client) CreateOrder(ctx context.Context, o catalog.OrderCreate) (string, error) {
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
func (c *Client) ApproveOrder(ctx context.Context, o catalog.OrderApprove) (string, error) {
	order, err := c.Order(ctx, o.Order)
	if err != nil {
		return "", err
	}
	o.Order = order.ID
	done, err := c.Submit(ctx, catalog.KindOrderApprove, o)
	return done.Outcome.ID, err
}

// OrderPlaces tells how the places for exact portfolios are taken in the measures of an
// order that asks for one.
func (c *Client) OrderPlaces(ctx context.Context, id string) ([]catalog.Places, error) {
	o, err := Get[wire.Order](ctx, c, Call{Path: "/v1/orders/" + url.PathEscape(id), Token: true})
	return o.Places, err
}

// RefuseOrder ends an order with a reason. The order is read first, as for ApproveOrder.
func (c *Client) RefuseOrder(ctx context.Context, id, reason string) error {
	order, err := c.Order(ctx, id)
	if err != nil {
		return err
	}
	_, err = c.Submit(ctx, catalog.KindOrderRefuse, catalog.OrderRefuse{Order: order.ID, Reason: reason})
	return err
}

// Order reads one order, and verifies that it is what its buyer signed: the id is the
// digest of that. What a node says otherwise is ErrOrderForged.
func (c *Client) Order(ctx context.Context, id string) (catalog.Order, error) {
	id, err := c.ID(ctx, catalog.LetterOrder, id)
	if err != nil {
		return catalog.Order{}, err
	}
	o, err := Get[wire.Order](ctx, c, Call{Path: "/v1/orders/" + url.PathEscape(id), Token: true})
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
func (c *Client) Contract(ctx context.Context, id string) (catalog.Contract, error) {
	id, err := c.ID(ctx, catalog.LetterContract, id)
	if err != nil {
		return catalog.Contract{}, err
	}
	return Get[catalog.Contract](ctx, c, Call{Path: "/v1/contracts/" + url.PathEscape(id), Token: true})
}

// ChangeContract suspends a contract (catalog.KindContractSuspend) until it is resumed
// (KindContractResume), or revokes it for good (KindContractRevoke), from the next query on.
func (c *Client) ChangeContract(ctx context.Context, kind catalog.Kind, id, reason string) error {
	id, err := c.ID(ctx, catalog.LetterContract, id)
	if err == nil {
		_, err = c.Submit(ctx, kind, catalog.ContractChange{Contract: id, Reason: reason})
	}
	return err
}

// Statement reads what was asked under a contract in a month such as 2026-11,
// or in its whole term for an empty month.
func (c *Client) Statement(ctx context.Context, contract, month string) (catalog.Statement, error) {
	contract, err := c.ID(ctx, catalog.LetterContract, contract)
	if err != nil {
		return catalog.Statement{}, err
	}
	var all catalog.Statement
	for after := ""; ; after = all.Next {
		q := pageOf(after, wire.MaxPage)
		if month != "" {
			q.Set("month", month)
		}
		page, err := Get[catalog.Statement](ctx, c, Call{Path: "/v1/contracts/" + url.PathEscape(contract) + "/statement?" + q.Encode(), Token: true})
		switch {
		case err != nil:
			return catalog.Statement{}, err
		case !goesOn(after, page.Next, false, len(page.Lines)):
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
