package publisher

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

func newDatasetAmendCommand(a *cli.App) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "amend DESCRIPTOR.yaml",
		Short: "change the descriptor of a dataset",
		Long: `Puts another descriptor in the place of a dataset's, and shows first which fields
differ. Price, texts, license, min_coverage and unrelated may change; aggregates,
measures, moments, joins and budgets of noise may be taken away or become less; a
measure may be added, and a range become wider about the same middle. What figures
that were released rely on cannot change, and it says why; then nothing is changed.

Contracts keep what they grant, but for what is taken away, and their price. Versions
that were published stay as they are: a measure that is added is answered from the
next version on. What was answered before stays verifiable.`,
		Example: "  weir dataset amend --check --dir /tmp/weir beijing.yaml\n  weir dataset amend --dir /tmp/weir beijing.yaml",
		Args:    cli.Exactly(1, "a descriptor"),
		RunE:    func(cmd *cobra.Command, args []string) error { return amendDataset(cmd.Context(), a, args[0], check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "only show what would change")
	return cli.CompleteFiles(cmd, "yaml", "yml")
}

// amended is what `dataset amend` prints.
type amended struct {
	Dataset string       `json:"dataset"`
	Amended bool         `json:"amended"`
	Changes []amendField `json:"changes"`
}

type amendField struct {
	catalog.FieldChange
	Reason string `json:"reason,omitempty"` // why it cannot change, for a person
}

func amendDataset(ctx context.Context, a *cli.App, path string, check bool) error {
	src, err := publish.OpenDescriptor(path)
	if err != nil {
		return err
	}
	return a.With(cli.Bureau, func(c *client.Client) error {
		x, err := publish.Compare(ctx, c, src.Descriptor)
		if err != nil {
			return err
		}
		if len(x.Changes) == 0 {
			a.Note("dataset %s has this descriptor already", x.Dataset)
		}
		out := amended{Dataset: x.Dataset, Changes: []amendField{}}
		for _, f := range x.Changes {
			out.Changes = append(out.Changes, amendField{f, explain.WhyNotAmended(f.Why)})
		}
		no := catalog.AmendRefusal(x.Dataset, x.Changes)
		if no != nil || check || len(x.Changes) == 0 {
			if a.Output == cli.JSON && no != nil {
				return no // one document, and it names the fields
			}
			if err := a.Print(out, amendTable(out)); err != nil || no == nil {
				return err
			}
			return no
		}
		if a.Output == cli.Table { // before it is signed
			if err := a.Print(out, amendTable(out)); err != nil {
				return err
			}
		}
		if err := publish.Amend(ctx, c, x); err != nil {
			return err
		}
		a.Note("dataset %s is amended; contracts keep what they grant and their price", x.Dataset)
		if a.Output == cli.Table {
			return nil
		}
		out.Amended = true
		return a.Print(out, amendTable(out))
	})
}

func amendTable(x amended) term.Table {
	s := term.Table{Head: []string{"field", "old", "new", "may it change"}}
	for _, f := range x.Changes {
		may := "yes"
		if f.Why != "" {
			may = "no: " + f.Reason
		}
		s.Add(f.Field, cmp.Or(f.Old, "—"), cmp.Or(f.New, "—"), may)
	}
	return s
}

func newDatasetWithdrawCommand(a *cli.App) *cobra.Command {
	var w catalog.DatasetWithdraw
	cmd := &cobra.Command{
		Use:   "withdraw ID --reason TEXT [--version N]",
		Short: "end a dataset, or a version of it, for good",
		Long: `Withdraws a dataset, or with --version one version of it. From then on no figure is
answered from it; the newest version that is left is answered from. A dataset that is
withdrawn is not listed, and takes no orders. What was answered stays answered, and
later versions and datasets are compared with it as before. It cannot be undone.`,
		Example: "  weir dataset withdraw beijing_air --version 3 --reason 'a wrong file' --dir /tmp/weir",
		Args:    cli.Exactly(1, "one dataset's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case w.Reason == "":
				return cli.Usagef(cmd, "--reason is needed; buyers read it")
			case cmd.Flags().Changed("version") && w.Version < 1:
				return cli.Usagef(cmd, "--version is %d, want a number from 1 on", w.Version)
			}
			w.Dataset = args[0]
			return a.With(cli.Bureau, func(c *client.Client) error {
				if _, err := c.Submit(cmd.Context(), catalog.KindDatasetWithdraw, w); err != nil {
					return err
				}
				what := "all"
				if w.Version > 0 {
					what = strconv.Itoa(w.Version)
				}
				return a.PrintRow("dataset", w.Dataset, "version", what, "state", "withdrawn", "reason", w.Reason)
			})
		},
	}
	cmd.Flags().IntVar(&w.Version, "version", 0, "the version to withdraw; default: the dataset as a whole")
	cmd.Flags().StringVar(&w.Reason, "reason", "", "why; buyers read it")
	return a.CompleteName(cmd, cli.DatasetNames)
}

// describeWithdrawal says since when something is withdrawn, and why; empty: it is not.
func describeWithdrawal(w *catalog.Withdrawal) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("withdrawn since %s: %s", cli.FormatTime(w.At), w.Reason)
}
