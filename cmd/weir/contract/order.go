package contract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
)

// termFlags are the flags by which an order or its approval is narrowed.
type termFlags struct {
	measures   []string
	aggregates []string
	until      string
	queries    int
	budget     string
	columns    []string
	grain      string
	cohort     int
}

func (t *termFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&t.measures, "measures", nil, "measures, comma separated; default: all")
	f.StringSliceVar(&t.aggregates, "aggregates", nil, "aggregates, comma separated, such as avg,sum,count; default: all that the policy allows")
	f.StringVar(&t.until, "until", "", "last day, such as 2027-12-31; default: a year from now")
	f.StringVar(&t.budget, "budget", "", "`AMOUNT` that may be spent, such as 100.00 in the currency of the dataset's price; default: any")
	f.StringSliceVar(&t.columns, "columns", nil, "`COLUMNS` that conditions and groups may use, comma separated, or none; default: all")
	f.StringVar(&t.grain, "finest", "", "finest `GRAIN` of periods: quarter_hour, half_hour, hour, day, week, month, quarter or year; default: the policy's")
	f.IntVar(&t.cohort, "min-cohort", 0, "least number of entities in a group, larger than the policy's; default: the policy's")
	f.IntVar(&t.queries, "queries", 0, "how many queries; default: any number")
	cli.CompleteWords(cmd, "aggregates", catalog.PolicyValues("aggregates", catalog.Descriptor{})...)
	cli.CompleteWords(cmd, "finest", catalog.PolicyValues("grain", catalog.Descriptor{})...)
}

// end is the moment after the last day, in Unix milliseconds, 0 without one.
func (t *termFlags) end() (int64, error) {
	if t.until == "" {
		return 0, nil
	}
	end, err := exchange.EndOfDay(t.until, time.Now())
	if err != nil {
		return 0, fmt.Errorf("--until %w", err)
	}
	return end, nil
}

// check checks what is counted, and the words.
func (t *termFlags) check() error {
	switch {
	case t.grain != "" && !calendar.Grain(t.grain).Valid():
		return fmt.Errorf("--finest is %q, want one of %q", t.grain, calendar.Grains)
	case t.queries < 0:
		return errors.New("--queries is negative, want 0 or more")
	case t.cohort < 0:
		return errors.New("--min-cohort is negative, want 0 or more")
	}
	return nil
}

// scope is what --columns and --finest ask for, nil without them. all are the
// columns of the dataset, for --finest alone.
func (t *termFlags) scope(all func() ([]string, error)) (*catalog.Scope, error) {
	if len(t.columns) == 0 && t.grain == "" {
		return nil, nil //nolint:nilnil // no scope narrows nothing
	}
	s := &catalog.Scope{Columns: []string{}, Grain: calendar.Grain(t.grain)}
	switch {
	case len(t.columns) == 0:
		columns, err := all()
		s.Columns = append(s.Columns, columns...)
		return s, err
	case len(t.columns) == 1 && t.columns[0] == "none":
		return s, nil
	}
	s.Columns = append(s.Columns, t.columns...)
	return s, nil
}

// orderNames are the ids of all orders, openOrderNames of those that wait for an answer.
var (
	orderNames     = cli.NamesOf(cli.Buyer, client.Orders.All, orderName)
	openOrderNames = cli.NamesOf(cli.Bureau, client.Orders.All, func(o catalog.Order) string {
		if o.State != catalog.OrderOpen {
			return ""
		}
		return orderName(o)
	})
)

func orderName(o catalog.Order) string {
	return o.ID + "\t" + o.Dataset + ", " + shown.Text(o.Purpose)
}

// NewOrderCommand returns the command of buyers' orders.
func NewOrderCommand(a *cli.App) *cobra.Command {
	list := cli.List[catalog.Order]{
		Short: "list orders: yours, and those on your datasets", Example: "  weir order list --dir /tmp/weir --as bureau",
		Name: "orders", Who: cli.Operator, Read: client.Orders.Read, Table: orderTable, Grows: true,
	}.Command(a)
	show := &cobra.Command{
		Use: "show ID", Short: "show an order, and which places for exact portfolios are left",
		Example: "  weir order show o-01234567 --dir /tmp/weir --as buyer",
		Args:    cli.Exactly(1, "one order's id"),
		RunE:    func(cmd *cobra.Command, args []string) error { return showOrder(cmd.Context(), a, args[0]) },
	}
	return cli.Group(cli.ForPublishersAndBuyers, "order", "ask for a contract, and grant it", "  weir order create --dir /tmp/weir --dataset air --purpose 'credit risk'",
		newOrderCreateCommand(a), list, a.CompleteName(show, orderNames), newOrderApproveCommand(a), newOrderRefuseCommand(a))
}

