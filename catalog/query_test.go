package catalog

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"strings"
	"testing"
)

// asked is a world with an accepted query for sums by county.
func asked(t tester) (w *world, contract, query string) {
	w = ready(t)
	contract = w.contract("bank", OrderCreate{Dataset: "emissions", Queries: 2})
	query = w.ok("bank", KindQuerySubmit, submit(contract, sumBy(attr("county")))).ID
	return w, contract, query
}

func (w *world) attempt(query string, n int) QueryAttempt {
	return QueryAttempt{Query: query, Attempt: n, Active: []string{"node1", "node2"}, Root: "node1", Tiles: 12}
}

func TestContractBoundsWhatIsAsked(t *testing.T) {
	w := ready(t)
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "risk", Until: w.now + 1000_000}).ID
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: order, Measures: []string{"nox"}, Aggregates: []string{"count", "sum"}, Queries: 2}).ID
	good := sumBy(attr("county"))

	other := good
	other.Select = []Aggregate{{Func: "sum", Measure: "so2"}}
	r := w.no("bank", KindQuerySubmit, submit(id, other), RefusedPolicy, "measure")
	if r.Field != "select[0]" || r.Fix == "" {
		t.Fatalf("refusal %+v", r)
	}
	other.Select = []Aggregate{{Func: "count", Measure: "so2"}}
	w.no("bank", KindQuerySubmit, submit(id, other), RefusedPolicy, "measure")
	other.Select = []Aggregate{{Func: "avg", Measure: "nox"}}
	w.no("bank", KindQuerySubmit, submit(id, other), RefusedPolicy, "aggregate")
	w.no("insurer", KindQuerySubmit, submit(id, good), RefusedForbidden, "owner")
	w.no("bank", KindQuerySubmit, submit("", good), RefusedPolicy, "contract")
	w.no("bank", KindQuerySubmit, submit("c-none", good), RefusedUnknown, "unknown")
	w.no("bank", KindQuerySubmit, submit(OwnContractID("emissions"), good), RefusedUnknown, "unknown")

	d := testDescriptor("other")
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	elsewhere := good
	elsewhere.Dataset = "other"
	w.no("bank", KindQuerySubmit, submit(id, elsewhere), RefusedPolicy, "contract_dataset")
	elsewhere.Dataset = "none"
	w.no("bank", KindQuerySubmit, submit(id, elsewhere), RefusedUnknown, "unknown")

	w.ok("bank", KindQuerySubmit, submit(id, good))
	w.ok("bank", KindQuerySubmit, submit(id, good))
	r = w.no("bank", KindQuerySubmit, submit(id, good), RefusedPolicy, "contract_exhausted")
	if !slices.Equal(r.Numbers, []Number{{"queries", "2"}, {"used", "2"}, {"left", "0"}}) || r.Fix == "" {
		t.Fatalf("refusal %+v", r)
	}
	w.now += 2000_000
	w.no("bank", KindQuerySubmit, submit(id, good), RefusedPolicy, "contract_expired")
}

func TestQueryIsChargedOnceHoweverOftenItIsSent(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", OrderCreate{Dataset: "emissions", Queries: 1})
	e := w.sign("bank", KindQuerySubmit, submit(contract, sumBy()))
	first := w.apply(e)
	if first.Refusal != nil {
		t.Fatal(first.Refusal)
	}
	if again := w.apply(e); again.Refusal != nil || again.ID != first.ID || !again.Repeat {
		t.Fatalf("outcome %+v", again)
	}
	if k := must[Contract](t)(w.view().Contract(contract)); k.Used != 1 {
		t.Fatalf("charged %d times", k.Used)
	}
}

func TestPublisherQueriesItsOwnDataUnderALoggedContract(t *testing.T) {
	w := ready(t)
	if _, err := w.view().Contract(OwnContractID("emissions")); !errors.Is(err, ErrNotFound) {
		t.Fatal("the contract exists before its first use")
	}
	id := w.ok("bureau", KindQuerySubmit, submit("", sumBy(attr("county")))).ID
	w.ok("bureau", KindQuerySubmit, submit(OwnContractID("emissions"), sumBy(attr("county"))))
	k := must[Contract](t)(w.view().Contract(OwnContractID("emissions")))
	if k.Used != 2 || k.Buyer != testID("bureau") || k.Publisher != testID("bureau") {
		t.Fatalf("contract %+v", k)
	}
	if q := must[Query](t)(w.view().Query(id)); q.Submit.Contract != k.ID {
		t.Fatalf("query %+v", q)
	}
	w.no("rival", KindQuerySubmit, submit("", sumBy()), RefusedPolicy, "contract")
	if all := must[[]Query](t)(w.view().Queries(testID("bureau"))); len(all) != 2 || all[0].ID != id {
		t.Fatalf("queries %+v", all)
	}
	w.ok("bank", KindQuerySubmit, submit(w.contract("bank", OrderCreate{Dataset: "emissions"}), sumBy()))
	if all := must[[]Query](t)(w.view().Queries("")); len(all) != 3 || all[0].ID != id || all[2].Principal != testID("bank") {
		t.Fatalf("queries %+v", all)
	}
}

