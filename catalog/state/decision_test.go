package state

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
)

// The outcomes are what the evidence log holds: they name the decision, and the
// entries of the attempt that answered, not of one that failed before.
func TestOutcomesSayWhatWasDecidedAndWhichSharesWereTaken(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Queries: 2})
	out := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county"))))
	q := must[catalog.Query](t)(w.view().Query(out.ID))
	v := must[catalog.Version](t)(w.view().Versions().Get("emissions", q.Version))
	want := &catalog.Decision{
		Name: "bank", Contract: contract, Dataset: "emissions", Version: v.Version, Manifest: v.Manifest, Presence: v.Presence,
		Verdict: catalog.Sum(catalog.Encode(must[catalog.Verdict](t)(w.view().Verdict(q.ID)))), Groups: q.Groups, Withheld: q.Withheld,
		Price: q.Price, Currency: must[catalog.Contract](t)(w.view().Contract(contract)).Currency(),
	}
	if d := cmp.Diff(want, out.Decision); d != "" {
		t.Errorf("(-want +decided)\n%s", d)
	}
	if len(v.Entries) != 2 || v.Entries[0] >= v.Entries[1] || v.Entries[1] >= q.Seq {
		t.Errorf("the version's entries are %v, the query's %d", v.Entries, q.Seq)
	}
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(q.ID, 1))
	w.ok("node1", catalog.KindQueryShare, w.share(q.ID, 1, 1))
	w.ok("node3", catalog.KindQueryFail, catalog.QueryFail{Query: q.ID, Attempt: 1, Reason: told("node2 does not answer")})
	named := w.ok("node3", catalog.KindQueryAttempt, w.attempt(q.ID, 2))
	entries := []uint64{named.Seq}
	for i, node := range []string{"node2", "node1"} {
		taken := w.ok(node, catalog.KindQueryShare, w.share(q.ID, 2, i+1))
		share := &catalog.ShareTaken{Node: node, Attempt: 2, Sealed: catalog.Sum(w.share(q.ID, 2, i+1).Sealed)}
		if d := cmp.Diff(share, taken.Share); d != "" || taken.ID != q.ID {
			t.Errorf("(-want +taken)\n%s", d)
		}
		entries = append(entries, taken.Seq)
	}
	if got := must[catalog.Query](t)(w.view().Query(q.ID)).Entries; !cmp.Equal(got, entries) {
		t.Errorf("the query's entries are %v, want %v", got, entries)
	}
	refused := w.do("bank", catalog.KindQuerySubmit, submit("c-none", statetest.SumBy()))
	if refused.Refusal == nil || refused.Decision != nil || refused.ID != "" {
		t.Errorf("a refusal decided %+v", refused)
	}
}
