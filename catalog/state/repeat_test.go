package state

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
)

// A repeat may be answered without an opening: by the members that answered before
// and no others, with shares of that very opening, and the key does not wear. Whatever
// would mix two openings is refused.
func TestRepeatIsAnsweredBySealingTheSameOpeningAgain(t *testing.T) {
	w, contract, first := asked(t)
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(first, 1))
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: first, Attempt: 1, Reason: told("node2 does not answer")})
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(first, 2))
	again := w.attempt(first, 3)
	again.Tiles, again.Reseals = 0, true
	w.no("node1", catalog.KindQueryAttempt, again, catalog.RefusedConflict, "attempt")
	for i, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindQueryShare, w.share(first, 2, i))
	}
	opened := func() int64 { return must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))).Opened }
	before := opened()

	second := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID
	reseal := catalog.QueryAttempt{Query: second, Attempt: 1, Active: []string{"node1", "node2"}, Root: "node1", Reseals: true}
	for _, bad := range []func(*catalog.QueryAttempt){
		func(b *catalog.QueryAttempt) { b.Active = []string{"node1", "node3"} },
		func(b *catalog.QueryAttempt) { b.Tiles = 12 },
		func(b *catalog.QueryAttempt) { b.Reseals = false }, // which would open, and opens nothing
	} {
		b := reseal
		bad(&b)
		w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedInvalid, "invalid")
	}
	w.ok("node1", catalog.KindQueryAttempt, reseal)
	if q := must[catalog.Query](t)(w.view().Query(second)); !q.Attempts[0].Reseals || q.Attempts[0].Tiles != 0 || q.Repeats != first {
		t.Fatalf("query %+v", q)
	}
	w.no("node1", catalog.KindQueryShare, w.share(second, 1, 0), catalog.RefusedInvalid, "invalid") // of another opening
	for i, node := range []string{"node1", "node2"} {
		s := w.share(first, 2, i)
		s.Query, s.Attempt = second, 1
		w.ok(node, catalog.KindQueryShare, s)
	}
	if q := must[catalog.Query](t)(w.view().Query(second)); q.State != catalog.QueryDone || opened() != before {
		t.Fatalf("query %+v, %d tiles opened after %d", q, opened(), before)
	}

	// A query that repeats none has nothing to seal again.
	third := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy())).ID
	reseal.Query = third
	w.no("node1", catalog.KindQueryAttempt, reseal, catalog.RefusedInvalid, "invalid")
	sameElsewhere(t, w)
}
