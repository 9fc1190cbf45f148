package state

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// asked is a world with an accepted query for sums by county.
func asked(t statetest.T) (w *world, contract, query string) {
	w = ready(t)
	contract = w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 2})
	query = w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID
	return w, contract, query
}

func (w *world) attempt(query string, n int) catalog.QueryAttempt {
	return catalog.QueryAttempt{Query: query, Attempt: n, Active: []string{"node1", "node2"}, Root: "node1", Tiles: 12}
}

func TestContractBoundsWhatIsAsked(t *testing.T) {
	w := ready(t)
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk", Until: w.now + 1000_000}).ID
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Measures: []string{"nox"}, Aggregates: []string{"count", "sum"}, Queries: 2}).ID
	good := statetest.SumBy(statetest.Attribute("county"))

	other := good
	other.Select = []catalog.Aggregate{{Func: "sum", Measure: "so2"}}
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, other), catalog.RefusedPolicy, "measure")
	if r.Field != "select[0]" || explain.Fix(r) == "" {
		t.Fatalf("refusal %+v", r)
	}
	other.Select = []catalog.Aggregate{{Func: "count", Measure: "so2"}}
	w.no("bank", catalog.KindQuerySubmit, submit(id, other), catalog.RefusedPolicy, "measure")
	other.Select = []catalog.Aggregate{{Func: "avg", Measure: "nox"}}
	w.no("bank", catalog.KindQuerySubmit, submit(id, other), catalog.RefusedPolicy, "aggregate")
	w.no("insurer", catalog.KindQuerySubmit, submit(id, good), catalog.RefusedForbidden, "owner")
	w.no("bank", catalog.KindQuerySubmit, submit("", good), catalog.RefusedPolicy, "contract")
	w.no("bank", catalog.KindQuerySubmit, submit("c-none", good), catalog.RefusedUnknown, "unknown")
	w.no("bank", catalog.KindQuerySubmit, submit(catalog.OwnContractID("emissions"), good), catalog.RefusedUnknown, "unknown")

	d := statetest.Descriptor("other")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	elsewhere := good
	elsewhere.Dataset = "other"
	w.no("bank", catalog.KindQuerySubmit, submit(id, elsewhere), catalog.RefusedPolicy, "contract_dataset")
	elsewhere.Dataset = "none"
	w.no("bank", catalog.KindQuerySubmit, submit(id, elsewhere), catalog.RefusedUnknown, "unknown")

	w.ok("bank", catalog.KindQuerySubmit, submit(id, good))
	w.ok("bank", catalog.KindQuerySubmit, submit(id, good))
	r = w.no("bank", catalog.KindQuerySubmit, submit(id, good), catalog.RefusedPolicy, "contract_exhausted")
	if !slices.Equal(r.Numbers, []catalog.Number{{Name: "queries", Value: "2"}, {Name: "used", Value: "2"}, {Name: "left", Value: "0"}}) || explain.Fix(r) == "" {
		t.Fatalf("refusal %+v", r)
	}
	w.now += 2000_000
	w.no("bank", catalog.KindQuerySubmit, submit(id, good), catalog.RefusedPolicy, "contract_expired")
}

func TestQueryIsChargedOnceHoweverOftenItIsSent(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 1})
	e := w.sign("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy()))
	first := w.apply(e)
	if first.Refusal != nil {
		t.Fatal(first.Refusal)
	}
	if again := w.apply(e); again.Refusal != nil || again.ID != first.ID || !again.Repeat {
		t.Fatalf("outcome %+v", again)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(contract)); k.Used != 1 {
		t.Fatalf("charged %d times", k.Used)
	}
}

