package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

func newDatasetAppendCommand(a *app) *cobra.Command {
	var descriptor string
	var check bool
	var rule dominance
	var o client.AppendOptions
	cmd := &cobra.Command{
		Use:   "append ID FILE.csv[.gz]...",
		Short: "publish the next periods of a dataset",
		Long: `Publishes the next version of a dataset: the live one and the periods of the files
that follow it. Only what is new is encrypted and sent: full tiles of the live
version are taken over. Contracts go on, and answer from the new version.

A tile that was not full is encrypted again, with its earlier readings. The machine
that published the live version keeps these, sealed, in the user's cache; on another
one the files must have them, and it says from which period on. Readings that are
given again must be those that were published: corrections are a new version of all
files, with weir dataset publish.

Entities that are new come into the registry first, with weir registry append. Columns
of attributes in the files are not read.
` + dominanceHelp,
		Example: `  weir dataset append beijing_air march.csv --dir /tmp/weir
  weir dataset append beijing_air march.csv --dir /tmp/weir --descriptor beijing.yaml`,
		Args: atLeast(2, "a dataset's id and at least one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return rule.run(cmd, func(p panel.Percent) error {
				return a.appendDataset(cmd.Context(), args[0], args[1:], descriptor, check, o, rule, p)
			})
		},
	}
	cmd.Flags().StringVar(&descriptor, "descriptor", "", "the descriptor's `file`; default: as the dataset was last published on this machine")
	cmd.Flags().BoolVar(&o.Unchanged, "unchanged", false, "vouch that readings which are given again are the published ones, where this machine cannot tell")
	rule.flags(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "do everything but publish")
	return cmd
}

func (a *app) appendDataset(ctx context.Context, id string, files []string, descriptor string, check bool, o client.AppendOptions, rule dominance, percent panel.Percent) error {
	c, err := a.connectPublisher()
	if err != nil {
		return err
	}
	defer c.Close()
	src, err := sourceOf(c, id, descriptor)
	if err != nil {
		return err
	}
	bar := a.newProgress()
	defer bar.finish()
	o.Progress = a.publishing(id, bar)
	prepared, err := c.PrepareAppend(ctx, src, client.DataFiles(files), o)
	if err != nil {
		return a.nothingPublished(check, err)
	}
	bar.finish()
	report, err := rule.check(ctx, a, c, prepared, percent)
	if err != nil {
		return err
	}
	if check {
		return a.check(ctx, c, prepared, report)
	}
	prepared.Holding = bar.holding()
	done, err := c.PublishDataset(ctx, prepared, o.Progress)
	if err != nil {
		return err
	}
	bar.finish()
	a.note("live; %d of %d tiles are those of the version before", done.Reused, done.Tiles)
	return a.printPublished(done)
}

// sourceOf is how a dataset's files are read: by a descriptor file, or as they were
// when this machine published it.
func sourceOf(c *client.Client, id, descriptor string) (*panel.Source, error) {
	if descriptor == "" {
		src, err := c.KeptSource(id)
		if err == nil && src == nil {
			err = fmt.Errorf("this machine has not published dataset %s: say how its files are read with --descriptor FILE", id)
		}
		return src, err
	}
	src, err := client.OpenDescriptor(descriptor)
	if err == nil && src.Descriptor.Dataset != id {
		err = fmt.Errorf("%s describes dataset %s, not %s", descriptor, src.Descriptor.Dataset, id)
	}
	return src, err
}
