package judge

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

func TestJoinedDatasetsMustNameEachOtherAndBeAlike(t *testing.T) {
	for name, x := range map[string]struct {
		change func(emissions, energy *catalog.Descriptor)
		rule   string
	}{
		"the first does not name the second": {func(a, _ *catalog.Descriptor) { a.Policy.Joins = nil }, "joins"},
		"the second does not name the first": {func(_, b *catalog.Descriptor) { b.Policy.Joins = []string{"other"} }, "joins"},
		"the grain differs":                  {func(_, b *catalog.Descriptor) { b.Grain = calendar.Day }, "join_shape"},
		"utc_offset differs":                 {func(_, b *catalog.Descriptor) { b.UTCOffset = "+09:00" }, "join_shape"},
		"the policy's grain differs":         {func(_, b *catalog.Descriptor) { b.Policy.Grain = calendar.Quarter }, "join_shape"},
		"the policy's grain is coarser": {func(a, b *catalog.Descriptor) {
			a.Policy.Grain, b.Policy.Grain = calendar.Quarter, calendar.Quarter
		}, "joins"},
		"one is public": {func(_, b *catalog.Descriptor) {
			b.Policy = catalog.Policy{Public: true, Aggregates: []string{"count", "sum"}, Grain: calendar.Month}
		}, "joins"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := statetest.Descriptor("emissions"), joinedDescriptor()
			a.Policy.Joins = []string{"energy"}
			x.change(&a, &b)
			r := joinable(catalog.Dataset{ID: a.Dataset, Owner: "p1", Descriptor: a}, catalog.Dataset{ID: b.Dataset, Owner: "p2", Descriptor: b})
			kind := catalog.RefusedPolicy
			if x.rule == "join_shape" {
				kind = catalog.RefusedInvalid
			}
			statetest.WantRefusal(t, r, kind, x.rule)
			if r.Field != "join" {
				t.Errorf("field %q", r.Field)
			}
		})
	}
	a, b := statetest.Descriptor("emissions"), joinedDescriptor()
	a.Policy.Joins = []string{"energy"}
	one, two := catalog.Dataset{ID: a.Dataset, Owner: "p1", Descriptor: a}, catalog.Dataset{ID: b.Dataset, Owner: "p1", Descriptor: b}
	statetest.WantRefusal(t, joinable(one, two), catalog.RefusedPolicy, "joins") // of one publisher
	if two.Owner = "p2"; joinable(one, two) != nil {
		t.Errorf("refused: %v", joinable(one, two))
	}
	two.Descriptor.Registry = "other"
	statetest.WantRefusal(t, joinable(one, two), catalog.RefusedInvalid, "join_shape")
}

// joinedDescriptor is of a dataset that may be joined with that of testDescriptor.
func joinedDescriptor() catalog.Descriptor {
	d := statetest.Descriptor("energy")
	d.Policy.Cubes, d.Policy.Joins = nil, []string{"emissions"}
	return d
}
