package publisher

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
)

func newReopenCommand(a *cli.App) *cobra.Command {
	var statement string
	cmd := &cobra.Command{
		Use:   "reopen DATASET --statement TEXT",
		Short: "have a dataset answered again that a restore has closed",
		Long: `Has a dataset of yours answered again after the cluster was restored
and had lost what was answered since. Nobody can say any more what that was: say on
what ground you open it, such as statements of its contracts that buyers have kept.
What was withheld because of those answers may be released now. Its contracts stay
ended, and its noise stays used up.`,
		Example: "  weir dataset reopen nox --statement 'the buyers kept all receipts' --key bureau.key",
		Args:    cli.Exactly(1, "the dataset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if statement == "" {
				return cli.Usagef(cmd, "--statement is needed: on what ground it is answered again")
			}
			return a.With(cli.Bureau, func(c *client.Client) error { return reopen(cmd.Context(), a, c, args[0], statement) })
		},
	}
	cmd.Flags().StringVar(&statement, "statement", "", "on what ground; it is recorded, for everybody")
	return cmd
}

func reopen(ctx context.Context, a *cli.App, c *client.Client, dataset, statement string) error {
	all, err := c.Restores(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("the cluster was never restored, and nothing is closed")
	}
	b := recovery.Reopen{Dataset: dataset, Order: all[len(all)-1].Order.ID(), Statement: statement}
	if _, err := c.Submit(ctx, catalog.KindDatasetReopen, b); err != nil {
		return err
	}
	a.Note("its contracts have ended: buyers order again, and you grant with `weir order approve`")
	return a.PrintRow("dataset", dataset, "state", "open")
}