func TestPublisherQueriesItsOwnDataUnderALoggedContract(t *testing.T) {
	w := ready(t)
	if _, err := w.view().Contract(catalog.OwnContractID("emissions")); !errors.Is(err, records.ErrNotFound) {
		t.Fatal("the contract exists before its first use")
	}
	id := w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy(statetest.Attribute("county")))).ID
	w.ok("bureau", catalog.KindQuerySubmit, submit(catalog.OwnContractID("emissions"), statetest.SumBy(statetest.Attribute("county"))))
	k := must[catalog.Contract](t)(w.view().Contract(catalog.OwnContractID("emissions")))
	if k.Used != 2 || k.Buyer != testID("bureau") || k.Publisher != testID("bureau") {
		t.Fatalf("contract %+v", k)
	}
	if q := must[catalog.Query](t)(w.view().Query(id)); q.Submit.Contract != k.ID {
		t.Fatalf("query %+v", q)
	}
	w.no("rival", catalog.KindQuerySubmit, submit("", statetest.SumBy()), catalog.RefusedPolicy, "contract")
	if all := must[[]catalog.Query](t)(w.view().Queries(testID("bureau"))); len(all) != 2 || all[0].ID != id {
		t.Fatalf("queries %+v", all)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(w.contract("bank", catalog.OrderCreate{Dataset: "emissions"}), statetest.SumBy()))
	if all := must[[]catalog.Query](t)(w.view().Queries("")); len(all) != 3 || all[0].ID != id || all[2].Principal != testID("bank") {
		t.Fatalf("queries %+v", all)
	}
}

func TestCountsNeedNoOpening(t *testing.T) {
	w, contract, _ := asked(t)
	q := statetest.SumBy(catalog.Dimension{Kind: catalog.DimEntity})
	q.Select = []catalog.Aggregate{{Func: "count"}, {Func: "count", Measure: "so2"}}
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID
	got := must[catalog.Query](t)(w.view().Query(id))
	if got.State != catalog.QueryDone || got.Done != w.now || got.Groups != 40 || got.Withheld != 0 {
		t.Fatalf("query %+v", got)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(contract)); k.Used != 2 {
		t.Fatalf("contract %+v", k)
	}
	if todo := must[[]catalog.Query](t)(w.view().PendingQueries()); len(todo) != 1 {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", catalog.KindQueryAttempt, w.attempt(id, 1), catalog.RefusedConflict, "query_state")
}

func TestAtMostOneAttemptOfAQueryCompletes(t *testing.T) {
	w, _, id := asked(t)
	w.no("node3", catalog.KindQueryShare, w.share(id, 1, 1), catalog.RefusedConflict, "attempt")
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(id, 1))
	w.no("node3", catalog.KindQueryAttempt, w.attempt(id, 2), catalog.RefusedConflict, "attempt")
	w.ok("node1", catalog.KindQueryShare, w.share(id, 1, 1))
	w.ok("node3", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 1, Reason: told("node2 does not answer")})
	q := must[catalog.Query](t)(w.view().Query(id))
	if q.State != catalog.QueryAccepted || q.Shares != nil || !q.Plan.IsZero() || q.Attempts[0].Failed.String() != "test.reason(node2 does not answer)" {
		t.Fatalf("query %+v", q)
	}
	w.no("node2", catalog.KindQueryShare, w.share(id, 1, 2), catalog.RefusedConflict, "attempt")
	w.no("node2", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 1}, catalog.RefusedConflict, "attempt")
	w.no("node1", catalog.KindQueryAttempt, w.attempt(id, 1), catalog.RefusedConflict, "attempt")
	second := w.attempt(id, 2)
	second.Active, second.Root = []string{"node1", "node3"}, "node3"
	w.ok("node1", catalog.KindQueryAttempt, second)
	w.no("node2", catalog.KindQueryShare, w.share(id, 1, 2), catalog.RefusedConflict, "attempt")
	w.no("node2", catalog.KindQueryShare, w.share(id, 2, 2), catalog.RefusedForbidden, "member")
	w.ok("node3", catalog.KindQueryShare, w.share(id, 2, 3))
	w.ok("node1", catalog.KindQueryShare, w.share(id, 2, 1))
	shares := must[[]catalog.QueryShare](t)(w.view().Shares(id))
	if len(shares) != 2 || shares[0].Attempt != 2 || shares[1].Sealed[0] != 3 {
		t.Fatalf("shares %+v", shares)
	}
	w.no("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 2}, catalog.RefusedConflict, "query_state")
	w.no("node1", catalog.KindQueryShare, w.share(id, 2, 1), catalog.RefusedConflict, "query_state")
	w.no("node1", catalog.KindQueryShare, w.share("q-none", 2, 1), catalog.RefusedUnknown, "unknown")
	sameElsewhere(t, w)
}

