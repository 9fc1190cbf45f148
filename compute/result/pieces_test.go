package result

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// A query by piece has the rows that every piece has as a selector of its own, with the
// name of the piece, in the order of the dimensions.
func TestTableByPieceIsThatOfEveryPieceAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawSelected(t)
		names := rapid.SampledFrom([][]string{{"all"}, {"b", "a"}, {"0.5", "0.25", "1"}, {"04", "02", "01", "03"}}).Draw(t, "names")
		alone := vectoredQuery(p, t)
		whole := p.Verdict
		whole.Vectors = slices.Clone(whole.Vectors)
		selectors := p.Sorted(t, len(names))
		planned := plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict))
		if planned.Pieces() != len(names) || planned.Width != len(names)*len(p.Groups())*len(p.Verdict.Columns) {
			t.Fatalf("the plan is of %d pieces and %d numbers", planned.Pieces(), planned.Width)
		}
		in := Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: planned, Sums: p.RunPieces(planned, selectors), Nodes: 3, Pieces: names}
		text := strings.NewReplacer("SELECT x, h", `SELECT x, PIECE("in"), h`, "GROUP BY x", `GROUP BY PIECE("in"), x`).Replace(alone.Request.SQL)
		compiled := plantest.Must(sql.Compile(text, vectoredSchema(p)))
		table, err := NewTable(compiled, in)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]any{}
		for i, bits := range selectors {
			one := *p
			one.Panel = &plantest.Panel{}
			*one.Panel = *p.Panel
			one.Verdict = whole
			one.Numbers = map[string][]int64{whole.In: bits}
			single, err := NewTable(alone, Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: whole,
				Plan: plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), whole)), Sums: one.Truth(), Nodes: 3})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range single.Rows {
				want = append(want, slices.Insert(slices.Clone(row), 1, any(names[i])))
			}
		}
		slices.SortFunc(want, func(a, b []any) int {
			return slices.CompareFunc(a[:4], b[:4], func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
		})
		if diff := cmp.Diff(want, table.Rows); diff != "" {
			t.Fatalf("rows (-alone +by piece):\n%s", diff)
		}
		if c := table.Columns[1]; c.Name != "piece(in)" && c.Name != `piece("in")` || c.Type != TypeText {
			t.Fatalf("the column of pieces is %+v", c)
		}
		in.Pieces = nil
		if table, err = NewTable(compiled, in); err != nil || len(table.Rows) != len(want) {
			t.Fatalf("without names: %v", err)
		}
		for _, row := range table.Rows {
			if n, err := strconv.Atoi(row[1].(string)); err != nil || n < 1 || n > len(names) {
				t.Fatalf("without names a piece is called %v", row[1])
			}
		}
		in.Pieces = []string{"one", "two", "three", "four", "five"}
		if _, err = NewTable(compiled, in); err == nil {
			t.Fatal("a table with names of other pieces")
		}
	})
}
