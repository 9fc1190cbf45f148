package buyer

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
)

// 100 cells of a range up to 1,000.0 have 50,000 at the middle; ± 2,500 are 5 % of it.
func TestExplainSaysHowLargeNoiseIsBesideTheFigure(t *testing.T) {
	n := plan.ColumnNoise{
		Measure: "nox", What: "sums of nox", Description: noise.Description{Interval95: "2500.0", StandardDeviation: "1000.0"},
		Beside: &plan.MiddleSum{Cells: 100, Sum: "50000.00"},
	}
	want := "nox of 100 cells: about 2.0 %, and 95 % within ± 5.0 % of the figure if readings are about the middle of their range, ± 50.0 % if a tenth of that, ± 500.0 % if a hundredth"
	if got := relativeNoise(n); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	n.Beside = nil
	if got := relativeNoise(n); strings.Contains(got, "%") {
		t.Errorf("of squares, or around 0: %s", got)
	}
}
