package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/suggest"
)

// aggregates are what may be asked for, as messages say it.
var aggregates = []string{"COUNT(*)", "COUNT(measure)", "SUM(measure)", "AVG(measure)", "a statistic such as STDDEV_SAMP(measure) or MEDIAN(measure)"}

// aggregate reads a call of an aggregate function on a measure.
func (sc *scope) aggregate(v *value) (catalog.Aggregate, *Error) {
	none := catalog.Aggregate{}
	if n := privateIn(v.Call); n != nil {
		return sc.weighted(v, n)
	}
	upper := strings.ToUpper(v.Name.text())
	function := aggregate.Named(upper)
	if function == nil {
		return none, sc.unknownFunction(v.Name)
	}
	fn := function.Func
	if len(v.Call.Args) != 1 {
		return none, faultAt(v.Name.Pos, v.Name.Raw, "%s takes one argument", upper).want(sc.argumentsOf(upper)...)
	}
	arg := v.Call.Args[0]
	if len(arg.Rest) > 0 {
		op := arg.Rest[0]
		return none, faultAt(op.Pos, op.Op, notAnswered, "computations inside an aggregate are").want(sc.argumentsOf(upper)...)
	}
	f := arg.First
	switch {
	case f.Star && fn == catalog.FuncCount:
		return catalog.Aggregate{Func: fn}, nil
	case f.Star:
		return none, faultAt(f.Pos, "*", "%s takes a measure", upper).want(sc.measureNames()...)
	case f.Call != nil:
		return none, faultAt(f.Pos, f.Literal.raw(), "an aggregate takes a measure, not a function").want(sc.measureNames()...)
	case f.Literal.Name == nil:
		return none, faultAt(f.Pos, f.Literal.raw(), "an aggregate takes a measure").want(sc.argumentsOf(upper)...)
	}
	n := f.Literal.Name
	if m, ok := match(n, sc.measures); ok {
		return catalog.Aggregate{Func: fn, Measure: m}, nil
	}
	return none, sc.noMeasure(n, sc.argumentsOf(upper))
}

// noMeasure refuses a name that is no measure.
func (sc *scope) noMeasure(n *name, accepted []string) *Error {
	what := "there is no measure %s"
	switch sc.resolve(n).kind {
	case refEntity:
		what = "%s is the entity, not a measure"
	case refAttribute:
		what = "%s is an attribute, not a measure"
	case refPeriod:
		what = "%s is not a measure"
	case refNone, refMeasure:
	}
	return faultAt(n.Pos, n.Raw, what, n.text()).among(n.text(), accepted...)
}

func (sc *scope) argumentsOf(fn string) []string {
	if fn == "COUNT" {
		return append([]string{"*"}, sc.measureNames()...)
	}
	return sc.measureNames()
}

func (sc *scope) unknownFunction(n *name) *Error {
	upper := strings.ToUpper(n.text())
	switch upper {
	case privateWord:
		return faultAt(n.Pos, n.Raw, "PRIVATE(name) stands in an aggregate, or behind IN").
			want(append([]string{"entity IN PRIVATE(name)"}, weightedForms...)...)
	case "MIN", "MAX":
		if !sc.schema.Descriptor.Policy.Public {
			return faultAt(n.Pos, n.Raw, "%s is the value of one reading, which is never released", upper).want(aggregates...)
		}
		order := map[string]string{"MIN": " ORDER BY 3 LIMIT 1", "MAX": " ORDER BY 3 DESC LIMIT 1"}[upper]
		return faultAt(n.Pos, n.Raw, "%s compares readings, which are encrypted; but the dataset is public: ask for every reading, and have your machine sort them", upper).
			want(sc.readings() + order)
	}
	fault := faultAt(n.Pos, n.Raw, "there is no function %s", n.text()).want(aggregates...)
	if upper == "TRUNC" {
		fault.Nearest = "DATE_TRUNC"
	} else if fault.Nearest = aggregate.Synonym(upper); fault.Nearest == "" {
		fault.Nearest = suggest.Nearest(n.text(), append(aggregate.Names(), "DATE_TRUNC"))
	}
	return fault
}

// readings asks for the single readings of a public dataset.
func (sc *scope) readings() string {
	measure := "m"
	if names := sc.measureNames(); len(names) > 0 {
		measure = names[0]
	}
	entity := writable(sc.entityName())
	return fmt.Sprintf("SELECT %[1]s, period, SUM(%[2]s) FROM %[3]s GROUP BY %[1]s, period", entity, measure, writable(sc.schema.Descriptor.Dataset))
}

