package buyer

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
)

// 100 cells of a range up to 1,000.0 have 50,000 at the middle; ± 2,500 are 5 % of it.
func TestExplainSaysHowLargeNoiseIsBesideTheFigure(t *testing.T) {
	m := catalog.Measure{Name: "nox", Max: 10_000, Decimals: 1}
	n := plan.ColumnNoise{Measure: "nox", What: "sums of nox", Description: noise.Description{Interval95: "2500.0"}}
	p := plan.Explain{Cells: 100, Widest: "nox"}
	want := "nox of 100 cells: 95 % within ± 5.0 % of the figure if readings are about the middle of their range, ± 50.0 % if a tenth of that, ± 500.0 % if a hundredth"
	if got := relativeNoise(n, m, p); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	n.What = "sums of squares of nox"
	if got := relativeNoise(n, m, p); got != "" {
		t.Errorf("of squares: %s", got)
	}
	n.What, m.Min = "sums of nox", -10_000
	if got := relativeNoise(n, m, p); got != "" {
		t.Errorf("around 0: %s", got)
	}
}
