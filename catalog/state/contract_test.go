package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// priced is ready with a second live dataset, "priced", whose queries cost 0.10.
func priced(t statetest.T) *world {
	w := ready(t)
	d := statetest.Descriptor("priced")
	d.Price = &catalog.Price{PerQuery: "0.10", Currency: "CNY"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.release(d, 12)
	return w
}

// release publishes a live version of so many months in which everybody counts.
func (w *world) release(d catalog.Descriptor, months int) int {
	w.t.Helper()
	counts := testCounts(2, months, 40, func(_, _, _ int) bool { return true })
	n := w.publish(d, w.proposal(d, 40, months, counts), counts)
	w.stored(d.Dataset, n, 3)
	w.live(d.Dataset, n)
	return n
}

// query is a sum over months that differ from one n to the next.
func query(dataset string, n int) catalog.Request {
	from := statetest.Period("2024-01") + int64(n%12)
	q := statetest.SumBy(statetest.Attribute("county"))
	q.Dataset, q.Periods = dataset, []calendar.Interval{{From: from, To: from + 1}}
	return q
}

// finish completes a query's next attempt, or fails it.
func (w *world) finish(id string, done bool) {
	w.t.Helper()
	n := len(must[catalog.Query](w.t)(w.view().Query(id)).Attempts) + 1
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(id, n))
	if !done {
		w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: n, Reason: told("x")})
		return
	}
	w.ok("node1", catalog.KindQueryShare, w.share(id, n, 1))
	w.ok("node2", catalog.KindQueryShare, w.share(id, n, 2))
}

func TestBudgetIsChargedExactlyAndRefundedWhenNoAttemptCompletes(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Budget: "0.35"})
	spent := func(want, left string) {
		t.Helper()
		k := must[catalog.Contract](t)(w.view().Contract(id))
		if got, _ := k.BudgetLeft(); k.Spent != want || got != left {
			t.Fatalf("spent %q, left %q; want %q, %q", k.Spent, got, want, left)
		}
	}
	first := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	spent("0.10", "0.25")
	for range catalog.MaxAttempts {
		w.finish(first, false)
	}
	spent("0.00", "0.35")
	for n := range 3 {
		w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", n)))
	}
	spent("0.30", "0.05")
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, query("priced", 4)), catalog.RefusedPolicy, "contract_budget")
	want := []catalog.Number{{Name: "budget", Value: "0.35"}, {Name: "spent", Value: "0.30"}, {Name: "left", Value: "0.05"}, {Name: "price", Value: "0.10"}}
	if !slices.Equal(r.Numbers, want) || explain.Fix(r) == "" {
		t.Fatalf("refusal %+v", r)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Used != 4 {
		t.Fatalf("%d queries counted, want 4: a failed one stays counted", k.Used)
	}
	s := must[catalog.Statement](t)(w.view().Statement(id, "", records.Page{}))
	if s.Price != "0.30" || s.Queries != 4 || s.Failed != 1 || s.Lines[0].Price != "0.00" || !s.Lines[0].Refunded || s.BudgetLeft != "0.05" {
		t.Fatalf("statement %+v", s)
	}
	sameElsewhere(t, w)
}

func TestBudgetsThatPayForNothingAreRefused(t *testing.T) {
	w := priced(t)
	for _, b := range []string{"0.09", "-1", "1e3", "0.1234567", "1,00"} {
		w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "priced", Purpose: "x", Budget: b}, catalog.RefusedInvalid, "invalid")
	}
	w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Budget: "1.00"}, catalog.RefusedInvalid, "invalid")
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "priced", Purpose: "x", Budget: "5"}).ID
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Budget: "5.01"}, catalog.RefusedInvalid, "narrow")
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Budget: "0.2"}).ID
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Budget != "0.2" || k.Price == nil || k.Price.Currency != "CNY" {
		t.Fatalf("contract %+v", k)
	}
}

