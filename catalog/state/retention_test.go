package state

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/view"
)

const testDay = 24 * 3600_000

// briefly is a policy that keeps answers for as short as is possible.
func briefly(d catalog.Descriptor) catalog.Descriptor {
	d.Policy.RetentionDays = catalog.MinRetention
	return d
}

// brief has datasets whose answers are kept briefly: one with a price, one with noise.
func brief(t statetest.T) *world {
	w := ready(t)
	d := briefly(statetest.Descriptor("priced"))
	d.Price = &catalog.Price{PerQuery: "0.10", Currency: "CNY"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.release(d, 12)
	d, dp := briefly(statetest.Descriptor("noisy")), testDP
	d.Policy.DP = &dp
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	w.release(d, 12)
	return w
}

// forget has forgotten what is due now.
func (w *world) forget() {
	w.t.Helper()
	w.ok("node2", catalog.KindQueryForget, catalog.QueryForget{Until: w.now})
}

func (w *world) query(id string) catalog.Query { return must[catalog.Query](w.t)(w.view().Query(id)) }

// changed are the keys by which two states differ, but for the clock and remembered envelopes.
func changed(t *testing.T, a, b *memstore.Store) (keys []string) {
	t.Helper()
	for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Keys(), b.Keys())))) {
		if key == records.KeyClock || strings.HasPrefix(key, "seen") {
			continue
		}
		if !bytes.Equal(must[[]byte](t)(a.Get([]byte(key))), must[[]byte](t)(b.Get([]byte(key)))) {
			keys = append(keys, key)
		}
	}
	return keys
}

// What goes of an answered query is what was asked and answered, and nothing else: what it cost, what it
// took of epsilon and of the key, the statement and the entries that prove it stay.
func TestForgettingAQueryLeavesWhatOthersRestOn(t *testing.T) {
	w := brief(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 3})
	noisy := w.contract("insurer", catalog.OrderCreate{Dataset: "noisy"})
	exact := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 0))).ID
	w.finish(exact, true)
	drawn := w.ok("insurer", catalog.KindQuerySubmit, submit(noisy, noised("0.5", "", statetest.Attribute("county")))).ID
	w.finish(drawn, false)
	w.finish(drawn, true)
	failed := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 1))).ID
	for range catalog.MaxAttempts {
		w.finish(failed, false)
	}
	open := w.ok("insurer", catalog.KindQuerySubmit, submit(noisy, noised("0.1", ""))).ID
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(open, 1))

	w.now += catalog.MinRetention*testDay - testDay
	w.no("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}, catalog.RefusedConflict, "retention")
	w.now += testDay
	w.no("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now + 1000}, catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}, catalog.RefusedForbidden, "role")
	before := w.store.Clone()
	was := map[string]catalog.Query{exact: w.query(exact), drawn: w.query(drawn), failed: w.query(failed)}
	statement := must[catalog.Statement](t)(w.view().Statement(contract, "", records.Page{}))
	w.forget()
	for _, key := range changed(t, before, w.store) {
		_, rest, _ := strings.Cut(key, "/")
		ours := slices.ContainsFunc([]string{exact, drawn, failed}, func(id string) bool {
			return strings.HasPrefix(rest, id) || strings.HasPrefix(key, records.PrefixTodoForget) || strings.HasPrefix(key, "query.released/")
		})
		if !ours {
			t.Errorf("forgetting queries changes %s", key)
		}
	}
	for id, q := range was {
		now := w.query(id)
		if now.Forgotten != w.now || len(now.Attempts) > 0 || len(now.Submit.Receiving) > 0 || len(now.Submit.Request.Select) > 0 {
			t.Errorf("%s is forgotten as %+v", id, now)
		}
		q.Submit = catalog.QuerySubmit{Contract: q.Submit.Contract, Request: catalog.Request{Dataset: q.Dataset}}
		q.Attempts, q.Plan, q.Context, q.Shares, q.Asks, q.Forgotten = nil, catalog.Digest{}, catalog.Digest{}, nil, catalog.Digest{}, now.Forgotten
		if d := cmp.Diff(q, now); d != "" {
			t.Errorf("of %s something else goes (-was +now):\n%s", id, d)
		}
		if _, err := w.view().Verdict(id); !errors.Is(err, records.ErrNotFound) {
			t.Errorf("the verdict on %s is there: %v", id, err)
		}
		if shares := must[[]catalog.QueryShare](t)(w.view().Shares(id)); len(shares) > 0 {
			t.Errorf("%s has %d shares", id, len(shares))
		}
	}
	if d := cmp.Diff(statement, must[catalog.Statement](t)(w.view().Statement(contract, "", records.Page{}))); d != "" {
		t.Errorf("the statement is another (-was +now):\n%s", d)
	}
	// What is open is never forgotten, however old.
	w.now += 100 * testDay
	w.no("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}, catalog.RefusedConflict, "retention")
	if q := w.query(open); q.State != catalog.QueryRunning || len(q.Attempts) != 1 {
		t.Errorf("the open query is %+v", q)
	}
}

// The averaging attack: a buyer has its noised queries forgotten, and asks them again for other noise. Each
// is paid for again, until the budget is used up, whatever was forgotten.
func TestForgettingGivesNoEpsilonBack(t *testing.T) {
	w := brief(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	for range 2 { // of 1.2
		w.finish(w.ok("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", ""))).ID, true)
		w.now += catalog.MinRetention * testDay
		w.forget()
	}
	if contract, family := w.spent(id); contract != "1" || family != "1" {
		t.Errorf("spent are %s and %s", contract, family)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", "")), catalog.RefusedPolicy, "epsilon_contract")
}

// The replay attack: the envelope of a query is sent again after the query was forgotten, or another one
// that gets its id. Neither makes a query, for which noise would be drawn anew under the same name.
func TestAForgottenQueryIsNotMadeAgain(t *testing.T) {
	w := brief(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	w.shorten(catalog.LetterQuery)
	e := w.sign("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", "")))
	out := w.apply(e)
	w.finish(out.ID, true)
	w.now += catalog.MinRetention * testDay
	w.forget()
	statetest.WantRefusal(t, w.apply(e).Refusal, catalog.RefusedSignature, "expired")
	other := w.another("bank", catalog.KindQuerySubmit, submit(id, noised("0.1", "")), catalog.LetterQuery, out.ID)
	statetest.WantRefusal(t, w.apply(other).Refusal, catalog.RefusedConflict, "id_taken")
	w.no("node3", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: out.ID, Attempt: 2, Active: w.active(), Root: "node1", Tiles: 1}, catalog.RefusedConflict, "query_state")
	w.no("node1", catalog.KindQueryShare, w.share(out.ID, 1, 1), catalog.RefusedConflict, "query_state")
}

