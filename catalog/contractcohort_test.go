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
