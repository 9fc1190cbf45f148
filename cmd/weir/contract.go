package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newContractCommand) }

func newContractCommand(a *app) *cobra.Command {
	list := withLimit(&cobra.Command{
		Use: "list", Short: "list contracts: yours, as buyer and as publisher",
		Example: "  weir contract list --dir /tmp/weir --as buyer --limit 20",
		Args:    exactly(0, "no arguments"),
	}, func(ctx context.Context, o client.ListOptions) error {
		return printList(ctx, a, operator, "contracts", func(c *client.Client, ctx context.Context) ([]shownContract, error) {
			contracts, err := client.Collect(c.EachContract(ctx, o))
			if err != nil {
				return nil, err
			}
			return withAccounts(ctx, c, contracts)
		}, contractSheet)
	})
	show := &cobra.Command{
		Use: "show ID", Short: "show a contract",
		Example: "  weir contract show c-0123456789abcdef0123 --dir /tmp/weir --as buyer",
		Args:    exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printNamed(cmd.Context(), a, operator, args[0], func(c *client.Client, ctx context.Context, id string) (shownContract, error) {
				contract, err := c.Contract(ctx, id)
				if err != nil {
					return shownContract{}, err
				}
				shown, err := withAccounts(ctx, c, []catalog.Contract{contract})
				if err != nil {
					return shownContract{}, err
				}
				return shown[0], nil
			}, contractSheet)
		},
	}
	return group("contract", "see, stop and account for what was granted", "  weir contract list --dir /tmp/weir --as buyer",
		list, show, newStatementCommand(a),
		newContractChange(a, "suspend", "stop a contract until it is resumed", catalog.ContractSuspended, (*client.Client).SuspendContract),
		newContractChange(a, "resume", "make a suspended contract usable again", catalog.ContractActive, (*client.Client).ResumeContract),
		newContractChange(a, "revoke", "end a contract for good", catalog.ContractRevoked, (*client.Client).RevokeContract))
}

// shownContract is a contract with its account of epsilon, where its dataset's
// policy offers noised answers.
type shownContract struct {
	catalog.Contract
	Noise *catalog.Account `json:"epsilon_account,omitempty"`
}

// withAccounts looks up the policies that contracts are under.
func withAccounts(ctx context.Context, c *client.Client, contracts []catalog.Contract) ([]shownContract, error) {
	shown := make([]shownContract, len(contracts))
	policies := map[string]catalog.Policy{}
	for i, k := range contracts {
		p, known := policies[k.Dataset]
		if !known {
			d, err := c.Dataset(ctx, k.Dataset)
			if err != nil {
				return nil, err
			}
			p = d.Descriptor.Policy
			policies[k.Dataset] = p
		}
		shown[i].Contract = k
		if account, ok := k.NoiseAccount(p); ok {
			shown[i].Noise = &account
		}
	}
	return shown, nil
}

func contractSheet(contracts []shownContract) sheet {
	s := sheet{head: []string{"contract", "dataset", "buyer", "publisher", "state", "measures", "aggregates", "columns", "min cohort", "from", "until", "used", "queries", "spent", "budget", "currency",
		"epsilon", "epsilon spent", "epsilon left", "purpose", "reason"}}
	for _, c := range contracts {
		currency, epsilon := "", catalog.Account{}
		if c.Price != nil {
			currency = c.Price.Currency
		}
		if c.Noise != nil {
			epsilon = *c.Noise
		}
		s.add(c.ID, c.Dataset, c.Buyer, c.Publisher, string(c.State), orAll(c.Measures), orAll(c.Aggregates), scopeWords(c.Scope), cohort(c.MinCohort),
			moment(c.From), moment(c.Until), fmt.Sprint(c.Used), count(c.Queries), c.Spent, orAny(c.Budget), currency,
			epsilon.Limit, epsilon.Spent, epsilon.Left, c.Purpose, c.Reason)
	}
	return s
}

// newContractChange makes the command of one act of a publisher on a contract.
func newContractChange(a *app, name, short string, to catalog.ContractState, act func(*client.Client, context.Context, string, string) error) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " ID", Short: short,
		Long:    "It holds from the buyer's next query on. A query that was accepted before is charged, and completes.",
		Example: "  weir contract " + name + " c-0123456789abcdef0123 --dir /tmp/weir --reason 'as agreed'",
		Args:    exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.with(bureau, func(c *client.Client) error { return act(c, cmd.Context(), args[0], reason) }); err != nil {
				return err
			}
			return a.printRow(field{"contract", args[0]}, field{"state", string(to)}, field{"reason", reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the buyer reads it")
	return cmd
}

func newStatementCommand(a *app) *cobra.Command {
	var month string
	cmd := &cobra.Command{
		Use: "statement ID", Short: "what was asked under a contract, and what it cost",
		Long: `Lists the queries of a contract: when each was accepted, how many groups it
released, what it cost after refunds, and the sum. Months are those of the
dataset's time.`,
		Example: "  weir contract statement c-0123456789abcdef0123 --dir /tmp/weir --as buyer --month 2026-11 -o csv",
		Args:    exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(operator, func(c *client.Client) error {
				st, err := c.Statement(cmd.Context(), args[0], month)
				if err != nil {
					return err
				}
				if st.BudgetLeft != "" {
					a.note("%s of %s %s is left", st.BudgetLeft, st.Contract.Budget, st.Currency)
				}
				if st.QueriesLeft != nil {
					a.note("%d of %d queries are left", *st.QueriesLeft, st.Contract.Queries)
				}
				return a.print(st, statementSheet(st))
			})
		},
	}
	cmd.Flags().StringVar(&month, "month", "", "`MONTH` such as 2026-11; default: the whole term")
	return cmd
}

func statementSheet(st catalog.Statement) sheet {
	s := sheet{head: []string{"query", "entry", "accepted", "version", "state", "repeats", "groups", "price", "currency"}}
	for _, l := range st.Lines {
		state := string(l.State)
		if l.Refunded {
			state += ", refunded"
		}
		s.add(l.Query, strconv.FormatUint(l.Seq, 10), moment(l.Accepted), strconv.Itoa(l.Release), state, l.Repeats,
			strconv.Itoa(l.Groups), l.Price, st.Currency)
	}
	s.add("total", "", "", "", counted(st.Queries, "query", "queries"), strconv.Itoa(st.Repeats), strconv.Itoa(st.Groups), st.Price, st.Currency)
	return s
}
