package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/dev"
	"github.com/weirdata/weir/node/dev/demo"
	"github.com/weirdata/weir/seeds"
)

// demoRun is a run of the demo.
type demoRun struct {
	*cli.App
	dir     string // of the cluster
	left    string // what an interruption leaves behind
	serve   bool
	verbose bool
}

// errDisagree makes the demo fail when an answer is not the published figure.
var errDisagree = errors.New("an answer does not agree with the published figure")

// NewDemoCommand returns the command that shows everything once.
func NewDemoCommand(a *cli.App) *cobra.Command {
	var full, asJSON bool
	var options seeds.Options
	run := demoRun{App: a}
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: cli.ToTry,
		Short:   "form a cluster, publish the Hengshui seeds encrypted, query, compare",
		Long: `Form a cluster of three node processes on this machine, publish the Hengshui
seeds encrypted, query them as a buyer, and compare every answer with the figure
that the bureau published, or with the plaintext that this program generated. The
seeds are synthetic, calibrated to those figures. Exit status 0 only if all agree.
Everything is in a temporary directory that is removed at the end, unless --dir
names one; run again with the same directory, it asks what is published there.
It prints a line an answer; -v adds the working.`,
		Example: `  weir demo
  weir demo --serve --dir /tmp/weir
  weir demo --full --dust-monitors 1200 --dust-days 366`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if asJSON {
				a.Output = cli.JSON
			}
			if full {
				options.Size = seeds.SizeFull
			}
			g, err := seeds.New(options)
			if err != nil {
				return cli.Usagef(cmd, "--dust-monitors or --dust-days: %s", strings.TrimPrefix(err.Error(), "seeds: "))
			}
			dir, remove, err := ownDirectory(a, "demo")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, remove()) }()
			run.dir, run.left = dir, "the nodes are stopped, and their directory is removed"
			if a.Directory() != "" {
				run.left = fmt.Sprintf("the nodes are stopped; what was published is in %s, and `weir demo --dir %s` goes on from there", dir, dir)
			}
			return run.run(cmd, g)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&full, "full", false, "publish all seeds in full, 14 million readings: about a minute and 2.5 GB of disk")
	f.IntVar(&options.DustMonitors, "dust-monitors", 0, "dust monitors that the hourly dataset has, 55 to 9999 (60, with --full 600)")
	f.IntVar(&options.DustDays, "dust-days", 0, "days that it has, 1 to 366 (7, with --full 92)")
	f.BoolVar(&run.serve, "serve", false, "keep the cluster up afterwards, until interrupted")
	f.BoolVarP(&run.verbose, "verbose", "v", false, "print the working too: each question with its SQL, where its answer is from, and the table behind it")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON, as -o json does")
	return cmd
}

// run runs the demo on a cluster in the directory and prints the report.
func (r demoRun) run(cmd *cobra.Command, g *seeds.Generator) (err error) {
	d, err := g.Demo()
	if err != nil {
		return err
	}
	start := time.Now()
	r.IfInterrupted("%s", r.left)
	c, err := startDev(r.App, cmd, dev.Options{Dir: r.dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	bureau, err := c.Client(dev.Bureau)
	if err != nil {
		return err
	}
	defer bureau.Close()
	buyer, err := c.Client(dev.Buyer)
	if err != nil {
		return err
	}
	defer buyer.Close()
	report, err := r.perform(cmd.Context(), demo.Cast{Bureau: bureau, Buyer: buyer}, d, start)
	if err != nil {
		return err
	}
	if err := printReport(r.App, report, r.verbose); err != nil {
		return err
	}
	r.Note("it took %.1f s, with the cluster %.1f s", report.Seconds, time.Since(start).Seconds())
	if r.serve {
		r.Note("the cluster stays up: weir query --dir %s 'SELECT …'; interrupt to stop", r.dir)
		untilInterrupted(r.App, cmd, c)
		r.Note("stopping the nodes")
	}
	if !report.Agree {
		return errDisagree
	}
	return nil
}

// perform does what the demo shows, with a line a step and a bar below on a terminal.
// Answers are lines too where the working is asked for.
func (r demoRun) perform(ctx context.Context, cast demo.Cast, d seeds.Demo, start time.Time) (demo.Report, error) {
	bar := r.NewProgress()
	defer bar.Finish()
	step := func(what string) {
		bar.Finish()
		r.Note("[%5.1f s] %s", time.Since(start).Seconds(), what)
	}
	answers := 0
	return demo.Run(ctx, cast, d, demo.Events{
		Step:       step,
		Publishing: bar.Publishing,
		Answered: func(x demo.Answer) {
			if answers++; r.verbose {
				step(x.Title.EN + ": " + x.Answer)
				return
			}
			bar.Bar.Set(term.Task{Title: "asking", Unit: "answers"}, int64(answers), int64(len(d.Questions)))
		},
	})
}
