package client

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// ListOptions say what of a list is wanted.
type ListOptions struct {
	Newest bool // the newest first; lists by name have no newest
	Limit  int  // the most records; 0: all
}

// listing is how a list is read, page by page.
type listing[T any] struct {
	path    string
	token   bool
	options ListOptions
	// open reads a page: its records, and what the next one begins after.
	open func(ctx context.Context, c *Client, r call) ([]T, string, error)
}

// pagesOf reads the answers of a list's route.
func pagesOf[A, T any](records func(A) ([]T, wire.More)) func(context.Context, *Client, call) ([]T, string, error) {
	return func(ctx context.Context, c *Client, r call) ([]T, string, error) {
		answer, err := get[A](ctx, c, r)
		all, more := records(answer)
		return all, more.Next, err
	}
}

// each reads a list a page at a time, as far as it is iterated. What is added
// meanwhile may be missing; what was there at the beginning comes once.
func each[T any](ctx context.Context, c *Client, l listing[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		after, left := "", l.options.Limit
		for {
			size := wire.MaxPage
			if l.options.Limit > 0 {
				size = min(left, size)
			}
			page, next, err := l.open(ctx, c, call{path: l.page(after, size), token: l.token})
			if err == nil && !goesOn(after, next, l.options.Newest, len(page)) {
				err = fmt.Errorf("the node's pages of %s do not go on", l.path)
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, x := range page {
				if !yield(x, nil) {
					return
				}
				if left--; left == 0 && l.options.Limit > 0 {
					return
				}
			}
			if after = next; after == "" {
				return
			}
		}
	}
}

// goesOn reports whether the page after next can be another one than those before: a
// node that lies must not keep its clients reading the same for ever.
func goesOn(after, next string, newest bool, records int) bool {
	switch {
	case next == "":
		return true
	case records == 0:
		return false
	case newest && after != "":
		return next < after
	}
	return next > after
}

// page is the address of a page.
func (l listing[T]) page(after string, size int) string {
	q := url.Values{"limit": {strconv.Itoa(size)}}
	if after != "" {
		q.Set("after", after)
	}
	if l.options.Newest {
		q.Set("newest", "true")
	}
	return l.path + "?" + q.Encode()
}

// Collect reads a list as far as its iteration goes.
func Collect[T any](all iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for x, err := range all {
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// EachPrincipal lists the admitted organisations by name, for operators.
func (c *Client) EachPrincipal(ctx context.Context, limit int) iter.Seq2[catalog.Principal, error] {
	return each(ctx, c, listing[catalog.Principal]{
		path: "/v1/principals", token: true, options: ListOptions{Limit: limit},
		open: pagesOf(func(a wire.Principals) ([]catalog.Principal, wire.More) { return a.Principals, a.More }),
	})
}

// EachRegistry lists the registries by id.
func (c *Client) EachRegistry(ctx context.Context, limit int) iter.Seq2[catalog.Registry, error] {
	return each(ctx, c, listing[catalog.Registry]{
		path: "/v1/registries", options: ListOptions{Limit: limit},
		open: pagesOf(func(a wire.Registries) ([]catalog.Registry, wire.More) { return a.Registries, a.More }),
	})
}

// EachDataset lists the datasets by id.
func (c *Client) EachDataset(ctx context.Context, limit int) iter.Seq2[catalog.Dataset, error] {
	return each(ctx, c, listing[catalog.Dataset]{
		path: "/v1/datasets", options: ListOptions{Limit: limit},
		open: pagesOf(func(a wire.Datasets) ([]catalog.Dataset, wire.More) { return a.Datasets, a.More }),
	})
}

// EachVersion lists the versions of a dataset in the order of their numbers.
func (c *Client) EachVersion(ctx context.Context, dataset string, o ListOptions) iter.Seq2[catalog.Version, error] {
	return each(ctx, c, listing[catalog.Version]{
		path: "/v1/datasets/" + url.PathEscape(dataset) + "/versions", options: o,
		open: pagesOf(func(a wire.Versions) ([]catalog.Version, wire.More) { return a.Versions, a.More }),
	})
}

// EachOrder lists the caller's orders and those on its datasets, in the ledger's
// order; everybody's for an operator.
func (c *Client) EachOrder(ctx context.Context, o ListOptions) iter.Seq2[catalog.Order, error] {
	return each(ctx, c, listing[catalog.Order]{
		path: "/v1/orders", token: true, options: o,
		open: pagesOf(func(a wire.Orders) ([]catalog.Order, wire.More) { return a.Orders, a.More }),
	})
}

// EachContract lists the caller's contracts, as buyer and as publisher, in the
// ledger's order; everybody's for an operator.
func (c *Client) EachContract(ctx context.Context, o ListOptions) iter.Seq2[catalog.Contract, error] {
	return each(ctx, c, listing[catalog.Contract]{
		path: "/v1/contracts", token: true, options: o,
		open: pagesOf(func(a wire.Contracts) ([]catalog.Contract, wire.More) { return a.Contracts, a.More }),
	})
}

// EachQuery lists the caller's queries in the ledger's order.
func (c *Client) EachQuery(ctx context.Context, o ListOptions) iter.Seq2[catalog.Query, error] {
	return each(ctx, c, listing[catalog.Query]{
		path: "/v1/queries", token: true, options: o,
		open: pagesOf(func(a wire.Queries) ([]catalog.Query, wire.More) { return a.Queries, a.More }),
	})
}

// EachVector lists the caller's private vectors in the ledger's order.
func (c *Client) EachVector(ctx context.Context, o ListOptions) iter.Seq2[catalog.Vector, error] {
	return each(ctx, c, listing[catalog.Vector]{
		path: "/v1/vectors", token: true, options: o,
		open: pagesOf(func(a wire.Vectors) ([]catalog.Vector, wire.More) { return a.Vectors, a.More }),
	})
}
