package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
)

// scene is a protected dataset, a version of it and a request.
type scene struct {
	d       catalog.Descriptor
	rows    [][]string
	first   int64
	periods int
	state   func(measure int, period int64, entity int) int
	q       catalog.Request
}

// scene40 has 40 enterprises in 3 counties, 12 months from 2024-01 on, in which everybody
// counts but for those left out.
func scene40(k int, count func(measure string, p int64, e int) bool) scene {
	s := scene{d: statetest.Descriptor("emissions"), rows: statetest.Rows(0, 40), first: statetest.Period("2024-01"), periods: 12, q: statetest.SumBy(statetest.Attribute("county"))}
	s.d.Policy.MinCohort = k
	names := s.d.MeasureNames()
	s.state = func(m int, p int64, e int) int { return b2i(count(names[m], p, e)) }
	return s
}

func everybody(string, int64, int) bool { return true }

// history is a world in which the scene's version is live.
func (s scene) history(t *testing.T) *history {
	t.Helper()
	h := newHistory(t, s.rows, &panelOf{d: s.d, what: []string{"nox", "so2"}, finest: s.d.Grain})
	h.publish(s.d.Dataset, versionOf{len(s.rows), s.periods, s.first, s.state})
	return h
}

func (s scene) ask(t *testing.T) (catalog.Verdict, *catalog.Refusal) {
	t.Helper()
	h := s.history(t)
	v, r, err := h.view().Judge(testID("bureau"), submit("", s.q))
	if err != nil {
		t.Fatal(err)
	}
	return v, r
}

func (s scene) refused(t *testing.T, kind catalog.RefusalKind, rule string) *catalog.Refusal {
	t.Helper()
	_, r := s.ask(t)
	statetest.WantRefusal(t, r, kind, rule)
	return r
}

func (s scene) judged(t *testing.T) catalog.Verdict {
	t.Helper()
	v, r := s.ask(t)
	if r != nil {
		t.Fatalf("refused: %+v", r)
	}
	return v
}

func TestFourCompaniesAreTooFewForACohortOfFive(t *testing.T) {
	s := scene40(5, everybody)
	s.rows = s.rows[:4]
	s.q = statetest.SumBy()
	r := s.refused(t, catalog.RefusedPolicy, "min_cohort")
	if explain.Group(r.Group) != "all selected entities" || !slices.Equal(r.Numbers, []catalog.Number{{Name: "entities", Value: "4"}, {Name: "min_cohort", Value: "5"}}) || explain.Fix(r) == "" ||
		!strings.Contains(explain.Message(r), "4 entities") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Select = []catalog.Aggregate{{Func: "count", Measure: "nox"}}
	if v := s.judged(t); len(v.Withheld) != 0 || len(v.Columns) != 0 || v.EntityGroups[0].Of != 4 || includedOf(v, 0) != 4 {
		t.Fatalf("counts: %+v", v)
	}
}

func TestRefusalNamesTheGroupThatCameClosest(t *testing.T) {
	s := scene40(5, func(_ string, p int64, e int) bool { return e%3 == 2 && e < 12 && p == statetest.Period("2024-07") })
	s.q.By = []catalog.Dimension{statetest.Attribute("county"), {Kind: catalog.DimPeriod, Grain: calendar.Month}}
	r := s.refused(t, catalog.RefusedPolicy, "min_cohort")
	if r.Group != "county county2, month 2024-07" || !slices.Equal(r.Numbers, []catalog.Number{{Name: "entities", Value: "4"}, {Name: "min_cohort", Value: "5"}}) {
		t.Fatalf("refusal %+v", r)
	}
}

