package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/bench"
	"github.com/weirdata/weir/node/bench/load"
	"github.com/weirdata/weir/node/dev"
)

// NewBenchCommand returns the command that measures this machine.
func NewBenchCommand(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		GroupID: cli.ToTry,
		Short:   "measure what this machine does: add, encrypt, open, store, propose",
		Long: `Measure Weir's primitives on this machine, with throw-away keys and data, in one
run of some twenty seconds: memory bandwidth and the rate at which ciphertexts are
added, both on one core, the library's own addition for comparison, encryption,
the two parts of an opening, adding from the blob store, and proposals to a ledger
of three members on one disk. Machines that are shared vary; compare ratios of one
run, such as accumulate_of_memory. Needs about 1.5 GB of memory, and 0.5 GB in the
directory for temporary files (TMPDIR).`,
		Example: `  weir bench
  weir bench -o json`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.Note("%d cores, %s/%s", runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
			a.IfInterrupted("no figures are printed; a run takes some twenty seconds")
			figures, err := bench.Run(cmd.Context(), bench.Options{Step: func(what string) { a.Note("%s", what) }})
			if err != nil {
				return err
			}
			return printFigures(a, figures)
		},
	}
	cmd.AddCommand(newBenchLoadCommand(a), newBenchQueriesCommand(a), newBenchFeedCommand(a))
	return cmd
}

// printFigures prints a benchmark's figures: plain numbers for machines, scaled
// ones in the table.
func printFigures(a *cli.App, figures bench.Figures) error {
	s := term.Table{Head: []string{"name", "value", "unit"}}
	for _, m := range figures {
		value, unit := strconv.FormatFloat(m.Value, 'f', -1, 64), m.Unit
		if a.Output == cli.Table {
			value, unit = scaled(m.Value, m.Unit)
		}
		s.Add(m.Name, value, unit)
	}
	return a.Print(figures, s)
}

// scaled writes a figure with four digits, and rates with an SI prefix:
// 26.13 GB/s, 540.2 M/s.
func scaled(value float64, unit string) (text, of string) {
	if unit == "1" {
		return strconv.FormatFloat(value, 'f', 2, 64), ""
	}
	prefix := ""
	if unit == "B/s" || unit == "1/s" {
		value, prefix = humanize.ComputeSI(value)
	}
	return fmt.Sprintf("%.4g", value), prefix + strings.TrimPrefix(unit, "1")
}

func newBenchLoadCommand(a *cli.App) *cobra.Command {
	var o load.Options
	cmd := &cobra.Command{
		Use:   "load",
		Short: "put many clients on a cluster of this machine and check every answer",
		Long: `Start a cluster of three node processes on this machine, publish a small dataset, and
have many clients ask queries, explanations and compilations at the same time. Every
answer is compared with plain addition. Printed are, of each kind, how many were
answered, refused (429 or 503 with Retry-After), wrong and failed, the median and the
99th percentile of the time to an answer, the elections, and the memory of the nodes
before and after. Exit status 0 only where nothing was wrong and nothing failed. The
clients run on the same machine as the nodes, so these are the figures of a machine that
is wholly taken. The cluster is in a temporary directory that is removed at the end,
unless --dir names one.`,
		Example: `  weir bench load
  weir bench load --one-node --clients 200 --for 20s`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Clients < 1 || o.For <= 0 {
				return cli.Usagef(cmd, "--clients is %d and --for is %s, want one client and a time at least", o.Clients, o.For)
			}
			return onCluster(a, cmd, "load", "the nodes are stopped", func(c *dev.Cluster, _ string) error { return runLoad(a, cmd, c, o) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Clients, "clients", load.DefaultClients, "clients that ask at the same time")
	f.DurationVar(&o.For, "for", load.DefaultFor, "how long they ask")
	f.BoolVar(&o.OneNode, "one-node", false, "have all of them ask one node, and no other")
	return cmd
}

func newBenchQueriesCommand(a *cli.App) *cobra.Command {
	var o load.RateOptions
	cmd := &cobra.Command{
		Use:   "queries",
		Short: "time queries on a cluster of this machine, from 1, 8 and 32 clients",
		Long: `Start a cluster of three node processes on this machine, publish a small dataset, and
have 1, 8 and 32 clients ask small queries of it: ones that nobody has asked before
(fresh), then the same ones again (repeat). Every answer is compared with plain
addition. Printed are, of each, how many were answered in a second, the median and the
99th percentile of the time from asking to the table, the writes with an fsync of all
nodes together for a query, and their processor time, which depends least on what else
the machine does. The clients run on the same machine. The cluster is in a temporary
directory that is removed at the end, unless --dir names one.`,
		Example: `  weir bench queries
  weir bench queries --queries 1000 -o json`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Queries < 1 {
				return cli.Usagef(cmd, "--queries is %d, want one at least", o.Queries)
			}
			o.Step = func(what string) { a.Note("%s", what) }
			return onCluster(a, cmd, "queries", "the nodes are stopped", func(c *dev.Cluster, _ string) error {
				figures, err := load.Rates(cmd.Context(), c, o)
				if err != nil {
					return err
				}
				return printFigures(a, figures)
			})
		},
	}
	cmd.Flags().IntVar(&o.Queries, "queries", load.DefaultQueries, "queries of each kind for each number of clients")
	return cmd
}

// onCluster runs a benchmark on a cluster of its own, in the directory that was asked for or in one that is removed at the
// end. stopped says what becomes of it when it is interrupted.
func onCluster(a *cli.App, cmd *cobra.Command, name, stopped string, run func(c *dev.Cluster, dir string) error) (err error) {
	dir, remove, err := ownDirectory(a, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	a.IfInterrupted("no figures are printed; %s", stopped)
	c, err := startDev(a, cmd, dev.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return run(c, dir)
}

// runLoad runs the load on a cluster and prints its figures.
func runLoad(a *cli.App, cmd *cobra.Command, c *dev.Cluster, o load.Options) error {
	o.Step = func(what string) { a.Note("%s", what) }
	report, err := load.Run(cmd.Context(), c, o)
	if err != nil {
		return err
	}
	if err := printFigures(a, report.Figures()); err != nil {
		return err
	}
	a.NoteEach("fault: %s", report.Faults)
	if ended := c.Exited(); len(ended) > 0 {
		return fmt.Errorf("%w: nodes ended: %v", load.ErrFaulty, ended)
	}
	return report.Err()
}
