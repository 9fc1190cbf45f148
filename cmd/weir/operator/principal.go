package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/govern"
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
		id, err := govern.AddPrincipal(ctx, c, public, role)
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

// NewKeygenCommand returns the command that makes a key pair.
func NewKeygenCommand(a *cli.App) *cobra.Command {
	var name, out string
	cmd := &cobra.Command{
		Use:     "keygen --name ORG --out FILE",
		GroupID: cli.ForOperators,
		Short:   "make an organisation's key pair",
		Long:    "Writes the private key to FILE, readable by you alone, and FILE.pub, which an operator needs to admit you.\nA lost key cannot be replaced: keep a copy of FILE where nobody else gets at it.",
		Example: "  weir keygen --name 'Bank of Hengshui' --out bank.key",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" || out == "" {
				return cli.Usagef(cmd, "--name and --out are needed")
			}
			return makeKey(a, name, out)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the organisation's name, unique in the cluster")
	cmd.Flags().StringVar(&out, "out", "", "file to write the private key to; it must not exist")
	return cmd
}

func makeKey(a *cli.App, name, out string) error {
	key, err := client.NewKey(name)
	if err != nil {
		return err
	}
	err = key.Save(out)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write the key: %w; keys are never overwritten, choose another file", err)
	}
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	a.Note("give %s.pub to an operator, who runs `weir principal add %s.pub --role buyer`, or publisher", out, out)
	document := map[string]string{"principal": key.ID(), "name": name, "key": out, "public": out + ".pub"}
	return a.PrintRowOf(document, "principal", key.ID(), "key", out, "public", out+".pub")
}
