package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
)

// printCheck prints what would be published, or fails with what the cluster would refuse.
// c is nil where there is none to ask, descriptor the file that describes it, if there is
// one.
func printCheck(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared, report *panel.Dominance, descriptor string) error {
	out, err := publish.Examine(ctx, c, p, report, func(what string) { a.Note("%s", what) })
	if err != nil {
		return err
	}
	return a.Print(out, checkedTable(p.Source.Descriptor, out, descriptor))
}

// findRelations is publish.FindRelations, which says what could not be compared.
func findRelations(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared) ([]string, error) {
	return publish.FindRelations(ctx, c, p, func(what string) { a.Note("%s", what) })
}

func checkedTable(d catalog.Descriptor, c publish.Checked, descriptor string) term.Table {
	s := term.Table{Head: []string{"what", "value"}}
	s.Add("dataset", c.Dataset)
	s.AddIf(c.Version > 0, "version", fmt.Sprintf("would be %d", c.Version))
	s.Add("registry", c.Registry)
	addFiles(&s, c.Read.Files)
	s.Add("entities", strconv.Itoa(c.Entities))
	s.Add("periods", fmt.Sprintf("%d, from %s to %s, in UTC%s", c.Periods, c.First, c.Last, c.Offset))
	s.Add("readings", fmt.Sprintf("%d, %s empty", c.Readings, english.Plural(c.Gaps, "cell is", "cells are")))
	for i, m := range c.Measures {
		declared := d.Measures[i]
		s.Add("measure", fmt.Sprintf("%s: %s, %s; in %s, %s to %s%s", m.Name, english.Plural(m.Readings, "reading", "readings"), english.Plural(m.Gaps, "gap", "gaps"),
			declared.Unit, decimal.Format(declared.Min, declared.Decimals), decimal.Format(declared.Max, declared.Decimals), describeCompanions(declared)))
		if i < len(c.Read.Measures) {
			what := describeCounts(c.Read.Measures[i])
			s.AddIf(what != "", "readings", m.Name+": "+what)
		}
	}
	s.AddIf(c.Read.Replicated > 0, "replicates", english.Plural(c.Read.Replicated, "reading beyond the first of its cell", "readings beyond the first of their cells"))
	s.Add("tiles", fmt.Sprintf("%d, about %s to send%s", c.Tiles, cli.FormatBytes(c.Bytes), describeTiles(d, c.Tiles)))
	for _, line := range c.Policy {
		s.Add("policy", line)
	}
	s.AddIf(c.Closed != "", "final", c.Closed)
	if x := c.Changes; x != nil {
		s.Add("corrections", describeChanges(*x))
	}
	if n := c.Newness; n != nil {
		s.Add("news", fmt.Sprintf("beside periods that are new, in %s; in %s classes equal an earlier version", english.Plural(n.News, "measure and period", "measures and periods"), strconv.Itoa(n.Equal)))
		if len(n.Lost) > 0 {
			s.Add("warning", describeLostRecords(n.Lost, n.Undeclared, described{d.Dataset, descriptor}, false))
		}
	}
	for _, alike := range c.Read.Alike {
		s.Add("alike", alike.Words())
	}
	for _, line := range append(c.Read.Warnings, c.Unrelated...) {
		s.Add("warning", line)
	}
	for _, w := range c.TooWide {
		s.Add("warning", w.Words())
	}
	if c.Answerable != nil {
		addAnswerable(&s, d.Policy.Grain, c.Answerable)
	}
	if report := c.Dominance; report != nil && report.Checked > 0 {
		s.Add("dominance", fmt.Sprintf("%d of %s the %s %% rule", report.Failed, english.Plural(report.Checked, "cell fails", "cells fail"), report.Percent))
	}
	return s
}

// nothingPublished adds to faults of the data what follows from them.
func nothingPublished(check bool, err error) error {
	if faults, ok := errors.AsType[*panel.Errors](err); ok && !check {
		return &refusedDataError{faults}
	}
	return err
}

// refusedDataError are faults for which nothing was published.
type refusedDataError struct{ *panel.Errors }

// Error implements error.
func (e *refusedDataError) Error() string {
	return e.Errors.Error() + "\nnothing was published; see with --check whether the mended files are right"
}

// Unwrap returns the faults.
func (e *refusedDataError) Unwrap() error { return e.Errors }
