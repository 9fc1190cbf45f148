package news

import (
	"math"
	"testing"
)

// Measures that tell of the same in another unit are found, up to the rounding; those
// that are only alike are not, nor those of which a constant or few cells say nothing.
func TestProportionalMeasuresAreFound(t *testing.T) {
	const entities, periods = 40, 3
	base := table(entities, periods, reading)
	of := func(f func(e, p int) int64) [][]int64 { return table(entities, periods, f) }
	pounds := of(func(e, p int) int64 {
		if e%5 == 0 {
			return reading(e, p) // most, not all
		}
		return int64(math.Round(float64(base[e][p]) * 2.2046226))
	})
	r := record(1, 0, measure{name: "kg", decimals: 2, cells: base}, measure{name: "lb", decimals: 2, cells: pounds},
		measure{name: "t", decimals: 5, cells: base}, measure{name: "other", decimals: 2, cells: of(func(e, p int) int64 { return reading(p+50, e) })},
		measure{name: "flat", decimals: 0, cells: of(func(int, int) int64 { return 700 })}, measure{name: "flag", decimals: 0, cells: of(func(e, _ int) int64 { return int64(e % 2) })})
	for _, x := range []struct {
		a, b  string
		ratio float64 // 0: not proportional
	}{{"kg", "lb", 1 / 2.2046226}, {"lb", "kg", 2.2046226}, {"kg", "t", 1000}, {"kg", "other", 0}, {"flat", "flat", 0}, {"flag", "flag", 0}} {
		got, is, err := FindProportional(r, r.Column(x.a), r, r.Column(x.b))
		if err != nil || is != (x.ratio != 0) || is && math.Abs(got.Ratio/x.ratio-1) > 1e-4 {
			t.Errorf("%s and %s: %+v, %t", x.a, x.b, got, is)
		}
	}
	few := record(1, 0, nox(table(3, 3, reading)))
	if _, is, err := FindProportional(few, &few.Columns[0], few, &few.Columns[0]); is || err != nil {
		t.Error("nine cells say something")
	}
}
