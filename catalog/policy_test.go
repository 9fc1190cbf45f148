package catalog

import (
	"slices"
	"strings"
	"testing"
)

// scene40 is a protected dataset of 40 enterprises in 3 counties, 12 months from
// 2024-01 on, in which everybody counts but for those left out.
func scene40(k int, count func(measure string, p int64, e int) bool) scene {
	s := scene{d: testDescriptor("emissions"), rows: testRows(0, 40), present: map[string]bool{}}
	s.d.Policy.MinCohort = k
	s.v.Version, s.v.Entities, s.v.First, s.v.Periods = 1, 40, month("2024-01"), 12
	for _, m := range s.d.measureNames() {
		for p := s.v.First; p < s.v.First+12; p++ {
			for e := range s.rows {
				s.present[presentKey(m, p, e)] = count(m, p, e)
			}
		}
	}
	s.q = sumBy(attr("county"))
	return s
}

func everybody(string, int64, int) bool { return true }

func (s scene) refused(t *testing.T, kind RefusalKind, rule string) *Refusal {
	t.Helper()
	_, err := s.evaluation(t).run()
	r, ok := err.(*Refusal) //nolint:errorlint // run returns it as it is
	if !ok {
		t.Fatalf("%v, want refusal %s", err, rule)
	}
	wantRefusal(t, r, kind, rule)
	return r
}

