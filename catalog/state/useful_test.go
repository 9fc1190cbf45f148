package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// ordinary is 300 enterprises in 11 counties and 5 industries over 24 months with three
// measures, of which 2 to 5 % are missing; min_cohort is 5.
func ordinary(t *testing.T) (*history, versionOf) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1)) //nolint:gosec // a test's readings
	rows := make([][]string, 300)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("e%05d", i), fmt.Sprintf("county%02d", i%11), fmt.Sprintf("industry%d", min(rng.IntN(5), rng.IntN(5)))}
	}
	p := monthlyPanel("m")
	p.d.Measures = append(p.d.Measures, catalog.Measure{Name: "dust", Unit: "kg", Max: 1000})
	p.d.Policy.Cubes, p.what = [][]string{{"county", "industry"}}, append(p.what, "dust")
	h := newHistory(t, rows, p)
	const months = 24
	missing := make([]bool, 3*months*len(rows))
	for i := range missing {
		missing[i] = rng.IntN(100) < 2+i%4
	}
	v := versionOf{len(rows), months, statetest.Period("2024-01"), func(m int, q int64, e int) int {
		return b2i(!missing[(m*months+int(q-statetest.Period("2024-01")))*len(rows)+e])
	}}
	h.publish("m", v)
	return h, v
}

// whatMatters are the questions whose answers matter: all measures by county, by county and
// month, and in total.
func whatMatters() []catalog.Request {
	var out []catalog.Request
	monthly := catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Month}
	for _, by := range [][]catalog.Dimension{nil, {statetest.Attribute("county")}, {statetest.Attribute("county"), monthly}, {monthly}} {
		q := sumOf("m", "nox", nil, nil, by...)
		q.Select = append(q.Select, catalog.Aggregate{Func: "avg", Measure: "so2"}, catalog.Aggregate{Func: "sum", Measure: "dust"})
		q.Complete = true
		out = append(out, q)
	}
	return out
}

// Whatever was asked before, by random questions and by some that are made to hurt, every
// county's and the total's figures are whole, and their verdicts the same bytes.
func TestWhatWasAskedBeforeChangesNoAnswer(t *testing.T) {
	h, v := ordinary(t)
	answers := func() (out [][]byte) {
		t.Helper()
		for _, q := range whatMatters() {
			verdict, r, err := h.view().Judge(testID("bureau"), submit("", q))
			if err != nil || r != nil {
				t.Fatalf("by %v: %+v, %v", q.By, r, err)
			}
			for at, c := range verdict.Coverage {
				if c.Included != c.Of || c.HeldBack != 0 || c.Of == 0 {
					t.Fatalf("by %v: group %d has the coverage %+v", q.By, at, c)
				}
			}
			out = append(out, catalog.Encode(verdict))
		}
		return out
	}
	before := answers()
	rng := rand.New(rand.NewPCG(6, 1)) //nolint:gosec // questions
	for range 50 {
		var list []int
		for e := range 300 {
			if rng.IntN(3) == 0 {
				list = append(list, e)
			}
		}
		q := sumOf("m", []string{"nox", "so2", "dust"}[rng.IntN(3)], statetest.In("", statetest.IDs(list...)...), []calendar.Interval{january(1 + rng.Int64N(24))})
		if q.Partial = rng.IntN(2) == 0; rng.IntN(2) == 0 {
			q.By = []catalog.Dimension{statetest.Attribute("county")}
		}
		h.do("bureau", catalog.KindQuerySubmit, submit("", q))
	}
	for n := range 20 { // all but one or two of a county or an industry, with and without it
		q := sumOf("m", "nox", either(statetest.In("county", fmt.Sprintf("county%02d", n%11)), statetest.In("", statetest.IDs(n, n+1)...)), nil)
		if n%2 == 1 {
			q.Where = not(statetest.In("", statetest.IDs(n, n+11)...))
		}
		q.Partial = n%3 == 0
		h.do("insurer", catalog.KindQuerySubmit, submit(h.contract("insurer", catalog.OrderCreate{Dataset: "m"}), q))
	}
	if after := answers(); !slices.EqualFunc(before, after, slices.Equal[[]byte]) {
		t.Error("the answers are others than before")
	}

	// A second version corrects 5 % of the cells, a few in each class: the total is the
	// final one at once.
	corrected := make([]bool, 3*24*300)
	for i := range corrected {
		corrected[i] = rng.IntN(20) == 0
	}
	h.publish("m", versionOf{300, 24, v.first, func(m int, q int64, e int) int {
		s := v.state(m, q, e)
		return s + b2i(s > 0 && corrected[(m*24+int(q-v.first))*300+e])
	}})
	q := sumOf("m", "nox", nil, []calendar.Interval{january(1)}, statetest.Attribute("county"), statetest.Attribute("industry"))
	q.Partial = true
	verdict, r, err := h.view().Judge(testID("bureau"), submit("", q))
	if err != nil || r != nil {
		t.Fatal(r, err)
	}
	held := 0
	for _, c := range verdict.Coverage {
		held += c.HeldBack
	}
	total := sumOf("m", "nox", nil, nil)
	total.Complete = true
	w, r, err := h.view().Judge(testID("bureau"), submit("", total))
	if err != nil || r != nil || held == 0 || len(w.Layers) != 1 || w.Layers[0].Version != 2 {
		t.Errorf("%d corrections are held back in classes; the total is refused %v, %v, with the layers %+v", held, r, err, w.Layers)
	}
}

