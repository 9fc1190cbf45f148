package buyer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
)

// privateFlag is a query's --private NAME=FILE.csv and what goes with it.
type privateFlag struct {
	text          string
	name, path    string
	idColumn      string
	ignoreUnknown bool
}

func (p *privateFlag) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.text, "private", "", "`NAME=FILE.csv`: the portfolio of entity IN PRIVATE(NAME), registered when it is new or changed")
	cmd.Flags().StringVar(&p.idColumn, "id-column", "", "with --private: `column` with the entities' ids; default: what the registry calls it, or entity")
	cmd.Flags().BoolVar(&p.ignoreUnknown, "ignore-unknown", false, "with --private: go on without the ids that the registry does not have")
}

func (p *privateFlag) check(cmd *cobra.Command) error {
	if p.text == "" {
		if p.ignoreUnknown {
			return cli.Usagef(cmd, "--ignore-unknown needs --private")
		}
		if p.idColumn != "" {
			return cli.Usagef(cmd, "--id-column needs --private")
		}
		return nil
	}
	var found bool
	if p.name, p.path, found = strings.Cut(p.text, "="); !found || p.name == "" || p.path == "" {
		return cli.Usagef(cmd, "--private is %q, want NAME=FILE.csv", p.text)
	}
	return nil
}

// portfolioOptions returns how the portfolio of a query is registered.
func (q *question) portfolioOptions(registry string) portfolio.Options {
	return portfolio.Options{
		Name: q.private.name, Registry: registry, For: q.sql, Query: q.options,
		File: portfolio.File{Data: cli.OpenFile(q.private.path), IDColumn: q.private.idColumn, IgnoreUnknown: q.private.ignoreUnknown},
	}
}

// knownPortfolio finds the vector of the query's file, if this machine registered that very
// file, and the registry that the query is on.
func (q *question) knownPortfolio(ctx context.Context, c *client.Client) (v catalog.Vector, known bool, registry string, err error) {
	name, registry, err := portfolio.SelectorOf(ctx, c, q.sql)
	if err != nil {
		return v, false, "", err
	}
	if name != q.private.name {
		return v, false, "", &cli.UsageError{Message: fmt.Sprintf("--private has a file for %s, and the SQL names PRIVATE(%s)", q.private.name, name), Command: "weir query"}
	}
	v, known, err = portfolio.Known(ctx, c, q.RecordDir(), name, registry, portfolio.File{Data: cli.OpenFile(q.private.path), IDColumn: q.private.idColumn})
	return v, known, registry, err
}

// ensurePortfolio has the query's portfolio registered: the same file once.
func (q *question) ensurePortfolio(ctx context.Context, c *client.Client) error {
	if q.private.text == "" {
		return nil
	}
	v, known, registry, err := q.knownPortfolio(ctx, c)
	if err != nil {
		return err
	}
	if known {
		q.Note("%s is portfolio %s version %d as it is registered; nothing is uploaded", q.private.path, v.Name, v.Version)
		r, err := c.Registry(ctx, registry)
		if err == nil && r.Rows > v.Entities {
			q.Note("registry %s has grown since, from %d entities to %d; the new ones are not in it", registry, v.Entities, r.Rows)
		}
		return err
	}
	q.IfInterrupted("the query was not asked, and nothing is charged; see with `weir portfolio list` whether %s was registered", q.private.name)
	done, err := keepPortfolio(ctx, q.App, c, q.portfolioOptions(registry))
	if err != nil {
		return err
	}
	noteIgnored(q.App, done, registry)
	q.Note("registered portfolio %s version %d with %s", q.private.name, done.Vector.Version, english.Plural(done.Entries, "entity", "entities"))
	if done.Vector.Version > 1 {
		q.Note(otherVersion)
	}
	return nil
}