func (s scene) judged(t *testing.T) Verdict {
	t.Helper()
	v, err := s.evaluation(t).run()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFourCompaniesAreTooFewForACohortOfFive(t *testing.T) {
	s := scene40(5, everybody)
	s.rows, s.v.Entities = s.rows[:4], 4
	s.q = sumBy()
	r := s.refused(t, RefusedPolicy, "min_cohort")
	if r.Group != "all selected entities" || !slices.Equal(r.Numbers, []Number{{"entities", "4"}, {"min_cohort", "5"}}) || r.Fix == "" ||
		!strings.Contains(r.Message, "4 entities") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Select = []Aggregate{{Func: "count", Measure: "nox"}}
	if v := s.judged(t); len(v.Withheld) != 0 || len(v.Columns) != 0 || v.EntityGroups[0].Of != 4 || v.EntityGroups[0].Included != 4 {
		t.Fatalf("counts: %+v", v)
	}
}

func TestRefusalNamesTheGroupThatCameClosest(t *testing.T) {
	s := scene40(5, func(_ string, p int64, e int) bool { return e%3 == 2 && e < 12 && p == month("2024-07") })
	s.q.By = []Dimension{attr("county"), {Kind: DimPeriod, Grain: GrainMonth}}
	r := s.refused(t, RefusedPolicy, "min_cohort")
	if r.Group != "county county2, month 2024-07" || !slices.Equal(r.Numbers, []Number{{"entities", "4"}, {"min_cohort", "5"}}) {
		t.Fatalf("refusal %+v", r)
	}
}

func TestSmallGroupsAreWithheldAndCounted(t *testing.T) {
	s := scene40(10, everybody)
	s.q.By = []Dimension{attr("industry")} // 12, 11, 11 and 6 enterprises
	v := s.judged(t)
	// The 6 are too few, and would be all that is left of everybody: the smallest
	// group that is large enough stays with them.
	if !slices.Equal(v.Withheld, []GroupIndex{{1, 0}, {3, 0}}) || v.EntityGroups[3].Included != 0 || v.EntityGroups[3].Of != 6 || len(v.Exclusions) != 0 {
		t.Fatalf("verdict %+v", v)
	}
	s.q.Complete = true
	r := s.refused(t, RefusedPolicy, "complete")
	if r.Group != "industry industry1" || !slices.Equal(r.Numbers, []Number{{"withheld", "2"}, {"included", "0"}, {"of", "11"}, {"min_cohort", "10"}}) {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Where = &Predicate{Op: opIn, Column: "industry", Values: []string{"industry0", "industry1"}}
	s.judged(t)
}

func TestMonthsInWhichTooFewCountAreLeftOut(t *testing.T) {
	s := scene40(5, func(m string, p int64, e int) bool {
		return m != "nox" || e%3 != 1 || p != month("2024-03") && p != month("2024-04") && p != month("2024-12") || e < 6
	})
	for e := range s.rows {
		s.class = append(s.class, int32(1+e%3)) // the counties
	}
	v := s.judged(t)
	want := []Exclusion{{Column: 0, Part: 1, Intervals: []Interval{
		{month("2024-03"), month("2024-05")}, {month("2024-12"), month("2024-12") + 1},
	}}}
	if !slices.EqualFunc(v.Exclusions, want, func(a, b Exclusion) bool {
		return a.Column == b.Column && a.Part == b.Part && slices.Equal(a.Intervals, b.Intervals)
	}) || len(v.Withheld) != 0 || v.EntityGroups[1].Included != 13 {
		t.Fatalf("verdict %+v", v)
	}
	s.q.Complete = true
	if r := s.refused(t, RefusedPolicy, "complete"); r.Group != "county county1" {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Complete = false
	s.q.Periods = []Interval{{month("2024-03"), month("2024-05")}}
	if v := s.judged(t); !slices.Equal(v.Withheld, []GroupIndex{{1, 0}}) {
		t.Fatalf("verdict %+v", v)
	}
}

func TestPeriodsOfThePolicyAreTakenWhole(t *testing.T) {
	s := scene40(5, everybody)
	s.d.Policy.Grain = GrainQuarter
	for q := s.d.Grain.In(s.v.First, GrainQuarter); q < s.d.Grain.In(s.v.First, GrainQuarter)+4; q++ {
		for _, m := range s.d.measureNames() {
			for e := range s.rows {
				s.present[presentKey(m, q, e)] = true
			}
		}
	}
	s.judged(t)
	s.q.By = []Dimension{{Kind: DimPeriod, Grain: GrainMonth}}
	if r := s.refused(t, RefusedPolicy, "grain"); r.Field != "by" || !strings.Contains(r.Fix, "date_trunc('quarter', period)") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.By = nil
	s.q.Periods = []Interval{{month("2024-01"), month("2024-05")}}
	if r := s.refused(t, RefusedPolicy, "grain"); r.Field != "periods" || !strings.Contains(r.Message, "2024-Q2") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Periods[0].To = month("2024-07")
	s.judged(t)
	s.q.Periods = []Interval{{month("2000-02"), month("2024-04")}} // begins before the version does
	s.judged(t)
	s.d.Policy = Policy{Aggregates: []string{"sum", "count"}, Public: true, Grain: GrainMonth}
	s.q.Periods[0].To = month("2024-05")
	s.judged(t)
}

func TestNothingSelectedIsRefused(t *testing.T) {
	s := scene40(5, everybody)
	s.q.Periods = []Interval{{month("2030-01"), month("2030-02")}}
	if r := s.refused(t, RefusedInvalid, "empty"); !strings.Contains(r.Message, "2024-01 to 2024-12") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Periods = []Interval{{-1 << 63, 1<<63 - 1}}
	s.judged(t)
	s.q.Where = &Predicate{Op: opIn, Values: []string{"nobody"}}
	s.refused(t, RefusedInvalid, "empty")
}

func TestEntitiesAppendedLaterAreNotInAnOlderVersion(t *testing.T) {
	s := scene40(5, everybody)
	e := s.evaluation(t)
	e.table = e.table.Prefix(30)
	e.version.Entities, e.kin = 30, nil
	e.counts = func(string) (bitmaps, error) { return nil, nil }
	e.descriptor.Policy.Public = true
	v, err := e.run()
	if err != nil || v.Entities != 30 || v.EntityGroups[0].Of != 10 {
		t.Fatalf("%v: %+v", err, v)
	}
}

func TestBoundsOfAVerdict(t *testing.T) {
	s := scene40(2, everybody)
	s.d.Policy.Public = true

	// Groups: 40 entities × 12 months fit, 40 × 5,000 days do not.
	s.q.By = []Dimension{{Kind: DimEntity}, {Kind: DimPeriod, Grain: GrainMonth}}
	if v := s.judged(t); len(v.EntityGroups)*len(v.PeriodGroups) != 480 {
		t.Fatalf("verdict %+v", v)
	}
	s.d.Grain, s.d.Policy.Grain, s.v.First, s.v.Periods = GrainDay, GrainDay, 0, 5000
	s.q.By[1].Grain = GrainDay
	if r := s.refused(t, RefusedPolicy, "max_groups"); !slices.Equal(r.Numbers, []Number{{"groups", "200000"}, {"max_groups", "65536"}}) {
		t.Fatalf("refusal %+v", r)
	}
	s.q.By, s.v.Periods = s.q.By[1:], 70_000
	s.refused(t, RefusedPolicy, "max_groups")

	// Sums: 10^16 × 40 × 5,000 leaves the plaintext space.
	s.q.By, s.v.Periods = nil, 5000
	s.d.Measures[0].Max = 1e16
	s.refused(t, RefusedPolicy, "magnitude")
	s.q.Select = s.q.Select[1:]
	s.judged(t)

	// Values of groups.
	wide := scene40(2, everybody)
	wide.d.Policy.Public = true
	wide.rows, wide.v.Entities = make([][]string, 9000), 9000
	for i := range wide.rows {
		id := []byte(strings.Repeat("x", 200))
		for k := range 6 {
			id[k] = byte('0' + i>>(3*k)&7)
		}
		wide.rows[i] = []string{string(id), "a", "b"}
	}
	wide.q.By = []Dimension{{Kind: DimEntity}}
	wide.refused(t, RefusedPolicy, "max_verdict")
}

func TestBoundsOfTheCohortTest(t *testing.T) {
	s := scene40(2, func(_ string, p int64, _ int) bool { return p%2 == 0 })
	e := s.evaluation(t)
	k := cohort{evaluation: e, total: maxExclusions, excluded: make([][]Interval, 1)}
	wantRefusal(t, k.exclude(0, Interval{1, 2}), RefusedPolicy, "max_exclusions")
	k.total = maxExclusions - 1
	for from := int64(1); from < 5; from++ {
		if r := k.exclude(0, Interval{from, from + 1}); r != nil {
			t.Fatalf("an interval that only grows is refused: %v", r)
		}
	}

	s.d.Grain, s.d.Policy.Grain, s.v.First, s.v.Periods = GrainHour, GrainHour, 0, 1<<25
	s.d.Measures[0].Max = 2
	s.refused(t, RefusedPolicy, "max_work")
}

// TestVerdictTooLargeToStore grows the exclusions, which checkSize cannot foresee.
func TestVerdictTooLargeToStore(t *testing.T) {
	if maxExclusions*len(`{"from":650,"to":651},`) < MaxVerdict {
		t.Fatal("all exclusions fit, the check in submitQuery cannot be reached")
	}
	w := newWorld(t, 2, 2).admit()
	rows := make([][]string, 20_000) // classes of two, in later months only one counts in every other
	for i := range rows {
		rows[i] = []string{testRows(i, 1)[0][0], testRows(i/2, 1)[0][0], "x"}
	}
	w.registry("enterprises", rows, 5000).key("bureau")
	d := testDescriptor("emissions")
	d.Policy.MinCohort = 2
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	counts := testCounts(2, 1, len(rows), func(_, _, _ int) bool { return true })
	n := w.publish(d, w.proposal(d, len(rows), 1, counts), counts)
	w.stored("emissions", n, 2)
	w.live("emissions", n)
	w.ok("bureau", KindQuerySubmit, submit("", sumBy(attr("county"))))
	counts = testCounts(2, 48, len(rows), func(_, p, e int) bool { return e%2 == 0 || p%2 == 0 })
	v := w.proposal(d, len(rows), 48, counts)
	v.First = month("2024-02")
	v.Counts = CountsDigest(len(rows), v.First, d.measureNames(), counts, nil)
	n = w.publish(d, v, counts)
	w.stored("emissions", n, 2)
	w.live("emissions", n)
	w.no("bureau", KindQuerySubmit, submit("", sumBy(attr("county"))), RefusedPolicy, "max_verdict")
}

func TestRequestCheckNamesTheFieldThatIsWrong(t *testing.T) {
	d := testDescriptor("emissions")
	for _, test := range []struct {
		field  string
		change func(*Request)
	}{
		{"v", func(q *Request) { q.Version = 0 }},
		{"dataset", func(q *Request) { q.Dataset = "other" }},
		{"release", func(q *Request) { q.Release = -1 }},
		{"sql", func(q *Request) { q.SQL = strings.Repeat("x", maxSQL+1) }},
		{"where", func(q *Request) { q.Where = &Predicate{} }},
		{"periods", func(q *Request) { q.Periods = make([]Interval, MaxIntervals+1) }},
		{"periods[0]", func(q *Request) { q.Periods = []Interval{{1, 1}} }},
		{"periods[1]", func(q *Request) { q.Periods = []Interval{{1, 2}, {2, 3}} }},
		{"periods[1]", func(q *Request) { q.Periods = []Interval{{5, 6}, {1, 2}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: "measure"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{attr("basin")} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimAttribute, Column: "county", Grain: GrainDay}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimEntity, Column: "county"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: GrainDay}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: "week"}} }},
		{"by[0]", func(q *Request) { q.By = []Dimension{{Kind: DimPeriod, Grain: GrainYear, Column: "x"}} }},
		{"by[1]", func(q *Request) { q.By = []Dimension{attr("county"), attr("county")} }},
		{"by[1]", func(q *Request) {
			q.By = []Dimension{{Kind: DimPeriod, Grain: GrainYear}, {Kind: DimPeriod, Grain: GrainMonth}}
		}},
		{"select", func(q *Request) { q.Select = nil }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "max", Measure: "nox"}} }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "sum"}} }},
		{"select[0]", func(q *Request) { q.Select = []Aggregate{{Func: "count", Measure: "pm"}} }},
		{"select[2]", func(q *Request) { q.Select = append(q.Select, q.Select[0]) }},
	} {
		q := clone(t, sumBy(attr("county"), Dimension{Kind: DimPeriod, Grain: GrainQuarter}))
		if r := q.Check(d, testColumns); r != nil {
			t.Fatal(r)
		}
		test.change(&q)
		r := q.Check(d, testColumns)
		wantRefusal(t, r, RefusedInvalid, "invalid")
		if r.Field != test.field {
			t.Errorf("field %q (%s), want %q", r.Field, r.Message, test.field)
		}
	}
	w := ready(t)
	bad := sumBy()
	bad.Select[0].Measure = "pm"
	w.no("bureau", KindQuerySubmit, submit("", bad), RefusedInvalid, "invalid")
}