func TestQueryFailsAfterItsLastAttemptAndStaysCounted(t *testing.T) {
	w, contract, id := asked(t)
	for n := 1; n <= catalog.MaxAttempts; n++ {
		w.ok("node3", catalog.KindQueryAttempt, w.attempt(id, n))
		w.ok("node2", catalog.KindQueryShare, w.share(id, n, 1))
		w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: n, Reason: told("digests differ")})
	}
	q := must[catalog.Query](t)(w.view().Query(id))
	if q.State != catalog.QueryFailed || q.Reason.IsZero() || len(q.Attempts) != catalog.MaxAttempts {
		t.Fatalf("query %+v", q)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(contract)); k.Used != 1 {
		t.Fatalf("contract %+v", k)
	}
	if s := must[[]catalog.QueryShare](t)(records.List[catalog.QueryShare](w.store, records.PrefixShare)); len(s) != 0 {
		t.Fatal("shares of failed attempts are kept")
	}
	w.no("node3", catalog.KindQueryAttempt, w.attempt(id, catalog.MaxAttempts+1), catalog.RefusedConflict, "query_state")
	if k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))); k.Opened != 24+12*catalog.MaxAttempts {
		t.Fatalf("%d tiles counted", k.Opened)
	}
}

func TestAttemptsAreCountedAgainstTheKey(t *testing.T) {
	w, _, id := asked(t)
	for _, tiles := range []int64{0, -1, 25, 1 << 62} {
		b := w.attempt(id, 1)
		b.Tiles = tiles
		w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedInvalid, "invalid")
	}
	k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau")))
	k.Opened = catalog.MaxOpened - 11
	if err := records.Put(w.store, records.PrefixKey+k.ID, k); err != nil {
		t.Fatal(err)
	}
	bad := w.attempt(id, 1)
	bad.Active = []string{"node2", "node1"}
	w.no("node1", catalog.KindQueryAttempt, bad, catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy()), catalog.RefusedConflict, "key_worn")
	counts := statetest.SumBy()
	counts.Select = counts.Select[1:]
	w.ok("bureau", catalog.KindQuerySubmit, submit("", counts))
	// The query was accepted before the key was worn. It must not stay for ever.
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(id, 1))
	q := must[catalog.Query](t)(w.view().Query(id))
	if q.State != catalog.QueryFailed || len(q.Attempts) != 0 || !strings.Contains(explain.Reason(q.Reason), "has opened") || !strings.Contains(explain.Reason(q.Reason), "needs a new key") {
		t.Errorf("the query is %s after %d attempts: %s", q.State, len(q.Attempts), q.Reason)
	}
	if spent := must[catalog.Contract](t)(w.view().Contract(q.Submit.Contract)).Spent; spent != "0" && spent != "" && spent != "0.00" {
		t.Errorf("the contract has spent %s", spent)
	}
	w.no("node1", catalog.KindQueryAttempt, w.attempt(id, 1), catalog.RefusedConflict, "query_state")
	if k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))); k.Opened != catalog.MaxOpened-11 {
		t.Errorf("%d tiles counted", k.Opened)
	}
}

// A query for which there are never enough nodes is over when a node says so.
func TestQueryThatNoAttemptIsNamedForIsOver(t *testing.T) {
	w, _, id := asked(t)
	w.no("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 2, Reason: told("n1 and n2 do not answer")}, catalog.RefusedConflict, "attempt")
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(id, 1))
	w.no("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 2, Reason: told("n1 and n2 do not answer")}, catalog.RefusedConflict, "attempt")
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 1, Reason: told("n2 does not answer")})
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: 2, Reason: told("n1 and n2 do not answer")})
	q := must[catalog.Query](t)(w.view().Query(id))
	if q.State != catalog.QueryFailed || explain.Reason(q.Reason) != "attempt 2 was not named: test.reason(n1 and n2 do not answer)" || len(must[[]catalog.Query](t)(w.view().PendingQueries())) != 0 {
		t.Errorf("the query is %s: %s", q.State, q.Reason)
	}
}

