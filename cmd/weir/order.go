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
)

func init() { commands = append(commands, newOrderCommand) }

// terms are the flags by which an order or its approval is narrowed.
type terms struct {
	measures   []string
	aggregates []string
	until      string
	queries    int
}

func (t *terms) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&t.measures, "measures", nil, "measures, comma separated; default: all")
	f.StringSliceVar(&t.aggregates, "aggregates", nil, "aggregates, comma separated, such as avg,sum,count; default: all that the policy allows")
	f.StringVar(&t.until, "until", "", "last day, such as 2027-12-31; default: a year from now")
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
	return day.AddDate(0, 0, 1).UnixMilli(), nil
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
		Long:    "Asks for a contract. With --for SQL it asks for exactly the measures and aggregates of that query.",
		Example: "  weir order create --dir /tmp/weir --dataset air --purpose 'credit risk' --for 'SELECT AVG(pm25) FROM air'",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if order.Purpose == "" || (order.Dataset == "" && sql == "") {
				return usagef(cmd, "--dataset and --purpose are needed")
			}
			until, err := t.end()
			if err != nil {
				return usagef(cmd, "%s", err)
			}
			if sql != "" && (len(t.measures) > 0 || len(t.aggregates) > 0) {
				return usagef(cmd, "--for already says which measures and aggregates")
			}
			if t.queries < 0 {
				return usagef(cmd, "--queries must not be negative")
			}
			order.Measures, order.Aggregates, order.Until, order.Queries = t.measures, t.aggregates, until, t.queries
			return a.createOrder(cmd.Context(), order, sql)
		},
	}
	cmd.Flags().StringVar(&order.Dataset, "dataset", "", "the dataset")
	cmd.Flags().StringVar(&order.Purpose, "purpose", "", "what the figures are for; the publisher reads it")
	cmd.Flags().StringVar(&sql, "for", "", "a query that the contract is to cover")
	t.flags(cmd.Flags())
	return cmd
}

func (a *app) createOrder(ctx context.Context, order catalog.OrderCreate, sql string) error {
	c, err := a.connect(buyer)
	if err != nil {
		return err
	}
	defer c.Close()
	if sql != "" {
		compiled, err := c.Compile(ctx, sql)
		if err != nil {
			return withSQL(sql, err)
		}
		r := compiled.Request
		if order.Dataset != "" && order.Dataset != r.Dataset {
			return &usageError{message: fmt.Sprintf("--dataset is %s, the query asks %s", order.Dataset, r.Dataset), command: "weir order create"}
		}
		order.Dataset = r.Dataset
		for _, s := range r.Select {
			order.Aggregates = appendNew(order.Aggregates, s.Func)
			order.Measures = appendNew(order.Measures, s.Measure)
		}
	}
	id, err := c.CreateOrder(ctx, order)
	if err != nil {
		return err
	}
	a.note("the publisher grants it with `weir order approve %s`", id)
	s := sheet{head: []string{"order", "dataset", "state"}}
	s.add(id, order.Dataset, string(catalog.OrderOpen))
	return a.print(map[string]string{"order": id, "dataset": order.Dataset, "state": string(catalog.OrderOpen)}, s)
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
	return &cobra.Command{
		Use: "list", Short: "list orders: yours, and those on your datasets",
		Example: "  weir order list --dir /tmp/weir --as bureau",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect(operator)
			if err != nil {
				return err
			}
			defer c.Close()
			orders, err := c.Orders(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"orders": orders}, orderSheet(orders))
		},
	}
}

func newOrderShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "show an order",
		Example: "  weir order show o-0123456789abcdef0123 --dir /tmp/weir --as buyer",
		Args:    exactly(1, "one order's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(operator)
			if err != nil {
				return err
			}
			defer c.Close()
			order, err := c.Order(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(order, orderSheet([]catalog.Order{order}))
		},
	}
}

func orderSheet(orders []catalog.Order) sheet {
	s := sheet{head: []string{"order", "dataset", "buyer", "state", "contract", "purpose", "measures", "aggregates", "until", "queries", "created", "reason"}}
	for _, o := range orders {
		s.add(o.ID, o.Dataset, o.Buyer, string(o.State), o.Contract, o.Purpose, orAll(o.Measures), orAll(o.Aggregates),
			moment(o.Until), count(o.Queries), moment(o.Created), o.Reason)
	}
	return s
}

func orAll(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ",")
}

func count(n int) string {
	if n == 0 {
		return "any"
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
			if t.queries < 0 {
				return usagef(cmd, "--queries must not be negative")
			}
			c, err := a.connect(bureau)
			if err != nil {
				return err
			}
			defer c.Close()
			contract, err := c.ApproveOrder(cmd.Context(), catalog.OrderApprove{
				Order: args[0], Measures: t.measures, Aggregates: t.aggregates, Until: until, Queries: t.queries, Epsilon: epsilon,
			})
			if err != nil {
				return err
			}
			if contract == "" {
				return errors.New("the order was approved, and the node named no contract; see `weir contract list`")
			}
			s := sheet{head: []string{"order", "contract"}}
			s.add(args[0], contract)
			return a.print(map[string]string{"order": args[0], "contract": contract}, s)
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
			c, err := a.connect(bureau)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.RefuseOrder(cmd.Context(), args[0], reason); err != nil {
				return err
			}
			s := sheet{head: []string{"order", "state", "reason"}}
			s.add(args[0], string(catalog.OrderRefused), reason)
			return a.print(map[string]string{"order": args[0], "state": string(catalog.OrderRefused), "reason": reason}, s)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer reads it")
	return cmd
}
