package catalog

import (
	"slices"
	"testing"
)

// successor is a second version of emissions with what it was compared with.
func (w *world) successor(d Descriptor, entities, periods int, counts [][][]byte, sets []CellSet) VersionPropose {
	w.t.Helper()
	v := w.proposal(d, entities, periods, counts)
	v.Compared = must[[]Comparison](w.t)(w.view().Kindred(d.Dataset))
	v.Sets = SetsDigest(sets)
	return v
}

func readyCounts(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) }

func changedBy(entities int, who ...int) []byte {
	levels := slices.Repeat([]int32{-1}, entities)
	for _, e := range who {
		levels[e] = 0
	}
	return PackAssign(levels)
}

func TestSetsArriveWholeAndInOrder(t *testing.T) {
	w := ready(t)
	d := testDescriptor("emissions")
	counts := testCounts(2, 12, 40, readyCounts)
	march := month("2024-03")
	sets := []CellSet{
		{Comparison: 0, Period: march, Levels: changedBy(40, 1, 4, 7, 10, 13)},
		{Comparison: 1, Period: march, Levels: changedBy(40, 2)},
	}
	v := w.successor(d, 40, 12, counts, sets)
	for _, change := range []func(*VersionPropose){
		func(v *VersionPropose) { v.Sets = Digest{} },
		func(v *VersionPropose) { v.Compared = nil },
		func(v *VersionPropose) { v.Compared[0].Measure = "pm" },
		func(v *VersionPropose) { v.Compared[0].Dataset = "other" },
		func(v *VersionPropose) { v.Compared[0].Release = 2 },
		func(v *VersionPropose) { v.Compared[0].Release = 0 },
		func(v *VersionPropose) { v.Compared[1] = v.Compared[0] },
	} {
		bad := clone(t, v)
		change(&bad)
		w.no("bureau", KindVersionPropose, bad, RefusedInvalid, "invalid")
	}
	n := w.ok("bureau", KindVersionPropose, v).Version
	for i, name := range d.measureNames() {
		w.ok("bureau", KindVersionCounts, VersionCounts{Dataset: d.Dataset, Version: n, Measure: name, From: v.First, Bitmaps: counts[i]})
	}
	send := func(from int, list ...CellSet) VersionSets {
		return VersionSets{Dataset: d.Dataset, Version: n, From: from, Sets: list}
	}
	w.no("rival", KindVersionSets, send(0, sets...), RefusedForbidden, "owner")
	w.no("bureau", KindVersionSets, send(1, sets[1]), RefusedConflict, "chunk")
	for _, bad := range []VersionSets{
		send(0), send(0, sets[1], sets[0]), send(0, CellSet{Comparison: 2, Levels: changedBy(40, 1)}),
		send(0, CellSet{Levels: changedBy(39, 1)}), send(0, CellSet{Levels: changedBy(40)}),
	} {
		w.no("bureau", KindVersionSets, bad, RefusedInvalid, "invalid")
	}
	w.ok("bureau", KindVersionSets, send(0, sets[0]))
	w.ok("bureau", KindVersionSets, send(0, sets[0])) // again
	w.no("bureau", KindVersionSets, send(0, sets[1]), RefusedConflict, "chunk")
	w.no("bureau", KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: n}, RefusedConflict, "digest")
	w.ok("bureau", KindVersionSets, send(1, sets[1]))
	w.ok("bureau", KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: n})
	if got := must[[]CellSet](t)(w.view().Sets(d.Dataset, n)); !slices.EqualFunc(got, sets, func(a, b CellSet) bool {
		return a.Comparison == b.Comparison && a.Period == b.Period && slices.Equal(a.Levels, b.Levels)
	}) {
		t.Fatalf("sets %+v", got)
	}
	w.ok("bureau", KindVersionDrop, VersionCommit{Dataset: d.Dataset, Version: n})
	if got := must[[]CellSet](t)(w.view().Sets(d.Dataset, n)); len(got) != 0 {
		t.Fatalf("sets of a dropped version: %+v", got)
	}
}

func TestSetsOutOfOrderAcrossChunksAreNotCommitted(t *testing.T) {
	w := ready(t)
	d := testDescriptor("emissions")
	counts := testCounts(2, 12, 40, readyCounts)
	sets := []CellSet{{Comparison: 1, Period: 5, Levels: changedBy(40, 1)}, {Comparison: 0, Period: 5, Levels: changedBy(40, 1)}}
	v := w.successor(d, 40, 12, counts, sets)
	n := w.ok("bureau", KindVersionPropose, v).Version
	for i, name := range d.measureNames() {
		w.ok("bureau", KindVersionCounts, VersionCounts{Dataset: d.Dataset, Version: n, Measure: name, From: v.First, Bitmaps: counts[i]})
	}
	for i := range sets {
		w.ok("bureau", KindVersionSets, VersionSets{Dataset: d.Dataset, Version: n, From: i, Sets: sets[i : i+1]})
	}
	w.no("bureau", KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: n}, RefusedConflict, "sets")
}
