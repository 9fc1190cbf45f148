package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/weirdata/weir/catalog"
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

// Principals lists the admitted organisations, for operators.
func (c *Client) Principals(ctx context.Context) ([]catalog.Principal, error) {
	return Collect(c.EachPrincipal(ctx, 0))
}

// CreateOrder asks for a contract and returns the order's id.
func (c *Client) CreateOrder(ctx context.Context, o catalog.OrderCreate) (string, error) {
	done, err := c.Submit(ctx, catalog.KindOrderCreate, o)
	return done.Outcome.ID, err
}

// ApproveOrder grants an order, as asked or narrowed, and returns the
// contract's id.
func (c *Client) ApproveOrder(ctx context.Context, o catalog.OrderApprove) (string, error) {
	done, err := c.Submit(ctx, catalog.KindOrderApprove, o)
	return done.Outcome.ID, err
}

// RefuseOrder ends an order with a reason.
func (c *Client) RefuseOrder(ctx context.Context, id, reason string) error {
	_, err := c.Submit(ctx, catalog.KindOrderRefuse, catalog.OrderRefuse{Order: id, Reason: reason})
	return err
}

// Orders lists the caller's orders, and those on its datasets.
func (c *Client) Orders(ctx context.Context) ([]catalog.Order, error) {
	return Collect(c.EachOrder(ctx, ListOptions{}))
}

// Order reads one order.
func (c *Client) Order(ctx context.Context, id string) (catalog.Order, error) {
	return get[catalog.Order](ctx, c, call{path: "/v1/orders/" + url.PathEscape(id), token: true})
}

// Contracts lists the caller's contracts, as buyer and as publisher.
func (c *Client) Contracts(ctx context.Context) ([]catalog.Contract, error) {
	return Collect(c.EachContract(ctx, ListOptions{}))
}

// Contract reads one contract.
func (c *Client) Contract(ctx context.Context, id string) (catalog.Contract, error) {
	return get[catalog.Contract](ctx, c, call{path: "/v1/contracts/" + url.PathEscape(id), token: true})
}

// Datasets lists the datasets.
func (c *Client) Datasets(ctx context.Context) ([]catalog.Dataset, error) {
	return Collect(c.EachDataset(ctx, 0))
}

// Dataset reads one dataset.
func (c *Client) Dataset(ctx context.Context, id string) (catalog.Dataset, error) {
	return get[catalog.Dataset](ctx, c, call{path: "/v1/datasets/" + url.PathEscape(id)})
}

// Version reads one version of a dataset.
func (c *Client) Version(ctx context.Context, dataset string, version int) (catalog.Version, error) {
	return get[catalog.Version](ctx, c, call{path: versionPath(dataset, version)})
}

func versionPath(dataset string, version int) string {
	return fmt.Sprintf("/v1/datasets/%s/versions/%d", url.PathEscape(dataset), version)
}

// SuspendContract stops a contract from the next query on, until it is resumed.
func (c *Client) SuspendContract(ctx context.Context, id, reason string) error {
	return c.changeContract(ctx, catalog.KindContractSuspend, id, reason)
}

// ResumeContract makes a suspended contract usable again.
func (c *Client) ResumeContract(ctx context.Context, id, reason string) error {
	return c.changeContract(ctx, catalog.KindContractResume, id, reason)
}

// RevokeContract ends a contract for good, from the next query on.
func (c *Client) RevokeContract(ctx context.Context, id, reason string) error {
	return c.changeContract(ctx, catalog.KindContractRevoke, id, reason)
}

func (c *Client) changeContract(ctx context.Context, kind catalog.Kind, id, reason string) error {
	_, err := c.Submit(ctx, kind, catalog.ContractChange{Contract: id, Reason: reason})
	return err
}

// Statement reads what was asked under a contract in a month such as 2026-11,
// or in its whole term for an empty month.
func (c *Client) Statement(ctx context.Context, contract, month string) (catalog.Statement, error) {
	var all catalog.Statement
	for after := ""; ; after = all.Next {
		q := url.Values{"limit": {strconv.Itoa(wire.MaxPage)}}
		if month != "" {
			q.Set("month", month)
		}
		if after != "" {
			q.Set("after", after)
		}
		page, err := get[catalog.Statement](ctx, c, call{path: "/v1/contracts/" + url.PathEscape(contract) + "/statement?" + q.Encode(), token: true})
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

// Versions reads all versions of a dataset, the first first.
func (c *Client) Versions(ctx context.Context, dataset string) ([]catalog.Version, error) {
	return Collect(c.EachVersion(ctx, dataset, ListOptions{}))
}
