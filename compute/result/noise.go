package result

import (
	"fmt"
	"slices"
	"strings"

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
			_, out[i] = b.figures.column(o).figure(group)
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

// clippedIn are the measures of a query of which readings may stand at their entity's cap, ascending: sums of
// them may be too small, exact ones as well.
func clippedIn(c *sql.Compiled, p catalog.Policy) (out []string) {
	if p.AboveCap != catalog.AboveCapClip {
		return nil
	}
	asked := func(name string) bool {
		return slices.ContainsFunc(c.Request.Select, func(a catalog.Aggregate) bool {
			return a.Func != catalog.FuncCount && (a.Measure == name || a.Other == name)
		})
	}
	return slices.DeleteFunc(p.Capped(), func(name string) bool { return !asked(name) })
}

// clippedWords is the line below a table of such measures.
func (t *Table) clippedWords() string {
	if len(t.Clipped) == 0 {
		return ""
	}
	return fmt.Sprintf("readings of %s above their entity's cap were published as the cap: figures of them may be too small\n", strings.Join(t.Clipped, ", "))
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
