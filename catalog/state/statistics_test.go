package state

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
)

// statistical are descriptors with squares, buckets and moments.
func statistical(id string, moments ...[2]string) catalog.Descriptor {
	d := statetest.Descriptor(id)
	d.Measures[0].Squares, d.Measures[0].Buckets = true, []string{"10", "100.5"}
	d.Measures[1].Buckets = []string{"50"}
	d.Policy.Aggregates = []string{"count", "sum", "avg", "stddev", "corr", "covar", "median"}
	d.Policy.Moments = moments
	return d
}

func statisticFor(dataset, fn, measure, other string, by ...catalog.Dimension) catalog.Request {
	return catalog.Request{Version: 1, Dataset: dataset, By: by, Select: []catalog.Aggregate{{Func: fn, Measure: measure, Other: other}}}
}

func TestWhatIsNotListedIsNotReleasedExactly(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 40), &panelOf{d: statistical("m", [2]string{"nox", "nox"}), what: []string{"nox", "so2"}, finest: calendar.Month})
	h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), always})
	id := h.contract("bank", catalog.OrderCreate{Dataset: "m"})
	h.ok("bank", catalog.KindQuerySubmit, submit(id, statisticFor("m", catalog.FuncVar, "nox", "")))
	for _, q := range []catalog.Request{
		statisticFor("m", catalog.FuncVar, "so2", ""), statisticFor("m", catalog.FuncCovar, "nox", "so2"), statisticFor("m", catalog.FuncRegr, "nox", "so2"),
	} {
		r := h.no("bank", catalog.KindQuerySubmit, submit(id, q), catalog.RefusedPolicy, "moments")
		if r.Field != "select[0]" || !strings.Contains(explain.Fix(r), "nox × nox") {
			t.Errorf("refusal %+v", r)
		}
	}
	r := h.no("bank", catalog.KindQuerySubmit, submit(id, statisticFor("m", catalog.FuncHistogram, "nox", "")), catalog.RefusedPolicy, "histogram")
	if !strings.Contains(explain.Fix(r), "no noise") {
		t.Errorf("the fix of a policy without dp: %s", explain.Fix(r))
	}
	one := h.contract("bank", catalog.OrderCreate{Dataset: "m", Aggregates: []string{"sum", "stddev"}, Measures: []string{"so2"}})
	// No contract grants what the policy does not: nobody is sent to order one.
	if r := h.no("bank", catalog.KindQuerySubmit, submit(one, statisticFor("m", catalog.FuncCovar, "nox", "so2")), catalog.RefusedPolicy, "moments"); strings.Contains(explain.Fix(r), "order") {
		t.Errorf("the fix of what no contract grants: %s", explain.Fix(r))
	}
	sums := h.contract("bank", catalog.OrderCreate{Dataset: "m", Aggregates: []string{"sum"}})
	if r := h.no("bank", catalog.KindQuerySubmit, submit(sums, statisticFor("m", catalog.FuncVar, "nox", "")), catalog.RefusedPolicy, "aggregate"); !strings.Contains(explain.Fix(r), "order more") {
		t.Errorf("the fix of what another contract would grant: %s", explain.Fix(r))
	}
	if r := h.no("bank", catalog.KindQuerySubmit, submit(sums, statisticFor("m", catalog.FuncVar, "so2", "")), catalog.RefusedPolicy, "moments"); strings.Contains(explain.Fix(r), "order") {
		t.Errorf("the fix of what no contract grants: %s", explain.Fix(r))
	}
	h.no("bank", catalog.KindQuerySubmit, submit(one, statisticFor("m", catalog.FuncVar, "nox", "")), catalog.RefusedPolicy, "measure")
}

