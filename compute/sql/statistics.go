package sql

import (
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
)

// known is an aggregate of the request with what the client makes of it; the
// output has no name and no index yet.
type known struct {
	aggregate catalog.Aggregate
	output    Output
}

// figureReader reads calls that are figures.
type figureReader struct {
	*scope
	joined *joinedDatasets                     // nil: the query is on one dataset
	asked  func() (calendar.PeriodSet, *Error) // the days of the condition; none: every day
}

// of reads a call: an aggregate, a statistic, or one relative to other rows.
// A histogram is a figure a bucket.
func (r *figureReader) of(v *value) ([]known, *Error) {
	upper := strings.ToUpper(v.Name.text())
	if fault := v.Call.plain(); fault != nil {
		return nil, fault
	}
	v, fault := r.limited(v, upper)
	if fault != nil {
		return nil, fault
	}
	if v.Call.Distinct && r.joined == nil {
		return r.entities(v)
	}
	if relative, ok := aggregate.Relatives[upper]; ok {
		return r.relative(v, upper, relative)
	}
	if r.joined != nil {
		return r.joinedFigure(v, upper)
	}
	if f := aggregate.Named(upper); f != nil && f.Form != "" && privateIn(v.Call) == nil {
		return r.statistic(v, upper, f)
	}
	agg, fault := r.aggregate(v)
	return []known{{agg, Output{Kind: OutputAggregate}}}, fault
}

// relative reads SHARE_OF_TOTAL or YEAR_ON_YEAR of a figure.
func (r *figureReader) relative(v *value, upper, relative string) ([]known, *Error) {
	n := v.Name
	accepted := upper + "(SUM(measure))"
	args := v.Call.Args
	if len(args) != 1 || len(args[0].Rest) > 0 || args[0].First.Star || args[0].First.Call == nil || args[0].First.Literal.Name == nil {
		return nil, faultAt(n.Pos, n.Raw, "%s takes one aggregate", upper).want(accepted)
	}
	inner := &value{Name: args[0].First.Literal.Name, Call: args[0].First.Call}
	list, fault := r.of(inner)
	if fault != nil {
		return nil, fault
	}
	k := list[0]
	f := aggregate.Of(k.aggregate.Func, k.output.Form)
	switch {
	case len(list) > 1 || k.output.Relative != "":
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "%s takes one figure, not %s", upper, strings.ToUpper(inner.Name.text())).want(accepted)
	case relative == aggregate.RelativeYear && f.Root:
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "the change of a root is not answered; compare variances").want(upper+"(VAR_SAMP(measure))", upper+"(REGR_R2(y, x))")
	case relative == aggregate.RelativeShare && !f.Additive:
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "only counts and sums have a share of a total").want(accepted, upper+"(COUNT(measure))", upper+"(COUNT(*))")
	}
	k.output.Relative = relative
	return []known{k}, nil
}

// statistic reads a statistic's arguments.
func (sc *scope) statistic(v *value, upper string, s *aggregate.Function) ([]known, *Error) {
	n, args := v.Name, v.Call.Args
	takes, arguments := "a measure and a number", 2
	switch s.Arguments {
	case aggregate.OneMeasure:
		takes, arguments = "one measure", 1
	case aggregate.TwoMeasures:
		takes = "two measures"
	}
	if len(args) != arguments {
		return nil, faultAt(n.Pos, n.Raw, "%s takes %s", upper, takes).want(upper + s.Says)
	}
	first, fault := sc.measureArgument(args[0], upper)
	if fault != nil {
		return nil, fault
	}
	k := known{catalog.Aggregate{Func: s.Func, Measure: first}, Output{Kind: OutputAggregate, Form: s.Form}}
	if s.Func == catalog.FuncHistogram && sc.schema.Descriptor.MeasureNamed(first).BucketCount() == 0 {
		at := args[0].First
		return nil, faultAt(at.Pos, at.raw(), "%s needs buckets, and %s declares none", upper, first).want(sc.bucketed()...)
	}
	switch s.Arguments {
	case aggregate.TwoMeasures:
		second, fault := sc.measureArgument(args[1], upper)
		if fault != nil {
			return nil, fault
		}
		if first == second {
			at := args[1].First
			return nil, faultAt(at.Pos, at.raw(), "%s takes two different measures", upper).want("another measure", "VAR_POP("+at.raw()+")")
		}
		k.output.Argument = first
		k.aggregate.Measure, k.aggregate.Other = min(first, second), max(first, second)
	case aggregate.Fraction, aggregate.BucketBound:
		if k.output.Argument, fault = sc.number(args[1], upper, s.Arguments, sc.schema.Descriptor.MeasureNamed(first)); fault != nil {
			return nil, fault
		}
	}
	if !s.PerBucket {
		return []known{k}, nil
	}
	var list []known
	for b := range sc.schema.Descriptor.MeasureNamed(first).BucketCount() {
		k.output.Bucket = b + 1
		list = append(list, k)
	}
	return list, nil
}

