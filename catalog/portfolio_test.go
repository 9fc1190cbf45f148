package catalog

import (
	"fmt"
	"slices"
	"testing"
)

// portfolio registers a selector of somebody's and returns its id.
func (h *history) portfolio(who, name string, entities ...int) string {
	h.t.Helper()
	last := 0
	for _, v := range must[[]Vector](h.t)(h.view().Vectors(testID(who))) {
		if v.Name == name {
			last = v.Version
		}
	}
	v := h.vector(who, h.vectorOf(name, last+1))
	h.selected[v.ID] = make([]bool, v.Entities)
	for _, e := range entities {
		h.selected[v.ID][e] = true
	}
	return v.ID
}

// private is a request for what is selected.
func private(q Request, vector string) Request {
	q.In = vector
	return q
}

// counts reports whether an entity counts in the policy's period of a cell.
func (h *history) counts(p *panelOf, v versionOf, m int, at int64, e int) bool {
	span := p.d.Policy.Grain.Span(p.d.Grain.In(at, p.d.Policy.Grain), p.d.Grain)
	have, of := 0, 0
	for c := max(span.From, v.first); c < min(span.To, v.first+int64(v.periods)); c++ {
		of++
		have += b2i(v.has(m, c, e) != 0)
	}
	return have > 0 && 2*have >= of
}

// test runs a private query's attempt as nodes do: the cohort test, by its
// definition, and then either word that it failed or the sealed shares.
func (h *history) test(query string, v Verdict) bool {
	h.t.Helper()
	least, sets, err := h.view().CohortSets(query)
	if err != nil {
		h.t.Fatal(err)
	}
	q := must[Query](h.t)(h.view().Query(query))
	if q.State != QueryAccepted {
		return true
	}
	passed := true
	for _, s := range sets {
		c := 0
		for _, e := range s.Members {
			c += b2i(h.selected[v.In][e])
		}
		rest := len(s.Members) - c
		passed = passed && (c == 0 || c >= least) && (rest == 0 && !s.NoRest || rest >= least)
	}
	passed = passed || h.machine.loose
	active := h.active()
	h.ok("node1", KindQueryAttempt, QueryAttempt{Query: query, Attempt: 1, Active: active, Root: active[0], Tiles: 1})
	for i, node := range active {
		if passed {
			h.ok(node, KindQueryShare, h.share(query, 1, i))
		} else {
			h.ok(node, KindCohortFailed, CohortFailed{Query: query, Attempt: 1})
		}
	}
	if !passed {
		h.failed++
	}
	return passed
}

// counties1 are entities of county1: 1, 4, 7, …
func counties1(n int) []int {
	var out []int
	for i := range n {
		out = append(out, 1+3*i)
	}
	return out
}

