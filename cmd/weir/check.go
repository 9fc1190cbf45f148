package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
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

	Dominance *panel.Dominance `json:"dominance,omitempty"`
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

// check prints what would be published, or fails with what the cluster would refuse.
// c is nil where there is none to ask.
func (a *app) check(ctx context.Context, c *client.Client, p *client.Prepared, report *panel.Dominance) error {
	out := checkedOf(p, report)
	if c != nil {
		listing, err := c.Listing(ctx, p)
		var away *client.UnreachableError
		switch {
		case errors.As(err, &away) && p.Source.Registry == "":
			a.note("not compared with what is published: %s", err)
		case err != nil:
			return err
		default:
			out.Version = listing.Next
		}
	}
	return a.print(out, checkedSheet(p.Source.Descriptor, out))
}

func checkedOf(p *client.Prepared, report *panel.Dominance) checked {
	d, data := p.Source.Descriptor, p.Panel
	cells := len(data.Entities) * data.Periods
	out := checked{
		Dataset: d.Dataset, Registry: d.Registry, Entities: len(data.Entities), Periods: data.Periods,
		First: d.Grain.Format(data.First), Last: d.Grain.Format(data.First + int64(data.Periods) - 1),
		Readings: p.Readings(), Gaps: cells*len(data.Columns) - p.Readings(),
		Tiles: p.Tiles(), Bytes: int64(p.Tiles()-p.Reused()) * tileBytes,
		Policy: policyWords(d), Dominance: report,
	}
	for m, measure := range d.Measures {
		n := p.Presence.Count(m)
		out.Measures = append(out.Measures, checkedMeasure{Name: measure.Name, Readings: n, Gaps: cells - n})
	}
	return out
}

func checkedSheet(d catalog.Descriptor, c checked) sheet {
	s := sheet{head: []string{"what", "value"}}
	s.add("dataset", c.Dataset)
	if c.Version > 0 {
		s.add("version", fmt.Sprintf("would be %d", c.Version))
	}
	s.add("registry", c.Registry)
	s.add("entities", strconv.Itoa(c.Entities))
	s.add("periods", fmt.Sprintf("%d, from %s to %s", c.Periods, c.First, c.Last))
	s.add("readings", fmt.Sprintf("%d, %s empty", c.Readings, counted(c.Gaps, "cell is", "cells are")))
	for i, m := range c.Measures {
		declared := d.Measures[i]
		s.add("measure", fmt.Sprintf("%s: %s, %s; in %s, %s to %s%s", m.Name, counted(m.Readings, "reading", "readings"), counted(m.Gaps, "gap", "gaps"),
			declared.Unit, decimal(declared.Min, declared.Decimals), decimal(declared.Max, declared.Decimals), companionWords(declared)))
	}
	s.add("tiles", fmt.Sprintf("%d, about %s to send%s", c.Tiles, sizeWords(c.Bytes), tileWords(d, c.Tiles)))
	for _, line := range c.Policy {
		s.add("policy", line)
	}
	if report := c.Dominance; report != nil && report.Checked > 0 {
		s.add("dominance", fmt.Sprintf("%d of %s the %s %% rule", report.Failed, counted(report.Checked, "cell fails", "cells fail"), report.Percent))
	}
	return s
}

// nothingPublished adds to faults of the data what follows from them.
func (a *app) nothingPublished(check bool, err error) error {
	var faults *panel.Errors
	if !check && errors.As(err, &faults) {
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
