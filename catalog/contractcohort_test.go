package catalog

import "testing"

// TestAContractAsksForLargerGroups of its own; it never cuts for itself.
func TestAContractAsksForLargerGroups(t *testing.T) {
	w := ready(t)
	w.no("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", MinCohort: 4}, RefusedInvalid, "invalid")
	order := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x", MinCohort: 10}).ID
	w.no("bureau", KindOrderApprove, OrderApprove{Order: order, MinCohort: 9}, RefusedInvalid, "narrow")
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: order, MinCohort: 14}).ID
	if k := must[Contract](t)(w.view().Contract(id)); k.MinCohort != 14 {
		t.Fatalf("contract %+v", k)
	}
	// 13 count in each county (enterprise 0 of the 14 of county0 never does), 39 in all.
	w.no("bank", KindQuerySubmit, submit(id, sumBy(attr("county"))), RefusedPolicy, "min_cohort")
	w.ok("bank", KindQuerySubmit, submit(id, sumBy()))
	plain := w.contract("bank", OrderCreate{Dataset: "emissions"})
	q := w.ok("bank", KindQuerySubmit, submit(plain, sumBy(attr("county")))).ID
	if v := must[Verdict](t)(w.view().Verdict(q)); len(v.Withheld) != 0 || len(v.Parts) != 3 {
		t.Fatalf("verdict %+v", v)
	}
	d := testDescriptor("open")
	d.Policy = Policy{Aggregates: d.Policy.Aggregates, Grain: GrainMonth, Public: true}
	w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
	w.no("bank", KindOrderCreate, OrderCreate{Dataset: "open", Purpose: "x", MinCohort: 10}, RefusedInvalid, "invalid")
}

func TestAFamilyHasOneOffsetFromUTC(t *testing.T) {
	w := ready(t)
	d := testDescriptor("hourly")
	d.UTCOffset = "+00:00"
	if r := w.no("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d}, RefusedConflict, "family"); r.Field != "utc_offset" {
		t.Fatalf("refusal %+v", r)
	}
}

// A contract that asks for larger groups asks for larger portfolios too: what a
// selector takes of a class, and what it leaves, are groups.
func TestAContractAsksForLargerPortfolios(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	order := h.ok("bank", KindOrderCreate, OrderCreate{Dataset: "m", Purpose: "x", MinCohort: 10}).ID
	strict := h.ok("bureau", KindOrderApprove, OrderApprove{Order: order}).ID
	plain := h.contract("bank", OrderCreate{Dataset: "m"})
	mine := h.portfolio("bank", "mine", counties1(8)...)
	least := func(contract string) int {
		t.Helper()
		q := submit(contract, private(sumOf("m", "nox", nil, nil), mine))
		_, previewed, sets, refusal, err := h.view().CohortPreview(testID("bank"), q)
		if err != nil || refusal != nil || len(sets) == 0 {
			t.Fatalf("preview: %d sets, %v, %v", len(sets), refusal, err)
		}
		n, sets, err := h.view().CohortSets(h.ok("bank", KindQuerySubmit, q).ID)
		if err != nil || len(sets) == 0 || n != previewed {
			t.Fatalf("%d sets of %d, previewed %d: %v", len(sets), n, previewed, err)
		}
		return n
	}
	if a, b := least(plain), least(strict); a != 5 || b != 10 {
		t.Fatalf("portfolios of %d and %d are tested for, want 5 and 10", a, b)
	}
	// A class that is too small for the contract is left out: none of it could be
	// selected, and not none either.
	h = newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	order = h.ok("bank", KindOrderCreate, OrderCreate{Dataset: "m", Purpose: "x", MinCohort: 10}).ID
	strict = h.ok("bureau", KindOrderApprove, OrderApprove{Order: order}).ID
	h.ask("insurer", sumOf("m", "nox", in("", ids(counties1(7)...)...), nil))
	mine = h.portfolio("bank", "mine", 0, 3, 6, 9, 12, 15, 18, 21, 24, 27)
	q := h.ok("bank", KindQuerySubmit, submit(strict, private(sumOf("m", "nox", nil, nil), mine))).ID
	v := must[Verdict](t)(h.view().Verdict(q))
	if g := v.EntityGroups[0]; g.Included != 53 || g.Of != 60 || len(v.Parts) != 3 {
		t.Fatalf("%d of %d entities in %d classes are included, want the 53 that are not in the class of seven", g.Included, g.Of, len(v.Parts))
	}
	if !h.test(q, v) {
		t.Fatal("ten of twenty do not pass the test")
	}
}