func TestSuspensionAndRevocationHoldFromTheNextQueryOn(t *testing.T) {
	w := ready(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 5})
	running := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 0))).ID
	w.no("rival", catalog.KindContractSuspend, catalog.ContractChange{Contract: id}, catalog.RefusedForbidden, "owner")
	w.no("bank", catalog.KindContractSuspend, catalog.ContractChange{Contract: id}, catalog.RefusedForbidden, "role")
	w.no("bureau", catalog.KindContractSuspend, catalog.ContractChange{Contract: "c-none"}, catalog.RefusedUnknown, "unknown")
	w.no("bureau", catalog.KindContractSuspend, catalog.ContractChange{Contract: id, Reason: "a\x00b"}, catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindContractResume, catalog.ContractChange{Contract: id}, catalog.RefusedConflict, "contract_state")
	w.ok("bureau", catalog.KindContractSuspend, catalog.ContractChange{Contract: id, Reason: "unpaid"})
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 1)), catalog.RefusedPolicy, "contract_suspended")
	if explain.Fix(r) != "ask the publisher to resume it; it has 4 of 5 queries left" {
		t.Fatalf("fix %q", explain.Fix(r))
	}
	w.finish(running, true) // accepted before: it completes
	w.ok("bureau", catalog.KindContractResume, catalog.ContractChange{Contract: id})
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 1)))
	w.ok("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: id})
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 2)), catalog.RefusedPolicy, "contract_revoked")
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 0)), catalog.RefusedPolicy, "contract_revoked") // a repeat, too
	w.no("bureau", catalog.KindContractResume, catalog.ContractChange{Contract: id}, catalog.RefusedConflict, "contract_state")
	w.ok("bureau", catalog.KindQuerySubmit, submit("", query("emissions", 0)))
	w.no("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: catalog.OwnContractID("emissions")}, catalog.RefusedConflict, "own_contract")
	sameElsewhere(t, w)
}

// A repeat is never counted; within a day of the answer it costs nothing, and the price
// after that.
func TestRepeatOfAReleasedQueryCostsNothingForADayAndThePriceAloneAfterThat(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 1, Budget: "0.20"})
	first := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)), catalog.RefusedPolicy, "contract_exhausted") // not released yet
	w.finish(first, true)
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("priced", 1)), catalog.RefusedPolicy, "contract_exhausted")
	same := query("priced", 0)
	same.SQL = "SELECT something"
	second := w.ok("bank", catalog.KindQuerySubmit, submit(id, same)).ID
	q, k := must[catalog.Query](t)(w.view().Query(second)), must[catalog.Contract](t)(w.view().Contract(id))
	if q.Repeats != first || k.Used != 1 || k.Spent != "0.10" || q.Price != "" {
		t.Fatalf("query %s repeats %q for %q, of %+v", q.ID, q.Repeats, q.Price, k)
	}
	a, b := must[catalog.Verdict](t)(w.view().Verdict(first)), must[catalog.Verdict](t)(w.view().Verdict(second))
	if !slices.Equal(catalog.Encode(a), catalog.Encode(b)) {
		t.Fatal("the repeat has another verdict")
	}
	w.finish(second, true)
	w.now = must[catalog.Query](t)(w.view().Query(first)).Done + judge.FreeRepeat - 20
	preview, _, err := w.view().Preview(testID("bank"), submit(id, same))
	if err != nil || preview.Price != "" || preview.Repeats != first {
		t.Fatalf("at the end of the day: %+v, %v", preview, err)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(id, same))
	w.now += 20
	third := w.ok("bank", catalog.KindQuerySubmit, submit(id, same)).ID
	q, k = must[catalog.Query](t)(w.view().Query(third)), must[catalog.Contract](t)(w.view().Contract(id))
	if q.Repeats != first || k.Used != 1 || k.Spent != "0.20" || q.Price != "0.10" {
		t.Fatalf("after a day query %s repeats %q for %q, of %+v", q.ID, q.Repeats, q.Price, k)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(id, same), catalog.RefusedPolicy, "contract_budget")
	other := w.contract("insurer", catalog.OrderCreate{Dataset: "priced"})
	others := w.ok("insurer", catalog.KindQuerySubmit, submit(other, query("priced", 0))).ID
	if q := must[catalog.Query](t)(w.view().Query(others)); q.Repeats != "" {
		t.Fatal("another buyer's query was taken for a repeat")
	}
}

