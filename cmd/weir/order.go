package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newOrderCommand) }

// terms are the flags by which an order or its approval is narrowed.
type terms struct {
	measures   []string
	aggregates []string
	until      string
	queries    int
	budget     string
	columns    []string
	grain      string
	cohort     int
}

func (t *terms) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&t.measures, "measures", nil, "measures, comma separated; default: all")
	f.StringSliceVar(&t.aggregates, "aggregates", nil, "aggregates, comma separated, such as avg,sum,count; default: all that the policy allows")
	f.StringVar(&t.until, "until", "", "last day, such as 2027-12-31; default: a year from now")
	f.StringVar(&t.budget, "budget", "", "`AMOUNT` that may be spent, such as 100.00 in the currency of the dataset's price; default: any")
	f.StringSliceVar(&t.columns, "columns", nil, "`COLUMNS` that conditions and groups may use, comma separated, or none; default: all")
	f.StringVar(&t.grain, "finest", "", "finest `GRAIN` of periods: hour, day, month, quarter or year; default: the policy's")
	f.IntVar(&t.cohort, "min-cohort", 0, "least number of entities in a group, larger than the policy's; default: the policy's")
	f.IntVar(&t.queries, "queries", 0, "how many queries; default: any number")
}

// end is the moment after the last day, in Unix milliseconds, 0 without one.
// Days are those of China, where the data is.
func (t *terms) end() (int64, error) {
	if t.until == "" {
		return 0, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, t.until, time.FixedZone("UTC+8", 8*60*60))
	if err != nil {
		return 0, fmt.Errorf("--until %q is not a day such as 2027-12-31", t.until)
	}
	end := day.AddDate(0, 0, 1)
	if !end.After(time.Now()) {
		return 0, fmt.Errorf("--until %s is in the past", t.until)
	}
	return end.UnixMilli(), nil
}

// check checks what is counted, and the words.
func (t *terms) check() error {
	switch {
	case t.grain != "" && !catalog.Grain(t.grain).Valid():
		return fmt.Errorf("--finest is %q, want hour, day, month, quarter or year", t.grain)
	case t.queries < 0:
		return errors.New("--queries must not be negative")
	case t.cohort < 0:
		return errors.New("--min-cohort must not be negative")
	}
	return nil
}

// scope is what --columns and --finest ask for, nil without them. all are the
// columns of the dataset, for --finest alone.
func (t *terms) scope(all func() ([]string, error)) (*catalog.Scope, error) {
	if len(t.columns) == 0 && t.grain == "" {
		return nil, nil //nolint:nilnil // no scope narrows nothing
	}
	s := &catalog.Scope{Columns: []string{}, Grain: catalog.Grain(t.grain)}
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

// columnsOf lists what conditions and groups on a dataset may use.
func columnsOf(ctx context.Context, c *client.Client, dataset string) ([]string, error) {
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

func newOrderCommand(a *app) *cobra.Command {
	return group("order", "ask for a contract, and grant it", "  weir order create --dir /tmp/weir --dataset air --purpose 'credit risk'",
		newOrderCreateCommand(a), newOrderListCommand(a), newOrderShowCommand(a), newOrderApproveCommand(a), newOrderRefuseCommand(a))
}

func newOrderCreateCommand(a *app) *cobra.Command {
	var order catalog.OrderCreate
	var sql string
	var t terms
	cmd := &cobra.Command{
		Use:     "create --dataset ID --purpose TEXT",
		Short:   "ask a dataset's publisher for a contract",
		Long:    "Asks for a contract. With --for SQL it asks for the narrowest contract that\nallows that query: its measures, aggregates and columns, and periods no finer than it uses.",
		Example: "  weir order create --dir /tmp/weir --dataset air --purpose 'credit risk' --for 'SELECT AVG(pm25) FROM air'",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case order.Dataset == "" && sql == "" && order.Purpose == "":
				return usagef(cmd, "--dataset and --purpose are needed")
			case order.Dataset == "" && sql == "":
				return usagef(cmd, "--dataset is needed, or --for and a query")
			case order.Purpose == "":
				return usagef(cmd, "--purpose is needed; the publisher reads it")
			}
			until, err := t.end()
			if err != nil {
				return usagef(cmd, "%s", err)
			}
			if sql != "" && (len(t.measures) > 0 || len(t.aggregates) > 0 || len(t.columns) > 0 || t.grain != "") {
				return usagef(cmd, "--for already says which measures, aggregates, columns and periods")
			}
			if err := t.check(); err != nil {
				return usagef(cmd, "%s", err)
			}
			order.MinCohort = t.cohort
			order.Measures, order.Aggregates, order.Until, order.Queries, order.Budget = t.measures, t.aggregates, until, t.queries, t.budget
			return a.createOrder(cmd.Context(), order, sql, t)
		},
	}
	cmd.Flags().StringVar(&order.Dataset, "dataset", "", "the dataset")
	cmd.Flags().StringVar(&order.Purpose, "purpose", "", "what the figures are for; the publisher reads it")
	cmd.Flags().StringVar(&sql, "for", "", "a query that the contract is to cover")
	t.flags(cmd.Flags())
	return cmd
}

func (a *app) createOrder(ctx context.Context, order catalog.OrderCreate, sql string, t terms) error {
	c, err := a.connect(buyer)
	if err != nil {
		return err
	}
	defer c.Close()
	if sql != "" {
		err = narrowest(ctx, c, sql, &order)
	} else {
		order.Scope, err = t.scope(func() ([]string, error) { return columnsOf(ctx, c, order.Dataset) })
	}
	if err != nil {
		return err
	}
	id, err := c.CreateOrder(ctx, order)
	if err != nil {
		return err
	}
	a.note("the publisher grants it with `weir order approve %s`", id)
	return a.printRow(field{"order", id}, field{"dataset", order.Dataset}, field{"state", string(catalog.OrderOpen)})
}

