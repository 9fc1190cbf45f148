package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

func init() { commands = append(commands, newPortfolioCommand) }

func newPortfolioCommand(a *app) *cobra.Command {
	list := withLimit(&cobra.Command{
		Use:     "list",
		Short:   "list your private vectors",
		Example: "  weir portfolio list --dir /tmp/weir",
		Args:    exactly(0, "no arguments"),
	}, func(ctx context.Context, o client.ListOptions) error {
		return printList(ctx, a, buyer, "portfolios", asFar((*client.Client).EachVector, o), portfolioSheet)
	})
	show := &cobra.Command{
		Use:     "show NAME",
		Short:   "show the newest version of a private vector",
		Example: "  weir portfolio show mine --dir /tmp/weir",
		Args:    exactly(1, "one portfolio's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return printNamed(cmd.Context(), a, buyer, args[0], (*client.Client).VectorNamed, portfolioSheet)
		},
	}
	drop := &cobra.Command{
		Use:     "drop NAME",
		Short:   "end all versions of a private vector",
		Long:    "Ends all versions of a private vector: the nodes erase their shares. What was answered\nexactly for it stays answered for nobody else.",
		Example: "  weir portfolio drop mine --dir /tmp/weir",
		Args:    exactly(1, "one portfolio's name"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dropPortfolio(cmd.Context(), args[0]) },
	}
	return group("portfolio", "register private lists of entities, and weights",
		"  weir portfolio register mine borrowers.csv --registry enterprises --dir /tmp/weir",
		newPortfolioRegisterCommand(a), list, show, drop)
}

// registering are the flags of portfolio register.
type registering struct {
	registry, weights, sql string
	bits, decimals         int
	ignoreUnknown          bool
	leaveOut, anew         bool
	timeout                time.Duration
	query                  client.QueryOptions
}

