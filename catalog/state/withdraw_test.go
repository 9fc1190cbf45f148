package state

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestAWithdrawnDatasetIsAskedAndOrderedNoMore: the refusal has the date and the reason.
func TestAWithdrawnDatasetIsAskedAndOrderedNoMore(t *testing.T) {
	w, contract, query := asked(t)
	order := w.ok("insurer", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	withdraw := catalog.DatasetWithdraw{Dataset: "emissions", Reason: "measured wrongly"}
	w.no("bank", catalog.KindDatasetWithdraw, withdraw, catalog.RefusedForbidden, "role")
	w.no("rival", catalog.KindDatasetWithdraw, withdraw, catalog.RefusedForbidden, "owner")
	w.no("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions"}, catalog.RefusedInvalid, "invalid")
	w.ok("bureau", catalog.KindDatasetWithdraw, withdraw)
	at := w.now
	d := w.dataset("emissions")
	if d.Withdrawn == nil || d.Withdrawn.At != at || d.Withdrawn.Reason != "measured wrongly" {
		t.Fatalf("withdrawn %+v", d.Withdrawn)
	}
	r := w.no("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy()), catalog.RefusedPolicy, "withdrawn")
	if len(r.Numbers) != 1 || r.Numbers[0].Value != strconv.FormatInt(at, 10) || !strings.Contains(explain.Message(r), "2023-11-1") || !strings.Contains(explain.Message(r), "measured wrongly") {
		t.Fatalf("refusal %+v", r)
	}
	w.no("bureau", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: statetest.SumBy()}, catalog.RefusedPolicy, "withdrawn")
	w.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}, catalog.RefusedPolicy, "withdrawn")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedPolicy, "withdrawn")
	w.no("bureau", catalog.KindDatasetAmend, w.amendment("emissions", func(d *catalog.Descriptor) { d.Title.EN = "x" }), catalog.RefusedPolicy, "withdrawn")
	w.no("bureau", catalog.KindDatasetWithdraw, withdraw, catalog.RefusedPolicy, "withdrawn")
	counts := testCounts(2, 12, 40, func(_, _, _ int) bool { return true })
	w.no("bureau", catalog.KindVersionPropose, w.proposal(d.Descriptor, 40, 12, counts), catalog.RefusedPolicy, "withdrawn")

	// What was accepted before is answered.
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(query, 1))
	for i, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindQueryShare, w.share(query, 1, i))
	}
	if q := must[catalog.Query](t)(w.view().Query(query)); q.State != catalog.QueryDone {
		t.Fatalf("query %+v", q)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county"))), catalog.RefusedPolicy, "withdrawn")

	offered, _, err := w.view().OfferedPage(records.Page{})
	if err != nil || len(offered) != 0 {
		t.Fatalf("offered %+v, %v", offered, err)
	}
	if all, _, err := w.view().DatasetPage(records.Page{}); err != nil || len(all) != 1 {
		t.Fatalf("all %+v, %v", all, err)
	}
	sameElsewhere(t, w)
}

