package sql

import (
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
)

// joinedForms are what may be asked of two joined datasets, as messages say it.
var joinedForms = []string{"SUM(x.measure * y.measure)", "COUNT(*)"}

const usingBoth = "USING (entity, period)"

// join checks the second dataset, and what the two are called in the query.
func (c *compiler) join() *Error {
	j := c.stmt.Join
	if j == nil {
		return nil // another name of one dataset is taken away before the grammar is looked at
	}
	n := j.Dataset
	switch second := c.schema.Join; {
	case second == nil:
		return faultAt(j.Pos, "JOIN", "no second dataset is known here").want("one dataset after FROM")
	case second.Dataset == c.schema.Descriptor.Dataset:
		return faultAt(n.Pos, n.Raw, "a dataset is not joined to itself").want("another dataset")
	default:
		if _, ok := match(n, []string{second.Dataset}); !ok {
			return faultAt(n.Pos, n.Raw, "there is no dataset %s here", n.text()).among(n.text(), second.Dataset)
		}
	}
	var on []refKind
	for _, u := range j.Using {
		kind := c.resolve(u).kind
		if kind != refEntity && kind != refPeriod || slices.Contains(on, kind) {
			return faultAt(u.Pos, u.Raw, "cells belong together by entity and period").want(usingBoth)
		}
		on = append(on, kind)
	}
	if len(on) != 2 {
		u := j.Using[0]
		return faultAt(u.Pos, u.Raw, "cells belong together by entity and period, both").want(usingBoth)
	}
	both := &joinedDatasets{datasets: [2]catalog.Descriptor{c.schema.Descriptor, *c.schema.Join}}
	for i, as := range []*name{c.stmt.As, j.As} {
		if both.called[i] = both.datasets[i].Dataset; as != nil {
			both.called[i] = as.text()
		}
	}
	if strings.EqualFold(both.called[0], both.called[1]) {
		return faultAt(n.Pos, n.Raw, "both datasets are called %s", both.called[1]).want("AS and another name")
	}
	c.figures.joined = both
	return nil
}

// joinedDatasets are the two that a query joins.
type joinedDatasets struct {
	datasets [2]catalog.Descriptor
	called   [2]string // in products
}

// joinedFigure reads what is asked of two joined datasets.
func (r *figureReader) joinedFigure(v *value, upper string) ([]known, *Error) {
	n, args := v.Name, v.Call.Args
	if v.Call.Distinct {
		return nil, faultAt(n.Pos, n.Raw, "entities of joined datasets are not counted").want(joinedForms...)
	}
	count := upper == "COUNT" && len(args) == 1 && args[0].First.Star && len(args[0].Rest) == 0
	switch {
	case count:
		return []known{{catalog.Aggregate{Func: catalog.FuncCount}, Output{Kind: OutputAggregate}}}, nil
	case upper != "SUM" && !slices.Contains(aggregate.Names(), upper):
		return nil, r.unknownFunction(n)
	case upper != "SUM":
		return nil, faultAt(n.Pos, n.Raw, notAnswered, upper+" of joined datasets is").want(joinedForms...)
	case len(args) != 1 || len(args[0].Rest) != 1 || args[0].Rest[0].Op != "*":
		return nil, faultAt(n.Pos, n.Raw, "of joined datasets SUM takes the product of a measure of each").want(joinedForms[0])
	}
	var measures [2]string
	for _, f := range []*factor{args[0].First, args[0].Rest[0].Factor} {
		side, measure, fault := r.joined.measure(f)
		if fault != nil {
			return nil, fault
		}
		if measures[side] != "" {
			return nil, faultAt(f.Pos, f.raw(), "both measures are of one dataset").want(joinedForms[0])
		}
		measures[side] = measure
	}
	a := catalog.Aggregate{Func: catalog.FuncProduct, Measure: measures[0], Other: catalog.JoinedMeasure(r.joined.datasets[1].Dataset, measures[1])}
	return []known{{a, Output{Kind: OutputAggregate, Form: aggregate.FormProduct, Argument: a.Measure}}}, nil
}

// measure reads a measure with its dataset before it: 0 for the first one, 1
// for the second.
func (j *joinedDatasets) measure(f *factor) (side int, measure string, fault *Error) {
	called := j.called[:]
	if f.Star || f.Call != nil || f.Literal.Name == nil || f.Literal.Of == nil {
		return 0, "", faultAt(f.Pos, f.raw(), "a product is of measures with their datasets before them").
			want(writable(called[0])+".measure", writable(called[1])+".measure")
	}
	n := f.Literal.Name
	name, ok := match(n, called)
	if !ok {
		return 0, "", faultAt(n.Pos, n.Raw, "nothing is called %s", n.text()).among(n.text(), called...)
	}
	side = slices.Index(called, name)
	descriptor := j.datasets[side]
	of, names := f.Literal.Of, descriptor.MeasureNames()
	if measure, ok = match(of, names); !ok {
		return 0, "", faultAt(of.Pos, of.Raw, "dataset %s has no measure %s", descriptor.Dataset, of.text()).among(of.text(), names...)
	}
	return side, measure, nil
}
