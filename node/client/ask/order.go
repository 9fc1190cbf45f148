package ask

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// OtherDatasetError is returned when an order is on another dataset than the query that it is made of.
type OtherDatasetError struct {
	Ordered, Asked string
}

// Error implements error.
func (e *OtherDatasetError) Error() string {
	return fmt.Sprintf("the order is on dataset %s, the query asks %s", e.Ordered, e.Asked)
}

// NarrowOrder makes of an order the narrowest one that allows a query: its measures, aggregates and columns,
// and periods no finer than it uses. Without a dataset it is on the query's; of a query on two datasets it
// is on the one that it names. Errors: *sql.Error, *OtherDatasetError.
func NarrowOrder(ctx context.Context, c *client.Client, text string, order *catalog.OrderCreate) error {
	compiled, err := Compile(ctx, c, text)
	if err != nil {
		return err
	}
	r := compiled.Request
	if join := r.Join; join != nil && order.Dataset == join.Dataset {
		r = r.OfDataset(join.Dataset)
	} else {
		r = r.OfDataset(r.Dataset)
	}
	if order.Dataset != "" && order.Dataset != r.Dataset {
		return &OtherDatasetError{Ordered: order.Dataset, Asked: r.Dataset}
	}
	order.Dataset = r.Dataset
	d, err := c.Dataset(ctx, r.Dataset)
	if err != nil {
		return err
	}
	for _, s := range r.Select {
		name := s.Func // the ledger refuses what the policy does not allow
		if granting := catalog.GrantedBy(d.Descriptor.Policy.Aggregates, s.Func); len(granting) > 0 {
			name = granting[0]
		}
		order.Aggregates = appendNew(order.Aggregates, name)
		order.Measures = appendNew(appendNew(order.Measures, s.Measure), s.Other)
	}
	scope := catalog.ScopeOf(d.Descriptor, r)
	order.Scope = &scope
	return nil
}

// appendNew appends what is not empty and not there.
func appendNew(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// Columns are those that conditions and groups on a dataset may use: the entity, then the registry's.
func Columns(ctx context.Context, c *client.Client, dataset string) ([]string, error) {
	d, err := c.Dataset(ctx, dataset)
	if err != nil {
		return nil, err
	}
	r, err := c.Registry(ctx, d.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	return append([]string{d.Descriptor.Entity}, r.Columns...), nil
}

// OrderedColumns are the columns that an order asks for.
func OrderedColumns(ctx context.Context, c *client.Client, o catalog.Order) ([]string, error) {
	if o.Scope != nil {
		return o.Scope.Columns, nil
	}
	return Columns(ctx, c, o.Dataset)
}