func portfolioAttacks() []attack {
	rows := testRows(0, 60) // 20 in each county
	some := []int{1, 4, 10, 13, 16, 19, 22, 25, 28, 31}
	more := append(slices.Clone(some), victim)
	county := in("county", "county1")
	sum := func(measure string) Request { return sumOf("m", measure, nil, nil) }
	year := func(h *history, dataset string, months int) {
		h.publish(dataset, versionOf{60, months, month("2024-01"), always})
	}
	monthly := func(h *history) { year(h, "m", 12) }
	related := func() []*panelOf {
		p := monthlyPanel("m")
		p.d.Policy.Related, p.what = [][2]string{{"nox", "so2"}}, []string{"nox", "nox"}
		return []*panelOf{p}
	}
	return []attack{
		{name: "a portfolio of one", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", victim)))
		}},
		{name: "a portfolio of all but one", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			var most []int
			for e := range 60 {
				if e != victim {
					most = append(most, e)
				}
			}
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", most...)))
			h.ask("bank", sum("nox"))
		}},
		{name: "a portfolio, then a public query for its members and one more", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", some...)))
			h.ask("bank", sumOf("m", "nox", in("", ids(more...)...), nil))
		}},
		{name: "a public query, then a portfolio of its members and one more", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", sumOf("m", "nox", in("", ids(some...)...), nil))
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", more...)))
		}},
		{name: "a portfolio and another measure of the same readings", panels: related, rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", some...)))
			h.ask("bank", sumOf("m", "so2", in("", ids(more...)...), nil))
		}},
		{name: "a portfolio and another dataset of the family", panels: dailyAndMonthly, rows: rows, run: func(h *history) {
			monthly(h)
			h.publish("d", versionOf{60, 31, days(2024, 1, 1), always})
			h.ask("bank", private(sumOf("m", "nox", nil, []Interval{january(1)}), h.portfolio("bank", "mine", some...)))
			h.ask("bank", sumOf("d", "nox", in("", ids(more...)...), nil))
		}},
		{name: "a portfolio over two months and one", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			mine := h.portfolio("bank", "mine", some...)
			h.ask("bank", private(sumOf("m", "nox", nil, []Interval{january(2)}), mine))
			h.ask("bank", private(sumOf("m", "nox", nil, []Interval{january(1)}), mine))
			h.ask("bank", sumOf("m", "nox", in("", ids(more...)...), []Interval{{month("2024-02"), month("2024-03")}}))
		}},
		{name: "a changed portfolio", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", some...)))
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", more...)))
		}},
		{name: "two buyers' portfolios", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			h.ask("bank", private(sum("nox"), h.portfolio("bank", "mine", some...)))
			h.ask("insurer", private(sum("nox"), h.portfolio("insurer", "ours", more...)))
		}},
		{name: "the same portfolio on a corrected version", panels: one("m"), rows: rows, run: func(h *history) {
			monthly(h)
			mine := h.portfolio("bank", "mine", more...)
			h.ask("bank", private(sum("nox"), mine))
			h.publish("m", versionOf{60, 12, month("2024-01"), func(_ int, p int64, e int) int {
				return 1 + b2i((e == victim || e > 30 && e%3 == 1) && p == month("2024-03")) // six of the county, one selected
			}})
			h.ask("bank", private(sum("nox"), mine))
		}},
		{name: "a portfolio one of whom is absent in a month", panels: one("m"), rows: rows, run: func(h *history) {
			h.publish("m", versionOf{60, 12, month("2024-01"), func(_ int, p int64, e int) int {
				return b2i(!slices.Contains(some[:6], e) || p != month("2024-03")) // of ten selected four are there
			}})
			h.ask("bank", private(sumOf("m", "nox", county, []Interval{{month("2024-03"), month("2024-04")}}), h.portfolio("bank", "mine", some...)))
		}},
		{name: "an entity that is there for half a year", panels: one("m"), rows: rows, run: func(h *history) {
			h.publish("m", versionOf{60, 12, month("2024-01"), func(_ int, p int64, e int) int {
				return b2i(e != victim || p < month("2024-07"))
			}})
			mine := h.portfolio("bank", "mine", append(slices.Clone(some[:4]), victim)...)
			h.ask("bank", private(sumOf("m", "nox", county, []Interval{{month("2024-07"), month("2024-08")}}), mine)) // four
		}},
	}
}

