package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

func newRegistryCorrectCommand(a *cli.App) *cobra.Command {
	var f registryFlags
	var check bool
	cmd := &cobra.Command{
		Use:   "correct ID FILE.csv",
		Short: "correct public attributes of entities",
		Long: `Corrects attributes of entities that a registry has. The file has their ids and, in
the other columns, the attributes to correct; entities and attributes that it leaves
out stay as they are, and only rows that differ are sent. It prints what changes.

Ids and their order stay for good. So do the classes of protected datasets: a group in
which a class no longer lies whole does without it. What was answered before stays.`,
		Example: "  weir registry correct --check enterprises moved.csv --dir /tmp/weir\n" +
			"  weir registry correct qiye 更正.csv --rename 代码=code --rename 县区=county --dir /tmp/weir",
		Args: cli.Exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := f.file(cmd, args)
			if err != nil {
				return err
			}
			return correctRegistry(cmd.Context(), a, file, check)
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "only show what would change")
	return a.CompleteName(cmd, cli.RegistryNames, "csv", "gz")
}

func correctRegistry(ctx context.Context, a *cli.App, f publish.RegistryFile, check bool) error {
	return a.With(cli.Bureau, func(c *client.Client) error {
		have, err := c.Registry(ctx, f.ID)
		if err != nil {
			return fmt.Errorf("read registry %s: %w", f.ID, err)
		}
		f.IDColumn = have.IDColumn
		table, err := publish.ReadRegistryFile(ctx, f)
		if err != nil {
			return err
		}
		x, err := publish.CompareAttributes(ctx, c, f.Name, table)
		if err != nil {
			return err
		}
		if !check {
			bar := a.NewProgress()
			defer bar.Finish()
			err := publish.Correct(ctx, c, x, func(done, total int) {
				a.IfInterrupted("%d of %d rows have arrived, and none is corrected before all are there; the same command begins anew", done, total)
				bar.Rows(done, total)
			})
			bar.Finish()
			if err != nil && !errors.Is(err, publish.ErrNothingCorrected) {
				return err
			}
		}
		if err := a.Print(x, correctionTable(x)); err != nil {
			return err
		}
		if x.Rows == 0 {
			a.Note("registry %s has these attributes already", x.Registry)
			return nil
		}
		did := map[bool]string{true: "would correct", false: "corrected"}[check]
		a.Note("%s %s in %s of registry %s", did, english.Plural(len(x.Cells), "attribute", "attributes"), english.Plural(x.Rows, "row", "rows"), x.Registry)
		return nil
	})
}

func correctionTable(x publish.Correction) term.Table {
	s := term.Table{Head: []string{"row", "id", "column", "old", "new"}}
	for _, cell := range x.Cells {
		s.Add(strconv.Itoa(cell.Row+1), cell.ID, cell.Column, cmp.Or(cell.Old, "—"), cmp.Or(cell.New, "—"))
	}
	return s
}
