package catalog

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// priced is ready with a second live dataset, "priced", whose queries cost 0.10.
func priced(t tester) *world {
	w := ready(t)
	d := testDescriptor("priced")
	d.Price = &Price{PerQuery: "0.10", Currency: "CNY"}
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	w.release(d, 12)
	return w
}

// release publishes a live version of so many months in which everybody counts.
func (w *world) release(d Descriptor, months int) int {
	w.t.Helper()
	counts := testCounts(2, months, 40, func(_, _, _ int) bool { return true })
	n := w.publish(d, w.proposal(d, 40, months, counts), counts)
	w.stored(d.Dataset, n, 3)
	w.live(d.Dataset, n)
	return n
}

// query is a sum over months that differ from one n to the next.
func query(dataset string, n int) Request {
	from := month("2024-01") + int64(n%12)
	q := sumBy(attr("county"))
	q.Dataset, q.Periods = dataset, []Interval{{From: from, To: from + 1}}
	return q
}

// finish completes a query's next attempt, or fails it.
func (w *world) finish(id string, done bool) {
	w.t.Helper()
	n := len(must[Query](w.t)(w.view().Query(id)).Attempts) + 1
	w.ok("node3", KindQueryAttempt, w.attempt(id, n))
	if !done {
		w.ok("node1", KindQueryFail, QueryFail{Query: id, Attempt: n, Reason: "x"})
		return
	}
	w.ok("node1", KindQueryShare, w.share(id, n, 1))
	w.ok("node2", KindQueryShare, w.share(id, n, 2))
}

func TestBudgetIsChargedExactlyAndRefundedWhenNoAttemptCompletes(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced", Budget: "0.35"})
	spent := func(want, left string) {
		t.Helper()
		k := must[Contract](t)(w.view().Contract(id))
		if got, _ := k.BudgetLeft(); k.Spent != want || got != left {
			t.Fatalf("spent %q, left %q; want %q, %q", k.Spent, got, want, left)
		}
	}
	first := w.ok("bank", KindQuerySubmit, submit(id, query("priced", 0))).ID
	spent("0.10", "0.25")
	for range MaxAttempts {
		w.finish(first, false)
	}
	spent("0.00", "0.35")
	for n := range 3 {
		w.ok("bank", KindQuerySubmit, submit(id, query("priced", n)))
	}
	spent("0.30", "0.05")
	r := w.no("bank", KindQuerySubmit, submit(id, query("priced", 4)), RefusedPolicy, "contract_budget")
	want := []Number{{"budget", "0.35"}, {"spent", "0.30"}, {"left", "0.05"}, {"price", "0.10"}}
	if !slices.Equal(r.Numbers, want) || r.Fix == "" {
		t.Fatalf("refusal %+v", r)
	}
	if k := must[Contract](t)(w.view().Contract(id)); k.Used != 4 {
		t.Fatalf("%d queries counted, want 4: a failed one stays counted", k.Used)
	}
	s := must[Statement](t)(w.view().Statement(id, "", Page{}))
	if s.Price != "0.30" || s.Queries != 4 || s.Failed != 1 || s.Lines[0].Price != "0.00" || !s.Lines[0].Refunded || s.BudgetLeft != "0.05" {
		t.Fatalf("statement %+v", s)
	}
	sameElsewhere(t, w)
}

func TestBudgetsThatPayForNothingAreRefused(t *testing.T) {
	w := priced(t)
	for _, b := range []string{"0.09", "-1", "1e3", "0.1234567", "1,00"} {
		w.no("bank", KindOrderCreate, OrderCreate{Dataset: "priced", Purpose: "x", Budget: b}, RefusedInvalid, "invalid")
	}
	w.no("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", Budget: "1.00"}, RefusedInvalid, "invalid")
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "priced", Purpose: "x", Budget: "5"}).ID
	w.no("bureau", KindOrderApprove, OrderApprove{Order: order, Budget: "5.01"}, RefusedInvalid, "narrow")
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: order, Budget: "0.2"}).ID
	if k := must[Contract](t)(w.view().Contract(id)); k.Budget != "0.2" || k.Price == nil || k.Price.Currency != "CNY" {
		t.Fatalf("contract %+v", k)
	}
}