// Classes are counties: an industry has no class whole, but where the condition leaves
// one county.
func TestGroupsThatTakeNoClassWholeAreWithheld(t *testing.T) {
	s := scene40(5, everybody)
	s.q.By = []catalog.Dimension{statetest.Attribute("industry")}
	s.refused(t, catalog.RefusedPolicy, "class")
	s.q.By = []catalog.Dimension{statetest.Attribute("county"), statetest.Attribute("industry")}
	s.rows = statetest.Rows(0, 40)
	for _, row := range s.rows { // county0 is one industry
		if row[1] == "county0" {
			row[2] = "industry0"
		}
	}
	v := s.judged(t)
	of := func(g int) catalog.Coverage { return v.Coverage[g] }
	if len(v.Withheld) != len(v.EntityGroups)-1 || v.EntityGroups[0].Values[0] != "county0" || of(0) != (catalog.Coverage{Included: 14, Of: 14}) || of(1).Included != 0 {
		t.Fatalf("verdict %+v", v)
	}
	s.q.Complete = true
	r := s.refused(t, catalog.RefusedPolicy, "complete")
	if r.Group != "county county1, industry industry0" || !slices.Contains(r.Numbers, catalog.Number{Name: "included", Value: "0"}) {
		t.Fatalf("refusal %+v", r)
	}
}

