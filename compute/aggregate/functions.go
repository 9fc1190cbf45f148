package aggregate

import (
	"maps"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Function is a function that a query can ask for.
type Function struct {
	Names    []string // in SQL, in capitals; none of what is written in another way
	Synonyms []string // in other languages: who writes one is told of Names[0]

	Form      string // of an output of a query; empty: the function of the request itself
	Func      string // of the request, whose sums the figures are made of
	Arguments Arguments
	Says      string // the arguments, as messages write them

	Integer      bool // its figures are whole numbers, all others' decimals
	PerBucket    bool // it is a figure for every bucket of the measure
	Interpolated bool // it lies between Quantity.Bound
	Root         bool // it is a root, which no change from year to year is made of
	Additive     bool // its figures have a share of a total

	Places func(x, y catalog.Measure) int    // of its decimals; nil: AvgPlaces
	Unit   func(x, y catalog.Measure) string // nil: it has none
	Value  func(Sums) Quantity
}

// Arguments are what a function is asked of.
type Arguments int

// Kinds of arguments.
const (
	Plain Arguments = iota // cells, or a measure that may have private weights
	OneMeasure
	TwoMeasures
	Fraction    // a measure, and a number from 0 to 1
	BucketBound // a measure, and the bound of one of its buckets
)

// Forms that are written, or shown, in a way of their own.
const (
	FormHistogram = "histogram"
	FormEntities  = "entities" // COUNT(DISTINCT entity)
	FormProduct   = "product"  // SUM(x.measure * y.measure) of two joined datasets
)

// Functions are all functions. VARIANCE and STDDEV are those of a sample, as in PostgreSQL.
var Functions = []Function{
	{Names: []string{"COUNT"}, Synonyms: []string{"N"}, Func: catalog.FuncCount, Integer: true, Additive: true,
		Value: func(s Sums) Quantity { return Quantity{Value: new(big.Rat).SetInt64(s.N)} }},
	{Form: FormEntities, Func: catalog.FuncCount, Integer: true,
		Value: func(s Sums) Quantity { return Quantity{Value: new(big.Rat).SetInt64(s.Entities)} }},
	{Names: []string{"SUM"}, Synonyms: []string{"TOTAL"}, Func: catalog.FuncSum, Additive: true,
		Places: bothPlaces, Unit: weightedUnit, Value: Sums.total},
	{Names: []string{"AVG"}, Synonyms: []string{"AVERAGE", "MEAN"}, Func: catalog.FuncAvg, Unit: unitOfX,
		Value: func(s Sums) Quantity { return s.total().over(s.count()) }},

	{Names: []string{"VAR_POP"}, Form: "var_pop", Func: catalog.FuncVar, Arguments: OneMeasure, Says: "(measure)",
		Unit: squaredUnit, Value: func(s Sums) Quantity { return s.variance(s.N) }},
	{Names: []string{"VAR_SAMP", "VARIANCE"}, Form: "var_samp", Func: catalog.FuncVar, Arguments: OneMeasure, Says: "(measure)",
		Unit: squaredUnit, Value: func(s Sums) Quantity { return s.variance(s.N - 1) }},
	{Names: []string{"STDDEV_POP"}, Form: "stddev_pop", Func: catalog.FuncVar, Arguments: OneMeasure, Says: "(measure)",
		Root: true, Unit: unitOfX, Value: func(s Sums) Quantity { return s.variance(s.N).root() }},
	{Names: []string{"STDDEV_SAMP", "STDDEV"}, Form: "stddev_samp", Func: catalog.FuncVar, Arguments: OneMeasure, Says: "(measure)",
		Root: true, Unit: unitOfX, Value: func(s Sums) Quantity { return s.variance(s.N - 1).root() }},
	{Names: []string{"STDERR"}, Synonyms: []string{"SEM"}, Form: "stderr", Func: catalog.FuncVar, Arguments: OneMeasure, Says: "(measure)",
		Root: true, Unit: unitOfX, Value: func(s Sums) Quantity { return s.variance(s.N - 1).over(s.count()).root() }},

	{Names: []string{"COVAR_POP"}, Form: "covar_pop", Func: catalog.FuncCovar, Arguments: TwoMeasures, Says: "(measure, measure)",
		Unit: productUnit, Value: func(s Sums) Quantity { return s.covariance(s.N) }},
	{Names: []string{"COVAR_SAMP"}, Form: "covar_samp", Func: catalog.FuncCovar, Arguments: TwoMeasures, Says: "(measure, measure)",
		Unit: productUnit, Value: func(s Sums) Quantity { return s.covariance(s.N - 1) }},
	{Names: []string{"WAVG"}, Form: "wavg", Func: catalog.FuncCovar, Arguments: TwoMeasures, Says: "(measure, weight)",
		Unit: unitOfX, Value: Sums.weightedMean},
	{Func: catalog.FuncWavg, Unit: unitOfX, Value: Sums.weightedMean}, // WAVG(measure, PRIVATE(name))
	{Form: FormProduct, Func: catalog.FuncProduct, Places: bothPlaces, Unit: productUnit, Value: Sums.total},

	{Names: []string{"CORR"}, Form: "corr", Func: catalog.FuncRegr, Arguments: TwoMeasures, Says: "(measure, measure)",
		Root: true, Value: Sums.correlation},
	{Names: []string{"REGR_SLOPE"}, Form: "regr_slope", Func: catalog.FuncRegr, Arguments: TwoMeasures, Says: "(y, x)",
		Unit: quotientUnit, Value: Sums.slope},
	{Names: []string{"REGR_INTERCEPT"}, Form: "regr_intercept", Func: catalog.FuncRegr, Arguments: TwoMeasures, Says: "(y, x)",
		Unit: unitOfX, Value: Sums.intercept},
	{Names: []string{"REGR_R2"}, Form: "regr_r2", Func: catalog.FuncRegr, Arguments: TwoMeasures, Says: "(y, x)",
		Value: Sums.determination},

	{Names: []string{"HISTOGRAM"}, Form: FormHistogram, Func: catalog.FuncHistogram, Arguments: OneMeasure, Says: "(measure)",
		Integer: true, PerBucket: true, Value: Sums.bucket},
	{Names: []string{"MEDIAN"}, Form: "median", Func: catalog.FuncHistogram, Arguments: OneMeasure, Says: "(measure)",
		Interpolated: true, Unit: unitOfX, Value: func(s Sums) Quantity { return s.quantile(big.NewRat(1, 2)) }},
	{Names: []string{"QUANTILE"}, Form: "quantile", Func: catalog.FuncHistogram, Arguments: Fraction, Says: "(measure, q)",
		Interpolated: true, Unit: unitOfX, Value: func(s Sums) Quantity { return s.quantile(s.Number) }},
	{Names: []string{"EXCEEDANCE"}, Form: "exceedance", Func: catalog.FuncHistogram, Arguments: BucketBound, Says: "(measure, limit)",
		Value: Sums.exceedance},
}

// What a figure says relative to other rows.
const (
	RelativeShare = "share_of_total"
	RelativeYear  = "year_on_year"
)

// Relatives are functions of another function's figures, by their names in SQL.
var Relatives = map[string]string{"SHARE_OF_TOTAL": RelativeShare, "YEAR_ON_YEAR": RelativeYear}

// Named is the function of a name in SQL, nil if there is none.
func Named(name string) *Function {
	return first(func(f *Function) bool { return slices.Contains(f.Names, name) })
}

// Of is the function with a form that is made of the sums of a request's function, nil if
// there is none.
func Of(fn, form string) *Function {
	return first(func(f *Function) bool { return f.Func == fn && f.Form == form })
}

// Makes reports whether there is a function that is made of the sums of a request's one.
func Makes(fn string) bool { return first(func(f *Function) bool { return f.Func == fn }) != nil }

// Synonym is the name of the function that another language calls name, empty if there is
// none.
func Synonym(name string) string {
	if f := first(func(f *Function) bool { return slices.Contains(f.Synonyms, name) }); f != nil {
		return f.Names[0]
	}
	return ""
}

func first(is func(*Function) bool) *Function {
	for i := range Functions {
		if is(&Functions[i]) {
			return &Functions[i]
		}
	}
	return nil
}

// Names are the names in SQL of all functions, relatives too: first those of requests in
// the order of the table, then those of statistics, ascending.
func Names() []string {
	var plain, statistics []string
	for _, f := range Functions {
		if f.Form == "" {
			plain = append(plain, f.Names...)
		} else {
			statistics = append(statistics, f.Names...)
		}
	}
	statistics = slices.AppendSeq(statistics, maps.Keys(Relatives))
	slices.Sort(statistics)
	return append(plain, statistics...)
}
