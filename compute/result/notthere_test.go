package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// A year of which six months are there is told from one that is whole; an open end names nothing.
func TestPeriodsThatAreNamedAndNotPublishedAreTold(t *testing.T) {
	const month = calendar.Month
	at := func(text string) int64 {
		_, i, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	half := []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: at("2024-01"), To: at("2024-04")}}}, {Intervals: []calendar.Interval{{From: at("2024-04"), To: at("2024-07")}}}}
	all := month.Bounds()
	for _, c := range []struct {
		by    calendar.Grain
		named []calendar.Interval
		want  []string
	}{
		{"", nil, nil},
		{"", []calendar.Interval{{From: at("2024-02"), To: at("2024-07")}}, nil},
		{"", []calendar.Interval{{From: at("2024-01"), To: at("2025-01")}}, []string{"2024-07 to 2024-12"}},
		{"", []calendar.Interval{{From: at("2023-12"), To: at("2024-08")}}, []string{"2023-12", "2024-07"}},
		{"", []calendar.Interval{{From: at("2024-03"), To: all.To}}, nil},
		{"", []calendar.Interval{{From: all.From, To: at("2030-01")}}, nil},
		{month, nil, nil},
		{calendar.Quarter, nil, nil},
		{calendar.Year, nil, []string{"2024-07 to 2024-12"}},
		{calendar.Year, []calendar.Interval{{From: at("2024-03"), To: all.To}}, []string{"2024-07 to 2024-12"}},
		{calendar.Year, []calendar.Interval{{From: at("2023-12"), To: at("2024-08")}}, []string{"2023-12", "2024-07"}},
		{calendar.Year, []calendar.Interval{{From: at("2024-02"), To: at("2024-07")}}, nil},
	} {
		if d := cmp.Diff(c.want, notThere(month, c.by, c.named, half)); d != "" {
			t.Errorf("%v by %q: %s", c.named, c.by, d)
		}
	}
}