// A class that is small in some months joins another one there, and a group takes the
// two together or not at all: the county is covered in the other months only.
func TestMonthsInWhichTooFewCountAreNotCovered(t *testing.T) {
	s := scene40(5, func(m string, p int64, e int) bool {
		return m != "nox" || e%3 != 1 || p != statetest.Period("2024-03") && p != statetest.Period("2024-04") && p != statetest.Period("2024-12") || e < 6
	})
	v := s.judged(t)
	if !slices.Equal(v.Withheld, []catalog.GroupIndex{{Entity: 1}, {Entity: 2}}) || v.Coverage[1] != (catalog.Coverage{Included: 11, Of: 13}) {
		t.Fatalf("withheld %v, coverage %v", v.Withheld, v.Coverage)
	}
	s.q.Partial = true
	v = s.judged(t)
	want := catalog.ExclusionList{{Column: 0, Part: -1, Parts: []byte{6}, Intervals: []calendar.Interval{
		{From: statetest.Period("2024-03"), To: statetest.Period("2024-05")}, {From: statetest.Period("2024-12"), To: statetest.Period("2024-12") + 1},
	}}}
	if d := cmp.Diff(want, v.Layers[0].Exclusions, cmpopts.IgnoreFields(catalog.Exclusion{}, "Column")); d != "" || len(v.Withheld) != 0 {
		t.Fatalf("withheld %v (-want +got)\n%s", v.Withheld, d)
	}
	s.q.Partial, s.q.By = false, nil
	if v := s.judged(t); v.Coverage[0] != (catalog.Coverage{Included: 40, Of: 40}) || len(v.Layers[0].Exclusions) != 0 {
		t.Fatalf("the total: %+v", v)
	}
	s.q.By, s.q.Complete = []catalog.Dimension{statetest.Attribute("county")}, true
	if r := s.refused(t, catalog.RefusedPolicy, "complete"); r.Group != "county county1" {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Complete = false
	s.q.Periods = []calendar.Interval{{From: statetest.Period("2024-05"), To: statetest.Period("2024-12")}}
	if v := s.judged(t); len(v.Withheld) != 0 || len(v.Layers[0].Exclusions) != 0 {
		t.Fatalf("verdict %+v", v)
	}
}

func TestPeriodsOfThePolicyAreTakenWhole(t *testing.T) {
	s := scene40(5, everybody)
	s.d.Policy.Grain = calendar.Quarter
	s.judged(t)
	s.q.By = []catalog.Dimension{{Kind: catalog.DimPeriod, Grain: calendar.Month}}
	if r := s.refused(t, catalog.RefusedPolicy, "grain"); r.Field != "by" || !strings.Contains(explain.Fix(r), "date_trunc('quarter', period)") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.By = nil
	s.q.Periods = []calendar.Interval{{From: statetest.Period("2024-01"), To: statetest.Period("2024-05")}}
	if r := s.refused(t, catalog.RefusedPolicy, "grain"); r.Field != "periods" || !strings.Contains(explain.Message(r), "2024-Q2") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Periods[0].To = statetest.Period("2024-07")
	s.judged(t)
	s.q.Periods = []calendar.Interval{{From: statetest.Period("2000-02"), To: statetest.Period("2024-04")}} // begins before the version does
	s.judged(t)
}

func TestNothingSelectedIsRefused(t *testing.T) {
	s := scene40(5, everybody)
	s.q.Periods = []calendar.Interval{{From: statetest.Period("2030-01"), To: statetest.Period("2030-02")}}
	if r := s.refused(t, catalog.RefusedInvalid, "empty"); !strings.Contains(explain.Message(r), "2024-01 to 2024-12") {
		t.Fatalf("refusal %+v", r)
	}
	s.q.Periods = []calendar.Interval{{From: -1 << 63, To: 1<<63 - 1}}
	s.judged(t)
	s.q.Where = &catalog.Predicate{Op: catalog.OpIn, Values: []string{"nobody"}}
	s.refused(t, catalog.RefusedInvalid, "empty")
}

func TestEntitiesAppendedLaterAreNotInAnOlderVersion(t *testing.T) {
	s := scene40(5, everybody)
	h := s.history(t)
	h.appendRows(statetest.Rows(40, 30))
	for _, q := range []catalog.Request{statetest.SumBy(), {Version: 1, Dataset: "emissions", Select: []catalog.Aggregate{{Func: "count"}}}} {
		v, r, err := h.view().Judge(testID("bureau"), submit("", q))
		if err != nil || r != nil || v.Layers[0].Entities != 40 || v.EntityGroups[0].Of != 40 || v.Coverage[0] != (catalog.Coverage{Included: 40, Of: 40}) {
			t.Fatalf("%v, %v: %+v", err, r, v)
		}
	}
}

// Of classes that differ from month to month a verdict needs a bit each, and what is too
// much to store is refused.
func TestAVerdictNeedsABitForAClassAndMonth(t *testing.T) {
	rows := make([][]string, 4000) // classes of two
	for i := range rows {
		rows[i] = []string{statetest.Rows(i, 1)[0][0], fmt.Sprintf("county%05d", i/2), "x"}
	}
	p := monthlyPanel("emissions")
	p.d.Policy.MinCohort = 2
	h := newHistory(t, rows, p)
	const months = 24
	h.publish("emissions", versionOf{len(rows), months, statetest.Period("2024-01"), always})
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // which pairs are corrected
	corrected := make([][]bool, 2*months)
	for i := range corrected {
		for range len(rows) / 2 {
			corrected[i] = append(corrected[i], rng.IntN(2) == 0)
		}
	}
	h.publish("emissions", versionOf{len(rows), months, statetest.Period("2024-01"), func(m int, p int64, e int) int {
		return 1 + b2i(corrected[2*(p-statetest.Period("2024-01"))+int64(m)][e/2] && e%2 == 0)
	}})
	q := statetest.SumBy(statetest.Attribute("county"))
	q.Select, q.Partial = []catalog.Aggregate{{Func: "sum", Measure: "nox"}, {Func: "sum", Measure: "so2"}}, true
	v, r, err := h.view().Judge(testID("bureau"), submit("", q))
	if err != nil || r != nil {
		t.Fatal(err, r)
	}
	if len(v.Layers) != 2 || v.Coverage[0].HeldBack == 0 {
		t.Fatalf("nothing differs from month to month: %d layers, coverage %+v", len(v.Layers), v.Coverage[0])
	}
	if n, most := len(catalog.Encode(v)), len(v.Layers)*(2*months*len(rows)/2/8*2+150_000); n > most {
		t.Errorf("%d bytes in %d layers, at most %d are needed", n, len(v.Layers), most)
	}
	if r := checkStored(catalog.MaxVerdict); r != nil {
		t.Errorf("refused: %v", r)
	}
	statetest.WantRefusal(t, checkStored(catalog.MaxVerdict+1), catalog.RefusedPolicy, "max_verdict")
}

func TestAQueryThatIsNotOfItsDatasetIsRefused(t *testing.T) {
	w := ready(t)
	bad := statetest.SumBy()
	bad.Select[0].Measure = "pm"
	w.no("bureau", catalog.KindQuerySubmit, submit("", bad), catalog.RefusedInvalid, "invalid")
}
