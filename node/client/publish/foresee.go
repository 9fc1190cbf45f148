package publish

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/answerable"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/family"
	"github.com/weirdata/weir/node/client/news"
)

// Foresee works out what could be answered of a dataset once it is published as it was
// prepared, by the code that the nodes run then: with the family's state where the
// cluster has one, else alone. It fails with what the rule would refuse, a
// *disclosure.Conflict or *disclosure.DeclarationError. It is nil of a public dataset. c
// may be nil where the data makes its own registry.
func Foresee(ctx context.Context, c *client.Client, p *Prepared) (*answerable.Report, error) {
	d := p.Source.Descriptor
	if d.Policy.Public {
		return nil, nil //nolint:nilnil // nothing is protected
	}
	table, err := attributeTable(ctx, c, p)
	if err != nil {
		return nil, err
	}
	if r := d.CheckColumns(table.Columns); r != nil {
		return nil, r
	}
	attributes := family.AttributesOf(table.Columns, table.Rows)
	state, version, err := familyBefore(ctx, c, p, attributes)
	if err != nil {
		return nil, err
	}
	closed, err := p.Closed()
	if err != nil {
		return nil, err
	}
	find := &news.Family{Rule: state.Rule, Datasets: state.Datasets, Settled: state.Settled, Record: records(ctx, c)}
	found, err := find.Find(d.Dataset, p.record(version), closed)
	if err != nil {
		return nil, err
	}
	cells := family.CellsOf(ctx, c, d)
	if err := cells.Put(version, p.Presence, p.Panel.First); err != nil {
		return nil, err
	}
	settled, err := state.Rule.Settle(d.Dataset, disclosure.VersionInput{
		Version: version, Entities: len(p.Panel.Entities), Closed: closed, News: disclosure.ReadNews(found.News),
	}, cells)
	if err == nil {
		err = state.Rule.Add(d.Dataset, settled)
	}
	if err != nil {
		return nil, errors.Join(cells.Err, fmt.Errorf("dataset %s would be refused: %w", d.Dataset, err))
	}
	var unread error
	report, err := answerable.Of(answerable.Facts{
		Family: state.Rule, Descriptor: d, Others: family.Others(state.Datasets, d.Dataset), AsOf: version, Live: cells.Live, Cells: cells,
		Attributes: attributes, Sums: p.magnitudes(&unread),
	})
	return report, errors.Join(cells.Err, unread, err)
}

// attributeTable has the rows of the registry that what was prepared is on.
func attributeTable(ctx context.Context, c *client.Client, p *Prepared) (RegistryTable, error) {
	if p.Registry.ID != "" {
		return p.Registry, nil
	}
	id := p.Source.Descriptor.Registry
	r, rows, err := c.WholeRegistry(ctx, id)
	return RegistryTable{ID: id, IDColumn: r.IDColumn, Columns: r.Columns, Rows: rows}, err
}

// familyBefore is the family that the dataset is in or would be in, with the dataset,
// and the number that its version would have.
func familyBefore(ctx context.Context, c *client.Client, p *Prepared, attributes []answerable.Attribute) (*family.Family, int, error) {
	d := p.Source.Descriptor
	version := 1
	var state *family.Family
	if c != nil {
		relative, versions, err := familyMember(ctx, c, d)
		if err != nil {
			return nil, 0, err
		}
		version += versions
		if relative != "" {
			if state, err = family.Read(ctx, c, relative); err != nil {
				return nil, 0, err
			}
		}
		if versions > 0 || relative == d.Dataset {
			return state, version, nil
		}
	}
	if state == nil {
		rule, err := foundFamily(d, attributes, len(p.Panel.Entities))
		if err != nil {
			return nil, 0, err
		}
		state = &family.Family{Rule: rule}
	}
	declared := disclosure.DatasetOf(d)
	declared.Portfolios = d.Policy.Owners()
	if err := state.Rule.Admit(declared); err != nil {
		return nil, 0, fmt.Errorf("dataset %s would be refused: %w", d.Dataset, err)
	}
	state.Datasets = append(state.Datasets, declared)
	return state, version, nil
}

// familyMember is a dataset of the family that a dataset is in or would be in, itself if it
// exists, and how many versions it has. Empty: there is no such family.
func familyMember(ctx context.Context, c *client.Client, d catalog.Descriptor) (id string, versions int, err error) {
	mine, err := protected(ctx, c, client.Datasets)
	if err != nil {
		return "", 0, err
	}
	for _, x := range mine {
		switch {
		case x.ID == d.Dataset:
			return x.ID, x.Versions, nil
		case x.Descriptor.Registry == d.Registry:
			id = x.ID
		}
	}
	return id, 0, nil
}

// foundFamily is the family that a dataset would found.
func foundFamily(d catalog.Descriptor, attributes []answerable.Attribute, entities int) (*disclosure.Family, error) {
	var names []string
	var codes [][]uint32
	for _, a := range attributes {
		names, codes = append(names, a.Name), append(codes, a.Codes)
	}
	order, err := disclosure.Order(d.Policy.Cubes, names)
	if err != nil {
		return nil, err
	}
	tree, err := disclosure.Grow(d.Policy.MinCohort, codes, order, entities)
	if err != nil {
		return nil, fmt.Errorf("classes of registry %s: %w", d.Registry, err)
	}
	return disclosure.NewFamily(tree), nil
}

// magnitudes are the absolute values of what each entity's readings add up to in a
// period of the policy's grain; nil where some readings are not on this machine. failed
// is set where a reading cannot be read.
func (p *Prepared) magnitudes(failed *error) func(measure string, period int64) []int64 {
	if p.appended.unknown > 0 {
		return nil
	}
	d, data := p.Source.Descriptor, p.Panel
	entities := len(data.Entities)
	line := make([]int64, entities)
	return func(measure string, period int64) []int64 {
		out := make([]int64, entities)
		m := slices.Index(d.MeasureNames(), measure)
		column, mid := data.Columns[m], d.Measures[m].Mid()
		span := d.Policy.Grain.Span(period, d.Grain)
		for at := max(span.From-data.First, 0); at < min(span.To-data.First, int64(data.Periods)); at++ {
			row := int(at) * entities
			if err := column.Values.Read(row, line); err != nil {
				*failed = errors.Join(*failed, err)
				return out
			}
			for e := range out {
				if column.Present.Test(uint(row + e)) { //nolint:gosec // an index
					out[e] = addCapped(out[e], line[e]+mid)
				}
			}
		}
		for e, v := range out {
			out[e] = max(v, -v)
		}
		return out
	}
}

// addCapped adds two sums of readings. What comes near the cap is never released: it
// would not fit a tile's numbers.
func addCapped(a, b int64) int64 {
	const most = math.MaxInt64 / 4
	return max(min(a+max(min(b, most), -most), most), -most)
}

// Dominance holds what is going to be published against the p % rule
// (panel.Dominance), with the plaintext that is here alone. Of an append it looks at
// the periods whose readings are all here. c may be nil where the data makes its own
// registry.
func Dominance(ctx context.Context, c *client.Client, p *Prepared, percent panel.Percent) (*panel.Dominance, error) {
	d := p.Source.Descriptor
	var table RegistryTable
	if !d.Policy.Public && percent > 0 {
		var err error
		if table, err = attributeTable(ctx, c, p); err != nil {
			return nil, err
		}
	}
	return p.Panel.Dominance(d, panel.Attributes{Columns: table.Columns, Rows: table.Rows}, percent, p.appended.unknown)
}