// TestAWithdrawnVersionGivesWayToTheOneBefore, and to the one after.
func TestAWithdrawnVersionGivesWayToTheOneBefore(t *testing.T) {
	w := opened(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	second := w.live2("open", w.dataset("open").Descriptor)
	withdraw := func(n int) catalog.DatasetWithdraw {
		return catalog.DatasetWithdraw{Dataset: "open", Version: n, Reason: "a wrong file"}
	}
	w.no("bureau", catalog.KindDatasetWithdraw, withdraw(9), catalog.RefusedUnknown, "unknown")
	w.no("bureau", catalog.KindDatasetWithdraw, withdraw(-1), catalog.RefusedInvalid, "invalid")
	w.ok("bureau", catalog.KindDatasetWithdraw, withdraw(second))
	if d := w.dataset("open"); d.Live != 1 || d.Withdrawn != nil {
		t.Fatalf("dataset %+v", d)
	}
	q := must[catalog.Query](t)(w.view().Query(w.ok("bank", catalog.KindQuerySubmit, submit(contract, plainSum("open", "nox"))).ID))
	if q.Version != 1 {
		t.Fatalf("answered from version %d", q.Version)
	}
	named := plainSum("open", "nox")
	named.AsOf = second
	if r := w.no("bank", catalog.KindQuerySubmit, submit(contract, named), catalog.RefusedPolicy, "withdrawn"); r.Field != "release" || !strings.Contains(explain.Fix(r), "version 1") {
		t.Fatalf("refusal %+v", r)
	}
	w.no("bureau", catalog.KindDatasetWithdraw, withdraw(second), catalog.RefusedPolicy, "withdrawn")
	w.ok("bureau", catalog.KindDatasetWithdraw, withdraw(1))
	w.no("bank", catalog.KindQuerySubmit, submit(contract, plainSum("open", "nox")), catalog.RefusedConflict, "no_release")
	third := w.live2("open", w.dataset("open").Descriptor)
	if d := w.dataset("open"); d.Live != third {
		t.Fatalf("live is %d, want %d", d.Live, third)
	}
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, plainSum("open", "nox")))
}

// TestWithdrawalEndsAVersionOnItsWay of the whole dataset; alone it is dropped.
func TestWithdrawalEndsAVersionOnItsWay(t *testing.T) {
	w := opened(t)
	n := w.ok("bureau", catalog.KindVersionPropose, w.proposal(w.dataset("open").Descriptor, 40, 12, nil)).Version
	r := w.no("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "open", Version: n, Reason: "x"}, catalog.RefusedConflict, "version_state")
	if !strings.Contains(explain.Fix(r), "drop") {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "open", Reason: "x"})
	if v := must[catalog.Version](t)(w.view().Versions().Get("open", n)); v.State != catalog.VersionRejected {
		t.Fatalf("version %+v", v)
	}
	changes, _, err := w.view().ChangePage(records.Page{Newest: true, Limit: 1})
	if err != nil || len(changes) != 1 || changes[0].What != records.ChangeWithdrawn || changes[0].Dataset != "open" {
		t.Fatalf("changes %+v, %v", changes, err)
	}
}

// TestNothingIsTakenOfAWithdrawnVersion of protected data: the units of the version before
// answer.
func TestNothingIsTakenOfAWithdrawnVersion(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	d := w.dataset("emissions").Descriptor
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	v := w.proposal(d, 40, 12, counts)
	for n := 2; n <= 3; n++ {
		news := w.allNew("bureau", d, v, counts)
		if n == 3 {
			news = nil // what the second one gave answers as of the third
		}
		w.publishAs("bureau", d, v, counts, news)
		w.stored("emissions", n, 3)
		w.live("emissions", n)
	}
	fromTheSecond := func() bool {
		out := w.do("bank", catalog.KindQuerySubmit, submit(contract, plainSum("emissions", "nox")))
		return out.Refusal == nil && slices.ContainsFunc(must[catalog.Verdict](t)(w.view().Verdict(out.ID)).Layers, func(l catalog.Layer) bool { return l.Version == 2 })
	}
	if !fromTheSecond() {
		t.Fatal("the third version brings nothing new, and the second does not answer")
	}
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions", Version: 2, Reason: "a wrong file"})
	if fromTheSecond() {
		t.Fatal("a withdrawn version is a layer")
	}
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "emissions", Version: 3, Reason: "a wrong file"})
	if got := w.dataset("emissions").Live; got != 1 {
		t.Fatalf("live is %d", got)
	}
	sameElsewhere(t, w)
}

