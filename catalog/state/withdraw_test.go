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
