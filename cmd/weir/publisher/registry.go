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
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

// NewRegistryCommand returns the command of registries.
func NewRegistryCommand(a *cli.App) *cobra.Command {
	var f registryFlags
	create := &cobra.Command{
		Use:   "publish ID FILE.csv --id-column COL",
		Short: "publish a list of entities and their public attributes",
		Long:  "Publishes a registry from a CSV file with a header: one row for each entity, its id in the\ncolumn COL, public attributes in the others. Queries call columns by names of lower-case letters,\ndigits and _: --rename gives a column one. An interrupted publication goes on where it stopped.",
		Example: "  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir\n" +
			"  weir registry publish qiye 企业.csv --rename 代码=code --rename 县区=county --id-column code --dir /tmp/weir",
		Args: cli.Exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.idColumn == "" {
				return cli.Usagef(cmd, "--id-column is needed: the column with the entities' ids")
			}
			file, err := f.file(cmd, args)
			if err != nil {
				return err
			}
			return publishRegistry(cmd.Context(), a, file)
		},
	}
	create.Flags().StringVar(&f.idColumn, "id-column", "", "column with the entities' ids")
	appendRows := &cobra.Command{
		Use:     "append ID FILE.csv",
		Short:   "append entities to a registry",
		Example: "  weir registry append enterprises new.csv --dir /tmp/weir",
		Args:    cli.Exactly(2, "a registry's id and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := f.file(cmd, args)
			if err != nil {
				return err
			}
			return appendRegistry(cmd.Context(), a, file)
		},
	}
	f.flags(create)
	f.flags(appendRows)
	list := cli.List[catalog.Registry]{
		Short: "list the registries", Example: "  weir registry list --dir /tmp/weir",
		Name: "registries", Who: cli.Nobody, Read: client.Registries.Read, Table: registryTable,
	}.Command(a)
	return cli.Group(cli.ForPublishers, "registry", "publish lists of entities",
		"  weir registry publish enterprises enterprises.csv --id-column code --dir /tmp/weir", cli.CompleteFiles(create, "csv", "gz"), a.CompleteName(appendRows, cli.RegistryNames, "csv", "gz"), newRegistryCorrectCommand(a), list)
}

// registryFlags say how the file of a registry is read.
type registryFlags struct {
	idColumn string
	renaming []string
	encoding string
}

func (f *registryFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.renaming, "rename", nil, "`HEADER=NAME`: what queries call a column of the file; may be given again")
	cmd.Flags().StringVar(&f.encoding, "encoding", "", "`ENCODING` of the file: utf-8, gb18030, windows-1252 (Latin-1) or another of the web's; without it the first two and UTF-16 are told apart")
}

// file is the file of a command whose arguments are a registry's id and the file.
func (f *registryFlags) file(cmd *cobra.Command, args []string) (publish.RegistryFile, error) {
	out := publish.RegistryFile{File: cli.OpenFile(args[1]), ID: args[0], IDColumn: f.idColumn, Rename: map[string]string{}}
	if f.encoding != "" {
		name, err := table.EncodingName(f.encoding)
		if err != nil {
			return out, cli.Usagef(cmd, "--encoding: %s", err)
		}
		out.Encoding = name
	}
	for _, text := range f.renaming {
		header, name, found := strings.Cut(text, "=")
		if !found || header == "" || name == "" {
			return out, cli.Usagef(cmd, "--rename is %q, want HEADER=NAME", text)
		}
		out.Rename[header] = name
	}
	return out, nil
}

func publishRegistry(ctx context.Context, a *cli.App, f publish.RegistryFile) error {
	rows, err := publish.ReadRegistryFile(ctx, f)
	if err != nil {
		return err
	}
	return a.With(cli.Bureau, func(c *client.Client) error {
		return sendRows(a, f.ID, func(tell func(done, total int)) (publish.RegistryResult, error) {
			return publish.Registry(ctx, c, rows, tell)
		})
	})
}

func appendRegistry(ctx context.Context, a *cli.App, f publish.RegistryFile) error {
	return a.With(cli.Bureau, func(c *client.Client) error {
		have, err := c.Registry(ctx, f.ID)
		if err != nil {
			return fmt.Errorf("read registry %s: %w", f.ID, err)
		}
		f.IDColumn, f.Columns = have.IDColumn, append([]string{}, have.Columns...)
		more, err := publish.ReadRegistryFile(ctx, f)
		if err != nil {
			return err
		}
		return sendRows(a, f.ID, func(tell func(done, total int)) (publish.RegistryResult, error) {
			return publish.AppendRegistry(ctx, c, f.ID, more.Rows, tell)
		})
	})
}

// sendRows has rows of a registry sent, tells how many have arrived, and prints what was done.
func sendRows(a *cli.App, id string, send func(tell func(done, total int)) (publish.RegistryResult, error)) error {
	bar := a.NewProgress()
	defer bar.Finish()
	r, err := send(func(done, total int) {
		a.IfInterrupted("%d of %d rows have arrived, and registry %s has none of them before all are there; the same command goes on from there", done, total, id)
		bar.Rows(done, total)
	})
	if err != nil {
		return err
	}
	bar.Finish()
	if r.Existed {
		a.Note("registry %s had these rows already", r.Registry)
	}
	return a.PrintRowOf(r, "registry", r.Registry, "added", strconv.Itoa(r.Added), "rows", strconv.Itoa(r.Rows))
}

func registryTable(all []catalog.Registry) term.Table {
	s := term.Table{Head: []string{"registry", "rows", "id column", "attributes", "owner"}}
	for _, r := range all {
		s.Add(r.ID, strconv.Itoa(r.Rows), r.IDColumn, strings.Join(r.Columns, ","), r.Owner)
	}
	return s
}