// kept is a world of the newest feature level with a public dataset "open" whose versions are kept for so many days
// after a newer one came; none is published.
func kept(t statetest.T, days int) (*world, catalog.Descriptor) {
	body := testInit(3, 2)
	body.Level = FeatureLevel
	w := newWorldOf(t, body).admit().registry("enterprises", statetest.Rows(0, 40), 16).key("bureau")
	d := openDescriptor("open")
	d.Policy.Unrelated, d.Policy.VersionDays = nil, days
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	return w, d
}

// expired are the versions of "open" that have expired.
func (w *world) expired() (numbers []int) {
	w.t.Helper()
	for _, v := range must[[]catalog.Version](w.t)(w.view().Versions().Of("open")) {
		if v.Expired != 0 {
			numbers = append(numbers, v.Version)
		}
	}
	return numbers
}

func (w *world) wantExpired(what string, want ...int) {
	w.t.Helper()
	if got := w.expired(); !slices.Equal(got, want) {
		w.t.Fatalf("%s: versions %v have expired, want %v", what, got, want)
	}
}

// TestSupersededVersionsExpireByThePolicy: as the next version goes live, and never the newest two. What has expired is
// asked no more, and no node has to hold it.
func TestSupersededVersionsExpireByThePolicy(t *testing.T) {
	w, d := kept(t, 2)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "open"})
	for n := 1; n <= 2; n++ {
		w.publish(d, w.proposal(d, 40, 12, nil), nil)
		w.stored("open", n, 2) // node3 is away
		w.live("open", n)
		w.now += testDay
	}
	w.live2("open", d)
	w.wantExpired("the first one was superseded a day ago")
	asOf := func(n int) catalog.QuerySubmit {
		q := plainSum("open", "nox")
		q.AsOf = n
		return submit(contract, q)
	}
	open := w.ok("bank", catalog.KindQuerySubmit, asOf(1)).ID
	w.now += testDay
	fourth := w.live2("open", d)
	w.wantExpired("the first one was superseded two days ago", 1)
	if v := must[catalog.Version](t)(w.view().Versions().Get("open", 1)); v.Expired != w.now || v.State != catalog.VersionLive || v.Standing() != catalog.VersionExpired {
		t.Fatalf("version %+v", v)
	}
	r := w.no("bank", catalog.KindQuerySubmit, asOf(1), catalog.RefusedPolicy, "expired")
	if r.Field != "release" || !strings.Contains(explain.Fix(r), "version 2") || len(r.Numbers) != 2 {
		t.Fatalf("refusal %+v", r)
	}
	w.ok("bank", catalog.KindQuerySubmit, asOf(2))
	w.ok("bank", catalog.KindQuerySubmit, asOf(0))
	if todo := must[[]catalog.Version](t)(w.view().Versions().Unacked("node3")); len(todo) != 1 || todo[0].Version != 2 {
		t.Fatalf("node3 has to hold %+v", todo)
	}
	w.no("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "open", Version: 1}, catalog.RefusedConflict, "version_state")
	w.ok("node3", catalog.KindVersionAck, catalog.VersionAck{Dataset: "open", Version: 2})

	// A query that was accepted before is answered.
	w.ok("node1", catalog.KindQueryAttempt, w.attempt(open, 1))
	for i, node := range []string{"node1", "node2"} {
		w.ok(node, catalog.KindQueryShare, w.share(open, 1, i))
	}
	if q := w.query(open); q.State != catalog.QueryDone {
		t.Fatalf("query %+v", q)
	}
	w.no("bank", catalog.KindQuerySubmit, asOf(1), catalog.RefusedPolicy, "expired") // a repeat of it is none

	// A machine that takes a seat is not asked to hold what has expired.
	w.replace3("node3-b")
	for _, v := range must[[]catalog.Version](t)(w.view().Versions().Unacked("node3")) {
		if v.Expired != 0 {
			t.Errorf("the new machine has to hold version %d", v.Version)
		}
	}
	w.now += 400 * testDay
	w.ok("bureau", catalog.KindQuerySubmit, catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: asOf(fourth).Request})
	w.wantExpired("nothing was published since", 1)
	w.live2("open", d)
	w.wantExpired("the one before the newest is kept", 1, 2, 3)
	sameElsewhere(t, w)
}