func TestCountsNeedNoOpening(t *testing.T) {
	w, contract, _ := asked(t)
	q := sumBy(Dimension{Kind: DimEntity})
	q.Select = []Aggregate{{Func: "count"}, {Func: "count", Measure: "so2"}}
	id := w.ok("bank", KindQuerySubmit, submit(contract, q)).ID
	got := must[Query](t)(w.view().Query(id))
	if got.State != QueryDone || got.Done != w.now || got.Groups != 40 || got.Withheld != 0 {
		t.Fatalf("query %+v", got)
	}
	if k := must[Contract](t)(w.view().Contract(contract)); k.Used != 2 {
		t.Fatalf("contract %+v", k)
	}
	if todo := must[[]Query](t)(w.view().PendingQueries()); len(todo) != 1 {
		t.Fatalf("pending %+v", todo)
	}
	w.no("node1", KindQueryAttempt, w.attempt(id, 1), RefusedConflict, "query_state")
}

func TestAtMostOneAttemptOfAQueryCompletes(t *testing.T) {
	w, _, id := asked(t)
	w.no("node3", KindQueryShare, w.share(id, 1, 1), RefusedConflict, "attempt")
	w.ok("node3", KindQueryAttempt, w.attempt(id, 1))
	w.no("node3", KindQueryAttempt, w.attempt(id, 2), RefusedConflict, "attempt")
	w.ok("node1", KindQueryShare, w.share(id, 1, 1))
	w.ok("node3", KindQueryFail, QueryFail{Query: id, Attempt: 1, Reason: "node2 does not answer"})
	q := must[Query](t)(w.view().Query(id))
	if q.State != QueryAccepted || q.Shares != nil || !q.Plan.IsZero() || q.Attempts[0].Failed != "node2 does not answer" {
		t.Fatalf("query %+v", q)
	}
	w.no("node2", KindQueryShare, w.share(id, 1, 2), RefusedConflict, "attempt")
	w.no("node2", KindQueryFail, QueryFail{Query: id, Attempt: 1}, RefusedConflict, "attempt")
	w.no("node1", KindQueryAttempt, w.attempt(id, 1), RefusedConflict, "attempt")
	second := w.attempt(id, 2)
	second.Active, second.Root = []string{"node1", "node3"}, "node3"
	w.ok("node1", KindQueryAttempt, second)
	w.no("node2", KindQueryShare, w.share(id, 1, 2), RefusedConflict, "attempt")
	w.no("node2", KindQueryShare, w.share(id, 2, 2), RefusedForbidden, "member")
	w.ok("node3", KindQueryShare, w.share(id, 2, 3))
	w.ok("node1", KindQueryShare, w.share(id, 2, 1))
	shares := must[[]QueryShare](t)(w.view().Shares(id))
	if len(shares) != 2 || shares[0].Attempt != 2 || shares[1].Sealed[0] != 3 {
		t.Fatalf("shares %+v", shares)
	}
	w.no("node1", KindQueryFail, QueryFail{Query: id, Attempt: 2}, RefusedConflict, "query_state")
	w.no("node1", KindQueryShare, w.share(id, 2, 1), RefusedConflict, "query_state")
	w.no("node1", KindQueryShare, w.share("q-none", 2, 1), RefusedUnknown, "unknown")
	sameElsewhere(t, w)
}

func TestQueryFailsAfterItsLastAttemptAndStaysCounted(t *testing.T) {
	w, contract, id := asked(t)
	for n := 1; n <= MaxAttempts; n++ {
		w.ok("node3", KindQueryAttempt, w.attempt(id, n))
		w.ok("node2", KindQueryShare, w.share(id, n, 1))
		w.ok("node1", KindQueryFail, QueryFail{Query: id, Attempt: n, Reason: "digests differ"})
	}
	q := must[Query](t)(w.view().Query(id))
	if q.State != QueryFailed || q.Reason == "" || len(q.Attempts) != MaxAttempts {
		t.Fatalf("query %+v", q)
	}
	if k := must[Contract](t)(w.view().Contract(contract)); k.Used != 1 {
		t.Fatalf("contract %+v", k)
	}
	if s := must[[]QueryShare](t)(list[QueryShare](w.store, prefixShare)); len(s) != 0 {
		t.Fatal("shares of failed attempts are kept")
	}
	w.no("node3", KindQueryAttempt, w.attempt(id, MaxAttempts+1), RefusedConflict, "query_state")
	if k := must[Key](t)(w.view().KeyOf(testID("bureau"))); k.Opened != 24+12*MaxAttempts {
		t.Fatalf("%d tiles counted", k.Opened)
	}
}

