package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

// A year of which six months are there is told from one that is whole; an open end names nothing.
func TestPeriodsThatAreNamedAndNotPublishedAreTold(t *testing.T) {
	const month = catalog.GrainMonth
	at := func(text string) int64 {
		_, i, err := catalog.ParsePeriod(text)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	half := []catalog.PeriodGroup{{Intervals: []catalog.Interval{{From: at("2024-01"), To: at("2024-04")}}}, {Intervals: []catalog.Interval{{From: at("2024-04"), To: at("2024-07")}}}}
	all := month.Bounds()
	for _, c := range []struct {
		named []catalog.Interval
		want  []string
	}{
		{nil, nil},
		{[]catalog.Interval{{From: at("2024-02"), To: at("2024-07")}}, nil},
		{[]catalog.Interval{{From: at("2024-01"), To: at("2025-01")}}, []string{"2024-07 to 2024-12"}},
		{[]catalog.Interval{{From: at("2023-12"), To: at("2024-08")}}, []string{"2023-12", "2024-07"}},
		{[]catalog.Interval{{From: at("2024-03"), To: all.To}}, nil},
		{[]catalog.Interval{{From: all.From, To: at("2030-01")}}, nil},
	} {
		if d := cmp.Diff(c.want, notThere(month, c.named, half)); d != "" {
			t.Errorf("%v: %s", c.named, d)
		}
	}
}
