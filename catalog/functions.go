package catalog

import "slices"

// Functions of a request. Each names the columns that are opened; which statistic is made
// of them is the client's business, so that VAR_POP and STDDEV_SAMP of one measure are one
// aggregate of one request.
const (
	FuncCount = "count"
	FuncSum   = "sum"
	FuncAvg   = "avg"
	// FuncVar opens Σx and Σx² of one measure.
	FuncVar = "var"
	// FuncCovar opens Σx, Σy and Σxy over the cells in which both measures have a
	// reading. Measure comes before Other in the order of bytes.
	FuncCovar = "covar"
	// FuncRegr opens Σx² and Σy² over those cells beside.
	FuncRegr = "regr"
	// FuncHistogram opens how many readings lie in each bucket of a measure.
	FuncHistogram = "histogram"
	// FuncProduct sums the product of a measure of the dataset and one of the dataset
	// that is joined to it, cell by cell. Aggregate.Other is the second one's name with
	// that of its dataset and a point before it. It is granted by sum, on both sides:
	// what else it takes is that the two descriptors name each other in joins.
	FuncProduct = "product"
	// FuncWavg is the mean of a measure weighted by a private vector: Σwx and Σw.
	FuncWavg = "wavg"
)

// function is what the ledger knows of a function of a request. Its figures are made in
// compute/aggregate.
type function struct {
	name string
	// names are those that a policy, an order or a contract may list for it. The nodes
	// open the same sums for all of them, so each grants the function.
	names []string
	// columns are the columns of sums that it is made of: of a measure x, or of x and y.
	columns func(x, y string, d Descriptor) []Column
	pair    bool // it is of two measures
	joined  bool // the second one is of another dataset
	cells   bool // it may be of no measure, but of cells
	weights bool // likewise of private weights alone
	every   bool // a policy grants it for every measure, others for those whose sums fit
}

// functions are all of them. A function that opens columns of the kinds that there are is a
// row here and one in compute/aggregate; another name for what one opens is a name here.
var functions = []function{
	{name: FuncCount, names: []string{"count"}, cells: true,
		columns: func(string, string, Descriptor) []Column { return nil }},
	{name: FuncSum, names: []string{"sum"}, weights: true, every: true, columns: plainColumn},
	{name: FuncProduct, names: []string{"sum"}, pair: true, joined: true,
		columns: func(x, y string, _ Descriptor) []Column { return []Column{{Measure: x, Times: y}} }},
	{name: FuncAvg, names: []string{"avg"}, every: true, columns: plainColumn},
	{name: FuncVar, names: []string{"var", "var_pop", "var_samp", "stddev", "stddev_pop", "stddev_samp"},
		columns: func(x, _ string, _ Descriptor) []Column { return []Column{{Measure: x}, {Measure: x, Times: x}} }},
	{name: FuncCovar, names: []string{"covar", "covar_pop", "covar_samp", "wavg"}, pair: true,
		columns: func(x, y string, _ Descriptor) []Column {
			return []Column{{Measure: x, With: y}, {Measure: y, With: x}, {Measure: x, Times: y}}
		}},
	{name: FuncWavg, names: []string{"wavg"}, weights: true, columns: plainColumn},
	{name: FuncRegr, names: []string{"regr", "regr_slope", "regr_intercept", "regr_r2", "corr"}, pair: true,
		columns: func(x, y string, _ Descriptor) []Column {
			return []Column{
				{Measure: x, With: y}, {Measure: y, With: x}, {Measure: x, Times: y},
				{Measure: x, Times: x, With: y}, {Measure: y, Times: y, With: x},
			}
		}},
	{name: FuncHistogram, names: []string{"histogram", "quantile", "median", "exceedance"}, columns: bucketColumns},
}

func plainColumn(x, _ string, _ Descriptor) []Column { return []Column{{Measure: x}} }

func bucketColumns(x, _ string, d Descriptor) []Column {
	var out []Column
	for b := range d.MeasureNamed(x).BucketCount() {
		out = append(out, Column{Measure: x, Bucket: b + 1})
	}
	return out
}

// functionNamed is the row of a request's function, nil if there is none.
func functionNamed(name string) *function {
	i := slices.IndexFunc(functions, func(f function) bool { return f.name == name })
	if i < 0 {
		return nil
	}
	return &functions[i]
}

// Columns are the columns of sums that an aggregate is made of. They belong to one
// statistic: all must be over the same cells.
func (a Aggregate) Columns(d Descriptor) []Column {
	if f := functionNamed(a.Func); f != nil {
		return f.columns(a.Measure, a.Other, d)
	}
	return plainColumn(a.Measure, "", d)
}

// aggregateNames are all names that may be listed, ascending.
var aggregateNames = func() []string {
	var all []string
	for _, f := range functions {
		all = append(all, f.names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// IsAggregate reports whether s may be listed as an aggregate.
func IsAggregate(s string) bool { return slices.Contains(aggregateNames, s) }

// GrantedBy lists those of the names that grant a request's function.
func GrantedBy(list []string, fn string) []string {
	grants := GrantNames(fn)
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return !slices.Contains(grants, name) })
}

// Grants reports whether a list of a policy or contract grants a request's
// function.
func Grants(list []string, fn string) bool { return len(GrantedBy(list, fn)) > 0 }

// GrantNames are the names of which any grants a request's function.
func GrantNames(fn string) []string {
	if f := functionNamed(fn); f != nil {
		return slices.Clone(f.names)
	}
	return nil
}

// AggregateNames are all names that a policy, an order or a contract may list, ascending.
func AggregateNames() []string { return slices.Clone(aggregateNames) }