func TestAttemptsAreCountedAgainstTheKey(t *testing.T) {
	w, _, id := asked(t)
	for _, tiles := range []int64{0, -1, 25, 1 << 62} {
		b := w.attempt(id, 1)
		b.Tiles = tiles
		w.no("node1", KindQueryAttempt, b, RefusedInvalid, "invalid")
	}
	k := must[Key](t)(w.view().KeyOf(testID("bureau")))
	k.Opened = MaxOpened - 11
	if err := put(w.store, prefixKey+k.ID, k); err != nil {
		t.Fatal(err)
	}
	bad := w.attempt(id, 1)
	bad.Active = []string{"node2", "node1"}
	w.no("node1", KindQueryAttempt, bad, RefusedInvalid, "invalid")
	w.no("bureau", KindQuerySubmit, submit("", sumBy()), RefusedConflict, "key_worn")
	counts := sumBy()
	counts.Select = counts.Select[1:]
	w.ok("bureau", KindQuerySubmit, submit("", counts))
	// The query was accepted before the key was worn. It must not stay for ever.
	w.ok("node1", KindQueryAttempt, w.attempt(id, 1))
	q := must[Query](t)(w.view().Query(id))
	if q.State != QueryFailed || len(q.Attempts) != 0 || !strings.Contains(q.Reason, "has opened") || !strings.Contains(q.Reason, "needs a new key") {
		t.Errorf("the query is %s after %d attempts: %s", q.State, len(q.Attempts), q.Reason)
	}
	if spent := must[Contract](t)(w.view().Contract(q.Submit.Contract)).Spent; spent != "0" && spent != "" && spent != "0.00" {
		t.Errorf("the contract has spent %s", spent)
	}
	w.no("node1", KindQueryAttempt, w.attempt(id, 1), RefusedConflict, "query_state")
	if k := must[Key](t)(w.view().KeyOf(testID("bureau"))); k.Opened != MaxOpened-11 {
		t.Errorf("%d tiles counted", k.Opened)
	}
}

// A query for which there are never enough nodes is over when a node says so.
func TestQueryThatNoAttemptIsNamedForIsOver(t *testing.T) {
	w, _, id := asked(t)
	w.no("node1", KindQueryFail, QueryFail{Query: id, Attempt: 2, Reason: "n1 and n2 do not answer"}, RefusedConflict, "attempt")
	w.ok("node1", KindQueryAttempt, w.attempt(id, 1))
	w.no("node1", KindQueryFail, QueryFail{Query: id, Attempt: 2, Reason: "n1 and n2 do not answer"}, RefusedConflict, "attempt")
	w.ok("node1", KindQueryFail, QueryFail{Query: id, Attempt: 1, Reason: "n2 does not answer"})
	w.ok("node1", KindQueryFail, QueryFail{Query: id, Attempt: 2, Reason: "n1 and n2 do not answer"})
	q := must[Query](t)(w.view().Query(id))
	if q.State != QueryFailed || q.Reason != "attempt 2 was not named: n1 and n2 do not answer" || len(must[[]Query](t)(w.view().PendingQueries())) != 0 {
		t.Errorf("the query is %s: %s", q.State, q.Reason)
	}
}

