package sandbox

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/node/bench/load"
	"github.com/weirdata/weir/node/dev"
)

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
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Clients < 1 || o.For <= 0 {
				return cli.Usagef(cmd, "--clients is %d and --for is %s, want one client and a time at least", o.Clients, o.For)
			}
			dir := a.Directory()
			if dir == "" {
				if dir, err = os.MkdirTemp("", "weir-load-"); err != nil {
					return fmt.Errorf("make a directory for the load: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			a.IfInterrupted("no figures are printed; the nodes are stopped")
			return runLoad(a, cmd, dir, o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Clients, "clients", load.DefaultClients, "clients that ask at the same time")
	f.DurationVar(&o.For, "for", load.DefaultFor, "how long they ask")
	f.BoolVar(&o.OneNode, "one-node", false, "have all of them ask one node, and no other")
	return cmd
}

// runLoad runs the load on a cluster in dir and prints its figures.
func runLoad(a *cli.App, cmd *cobra.Command, dir string, o load.Options) (err error) {
	c, err := startDev(a, cmd, dev.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
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
