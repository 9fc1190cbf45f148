package buyer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
)

// portfolioNames are the names of one's own portfolios.
var portfolioNames = cli.NamesOf(cli.Buyer, client.Vectors.All, func(v catalog.Vector) string { return v.Name + "\t" + v.Registry })

// NewPortfolioCommand returns the command of private lists of entities.
func NewPortfolioCommand(a *cli.App) *cobra.Command {
	list := cli.List[catalog.Vector]{
		Short: "list your private vectors", Example: "  weir portfolio list --dir /tmp/weir",
		Name: "portfolios", Who: cli.Buyer, Read: client.Vectors.Read, Table: portfolioTable,
		Grows: true,
	}.Command(a)
	show := &cobra.Command{
		Use:     "show NAME",
		Short:   "show the newest version of a private vector",
		Example: "  weir portfolio show mine --dir /tmp/weir",
		Args:    cli.Exactly(1, "one portfolio's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cli.PrintNamed(cmd.Context(), a, cli.Buyer, args[0], func(c *client.Client, ctx context.Context, name string) (catalog.Vector, error) {
				return vector.Named(ctx, c, name)
			}, portfolioTable)
		},
	}
	drop := &cobra.Command{
		Use:     "drop NAME",
		Short:   "end all versions of a private vector",
		Long:    "Ends all versions of a private vector: the nodes erase their shares. What was answered\nexactly for it stays answered for nobody else.",
		Example: "  weir portfolio drop mine --dir /tmp/weir",
		Args:    cli.Exactly(1, "one portfolio's name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return dropPortfolio(cmd.Context(), a, args[0]) },
	}
	return cli.Group(cli.ForBuyers, "portfolio", "register private lists of entities, and weights",
		"  weir portfolio register mine borrowers.csv --registry enterprises --dir /tmp/weir",
		newPortfolioRegisterCommand(a), newPortfolioPCAFCommand(a), list, a.CompleteName(show, portfolioNames), a.CompleteName(drop, portfolioNames))
}

// registerFlags are the flags of portfolio register.
type registerFlags struct {
	registry, sql string
	file          portfolio.File
	anew          bool
	timeout       time.Duration
	query         ask.Options
}

