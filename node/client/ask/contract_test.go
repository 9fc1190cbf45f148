package ask

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

func TestCoverageOfContracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"nox", "so2", "pm25"}
		funcs := []string{"count", "sum", "avg"}
		subset := func(of []string, label string) []string {
			return rapid.SliceOfDistinct(rapid.SampledFrom(of), rapid.ID).Draw(t, label)
		}
		k := catalog.Contract{
			Measures: subset(names, "measures"), Aggregates: subset(funcs, "aggregates"),
			From: 100, Until: rapid.SampledFrom([]int64{0, 200, 300}).Draw(t, "until"),
			Queries: rapid.IntRange(0, 2).Draw(t, "queries"), Used: rapid.IntRange(0, 2).Draw(t, "used"),
		}
		a := catalog.Aggregate{Func: rapid.SampledFrom(funcs).Draw(t, "func"), Measure: rapid.SampledFrom(append(names, "")).Draw(t, "measure")}
		now := rapid.Int64Range(50, 350).Draw(t, "now")
		want := now >= 100 && (k.Until == 0 || now < k.Until) && (k.Queries == 0 || k.Used < k.Queries) &&
			(len(k.Aggregates) == 0 || slices.Contains(k.Aggregates, a.Func)) &&
			(a.Measure == "" || len(k.Measures) == 0 || slices.Contains(k.Measures, a.Measure))
		if got := uncovered(k, catalog.Descriptor{}, catalog.Request{Select: []catalog.Aggregate{a}}, now).IsZero(); got != want {
			t.Fatalf("covered %t, want %t", got, want)
		}
	})
}