// A failed cohort test frees what it froze, and nothing that another answer rests on.
func TestFrozenClassIsFreeOnlyWhenNoQueryRestsOnIt(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	absent := month("2024-03")
	some := counties1(10)
	h.publish("m", versionOf{60, 12, month("2024-01"), func(_ int, p int64, e int) int { return b2i(p != absent || !slices.Contains(some[:7], e)) }})
	mine := h.portfolio("bank", "mine", some...)
	good := private(sumOf("m", "nox", nil, []Interval{january(1)}), mine)
	bad := private(sumOf("m", "nox", nil, []Interval{{absent, absent + 1}}), mine)
	frozen := func() int {
		f := must[family](h.t)(find[family](h.store, familyKey(testID("bureau"), "enterprises")))
		return len(must[*partition](h.t)(h.machine.partitionOf(h.store, testID("bureau"), "enterprises", &f)).frozen)
	}
	if h.ask("bank", bad); h.failed != 1 || frozen() != 0 {
		t.Fatalf("%d tests failed, %d classes are frozen", h.failed, frozen())
	}
	if h.ask("bank", good); h.failed != 1 || frozen() == 0 {
		t.Fatalf("%d tests failed, %d classes are frozen", h.failed, frozen())
	}
	before := frozen()
	if h.ask("bank", bad); h.failed != 2 || frozen() != before {
		t.Fatalf("after a failed test %d classes are frozen, %d before: the first answer must stay protected", frozen(), before)
	}
	// A frozen class is answered whole, and cut for nobody.
	v := h.ask("insurer", sumOf("m", "nox", in("", ids(some...)...), []Interval{january(1)}))
	if v != nil {
		t.Fatalf("released %+v of a frozen class", v.EntityGroups)
	}
	if v := h.ask("insurer", sumOf("m", "nox", nil, []Interval{january(1)}, attr("county"))); v == nil || v.EntityGroups[1].Included != 20 {
		t.Fatalf("the county is not answered as a whole: %+v", v)
	}
	// Another selector, and a changed one, are refused, with what would pass.
	for who, name := range map[string]string{"insurer": "ours", "bank": "mine"} {
		other := h.portfolio(who, name, some[:8]...)
		c := h.granted[who+"/m"]
		r := h.no(who, KindQuerySubmit, submit(c, private(good, other)), RefusedPolicy, "portfolio")
		if r.Fix == "" || len(r.Numbers) == 0 {
			t.Fatalf("the refusal does not say what would pass: %+v", r)
		}
	}
}

// Two portfolios a class are the publisher's written trust that their owners do not
// pool what they were told.
func TestPortfoliosAsManyAsThePolicySays(t *testing.T) {
	p := monthlyPanel("m")
	p.d.Policy.Portfolios = 2
	h := newHistory(t, false, testRows(0, 60), p)
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	ask := func(who string, n int) *Verdict {
		return h.ask(who, private(sumOf("m", "nox", nil, nil), h.portfolio(who, fmt.Sprint("p", n), counties1(n)...)))
	}
	if ask("bank", 10) == nil || ask("insurer", 11) == nil || h.failed != 0 {
		t.Fatal("two portfolios were not answered")
	}
	if ask("bank", 12) != nil {
		t.Fatal("a third portfolio was answered exactly")
	}
}

func TestPrivateVectorsAreTheirOwners(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	mine := h.portfolio("bank", "mine", counties1(10)...)
	q := private(sumOf("m", "nox", nil, nil), mine)
	ours := h.contract("insurer", OrderCreate{Dataset: "m"})
	own := h.contract("bank", OrderCreate{Dataset: "m"})
	if r := h.no("insurer", KindQuerySubmit, submit(ours, q), RefusedUnknown, "vector"); r.Fix == "" {
		t.Error("no fix")
	}
	h.no("bank", KindQuerySubmit, submit(own, private(q, "v-none")), RefusedUnknown, "vector")
	h.no("bank", KindQuerySubmit, submit(own, private(q, NewVector)), RefusedUnknown, "vector")
	if _, least, sets, refusal, err := h.view().CohortPreview(testID("bank"), submit(own, private(q, NewVector))); err != nil || refusal != nil || least != 5 || len(sets) != 3 {
		t.Errorf("preview: %d sets of %d, %v, %v", len(sets), least, refusal, err)
	}
	open := h.ok("bank", KindVectorRegister, h.vectorOf("other", 1)).ID
	h.no("bank", KindQuerySubmit, submit(own, private(q, open)), RefusedConflict, "vector_state")

	weights := h.vectorOf("loans", 1)
	weights.Bits = 16
	loans := h.vector("bank", weights).ID
	h.no("bank", KindQuerySubmit, submit(own, private(q, loans)), RefusedInvalid, "invalid")
	w := q
	w.In, w.Select = "", []Aggregate{{Func: "sum", Measure: "nox", Weight: loans}}
	h.no("bank", KindQuerySubmit, submit(own, w), RefusedPolicy, "weights")
	w.In = mine
	h.no("bank", KindQuerySubmit, submit(own, w), RefusedInvalid, "invalid")

	d := testDescriptor("plots")
	d.Registry = "plots"
	h.registry("plots", testRows(0, 10), 10)
	h.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	elsewhere := q
	elsewhere.Dataset = "plots"
	h.no("bank", KindQuerySubmit, submit(h.contract("bank", OrderCreate{Dataset: "plots"}), elsewhere), RefusedInvalid, "vector_registry")

	// Nothing but an exact private query has a cohort test that could fail.
	plain := h.ok("bank", KindQuerySubmit, submit(own, sumOf("m", "so2", nil, nil))).ID
	h.ok("node1", KindQueryAttempt, QueryAttempt{Query: plain, Attempt: 1, Active: h.active(), Root: "node1", Tiles: 1})
	h.no("node1", KindCohortFailed, CohortFailed{Query: plain, Attempt: 1}, RefusedConflict, "cohort")

	h.ok("bank", KindVectorDrop, VectorDrop{Vector: mine})
	h.no("bank", KindQuerySubmit, submit(own, q), RefusedConflict, "vector_state")
}