func newOrderCreateCommand(a *cli.App) *cobra.Command {
	var order catalog.OrderCreate
	var sql string
	var t termFlags
	cmd := &cobra.Command{
		Use:     "create --dataset ID --purpose TEXT",
		Short:   "ask a dataset's publisher for a contract",
		Long:    "Asks for a contract. With --for SQL it asks for the narrowest contract that\nallows that query: its measures, aggregates and columns, and periods no finer than it uses.",
		Example: "  weir order create --dir /tmp/weir --dataset air --purpose 'credit risk' --for 'SELECT AVG(pm25) FROM air'",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case order.Dataset == "" && sql == "" && order.Purpose == "":
				return cli.Usagef(cmd, "--dataset and --purpose are needed")
			case order.Dataset == "" && sql == "":
				return cli.Usagef(cmd, "--dataset is needed, or --for and a query")
			case order.Purpose == "":
				return cli.Usagef(cmd, "--purpose is needed; the publisher reads it")
			}
			until, err := t.end()
			if err != nil {
				return cli.Usagef(cmd, "%s", err)
			}
			if sql != "" && (len(t.measures) > 0 || len(t.aggregates) > 0 || len(t.columns) > 0 || t.grain != "") {
				return cli.Usagef(cmd, "--for excludes --measures, --aggregates, --columns and --finest: it says them")
			}
			if err := t.check(); err != nil {
				return cli.Usagef(cmd, "%s", err)
			}
			order.MinCohort = t.cohort
			order.Measures, order.Aggregates, order.Until, order.Queries, order.Budget = t.measures, t.aggregates, until, t.queries, t.budget
			return createOrder(cmd.Context(), a, order, sql, t)
		},
	}
	cmd.Flags().StringVar(&order.Dataset, "dataset", "", "the dataset")
	cmd.Flags().StringVar(&order.Purpose, "purpose", "", "what the figures are for; the publisher reads it")
	cmd.Flags().StringVar(&sql, "for", "", "a query that the contract is to cover")
	cmd.Flags().BoolVar(&order.Portfolio, "portfolio", false, "ask for exact figures of a private portfolio: one of the places that the publisher gives")
	t.flags(cmd)
	a.CompleteFlag(cmd, "dataset", cli.DatasetNames)
	return cmd
}

func createOrder(ctx context.Context, a *cli.App, order catalog.OrderCreate, sql string, t termFlags) error {
	return a.With(cli.Buyer, func(c *client.Client) error {
		var err error
		if sql != "" {
			err = narrowOrder(ctx, c, sql, &order)
		} else {
			order.Scope, err = t.scope(func() ([]string, error) { return ask.Columns(ctx, c, order.Dataset) })
		}
		if err != nil {
			return err
		}
		id, err := exchange.CreateOrder(ctx, c, order)
		if err != nil {
			return err
		}
		a.Note("the publisher grants it with `weir order approve %s`", id)
		if err := notePlaces(ctx, a, c, catalog.Order{ID: id, OrderCreate: order}); err != nil {
			return err
		}
		return a.PrintRow("order", id, "dataset", order.Dataset, "state", string(catalog.OrderOpen))
	})
}

// narrowOrder makes of the order the narrowest one that allows the query.
func narrowOrder(ctx context.Context, c *client.Client, sql string, order *catalog.OrderCreate) error {
	err := ask.NarrowOrder(ctx, c, sql, order)
	if other, ok := errors.AsType[*ask.OtherDatasetError](err); ok {
		return &cli.UsageError{Message: fmt.Sprintf("--dataset is %s, the query asks %s", other.Ordered, other.Asked), Command: "weir order create"}
	}
	return cli.WithSQL(sql, err)
}

// showOrder prints an order, and says which places are left where it asks for one.
func showOrder(ctx context.Context, a *cli.App, id string) error {
	return a.With(cli.Operator, func(c *client.Client) error {
		o, err := exchange.Order(ctx, c, id)
		if err != nil {
			return err
		}
		if err := notePlaces(ctx, a, c, o); err != nil {
			return err
		}
		return a.PrintOne(o, orderTable([]catalog.Order{o}))
	})
}

// notePlaces says how many places for exact portfolios are left to an order that asks for
// one.
func notePlaces(ctx context.Context, a *cli.App, c *client.Client, o catalog.Order) error {
	if !o.Portfolio {
		return nil
	}
	places, err := exchange.OrderPlaces(ctx, c, o.ID)
	for _, p := range places {
		a.Note("%s", describePlaces(p))
	}
	return err
}

// describePlaces says how many places for exact portfolios of a measure are left.
func describePlaces(p catalog.Places) string {
	words := fmt.Sprintf("exact portfolios of %s: %d of %s left", p.Measure, p.Left(), english.Plural(p.Owners, "place", "places"))
	owners := map[string]int{} // looked up only
	periods := 0
	for _, t := range p.Taken {
		owners[t.Owner]++
		periods += int(t.To - t.From)
	}
	if periods > 0 {
		words += fmt.Sprintf("; %s asked for by %s", english.Plural(periods, "period was", "periods were"), english.Plural(len(owners), "owner", "owners"))
	}
	return words
}

