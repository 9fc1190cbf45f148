package query

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// Noised says of a result what noise its figures carry: what the query asked
// for, and per opened measure the noise in its sums of all nodes together.
type Noised struct {
	catalog.Noise
	Sums []ColumnNoise `json:"sums"`
}

// noised states the noise of a result; nil when it is exact.
func noised(in Input) (*Noised, error) {
	if in.Plan.Noise == nil {
		return nil, nil
	}
	sums, err := in.Plan.NoiseOf(in.Descriptor, in.Nodes)
	if err != nil {
		return nil, err
	}
	return &Noised{Noise: *in.Verdict.Noise, Sums: sums}, nil
}

// bound notes how far noise may have moved a column's sums.
func (f *figures) bound(p *Plan, column, nodes int) (err error) {
	if f.tail, err = p.tail(column, nodes); err != nil || p.Noise == nil {
		return err
	}
	if f.half, err = noise.Interval95(p.Noise[column], nodes); err != nil {
		return fmt.Errorf("interval of %s: %w", f.measure.Name, err)
	}
	return nil
}

// interval is the half-width of the 95 % interval of an aggregate in a group, or
// nil for what is exact or NULL. An average's is the sum's divided by the public
// number of readings, rounded up.
func (f *figures) interval(fn string, group int) any {
	n := f.counts[group]
	switch {
	case fn == fnCount || n == 0 || f.half == nil:
		return nil
	case fn == fnSum:
		return decimalText(f.half, f.measure.Decimals)
	}
	num := new(big.Int).Mul(f.half, powerOfTen(avgPlaces))
	den := new(big.Int).Mul(big.NewInt(n), powerOfTen(f.measure.Decimals))
	num.Add(num, den).Sub(num, big.NewInt(1))
	return decimalText(num.Quo(num, den), avgPlaces)
}

// intervals are the half-widths of a row, in the order of its cells.
func (r *result) intervals(group int) []any {
	out := make([]any, 0, len(r.query.Output))
	for _, o := range r.query.Output {
		var half any
		if o.Kind == OutputAggregate {
			switch agg := r.query.Request.Select[o.Index]; {
			case o.derived():
				half = r.derivedInterval(o, group)
			case agg.Weight != "":
				half = r.weightedOf(agg).interval(agg.Func, group)
			case agg.Measure != "":
				f := r.figures[agg.Measure]
				half = f.interval(agg.Func, group)
			}
		}
		out = append(out, half)
	}
	return out
}

// intervalColumns are the columns that carry noise.
func (t *Table) intervalColumns() []int {
	var out []int
	if t.Noise == nil {
		return nil
	}
	for i, c := range t.Columns {
		noised := func(row []any) bool { return row[i] != nil }
		if c.Type == TypeDecimal || slices.ContainsFunc(t.Interval95, noised) {
			out = append(out, i)
		}
	}
	return out
}

// noiseWords are the lines below a noised table.
func (t *Table) noiseWords() string {
	if t.Noise == nil {
		return ""
	}
	words := fmt.Sprintf("noised: epsilon %s", t.Noise.Epsilon)
	if t.Noise.Delta != "" {
		words += ", delta " + t.Noise.Delta
	}
	words += "; ± covers the exact figure with 95 % probability\n"
	for _, c := range t.Noise.Sums {
		what := c.What
		if c.Weight != "" {
			what += " × " + c.Weight
		}
		words += fmt.Sprintf("  %s: %s, parameter %s %s, from each of %d nodes; standard deviation %s, 95 %% within ± %s\n",
			what, c.Distribution, c.Parameter, c.Unit, c.Nodes, c.StandardDeviation, c.Interval95)
	}
	return words
}