func newPortfolioRegisterCommand(a *app) *cobra.Command {
	var f registering
	cmd := &cobra.Command{
		Use:   "register NAME FILE.csv --registry ID",
		Short: "share a private list of entities among the nodes",
		Long: `Turns a list of entities into a private vector over the registry, shares it among
the nodes, each share sealed to its node, and waits until they have checked it. No
fewer nodes than the threshold learn which entities it has, or how many. Queries
then name it: entity IN PRIVATE(NAME). With --weights the file also has a number
for each entity, for SUM(measure * PRIVATE(NAME)).

A file that is registered already stays as it is: a next version, which --anew makes
of it, is another portfolio, for which nothing that was answered exactly for this one
is answered again.

A portfolio of which some part is too small is not answered exactly. With --for and
the query that it is meant for, the entries that would make its test fail are found
out on this machine and left out, if you say so.`,
		Example: `  weir portfolio register mine borrowers.csv --registry enterprises --dir /tmp/weir \
    --for "SELECT county, SUM(co2_t) FROM enterprise_monthly WHERE entity IN PRIVATE(mine) GROUP BY county"
  weir portfolio register loans loans.csv --registry enterprises --weights balance --bits 16 --dir /tmp/weir`,
		Args: exactly(2, "a name and a CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			weighed := cmd.Flags().Changed("bits") || cmd.Flags().Changed("decimals")
			switch {
			case f.registry == "":
				return usagef(cmd, "--registry is needed: the list of entities that the ids are of")
			case weighed && f.weights == "":
				return usagef(cmd, "--bits and --decimals are of --weights")
			case f.weights != "" && f.sql != "":
				return usagef(cmd, "--for is of lists without weights: weighted sums are answered with noise, and nothing is tested")
			case f.bits < 1 || f.bits > 32 || f.decimals < 0 || f.decimals > 9:
				return usagef(cmd, "--bits are 1 to 32, --decimals 0 to 9")
			case f.timeout <= 0:
				return usagef(cmd, "--timeout must be positive")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			return within(ctx, f.timeout, a.registerPortfolio(ctx, args[0], args[1], f))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.registry, "registry", "", "registry that the ids are of")
	flags.StringVar(&f.weights, "weights", "", "`column` with each entity's weight")
	flags.IntVar(&f.bits, "bits", 16, "with --weights: bits of the largest weight, to which the noise is scaled")
	flags.IntVar(&f.decimals, "decimals", 0, "with --weights: digits after the point that weights have at most")
	flags.BoolVar(&f.anew, "anew", false, "make the next version of a file that is registered as it is")
	flags.BoolVar(&f.ignoreUnknown, "ignore-unknown", false, "go on without the ids that the registry does not have")
	flags.StringVar(&f.sql, "for", "", "`SQL` that the portfolio is meant for: tells which entries its test would fail on")
	flags.StringVar(&f.query.Contract, "contract", "", "with --for: contract to ask under")
	flags.BoolVar(&f.leaveOut, "leave-out", false, "with --for: leave those entries out without asking")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "how long to wait for the nodes' checks")
	return cmd
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
	LeftOut   []string `json:"left_out"`
	Ignored   []string `json:"ignored"`
}

func (a *app) registerPortfolio(ctx context.Context, name, path string, f registering) error {
	c, err := a.connect(buyer)
	if err != nil {
		return err
	}
	defer c.Close()
	file := client.PortfolioFile{File: openFile(path), Weights: f.weights, Bits: f.bits, Decimals: f.decimals, IgnoreUnknown: f.ignoreUnknown}
	if !f.anew {
		v, known, err := c.KnownPortfolio(ctx, a.recordDir(), name, f.registry, file)
		if refused, ok := client.IsRefused(err); ok && refused.Rule == client.RulePortfolioElsewhere {
			err = nil // from elsewhere: it becomes the next version, which is said below
		}
		if err != nil {
			return err
		}
		if known {
			return a.printKnown(v, path)
		}
	}
	a.ifInterrupted("see with `weir portfolio list` whether %s was registered; if not, the same command does", name)
	stop := a.patiently("waiting for the nodes to take the portfolio")
	bar := a.newProgress()
	done, err := c.KeepPortfolio(ctx, a.recordDir(), client.PortfolioOptions{
		Name: name, Registry: f.registry, For: f.sql, Query: f.query, LeaveOut: a.decide(name, f.leaveOut), Progress: a.checking(bar), Watch: bar.checks(), PortfolioFile: file,
	})
	bar.finish()
	stop()
	if err != nil {
		return withSQL(f.sql, err)
	}
	if done.Vector.Version > 1 {
		a.note(otherVersion)
	}
	a.tellIgnored(done, f.registry)
	out := registeredPortfolio{
		Portfolio: name, Version: done.Vector.Version, Vector: done.Vector.ID, Registry: f.registry, Entries: done.Entries,
		Bits: done.Vector.Bits, LeftOut: append([]string{}, done.LeftOut.IDs...), Ignored: []string{},
	}
	for _, u := range done.Unknown {
		out.Ignored = append(out.Ignored, u.ID)
	}
	s := sheet{head: []string{"portfolio", "version", "vector", "registry", "entries", "left out", "ignored"}}
	s.add(name, strconv.Itoa(out.Version), out.Vector, out.Registry, strconv.Itoa(out.Entries), strconv.Itoa(len(out.LeftOut)), strconv.Itoa(len(out.Ignored)))
	return a.print(out, s)
}

// otherVersion is told of what is not the first version of a name.
const otherVersion = "what was answered exactly for an earlier version of it is not for this one"

// printKnown says that a file is registered as it is.
func (a *app) printKnown(v catalog.Vector, path string) error {
	a.note("%s is portfolio %s version %d as it is registered; nothing was uploaded, and --anew would make a next version of it", path, v.Name, v.Version)
	out := registeredPortfolio{
		Portfolio: v.Name, Version: v.Version, Vector: v.ID, Registry: v.Registry, Existed: true, Bits: v.Bits, LeftOut: []string{}, Ignored: []string{},
	}
	s := sheet{head: []string{"portfolio", "version", "vector", "registry", "state"}}
	s.add(v.Name, strconv.Itoa(v.Version), v.ID, v.Registry, portfolioState(v))
	return a.print(out, s)
}

// tellIgnored says which ids were left aside.
func (a *app) tellIgnored(done client.Registered, registry string) {
	if len(done.Unknown) == 0 {
		return
	}
	var ids []string
	for _, u := range done.Unknown {
		ids = append(ids, fmt.Sprintf("%s (row %d)", printable(u.ID), u.Row))
	}
	a.note("ignored, because registry %s does not have them: %s", registry, strings.Join(ids, ", "))
}

// portfolioState is how a vector's state is told.
func portfolioState(v catalog.Vector) string {
	if v.Reason != "" {
		return string(v.State) + ": " + v.Reason
	}
	return string(v.State)
}

// portfolioSheet lists vectors.
func portfolioSheet(list []catalog.Vector) sheet {
	s := sheet{head: []string{"portfolio", "version", "vector", "registry", "registry's entities", "bits", "decimals", "registered", "state"}}
	for _, v := range list {
		s.add(v.Name, strconv.Itoa(v.Version), v.ID, v.Registry, strconv.Itoa(v.Entities), strconv.Itoa(v.Bits), strconv.Itoa(v.Decimals),
			moment(v.Created), portfolioState(v))
	}
	return s
}

func (a *app) dropPortfolio(ctx context.Context, name string) error {
	return a.with(buyer, func(c *client.Client) error {
		dropped, err := c.DropPortfolio(ctx, name)
		if err != nil {
			return err
		}
		s := sheet{head: []string{"portfolio", "version", "vector", "state"}}
		for _, v := range dropped {
			s.add(v.Name, strconv.Itoa(v.Version), v.ID, string(catalog.VectorDropped))
		}
		return a.print(map[string]any{"portfolio": name, "dropped": len(dropped)}, s)
	})
}
