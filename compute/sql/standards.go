package sql

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/standard"
	"github.com/weirdata/weir/compute/unit"
)

// limitWord is what a limit of a standard is written with: LIMIT('GB3095', 'day', 2).
const limitWord = "LIMIT"

// limitForm is the form of one.
const limitForm = limitWord + "('GB3095', 'day', 2)"

// lakeWord says that waters are lakes.
const lakeWord = "lake"

// isIndex reports whether a factor is an index of a standard.
func (f *factor) isIndex() bool {
	return f.Literal != nil && f.Literal.Name != nil && f.Literal.Of == nil && f.Call != nil && indexNamed(f.Literal.Name) != nil
}

func indexNamed(n *name) *standard.Index { return standard.IndexNamed(n.text()) }

// index reads an index: of measures, each of which says its pollutant. text says whether a text
// may stand here.
func (r *expressionReader) index(f *factor, text bool) (Expr, *Error) {
	n, args := f.Literal.Name, f.Call.Args
	x := indexNamed(n)
	out := Expr{Op: ExprIndex, Text: strings.ToLower(x.Name)}
	if x.Textual && !text {
		return out, faultAt(n.Pos, n.Raw, computable+"; %s is a text", x.Name).want(aggregates...)
	}
	if last := len(args) - 1; last >= 0 && len(args[last].Rest) == 0 && args[last].First.Literal != nil && args[last].First.Literal.Text != "" {
		if word := unquote(args[last].First.Literal.Text); word != lakeWord || !slices.Contains(x.Takes, unit.DO) {
			return out, faultAt(args[last].First.Pos, args[last].First.raw(), "%s takes measures", x.Name).want(x.Name + x.Says)
		}
		out.Lake, args = true, args[:last]
	}
	if len(args) == 0 || f.Call.Distinct || r.figures.joined != nil {
		return out, faultAt(n.Pos, n.Raw, "%s takes measures of one dataset", x.Name).want(x.Name + x.Says)
	}
	seen := map[string]string{}
	for _, p := range args {
		name, fault := r.measureArgument(p, x.Name)
		if fault != nil {
			return out, fault
		}
		m := r.schema.Descriptor.MeasureNamed(name)
		if fault := r.indexMeasure(x, p.First, m, seen); fault != nil {
			return out, fault
		}
		of := Output{Kind: OutputAggregate}
		agg := catalog.Aggregate{Func: catalog.FuncAvg, Measure: name}
		if q := x.Percentile[m.Pollutant]; q != "" {
			if m.BucketCount() == 0 {
				return out, faultAt(p.First.Pos, p.First.raw(), "of %s the %s quantile counts, which needs buckets, and the measure declares none", name, q).want(r.bucketed()...)
			}
			agg.Func, of.Form, of.Argument = catalog.FuncHistogram, "quantile", q
		}
		of.Index = add(&r.out.Request.Select, agg)
		out.Args = append(out.Args, Expr{Op: ExprFigure, Of: &of})
	}
	return out, nil
}

// indexMeasure refuses a measure that an index is not made of.
func (r *expressionReader) indexMeasure(x *standard.Index, f *factor, m catalog.Measure, seen map[string]string) *Error {
	at := func(format string, args ...any) *Error { return faultAt(f.Pos, f.raw(), format, args...) }
	u, known := unit.Of(m.UCUM, m.Unit)
	switch {
	case m.Pollutant == "":
		return at("measure %s does not say its pollutant, so that no standard is known to be about it", m.Name).want(r.polluted()...)
	case !slices.Contains(x.Takes, m.Pollutant):
		return at("%s is not made of %s", x.Name, pollutantText(m.Pollutant)).want(x.Name + x.Says)
	case !known || !unit.PollutantOf(m.Pollutant).Fits(u) || !unit.IsConcentration(u):
		return at("measure %s is in %s, and %s is made of concentrations", m.Name, m.Unit, x.Name).want(x.Name + x.Says)
	case seen[m.Pollutant] != "":
		return at("%s and %s are both %s", seen[m.Pollutant], m.Name, pollutantText(m.Pollutant)).want("one of them")
	case x.Dated && (m.Pollutant == unit.O3 || x.Percentile[m.Pollutant] != "") && r.schema.Descriptor.Grain != calendar.Day:
		return at("of %s daily readings count, and the dataset has one a %s", pollutantText(m.Pollutant), r.schema.Descriptor.Grain).want("a dataset with one period a day")
	}
	seen[m.Pollutant] = m.Name
	return nil
}

