package buyer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/desk/route"
)

// maxListed is how many orders and contracts are listed.
const maxListed = 200

// Orders answers GET /api/orders.
type Orders struct {
	Orders []catalog.Order `json:"orders"`
}

// orders places orders, and tells what of them and of contracts there is.
type orders struct{ client *client.Client }

func (s *orders) list(ctx context.Context, _ none) (Orders, error) {
	if s.client.Key() == nil {
		return Orders{}, client.ErrNoKey
	}
	list, err := client.Orders.Read(ctx, s.client, client.ListOptions{Newest: true, Limit: maxListed})
	return Orders{append([]catalog.Order{}, list...)}, err
}

// Order is what a person orders. The last day is a date in China's time, where the data is.
type Order struct {
	Dataset    string   `json:"dataset"`
	Purpose    string   `json:"purpose"`
	Measures   []string `json:"measures,omitempty"`   // none: all
	Aggregates []string `json:"aggregates,omitempty"` // none: all that the policy allows
	// Columns that conditions and groups may use, and the finest grain, where Scoped; else the policy's.
	Scoped    bool     `json:"scoped,omitempty"`
	Columns   []string `json:"columns,omitempty"`
	Grain     string   `json:"grain,omitempty"`
	Until     string   `json:"until,omitempty"` // the last day, such as 2027-12-31; none: a year from the grant
	Queries   int      `json:"queries,omitempty"`
	Budget    string   `json:"budget,omitempty"`
	MinCohort int      `json:"min_cohort,omitempty"`
	Portfolio bool     `json:"portfolio,omitempty"`
}

// Ordered is an order that the ledger has.
type Ordered struct {
	Order string `json:"order"`
}

func (s *orders) place(ctx context.Context, in struct{ Body Order }) (Ordered, error) {
	o, err := in.Body.create(s.client.Now())
	if err != nil {
		return Ordered{}, err
	}
	id, err := exchange.CreateOrder(ctx, s.client, o)
	return Ordered{id}, err
}

// create is what is signed of an order.
func (o Order) create(now time.Time) (catalog.OrderCreate, error) {
	out := catalog.OrderCreate{
		Dataset: o.Dataset, Purpose: strings.TrimSpace(o.Purpose), Measures: o.Measures, Aggregates: o.Aggregates, Queries: o.Queries,
		Budget: o.Budget, MinCohort: o.MinCohort, Portfolio: o.Portfolio,
	}
	switch {
	case out.Dataset == "":
		return out, route.BadField("dataset", "the order is on no dataset", "order from a dataset's listing, or from a query")
	case out.Purpose == "":
		return out, route.BadField("purpose", "the purpose is missing", "say what the figures are for; the publisher reads it and decides by it")
	case o.Queries < 0 || o.MinCohort < 0:
		return out, route.BadField("queries", "a number is negative", "leave it empty for any number")
	case o.Grain != "" && !calendar.Grain(o.Grain).Valid():
		return out, route.BadField("grain", fmt.Sprintf("%.20q is no grain", o.Grain), fmt.Sprintf("take one of %q", calendar.Grains))
	}
	if o.Scoped {
		out.Scope = &catalog.Scope{Columns: append([]string{}, o.Columns...), Grain: calendar.Grain(o.Grain)}
	}
	if o.Until != "" {
		end, err := exchange.EndOfDay(o.Until, now)
		if err != nil {
			return out, route.BadField("until", err.Error(), "give a day to come, such as 2027-12-31, or none for a year from the grant")
		}
		out.Until = end
	}
	return out, nil
}

// drafted is a query that an order is to allow, and the dataset where the query is on two.
type drafted struct {
	SQL     string `json:"sql"`
	Dataset string `json:"dataset,omitempty"`
}

func (s *orders) draft(ctx context.Context, in struct{ Body drafted }) (Order, error) {
	o := catalog.OrderCreate{Dataset: in.Body.Dataset}
	if err := ask.NarrowOrder(ctx, s.client, in.Body.SQL, &o); err != nil {
		return Order{}, err
	}
	return Order{
		Dataset: o.Dataset, Measures: o.Measures, Aggregates: o.Aggregates, Scoped: o.Scope != nil, Columns: o.Scope.Columns, Grain: string(o.Scope.Grain),
	}, nil
}

// Contracts answers GET /api/contracts.
type Contracts struct {
	Contracts []ask.Accounted `json:"contracts"`
}

func (s *orders) contracts(ctx context.Context, _ none) (Contracts, error) {
	if s.client.Key() == nil {
		return Contracts{}, client.ErrNoKey
	}
	list, err := client.Contracts.Read(ctx, s.client, client.ListOptions{Newest: true, Limit: maxListed})
	if err != nil {
		return Contracts{}, err
	}
	all, err := ask.WithAccounts(ctx, s.client, list)
	return Contracts{append([]ask.Accounted{}, all...)}, err
}

// monthly is a contract, and a month of its statement.
type monthly struct {
	ID    string `path:"id"`
	Month string `query:"month" doc:"Such as 2026-11; absent: the whole term"`
}

func (s *orders) statement(ctx context.Context, in monthly) (catalog.Statement, error) {
	if s.client.Key() == nil {
		return catalog.Statement{}, client.ErrNoKey
	}
	return exchange.Statement(ctx, s.client, in.ID, in.Month)
}