// bucketed are the measures that have buckets.
func (sc *scope) bucketed() []string {
	var out []string
	for _, m := range sc.schema.Descriptor.Measures {
		if m.BucketCount() > 0 {
			out = append(out, writable(m.Name))
		}
	}
	if out == nil {
		return []string{"no measure of this dataset has buckets"}
	}
	return out
}

// measureArgument reads an argument that is a measure.
func (sc *scope) measureArgument(p *product, upper string) (string, *Error) {
	f := p.First
	switch {
	case len(p.Rest) > 0:
		return "", faultAt(p.Rest[0].Pos, p.Rest[0].Op, notAnswered, "computations inside an aggregate are").want(sc.measureNames()...)
	case f.Star || f.Call != nil || f.Literal.Name == nil:
		return "", faultAt(f.Pos, f.raw(), "%s takes a measure", upper).want(sc.measureNames()...)
	}
	n := f.Literal.Name
	if m, ok := match(n, sc.measures); ok {
		return m, nil
	}
	return "", sc.noMeasure(n, sc.measureNames())
}

// number reads the number that a quantile or an exceedance is asked for, in the
// spelling in which it is compared.
func (sc *scope) number(p *product, upper string, takes aggregate.Arguments, m catalog.Measure) (string, *Error) {
	f := p.First
	text := ""
	if len(p.Rest) == 0 && !f.Star && f.Call == nil {
		if text = f.Literal.Num; f.Literal.Text != "" {
			text = unquote(f.Literal.Text)
		}
	}
	number, ok := takes.Number(m, text)
	switch {
	case ok:
		return number, nil
	case takes == aggregate.Fraction:
		return "", faultAt(f.Pos, f.raw(), "%s takes a number from 0 to 1", upper).want("0.5", "0.95")
	}
	return "", faultAt(f.Pos, f.raw(), "%s takes a bound of a bucket of %s", upper, m.Name).want(m.Buckets...)
}

// outputText is the canonical text of a figure, by which its column is named.
func (sc *scope) outputText(a catalog.Aggregate, o Output) string {
	text := sc.aggregateText(a)
	switch {
	case a.Func == catalog.FuncProduct:
	case a.Other != "":
		first, second := a.Measure, a.Other
		if o.Argument == second {
			first, second = second, first
		}
		text = o.Form + "(" + first + ", " + second + ")"
	case o.Form == aggregate.FormEntities:
		return "count(distinct " + writable(sc.entityName()) + ")"
	case o.Form == aggregate.FormHistogram:
		return o.Form + "(" + a.Measure + ")" + bucketText(sc.schema.Descriptor.MeasureNamed(a.Measure), o.Bucket)
	case o.Form != "" && o.Argument != "":
		text = o.Form + "(" + a.Measure + ", " + o.Argument + ")"
	case o.Form != "":
		text = o.Form + "(" + a.Measure + ")"
	}
	if o.Relative != "" {
		return o.Relative + "(" + text + ")"
	}
	return text
}

// bucketText says which readings a bucket has, behind the name of what they are.
func bucketText(m catalog.Measure, bucket int) string {
	switch {
	case bucket < 1 || bucket > m.BucketCount():
		return ""
	case bucket == 1:
		return " ≤ " + m.Buckets[0]
	case bucket == m.BucketCount():
		return " > " + m.Buckets[bucket-2]
	}
	return " > " + m.Buckets[bucket-2] + " ≤ " + m.Buckets[bucket-1]
}
