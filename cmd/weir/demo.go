package main

import (
	"context"
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
that the bureau published, or with the plaintext that this program generated. The
seeds are synthetic, calibrated to those figures. Exit status 0 only if all agree.
Everything is in a temporary directory that is removed at the end, unless --dir
names one; run again with the same directory, it asks what is published there.`,
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
			left := fmt.Sprintf("the nodes are stopped; what was published is in %s, and `weir demo --dir %s` goes on from there", dir, dir)
			if dir == "" {
				left = "the nodes are stopped, and their directory is removed"
				if dir, err = os.MkdirTemp("", "weir-demo-"); err != nil {
					return fmt.Errorf("make a directory for the demo: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			}
			return a.demo(cmd, dir, size, serve, left)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&full, "full", false, "publish all seeds in full, 14 million readings: about a minute and 2.5 GB of disk")
	f.BoolVar(&serve, "serve", false, "keep the cluster up afterwards, until interrupted")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON, as -o json does")
	return cmd
}

// demo runs the demo on a cluster in dir and prints the report.
func (a *app) demo(cmd *cobra.Command, dir string, size seeds.Size, serve bool, left string) (err error) {
	g, err := seeds.New(seeds.Options{Size: size})
	if err != nil {
		return err
	}
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

// printReport prints the demo's answers: as a table a block a question, so that
// the SQL can be read whole.
func (a *app) printReport(r demo.Report) error {
	switch a.output {
	case outputJSON:
		return a.printJSON(r)
	case outputCSV:
		s := sheet{head: []string{"id", "title", "from", "sql", "exact", "answer", "published", "agree"}}
		for _, x := range r.Answers {
			s.add(x.ID, x.Title.EN, x.Label, strings.Join(x.SQL, "; "), x.Exact, x.Answer, x.Published, strconv.FormatBool(x.Agree))
		}
		return writeCSV(a.stdout, s)
	}
	var b strings.Builder
	for _, x := range r.Answers {
		if err := writeAnswer(&b, x); err != nil {
			return err
		}
	}
	fmt.Fprintf(&b, "%d of %d answers agree; %s, in %.1f s\n", r.Agreeing(), len(r.Answers), published(r), r.Seconds)
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// writeAnswer writes one question: titles, SQL, verdict, and the table behind it.
func writeAnswer(b *strings.Builder, x demo.Answer) error {
	fmt.Fprintf(b, "%s  %s\n", x.Title.EN, x.Title.ZH)
	for _, sql := range x.SQL {
		fmt.Fprintf(b, "  %s\n", sql)
	}
	verdict := "DISAGREES"
	if x.Agree {
		verdict = "agrees"
	}
	exactly := ""
	if x.Exact != x.Answer && !strings.HasPrefix(x.Answer, x.Exact+" ") {
		exactly = "; exactly " + x.Exact
	}
	fmt.Fprintf(b, "  answer %s (%s%s), published %s: %s\n", x.Answer, x.Label, exactly, x.Published, verdict)
	if x.Note != "" {
		fmt.Fprintf(b, "  %s\n", x.Note)
	}
	if x.Detail != nil {
		var table strings.Builder
		if err := writeTable(&table, sheet{head: x.Detail.Columns, rows: x.Detail.Rows}); err != nil {
			return err
		}
		for line := range strings.Lines(table.String()) {
			b.WriteString("    " + line)
		}
	}
	b.WriteByte('\n')
	return nil
}

// published says what a run published.
func published(r demo.Report) string {
	if len(r.Published) == 0 {
		return "nothing to publish, all data were there"
	}
	readings, tiles, size := 0, 0, int64(0)
	for _, p := range r.Published {
		readings, tiles, size = readings+p.Readings, tiles+p.Tiles, size+p.Bytes
	}
	return fmt.Sprintf("%d readings published in %d tiles, %d MB encrypted", readings, tiles, size/1_000_000)
}
