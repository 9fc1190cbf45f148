package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// dealings are what a dealer of a refresh commits to.
func (w *world) dealings(id string, attempt, point int) catalog.KeyCommit {
	b := w.commitment(id, attempt, point)
	b.Public = catalog.Digest{}
	return b
}

// refresh does all steps of a refresh of a key among three nodes.
func (w *world) refresh(id string, attempt int, epoch uint64) {
	w.t.Helper()
	w.ok("node2", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: epoch, Attempt: attempt, Dealers: []int{1, 3}})
	for _, p := range []int{1, 3} {
		w.ok(nodeName(p), catalog.KindKeyCommit, w.dealings(id, attempt, p))
	}
	for p := 1; p <= 3; p++ {
		w.ok(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: attempt})
	}
	w.ok("node2", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: 1})
	w.ok("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: 0})
}

func TestRefreshStepsInTheirOrderOnly(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	id := catalog.KeyID(testID("bureau"))
	ask := catalog.KeyRefresh{Key: id}
	w.no("operator", catalog.KindKeyRefresh, ask, catalog.RefusedUnknown, "unknown")
	w.ok("node1", catalog.KindKeyStart, startOf("bureau", 1))
	w.no("operator", catalog.KindKeyRefresh, ask, catalog.RefusedConflict, "key_state")
	w.ceremony(id, 1)
	begin := catalog.KeyReshare{Key: id, Epoch: 2, Attempt: 2, Dealers: []int{1, 3}}
	w.no("node1", catalog.KindKeyReshare, begin, catalog.RefusedConflict, "refresh")
	w.no("bureau", catalog.KindKeyRefresh, ask, catalog.RefusedForbidden, "role")
	w.no("node1", catalog.KindKeyRefresh, ask, catalog.RefusedForbidden, "role")
	w.ok("operator", catalog.KindKeyRefresh, ask)
	w.no("operator", catalog.KindKeyRefresh, ask, catalog.RefusedConflict, "refresh")
	if list := must[[]catalog.Key](t)(w.view().Keys().Refreshing()); len(list) != 1 || list[0].ID != id || list[0].Refresh.State != catalog.KeyWanted {
		t.Fatalf("pending %+v", list)
	}
	w.no("node1", catalog.KindKeyCommit, w.dealings(id, 2, 1), catalog.RefusedConflict, "attempt")

	w.no("bureau", catalog.KindKeyReshare, begin, catalog.RefusedForbidden, "role")
	for _, dealers := range [][]int{nil, {1}, {1, 2, 3}, {3, 1}, {1, 1}, {0, 1}, {2, 4}} {
		bad := begin
		bad.Dealers = dealers
		w.no("node1", catalog.KindKeyReshare, bad, catalog.RefusedInvalid, "invalid")
	}
	for _, bad := range []catalog.KeyReshare{{Key: id, Epoch: 1, Attempt: 2, Dealers: begin.Dealers}, {Key: id, Epoch: 2, Attempt: 1, Dealers: begin.Dealers}} {
		w.no("node1", catalog.KindKeyReshare, bad, catalog.RefusedConflict, "key_start")
	}
	started := w.sign("node1", catalog.KindKeyReshare, begin)
	if out := w.apply(started); out.Refusal != nil {
		t.Fatal(out.Refusal)
	}
	w.no("node2", catalog.KindKeyReshare, begin, catalog.RefusedConflict, "key_state")

	w.no("node1", catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 2}, catalog.RefusedConflict, "key_state")
	w.no("node2", catalog.KindKeyCommit, w.dealings(id, 2, 2), catalog.RefusedForbidden, "dealer")
	w.no("node1", catalog.KindKeyCommit, w.commitment(id, 2, 1), catalog.RefusedInvalid, "invalid")
	short := w.dealings(id, 2, 1)
	short.Dealings = short.Dealings[1:]
	w.no("node1", catalog.KindKeyCommit, short, catalog.RefusedInvalid, "invalid")
	none := w.dealings(id, 2, 1)
	none.Dealings[1] = catalog.Digest{}
	w.no("node1", catalog.KindKeyCommit, none, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindKeyCommit, w.dealings(id, 2, 1))
	w.no("node1", catalog.KindKeyCommit, w.dealings(id, 2, 1), catalog.RefusedConflict, "twice")
	w.ok("node3", catalog.KindKeyCommit, w.dealings(id, 2, 3))
	w.no("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 2}, catalog.RefusedConflict, "key_state")
	for p := 1; p <= 3; p++ {
		w.ok(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 2})
		if p < 3 {
			w.no(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: 2}, catalog.RefusedConflict, "twice")
		}
	}
	w.no("node1", catalog.KindKeySign, catalog.KeySign{Key: id, Attempt: 2}, catalog.RefusedConflict, "key_state")
	w.no("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 2, Set: 1}, catalog.RefusedForbidden, "member")
	w.ok("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 2, Set: 0})
	before := must[catalog.Key](t)(w.view().Keys().Get(id))
	if before.InForce() != (catalog.Sharing{Key: id, Epoch: 1, Attempt: 1}) || before.Refresh.Reference != started.Digest() {
		t.Fatalf("in force before the last test: %+v", before)
	}
	w.ok("node3", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: 2, Set: 1})
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	if k.InForce() != (catalog.Sharing{Key: id, Epoch: 2, Attempt: 2}) || k.Refresh != nil || k.Retired.Epoch != 1 {
		t.Fatalf("key %+v", k)
	}
	if k.Epoch != 1 || k.Attempt != 1 || k.Reference != before.Reference || !slices.EqualFunc(k.Signed, before.Signed, slices.Equal) {
		t.Fatalf("a refresh changed what the key was made by: %+v", k)
	}
	if list := must[[]catalog.Key](t)(w.view().Keys().Refreshing()); len(list) != 0 {
		t.Fatalf("pending %+v", list)
	}
}

