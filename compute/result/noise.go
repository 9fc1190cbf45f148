package result

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
)

// Noised says of a result what noise its figures carry: what the query asked
// for, and per opened measure the noise in its sums of all nodes together.
type Noised struct {
	catalog.Noise
	Sums []plan.ColumnNoise `json:"sums"`
}

// intervals are the half-widths of a row, in the order of its cells.
func (b *builder) intervals(group int) []any {
	out := make([]any, len(b.query.Output))
	for i, o := range b.query.Output {
		if o.Kind != sql.OutputDimension {
			_, out[i] = b.column(o).figure(group)
		}
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

// cutColumns are the columns that have an interval in some row that is not possible as a whole.
func (t *Table) cutColumns() (out []int) {
	for i := range t.Columns {
		if slices.ContainsFunc(t.Possible95, func(row []any) bool { return row != nil && row[i] != nil }) {
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
	if t.cutColumns() != nil {
		words += "  [a, b]: the part of that interval that so many readings within the declared range can add up to\n"
	}
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
