package publisher

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/client/publish"
)

func newDatasetRememberCommand(a *cli.App) *cobra.Command {
	version := 0
	cmd := &cobra.Command{
		Use:   "remember DESCRIPTOR.yaml FILE.csv[.gz]... --version N",
		Short: "make the record of a published version again on this machine",
		Long: `Reads the files that a version of a dataset was published from and keeps its readings
on this machine, sealed under your key, as publishing it did. Later versions are held
against these records to tell what is new in them; where one is lost, nothing is
declared and corrections are held back.

Of a version that was appended, name all files in the order in which they were
published, up to that version: where several have a reading of an entity and period, the
last one counts, as weir dataset append has it. Files of before the last publication of
the whole dataset do not belong to it.

Together the files must have readings in exactly the cells of the version. That they are
the readings which were published nobody can check: nothing leaves this machine.
`,
		Example: `  weir dataset remember --dir /tmp/weir --version 1 air.yaml air.csv
  weir dataset remember --dir /tmp/weir --version 3 air.yaml air.csv march.csv corrected.csv`,
		Args: cli.AtLeast(2, "a descriptor and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if version < 1 {
				return errors.New("say with --version which version the files were published as")
			}
			return rememberVersion(cmd.Context(), a, args[0], args[1:], version)
		},
	}
	cmd.Flags().IntVar(&version, "version", 0, "the `number` of the version")
	return cli.CompleteFiles(cmd, "yaml", "yml", "csv", "gz")
}

func rememberVersion(ctx context.Context, a *cli.App, descriptor string, files []string, version int) error {
	src, err := publish.OpenDescriptor(descriptor)
	if err != nil {
		return err
	}
	c, err := connectPublisher(a)
	if err != nil {
		return err
	}
	defer c.Close()
	bar := a.NewProgress()
	defer bar.Finish()
	p, err := publish.PrepareRemembered(ctx, c, src, publish.DataFiles(files), version, publishing(a, src.Descriptor.Dataset, bar))
	if err != nil {
		return err
	}
	defer p.Close() //nolint:errcheck // the system removes the file with the process
	bar.Finish()
	if err := publish.Remember(ctx, c, p, version); err != nil {
		return err
	}
	a.Note("this machine has a record of version %d of dataset %s again", version, src.Descriptor.Dataset)
	return nil
}
