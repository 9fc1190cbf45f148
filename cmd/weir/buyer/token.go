package buyer

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
)

// NewTokenCommand returns the command that issues a token for the API.
func NewTokenCommand(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:     "token",
		GroupID: cli.ForPublishersAndBuyers,
		Short:   "print a token for those who call the API themselves",
		Long: `Print a token that is signed by your key, to be sent to a node of this cluster as
"Authorization: Bearer TOKEN". It holds for five minutes. Whoever has it may read
what you may read; it signs nothing. With -o json it says until when it holds.`,
		Example: `  weir token --dir /tmp/weir --as buyer`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			return a.With(cli.Buyer, func(c *client.Client) error {
				token, until, err := c.Token()
				if err != nil {
					return err
				}
				if a.Output != cli.Table {
					return a.PrintRow("token", token, "until", cli.FormatTime(until.UnixMilli()))
				}
				if _, err := fmt.Fprintln(a.Stdout, token); err != nil {
					return fmt.Errorf("print the token: %w", err)
				}
				return nil
			})
		},
	}
}