// dimension reads a dimension: the entity, an attribute, period,
// date_trunc('grain', period), or PIECE(name).
func (c *compiler) dimension(v *value) (catalog.Dimension, *Error) {
	if v.Call != nil {
		if fault := v.Call.plain(); fault != nil {
			return catalog.Dimension{}, fault
		}
		if isDatePart(v.Name) {
			return c.datePart(v.Name, v.Call)
		}
		if nameIs(v.Name.text(), "DATE_TRUNC") {
			return c.dateTrunc(v)
		}
		if nameIs(v.Name.text(), pieceWord) {
			return c.pieceDimension(v)
		}
		upper := strings.ToUpper(v.Name.text())
		if slices.Contains(aggregate.Names(), upper) {
			return catalog.Dimension{}, faultAt(v.Name.Pos, v.Name.Raw, "groups are not formed by aggregates").want(c.groupable()...)
		}
		return catalog.Dimension{}, c.unknownFunction(v.Name)
	}
	n := v.Name
	switch r := c.resolve(n); r.kind {
	case refEntity:
		return catalog.Dimension{Kind: catalog.DimEntity}, nil
	case refAttribute:
		return catalog.Dimension{Kind: catalog.DimAttribute, Column: r.column}, nil
	case refPeriod:
		return catalog.Dimension{Kind: catalog.DimPeriod, Grain: c.schema.Descriptor.Grain}, nil
	case refMeasure:
		if c.schema.Descriptor.Policy.Public {
			fault := faultAt(n.Pos, n.Raw, "%s is a measure, and readings are released as sums, in a public dataset of groups of one too", n.text())
			return catalog.Dimension{}, fault.want("SUM("+n.Raw+")", c.readings())
		}
		fault := faultAt(n.Pos, n.Raw, "%s is a measure, and measures are encrypted: only aggregates of it are released", n.text())
		return catalog.Dimension{}, fault.want("COUNT("+n.Raw+")", "SUM("+n.Raw+")", "AVG("+n.Raw+")")
	case refNone:
	}
	fault := faultAt(n.Pos, n.Raw, "there is no column %s", n.text()).want(c.groupable()...)
	fault.Nearest = suggest.Nearest(n.text(), append(c.dimensions(), c.measureNames()...))
	if g, ok := grainNamed(n.text()); ok && fault.Nearest == "" {
		fault.Nearest = "date_trunc('" + string(g) + "', period)"
	}
	return catalog.Dimension{}, fault
}

// groupable are the dimensions as messages say them.
func (sc *scope) groupable() []string {
	return append(sc.dimensions(), "date_trunc('grain', period)")
}

func (sc *scope) dateTrunc(v *value) (catalog.Dimension, *Error) {
	none, args := catalog.Dimension{}, v.Call.Args
	if len(args) != 2 || len(args[0].Rest) > 0 || len(args[1].Rest) > 0 {
		return none, faultAt(v.Name.Pos, v.Name.Raw, "date_trunc takes a grain and period").want("date_trunc('month', period)")
	}
	first, second := args[0].First, args[1].First
	if first.Literal == nil || first.Literal.Text == "" {
		return none, faultAt(first.Pos, first.raw(), "the grain of date_trunc is text in single quotes").want(sc.quotedGrains()...)
	}
	g, ok := grainNamed(unquote(first.Literal.Text))
	if !ok {
		fault := faultAt(first.Pos, first.raw(), "there is no grain %s", first.raw())
		return none, fault.among(first.raw(), sc.quotedGrains()...)
	}
	switch own := sc.schema.Descriptor.Grain; {
	case g.Finer(own):
		return none, faultAt(first.Pos, first.raw(), "the dataset has one period %s, and nothing finer", own.One()).want(sc.quotedGrains()...)
	case !own.Groups(g):
		return none, faultAt(first.Pos, first.raw(), "the dataset has one period %s, and weeks lie in no month and no quarter; the year of a week is the ISO year of its number", own.One()).
			want(sc.quotedGrains()...)
	}
	if !sc.names(second, refPeriod) {
		return none, faultAt(second.Pos, second.raw(), "date_trunc works on period alone").want(periodName)
	}
	return catalog.Dimension{Kind: catalog.DimPeriod, Grain: g}, nil
}

// names reports whether a factor is the name alone of a column of a kind.
func (sc *scope) names(f *factor, kind refKind) bool {
	return !f.Minus && f.Literal != nil && f.Literal.Name != nil && f.Literal.Of == nil && f.Call == nil &&
		sc.resolve(f.Literal.Name).kind == kind
}

func (sc *scope) quotedGrains() []string {
	var out []string
	for _, g := range sc.schema.Descriptor.Grains() {
		out = append(out, "'"+g+"'")
	}
	return out
}

func (f *factor) raw() string {
	switch {
	case f.Minus:
		return "-"
	case f.Star:
		return "*"
	case f.Tree != nil:
		return "("
	case f.Case != nil:
		return "CASE"
	}
	return f.Literal.raw()
}

// place is where v stands and how it begins.
func (v *value) place() (lexer.Position, string) {
	if v.Number != nil {
		return v.Number.Pos, v.Number.Raw
	}
	return v.Name.Pos, v.Name.Raw
}

// aggregateText is the canonical text of an aggregate, dimensionText that of a
// dimension; output columns are named by them.
func (sc *scope) aggregateText(a catalog.Aggregate) string {
	switch {
	case a.Weight != "":
		return sc.weightedText(a, a.Measure)
	case a.Func == catalog.FuncProduct:
		return "sum(" + catalog.JoinedMeasure(sc.schema.Descriptor.Dataset, a.Measure) + " * " + a.Other + ")"
	case a.Measure == "":
		return a.Func + "(*)"
	}
	return a.Func + "(" + a.Measure + ")"
}

func (sc *scope) dimensionText(d catalog.Dimension) string {
	switch {
	case d.Kind == catalog.DimEntity:
		return sc.entityName()
	case d.Kind == catalog.DimAttribute:
		return d.Column
	case d.Kind == catalog.DimPiece:
		return "piece(" + writable(sc.pieces.text()) + ")"
	case d.Grain == sc.schema.Descriptor.Grain:
		return periodName
	}
	return "date_trunc('" + string(d.Grain) + "', period)"
}