// narrowest makes of the order the narrowest one that allows the query.
func narrowest(ctx context.Context, c *client.Client, sql string, order *catalog.OrderCreate) error {
	compiled, err := c.Compile(ctx, sql)
	if err != nil {
		return withSQL(sql, err)
	}
	r := compiled.Request
	if join := r.Join; join != nil && order.Dataset == join.Dataset {
		r = r.OfDataset(join.Dataset) // of two datasets the one that is named
	} else {
		r = r.OfDataset(r.Dataset)
	}
	if order.Dataset != "" && order.Dataset != r.Dataset {
		return &usageError{message: fmt.Sprintf("--dataset is %s, the query asks %s", order.Dataset, r.Dataset), command: "weir order create"}
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
	for _, have := range list {
		if have == text {
			return list
		}
	}
	if text == "" {
		return list
	}
	return append(list, text)
}

func newOrderListCommand(a *app) *cobra.Command {
	return withLimit(&cobra.Command{
		Use: "list", Short: "list orders: yours, and those on your datasets",
		Example: "  weir order list --dir /tmp/weir --as bureau",
		Args:    exactly(0, "no arguments"),
	}, func(ctx context.Context, o client.ListOptions) error {
		return printList(ctx, a, operator, "orders", asFar((*client.Client).EachOrder, o), orderSheet)
	})
}

func newOrderShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "show an order",
		Example: "  weir order show o-0123456789abcdef0123 --dir /tmp/weir --as buyer",
		Args:    exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printNamed(cmd.Context(), a, operator, args[0], (*client.Client).Order, orderSheet)
		},
	}
}

func orderSheet(orders []catalog.Order) sheet {
	s := sheet{head: []string{"order", "dataset", "buyer", "state", "contract", "purpose", "measures", "aggregates", "columns", "min cohort", "until", "queries", "budget", "created", "reason"}}
	for _, o := range orders {
		s.add(o.ID, o.Dataset, o.Buyer, string(o.State), o.Contract, o.Purpose, orAll(o.Measures), orAll(o.Aggregates),
			scopeWords(o.Scope), cohort(o.MinCohort), moment(o.Until), count(o.Queries), orAny(o.Budget), moment(o.Created), o.Reason)
	}
	return s
}

func orAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ",")
}

// scopeWords says a scope in a cell.
func scopeWords(s *catalog.Scope) string {
	if s == nil {
		return "all"
	}
	words := "none"
	if len(s.Columns) > 0 {
		words = strings.Join(s.Columns, ",")
	}
	if s.Grain != "" {
		words += " by " + string(s.Grain)
	}
	return words
}

func orAny(amount string) string {
	if amount == "" {
		return "any"
	}
	return amount
}

func count(n int) string {
	if n == 0 {
		return "any"
	}
	return strconv.Itoa(n)
}

// cohort says the least size of a group where it is not the policy's.
func cohort(n int) string {
	if n == 0 {
		return "policy's"
	}
	return strconv.Itoa(n)
}

func newOrderApproveCommand(a *app) *cobra.Command {
	var t terms
	var epsilon string
	cmd := &cobra.Command{
		Use:     "approve ID",
		Short:   "grant an order, as asked or narrowed",
		Example: "  weir order approve o-0123456789abcdef0123 --dir /tmp/weir --queries 10 --until 2027-06-30",
		Args:    exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := t.end()
			if err != nil {
				return usagef(cmd, "%s", err)
			}
			if err := t.check(); err != nil {
				return usagef(cmd, "%s", err)
			}
			c, err := a.connect(bureau)
			if err != nil {
				return err
			}
			defer c.Close()
			scope, err := t.scope(func() ([]string, error) { return orderedColumns(cmd.Context(), c, args[0]) })
			if err != nil {
				return err
			}
			contract, err := c.ApproveOrder(cmd.Context(), catalog.OrderApprove{
				Order: args[0], Measures: t.measures, Aggregates: t.aggregates, Until: until, Queries: t.queries,
				Budget: t.budget, Scope: scope, Epsilon: epsilon, MinCohort: t.cohort,
			})
			if err != nil {
				return err
			}
			if contract == "" {
				return errors.New("the order was approved, and the node named no contract; see `weir contract list`")
			}
			a.note("granted; the buyer asks under it with `weir query SQL`, and `weir contract show %s` says what is left of it", contract)
			return a.printRow(field{"order", args[0]}, field{"contract", contract})
		},
	}
	t.flags(cmd.Flags())
	cmd.Flags().StringVar(&epsilon, "epsilon", "", "`number` that all noised queries of the contract may spend together; default: the policy's, 0: none")
	return cmd
}

func newOrderRefuseCommand(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "refuse ID --reason TEXT",
		Short:   "refuse an order with a reason",
		Example: "  weir order refuse o-0123456789abcdef0123 --dir /tmp/weir --reason 'the purpose is not clear'",
		Args:    exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usagef(cmd, "--reason is needed; the buyer reads it")
			}
			if err := a.with(bureau, func(c *client.Client) error { return c.RefuseOrder(cmd.Context(), args[0], reason) }); err != nil {
				return err
			}
			return a.printRow(field{"order", args[0]}, field{"state", string(catalog.OrderRefused)}, field{"reason", reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer reads it")
	return cmd
}

// orderedColumns lists the columns that an order asks for.
func orderedColumns(ctx context.Context, c *client.Client, id string) ([]string, error) {
	o, err := c.Order(ctx, id)
	if err != nil {
		return nil, err
	}
	if o.Scope != nil {
		return o.Scope.Columns, nil
	}
	return columnsOf(ctx, c, o.Dataset)
}