func TestSuspensionAndRevocationHoldFromTheNextQueryOn(t *testing.T) {
	w := ready(t)
	id := w.contract("bank", OrderCreate{Dataset: "emissions", Queries: 5})
	running := w.ok("bank", KindQuerySubmit, submit(id, query("emissions", 0))).ID
	w.no("rival", KindContractSuspend, ContractChange{Contract: id}, RefusedForbidden, "owner")
	w.no("bank", KindContractSuspend, ContractChange{Contract: id}, RefusedForbidden, "role")
	w.no("bureau", KindContractSuspend, ContractChange{Contract: "c-none"}, RefusedUnknown, "unknown")
	w.no("bureau", KindContractSuspend, ContractChange{Contract: id, Reason: "a\x00b"}, RefusedInvalid, "invalid")
	w.no("bureau", KindContractResume, ContractChange{Contract: id}, RefusedConflict, "contract_state")
	w.ok("bureau", KindContractSuspend, ContractChange{Contract: id, Reason: "unpaid"})
	r := w.no("bank", KindQuerySubmit, submit(id, query("emissions", 1)), RefusedPolicy, "contract_suspended")
	if r.Fix != "ask the publisher to resume it; it has 4 of 5 queries left" {
		t.Fatalf("fix %q", r.Fix)
	}
	w.finish(running, true) // accepted before: it completes
	w.ok("bureau", KindContractResume, ContractChange{Contract: id})
	w.ok("bank", KindQuerySubmit, submit(id, query("emissions", 1)))
	w.ok("bureau", KindContractRevoke, ContractChange{Contract: id})
	w.no("bank", KindQuerySubmit, submit(id, query("emissions", 2)), RefusedPolicy, "contract_revoked")
	w.no("bank", KindQuerySubmit, submit(id, query("emissions", 0)), RefusedPolicy, "contract_revoked") // a repeat, too
	w.no("bureau", KindContractResume, ContractChange{Contract: id}, RefusedConflict, "contract_state")
	w.ok("bureau", KindQuerySubmit, submit("", query("emissions", 0)))
	w.no("bureau", KindContractRevoke, ContractChange{Contract: OwnContractID("emissions")}, RefusedConflict, "own_contract")
	sameElsewhere(t, w)
}

func TestRepeatOfAReleasedQueryCostsThePriceAlone(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced", Queries: 1, Budget: "0.20"})
	first := w.ok("bank", KindQuerySubmit, submit(id, query("priced", 0))).ID
	w.no("bank", KindQuerySubmit, submit(id, query("priced", 0)), RefusedPolicy, "contract_exhausted") // not released yet
	w.finish(first, true)
	w.no("bank", KindQuerySubmit, submit(id, query("priced", 1)), RefusedPolicy, "contract_exhausted")
	same := query("priced", 0)
	same.SQL = "SELECT something"
	second := w.ok("bank", KindQuerySubmit, submit(id, same)).ID
	q, k := must[Query](t)(w.view().Query(second)), must[Contract](t)(w.view().Contract(id))
	if q.Repeats != first || k.Used != 1 || k.Spent != "0.20" {
		t.Fatalf("query %+v of %+v", q, k)
	}
	a, b := must[Verdict](t)(w.view().Verdict(first)), must[Verdict](t)(w.view().Verdict(second))
	if !slices.Equal(encode(a), encode(b)) {
		t.Fatal("the repeat has another verdict")
	}
	if q := must[Query](t)(w.view().Released(testID("bank"), same, q.Release)); q.ID != first {
		t.Fatalf("released %+v", q)
	}
	w.finish(second, true)
	w.no("bank", KindQuerySubmit, submit(id, same), RefusedPolicy, "contract_budget")
	other := w.contract("insurer", OrderCreate{Dataset: "priced"})
	third := w.ok("insurer", KindQuerySubmit, submit(other, query("priced", 0))).ID
	if q := must[Query](t)(w.view().Query(third)); q.Repeats != "" {
		t.Fatal("another buyer's query was taken for a repeat")
	}
}

