package statetest

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

// DrawPredicate draws a predicate over the columns of Rows, nested at most depth times.
func DrawPredicate(t *rapid.T, depth int) *catalog.Predicate {
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		p := &catalog.Predicate{Op: rapid.SampledFrom([]string{catalog.OpAnd, catalog.OpOr, catalog.OpNot}).Draw(t, "op")}
		n := 1
		if p.Op != catalog.OpNot {
			n = rapid.IntRange(1, 3).Draw(t, "args")
		}
		for range n {
			p.Args = append(p.Args, *DrawPredicate(t, depth-1))
		}
		return p
	}
	p := &catalog.Predicate{
		Op:     rapid.SampledFrom([]string{catalog.OpIn, catalog.OpLt, catalog.OpLe, catalog.OpGt, catalog.OpGe}).Draw(t, "op"),
		Column: rapid.SampledFrom([]string{"", "county", "industry"}).Draw(t, "column"),
	}
	values := map[string][]string{
		"": {"e00000", "e00003", "e00007", "e00020", "nobody"}, "county": {"county0", "county1", "county9"}, "industry": {"industry", "industry2", "z"},
	}[p.Column]
	n := 1
	if p.Op == catalog.OpIn {
		n = rapid.IntRange(1, len(values)).Draw(t, "n")
	}
	p.Values = slices.Clone(rapid.Permutation(values).Draw(t, "values")[:n])
	slices.Sort(p.Values)
	return p
}