// A repeat of what was forgotten is a query like any other: it is counted and paid for, and gets the same
// verdict, since that follows from what is public.
func TestARepeatOfWhatWasForgottenIsAQueryLikeAnyOther(t *testing.T) {
	w := brief(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 2})
	first := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	verdict := must[catalog.Verdict](t)(w.view().Verdict(first))
	w.finish(first, true)
	w.now += catalog.MinRetention * testDay
	// While one that repeats it is open it stays: its members may seal again what they kept.
	again := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	if q := w.query(again); q.Repeats != first {
		t.Fatalf("%+v is no repeat", q)
	}
	w.no("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}, catalog.RefusedConflict, "retention")
	w.finish(again, true)
	w.forget()
	if w.query(first).Forgotten == 0 || w.query(again).Forgotten != 0 {
		t.Fatal("another one is forgotten than the first")
	}
	anew := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	k, q := must[catalog.Contract](t)(w.view().Contract(id)), w.query(anew)
	if q.Repeats != "" || q.Price != "0.10" || k.Used != 2 || k.Spent != "0.30" {
		t.Errorf("asked anew it is %+v under %+v", q, k)
	}
	if d := cmp.Diff(verdict, must[catalog.Verdict](t)(w.view().Verdict(anew))); d != "" {
		t.Errorf("the verdict is another (-was +now):\n%s", d)
	}
	w.finish(anew, true)
	last := w.ok("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0))).ID
	if q := w.query(last); q.Repeats != anew {
		t.Errorf("%+v does not repeat the one that is kept", q)
	}
	w.now += catalog.MinRetention * testDay
	w.finish(last, true) // it repeats anew, which is due and waits for it
	w.forget()
	w.no("bank", catalog.KindQuerySubmit, submit(id, query("priced", 0)), catalog.RefusedPolicy, "contract_exhausted")
}

// The differencing attack: an exact figure of a private list is forgotten, and another list, which differs
// by one entity, is asked of the same months. The place is taken for good.
func TestAPlaceStaysTakenWhenItsQueriesAreForgotten(t *testing.T) {
	h, contract := listWorld(t, func(p *catalog.Policy) { p.RetentionDays = catalog.MinRetention })
	mine, other := h.listBy("bank", "mine", 1), h.listBy("bank", "other", 1)
	h.answered(h.asks("bank", contract, listSum(mine, 0, 1)))
	h.cannot("bank", contract, listSum(other, 0, 1), "portfolio_other")
	h.now += catalog.MinRetention * testDay
	h.forget()
	h.cannot("bank", contract, listSum(other, 0, 1), "portfolio_other")
	h.answered(h.asks("bank", contract, listSum(mine, 0, 1)))
}

// One entry forgets so many at a time, the longest ago first, and the next the rest. Of an amended policy the
// query keeps the retention that it was decided by.
func TestForgettingIsBoundedAndInOrder(t *testing.T) {
	w := brief(t)
	var ids []string
	count := statetest.SumBy(statetest.Attribute("county"))
	count.Dataset, count.Select = "priced", []catalog.Aggregate{{Func: "count"}}
	for range view.MaxForgotten + 1 {
		ids = append(ids, w.ok("bureau", catalog.KindQuerySubmit, submit("", count)).ID) // public: done at once
	}
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("priced", func(d *catalog.Descriptor) { d.Policy.RetentionDays = 30 }))
	count.By = nil // else it were a repeat, and decided as the first was
	kept := w.ok("bureau", catalog.KindQuerySubmit, submit("", count)).ID
	w.now += catalog.MinRetention * testDay
	w.forget()
	if w.query(ids[len(ids)-2]).Forgotten == 0 || w.query(ids[len(ids)-1]).Forgotten != 0 {
		t.Fatalf("not the first %d are forgotten", view.MaxForgotten)
	}
	w.now++
	w.forget()
	if w.query(ids[len(ids)-1]).Forgotten == 0 || w.query(kept).Forgotten != 0 {
		t.Fatal("not all that is due is forgotten, or what is not due")
	}
	w.no("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}, catalog.RefusedConflict, "retention")
	w.now += 28 * testDay
	w.forget()
	if w.query(kept).Forgotten == 0 {
		t.Error("what was asked by the amended policy is kept for longer than that says")
	}
}

// drilled is a report of a drill that found so many differences.
func drilled(differ int) recovery.Drill {
	d := recovery.Drill{Root: catalog.Sum([]byte("a root")), Size: 1}
	for _, name := range recovery.Drills() {
		d.Tried = append(d.Tried, recovery.Tried{What: name, Tried: 1})
	}
	d.Tried[0].Differ = differ
	return d
}

// What operators of seats say of drills is kept, the last report and when one last went well. Nobody
// else's word is, nor one that says nothing.
func TestDrillsAreReportedByOperatorsOfSeats(t *testing.T) {
	w := ready(t)
	w.no("bureau", catalog.KindDrillReport, drilled(0), catalog.RefusedForbidden, "role")
	w.ok("operator", catalog.KindPrincipalAdd, testPrincipal("helper", catalog.RoleOperator))
	w.no("helper", catalog.KindDrillReport, drilled(0), catalog.RefusedForbidden, "seat")
	for name, change := range map[string]func(d *recovery.Drill){
		"entries to come": func(d *recovery.Drill) { d.Size = 1 << 40 }, "no root": func(d *recovery.Drill) { d.Root = catalog.Digest{} },
		"a backup to come": func(d *recovery.Drill) { d.Made = w.now + testDay }, "less than nothing": func(d *recovery.Drill) { d.Tried[2].Differ = -1 },
		"something left out": func(d *recovery.Drill) { d.Tried = d.Tried[1:] }, "something else": func(d *recovery.Drill) { d.Tried[0].What = "words" },
	} {
		d := drilled(0)
		change(&d)
		if r := w.do("operator", catalog.KindDrillReport, d).Refusal; r == nil || r.Kind != catalog.RefusedInvalid {
			t.Errorf("%s: %+v", name, r)
		}
	}
	w.ok("operator", catalog.KindDrillReport, drilled(0))
	sound := w.now
	w.now += testDay
	bad := drilled(2)
	w.ok("operator", catalog.KindDrillReport, bad)
	got := must[recovery.Drilled](t)(w.view().Drilled())
	if d := cmp.Diff(recovery.Drilled{Drill: bad, Operator: testID("operator"), At: w.now, SoundAt: sound, OpenedAt: sound}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	w.now += testDay
	unopened := drilled(0)
	unopened.Tried[slices.Index(recovery.Drills(), recovery.Openings)].Tried = 0
	w.ok("operator", catalog.KindDrillReport, unopened)
	if got := must[recovery.Drilled](t)(w.view().Drilled()); got.SoundAt != w.now || got.OpenedAt != sound {
		t.Errorf("after one that opened nothing: %+v", got)
	}
	nothing := drilled(0)
	for i := range nothing.Tried {
		nothing.Tried[i].Tried = 0
	}
	w.now++
	w.ok("operator", catalog.KindDrillReport, nothing)
	if got := must[recovery.Drilled](t)(w.view().Drilled()); got.SoundAt == w.now {
		t.Error("a drill that tried nothing found a backup sound")
	}
}
