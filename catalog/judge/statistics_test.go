package judge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
)

func TestColumnsOfAStatisticAreOpenedOnce(t *testing.T) {
	d := statetest.Descriptor("emissions")
	d.Measures[0].Squares, d.Measures[0].Buckets, d.Measures[1].Buckets = true, []string{"10", "100.5"}, []string{"50"}
	q := catalog.Request{Select: []catalog.Aggregate{{Func: "sum", Measure: "nox"}, {Func: catalog.FuncVar, Measure: "nox"}, {Func: catalog.FuncCovar, Measure: "nox", Other: "so2"}, {Func: catalog.FuncRegr, Measure: "nox", Other: "so2"}, {Func: catalog.FuncHistogram, Measure: "so2"}}}
	want := []catalog.Column{
		{Measure: "nox"}, {Measure: "nox", Times: "nox"},
		{Measure: "nox", With: "so2"}, {Measure: "so2", With: "nox"}, {Measure: "nox", Times: "so2"},
		{Measure: "nox", Times: "nox", With: "so2"}, {Measure: "so2", Times: "so2", With: "nox"},
		{Measure: "so2", Bucket: 1}, {Measure: "so2", Bucket: 2},
	}
	if got := q.Columns(d); !slices.Equal(got, want) {
		t.Fatalf("columns %+v", got)
	}
	v := evaluation{descriptor: d, request: q, verdict: catalog.Verdict{Columns: want}}
	var columns, pairs []string
	for _, s := range v.statistics() {
		columns = append(columns, fmt.Sprint(s.Columns))
		pairs = append(pairs, fmt.Sprint(s.Measures))
	}
	if !slices.Equal(columns, []string{"[0 1]", "[2 3 4 5 6]", "[7 8]"}) || !slices.Equal(pairs, []string{"[nox]", "[nox so2]", "[so2]"}) {
		t.Fatalf("statistics %v over %v", columns, pairs)
	}
}
