package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/granting"
)

func TestApprovalNarrowsAnOrder(t *testing.T) {
	w := ready(t)
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{
		Dataset: "emissions", Purpose: "credit risk", Measures: []string{"so2", "nox"}, Until: w.now + 1000_000, Queries: 10,
	}).ID
	for field, b := range map[string]catalog.OrderApprove{
		"measures":   {Order: order, Measures: []string{"pm"}},
		"aggregates": {Order: order, Aggregates: []string{"histogram"}},
		"until":      {Order: order, Until: w.now + 2000_000},
		"queries":    {Order: order, Queries: 11},
	} {
		if r := w.no("bureau", catalog.KindOrderApprove, b, catalog.RefusedInvalid, "narrow"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	w.no("rival", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedForbidden, "owner")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: "o-none"}, catalog.RefusedUnknown, "unknown")
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Measures: []string{"nox"}, Queries: 3}).ID
	k := must[catalog.Contract](t)(w.view().Contract(id))
	if !slices.Equal(k.Measures, []string{"nox"}) || !slices.Equal(k.Aggregates, []string{"count", "sum", "avg"}) || k.Queries != 3 ||
		k.Buyer != testID("bank") || k.Publisher != testID("bureau") || k.Order != order || k.Purpose != "credit risk" {
		t.Fatalf("contract %+v", k)
	}
	if o := must[catalog.Order](t)(w.view().Order(order)); o.State != catalog.OrderApproved || o.Contract != id || k.Until != o.Until {
		t.Fatalf("order %+v", o)
	}
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order}, catalog.RefusedConflict, "order_state")
	w.no("bureau", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: order, Reason: "late"}, catalog.RefusedConflict, "order_state")
}

func TestOrderOfEverythingIsForAYear(t *testing.T) {
	w := ready(t)
	k := must[catalog.Contract](t)(w.view().Contract(w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})))
	if k.Until-k.From != granting.DefaultTerm || k.Queries != 0 || len(k.Measures) != 2 || len(k.Aggregates) != 3 {
		t.Fatalf("contract %+v", k)
	}
	narrowed := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x"}).ID
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: narrowed, Queries: 7, Until: w.now + 5000, Aggregates: []string{"sum"}}).ID
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Queries != 7 || !slices.Equal(k.Aggregates, []string{"sum"}) {
		t.Fatalf("contract %+v", k)
	}
	if all := must[[]catalog.Contract](t)(w.view().Contracts()); len(all) != 2 || all[1].ID != id {
		t.Fatalf("contracts %+v", all)
	}
	if all := must[[]catalog.Order](t)(w.view().Orders()); len(all) != 2 || all[1].ID != narrowed {
		t.Fatalf("orders %+v", all)
	}
}

func TestOrderRefusals(t *testing.T) {
	w := ready(t)
	good := catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}
	for field, change := range map[string]func(*catalog.OrderCreate){
		"purpose":       func(o *catalog.OrderCreate) { o.Purpose = "" },
		"measures[0]":   func(o *catalog.OrderCreate) { o.Measures = []string{"pm"} },
		"aggregates[0]": func(o *catalog.OrderCreate) { o.Aggregates = []string{"max"} },
		"until":         func(o *catalog.OrderCreate) { o.Until = w.now },
		"queries":       func(o *catalog.OrderCreate) { o.Queries = -1 },
	} {
		o := good
		change(&o)
		if r := w.no("bank", catalog.KindOrderCreate, o, catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	long := good
	long.Until = w.now + maxTermMillis + 1000
	w.no("bank", catalog.KindOrderCreate, long, catalog.RefusedInvalid, "invalid")
	policy := good
	policy.Aggregates = []string{"histogram"}
	w.no("bank", catalog.KindOrderCreate, policy, catalog.RefusedPolicy, "aggregate")
	none := good
	none.Dataset = "none"
	w.no("bank", catalog.KindOrderCreate, none, catalog.RefusedUnknown, "unknown")

	short := good
	short.Until = w.now + 1000
	id := w.ok("bank", catalog.KindOrderCreate, short).ID
	w.now += 2000
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: id}, catalog.RefusedConflict, "until")
	w.no("bureau", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: id}, catalog.RefusedInvalid, "invalid")
	w.no("rival", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: id, Reason: "no"}, catalog.RefusedForbidden, "owner")
	w.ok("bureau", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: id, Reason: "not for marketing"})
	if o := must[catalog.Order](t)(w.view().Order(id)); o.State != catalog.OrderRefused || o.Reason != "not for marketing" {
		t.Fatalf("order %+v", o)
	}
}