func TestScopeBoundsColumnsAndPeriods(t *testing.T) {
	w := ready(t)
	d := testDescriptor("emissions")
	wanted := sumBy(attr("county"), Dimension{Kind: DimPeriod, Grain: GrainQuarter})
	wanted.Where = &Predicate{Op: "not", Args: []Predicate{{Op: "in", Column: "industry", Values: []string{"industry9"}}}}
	s := ScopeOf(d, wanted)
	if !slices.Equal(s.Columns, []string{"county", "industry"}) || s.Grain != GrainQuarter {
		t.Fatalf("scope %+v", s)
	}
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", Scope: &s}).ID
	for _, wide := range []Scope{{Columns: []string{"enterprise"}}, {Columns: []string{"county"}, Grain: GrainMonth}} {
		w.no("bureau", KindOrderApprove, OrderApprove{Order: order, Scope: &wide}, RefusedInvalid, "narrow")
	}
	for _, bad := range []Scope{{Columns: []string{"none"}}, {Columns: []string{"county", "county"}}, {Grain: "week"}} {
		w.no("bureau", KindOrderApprove, OrderApprove{Order: order, Scope: &bad}, RefusedInvalid, "invalid")
		w.no("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", Scope: &bad}, RefusedInvalid, "invalid")
	}
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: order}).ID
	w.ok("bank", KindQuerySubmit, submit(id, wanted))

	finer := wanted
	finer.By = []Dimension{attr("county"), {Kind: DimPeriod, Grain: GrainMonth}}
	part := wanted
	part.By, part.Periods = nil, []Interval{{From: month("2024-01"), To: month("2024-03")}}
	entity := wanted
	entity.By = []Dimension{{Kind: DimEntity}}
	one := wanted
	one.Where = &Predicate{Op: "in", Values: []string{"e00001"}}
	for field, q := range map[string]Request{"by[1]": finer, "periods[0]": part, "by[0]": entity, "where": one} {
		if r := w.no("bank", KindQuerySubmit, submit(id, q), RefusedPolicy, "contract_scope"); r.Field != field || r.Fix == "" {
			t.Fatalf("refusal %+v, want field %s", r, field)
		}
	}
	narrowed := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x"}).ID
	none := w.ok("bureau", KindOrderApprove, OrderApprove{Order: narrowed, Scope: &Scope{Columns: []string{}}}).ID
	w.no("bank", KindQuerySubmit, submit(none, sumBy(attr("county"))), RefusedPolicy, "contract_scope")
	w.ok("bank", KindQuerySubmit, submit(none, sumBy()))
}

// The scope of a request allows it, and nothing narrower does.
func TestScopeOfARequestIsTheNarrowest(t *testing.T) {
	d := testDescriptor("emissions")
	d.Grain = GrainDay
	rapid.Check(t, func(t *rapid.T) {
		q := Request{Version: 1, Dataset: "emissions", Select: []Aggregate{{Func: "count"}}}
		if rapid.Bool().Draw(t, "county") {
			q.By = append(q.By, attr("county"))
		}
		if g := rapid.SampledFrom([]Grain{"", GrainDay, GrainMonth, GrainQuarter, GrainYear}).Draw(t, "grain"); g != "" {
			q.By = append(q.By, Dimension{Kind: DimPeriod, Grain: g})
		}
		g := rapid.SampledFrom([]Grain{GrainDay, GrainMonth, GrainQuarter, GrainYear}).Draw(t, "periods")
		at := rapid.Int64Range(40, 60).Draw(t, "from")
		q.Periods = []Interval{{From: g.Span(at, GrainDay).From, To: g.Span(at, GrainDay).To}}
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
		for _, g := range []Grain{GrainHour, GrainDay, GrainMonth, GrainQuarter, GrainYear} {
			k.Scope = &Scope{Columns: s.Columns, Grain: g}
			if s.Grain.Finer(g) && k.InScope(d, q) == nil {
				t.Fatalf("%s would do, not only %s", g, s.Grain)
			}
		}
	})
}

func TestNewVersionsAndPeriodsLeaveContractsRunning(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced"})
	d := must[Dataset](t)(w.view().Dataset("priced")).Descriptor
	w.ok("bank", KindQuerySubmit, submit(id, query("priced", 0)))
	if n := w.release(d, 14); n != 2 {
		t.Fatalf("version %d", n)
	}
	more := query("priced", 0)
	more.Periods = []Interval{{From: month("2025-01"), To: month("2025-03")}}
	q := must[Query](t)(w.view().Query(w.ok("bank", KindQuerySubmit, submit(id, more)).ID))
	if q.Release != 2 || q.Groups != 3 {
		t.Fatalf("query %+v", q)
	}
}