func orderTable(orders []catalog.Order) term.Table {
	s := term.Table{
		Head: []string{
			"order", "dataset", "buyer", "state", "contract", "purpose", "measures", "aggregates", "columns", "min cohort", "portfolio",
			"until", "queries", "budget", "created", "reason",
		},
		Optional: []string{
			"min cohort", "columns", "aggregates", "measures", "portfolio", "budget", "queries", "until", "created", "reason", "buyer", "contract",
		},
	}
	for _, o := range orders {
		s.Add(o.ID, o.Dataset, o.Buyer, string(o.State), o.Contract, o.Purpose, orAll(o.Measures), orAll(o.Aggregates),
			describeScope(o.Scope), orElse(o.MinCohort, "policy's"), cli.YesNo(o.Portfolio), cli.FormatTime(o.Until), orElse(o.Queries, "any"), orAny(o.Budget), cli.FormatTime(o.Created), o.Reason)
	}
	return s
}

func orAll(list []string) string { return cmp.Or(strings.Join(list, ","), "all") }

// describeScope says a scope in a cell.
func describeScope(s *catalog.Scope) string {
	if s == nil {
		return "all"
	}
	words := cmp.Or(strings.Join(s.Columns, ","), "none")
	if s.Grain != "" {
		words += " by " + string(s.Grain)
	}
	return words
}

func orAny(amount string) string { return cmp.Or(amount, "any") }

// orElse is a number, or what stands for 0.
func orElse(n int, zero string) string {
	if n == 0 {
		return zero
	}
	return strconv.Itoa(n)
}

// approval is the grant of an order.
type approval struct {
	*cli.App
	terms       termFlags
	epsilon     string
	noPortfolio bool
}

func newOrderApproveCommand(a *cli.App) *cobra.Command {
	g := approval{App: a}
	cmd := &cobra.Command{
		Use:     "approve ID",
		Short:   "grant an order, as asked or narrowed",
		Example: "  weir order approve o-01234567 --dir /tmp/weir --queries 10 --until 2027-06-30",
		Args:    cli.Exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := g.terms.end()
			if err != nil {
				return cli.Usagef(cmd, "%s", err)
			}
			if err := g.terms.check(); err != nil {
				return cli.Usagef(cmd, "%s", err)
			}
			return a.With(cli.Bureau, func(c *client.Client) error { return g.grant(cmd.Context(), c, args[0], until) })
		},
	}
	g.terms.flags(cmd)
	cmd.Flags().StringVar(&g.epsilon, "epsilon", "", "`number` that all noised queries of the contract may spend together; default: the policy's, 0: none")
	cmd.Flags().BoolVar(&g.noPortfolio, "no-portfolio", false, "without the exact portfolio that the order asks for")
	return a.CompleteName(cmd, openOrderNames)
}

// grant signs the grant of an order, which is shown before.
func (g *approval) grant(ctx context.Context, c *client.Client, id string, until int64) error {
	order, err := exchange.Order(ctx, c, id)
	if err != nil {
		return err
	}
	scope, err := g.terms.scope(func() ([]string, error) { return ask.OrderedColumns(ctx, c, order) })
	if err != nil {
		return err
	}
	if !g.noPortfolio {
		if err := notePlaces(ctx, g.App, c, order); err != nil {
			return err
		}
	}
	g.Note("you sign the grant of %s", describeOrder(order))
	contract, err := exchange.ApproveOrder(ctx, c, catalog.OrderApprove{
		Order: order.ID, Measures: g.terms.measures, Aggregates: g.terms.aggregates, Until: until, Queries: g.terms.queries,
		Budget: g.terms.budget, Scope: scope, Epsilon: g.epsilon, MinCohort: g.terms.cohort, NoPortfolio: g.noPortfolio,
	})
	if err != nil {
		return err
	}
	if contract == "" {
		return errors.New("the order was approved, and the node named no contract; see `weir contract list`")
	}
	g.Note("granted; the buyer asks under it with `weir query SQL`, and `weir contract show %s` says what is left of it", contract)
	return g.PrintRow("order", order.ID, "contract", contract)
}

func newOrderRefuseCommand(a *cli.App) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "refuse ID --reason TEXT",
		Short:   "refuse an order with a reason",
		Example: "  weir order refuse o-01234567 --dir /tmp/weir --reason 'the purpose is not clear'",
		Args:    cli.Exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return cli.Usagef(cmd, "--reason is needed; the buyer reads it")
			}
			return a.With(cli.Bureau, func(c *client.Client) error {
				order, err := exchange.Order(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				a.Note("you sign the refusal of %s", describeOrder(order))
				if err := exchange.RefuseOrder(cmd.Context(), c, order.ID, reason); err != nil {
					return err
				}
				return a.PrintRow("order", order.ID, "state", string(catalog.OrderRefused), "reason", reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer reads it")
	return a.CompleteName(cmd, openOrderNames)
}

// describeOrder says what the buyer signed and the publisher decides on.
func describeOrder(o catalog.Order) string {
	return fmt.Sprintf("order %s, signed by buyer %s: dataset %s for %q; measures %s; aggregates %s; columns %s; min cohort %s; queries %s; budget %s; until %s",
		o.ID, o.Buyer, o.Dataset, o.Purpose, orAll(o.Measures), orAll(o.Aggregates), describeScope(o.Scope), orElse(o.MinCohort, "policy's"), orElse(o.Queries, "any"), orAny(o.Budget),
		cmp.Or(cli.FormatTime(o.Until), "a year from the grant"))
}
