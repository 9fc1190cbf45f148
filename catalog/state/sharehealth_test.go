package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/resharing"
)

// Shares are made anew when they are as old as an operator says, once, and vectors of which a
// move fails are not asked for all the time.
func TestSharesAreRefreshedOnASchedule(t *testing.T) {
	w := noisy(t)
	key := catalog.KeyID(testID("bureau"))
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	w.no("node1", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedConflict, "refresh_due")
	w.no("bureau", catalog.KindRefreshEvery, resharing.Every{Every: resharing.Day}, catalog.RefusedForbidden, "role")
	for _, bad := range []int64{-1, 1, resharing.MinEvery - 1, resharing.MaxEvery + 1} {
		w.no("operator", catalog.KindRefreshEvery, resharing.Every{Every: bad}, catalog.RefusedInvalid, "invalid")
	}
	w.ok("operator", catalog.KindRefreshEvery, resharing.Every{Every: 3 * resharing.Day})
	w.now += 3*resharing.Day - 60_000
	w.no("node1", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedConflict, "refresh_due")
	w.now += 120_000
	w.no("bank", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedForbidden, "role")
	w.ok("node2", catalog.KindRefreshDue, resharing.Due{})
	w.no("node2", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedConflict, "refresh_due")
	if k := must[catalog.Key](t)(w.view().Keys().Get(key)); k.Refresh == nil || k.Refresh.State != catalog.KeyWanted || !slices.Equal(w.toMove(), []string{mine}) {
		t.Fatalf("key %+v, to move %v", k.Refresh, w.toMove())
	}
	w.refresh(key, 2, 2)
	for range maxMoveTries {
		m := w.beginMove([]int{1, 2}, mine)
		w.ok("node2", catalog.KindMoveFail, resharing.Fail{Move: m.seq, Reason: told("node1 lied")})
	}
	w.no("node2", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedConflict, "refresh_due")
	w.now += resharing.Day
	w.ok("node2", catalog.KindRefreshDue, resharing.Due{})
	w.beginMove([]int{1, 2}, mine).all().erase()
	if k := must[catalog.Key](t)(w.view().Keys().Get(key)); resharing.SharedAt(k) <= k.Started || k.Retired == nil {
		t.Errorf("key %+v", k)
	}
	for _, p := range []int{1, 2, 3} {
		w.ok(nodeName(p), catalog.KindKeyErased, catalog.KeyErased{Key: key, Epoch: 1})
	}
	w.now += 2 * resharing.Day
	w.ok("node2", catalog.KindRefreshDue, resharing.Due{}) // the key
	if got := w.toMove(); len(got) != 0 {
		t.Errorf("to move: %v", got)
	}
	w.ok("operator", catalog.KindRefreshEvery, resharing.Every{})
	w.now += 30 * resharing.Day
	w.no("node2", catalog.KindRefreshDue, resharing.Due{}, catalog.RefusedConflict, "refresh_due")
}