func TestBucketsOfProtectedReadingsAreNoised(t *testing.T) {
	w := ready(t)
	d := statistical("noisy")
	dp := testDP
	d.Policy.DP = &dp
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, _, e int) bool { return m == 0 || e%3 != 1 })
	v := w.proposal(d, 40, 12, counts)
	v.Tiles = int(v.TilesPerColumn()) * len(d.TileColumns())
	n := w.publish(d, v, counts)
	w.stored("noisy", n, 3)
	w.live("noisy", n)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, statisticFor("noisy", catalog.FuncHistogram, "so2", "", statetest.Attribute("county"))), catalog.RefusedPolicy, "histogram")
	if !strings.Contains(explain.Fix(r), "--epsilon 0.5 or less") {
		t.Errorf("fix: %s", explain.Fix(r))
	}
	for _, q := range []catalog.Request{
		statisticFor("noisy", catalog.FuncHistogram, "so2", "", statetest.Attribute("county")), statisticFor("noisy", catalog.FuncCovar, "nox", "so2", statetest.Attribute("county")),
	} {
		q.Noise = &catalog.Noise{Epsilon: "0.1"}
		verdict := must[catalog.Verdict](t)(w.view().Verdict(w.ok("bank", catalog.KindQuerySubmit, submit(id, q)).ID))
		// Nobody of one county has a reading of so2, or both.
		if len(verdict.Withheld) != 1 || len(verdict.Layers[0].Exclusions) != 0 {
			t.Errorf("%s: withheld %v, exclusions %v", q.Select[0].Func, verdict.Withheld, verdict.Layers[0].Exclusions)
		}
	}
}

func TestVersionsWithoutCompanionsStayValid(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 40), 40).key("bureau")
	d := statistical("open")
	d.Policy = catalog.Policy{Aggregates: []string{"sum", "var", "histogram"}, Grain: calendar.Month, Public: true}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	old := w.proposal(d, 40, 3, nil)
	n := w.publish(d, old, nil)
	w.stored("open", n, 3)
	w.live("open", n)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, statisticFor("open", catalog.FuncHistogram, "nox", "")), catalog.RefusedConflict, "companions")
	if explain.Fix(r) == "" {
		t.Errorf("refusal %+v", r)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(id, statisticFor("open", catalog.FuncVar, "nox", "")))
	v := w.proposal(d, 40, 3, nil)
	v.Tiles = int(v.TilesPerColumn()) * len(d.TileColumns())
	n = w.publish(d, v, nil)
	w.stored("open", n, 3)
	w.live("open", n)
	w.ok("bank", catalog.KindQuerySubmit, submit(id, statisticFor("open", catalog.FuncHistogram, "nox", "")))
}

// momentPanel releases exact sums of nox², so2² and nox × so2.
func momentPanel(id string) *panelOf {
	p := monthlyPanel(id)
	p.d = statistical(id, [2]string{"nox", "so2"}, [2]string{"nox", "nox"}, [2]string{"so2", "so2"})
	return p
}

// Five columns are tied together, so a county of 30 bears a product where min_cohort is
// 6, and not where it is 7; sums are as they are without moments.
func TestSquaresTakeClassesOfPTimesK(t *testing.T) {
	for k, released := range map[int]bool{6: true, 7: false} {
		p := momentPanel("m")
		p.d.Policy.MinCohort = k
		h := newHistory(t, statetest.Rows(0, 90), p)
		h.publish("m", versionOf{90, 12, statetest.Period("2024-01"), always})
		for _, fn := range []string{catalog.FuncCovar, catalog.FuncRegr} {
			v := h.ask("bank", statisticFor("m", fn, "nox", "so2", statetest.Attribute("county")))
			if (v != nil) != released || released && len(v.Parts) != 3 {
				t.Errorf("min_cohort %d: %s released %+v", k, fn, v)
			}
			if v := h.ask("bank", statisticFor("m", fn, "nox", "so2")); v == nil { // of all counties together
				t.Errorf("min_cohort %d: no %s of 90 entities", k, fn)
			}
		}
		if v := h.ask("bank", sumOf("m", "nox", nil, nil, statetest.Attribute("county"))); v == nil || len(v.Withheld) != 0 {
			t.Errorf("min_cohort %d: sums %+v", k, v)
		}
	}
}