func TestSharesMustAgree(t *testing.T) {
	w, _, id := asked(t)
	w.ok("node1", KindQueryAttempt, w.attempt(id, 1))
	for field, change := range map[string]func(*QueryShare){
		"sealed": func(b *QueryShare) { b.Sealed = nil },
		"plan":   func(b *QueryShare) { b.Plan = Digest{} },
	} {
		b := w.share(id, 1, 1)
		change(&b)
		if r := w.no("node1", KindQueryShare, b, RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := w.share(id, 1, 1)
	long.Sealed = make([]byte, MaxSealed(3, 1)+1)
	w.no("node1", KindQueryShare, long, RefusedInvalid, "invalid")
	w.ok("node1", KindQueryShare, w.share(id, 1, 1))
	w.no("node1", KindQueryShare, w.share(id, 1, 1), RefusedConflict, "twice")
	plan, context := w.share(id, 1, 2), w.share(id, 1, 2)
	plan.Plan[0] ^= 1
	context.Context[0] ^= 1
	if r := w.no("node2", KindQueryShare, plan, RefusedInvalid, "invalid"); r.Field != "plan" {
		t.Fatalf("refusal %+v", r)
	}
	if r := w.no("node2", KindQueryShare, context, RefusedInvalid, "invalid"); r.Field != "context" {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("node2", KindQueryShare, w.share(id, 1, 2))
}

// TestLargestShareFitsIntoAnEnvelope signs a share as large as a verdict allows.
func TestLargestShareFitsIntoAnEnvelope(t *testing.T) {
	w := newWorld(t, 3, 2)
	v := evaluation{verdict: Verdict{
		EntityGroups: make([]EntityGroup, MaxGroups), PeriodGroups: []PeriodGroup{{}}, Columns: []Column{{Measure: "nox"}},
	}}
	if r := v.checkSize(); r != nil {
		t.Fatal(r)
	}
	b := QueryShare{Query: QueryID(Digest{}), Attempt: 1, Sealed: bytes.Repeat([]byte{255}, MaxSealed(MaxGroups, 1))}
	w.sign("node1", KindQueryShare, b)
	v.verdict.Columns = append(v.verdict.Columns, Column{Measure: "so2"})
	wantRefusal(t, v.checkSize(), RefusedPolicy, "max_share")
	all, largest := make([]EntityGroup, MaxGroups), 0
	for columns := 1; columns <= MaxColumns; columns++ {
		v.verdict.Columns = make([]Column, columns)
		most := sort.Search(MaxGroups, func(n int) bool {
			v.verdict.EntityGroups = all[:n+1]
			return v.checkSize() != nil
		})
		largest = max(largest, MaxSealed(most, columns))
	}
	if largest < 8*MaxGroups {
		t.Fatalf("the largest share has %d bytes", largest)
	}
	b.Sealed = bytes.Repeat([]byte{255}, largest)
	w.sign("node1", KindQueryShare, b)
}

func TestJudgeDecidesAsApplyDoesWithoutCharging(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", OrderCreate{Dataset: "emissions", Queries: 2})
	before := w.store.Digest()
	ask := submit(contract, sumBy(attr("county")))
	verdict, refusal, err := w.view().Judge(testID("bank"), ask)
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	if _, refusal, err := w.view().Judge(testID("bank"), submit("", sumBy())); err != nil || refusal == nil || refusal.Rule != "contract" {
		t.Fatal(err, refusal)
	}
	if _, refusal, err := w.view().Judge(testID("operator"), ask); err != nil || refusal == nil || refusal.Rule != "role" {
		t.Fatal(err, refusal)
	}
	if _, _, err := w.view().Judge("p-none", ask); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if w.store.Digest() != before {
		t.Fatal("judging changed the state")
	}
	id := w.ok("bank", KindQuerySubmit, ask).ID
	if got := must[Verdict](t)(w.view().Verdict(id)); !bytes.Equal(encode(got), encode(verdict)) {
		t.Fatalf("Judge: %+v, Apply: %+v", verdict, got)
	}
}

func TestReleases(t *testing.T) {
	w := ready(t)
	bad := submit("", sumBy())
	bad.Receiving = bad.Receiving[1:]
	if r := w.no("bureau", KindQuerySubmit, bad, RefusedInvalid, "invalid"); r.Field != "receiving" {
		t.Fatalf("refusal %+v", r)
	}
	q := sumBy()
	q.Release = 2
	w.no("bureau", KindQuerySubmit, submit("", q), RefusedUnknown, "unknown")
	d := testDescriptor("emissions")
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	v := w.proposal(d, 40, 12, counts)
	v.Compared = must[[]Comparison](t)(w.view().Kindred(d.Dataset))
	v.Sets = SetsDigest(nil) // nothing differs
	w.publish(d, v, counts)
	w.no("bureau", KindQuerySubmit, submit("", q), RefusedConflict, "no_release")
	newest := w.ok("bureau", KindQuerySubmit, submit("", sumBy())).ID
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	if got := must[Query](t)(w.view().Query(newest)); got.Release != 1 {
		t.Fatalf("release %d", got.Release)
	}
	newest = w.ok("bureau", KindQuerySubmit, submit("", sumBy())).ID
	if got := must[Query](t)(w.view().Query(newest)); got.Release != 2 {
		t.Fatalf("release %d", got.Release)
	}
	q.Release = 1
	if r := w.no("bureau", KindQuerySubmit, submit("", q), RefusedPolicy, "release"); r.Field != "release" {
		t.Fatalf("refusal %+v", r)
	}
	q.Select = q.Select[1:] // counts are public
	old := w.ok("bureau", KindQuerySubmit, submit("", q)).ID
	if got := must[Query](t)(w.view().Query(old)); got.Release != 1 {
		t.Fatalf("release %d", got.Release)
	}
	d = testDescriptor("fresh")
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	q = sumBy()
	q.Dataset = "fresh"
	w.no("bureau", KindQuerySubmit, submit("", q), RefusedConflict, "no_release")
}
