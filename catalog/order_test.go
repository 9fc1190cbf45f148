package catalog

import (
	"slices"
	"testing"
)

func TestApprovalNarrowsAnOrder(t *testing.T) {
	w := ready(t)
	order := w.ok("bank", KindOrderCreate, OrderCreate{
		Dataset: "emissions", Purpose: "credit risk", Measures: []string{"so2", "nox"}, Until: w.now + 1000_000, Queries: 10,
	}).ID
	for field, b := range map[string]OrderApprove{
		"measures":   {Order: order, Measures: []string{"pm"}},
		"aggregates": {Order: order, Aggregates: []string{"histogram"}},
		"until":      {Order: order, Until: w.now + 2000_000},
		"queries":    {Order: order, Queries: 11},
	} {
		if r := w.no("bureau", KindOrderApprove, b, RefusedInvalid, "narrow"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	w.no("rival", KindOrderApprove, OrderApprove{Order: order}, RefusedForbidden, "owner")
	w.no("bureau", KindOrderApprove, OrderApprove{Order: "o-none"}, RefusedUnknown, "unknown")
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: order, Measures: []string{"nox"}, Queries: 3}).ID
	k := must[Contract](t)(w.view().Contract(id))
	if !slices.Equal(k.Measures, []string{"nox"}) || !slices.Equal(k.Aggregates, []string{"count", "sum", "avg"}) || k.Queries != 3 ||
		k.Buyer != testID("bank") || k.Publisher != testID("bureau") || k.Order != order || k.Purpose != "credit risk" {
		t.Fatalf("contract %+v", k)
	}
	if o := must[Order](t)(w.view().Order(order)); o.State != OrderApproved || o.Contract != id || k.Until != o.Until {
		t.Fatalf("order %+v", o)
	}
	w.no("bureau", KindOrderApprove, OrderApprove{Order: order}, RefusedConflict, "order_state")
	w.no("bureau", KindOrderRefuse, OrderRefuse{Order: order, Reason: "late"}, RefusedConflict, "order_state")
}

func TestOrderOfEverythingIsForAYear(t *testing.T) {
	w := ready(t)
	k := must[Contract](t)(w.view().Contract(w.contract("bank", OrderCreate{Dataset: "emissions"})))
	if k.Until-k.From != yearMillis || k.Queries != 0 || len(k.Measures) != 2 || len(k.Aggregates) != 3 {
		t.Fatalf("contract %+v", k)
	}
	narrowed := w.ok("bank", KindOrderCreate, OrderCreate{Dataset: "emissions", Purpose: "x"}).ID
	id := w.ok("bureau", KindOrderApprove, OrderApprove{Order: narrowed, Queries: 7, Until: w.now + 5000, Aggregates: []string{"sum"}}).ID
	if k := must[Contract](t)(w.view().Contract(id)); k.Queries != 7 || !slices.Equal(k.Aggregates, []string{"sum"}) {
		t.Fatalf("contract %+v", k)
	}
	if all := must[[]Contract](t)(w.view().Contracts()); len(all) != 2 || all[1].ID != id {
		t.Fatalf("contracts %+v", all)
	}
	if all := must[[]Order](t)(w.view().Orders()); len(all) != 2 || all[1].ID != narrowed {
		t.Fatalf("orders %+v", all)
	}
}

func TestOrderRefusals(t *testing.T) {
	w := ready(t)
	good := OrderCreate{Dataset: "emissions", Purpose: "risk"}
	for field, change := range map[string]func(*OrderCreate){
		"purpose":       func(o *OrderCreate) { o.Purpose = "" },
		"measures[0]":   func(o *OrderCreate) { o.Measures = []string{"pm"} },
		"aggregates[0]": func(o *OrderCreate) { o.Aggregates = []string{"max"} },
		"until":         func(o *OrderCreate) { o.Until = w.now },
		"queries":       func(o *OrderCreate) { o.Queries = -1 },
	} {
		o := good
		change(&o)
		if r := w.no("bank", KindOrderCreate, o, RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := good
	long.Until = w.now + maxTermMillis + 1000
	w.no("bank", KindOrderCreate, long, RefusedInvalid, "invalid")
	policy := good
	policy.Aggregates = []string{"histogram"}
	w.no("bank", KindOrderCreate, policy, RefusedPolicy, "aggregate")
	none := good
	none.Dataset = "none"
	w.no("bank", KindOrderCreate, none, RefusedUnknown, "unknown")

	short := good
	short.Until = w.now + 1000
	id := w.ok("bank", KindOrderCreate, short).ID
	w.now += 2000
	w.no("bureau", KindOrderApprove, OrderApprove{Order: id}, RefusedConflict, "until")
	w.no("bureau", KindOrderRefuse, OrderRefuse{Order: id}, RefusedInvalid, "invalid")
	w.no("rival", KindOrderRefuse, OrderRefuse{Order: id, Reason: "no"}, RefusedForbidden, "owner")
	w.ok("bureau", KindOrderRefuse, OrderRefuse{Order: id, Reason: "not for marketing"})
	if o := must[Order](t)(w.view().Order(id)); o.State != OrderRefused || o.Reason != "not for marketing" {
		t.Fatalf("order %+v", o)
	}
}

// A term ends at the midnight after its last day, in China: the day is what is said.
func TestATermIsSaidByItsLastDay(t *testing.T) {
	for until, want := range map[int64]string{
		1798646400000: "2026-12-30", // 2026-12-31T00:00+08:00
		1798646400001: "2026-12-31",
		1798732800000: "2026-12-31",
	} {
		if got := lastDay(until); got != want {
			t.Errorf("%d: got %s, want %s", until, got, want)
		}
	}
}