func TestScopeBoundsColumnsAndPeriods(t *testing.T) {
	w := ready(t)
	d := statetest.Descriptor("emissions")
	wanted := statetest.SumBy(statetest.Attribute("county"), catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Quarter})
	wanted.Where = &catalog.Predicate{Op: "not", Args: []catalog.Predicate{{Op: "in", Column: "industry", Values: []string{"industry9"}}}}
	s := catalog.ScopeOf(d, wanted)
	if !slices.Equal(s.Columns, []string{"county", "industry"}) || s.Grain != calendar.Quarter {
		t.Fatalf("scope %+v", s)
	}
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Scope: &s}).ID
	for _, wide := range []catalog.Scope{{Columns: []string{"enterprise"}}, {Columns: []string{"county"}, Grain: calendar.Month}} {
		w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Scope: &wide}, catalog.RefusedInvalid, "narrow")
	}
	for _, bad := range []catalog.Scope{{Columns: []string{"none"}}, {Columns: []string{"county", "county"}}} {
		w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Scope: &bad}, catalog.RefusedInvalid, "invalid")
		w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Scope: &bad}, catalog.RefusedInvalid, "invalid")
	}
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Scope: &catalog.Scope{Grain: "decade"}}, catalog.RefusedInvalid, "body")
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}).ID
	w.ok("bank", catalog.KindQuerySubmit, submit(id, wanted))

	finer := wanted
	finer.By = []catalog.Dimension{statetest.Attribute("county"), {Kind: catalog.DimPeriod, Grain: calendar.Month}}
	part := wanted
	part.By, part.Periods = nil, []calendar.Interval{{From: statetest.Period("2024-01"), To: statetest.Period("2024-03")}}
	entity := wanted
	entity.By = []catalog.Dimension{{Kind: catalog.DimEntity}}
	one := wanted
	one.Where = &catalog.Predicate{Op: "in", Values: []string{"e00001"}}
	for field, q := range map[string]catalog.Request{"by[1]": finer, "periods[0]": part, "by[0]": entity, "where": one} {
		if r := w.no("bank", catalog.KindQuerySubmit, submit(id, q), catalog.RefusedPolicy, "contract_scope"); r.Field != field || explain.Fix(r) == "" {
			t.Fatalf("refusal %+v, want field %s", r, field)
		}
	}
	narrowed := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x"}).ID
	none := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: narrowed, Scope: &catalog.Scope{Columns: []string{}}}).ID
	w.no("bank", catalog.KindQuerySubmit, submit(none, statetest.SumBy(statetest.Attribute("county"))), catalog.RefusedPolicy, "contract_scope")
	w.ok("bank", catalog.KindQuerySubmit, submit(none, statetest.SumBy()))
}

func TestNewVersionsAndPeriodsLeaveContractsRunning(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced"})
	d := must[catalog.Dataset](t)(w.view().Dataset("priced")).Descriptor
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)))
	if n := w.release(d, 14); n != 2 {
		t.Fatalf("version %d", n)
	}
	more := query("priced", 0)
	more.Periods = []calendar.Interval{{From: statetest.Period("2025-01"), To: statetest.Period("2025-03")}}
	q := must[catalog.Query](t)(w.view().Query(w.ok("bank", catalog.KindQuerySubmit, submit(id, more)).ID))
	if q.Version != 2 || q.Groups != 3 {
		t.Fatalf("query %+v", q)
	}
}

func TestStolenEnvelopesAreWorthNothing(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 1})
	e := w.sign("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)))
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
	stolen := w.sign("bank", catalog.KindQuerySubmit, submit(id, query("priced", 1)))
	stolen.Signer = testID("insurer")
	statetest.WantRefusal(t, w.apply(stolen).Refusal, catalog.RefusedSignature, "signature")
	forged, err := catalog.Sign(testKey("insurer"), testID("bank"), w.payload(catalog.KindQuerySubmit, submit(id, query("priced", 1))))
	if err != nil {
		t.Fatal(err)
	}
	statetest.WantRefusal(t, w.apply(forged).Refusal, catalog.RefusedSignature, "signature")
	w.no("insurer", catalog.KindQuerySubmit, submit(id, query("priced", 1)), catalog.RefusedForbidden, "owner")
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("emissions", 1)), catalog.RefusedPolicy, "contract_dataset")
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Used != 1 || k.Spent != "0.10" {
		t.Fatalf("contract %+v", k)
	}
}

func TestStatementsAreOfAMonthInTheDatasetsTime(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced"})
	w.now = 1_701_359_999_000 // 2023-11-30T23:59:59+08:00
	w.now -= 10
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)))
	w.now += 1000
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 1)))
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 2)))
	for m, n := range map[string]int{"2023-11": 1, "2023-12": 2, "2024-01": 0, "": 3} {
		s := must[catalog.Statement](t)(w.view().Statement(id, m, records.Page{}))
		if s.Queries != n || len(s.Lines) != n || s.Currency != "CNY" || s.Price != decimal.AddAmounts([]string{"0.10", "0.10", "0.10"}[:n]...) {
			t.Fatalf("%s: %+v", m, s)
		}
	}
	if _, err := w.view().Statement(id, "2023", records.Page{}); err == nil {
		t.Fatal("a year was taken for a month")
	}
}

func TestPreviewSaysWhatApplyingWouldCharge(t *testing.T) {
	w := priced(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 2, Budget: "0.15"})
	p, refusal, err := w.view().Preview(testID("bank"), submit(id, query("priced", 0)))
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Used != 0 || k.Spent != "" {
		t.Fatalf("previewing charged %+v", k)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)))
	k := must[catalog.Contract](t)(w.view().Contract(id))
	if p.Price != "0.10" || p.Repeats != "" || k.Spent != p.Contract.Spent || k.Used != p.Contract.Used {
		t.Fatalf("preview %+v, then %+v", p, k)
	}
	if _, refusal, err = w.view().Preview(testID("bank"), submit(id, query("priced", 1))); err != nil {
		t.Fatal(err)
	}
	statetest.WantRefusal(t, refusal, catalog.RefusedPolicy, "contract_budget")
}
