package publisher

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

func newDatasetTemplateCommand(a *cli.App) *cobra.Command {
	descriptor := ""
	cmd := &cobra.Command{
		Use:   "template ID FILE.xlsx",
		Short: "write a workbook into which readings of a dataset can be typed",
		Long: `Writes an Excel workbook with the columns that the dataset's files have, in which the
spreadsheet checks what is typed: entities are those of the registry, readings lie in
their ranges. Filled in, it is published or appended like any file; --check says before
that whether it is right.`,
		Example: "  weir dataset template plants may.xlsx --dir /tmp/weir\n  weir dataset append plants may.xlsx --check --dir /tmp/weir",
		Args:    cli.Exactly(2, "a dataset's id and the file to write"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeTemplate(cmd.Context(), a, args[0], descriptor, args[1])
		},
	}
	cmd.Flags().StringVar(&descriptor, "descriptor", "", "the descriptor's `file`; default: as the dataset was last published on this machine")
	return a.CompleteName(cmd, cli.DatasetNames, "xlsx")
}

func writeTemplate(ctx context.Context, a *cli.App, id, descriptor, path string) error {
	c, err := connectPublisher(a)
	if err != nil {
		return err
	}
	defer c.Close()
	src, err := sourceOf(c, id, descriptor)
	if err != nil {
		return err
	}
	ids, err := c.RegistryIDs(ctx, src.Descriptor.Registry)
	if err != nil {
		return err
	}
	template, err := panel.TemplateOf(src, ids)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a template: %w", err)
	}
	if err := errors.Join(table.WriteTemplate(out, template), out.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	a.Note("fill in %s, and see with `weir dataset append %s %s --check` whether it is right", path, id, path)
	return nil
}
