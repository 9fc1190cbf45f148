package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize/english"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/news"
	"github.com/weirdata/weir/node/client/publish"
)

// checked is what --check prints.
type checked struct {
	Dataset  string           `json:"dataset"`
	Version  int              `json:"version,omitempty"` // that it would become; 0: the cluster was not asked
	Registry string           `json:"registry"`
	Entities int              `json:"entities"`
	Periods  int              `json:"periods"`
	First    string           `json:"first"`
	Last     string           `json:"last"`
	Readings int              `json:"readings"`
	Gaps     int              `json:"gaps"`
	Measures []checkedMeasure `json:"measures"`
	Tiles    int              `json:"tiles"`
	Bytes    int64            `json:"bytes"`
	Policy   []string         `json:"policy"`
	Offset   string           `json:"utc_offset"`
	Read     panel.Report     `json:"read"`              // what files were taken for, and what became of their readings
	Closed   string           `json:"closed,omitempty"`  // of a protected dataset: which periods become final
	Changes  *news.Changes    `json:"changes,omitempty"` // of an append: how many readings of the version before are others
	Newness  *publish.Newness `json:"newness,omitempty"` // of a listed protected dataset
	// Unrelated is what is perhaps related and not declared to be.
	Unrelated []string `json:"unrelated,omitempty"`
	// TooWide are measures of which nobody will ever get a variance, although the policy
	// grants it.
	TooWide []tooWide `json:"too_wide,omitempty"`

	Dominance  *panel.Dominance   `json:"dominance,omitempty"`
	Answerable *answerable.Report `json:"answerable,omitempty"` // of a protected dataset
}

// checkedMeasure is what there is of one measure.
type checkedMeasure struct {
	Name     string `json:"name"`
	Readings int    `json:"readings"`
	Gaps     int    `json:"gaps"`
}

// tileBytes is the size of a tile on the wire: 48 bytes a slot and a header of
// less than 64 bytes.
const tileBytes = 48 * (catalog.TileCells + 1)

// printCheck prints what would be published, or fails with what the cluster would refuse.
// c is nil where there is none to ask, descriptor the file that describes it, if there is
// one.
func printCheck(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared, report *panel.Dominance, descriptor string) error {
	if err := p.Check(); err != nil {
		return err
	}
	out, err := checkedOf(ctx, a, c, p, report)
	if err != nil {
		return err
	}
	if c != nil {
		listing, err := publish.CheckListing(ctx, c, p)
		var away *client.UnreachableError
		switch {
		case errors.As(err, &away) && p.Source.Registry == "":
			a.Note("not compared with what is published: %s", err)
			c = nil
		case err != nil:
			return err
		default:
			out.Version = listing.Next
			if listing.Dataset != nil {
				if out.Newness, err = publish.FindNewness(ctx, c, p); err != nil {
					return err
				}
			}
		}
	}
	if out.Answerable, err = publish.Foresee(ctx, c, p); err != nil {
		return err
	}
	return a.Print(out, checkedTable(p.Source.Descriptor, out, descriptor))
}

func checkedOf(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared, report *panel.Dominance) (checked, error) {
	d, data := p.Source.Descriptor, p.Panel
	cells := len(data.Entities) * data.Periods
	out := checked{
		Dataset: d.Dataset, Registry: d.Registry, Entities: len(data.Entities), Periods: data.Periods,
		First: d.Grain.Format(data.First), Last: d.Grain.Format(data.First + int64(data.Periods) - 1),
		Readings: p.Readings(), Gaps: cells*len(data.Columns) - p.Readings(),
		Tiles: p.Tiles(), Bytes: int64(p.Tiles()-p.Reused()) * tileBytes,
		Policy: describePolicy(d), Offset: d.UTCOffset, Read: data.Report,
		Dominance: report, TooWide: tooWideOf(d),
	}
	for m, measure := range d.Measures {
		n := p.Presence.Count(m)
		out.Measures = append(out.Measures, checkedMeasure{Name: measure.Name, Readings: n, Gaps: cells - n})
	}
	if d.Policy.Public {
		return out, nil
	}
	var err error
	if out.Closed, err = describeClosed(p); err != nil {
		return out, err
	}
	out.Changes = p.Changes()
	out.Unrelated, err = findRelations(ctx, a, c, p)
	return out, err
}

// findRelations warns of measures and registries that perhaps tell of the same and are
// not declared to. c is nil where there is no cluster to ask.
func findRelations(ctx context.Context, a *cli.App, c *client.Client, p *publish.Prepared) ([]string, error) {
	measures, err := publish.FindUnrelated(ctx, c, p)
	var away *client.UnreachableError
	if errors.As(err, &away) {
		a.Note("not compared with other datasets: %s", err)
		c = nil
		measures, err = publish.FindUnrelated(ctx, c, p)
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range measures {
		out = append(out, m.Words())
	}
	if c == nil {
		return out, nil
	}
	registries, err := publish.FindSharedRegistries(ctx, c, p)
	for _, r := range registries {
		out = append(out, r.Words())
	}
	return out, err
}

func checkedTable(d catalog.Descriptor, c checked, descriptor string) term.Table {
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
		s.Add("warning", w.words())
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
