package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newRegistryCommand) }

func newRegistryCommand(a *app) *cobra.Command {
	var idColumn string
	var renaming []string
	publish := &cobra.Command{
		Use:   "publish ID FILE.csv --id-column COL",
		Short: "publish a list of entities and their public attributes",
		Long:  "Publishes a registry from a CSV file with a header: one row for each entity, its id in the\ncolumn COL, public attributes in the others. Queries call columns by names of lower-case letters,\ndigits and _: --rename gives a column one. An interrupted publication goes on where it stopped.",
		Example: "  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir\n" +
			"  weir registry publish qiye 企业.csv --rename 代码=code --rename 县区=county --id-column code --dir /tmp/weir",
		Args: exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if idColumn == "" {
				return usagef(cmd, "--id-column is needed: the column with the entities' ids")
			}
			rename, err := renames(cmd, renaming)
			if err != nil {
				return err
			}
			return a.publishRegistry(cmd.Context(), args[1], client.RegistryFile{ID: args[0], IDColumn: idColumn, Rename: rename})
		},
	}
	publish.Flags().StringVar(&idColumn, "id-column", "", "column with the entities' ids")
	appendRows := &cobra.Command{
		Use:     "append ID FILE.csv",
		Short:   "append entities to a registry",
		Example: "  weir registry append enterprises new.csv --dir /tmp/weir",
		Args:    exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rename, err := renames(cmd, renaming)
			if err != nil {
				return err
			}
			return a.appendRegistry(cmd.Context(), args[1], client.RegistryFile{ID: args[0], Rename: rename})
		},
	}
	for _, cmd := range []*cobra.Command{publish, appendRows} {
		cmd.Flags().StringArrayVar(&renaming, "rename", nil, "`HEADER=NAME`: what queries call a column of the file; may be given again")
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "list the registries",
		Example: "  weir registry list --dir /tmp/weir",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printList(cmd.Context(), a, nobody, "registries", (*client.Client).Registries, registrySheet)
		},
	}
	return group("registry", "publish lists of entities",
		"  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir", publish, appendRows, list)
}

// renames reads --rename HEADER=NAME.
func renames(cmd *cobra.Command, list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		header, name, found := strings.Cut(text, "=")
		if !found || header == "" || name == "" {
			return nil, usagef(cmd, "--rename is HEADER=NAME, not %q", text)
		}
		out[header] = name
	}
	return out, nil
}

func (a *app) publishRegistry(ctx context.Context, path string, f client.RegistryFile) error {
	f.File = openFile(path)
	table, err := client.ReadRegistryFile(ctx, f)
	if err != nil {
		return err
	}
	c, err := a.connect(bureau)
	if err != nil {
		return err
	}
	defer c.Close()
	bar := a.newProgress()
	defer bar.finish()
	done, err := c.PublishRegistry(ctx, table, a.sendingRows(f.ID, bar))
	if err != nil {
		return err
	}
	bar.finish()
	return a.printRegistryResult(done)
}

func (a *app) appendRegistry(ctx context.Context, path string, f client.RegistryFile) error {
	c, err := a.connect(bureau)
	if err != nil {
		return err
	}
	defer c.Close()
	have, err := c.Registry(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("read registry %s: %w", f.ID, err)
	}
	f.File, f.IDColumn, f.Columns = openFile(path), have.IDColumn, append([]string{}, have.Columns...)
	table, err := client.ReadRegistryFile(ctx, f)
	if err != nil {
		return err
	}
	bar := a.newProgress()
	defer bar.finish()
	done, err := c.AppendRegistry(ctx, f.ID, table.Rows, a.sendingRows(f.ID, bar))
	if err != nil {
		return err
	}
	bar.finish()
	return a.printRegistryResult(done)
}

// sendingRows tells how many rows have arrived.
func (a *app) sendingRows(id string, bar *progress) func(done, total int) {
	tell := func(done, total int) {
		a.ifInterrupted("%d of %d rows have arrived, and registry %s has none of them before all are there; the same command goes on from there", done, total, id)
	}
	return func(done, total int) {
		tell(done, total)
		bar.rows(done, total)
	}
}

func (a *app) printRegistryResult(r client.RegistryResult) error {
	if r.Existed {
		a.note("registry %s had these rows already", r.Registry)
	}
	s := sheet{head: []string{"registry", "added", "rows"}}
	s.add(r.Registry, strconv.Itoa(r.Added), strconv.Itoa(r.Rows))
	return a.print(r, s)
}

func registrySheet(all []catalog.Registry) sheet {
	s := sheet{head: []string{"registry", "rows", "id column", "attributes", "owner"}}
	for _, r := range all {
		s.add(r.ID, strconv.Itoa(r.Rows), r.IDColumn, strings.Join(r.Columns, ","), r.Owner)
	}
	return s
}
