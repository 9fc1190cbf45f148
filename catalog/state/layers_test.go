package state

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestAttemptsNeedTheVersionsOfAllLayers: a member holds every version that a verdict is
// computed from, and the tiles of all of them are counted, once against their key.
func TestAttemptsNeedTheVersionsOfAllLayers(t *testing.T) {
	w := ready(t)
	d := statetest.Descriptor("emissions")
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	v := w.proposal(d, 40, 12, counts)
	w.publishAs("bureau", d, v, counts, w.sameAs("bureau", d, v, 1))
	w.stored("emissions", 2, 2)
	w.live("emissions", 2)
	out := w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy()))
	if out.Decision.Layers != nil {
		t.Fatalf("layers %+v of an answer from version 2 alone", out.Decision.Layers)
	}
	verdict := must[catalog.Verdict](t)(w.view().Verdict(out.ID))
	if want := []catalog.VersionOf{{Dataset: "emissions", Version: 2}}; !slices.Equal(verdict.Versions(), want) {
		t.Fatalf("versions %v, want %v", verdict.Versions(), want)
	}
	older := verdict.Layers[0]
	older.Version = 1
	verdict.Layers = []catalog.Layer{older, verdict.Layers[0]}
	first := must[catalog.Version](t)(w.view().Versions().Get("emissions", 1))
	acks := first.Acks
	first.Acks = []string{"node2", "node3"}
	for key, value := range map[string]any{records.PrefixVerdict + out.ID: verdict, records.PrefixVersion + records.VersionName("emissions", 1): first} {
		if err := records.Put(w.store, key, value); err != nil {
			t.Fatal(err)
		}
	}
	b := w.attempt(out.ID, 1)
	w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedConflict, "holder")
	first.Acks = acks
	if err := records.Put(w.store, records.PrefixVersion+records.VersionName("emissions", 1), first); err != nil {
		t.Fatal(err)
	}
	before := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))).Opened
	b.Tiles = 49 // 24 of each version
	w.no("node1", catalog.KindQueryAttempt, b, catalog.RefusedInvalid, "invalid")
	b.Tiles = 48
	w.ok("node1", catalog.KindQueryAttempt, b)
	if k := must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))); k.Opened != before+48 {
		t.Errorf("%d tiles are counted, want 48", k.Opened-before)
	}
}

// TestADecisionNamesTheVersionsOfSeveralLayers by what the ledger has of them.
func TestADecisionNamesTheVersionsOfSeveralLayers(t *testing.T) {
	w := ready(t)
	v := must[catalog.Version](t)(w.view().Versions().Get("emissions", 1))
	second := v
	second.Version, second.Manifest, second.Presence = 2, catalog.Sum([]byte("m")), catalog.Sum([]byte("p"))
	if err := records.Put(w.store, records.PrefixVersion+records.VersionName("emissions", 2), second); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		layers []int
		want   []catalog.DecidedLayer
	}{
		{[]int{2}, nil},
		{[]int{1}, []catalog.DecidedLayer{{Version: 1, Manifest: v.Manifest, Presence: v.Presence}}},
		{[]int{1, 2}, []catalog.DecidedLayer{{Version: 1, Manifest: v.Manifest, Presence: v.Presence}, {Version: 2, Manifest: second.Manifest, Presence: second.Presence}}},
	} {
		verdict := catalog.Verdict{Dataset: "emissions", Version: 2}
		for _, version := range x.layers {
			verdict.Layers = append(verdict.Layers, catalog.Layer{Version: version})
		}
		if got := must[[]catalog.DecidedLayer](t)(judge.DecidedLayers(w.store, verdict, "emissions", 2)); !slices.Equal(got, x.want) {
			t.Errorf("layers %v: decided %+v, want %+v", x.layers, got, x.want)
		}
	}
}

func TestHoldersHaveEveryVersion(t *testing.T) {
	of := func(acks ...string) catalog.Version { return catalog.Version{Acks: acks} }
	for _, x := range []struct {
		versions []catalog.Version
		want     []string
	}{
		{nil, nil},
		{[]catalog.Version{of("a", "b", "c")}, []string{"a", "b", "c"}},
		{[]catalog.Version{of("c", "a", "b"), of("b", "c")}, []string{"c", "b"}},
		{[]catalog.Version{of("a", "b", "c"), of("b", "c"), of("a", "b")}, []string{"b"}},
		{[]catalog.Version{of("a"), of("b")}, nil},
	} {
		if got := holdersOf(x.versions); !slices.Equal(got, x.want) {
			t.Errorf("holders of %v are %v, want %v", x.versions, got, x.want)
		}
	}
}
