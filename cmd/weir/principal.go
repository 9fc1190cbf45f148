package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newPrincipalCommand) }

func newPrincipalCommand(a *app) *cobra.Command {
	var role string
	add := &cobra.Command{
		Use:     "add FILE.pub --role buyer|publisher|operator",
		Short:   "admit an organisation",
		Example: "  weir principal add bank.key.pub --role buyer --dir /tmp/weir",
		Args:    exactly(1, "one FILE.pub"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch r := catalog.Role(role); r {
			case catalog.RoleBuyer, catalog.RolePublisher, catalog.RoleOperator:
				return a.addPrincipal(cmd.Context(), args[0], r)
			}
			if role == "" {
				return usagef(cmd, "--role is needed: buyer, publisher or operator")
			}
			return usagef(cmd, "--role is %q, want buyer, publisher or operator", role)
		},
	}
	add.Flags().StringVar(&role, "role", "", "what it may do: buyer, publisher or operator")
	list := &cobra.Command{
		Use:     "list",
		Short:   "list the admitted organisations",
		Example: "  weir principal list --dir /tmp/weir",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printList(cmd.Context(), a, operator, "principals", (*client.Client).Principals, principalSheet)
		},
	}
	return group("principal", "admit organisations (operators)", "  weir principal add bank.key.pub --role buyer --dir /tmp/weir", add, list)
}

func (a *app) addPrincipal(ctx context.Context, file string, role catalog.Role) error {
	public, err := client.LoadPublicKey(file)
	if err != nil {
		return fmt.Errorf("read the public key: %w", err)
	}
	return a.with(operator, func(c *client.Client) error {
		id, err := c.AddPrincipal(ctx, public, role)
		if err != nil {
			return err
		}
		return a.printRow(field{"principal", id}, field{"name", public.Name}, field{"role", string(role)})
	})
}

func principalSheet(all []catalog.Principal) sheet {
	s := sheet{head: []string{"principal", "name", "role", "admitted"}}
	for _, p := range all {
		s.add(p.ID, p.Name, string(p.Role), moment(p.Admitted))
	}
	return s
}

// moment prints a time of the ledger.
func moment(unixMilli int64) string {
	if unixMilli == 0 {
		return ""
	}
	return time.UnixMilli(unixMilli).UTC().Format("2006-01-02 15:04:05Z")
}
