package operator

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
)

// NewPrincipalCommand returns the command of the organisations of a cluster.
func NewPrincipalCommand(a *cli.App) *cobra.Command {
	var role string
	add := &cobra.Command{
		Use:     "add FILE.pub --role buyer|publisher|operator",
		Short:   "admit an organisation",
		Example: "  weir principal add bank.key.pub --role buyer --dir /tmp/weir",
		Args:    cli.Exactly(1, "one FILE.pub"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch r := catalog.Role(role); r {
			case catalog.RoleBuyer, catalog.RolePublisher, catalog.RoleOperator:
				return addPrincipal(cmd.Context(), a, args[0], r)
			}
			if role == "" {
				return cli.Usagef(cmd, "--role is needed: buyer, publisher or operator")
			}
			return cli.Usagef(cmd, "--role is %q, want buyer, publisher or operator", role)
		},
	}
	add.Flags().StringVar(&role, "role", "", "what it may do: buyer, publisher or operator")
	cli.CompleteWords(add, "role", string(catalog.RoleBuyer), string(catalog.RolePublisher), string(catalog.RoleOperator))
	cli.CompleteFiles(add, "pub")
	list := cli.List[catalog.Principal]{
		Short: "list the admitted organisations", Example: "  weir principal list --dir /tmp/weir",
		Name: "principals", Who: cli.Operator, Read: client.Principals.Read, Table: principalTable,
	}.Command(a)
	return cli.Group(cli.ForOperators, "principal", "admit organisations (operators)", "  weir principal add bank.key.pub --role buyer --dir /tmp/weir", add, list)
}

func addPrincipal(ctx context.Context, a *cli.App, file string, role catalog.Role) error {
	public, err := client.LoadPublicKey(file)
	if err != nil {
		return fmt.Errorf("read the public key: %w", err)
	}
	return a.With(cli.Operator, func(c *client.Client) error {
		id, err := c.AddPrincipal(ctx, public, role)
		if err != nil {
			return err
		}
		return a.PrintRow("principal", id, "name", public.Name, "role", string(role))
	})
}

func principalTable(all []catalog.Principal) term.Table {
	s := term.Table{Head: []string{"principal", "name", "role", "admitted"}}
	for _, p := range all {
		s.Add(p.ID, p.Name, string(p.Role), cli.FormatTime(p.Admitted))
	}
	return s
}