func TestStolenEnvelopesAreWorthNothing(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced", Queries: 1})
	e := w.sign("bank", KindQuerySubmit, submit(id, query("priced", 0)))
	first := w.apply(e)
	if first.Refusal != nil {
		t.Fatal(first.Refusal)
	}
	if again := w.apply(e); !again.Repeat || again.ID != first.ID {
		t.Fatalf("a replay made %+v", again)
	}
	w.now += 11 * 60_000 // the envelope has expired
	if late := w.apply(e); late.Refusal == nil && !late.Repeat {
		t.Fatalf("a late replay made %+v", late)
	}
	stolen := w.sign("bank", KindQuerySubmit, submit(id, query("priced", 1)))
	stolen.Signer = testID("insurer")
	wantRefusal(t, w.apply(stolen).Refusal, RefusedSignature, "signature")
	forged, err := Sign(testKey("insurer"), testID("bank"), w.payload(KindQuerySubmit, submit(id, query("priced", 1))))
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, w.apply(forged).Refusal, RefusedSignature, "signature")
	w.no("insurer", KindQuerySubmit, submit(id, query("priced", 1)), RefusedForbidden, "owner")
	w.no("bank", KindQuerySubmit, submit(id, query("emissions", 1)), RefusedPolicy, "contract_dataset")
	if k := must[Contract](t)(w.view().Contract(id)); k.Used != 1 || k.Spent != "0.10" {
		t.Fatalf("contract %+v", k)
	}
}

func TestStatementsAreOfAMonthInTheDatasetsTime(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced"})
	w.now = 1_701_359_999_000 // 2023-11-30T23:59:59+08:00
	w.now -= 10
	w.ok("bank", KindQuerySubmit, submit(id, query("priced", 0)))
	w.now += 1000
	w.ok("bank", KindQuerySubmit, submit(id, query("priced", 1)))
	w.ok("bank", KindQuerySubmit, submit(id, query("priced", 2)))
	for m, n := range map[string]int{"2023-11": 1, "2023-12": 2, "2024-01": 0, "": 3} {
		s := must[Statement](t)(w.view().Statement(id, m, Page{}))
		if s.Queries != n || len(s.Lines) != n || s.Currency != "CNY" || s.Price != AddAmounts([]string{"0.10", "0.10", "0.10"}[:n]...) {
			t.Fatalf("%s: %+v", m, s)
		}
	}
	if _, err := w.view().Statement(id, "2023", Page{}); err == nil {
		t.Fatal("a year was taken for a month")
	}
}

func TestPreviewSaysWhatApplyingWouldCharge(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", OrderCreate{Dataset: "priced", Queries: 2, Budget: "0.15"})
	p, refusal, err := w.view().Preview(testID("bank"), submit(id, query("priced", 0)))
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	if k := must[Contract](t)(w.view().Contract(id)); k.Used != 0 || k.Spent != "" {
		t.Fatalf("previewing charged %+v", k)
	}
	w.ok("bank", KindQuerySubmit, submit(id, query("priced", 0)))
	k := must[Contract](t)(w.view().Contract(id))
	if p.Price != "0.10" || p.Repeats != "" || k.Spent != p.Contract.Spent || k.Used != p.Contract.Used {
		t.Fatalf("preview %+v, then %+v", p, k)
	}
	if _, refusal, err = w.view().Preview(testID("bank"), submit(id, query("priced", 1))); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, refusal, RefusedPolicy, "contract_budget")
}

// Adding and printing decimals is exact, in any order.
func TestAmountsAreExact(t *testing.T) {
	if got := AddAmounts("0.1", "0.2"); got != "0.30" {
		t.Fatalf("0.1 + 0.2 = %s", got)
	}
	if got := AddAmounts("999999999999.999999", "0.000001"); got != "1000000000000.00" {
		t.Fatal(got)
	}
	if got := subtractAmount("0.1", "0.35"); got != "-0.25" {
		t.Fatal(got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		if got := subtractAmount(AddAmounts(a, b), b); got != AddAmounts(a) {
			t.Fatalf("%s + %s − %s = %s", a, b, b, got)
		}
	})
}