// Columns of one statistic are over the same cells: where somebody of a class has one
// measure alone, the class is in none of them, and a sum that is asked for beside has it.
func TestColumnsOfOneStatisticShareTheirCells(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 90), momentPanel("m"))
	h.publish("m", versionOf{90, 12, statetest.Period("2024-01"), func(m int, p int64, e int) int {
		return b2i(m != 1 || p != statetest.Period("2024-03") || e%3 != 1 || e > 12)
	}})
	q := statisticFor("m", catalog.FuncCovar, "nox", "so2", statetest.Attribute("county"))
	q.Select = append(q.Select, catalog.Aggregate{Func: "sum", Measure: "nox"})
	q.Partial = true
	v := h.ask("bank", q)
	if v == nil || v.Columns[3] != (catalog.Column{Measure: "nox"}) {
		t.Fatalf("verdict %+v", v)
	}
	march := []calendar.Interval{{From: statetest.Period("2024-03"), To: statetest.Period("2024-04")}}
	var left []int
	for _, x := range v.Layers[0].Exclusions {
		if x.Part != 1 || !slices.Equal(x.Intervals, march) {
			t.Errorf("exclusion %+v", x)
		}
		x.Each(4, 3, func(c, _ int) { left = append(left, c) })
	}
	if !slices.Equal(left, []int{0, 1, 2}) {
		t.Errorf("county1 is left out of the columns %v in March", left)
	}
	if v.Coverage[1].Included >= v.Coverage[1].Of || v.Coverage[0].Included != 30 {
		t.Errorf("coverage %v", v.Coverage)
	}
}

// Where a period of the policy has several of the dataset, the bitmaps of pairs tell who
// has one measure alone.
func TestPairsOfACoarserGrainAreToldByTheirBitmaps(t *testing.T) {
	p := momentPanel("m")
	p.d.Grain, p.finest = calendar.Day, calendar.Day
	h := newHistory(t, statetest.Rows(0, 90), p)
	day := calendar.Month.Span(statetest.Period("2024-01"), calendar.Day)
	h.publish("m", versionOf{90, 60, day.From, func(m int, at int64, e int) int {
		return b2i(m != 1 || at != day.From+5 || e != 7) // one day of one of county1
	}})
	january := sumOf("m", "", nil, []calendar.Interval{day}, statetest.Attribute("county"))
	january.Select = []catalog.Aggregate{{Func: catalog.FuncCovar, Measure: "nox", Other: "so2"}}
	january.Partial = true
	v := h.ask("bank", january)
	if v == nil || len(v.Parts) != 2 || v.Coverage[1].Included != 0 || v.Coverage[2] != (catalog.Coverage{Included: 30, Of: 30}) {
		t.Fatalf("verdict %+v", v)
	}
	february := january
	february.Periods = []calendar.Interval{{From: day.To, To: day.To + 29}}
	if v := h.ask("bank", february); v == nil || len(v.Parts) != 3 {
		t.Fatalf("verdict %+v", v)
	}
}

// TestAttemptsThatMultiplyOpenMoreTiles: those of every column, and of each measure
// that is multiplied once more.
func TestAttemptsThatMultiplyOpenMoreTiles(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 90), momentPanel("m"))
	h.publish("m", versionOf{90, 12, statetest.Period("2024-01"), always})
	id := h.contract("bank", catalog.OrderCreate{Dataset: "m"})
	q := h.ok("bank", catalog.KindQuerySubmit, submit(id, statisticFor("m", catalog.FuncCovar, "nox", "so2"))).ID
	attempt := h.attempt(q, 1)
	attempt.Tiles = 12*(3+2) + 1
	h.no(nodeName(1), catalog.KindQueryAttempt, attempt, catalog.RefusedInvalid, "invalid")
	attempt.Tiles--
	h.ok(nodeName(1), catalog.KindQueryAttempt, attempt)
	sum := h.ok("bank", catalog.KindQuerySubmit, submit(id, sumOf("m", "nox", nil, nil))).ID
	attempt = h.attempt(sum, 1)
	attempt.Tiles = 12*2 + 1
	h.no(nodeName(1), catalog.KindQueryAttempt, attempt, catalog.RefusedInvalid, "invalid")
}