func TestNoSharingIsMadeBeforeTheLastButOneIsErased(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	id := catalog.KeyID(testID("bureau"))
	erased := catalog.KeyErased{Key: id, Epoch: 1}
	w.no("node1", catalog.KindKeyErased, erased, catalog.RefusedConflict, "retired")
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id})
	w.refresh(id, 2, 2)
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id})
	again := catalog.KeyReshare{Key: id, Epoch: 3, Attempt: 3, Dealers: []int{1, 2}}
	w.no("node1", catalog.KindKeyErased, catalog.KeyErased{Key: id, Epoch: 2}, catalog.RefusedConflict, "retired")
	w.no("operator", catalog.KindKeyErased, erased, catalog.RefusedForbidden, "role")
	for p := 1; p <= 3; p++ {
		w.no("node1", catalog.KindKeyReshare, again, catalog.RefusedConflict, "retired")
		w.ok(nodeName(p), catalog.KindKeyErased, erased)
		if p < 3 {
			w.no(nodeName(p), catalog.KindKeyErased, erased, catalog.RefusedConflict, "twice")
		}
	}
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.Retired != nil {
		t.Fatalf("retired %+v", k.Retired)
	}
	w.ok("node1", catalog.KindKeyReshare, again)
}

func TestFailedRefreshLeavesTheOldSharingInForce(t *testing.T) {
	w := newWorld(t, 3, 2).admit().key("bureau")
	id := catalog.KeyID(testID("bureau"))
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id})
	begin := func(attempt int) {
		t.Helper()
		w.ok("node1", catalog.KindKeyReshare, catalog.KeyReshare{Key: id, Epoch: 2, Attempt: attempt, Dealers: []int{1, 2}})
	}
	for attempt, steps := 2, 0; steps < 4; attempt, steps = attempt+1, steps+1 {
		begin(attempt)
		for p := 1; p <= 2 && steps > 0; p++ {
			w.ok(nodeName(p), catalog.KindKeyCommit, w.dealings(id, attempt, p))
		}
		for p := 1; p <= 3 && steps > 1; p++ {
			w.ok(nodeName(p), catalog.KindKeyAck, catalog.KeyAck{Key: id, Attempt: attempt})
		}
		if steps > 2 {
			w.ok("node1", catalog.KindKeyTested, catalog.KeyTested{Key: id, Attempt: attempt, Set: 0})
		}
		w.no("node3", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: attempt - 1, Reason: told("x")}, catalog.RefusedConflict, "attempt")
		w.ok("node3", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: attempt, Reason: told("node2\ndied")})
		w.no("node3", catalog.KindKeyFail, catalog.KeyFail{Key: id, Attempt: attempt, Reason: told("x")}, catalog.RefusedConflict, "key_state")
		k := must[catalog.Key](t)(w.view().Keys().Get(id))
		if k.State != catalog.KeyReady || k.InForce().Epoch != 1 || k.Refresh.State != catalog.KeyFailed ||
			k.Refresh.Dealings != nil || k.Refresh.Reason.String() != "test.reason(node2 died)" {
			t.Fatalf("after %d steps: %+v, %+v", steps, k, k.Refresh)
		}
		if list := must[[]catalog.Key](t)(w.view().Keys().Refreshing()); len(list) != 1 {
			t.Fatalf("pending %+v", list)
		}
	}
	w.refresh(id, 6, 2)
	if k := must[catalog.Key](t)(w.view().Keys().Get(id)); k.InForce() != (catalog.Sharing{Key: id, Epoch: 2, Attempt: 6}) {
		t.Fatalf("in force %+v", k.InForce())
	}
}

// An attempt opens under the sharing that was in force when it was named, and its members
// know it from the ledger: shares of two sharings never meet in one opening.
func TestAnAttemptNamesTheSharingThatItOpensUnder(t *testing.T) {
	w, _, query := asked(t)
	id := catalog.KeyID(testID("bureau"))
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 1))
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: id})
	w.refresh(id, 2, 2)
	k := must[catalog.Key](t)(w.view().Keys().Get(id))
	q := must[catalog.Query](t)(w.view().Query(query))
	if got := q.Attempts[0].SharingOf(k); got.Epoch != 1 || got.Attempt != 1 {
		t.Fatalf("the attempt that was named before opens under %+v", got)
	}
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: query, Attempt: 1, Reason: told("late")})
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 2))
	q = must[catalog.Query](t)(w.view().Query(query))
	if got := q.Attempts[1].SharingOf(k); got != k.Sharing {
		t.Fatalf("the attempt that was named after opens under %+v", got)
	}
}
