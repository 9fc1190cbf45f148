package query

import (
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// Forms are statistics that the client makes of an aggregate's sums: Output.Form.
// An empty form is the aggregate itself.
const (
	formVarPop     = "var_pop"
	formVarSamp    = "var_samp"
	formStddevPop  = "stddev_pop"
	formStddevSamp = "stddev_samp"
	formCovarPop   = "covar_pop"
	formCovarSamp  = "covar_samp"
	formCorr       = "corr"
	formSlope      = "regr_slope"
	formIntercept  = "regr_intercept"
	formR2         = "regr_r2"
	formWavg       = "wavg"
	formHistogram  = "histogram"
	formQuantile   = "quantile"
	formMedian     = "median"
	formExceedance = "exceedance"
	formProduct    = "product"
)

// What an output says relative to other rows: Output.Relative.
const (
	relativeShare = "share_of_total"
	relativeYear  = "year_on_year"
)

// arguments are what a statistic is asked of.
type arguments int

const (
	oneMeasure arguments = iota
	twoMeasures
	measureAndNumber
)

// statistic is a function of SQL that is made of the sums of a request's function.
type statistic struct {
	form string
	fn   string
	args arguments
	says string // its arguments, as messages write them
}

// statistics are they by their names in SQL. VARIANCE and STDDEV are those of a
// sample, as in PostgreSQL.
var statistics = map[string]statistic{
	"VAR_POP":        {formVarPop, catalog.FuncVar, oneMeasure, "(measure)"},
	"VAR_SAMP":       {formVarSamp, catalog.FuncVar, oneMeasure, "(measure)"},
	"VARIANCE":       {formVarSamp, catalog.FuncVar, oneMeasure, "(measure)"},
	"STDDEV_POP":     {formStddevPop, catalog.FuncVar, oneMeasure, "(measure)"},
	"STDDEV_SAMP":    {formStddevSamp, catalog.FuncVar, oneMeasure, "(measure)"},
	"STDDEV":         {formStddevSamp, catalog.FuncVar, oneMeasure, "(measure)"},
	"COVAR_POP":      {formCovarPop, catalog.FuncCovar, twoMeasures, "(measure, measure)"},
	"COVAR_SAMP":     {formCovarSamp, catalog.FuncCovar, twoMeasures, "(measure, measure)"},
	"WAVG":           {formWavg, catalog.FuncCovar, twoMeasures, "(measure, weight)"},
	"CORR":           {formCorr, catalog.FuncRegr, twoMeasures, "(measure, measure)"},
	"REGR_SLOPE":     {formSlope, catalog.FuncRegr, twoMeasures, "(y, x)"},
	"REGR_INTERCEPT": {formIntercept, catalog.FuncRegr, twoMeasures, "(y, x)"},
	"REGR_R2":        {formR2, catalog.FuncRegr, twoMeasures, "(y, x)"},
	"HISTOGRAM":      {formHistogram, catalog.FuncHistogram, oneMeasure, "(measure)"},
	"MEDIAN":         {formMedian, catalog.FuncHistogram, oneMeasure, "(measure)"},
	"QUANTILE":       {formQuantile, catalog.FuncHistogram, measureAndNumber, "(measure, q)"},
	"EXCEEDANCE":     {formExceedance, catalog.FuncHistogram, measureAndNumber, "(measure, limit)"},
}

// relatives are functions of another aggregate.
var relatives = map[string]string{"SHARE_OF_TOTAL": relativeShare, "YEAR_ON_YEAR": relativeYear}

// statisticNames are the names of statistics and relatives, ascending.
var statisticNames = func() []string {
	var names []string
	for name := range statistics {
		names = append(names, name)
	}
	for name := range relatives {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()

// known is an aggregate of the request with what the client makes of it; the
// output has no name and no index yet.
type known struct {
	aggregate catalog.Aggregate
	output    Output
}

// figuresOf reads a call: an aggregate, a statistic, or one relative to other rows.
// A histogram is a figure a bucket.
func (c *compiler) figuresOf(v *value) ([]known, *Error) {
	upper := strings.ToUpper(v.Name.text())
	if relative, ok := relatives[upper]; ok {
		return c.relative(v, upper, relative)
	}
	if c.stmt.Join != nil {
		return c.joinedFigure(v, upper)
	}
	if s, ok := statistics[upper]; ok && privateIn(v.Call) == nil {
		return c.statistic(v, upper, s)
	}
	agg, fault := c.aggregate(v)
	return []known{{agg, Output{Kind: OutputAggregate}}}, fault
}

// relative reads SHARE_OF_TOTAL or YEAR_ON_YEAR of a figure.
func (c *compiler) relative(v *value, upper, relative string) ([]known, *Error) {
	n := v.Name
	accepted := upper + "(SUM(measure))"
	args := v.Call.Args
	if len(args) != 1 || len(args[0].Rest) > 0 || args[0].First.Star || args[0].First.Call == nil || args[0].First.Literal.Name == nil {
		return nil, faultAt(n.Pos, n.Raw, "%s takes one aggregate", upper).want(accepted)
	}
	inner := &value{Name: args[0].First.Literal.Name, Call: args[0].First.Call}
	list, fault := c.figuresOf(inner)
	if fault != nil {
		return nil, fault
	}
	k := list[0]
	switch {
	case len(list) > 1 || k.output.Relative != "":
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "%s takes one figure, not %s", upper, strings.ToUpper(inner.Name.text())).want(accepted)
	case relative == relativeYear && slices.Contains([]string{formStddevPop, formStddevSamp, formCorr}, k.output.Form):
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "the change of a root is not answered; compare variances").want(upper+"(VAR_SAMP(measure))", upper+"(REGR_R2(y, x))")
	case relative == relativeShare && k.aggregate.Func != fnCount && k.aggregate.Func != fnSum:
		return nil, faultAt(inner.Name.Pos, inner.Name.Raw, "only counts and sums have a share of a total").want(accepted, upper+"(COUNT(measure))", upper+"(COUNT(*))")
	}
	k.output.Relative = relative
	return []known{k}, nil
}

// statistic reads a statistic's arguments.
func (c *compiler) statistic(v *value, upper string, s statistic) ([]known, *Error) {
	n, args := v.Name, v.Call.Args
	takes := map[arguments]struct {
		n    int
		text string
	}{oneMeasure: {1, "one measure"}, twoMeasures: {2, "two measures"}, measureAndNumber: {2, "a measure and a number"}}[s.args]
	if len(args) != takes.n {
		return nil, faultAt(n.Pos, n.Raw, "%s takes %s", upper, takes.text).want(upper + s.says)
	}
	first, fault := c.measureArgument(args[0], upper)
	if fault != nil {
		return nil, fault
	}
	k := known{catalog.Aggregate{Func: s.fn, Measure: first}, Output{Kind: OutputAggregate, Form: s.form}}
	if s.fn == catalog.FuncHistogram && measureNamed(c.schema.Descriptor, first).BucketCount() == 0 {
		at := args[0].First
		return nil, faultAt(at.Pos, at.raw(), "%s needs buckets, and %s declares none", upper, first).want(c.bucketed()...)
	}
	switch s.args {
	case twoMeasures:
		second, fault := c.measureArgument(args[1], upper)
		if fault != nil {
			return nil, fault
		}
		if first == second {
			at := args[1].First
			return nil, faultAt(at.Pos, at.raw(), "%s takes two different measures", upper).want("another measure", "VAR_POP("+at.raw()+")")
		}
		k.output.Argument = first
		k.aggregate.Measure, k.aggregate.Other = min(first, second), max(first, second)
	case measureAndNumber:
		if k.output.Argument, fault = c.number(args[1], upper, measureNamed(c.schema.Descriptor, first)); fault != nil {
			return nil, fault
		}
	case oneMeasure:
	}
	if s.form != formHistogram {
		return []known{k}, nil
	}
	var list []known
	for b := range measureNamed(c.schema.Descriptor, first).BucketCount() {
		k.output.Bucket = b + 1
		list = append(list, k)
	}
	return list, nil
}

// bucketed are the measures that have buckets.
func (c *compiler) bucketed() []string {
	var out []string
	for _, m := range c.schema.Descriptor.Measures {
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
func (c *compiler) measureArgument(p *product, upper string) (string, *Error) {
	f := p.First
	switch {
	case len(p.Rest) > 0:
		return "", faultAt(p.Rest[0].Pos, p.Rest[0].Op, notAnswered, "computations inside an aggregate are").want(c.measureNames()...)
	case f.Star || f.Call != nil || f.Literal.Name == nil:
		return "", faultAt(f.Pos, f.raw(), "%s takes a measure", upper).want(c.measureNames()...)
	}
	n := f.Literal.Name
	if m := c.measure(n); m.kind == refMeasure {
		return m.column, nil
	}
	return "", c.noMeasure(n, c.measureNames())
}

// number reads the number that a quantile or an exceedance is asked for, in the
// spelling in which it is compared.
func (c *compiler) number(p *product, upper string, m catalog.Measure) (string, *Error) {
	f := p.First
	text := ""
	if len(p.Rest) == 0 && !f.Star && f.Call == nil {
		if text = f.Literal.Num; f.Literal.Text != "" {
			text = unquote(f.Literal.Text)
		}
	}
	value, ok := decimalRat(text)
	if upper == "QUANTILE" {
		if !ok || value.Sign() < 0 || value.Cmp(big.NewRat(1, 1)) > 0 {
			return "", faultAt(f.Pos, f.raw(), "QUANTILE takes a number from 0 to 1").want("0.5", "0.95")
		}
		return ratText(value), nil
	}
	for _, b := range m.Buckets {
		if bound, _ := decimalRat(b); ok && bound.Cmp(value) == 0 {
			return b, nil
		}
	}
	return "", faultAt(f.Pos, f.raw(), "EXCEEDANCE takes a bound of a bucket of %s", m.Name).want(m.Buckets...)
}

// maxNumber bounds the digits of a number in a query.
const maxNumber = 40

// decimalRat reads a decimal number without an exponent.
func decimalRat(s string) (*big.Rat, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(s) > maxNumber || strings.Trim(digits, "0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// ratText writes a decimal fraction of at most maxNumber places without trailing
// zeros.
func ratText(v *big.Rat) string {
	text := v.FloatString(maxNumber)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
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
	case o.Form == formHistogram:
		return o.Form + "(" + a.Measure + ")" + bucketText(measureNamed(sc.schema.Descriptor, a.Measure), o.Bucket)
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
