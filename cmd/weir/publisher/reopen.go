package publisher

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/audit"
)

func newReopenCommand(a *cli.App) *cobra.Command {
	var b recovery.Reopen
	cmd := &cobra.Command{
		Use:   "reopen DATASET --statement TEXT",
		Short: "have a dataset answered again that a restore has closed",
		Long: `Has a dataset of yours answered again after the cluster was restored
and had lost what was answered since. Nobody can say any more what that was: say on
what ground you open it, such as statements of its contracts that buyers have kept.
What was withheld because of those answers may be released now. Its contracts stay
ended.

Of all your datasets on its registry, those included that you publish anew: their
noise stays used up until you say how much of it may still be spent, with
--noise-left, and no list is answered for periods that began before the restore but
one that is known to have been, unless you know that there was none: --no-lists-lost.
Both may be said later, too.`,
		Example: "  weir dataset reopen nox --statement 'the buyers kept all receipts' --key bureau.key",
		Args:    cli.Exactly(1, "the dataset"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.Statement == "" {
				return cli.Usagef(cmd, "--statement is needed: on what ground it is answered again")
			}
			return a.With(cli.Bureau, func(c *client.Client) error { return reopen(cmd.Context(), a, c, args[0], b) })
		},
	}
	cmd.Flags().StringVar(&b.Statement, "statement", "", "on what ground; it is recorded, for everybody")
	cmd.Flags().StringVar(&b.Noise, "noise-left", "", "how much `EPSILON` of the limit for all may still be spent: what was lost has spent the rest at the most")
	cmd.Flags().BoolVar(&b.Lists, "no-lists-lost", false, "say that no private list was answered exactly since the backup")
	return cmd
}

func reopen(ctx context.Context, a *cli.App, c *client.Client, dataset string, b recovery.Reopen) error {
	all, err := audit.Restores(ctx, c)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("the cluster was never restored, and nothing is closed")
	}
	b.Dataset, b.Order = dataset, all[len(all)-1].Order.ID()
	if _, err := c.Submit(ctx, catalog.KindDatasetReopen, b); err != nil {
		return err
	}
	a.Note("its contracts have ended: buyers order again, and you grant with `weir order approve`")
	return a.PrintRow("dataset", dataset, "state", "open")
}
