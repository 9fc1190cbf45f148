package catalog

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/calendar"
)

// The scope of a request allows it, and nothing narrower does.
func TestScopeOfARequestIsTheNarrowest(t *testing.T) {
	d := testDescriptor("emissions")
	d.Grain = calendar.Day
	rapid.Check(t, func(t *rapid.T) {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{{Func: "count"}}}
		if rapid.Bool().Draw(t, "county") {
			q.By = append(q.By, attr("county"))
		}
		if g := rapid.SampledFrom([]calendar.Grain{"", calendar.Day, calendar.Month, calendar.Quarter, calendar.Year}).Draw(t, "grain"); g != "" {
			q.By = append(q.By, Dimension{Kind: DimPeriod, Grain: g})
		}
		g := rapid.SampledFrom([]calendar.Grain{calendar.Day, calendar.Month, calendar.Quarter, calendar.Year}).Draw(t, "periods")
		at := rapid.Int64Range(40, 60).Draw(t, "from")
		q.Periods = []calendar.Interval{{From: g.Span(at, calendar.Day).From, To: g.Span(at, calendar.Day).To}}
		s := ScopeOf(d, q)
		k := Contract{Scope: &s}
		if r := k.InScope(d, q); r != nil {
			t.Fatalf("%+v refuses %+v: %v", s, q, r)
		}
		for i := range s.Columns {
			k.Scope = &Scope{Columns: slices.Delete(slices.Clone(s.Columns), i, i+1), Grain: s.Grain}
			if k.InScope(d, q) == nil {
				t.Fatalf("%+v would do", k.Scope)
			}
		}
		for _, g := range []calendar.Grain{calendar.Hour, calendar.Day, calendar.Month, calendar.Quarter, calendar.Year} {
			k.Scope = &Scope{Columns: s.Columns, Grain: g}
			if s.Grain.Finer(g) && k.InScope(d, q) == nil {
				t.Fatalf("%s would do, not only %s", g, s.Grain)
			}
		}
	})
}

// Weeks are asked for by weeks and by ISO years; days by weeks, too. What a policy releases by
// the week has groups by the week, and by years only where the data are weeks themselves.
func TestWeeksAreGroupedByNoMonth(t *testing.T) {
	for _, c := range []struct {
		own, policy, by   calendar.Grain
		request, released bool
	}{
		{calendar.Week, calendar.Week, calendar.Week, true, true},
		{calendar.Week, calendar.Week, calendar.Year, true, true},
		{calendar.Week, calendar.Week, calendar.Month, false, false},
		{calendar.Week, calendar.Week, calendar.Quarter, false, false},
		{calendar.Day, calendar.Week, calendar.Week, true, true},
		{calendar.Day, calendar.Week, calendar.Month, true, false},
		{calendar.Day, calendar.Week, calendar.Year, true, false},
		{calendar.Day, calendar.Day, calendar.Week, true, true},
		{calendar.Day, calendar.Month, calendar.Week, true, false},
		{calendar.Month, calendar.Month, calendar.Week, false, false},
		{calendar.QuarterHour, calendar.HalfHour, calendar.HalfHour, true, true},
		{calendar.QuarterHour, calendar.HalfHour, calendar.QuarterHour, true, false},
	} {
		d := testDescriptor("emissions")
		d.Grain, d.Policy.Grain = c.own, c.policy
		if r := d.Check(); r != nil && r.Field == "policy.grain" {
			t.Errorf("%s by %s: %v", c.own, c.policy, r)
		}
		r := checkDimensions([]Dimension{{Kind: DimPeriod, Grain: c.by}}, d, nil)
		if (r == nil) != c.request || r == nil && d.GroupsBy(c.by) != c.released {
			t.Errorf("%s by %s in groups by %s: %v, %t", c.own, c.policy, c.by, r, d.GroupsBy(c.by))
		}
	}
	d := testDescriptor("emissions")
	d.Grain, d.Policy.Grain = calendar.Week, calendar.Week
	for g, fits := range map[calendar.Grain]bool{calendar.Week: true, calendar.Year: true, calendar.Month: false, calendar.Quarter: false} {
		if r := (&Scope{Columns: []string{}, Grain: g}).Check(d, nil); (r == nil) != fits {
			t.Errorf("a contract on weekly data by the %s: %v", g, r)
		}
	}
	d.Grain = calendar.Day
	for _, c := range []struct{ scope, by calendar.Grain }{{calendar.Week, calendar.Month}, {calendar.Month, calendar.Week}} {
		k := Contract{Scope: &Scope{Columns: []string{}, Grain: c.scope}}
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{{Func: "count"}}, By: []Dimension{{Kind: DimPeriod, Grain: c.by}}}
		if k.InScope(d, q) == nil {
			t.Errorf("a contract by the %s gives groups by the %s", c.scope, c.by)
		}
	}
}