// polluted are the measures that say their pollutant.
func (sc *scope) polluted() []string {
	var out []string
	for _, m := range sc.schema.Descriptor.Measures {
		if m.Pollutant != "" {
			out = append(out, writable(m.Name))
		}
	}
	if out == nil {
		return []string{"no measure of this dataset says its pollutant"}
	}
	return out
}

func pollutantText(code string) string {
	return strings.TrimSpace(unit.PollutantOf(code).Name + " (" + code + ")")
}

// days are the intervals of a request in days; none: every day may be asked for.
func days(g calendar.Grain, list []calendar.Interval) calendar.PeriodSet {
	var out []calendar.Interval
	for _, i := range list {
		out = append(out, calendar.Interval{From: g.Span(i.From, calendar.Day).From, To: g.Span(i.To-1, calendar.Day).To})
	}
	return calendar.NewPeriodSet(out)
}

// standards checks that the indices that are asked for are each of days of one edition.
func (c *compiler) standards() *Error {
	for i := range c.out.Output {
		for _, e := range c.out.Output[i].Expr.indices() {
			if fault := c.oneEdition(standard.IndexNamed(e.Text), c.columns.origins[i]); fault != nil {
				return fault
			}
		}
	}
	return nil
}

func (c *compiler) oneEdition(x *standard.Index, it *item) *Error {
	pos, raw := it.place()
	g := c.schema.Descriptor.Grain
	asked := days(g, c.out.Request.Periods)
	at := slices.IndexFunc(c.out.Request.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod })
	if x.Daily {
		oneDay := len(asked) == 1 && asked[0].To-asked[0].From == 1
		daily := at >= 0 && c.out.Request.By[at].Grain == calendar.Day
		if calendar.Day.Finer(g) || !oneDay && !daily {
			return faultAt(pos, raw, "%s is of one day", x.Name).want("GROUP BY date_trunc('day', period), of a dataset with one period a day or hour")
		}
	}
	if !x.Dated {
		return nil
	}
	for _, day := range standard.ChangesWithin("0001-01-01", "9999-12-31") {
		_, change, _ := calendar.Parse(day) //nolint:errcheck // a constant of a table
		group := calendar.Day.Bounds()
		if at >= 0 {
			by := c.out.Request.By[at].Grain
			group = by.Span(calendar.Day.In(change, by), calendar.Day)
			if by.Finer(calendar.Day) {
				continue
			}
		}
		both := len(asked) == 0 && group.From < change
		if !both {
			before := asked.Intersect(calendar.NewPeriodSet([]calendar.Interval{{From: group.From, To: change}}))
			after := asked.Intersect(calendar.NewPeriodSet([]calendar.Interval{{From: change, To: group.To}}))
			both = len(before) > 0 && len(after) > 0
		}
		if both {
			return faultAt(pos, raw, "%s would be of days of two editions of the standards: on %s the next one begins", x.Name, day).
				want("period < '"+day+"'", "period >= '"+day+"'", "GROUP BY date_trunc('month', period)")
		}
	}
	return nil
}

// indices are all indices in an expression.
func (e *Expr) indices() []*Expr {
	if e == nil {
		return nil
	}
	if e.Op == ExprIndex {
		return []*Expr{e}
	}
	var out []*Expr
	for i := range e.Args {
		out = append(out, e.Args[i].indices()...)
	}
	return out
}

// limited is a call of EXCEEDANCE with the number in place of LIMIT(standard, averaging, grade).
func (r *figureReader) limited(v *value, upper string) (*value, *Error) {
	if upper != "EXCEEDANCE" || len(v.Call.Args) != 2 || len(v.Call.Args[1].Rest) > 0 {
		return v, nil
	}
	f := v.Call.Args[1].First
	if f.Minus || f.Literal == nil || f.Literal.Name == nil || f.Call == nil || !nameIs(f.Literal.Name.text(), limitWord) {
		return v, nil
	}
	name, fault := r.measureArgument(v.Call.Args[0], upper)
	if fault != nil {
		return nil, fault
	}
	number, fault := r.limitOf(f, r.schema.Descriptor.MeasureNamed(name))
	if fault != nil {
		return nil, fault
	}
	literal := &factor{Pos: f.Pos, Literal: &literal{Pos: f.Pos, Num: number}}
	call := *v.Call
	call.Args = []*product{v.Call.Args[0], {First: literal}}
	return &value{Name: v.Name, Call: &call}, nil
}

