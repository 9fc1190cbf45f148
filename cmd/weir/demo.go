package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/node/demo"
	"github.com/weirdata/weir/node/dev"
	"github.com/weirdata/weir/seeds"
)

func init() { commands = append(commands, newDemoCommand) }

// errDisagree makes the demo fail when an answer is not the published figure.
var errDisagree = errors.New("an answer does not agree with the published figure")

func newDemoCommand(a *app) *cobra.Command {
	var full, serve, asJSON bool
	var options seeds.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "form a cluster, publish the Hengshui seeds encrypted, query, compare",
		Long: `Form a cluster of three node processes on this machine, publish the Hengshui
seeds encrypted, query them as a buyer, and compare every answer with the figure
that the bureau published, or with the plaintext that this program generated. The
seeds are synthetic, calibrated to those figures. Exit status 0 only if all agree.
Everything is in a temporary directory that is removed at the end, unless --dir
names one; run again with the same directory, it asks what is published there.`,
		Example: `  weir demo
  weir demo --serve --dir /tmp/weir
  weir demo --full --dust-monitors 1200 --dust-days 366`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if asJSON {
				a.output = outputJSON
			}
			if full {
				options.Size = seeds.SizeFull
			}
			g, err := seeds.New(options)
			if err != nil {
				return usagef(cmd, "--dust-monitors or --dust-days: %s", strings.TrimPrefix(err.Error(), "seeds: "))
			}
			dir := a.directory()
			left := fmt.Sprintf("the nodes are stopped; what was published is in %s, and `weir demo --dir %s` goes on from there", dir, dir)
			if dir == "" {
				left = "the nodes are stopped, and their directory is removed"
				if dir, err = os.MkdirTemp("", "weir-demo-"); err != nil {
					return fmt.Errorf("make a directory for the demo: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			return a.demo(cmd, dir, g, serve, left)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&full, "full", false, "publish all seeds in full, 14 million readings: about a minute and 2.5 GB of disk")
	f.IntVar(&options.DustMonitors, "dust-monitors", 0, "dust monitors that the hourly dataset has, 55 to 9999 (60, with --full 600)")
	f.IntVar(&options.DustDays, "dust-days", 0, "days that it has, 1 to 366 (7, with --full 92)")
	f.BoolVar(&serve, "serve", false, "keep the cluster up afterwards, until interrupted")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON, as -o json does")
	return cmd
}

// demo runs the demo on a cluster in dir and prints the report.
func (a *app) demo(cmd *cobra.Command, dir string, g *seeds.Generator, serve bool, left string) (err error) {
	d, err := g.Demo()
	if err != nil {
		return err
	}
	start := time.Now()
	a.ifInterrupted("%s", left)
	c, err := a.startDev(cmd, dev.Options{Dir: dir})
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
	report, err := a.perform(cmd.Context(), demo.Cast{Bureau: bureau, Buyer: buyer}, d, start)
	if err != nil {
		return err
	}
	if err := a.printReport(report); err != nil {
		return err
	}
	a.note("it took %.1f s, with the cluster %.1f s", report.Seconds, time.Since(start).Seconds())
	if serve {
		a.note("the cluster stays up: weir query --dir %s 'SELECT …'; interrupt to stop", dir)
		a.untilInterrupted(cmd, c)
		a.note("stopping the nodes")
	}
	if !report.Agree {
		return errDisagree
	}
	return nil
}

// perform runs the demo, with a line a step and a bar below on a terminal.
func (a *app) perform(ctx context.Context, cast demo.Cast, d seeds.Demo, start time.Time) (demo.Report, error) {
	bar := a.newProgress()
	defer bar.finish()
	step := func(what string) {
		bar.finish()
		a.note("[%5.1f s] %s", time.Since(start).Seconds(), what)
	}
	return demo.Run(ctx, cast, d, demo.Events{
		Step:       step,
		Publishing: bar.publishing,
		Answered:   func(x demo.Answer) { step(x.Title.EN + ": " + x.Answer) },
	})
}
