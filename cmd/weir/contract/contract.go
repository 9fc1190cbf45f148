package contract

import (
	"context"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
)

// NewContractCommand returns the command of what was granted.
func NewContractCommand(a *cli.App) *cobra.Command {
	list := cli.List[ask.Accounted]{
		Short: "list contracts: yours, as buyer and as publisher", Example: "  weir contract list --dir /tmp/weir --as buyer --limit 20",
		Name: "contracts", Who: cli.Operator, Table: contractTable, Grows: true,
		Read: func(ctx context.Context, c *client.Client, o client.ListOptions) ([]ask.Accounted, error) {
			contracts, err := client.Contracts.Read(ctx, c, o)
			if err != nil {
				return nil, err
			}
			return ask.WithAccounts(ctx, c, contracts)
		},
	}.Command(a)
	show := &cobra.Command{
		Use: "show ID", Short: "show a contract",
		Example: "  weir contract show c-01234567 --dir /tmp/weir --as buyer",
		Args:    cli.Exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.PrintNamed(cmd.Context(), a, cli.Operator, args[0], func(c *client.Client, ctx context.Context, id string) (ask.Accounted, error) {
				contract, err := exchange.Contract(ctx, c, id)
				if err != nil {
					return ask.Accounted{}, err
				}
				shown, err := ask.WithAccounts(ctx, c, []catalog.Contract{contract})
				if err != nil {
					return ask.Accounted{}, err
				}
				return shown[0], nil
			}, contractTable)
		},
	}
	return cli.Group(cli.ForPublishersAndBuyers, "contract", "see, stop and account for what was granted", "  weir contract list --dir /tmp/weir --as buyer",
		list, a.CompleteName(show, cli.ContractNames), newStatementCommand(a),
		newContractChange(a, "suspend", "stop a contract until it is resumed", catalog.ContractSuspended, catalog.KindContractSuspend),
		newContractChange(a, "resume", "make a suspended contract usable again", catalog.ContractActive, catalog.KindContractResume),
		newContractChange(a, "revoke", "end a contract for good", catalog.ContractRevoked, catalog.KindContractRevoke))
}

func contractTable(contracts []ask.Accounted) term.Table {
	s := term.Table{
		Head: []string{
			"contract", "dataset", "buyer", "publisher", "state", "measures", "aggregates", "columns", "min cohort", "portfolio", "from", "until",
			"used", "queries", "spent", "budget", "currency", "epsilon", "epsilon spent", "epsilon left", "purpose", "reason",
		},
		Optional: []string{
			"min cohort", "columns", "aggregates", "measures", "from", "epsilon", "epsilon spent", "portfolio", "publisher", "currency", "reason",
			"epsilon left", "until", "buyer", "budget", "purpose",
		},
	}
	for _, c := range contracts {
		currency, epsilon := "", catalog.Account{}
		if c.Price != nil {
			currency = c.Price.Currency
		}
		if c.Noise != nil {
			epsilon = *c.Noise
		}
		s.Add(c.ID, c.Dataset, c.Buyer, c.Publisher, string(c.State), orAll(c.Measures), orAll(c.Aggregates), describeScope(c.Scope), orElse(c.MinCohort, "policy's"), cli.YesNo(c.Portfolio),
			cli.FormatTime(c.From), cli.FormatTime(c.Until), fmt.Sprint(c.Used), orElse(c.Queries, "any"), c.Spent, orAny(c.Budget), currency,
			epsilon.Limit, epsilon.Spent, epsilon.Left, c.Purpose, c.Reason)
	}
	return s
}

// newContractChange makes the command of one act of a publisher on a contract.
func newContractChange(a *cli.App, name, short string, to catalog.ContractState, act catalog.Kind) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " ID", Short: short,
		Long:    "It holds from the buyer's next query on. A query that was accepted before is charged, and completes.",
		Example: "  weir contract " + name + " c-01234567 --dir /tmp/weir --reason 'as agreed'",
		Args:    cli.Exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Bureau, func(c *client.Client) error {
				id, err := c.ID(cmd.Context(), catalog.LetterContract, args[0])
				if err != nil {
					return err
				}
				if err := exchange.ChangeContract(cmd.Context(), c, act, id, reason); err != nil {
					return err
				}
				return a.PrintRow("contract", id, "state", string(to), "reason", reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer reads it")
	return a.CompleteName(cmd, cli.ContractNames)
}

func newStatementCommand(a *cli.App) *cobra.Command {
	var month string
	cmd := &cobra.Command{
		Use: "statement ID", Short: "what was asked under a contract, and what it cost",
		Long: `Lists the queries of a contract: when each was accepted, how many groups it
released, what it cost after refunds, and the sum. Months are those of the
dataset's time.`,
		Example: "  weir contract statement c-01234567 --dir /tmp/weir --as buyer --month 2026-11 -o csv",
		Args:    cli.Exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.With(cli.Operator, func(c *client.Client) error {
				st, err := exchange.Statement(cmd.Context(), c, args[0], month)
				if err != nil {
					return err
				}
				if st.BudgetLeft != "" {
					a.Note("%s of %s %s is left", st.BudgetLeft, st.Contract.Budget, st.Currency)
				}
				if st.QueriesLeft != nil {
					a.Note("%d of %d queries are left", *st.QueriesLeft, st.Contract.Queries)
				}
				return a.Print(st, statementTable(st))
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "`MONTH` such as 2026-11; default: the whole term")
	return a.CompleteName(cmd, cli.ContractNames)
}

func statementTable(st catalog.Statement) term.Table {
	s := term.Table{Head: []string{"query", "entry", "accepted", "version", "state", "repeats", "groups", "price", "currency"}, Optional: []string{"entry", "version"}}
	for _, l := range st.Lines {
		state := string(l.State)
		if l.Refunded {
			state += ", refunded"
		}
		s.Add(l.Query, strconv.FormatUint(l.Seq, 10), cli.FormatTime(l.Accepted), strconv.Itoa(l.Version), state, l.Repeats,
			strconv.Itoa(l.Groups), l.Price, st.Currency)
	}
	s.Add("total", "", "", "", english.Plural(st.Queries, "query", "queries"), strconv.Itoa(st.Repeats), strconv.Itoa(st.Groups), st.Price, st.Currency)
	return s
}