// One member's word frees nothing, and nobody says both that a test failed and what it
// answers: the next attempt starts with no word said.
func TestWordThatACohortTestFailedIsWorthNothingAlone(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	mine := h.portfolio("bank", "mine", counties1(10)...)
	c := h.contract("bank", OrderCreate{Dataset: "m"})
	q := h.ok("bank", KindQuerySubmit, submit(c, private(sumOf("m", "nox", nil, nil), mine))).ID
	frozen := func() int {
		f := must[family](t)(find[family](h.store, familyKey(testID("bureau"), "enterprises")))
		return len(must[*partition](t)(h.machine.partitionOf(h.store, testID("bureau"), "enterprises", &f)).frozen)
	}
	before, active := frozen(), h.active()
	attempt := func(n int) {
		h.ok("node1", KindQueryAttempt, QueryAttempt{Query: q, Attempt: n, Active: active, Root: active[0], Tiles: 1})
	}
	attempt(1)
	h.no("bank", KindCohortFailed, CohortFailed{Query: q, Attempt: 1}, RefusedForbidden, "role")
	h.ok(active[0], KindCohortFailed, CohortFailed{Query: q, Attempt: 1})
	h.no(active[0], KindCohortFailed, CohortFailed{Query: q, Attempt: 1}, RefusedConflict, "twice")
	h.no(active[0], KindQueryShare, h.share(q, 1, 0), RefusedConflict, "cohort")
	h.ok(active[1], KindQueryShare, h.share(q, 1, 1))
	h.no(active[1], KindCohortFailed, CohortFailed{Query: q, Attempt: 1}, RefusedConflict, "cohort")
	h.no(active[1], KindCohortFailed, CohortFailed{Query: q, Attempt: 2}, RefusedConflict, "attempt")
	if got := must[Query](t)(h.view().Query(q)); got.State != QueryRunning || frozen() != before || before == 0 {
		t.Fatalf("the query is %s with %d of %d classes frozen", got.State, frozen(), before)
	}
	h.ok("node1", KindQueryFail, QueryFail{Query: q, Attempt: 1, Reason: "nothing happens"})
	attempt(2)
	h.ok(active[1], KindCohortFailed, CohortFailed{Query: q, Attempt: 2})
	if got := must[Query](t)(h.view().Query(q)); got.State != QueryRunning || frozen() != before {
		t.Fatalf("with one word in each of two attempts the query is %s, %d of %d classes are frozen", got.State, frozen(), before)
	}
	h.ok("node1", KindQueryFail, QueryFail{Query: q, Attempt: 2, Reason: "nothing happens"})
	attempt(3)
	h.ok("node1", KindQueryFail, QueryFail{Query: q, Attempt: 3, Reason: "nothing happens"})
	if got := must[Query](t)(h.view().Query(q)); got.State != QueryFailed || frozen() != before {
		t.Fatalf("after three lost attempts the query is %s, %d of %d classes are frozen: they stay spent", got.State, frozen(), before)
	}
}