func newPortfolioRegisterCommand(a *cli.App) *cobra.Command {
	var f registerFlags
	cmd := &cobra.Command{
		Use:   "register NAME FILE.csv --registry ID",
		Short: "share a private list of entities among the nodes",
		Long: `Turns a list of entities into a private vector over the registry, shares it among
the nodes, each share sealed to its node, and waits until they have checked it. No
fewer nodes than the threshold learn which entities it has, or how many. Queries
then name it: entity IN PRIVATE(NAME). With --weights the file also has a number
for each entity, for SUM(measure * PRIVATE(NAME)); noise in such sums is scaled to the
largest weight that its bits allow times the largest reading. With --within, where the
policy names caps of a measure, each weight is bounded by its own entity's cap, so that
no weight times cap is above one bound: --bound, which is public, as are caps. Nodes
check it. With --pieces the file also names a
piece for each entity, at most 16 of them, for GROUP BY PIECE(NAME): a bank sorts its
borrowers by attribution factor.

An exact portfolio is asked as one group, or with --by as the groups of some attributes
of the registry: these alone, and for good.

A file that is registered already stays as it is: a next version, which --anew makes
of it, is another portfolio, for which nothing that was answered exactly for this one
is answered again.

Exact figures of protected data need a contract that grants a portfolio. The nodes test
each of them and answer all or nothing. With --for and the query that it is meant for
this machine tests the same before anything is registered, and says how many entities
will be in each figure, or what would pass.`,
		Example: `  weir portfolio register mine borrowers.csv --registry enterprises --dir /tmp/weir \
    --for "SELECT county, SUM(co2_t) FROM enterprise_monthly WHERE entity IN PRIVATE(mine) GROUP BY county"
  weir portfolio register bands borrowers.csv --registry enterprises --pieces factor --by county --dir /tmp/weir
  weir portfolio register loans loans.csv --registry enterprises --weights balance --bits 16 --dir /tmp/weir`,
		Args: cli.Exactly(2, "a name and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.file.Weights == "" { // their defaults are those of weights
				for name, of := range map[string]*int{"bits": &f.file.Bits, "decimals": &f.file.Decimals} {
					if !cmd.Flags().Changed(name) {
						*of = 0
					}
				}
			}
			if wrong, is := errors.AsType[*portfolio.OptionError](portfolio.Options{Registry: f.registry, For: f.sql, File: f.file}.Check()); is {
				return cli.Usagef(cmd, "%s", wrong.Named("--"))
			}
			if f.timeout <= 0 {
				return cli.Usagef(cmd, "--timeout is %s, want more than 0", f.timeout)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			return explainTimeout(ctx, f.timeout, registerPortfolio(ctx, a, args[0], args[1], f))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.registry, "registry", "", "registry that the ids are of")
	flags.StringVar(&f.file.IDColumn, "id-column", "", "`column` with the entities' ids; default: what the registry calls it, or entity")
	flags.StringVar(&f.file.Weights, "weights", "", "`column` with each entity's weight")
	flags.StringVar(&f.file.Pieces, "pieces", "", "`column` with the name of each entity's piece, 16 names at most")
	flags.StringSliceVar(&f.file.By, "by", nil, "`attributes` whose groups it may be asked by, such as county,industry")
	flags.IntVar(&f.file.Bits, "bits", 16, "with --weights: bits of the largest weight, to which the noise is scaled")
	flags.IntVar(&f.file.Decimals, "decimals", 0, "with --weights: digits after the point that weights have at most")
	flags.StringVar(&f.file.Within, "within", "", "with --weights: `DATASET.MEASURE` by whose caps each weight is bounded, which makes noise smaller")
	flags.StringVar(&f.file.Bound, "bound", "", "with --within: greatest weight × cap, a `number`; default: a power of two that holds all weights")
	flags.BoolVar(&f.anew, "anew", false, "make the next version of a file that is registered as it is")
	flags.BoolVar(&f.file.IgnoreUnknown, "ignore-unknown", false, "go on without the ids that the registry does not have")
	flags.StringVar(&f.sql, "for", "", "`SQL` that the portfolio is meant for: tests it here before it is registered")
	flags.StringVar(&f.query.Contract, "contract", "", "with --for: contract to ask under")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "how long to wait for the nodes' checks")
	a.CompleteFlag(cmd, "registry", cli.RegistryNames)
	a.CompleteFlag(cmd, "contract", cli.ContractNames)
	return cli.CompleteFiles(cmd, "csv", "gz")
}

// registeredPortfolio is what is printed of a registration.
type registeredPortfolio struct {
	Portfolio string   `json:"portfolio"`
	Version   int      `json:"version"`
	Vector    string   `json:"vector"`
	Registry  string   `json:"registry"`
	Entries   int      `json:"entries,omitempty"` // 0: it was registered before
	Existed   bool     `json:"existed,omitempty"`
	Bits      int      `json:"bits"`
	Pieces    []string `json:"pieces,omitempty"` // in the order of their numbers; none: weights, or one piece without a name
	Ignored   []string `json:"ignored"`
	Bound     string   `json:"bound,omitempty"` // greatest weight times cap, of weights that are bounded by caps
	// Preview is what the query of --for will be answered with; absent: none was named.
	Preview *ask.Preview `json:"preview,omitempty"`
}

func registerPortfolio(ctx context.Context, a *cli.App, name, path string, f registerFlags) error {
	return a.With(cli.Buyer, func(c *client.Client) error {
		f.file.Data = cli.OpenFile(path)
		if !f.anew {
			v, known, err := portfolio.Known(ctx, c, a.RecordDir(), name, f.registry, f.file)
			if refused, ok := client.IsRefused(err); ok && refused.Rule == portfolio.RuleElsewhere {
				err = nil // from elsewhere: it becomes the next version, which is said below
			}
			if err != nil {
				return err
			}
			if known {
				return printKnown(a, v, path)
			}
		}
		a.IfInterrupted("see with `weir portfolio list` whether %s was registered; if not, the same command does", name)
		done, err := keepPortfolio(ctx, a, c, portfolio.Options{Name: name, Registry: f.registry, For: f.sql, Query: f.query, File: f.file})
		if err != nil {
			return cli.WithSQL(f.sql, err)
		}
		if done.Vector.Version > 1 {
			a.Note(otherVersion)
		}
		noteIgnored(a, done, f.registry)
		a.NoteEach("%s", previewLines(done.Preview))
		if done.Limits != nil {
			a.Note("no weight times its entity's cap is above %s, which everybody is told", done.Limits.Text())
		}
		out := registeredPortfolio{
			Portfolio: name, Version: done.Vector.Version, Vector: done.Vector.ID, Registry: f.registry, Entries: done.Entries,
			Bits: done.Vector.Bits, Pieces: pieceNames(done.Pieces), Preview: done.Preview, Ignored: []string{},
		}
		for _, u := range done.Unknown {
			out.Ignored = append(out.Ignored, u.ID)
		}
		if done.Limits != nil {
			out.Bound = done.Limits.Text()
		}
		return a.PrintRowOf(out, "portfolio", name, "version", strconv.Itoa(out.Version), "vector", out.Vector,
			"registry", out.Registry, "entries", strconv.Itoa(out.Entries), "ignored", strconv.Itoa(len(out.Ignored)))
	})
}