// A canary goes step by step, counts against its key, and names who does not fit.
func TestACanaryTriesTheSharesOfAKey(t *testing.T) {
	w := noisy(t)
	key := catalog.KeyID(testID("bureau"))
	begin := resharing.CanaryBegin{Key: key, Number: 1}
	set := func(number, i int, wrong bool) resharing.CanarySet {
		return resharing.CanarySet{Key: key, Number: number, Set: i, Wrong: wrong}
	}
	next := func(number int) {
		t.Helper()
		w.now += resharing.CanaryAgain
		w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: number})
	}
	w.no("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: "k-none", Number: 1}, catalog.RefusedUnknown, "unknown")
	w.no("bank", catalog.KindCanaryBegin, begin, catalog.RefusedForbidden, "role")
	w.no("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 2}, catalog.RefusedConflict, "canary")
	w.no("node1", catalog.KindCanarySet, set(1, 0, false), catalog.RefusedConflict, "canary")
	opened := must[catalog.Key](t)(w.view().Keys().Get(key)).Opened
	w.ok("node1", catalog.KindCanaryBegin, begin)
	if now := must[catalog.Key](t)(w.view().Keys().Get(key)).Opened; now != opened+3 {
		t.Errorf("%d tiles are counted", now-opened)
	}
	w.no("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 2}, catalog.RefusedConflict, "canary")
	w.no("node2", catalog.KindCanarySet, set(1, 0, false), catalog.RefusedForbidden, "root")
	w.no("node1", catalog.KindCanarySet, set(1, 3, false), catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindCanarySet, set(1, 0, false))
	w.no("node1", catalog.KindCanarySet, set(1, 0, true), catalog.RefusedConflict, "twice")
	w.ok("node2", catalog.KindCanarySet, set(1, 1, false))
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || len(c.Unfit) != 0 || !c.Reason.IsZero() {
		t.Fatalf("canary %+v", c)
	}
	w.no("node3", catalog.KindCanarySet, set(1, 2, false), catalog.RefusedConflict, "canary")

	// One set is wrong, so all are opened; node2 spoils those that it is in.
	next(2)
	w.ok("node1", catalog.KindCanarySet, set(2, 0, true))
	w.ok("node2", catalog.KindCanarySet, set(2, 1, true))
	w.ok("node3", catalog.KindCanarySet, set(2, 2, false))
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || !slices.Equal(c.Unfit, []string{"node2"}) {
		t.Fatalf("canary %+v", c)
	}

	w.no("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 3}, catalog.RefusedConflict, "canary_found")

	// One has no share; it says so, and the others are tried without it.
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	w.refresh(key, 2, 2)
	for _, p := range []int{1, 2, 3} {
		w.ok(nodeName(p), catalog.KindKeyErased, catalog.KeyErased{Key: key, Epoch: 1})
	}
	next(3)
	w.ok("node3", catalog.KindCanaryLacks, resharing.CanaryLacks{Key: key, Number: 3})
	w.no("node3", catalog.KindCanaryLacks, resharing.CanaryLacks{Key: key, Number: 3}, catalog.RefusedConflict, "twice")
	w.ok("node1", catalog.KindCanarySet, set(3, 0, false))
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || !slices.Equal(c.Unfit, []string{"node3"}) {
		t.Fatalf("canary %+v", c)
	}

	// New shares end it, and a key that is to be shared anew is not tried.
	next(4)
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	w.refresh(key, 3, 3)
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || c.Reason.Code != "canary.shared" {
		t.Fatalf("canary %+v", c)
	}
	next(5)
	w.ok("node1", catalog.KindCanaryFail, resharing.CanaryFail{Key: key, Number: 5, Reason: told("node3 does not answer")})
	next(6)
	w.replace3("node3-b")
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || c.Reason.Code != "seat.replaced" {
		t.Fatalf("canary %+v", c)
	}
	w.no("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 7}, catalog.RefusedConflict, "canary_key")
}

// A canary that ends before all sets are opened says nothing of a set: its root could lie. Whoever had
// said that it has no share is named.
func TestACanaryThatEndsEarlyNamesNobodyByItsSets(t *testing.T) {
	w := noisy(t)
	key := catalog.KeyID(testID("bureau"))
	w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 1})
	w.ok("node1", catalog.KindCanarySet, resharing.CanarySet{Key: key, Number: 1, Set: 0})
	w.ok("node2", catalog.KindCanarySet, resharing.CanarySet{Key: key, Number: 1, Set: 1, Wrong: true}) // a lie
	w.ok("node2", catalog.KindCanaryFail, resharing.CanaryFail{Key: key, Number: 1, Reason: told("late")})
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.Ended == 0 || len(c.Unfit) > 0 {
		t.Errorf("canary %+v", c)
	}
	w = noisy(t)
	w.ok("node1", catalog.KindCanaryBegin, resharing.CanaryBegin{Key: key, Number: 1})
	w.ok("node3", catalog.KindCanaryLacks, resharing.CanaryLacks{Key: key, Number: 1})
	w.ok("node2", catalog.KindCanaryFail, resharing.CanaryFail{Key: key, Number: 1, Reason: told("late")})
	if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); !slices.Equal(c.Unfit, []string{"node3"}) {
		t.Errorf("canary %+v", c)
	}
}

// Whoever learns something each time that a known vector is opened cannot have it opened at will:
// canaries have a pause between them, and few come to nothing under the same shares.
func TestCanariesAreNotRepeatedAtWill(t *testing.T) {
	w := noisy(t)
	key := catalog.KeyID(testID("bureau"))
	begin := func(number int) resharing.CanaryBegin { return resharing.CanaryBegin{Key: key, Number: number} }
	fail := func(number int) {
		t.Helper()
		w.ok("node2", catalog.KindCanaryFail, resharing.CanaryFail{Key: key, Number: number, Reason: told("late")})
	}
	number := 1
	for ; number <= resharing.MaxVain; number++ {
		w.ok("node2", catalog.KindCanaryBegin, begin(number))
		fail(number)
		if number < resharing.MaxVain {
			w.no("node2", catalog.KindCanaryBegin, begin(number+1), catalog.RefusedConflict, "canary_soon")
		}
		w.now += resharing.CanaryAgain
	}
	w.now += 100 * resharing.Day
	w.no("node2", catalog.KindCanaryBegin, begin(number), catalog.RefusedConflict, "canary_vain")
	w.ok("operator", catalog.KindKeyRefresh, catalog.KeyRefresh{Key: key})
	w.refresh(key, 2, 2)
	for _, p := range []int{1, 2} { // one that ends well does not begin the count anew
		w.ok("node2", catalog.KindCanaryBegin, begin(number))
		fail(number)
		w.now += resharing.CanaryAgain
		w.ok("node2", catalog.KindCanaryBegin, begin(number+1))
		w.ok("node1", catalog.KindCanarySet, resharing.CanarySet{Key: key, Number: number + 1, Set: 0})
		w.ok("node2", catalog.KindCanarySet, resharing.CanarySet{Key: key, Number: number + 1, Set: 1})
		if c := must[resharing.Canary](t)(w.view().Keys().Canary(key)); c.VainUnder(c.Sharing) != p {
			t.Errorf("canary %+v", c)
		}
		number += 2
		w.now += resharing.CanaryAgain
	}
}