// averagingGrains are the grains of the data that limits are for.
var averagingGrains = map[string]calendar.Grain{standard.Hour: calendar.Hour, standard.EightHour: calendar.Day, standard.Day: calendar.Day, standard.Year: calendar.Year}

// limitOf is a limit in the unit of a measure, as the bound of its bucket is written.
func (r *figureReader) limitOf(f *factor, m catalog.Measure) (string, *Error) {
	at := func(format string, args ...any) *Error { return faultAt(f.Pos, limitWord, format, args...) }
	texts := make([]string, 0, 3)
	for _, p := range f.Call.Args {
		if l := p.First.Literal; len(p.Rest) == 0 && !p.First.Minus && l != nil && p.First.Call == nil {
			texts = append(texts, cmp.Or(unquoted(l.Text), l.Num))
		}
	}
	if len(texts) != 3 || len(f.Call.Args) != 3 || texts[2] != "1" && texts[2] != "2" {
		return "", at("LIMIT takes a standard, an averaging time and a grade, 1 or 2").want(limitForm)
	}
	u, known := unit.Of(m.UCUM, m.Unit)
	g := r.schema.Descriptor.Grain
	switch of := averagingGrains[texts[1]]; {
	case m.Pollutant == "":
		return "", at("measure %s does not say its pollutant, so that no standard is known to be about it", m.Name).want(r.polluted()...)
	case of != "" && of != g:
		return "", at("a limit for one %s is for readings of one %s, and the dataset has one a %s", texts[1], of, g).want("a dataset with one period a " + string(of))
	case !known:
		return "", at("measure %s is in %s, which is not known here", m.Name, m.Unit).want("a number in " + m.Unit)
	}
	asked, fault := r.asked()
	if fault != nil {
		return "", fault
	}
	if len(asked) == 0 {
		return "", at("what the limit is depends on the date, and the query is on every period").want("WHERE period = '2024'", "a number")
	}
	first, last := calendar.Day.Format(asked[0].From), calendar.Day.Format(asked[len(asked)-1].To-1)
	limits, err := standard.Limits(texts[0], texts[1], int(texts[2][0]-'0'), m.Pollutant, first, last)
	if err != nil {
		return "", at("%s", err).want(limitForm)
	}
	for _, l := range limits[1:] {
		if l.Text != limits[0].Text {
			day := l.Edition.From
			return "", at("the limit is %s %s before %s (%s), and %s %s from then on (%s)", limits[0].Text, limits[0].Unit.Code, day, limits[0].Edition.Name, l.Text, l.Unit.Code, l.Edition.Name).
				want("period < '"+day+"'", "period >= '"+day+"'")
		}
	}
	v, ok := limits[0].In(u)
	if !ok {
		return "", at("measure %s is in %s, and the limit in %s", m.Name, m.Unit, limits[0].Unit.Code)
	}
	if m.BucketCount() == 0 {
		return decimalText(v), nil // which is refused as any number is
	}
	if bound, ok := aggregate.BucketBound.Number(m, decimalText(v)); ok {
		return bound, nil
	}
	fault = at("the limit is %s %s (%s), which is no bound of a bucket of %s", decimalText(v), m.Unit, limits[0].Edition.Name, m.Name)
	return "", fault.want(m.Buckets...)
}

// decimalText is a number of a table, in some unit, as a decimal.
func decimalText(v *big.Rat) string {
	text := v.FloatString(12)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func unquoted(text string) string {
	if text == "" {
		return ""
	}
	return unquote(text)
}

// askedDays are the days of the condition on periods, which is read behind the figures and without the names of results.
func (c *compiler) askedDays() (calendar.PeriodSet, *Error) {
	ahead := &conditionReader{scope: c.scope, values: c.values, text: &text{}, sql: c.sql}
	var request catalog.Request
	if _, fault := ahead.where(c.stmt.Where, &request); fault != nil {
		return nil, fault
	}
	return days(c.schema.Descriptor.Grain, request.Periods), nil
}
