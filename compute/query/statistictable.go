package query

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// shown are the functions of requests that a result can show of a measure.
var shown = []string{fnSum, fnAvg, catalog.FuncVar, catalog.FuncCovar, catalog.FuncRegr, catalog.FuncHistogram, catalog.FuncProduct}

// isStatistic reports whether an aggregate is made of more than sums of readings.
func isStatistic(a catalog.Aggregate) bool {
	return a.Func == catalog.FuncVar || a.Func == catalog.FuncCovar || a.Func == catalog.FuncRegr || a.Func == catalog.FuncHistogram ||
		a.Func == catalog.FuncProduct
}

// derived reports whether the output is more than the aggregate itself.
func (o Output) derived() bool { return o.Form != "" || o.Relative != "" }

// openStatistic decodes a statistic's columns and checks that they can be.
func (r *result) openStatistic(in Input, a catalog.Aggregate) error {
	if err := r.openColumns(in, a); err != nil {
		return err
	}
	switch a.Func {
	case catalog.FuncHistogram:
		return r.checkBuckets(a)
	case catalog.FuncProduct:
		return nil // its sums were checked against their ranges
	}
	return r.checkMoments(a)
}

// derivedCell is the value of a derived output: int64, text, or nil for NULL.
func (r *result) derivedCell(o Output, group int) any {
	q := r.quantities(o)[group]
	switch {
	case q.null():
		return nil
	case o.Form == formHistogram && o.Relative == "":
		return q.value.Num().Int64() // a sum of at most MaxSum
	case o.Form == formProduct && o.Relative == "":
		return q.text(r.productPlaces(r.query.Request.Select[o.Index]))
	}
	return q.text(avgPlaces)
}

// derivedInterval is the half-width of its 95 % interval, rounded up; nil where none
// is stated.
func (r *result) derivedInterval(o Output, group int) any {
	q := r.quantities(o)[group]
	switch {
	case q.null() || q.half == nil:
		return nil
	case q.half.IsInt() && o.Form == formHistogram:
		return q.half.Num().String()
	}
	num := new(big.Int).Mul(q.half.Num(), powerOfTen(avgPlaces))
	num.Add(num, q.half.Denom()).Sub(num, big.NewInt(1))
	return decimalText(num.Quo(num, q.half.Denom()), avgPlaces)
}

// derivedType is the type and unit of a derived column.
func (r *result) derivedType(o Output) (kind, unit string) {
	a := r.query.Request.Select[o.Index]
	x, y := measureNamed(r.descriptor, a.Measure).Unit, measureNamed(r.descriptor, a.Other).Unit
	if o.Argument == a.Other {
		x, y = y, x
	}
	switch {
	case o.Relative != "":
		return TypeDecimal, ""
	case o.Form == formHistogram:
		return TypeInteger, ""
	}
	switch o.Form {
	case formVarPop, formVarSamp:
		return TypeDecimal, squaredUnit(x)
	case formCovarPop, formCovarSamp, formProduct:
		return TypeDecimal, productUnit(x, y)
	case formStddevPop, formStddevSamp, formQuantile, formMedian, formIntercept, formWavg:
		return TypeDecimal, x
	case formSlope:
		return TypeDecimal, quotientUnit(x, y)
	}
	return TypeDecimal, ""
}

// quotientUnit is the unit of quotients.
func quotientUnit(a, b string) string {
	switch {
	case a == b:
		return ""
	case b == "":
		return a
	case a == "":
		return "1 / (" + b + ")"
	}
	return a + " / (" + b + ")"
}

// bounds are the ends between which the readings at a row's quantiles lie, in the
// order of its cells; nil when no quantile is shown.
func (r *result) bounds(group int) []any {
	interpolates := func(o Output) bool {
		return o.Kind == OutputAggregate && o.Relative == "" && (o.Form == formQuantile || o.Form == formMedian)
	}
	if !slices.ContainsFunc(r.query.Output, interpolates) {
		return nil
	}
	out := make([]any, len(r.query.Output))
	for i, o := range r.query.Output {
		if !interpolates(o) {
			continue
		}
		q := r.quantities(o)[group]
		if q.null() {
			continue
		}
		places := measureNamed(r.descriptor, r.query.Request.Select[o.Index].Measure).Decimals
		out[i] = [2]string{q.bound[0].FloatString(places), q.bound[1].FloatString(places)}
	}
	return out
}

// boundColumns are the columns that have bounds in some row.
func (t *Table) boundColumns() []int {
	var out []int
	for i := range t.Columns {
		if slices.ContainsFunc(t.Bounds, func(row []any) bool { return row[i] != nil }) {
			out = append(out, i)
		}
	}
	return out
}

// boundText are the two ends in a row, empty for NULL.
func (t *Table) boundText(row, column int) (low, high string) {
	ends, _ := t.Bounds[row][column].([2]string)
	return ends[0], ends[1]
}

// boundWords say what the bounds in a table mean.
func (t *Table) boundWords() string {
	if t.boundColumns() == nil {
		return ""
	}
	words := "(a to b): the reading of that rank lies between a and b, the ends of its bucket; the figure is interpolated\n"
	if t.Noise != nil {
		words = fmt.Sprintf("%s; with the noise, the ends of the buckets in which it may lie when every count is within its 95 %% interval\n", words[:len(words)-1])
	}
	return words
}