func TestRequestCheckNamesTheFieldThatIsWrong(t *testing.T) {
	d := testDescriptor("emissions")
	for _, test := range []struct {
		field  string
		change func(*Request)
	}{
		{"v", func(q *Request) { q.Version = 0 }},
		{"dataset", func(q *Request) { q.Dataset = "other" }},
		{"release", func(q *Request) { q.AsOf = -1 }},
		{"sql", func(q *Request) { q.SQL = strings.Repeat("x", maxSQL+1) }},
		{"where", func(q *Request) { q.Where = &Predicate{} }},
		{"periods", func(q *Request) { q.Periods = make([]calendar.Interval, MaxIntervals+1) }},
		{"periods[0]", func(q *Request) { q.Periods = []calendar.Interval{{From: 1, To: 1}} }},
		{"periods[1]", func(q *Request) { q.Periods = []calendar.Interval{{From: 1, To: 2}, {From: 2, To: 3}} }},
		{"periods[1]", func(q *Request) { q.Periods = []calendar.Interval{{From: 5, To: 6}, {From: 1, To: 2}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: "measure"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{attr("basin")} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimAttribute, Column: "county", Grain: calendar.Day}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimEntity, Column: "county"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: calendar.Day}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: "week"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: calendar.Year, Column: "x"}} }},
		{"by[1]", func(q *Request) { q.By = []Dimension{attr("county"), attr("county")} }},
		{"by[1]", func(q *Request) {
			q.By = []Dimension{{Kind: DimPeriod, Grain: calendar.Year}, {Kind: DimPeriod, Grain: calendar.Month}}
		}},
		{"select", func(q *Request) { q.Select = nil }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "max", Measure: "nox"}} }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "sum"}} }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "count", Measure: "pm"}} }},
		{"select[2]", func(q *Request) { q.Select = append(q.Select, q.Select[0]) }},
	} {
		q := clone(t, sumBy(attr("county"), Dimension{Kind: DimPeriod, Grain: calendar.Quarter}))
		if r := q.Check(d, testColumns); r != nil {
			t.Fatal(r)
		}
		test.change(&q)
		r := q.Check(d, testColumns)
		wantRefusal(t, r, RefusedInvalid, "invalid")
		if r.Field != test.field {
			t.Errorf("field %q (%s), want %q", r.Field, r, test.field)
		}
	}
}

func statisticOf(dataset, fn, measure, other string, by ...Dimension) Request {
	return Request{Version: 1, Dataset: dataset, By: by, Select: []Aggregate{{Func: fn, Measure: measure, Other: other}}}
}

func TestStatisticsAreCanonical(t *testing.T) {
	d := statistical("emissions")
	for _, good := range []Aggregate{
		{Func: FuncVar, Measure: "nox"}, {Func: FuncVar, Measure: "so2"}, {Func: FuncCovar, Measure: "nox", Other: "so2"},
		{Func: FuncRegr, Measure: "nox", Other: "so2"}, {Func: FuncHistogram, Measure: "so2"},
	} {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{good}}
		if r := q.Check(d, testColumns); r != nil {
			t.Errorf("%+v: %v", good, r)
		}
	}
	for _, bad := range []Aggregate{
		{Func: FuncVar, Measure: "nox", Other: "so2"}, {Func: FuncVar}, {Func: FuncCovar, Measure: "so2", Other: "nox"},
		{Func: FuncCovar, Measure: "nox", Other: "nox"}, {Func: FuncCovar, Measure: "nox", Other: "pm"}, {Func: FuncRegr, Measure: "nox"},
		{Func: "sum", Measure: "nox", Other: "so2"}, {Func: "count", Measure: "nox", Other: "so2"}, {Func: "count", Other: "so2"}, {Func: "stddev", Measure: "nox"},
	} {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{bad}}
		r := q.Check(d, testColumns)
		wantRefusal(t, r, RefusedInvalid, "invalid")
		if r.Field != "select[0]" {
			t.Errorf("%+v: field %s", bad, r.Field)
		}
	}
	d.Measures[1].Buckets = nil
	r := statisticOf("emissions", FuncHistogram, "so2", "").Check(d, testColumns)
	wantRefusal(t, r, RefusedInvalid, "buckets")
	if !strings.Contains(words(r), "declare buckets: nox") {
		t.Errorf("the refusal does not name the measure that has buckets: %s", words(r))
	}
}

func sumBy(by ...Dimension) Request {
	return Request{Version: 1, Dataset: "emissions", By: by, Select: []Aggregate{{Func: "sum", Measure: "nox"}, {Func: "count", Measure: "nox"}}}
}

func attr(column string) Dimension { return Dimension{Kind: DimAttribute, Column: column} }

var testColumns = []string{"county", "industry"}
