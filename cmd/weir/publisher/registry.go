package publisher

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

// NewRegistryCommand returns the command of registries.
func NewRegistryCommand(a *cli.App) *cobra.Command {
	var idColumn string
	var renaming []string
	create := &cobra.Command{
		Use:   "publish ID FILE.csv --id-column COL",
		Short: "publish a list of entities and their public attributes",
		Long:  "Publishes a registry from a CSV file with a header: one row for each entity, its id in the\ncolumn COL, public attributes in the others. Queries call columns by names of lower-case letters,\ndigits and _: --rename gives a column one. An interrupted publication goes on where it stopped.",
		Example: "  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir\n" +
			"  weir registry publish qiye 企业.csv --rename 代码=code --rename 县区=county --id-column code --dir /tmp/weir",
		Args: cli.Exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if idColumn == "" {
				return cli.Usagef(cmd, "--id-column is needed: the column with the entities' ids")
			}
			rename, err := renames(cmd, renaming)
			if err != nil {
				return err
			}
			return publishRegistry(cmd.Context(), a, args[1], publish.RegistryFile{ID: args[0], IDColumn: idColumn, Rename: rename})
		},
	}
	create.Flags().StringVar(&idColumn, "id-column", "", "column with the entities' ids")
	appendRows := &cobra.Command{
		Use:     "append ID FILE.csv",
		Short:   "append entities to a registry",
		Example: "  weir registry append enterprises new.csv --dir /tmp/weir",
		Args:    cli.Exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rename, err := renames(cmd, renaming)
			if err != nil {
				return err
			}
			return appendRegistry(cmd.Context(), a, args[1], publish.RegistryFile{ID: args[0], Rename: rename})
		},
	}
	for _, cmd := range []*cobra.Command{create, appendRows} {
		cmd.Flags().StringArrayVar(&renaming, "rename", nil, "`HEADER=NAME`: what queries call a column of the file; may be given again")
	}
	list := cli.List[catalog.Registry]{
		Short: "list the registries", Example: "  weir registry list --dir /tmp/weir",
		Name: "registries", Who: cli.Nobody, Read: client.Registries.Read, Table: registryTable,
	}.Command(a)
	return cli.Group(cli.ForPublishers, "registry", "publish lists of entities",
		"  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir", cli.CompleteFiles(create, "csv", "gz"), a.CompleteName(appendRows, cli.RegistryNames, "csv", "gz"), newRegistryCorrectCommand(a), list)
}

// renames reads --rename HEADER=NAME.
func renames(cmd *cobra.Command, list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		header, name, found := strings.Cut(text, "=")
		if !found || header == "" || name == "" {
			return nil, cli.Usagef(cmd, "--rename is %q, want HEADER=NAME", text)
		}
		out[header] = name
	}
	return out, nil
}

func publishRegistry(ctx context.Context, a *cli.App, path string, f publish.RegistryFile) error {
	f.File = cli.OpenFile(path)
	table, err := publish.ReadRegistryFile(ctx, f)
	if err != nil {
		return err
	}
	c, err := a.Connect(cli.Bureau)
	if err != nil {
		return err
	}
	defer c.Close()
	bar := a.NewProgress()
	defer bar.Finish()
	done, err := publish.Registry(ctx, c, table, sendingRows(a, f.ID, bar))
	if err != nil {
		return err
	}
	bar.Finish()
	return printRegistryResult(a, done)
}

func appendRegistry(ctx context.Context, a *cli.App, path string, f publish.RegistryFile) error {
	c, err := a.Connect(cli.Bureau)
	if err != nil {
		return err
	}
	defer c.Close()
	have, err := c.Registry(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("read registry %s: %w", f.ID, err)
	}
	f.File, f.IDColumn, f.Columns = cli.OpenFile(path), have.IDColumn, append([]string{}, have.Columns...)
	table, err := publish.ReadRegistryFile(ctx, f)
	if err != nil {
		return err
	}
	bar := a.NewProgress()
	defer bar.Finish()
	done, err := publish.AppendRegistry(ctx, c, f.ID, table.Rows, sendingRows(a, f.ID, bar))
	if err != nil {
		return err
	}
	bar.Finish()
	return printRegistryResult(a, done)
}

// sendingRows tells how many rows have arrived.
func sendingRows(a *cli.App, id string, bar *cli.Progress) func(done, total int) {
	tell := func(done, total int) {
		a.IfInterrupted("%d of %d rows have arrived, and registry %s has none of them before all are there; the same command goes on from there", done, total, id)
	}
	return func(done, total int) {
		tell(done, total)
		bar.Rows(done, total)
	}
}

func printRegistryResult(a *cli.App, r publish.RegistryResult) error {
	if r.Existed {
		a.Note("registry %s had these rows already", r.Registry)
	}
	s := term.Table{Head: []string{"registry", "added", "rows"}}
	s.Add(r.Registry, strconv.Itoa(r.Added), strconv.Itoa(r.Rows))
	return a.Print(r, s)
}

func registryTable(all []catalog.Registry) term.Table {
	s := term.Table{Head: []string{"registry", "rows", "id column", "attributes", "owner"}}
	for _, r := range all {
		s.Add(r.ID, strconv.Itoa(r.Rows), r.IDColumn, strings.Join(r.Columns, ","), r.Owner)
	}
	return s
}