func TestSharesMustAgree(t *testing.T) {
	w, _, id := asked(t)
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(id, 1))
	for field, change := range map[string]func(*catalog.QueryShare){
		"sealed": func(b *catalog.QueryShare) { b.Sealed = nil },
		"plan":   func(b *catalog.QueryShare) { b.Plan = catalog.Digest{} },
	} {
		b := w.share(id, 1, 1)
		change(&b)
		if r := w.no("node1", catalog.KindQueryShare, b, catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := w.share(id, 1, 1)
	long.Sealed = make([]byte, catalog.MaxSealed(3, 1)+1)
	w.no("node1", catalog.KindQueryShare, long, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindQueryShare, w.share(id, 1, 1))
	w.no("node1", catalog.KindQueryShare, w.share(id, 1, 1), catalog.RefusedConflict, "twice")
	plan, context := w.share(id, 1, 2), w.share(id, 1, 2)
	plan.Plan[0] ^= 1
	context.Context[0] ^= 1
	if r := w.no("node2", catalog.KindQueryShare, plan, catalog.RefusedInvalid, "invalid"); r.Field != "plan" {
		t.Fatalf("refusal %+v", r)
	}
	if r := w.no("node2", catalog.KindQueryShare, context, catalog.RefusedInvalid, "invalid"); r.Field != "context" {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("node2", catalog.KindQueryShare, w.share(id, 1, 2))
}

func TestJudgeDecidesAsApplyDoesWithoutCharging(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 2})
	before := w.store.Digest()
	ask := submit(contract, statetest.SumBy(statetest.Attribute("county")))
	verdict, refusal, err := w.view().Judge(testID("bank"), ask)
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	if _, refusal, err := w.view().Judge(testID("bank"), submit("", statetest.SumBy())); err != nil || refusal == nil || refusal.Rule != "contract" {
		t.Fatal(err, refusal)
	}
	if _, refusal, err := w.view().Judge(testID("operator"), ask); err != nil || refusal == nil || refusal.Rule != "role" {
		t.Fatal(err, refusal)
	}
	if _, _, err := w.view().Judge("p-none", ask); !errors.Is(err, records.ErrNotFound) {
		t.Fatal(err)
	}
	if w.store.Digest() != before {
		t.Fatal("judging changed the state")
	}
	id := w.ok("bank", catalog.KindQuerySubmit, ask).ID
	if got := must[catalog.Verdict](t)(w.view().Verdict(id)); !bytes.Equal(catalog.Encode(got), catalog.Encode(verdict)) {
		t.Fatalf("Judge: %+v, Apply: %+v", verdict, got)
	}
}

func TestReleases(t *testing.T) {
	w := ready(t)
	bad := submit("", statetest.SumBy())
	bad.Receiving = bad.Receiving[1:]
	if r := w.no("bureau", catalog.KindQuerySubmit, bad, catalog.RefusedInvalid, "invalid"); r.Field != "receiving" {
		t.Fatalf("refusal %+v", r)
	}
	q := statetest.SumBy()
	q.AsOf = 2
	w.no("bureau", catalog.KindQuerySubmit, submit("", q), catalog.RefusedUnknown, "unknown")
	d := statetest.Descriptor("emissions")
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	v := w.proposal(d, 40, 12, counts)
	w.publishAs("bureau", d, v, counts, w.sameAs("bureau", d, v, 1))
	w.no("bureau", catalog.KindQuerySubmit, submit("", q), catalog.RefusedConflict, "no_release")
	newest := w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy())).ID
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	if got := must[catalog.Query](t)(w.view().Query(newest)); got.Version != 1 {
		t.Fatalf("version %d", got.Version)
	}
	newest = w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy())).ID
	if got := must[catalog.Query](t)(w.view().Query(newest)); got.Version != 2 {
		t.Fatalf("version %d", got.Version)
	}
	q.AsOf = 1
	older := w.ok("bureau", catalog.KindQuerySubmit, submit("", q)).ID
	if v := must[catalog.Verdict](t)(w.view().Verdict(older)); v.Version != 1 || len(v.Layers) != 1 || v.Layers[0].Version != 1 {
		t.Fatalf("as of version 1: %+v", v)
	}
	q.Select = q.Select[1:] // counts are public
	old := w.ok("bureau", catalog.KindQuerySubmit, submit("", q)).ID
	if got := must[catalog.Query](t)(w.view().Query(old)); got.Version != 1 {
		t.Fatalf("version %d", got.Version)
	}
	d = statetest.Descriptor("fresh")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	q = statetest.SumBy()
	q.Dataset = "fresh"
	w.no("bureau", catalog.KindQuerySubmit, submit("", q), catalog.RefusedConflict, "no_release")
}