// TestALeaderThatLiesAboutTheTimeExpiresNothing: what counts is when the owner of the dataset proposed the version.
func TestALeaderThatLiesAboutTheTimeExpiresNothing(t *testing.T) {
	w, d := kept(t, 1)
	for range 3 {
		w.live2("open", d)
	}
	number := w.publish(d, w.proposal(d, 40, 12, nil), nil)
	w.stored("open", number, 3)
	w.ok("node1", catalog.KindVersionAttempt, catalog.VersionAttempt{Dataset: "open", Version: number, Attempt: 1, Active: w.active(), Root: "node1"})
	w.ok("node2", catalog.KindVersionParity, catalog.VersionParity{Dataset: "open", Version: number, Attempt: 1, Share: 1, Modulus: 97})
	w.now += 3650 * testDay // by an entry of the leader's own
	w.ok("node1", catalog.KindVersionParity, catalog.VersionParity{Dataset: "open", Version: number, Attempt: 1, Share: 96, Modulus: 97})
	if live := w.dataset("open").Live; live != number {
		t.Fatalf("live is %d", live)
	}
	w.wantExpired("ten years later by the leader's word")
}

// TestAnEntryExpiresFewVersions however many are due, over rejected and withdrawn ones, too.
func TestAnEntryExpiresFewVersions(t *testing.T) {
	w, d := kept(t, 0)
	for n := 1; n <= 150; n++ {
		if n > 30 && n <= 130 && n != 60 {
			number := w.ok("bureau", catalog.KindVersionPropose, w.proposal(d, 40, 12, nil)).Version
			w.ok("bureau", catalog.KindVersionDrop, catalog.VersionCommit{Dataset: "open", Version: number})
			continue
		}
		w.live2("open", d)
	}
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "open", Version: 60, Reason: "a wrong file"})
	w.now += 10 * testDay
	w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", func(d *catalog.Descriptor) { d.Policy.VersionDays = 1 }))
	d = w.dataset("open").Descriptor
	var all []int
	for n := range 149 {
		if n < 30 || n == 59 || n >= 130 {
			all = append(all, n+1)
		}
	}
	for entries := 1; ; entries++ {
		before := w.dataset("open")
		w.live2("open", d)
		after := w.dataset("open")
		if steps := after.Kept - max(before.Kept, 1) + after.Newer - before.Newer; steps > 2*mostExpired || entries > 6 {
			t.Fatalf("entry %d moved on by %d: %+v", entries, steps, after)
		}
		if got := w.expired(); len(got) == len(all) {
			break
		} else if !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("%v have expired, and of all they are not the oldest", got)
		}
	}
	w.wantExpired("all but the newest", all...)
	w.now += 2 * testDay
	w.live2("open", d)
	if got := w.expired(); got[len(got)-1] != w.dataset("open").Kept-1 || w.dataset("open").Kept != w.dataset("open").Live-1 {
		t.Fatalf("%v have expired: %+v", got, w.dataset("open"))
	}
	sameElsewhere(t, w)
}

// TestWhatHasExpiredStaysSo however the policy is amended; from then on the new one holds.
func TestWhatHasExpiredStaysSo(t *testing.T) {
	w, d := kept(t, 1)
	days := func(n int) {
		t.Helper()
		w.ok("bureau", catalog.KindDatasetAmend, w.amendment("open", func(d *catalog.Descriptor) { d.Policy.VersionDays = n }))
		d = w.dataset("open").Descriptor
	}
	next := func() {
		t.Helper()
		w.now += 2 * testDay
		w.live2("open", d)
	}
	for range 3 {
		next()
	}
	w.wantExpired("a day", 1)
	days(30)
	next()
	next()
	w.wantExpired("a month", 1)
	days(0)
	w.now += 100 * testDay
	next()
	w.wantExpired("for ever", 1)
	days(3650)
	next()
	w.wantExpired("ten years", 1)
	days(1)
	next()
	w.wantExpired("a day again", 1, 2, 3, 4, 5, 6)
}