// explainPortfolio explains a query, and says what registering its file would come to,
// where it has one.
func (q *question) explainPortfolio(ctx context.Context, c *client.Client, s *term.Table) (wire.Explained, error) {
	if q.private.text == "" {
		return ask.Explain(ctx, c, q.sql, q.options)
	}
	v, known, registry, err := q.knownPortfolio(ctx, c)
	if err != nil {
		return wire.Explained{}, err
	}
	if known {
		s.Add("portfolio", fmt.Sprintf("%s version %d, registered; nothing would be uploaded", v.Name, v.Version))
		return ask.Explain(ctx, c, q.sql, q.options)
	}
	would, x, err := portfolio.Explain(ctx, c, q.portfolioOptions(registry))
	if err != nil {
		return x, err
	}
	s.Add("portfolio", fmt.Sprintf("%s would be registered with %s of %s", q.private.name, english.Plural(would.Entries, "entity", "entities"), q.private.path))
	for _, line := range previewLines(would.Preview) {
		s.Add("in the figures", line)
	}
	return x, nil
}

// noteChecks tells what the nodes' checks wait for, when they take long.
func noteChecks(a *cli.App, p *cli.Progress) func(catalog.Vector) {
	return func(v catalog.Vector) {
		switch v.State {
		case catalog.VectorStoring, catalog.VectorLining, catalog.VectorProving:
			p.Tell(a.WithStopHint(vector.Waits(v)))
		}
	}
}

// maxPreview is how many figures are told of one by one.
const maxPreview = 24

// previewLines say, figure by figure, how many entities of a list will be in it; nothing
// without a preview.
func previewLines(p *ask.Preview) []string {
	if p == nil {
		return nil
	}
	var out []string
	for _, f := range p.Figures[:min(len(p.Figures), maxPreview)] {
		what := f.Measure
		if len(f.Group) > 0 {
			what += " of " + strings.Join(f.Group, ", ")
		}
		if f.Piece != "" {
			what += ", piece " + f.Piece
		}
		in := strconv.Itoa(f.Least)
		if f.Most > f.Least {
			in += " to " + strconv.Itoa(f.Most)
		}
		out = append(out, fmt.Sprintf("%s as of version %d: %s of %s of the list will be in the figures", what, p.AsOf, in, english.Plural(f.Listed, "entity", "entities")))
	}
	if more := len(p.Figures) - maxPreview; more > 0 {
		out = append(out, fmt.Sprintf("and %d more figures", more))
	}
	if p.Outside > 0 {
		out = append(out, fmt.Sprintf("%s of the list will be in none: in no class of entities yet, or outside of the groups that are asked", english.Plural(p.Outside, "entity", "entities")))
	}
	return out
}

// checksLine says how far the checks of a private vector are: how many of its nodes, or
// of the members of the last check, have done their part.
func checksLine(v catalog.Vector) string {
	switch v.State {
	case catalog.VectorStoring:
		return fmt.Sprintf("nodes store their shares, %d of %d", present(v.Nonces), len(v.Nodes))
	case catalog.VectorLining:
		return fmt.Sprintf("nodes check that their shares are of one vector, %d of %d", present(v.Lines), len(v.Nodes))
	case catalog.VectorProving:
		text := fmt.Sprintf("nodes check that every entry is 0 or 1, %d of %d", present(v.Checks), v.Threshold)
		if n := len(v.Attempts); n > 1 {
			text = fmt.Sprintf("attempt %d: %s", n, text)
		}
		return text
	}
	return ""
}

// present counts what has come of a list in which null stands for what has not.
func present[T any](list [][]T) (n int) {
	for _, x := range list {
		if x != nil {
			n++
		}
	}
	return n
}

// showChecks returns what shows how far the checks of a private vector are; nil where there
// is no terminal, so that nodes are not asked.
func showChecks(p *cli.Progress) func(catalog.Vector) {
	if !p.Bar.Visible() {
		return nil
	}
	return func(v catalog.Vector) {
		if line := checksLine(v); line != "" {
			p.Bar.Draw(term.Cut(line, p.Bar.Columns()))
		}
	}
}