// keepPortfolio registers a portfolio and shows how far the nodes' checks are.
func keepPortfolio(ctx context.Context, a *cli.App, c *client.Client, o portfolio.Options) (portfolio.Registered, error) {
	defer a.NoteWait("waiting for the nodes to take the portfolio")()
	bar := a.NewProgress()
	defer bar.Finish()
	o.Progress, o.Watch = noteChecks(a, bar), showChecks(bar)
	return portfolio.Keep(ctx, c, a.RecordDir(), o)
}

// pieceNames are the names of pieces; none for the one piece of a list without.
func pieceNames(pieces []string) []string {
	if len(pieces) == 1 && pieces[0] == "" {
		return nil
	}
	return pieces
}

// otherVersion is told of what is not the first version of a name.
const otherVersion = "periods that were asked exactly for an earlier version of it are not answered for this one"

// printKnown says that a file is registered as it is.
func printKnown(a *cli.App, v catalog.Vector, path string) error {
	a.Note("%s is portfolio %s version %d as it is registered; nothing was uploaded, and --anew would make a next version of it", path, v.Name, v.Version)
	out := registeredPortfolio{
		Portfolio: v.Name, Version: v.Version, Vector: v.ID, Registry: v.Registry, Existed: true, Bits: v.Bits, Ignored: []string{},
	}
	return a.PrintRowOf(out, "portfolio", v.Name, "version", strconv.Itoa(v.Version), "vector", v.ID,
		"registry", v.Registry, "state", portfolioState(v))
}

// noteIgnored says which ids were left aside.
func noteIgnored(a *cli.App, done portfolio.Registered, registry string) {
	if len(done.Unknown) == 0 {
		return
	}
	var ids []string
	for _, u := range done.Unknown {
		ids = append(ids, fmt.Sprintf("%s (row %d)", shown.Text(u.ID), u.Row))
	}
	a.Note("ignored, because registry %s does not have them: %s", registry, strings.Join(ids, ", "))
}

// portfolioState is how a vector's state is told.
func portfolioState(v catalog.Vector) string {
	if !v.Reason.IsZero() {
		return string(v.State) + ": " + explain.Reason(v.Reason)
	}
	return string(v.State)
}

// portfolioTable lists vectors.
func portfolioTable(list []catalog.Vector) term.Table {
	s := term.Table{
		Head: []string{
			"portfolio", "version", "vector", "registry", "registry's entities", "pieces", "by", "bits", "decimals", "registered", "state",
		},
		Optional: []string{"decimals", "bits", "pieces", "by", "registry's entities", "registered", "vector"},
	}
	for _, v := range list {
		s.Add(v.Name, strconv.Itoa(v.Version), v.ID, v.Registry, strconv.Itoa(v.Entities), strconv.Itoa(v.Pieces), strings.Join(v.By, ", "), strconv.Itoa(v.Bits), strconv.Itoa(v.Decimals),
			cli.FormatTime(v.Created), portfolioState(v))
	}
	return s
}

func dropPortfolio(ctx context.Context, a *cli.App, name string) error {
	return a.With(cli.Buyer, func(c *client.Client) error {
		dropped, err := vector.DropNamed(ctx, c, name)
		if err != nil {
			return err
		}
		s := term.Table{Head: []string{"portfolio", "version", "vector", "state"}}
		for _, v := range dropped {
			s.Add(v.Name, strconv.Itoa(v.Version), v.ID, string(catalog.VectorDropped))
		}
		return a.Print(map[string]any{"portfolio": name, "dropped": len(dropped)}, s)
	})
}
