package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
)

func init() { commands = append(commands, newContractCommand) }

func newContractCommand(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "list contracts: yours, as buyer and as publisher",
		Example: "  weir contract list --dir /tmp/weir --as buyer",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect(operator)
			if err != nil {
				return err
			}
			defer c.Close()
			contracts, err := c.Contracts(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"contracts": contracts}, contractSheet(contracts))
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "show a contract",
		Example: "  weir contract show c-0123456789abcdef0123 --dir /tmp/weir --as buyer",
		Args:    exactly(1, "one contract's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(operator)
			if err != nil {
				return err
			}
			defer c.Close()
			contract, err := c.Contract(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(contract, contractSheet([]catalog.Contract{contract}))
		},
	}
	return group("contract", "see what was granted", "  weir contract list --dir /tmp/weir --as buyer", list, show)
}

func contractSheet(contracts []catalog.Contract) sheet {
	s := sheet{head: []string{"contract", "dataset", "buyer", "publisher", "measures", "aggregates", "from", "until", "used", "queries", "purpose"}}
	for _, c := range contracts {
		s.add(c.ID, c.Dataset, c.Buyer, c.Publisher, orAll(c.Measures), orAll(c.Aggregates), moment(c.From), moment(c.Until),
			fmt.Sprint(c.Used), count(c.Queries), c.Purpose)
	}
	return s
}
