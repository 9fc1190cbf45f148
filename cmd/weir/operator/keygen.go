package operator

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
)

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
