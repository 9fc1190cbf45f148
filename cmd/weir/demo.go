package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
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
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "form a cluster, publish the Hengshui seeds encrypted, query, compare",
		Long: `Form a cluster of three node processes on this machine, publish the Hengshui
seeds encrypted, query them as a buyer, and compare every answer with the figure
that the bureau published. The seeds are synthetic, calibrated to those figures.
Exit status 0 only if all agree. Everything is in a temporary directory that is
removed at the end, unless --dir names one.`,
		Example: `  weir demo
  weir demo --serve --dir /tmp/weir`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if asJSON {
				a.output = outputJSON
			}
			size := seeds.SizeDemo
			if full {
				size = seeds.SizeFull
			}
			dir := a.directory()
			if dir == "" {
				if dir, err = os.MkdirTemp("", "weir-demo-"); err != nil {
					return fmt.Errorf("make a directory for the demo: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			return a.demo(cmd, dir, size, serve)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&full, "full", false, "publish all seeds in full: some minutes")
	f.BoolVar(&serve, "serve", false, "keep the cluster up afterwards, until interrupted")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON, as -o json does")
	return cmd
}

// demo runs the demo on a cluster in dir and prints the report.
func (a *app) demo(cmd *cobra.Command, dir string, size seeds.Size, serve bool) (err error) {
	g, err := seeds.New(seeds.Options{Size: size})
	if err != nil {
		return err
	}
	start := time.Now()
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
	report, err := demo.Run(cmd.Context(), demo.Cast{Bureau: bureau, Buyer: buyer}, g, demo.Events{
		Step: func(what string) { a.note("[%4.1f s] %s", time.Since(start).Seconds(), what) },
		Answered: func(r demo.Answer) {
			a.note("[%4.1f s] %s: %s", time.Since(start).Seconds(), r.Title.EN, r.Answer)
		},
	})
	if err != nil {
		return err
	}
	if err := a.printReport(report); err != nil {
		return err
	}
	if serve {
		a.note("the cluster stays up: weir query --dir %s 'SELECT …'; interrupt to stop", dir)
		a.untilInterrupted(cmd, c)
	}
	if !report.Agree {
		return errDisagree
	}
	return nil
}

// printReport prints the demo's answers: as a table a block a question, so that
// the SQL can be read whole.
func (a *app) printReport(r demo.Report) error {
	if a.output == outputJSON {
		return a.printJSON(r)
	}
	if a.output == outputCSV {
		s := sheet{head: []string{"id", "title", "from", "sql", "exact", "answer", "published", "agree"}}
		for _, x := range r.Answers {
			s.add(x.ID, x.Title.EN, x.Label, strings.Join(x.SQL, "; "), x.Exact, x.Answer, x.Published, strconv.FormatBool(x.Agree))
		}
		return writeCSV(a.stdout, s)
	}
	agree := 0
	var b strings.Builder
	for _, x := range r.Answers {
		fmt.Fprintf(&b, "%s  %s\n", x.Title.EN, x.Title.ZH)
		for _, sql := range x.SQL {
			fmt.Fprintf(&b, "  %s\n", sql)
		}
		verdict := "DISAGREES"
		if x.Agree {
			agree++
			verdict = "agrees"
		}
		fmt.Fprintf(&b, "  answer %s (%s; exactly %s), published %s: %s\n", x.Answer, x.Label, x.Exact, x.Published, verdict)
		if x.Note != "" {
			fmt.Fprintf(&b, "  %s\n", x.Note)
		}
		b.WriteByte('\n')
	}
	readings, tiles := 0, 0
	for _, p := range r.Published {
		readings += p.Readings
		tiles += p.Tiles
	}
	fmt.Fprintf(&b, "%d of %d answers agree; %d readings in %d tiles, published and queried in %.1f s\n",
		agree, len(r.Answers), readings, tiles, r.Seconds)
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}
