package client

import (
	"context"
	"encoding/json"
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

// List is a list that nodes serve page by page.
type List[T any] struct {
	path      string
	name      string // of the records in an answer
	token     bool
	withdrawn bool // datasets that were withdrawn, too
}

// Lists that nodes serve. Principals are for operators; an operator's orders and contracts
// are everybody's.
var (
	Principals = List[catalog.Principal]{path: "/v1/principals", name: "principals", token: true} // by name
	Registries = List[catalog.Registry]{path: "/v1/registries", name: "registries"}               // by id
	Deposits   = List[wire.Deposit]{path: "/v1/deposits", name: "deposits"}                       // by digest
	// Datasets are those that were not withdrawn, by id; EveryDataset has these too: whoever
	// has a contract on one is told so.
	Datasets     = List[catalog.Dataset]{path: "/v1/datasets", name: "datasets"}
	EveryDataset = List[catalog.Dataset]{path: "/v1/datasets", name: "datasets", withdrawn: true}
	// Orders are the caller's, and those on its datasets; Contracts likewise. These, Queries
	// and Vectors, which are the caller's, are in the ledger's order.
	Orders    = List[catalog.Order]{path: "/v1/orders", name: "orders", token: true}
	Contracts = List[catalog.Contract]{path: "/v1/contracts", name: "contracts", token: true}
	Queries   = List[catalog.Query]{path: "/v1/queries", name: "queries", token: true}
	Vectors   = List[catalog.Vector]{path: "/v1/vectors", name: "vectors", token: true}
)

// All reads a whole list.
func (l List[T]) All(ctx context.Context, c *Client) ([]T, error) {
	return l.Read(ctx, c, ListOptions{})
}

// Read reads of a list what is wanted.
func (l List[T]) Read(ctx context.Context, c *Client, o ListOptions) ([]T, error) {
	var out []T
	for x, err := range l.Each(ctx, c, o) {
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// Each reads a list a page at a time, as far as it is iterated. What is added
// meanwhile may be missing; what was there at the beginning comes once.
func (l List[T]) Each(ctx context.Context, c *Client, o ListOptions) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		after, left := "", o.Limit
		for {
			size := wire.MaxPage
			if o.Limit > 0 {
				size = min(left, size)
			}
			page, next, err := l.page(ctx, c, o, after, size)
			if err == nil && !GoesOn(after, next, o.Newest, len(page)) {
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
				if left--; left == 0 && o.Limit > 0 {
					return
				}
			}
			if after = next; after == "" {
				return
			}
		}
	}
}

// GoesOn reports whether the page after next can be another one than those before: a
// node that lies must not keep its clients reading the same for ever.
func GoesOn(after, next string, newest bool, records int) bool {
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

// PageOf are the parameters of so many records behind the place after; empty: the first.
func PageOf(after string, size int) url.Values {
	q := url.Values{"limit": {strconv.Itoa(size)}}
	if after != "" {
		q.Set("after", after)
	}
	return q
}

// page reads a page: its records, and what the next one begins after.
func (l List[T]) page(ctx context.Context, c *Client, o ListOptions, after string, size int) (records []T, next string, err error) {
	q := PageOf(after, size)
	if o.Newest {
		q.Set("newest", "true")
	}
	if l.withdrawn {
		q.Set("withdrawn", "true")
	}
	r := Call{Path: l.path + "?" + q.Encode(), Token: l.token}
	answer, err := Get[map[string]json.RawMessage](ctx, c, r)
	if err != nil {
		return nil, "", err
	}
	for name, into := range map[string]any{l.name: &records, "next": &next} {
		if b := answer[name]; b != nil && err == nil {
			err = json.Unmarshal(b, into)
		}
	}
	if err != nil {
		err = fmt.Errorf("read the answer to GET %s: %w", r.Path, err)
	}
	return records, next, err
}