// TestAWithdrawnVersionGivesWayToNoneThatHasExpired: nothing is answered until the next one then.
func TestAWithdrawnVersionGivesWayToNoneThatHasExpired(t *testing.T) {
	w, d := kept(t, 1)
	for range 4 {
		w.live2("open", d)
		w.now += 2 * testDay
	}
	w.wantExpired("a day", 1, 2)
	withdraw := func(n int) {
		t.Helper()
		w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "open", Version: n, Reason: "a wrong file"})
	}
	withdraw(4)
	if live := w.dataset("open").Live; live != 3 {
		t.Fatalf("live is %d", live)
	}
	withdraw(3)
	if live := w.dataset("open").Live; live != 0 {
		t.Fatalf("live is %d", live)
	}
	asOf := func(n int) catalog.QuerySubmit {
		q := plainSum("open", "nox")
		q.AsOf = n
		return catalog.QuerySubmit{Receiving: testReceiving("bureau"), Request: q}
	}
	w.no("bureau", catalog.KindQuerySubmit, asOf(0), catalog.RefusedConflict, "no_release")
	if r := w.no("bureau", catalog.KindQuerySubmit, asOf(2), catalog.RefusedPolicy, "expired"); !strings.Contains(explain.Fix(r), "another version") {
		t.Fatalf("refusal %+v", r)
	}
	withdraw(2) // whoever was answered from it is told that it was wrong
	w.no("bureau", catalog.KindQuerySubmit, asOf(2), catalog.RefusedPolicy, "withdrawn")
	fifth := w.live2("open", d)
	w.ok("bureau", catalog.KindQuerySubmit, asOf(0))
	w.now += 2 * testDay
	w.live2("open", d)
	w.wantExpired("withdrawn ones, too", 1, 2, 3, 4)
	if r := w.no("bureau", catalog.KindQuerySubmit, asOf(1), catalog.RefusedPolicy, "expired"); !strings.Contains(explain.Fix(r), "version 5") || fifth != 5 {
		t.Fatalf("refusal %+v", r)
	}
	sameElsewhere(t, w)
}

// TestAWithdrawnVersionSupersedesNone: the one before it was the newest again, and its days begin with the next.
func TestAWithdrawnVersionSupersedesNone(t *testing.T) {
	w, d := kept(t, 2)
	w.live2("open", d)
	w.live2("open", d)
	w.ok("bureau", catalog.KindDatasetWithdraw, catalog.DatasetWithdraw{Dataset: "open", Version: 2, Reason: "a wrong file"})
	w.now += 10 * testDay
	w.live2("open", d)
	w.now += testDay
	w.live2("open", d)
	w.wantExpired("a day after the third came")
	w.now += testDay
	w.live2("open", d)
	w.wantExpired("two days after the third came", 1, 2)
}

// TestVersionDaysCameWithTheirLevel: a cluster below it takes none, nor a program of before.
func TestVersionDaysCameWithTheirLevel(t *testing.T) {
	body := testInit(3, 2)
	body.Level = 5
	w := newWorldOf(t, body).admit().registry("enterprises", statetest.Rows(0, 40), 16).key("bureau")
	d := openDescriptor("open")
	d.Policy.Unrelated = nil
	short := d
	short.Policy.VersionDays = 7
	w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: short}, catalog.RefusedInvalid, "body")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	amend := w.amendment("open", func(d *catalog.Descriptor) { d.Policy.VersionDays = 7 })
	w.no("bureau", catalog.KindDatasetAmend, amend, catalog.RefusedInvalid, "body")
	w.ok("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: 6})
	w.ok("bureau", catalog.KindDatasetAmend, amend)
}