// A contract asks for larger figures than the policy does: that withholds, and changes
// nothing else.
func TestAContractAsksForLargerGroups(t *testing.T) {
	w := ready(t)
	w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", MinCohort: 4}, catalog.RefusedInvalid, "invalid")
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", MinCohort: 10}).ID
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, MinCohort: 9}, catalog.RefusedInvalid, "narrow")
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, MinCohort: 14}).ID
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.MinCohort != 14 {
		t.Fatalf("contract %+v", k)
	}
	// 13 count in each county (enterprise 0 of the 14 of county0 never does), 39 in all.
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, statetest.SumBy(statetest.Attribute("county"))), catalog.RefusedPolicy, "min_cohort")
	if !slices.Equal(r.Numbers, []catalog.Number{{Name: "entities", Value: "13"}, {Name: "min_cohort", Value: "14"}}) {
		t.Errorf("numbers %v", r.Numbers)
	}
	partial := statetest.SumBy(statetest.Attribute("county"))
	partial.Partial = true // that is another matter
	w.no("bank", catalog.KindQuerySubmit, submit(id, partial), catalog.RefusedPolicy, "min_cohort")
	w.ok("bank", catalog.KindQuerySubmit, submit(id, statetest.SumBy()))
	plain := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	q := w.ok("bank", catalog.KindQuerySubmit, submit(plain, statetest.SumBy(statetest.Attribute("county")))).ID
	if v := must[catalog.Verdict](t)(w.view().Verdict(q)); len(v.Withheld) != 0 || len(v.Parts) != 3 {
		t.Fatalf("verdict %+v", v)
	}
	d := statetest.Descriptor("open")
	d.Policy = catalog.Policy{Aggregates: d.Policy.Aggregates, Grain: calendar.Month, Public: true, Unrelated: []string{"emissions"}}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "open", Purpose: "x", MinCohort: 10}, catalog.RefusedInvalid, "invalid")
}

func TestAFamilyHasOneOffsetFromUTC(t *testing.T) {
	w := ready(t)
	d := statetest.Descriptor("hourly")
	d.UTCOffset = "+00:00"
	if r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedConflict, "family"); r.Field != "utc_offset" {
		t.Fatalf("refusal %+v", r)
	}
}

// A month is not settled by its first day: what a version does not close is in no figure,
// and COUNT is answered all the same.
func TestPeriodsThatAreNotCompleteAreNotAsked(t *testing.T) {
	p := monthlyPanel("m")
	p.d.Grain, p.finest = calendar.Day, calendar.Day
	h := newHistory(t, statetest.Rows(0, 60), p)
	first := calendar.Month.Span(statetest.Period("2024-01"), calendar.Day)
	h.publish("m", versionOf{60, 20, first.From, always})
	h.no("bureau", catalog.KindQuerySubmit, submit("", sumOf("m", "nox", nil, nil)), catalog.RefusedInvalid, "empty")
	count := sumOf("m", "nox", nil, nil)
	count.Select[0].Func = "count"
	h.ok("bureau", catalog.KindQuerySubmit, submit("", count))
	h.publish("m", versionOf{60, 40, first.From, always})
	v := h.ask("bureau", sumOf("m", "nox", nil, nil))
	if v == nil || !slices.Equal(v.PeriodGroups[0].Intervals, []calendar.Interval{first}) || v.Coverage[0] != (catalog.Coverage{Included: 60, Of: 60}) {
		t.Fatalf("verdict %+v", v)
	}
	h.no("bureau", catalog.KindQuerySubmit, submit("", sumOf("m", "nox", nil, []calendar.Interval{{From: first.From, To: first.To - 5}})), catalog.RefusedPolicy, "grain")
	// As of the first version there is still nothing, and what is not complete is no period
	// of the dataset yet.
	old := sumOf("m", "nox", nil, nil)
	old.AsOf = 1
	h.no("bureau", catalog.KindQuerySubmit, submit("", old), catalog.RefusedInvalid, "empty")
	h.no("bureau", catalog.KindQuerySubmit, submit("", sumOf("m", "nox", nil, []calendar.Interval{{From: first.To, To: first.To + 5}})), catalog.RefusedInvalid, "empty")
}
