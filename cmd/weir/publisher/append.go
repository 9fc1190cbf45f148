package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

func newDatasetAppendCommand(a *cli.App) *cobra.Command {
	p := publication{App: a}
	cmd := &cobra.Command{
		Use:   "append ID FILE.csv[.gz]...",
		Short: "publish later periods, late readings and corrections of a dataset",
		Long: `Publishes the next version of a dataset: the live one with what the files have beside
it: later periods, readings of earlier ones that came late, and readings that were
corrected. What the files do not have stays as it is; to remove readings, publish all
files with weir dataset publish. It says how many readings were corrected. Contracts
go on, and answer from the new version.

Only tiles in which something changes are encrypted again and sent, with their other
readings. The machine that published the live version keeps these, sealed, in the
user's cache; on another one the files must have the periods of those tiles whole, and
it says which. Without the record nobody can tell what was corrected: figures of
earlier periods then stay as they were released.

Entities that are new come into the registry first, with weir registry append. Where
the files have the registry's attributes, they must be the registry's.
` + closedHelp + dominanceHelp,
		Example: `  weir dataset append beijing_air march.csv --dir /tmp/weir
  weir dataset append beijing_air march.csv --dir /tmp/weir --descriptor beijing.yaml`,
		Args: cli.AtLeast(1, "a dataset's id and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 && p.from == "" && p.query == "" {
				return cli.Usagef(cmd, "append takes a dataset's id and at least one file, or a database with --from")
			}
			if err := p.rule.parse(cmd); err != nil {
				return err
			}
			return p.append(cmd.Context(), args[0], args[1:])
		},
	}
	cmd.Flags().StringVar(&p.descriptor, "descriptor", "", "the descriptor's `file`; default: as the dataset was last published on this machine")
	p.flags(cmd)
	return a.CompleteName(cmd, cli.DatasetNames, "csv", "gz")
}

// append publishes the next version of a dataset, with what the files have beside it.
func (p *publication) append(ctx context.Context, id string, files []string) error {
	c, err := connectPublisher(p.App)
	if err != nil {
		return err
	}
	defer c.Close()
	src, err := sourceOf(c, id, p.descriptor)
	if err != nil {
		return err
	}
	data, err := p.files(files)
	if err != nil {
		return err
	}
	bar := p.NewProgress()
	defer bar.Finish()
	tell := publishing(p.App, id, bar)
	prepared, err := publish.PrepareAppend(ctx, c, src, data, tell)
	if nothing, ok := errors.AsType[*publish.NothingNewError](err); ok && nothing.Interrupted && !p.check {
		done, err := publish.EndInterrupted(ctx, c, nothing.Dataset)
		if err != nil {
			return err
		}
		bar.Finish()
		p.Note("live; the append that was interrupted is version %d, which has every reading of these files", done.Version)
		return p.print(done)
	}
	if err != nil {
		return nothingPublished(p.check, err)
	}
	defer prepared.Close() //nolint:errcheck // the system removes the file with the process
	return p.finish(ctx, c, prepared, bar, tell, func(done publish.Published) string {
		return fmt.Sprintf("%d of %d tiles are those of the version before", done.Reused, done.Tiles)
	})
}

// sourceOf is how a dataset's files are read: by a descriptor file, or as they were
// when this machine published it.
func sourceOf(c *client.Client, id, descriptor string) (*panel.Source, error) {
	if descriptor == "" {
		src, err := publish.LastSource(c, id)
		if err == nil && src == nil {
			err = fmt.Errorf("this machine has not published dataset %s: say how its files are read with --descriptor FILE", id)
		}
		return src, err
	}
	src, err := publish.OpenDescriptor(descriptor)
	if err == nil && src.Descriptor.Dataset != id {
		err = fmt.Errorf("%s describes dataset %s, not %s", descriptor, src.Descriptor.Dataset, id)
	}
	return src, err
}

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
