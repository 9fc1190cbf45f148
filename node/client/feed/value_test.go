package feed

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/feed/spool"
)

// Cells are what integer arithmetic makes of the readings, halves to the even one.
func TestCellsAreWhatIntegersSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rule{take: rapid.SampledFrom([]string{takeMean, takeLast, takeMin, takeMax, takeSum}).Draw(t, "take"), round: true,
			least: rapid.IntRange(0, 4).Draw(t, "least"), measure: catalog.Measure{Decimals: 1, Min: -200_000, Max: 200_000}}
		var samples []spool.Sample
		var counting []int64 // in thousandths
		for i := range rapid.IntRange(0, 8).Draw(t, "readings") {
			x := spool.Sample{At: int64(i), Mantissa: rapid.Int64Range(-9999, 9999).Draw(t, "value"), Decimals: 3, Missing: rapid.IntRange(0, 4).Draw(t, "missing") == 0}
			if rapid.Bool().Draw(t, "half") {
				x.Mantissa = x.Mantissa/100*100 + 50
			}
			samples = append(samples, x)
			if !x.Missing {
				counting = append(counting, x.Mantissa)
			}
		}
		got, err := r.value(samples)
		switch {
		case len(counting) == 0:
			if !errors.Is(err, errMissing) {
				t.Fatalf("%v", err)
			}
			return
		case len(counting) < r.least:
			if !errors.Is(err, errFew) {
				t.Fatalf("%v", err)
			}
			return
		}
		sum, least, most, n := int64(0), counting[0], counting[0], int64(1)
		for _, v := range counting {
			sum += v
			least, most = min(least, v), max(most, v)
		}
		v := counting[len(counting)-1]
		switch r.take {
		case takeMean:
			v, n = sum, int64(len(counting))
		case takeSum:
			v = sum
		case takeMin:
			v = least
		case takeMax:
			v = most
		}
		den := 100 * n // thousandths to tenths
		want, rest := v/den, v%den
		if rest < 0 {
			want, rest = want-1, rest+den
		}
		if 2*rest > den || 2*rest == den && want%2 != 0 {
			want++
		}
		if err != nil || got != want {
			t.Fatalf("%d, %v, want %d", got, err, want)
		}
	})
	r := rule{take: takeOne, measure: catalog.Measure{Decimals: 1, Max: 10}}
	for want, samples := range map[error][]spool.Sample{
		errSeveral: {{At: 1, Mantissa: 1}, {At: 2, Mantissa: 1}},
		errRange:   {{At: 1, Mantissa: 2}},
		errDigits:  {{At: 1, Mantissa: 25, Decimals: 2}},
	} {
		if _, err := r.value(samples); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
