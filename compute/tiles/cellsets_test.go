package tiles_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
)

func filled(t *testing.T, entities, periods int, has func(e, p int) bool) *tiles.Presence {
	t.Helper()
	p, err := tiles.NewPresence(1, entities, periods)
	if err != nil {
		t.Fatal(err)
	}
	for e := range entities {
		for i := range periods {
			if has(e, i) {
				p.Set(0, e, i)
			}
		}
	}
	return p
}

func TestDifferingCellsOfTwoVersions(t *testing.T) {
	day := catalog.GrainMonth.Span(648, catalog.GrainDay).From // 2024-01-01
	side := func(p *tiles.Presence) tiles.Side {
		return tiles.Side{Presence: p, First: day, Cells: catalog.GrainDay, Policy: catalog.GrainMonth}
	}
	old := side(filled(t, 3, 40, func(e, p int) bool { return e != 1 || p > 3 }))
	// Five more days of February, entity 3 is new, and 1 has the days that it lacked.
	young := side(filled(t, 4, 45, func(int, int) bool { return true }))
	got := tiles.Differing(young, old, func(e int, p int64) bool { return e == 2 && p == day })
	want := map[int64][]int32{648: {-1, 2, 0, 4}, 649: {2, 2, 2, 3}} // 4 days, 1 changed, 31; 5, 5, 5 and 14 days
	if len(got) != len(want) || !slices.Equal(got[648], want[648]) || !slices.Equal(got[649], want[649]) {
		t.Fatalf("levels %v, want %v", got, want)
	}
	sets := tiles.CellSets(0, got)
	if err := tiles.CheckSets(young, old, sets, true); err != nil {
		t.Fatal(err)
	}
	if err := tiles.CheckSets(young, old, sets, false); !errors.Is(err, tiles.ErrSets) {
		t.Fatalf("a correction where there can be none: %v", err)
	}
	for name, bad := range map[string][]catalog.CellSet{
		"a month is kept back": sets[:1],
		"fewer cells":          tiles.CellSets(0, map[int64][]int32{648: {-1, 1, 0, 4}, 649: want[649]}),
		"an entity less":       tiles.CellSets(0, map[int64][]int32{648: {-1, -1, 0, 4}, 649: want[649]}),
		"another length":       tiles.CellSets(0, map[int64][]int32{648: {-1, 2, 0}, 649: want[649]}),
	} {
		if err := tiles.CheckSets(young, old, bad, true); !errors.Is(err, tiles.ErrSets) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := tiles.Differing(old, old, nil); len(got) != 0 {
		t.Fatalf("a version differs from itself: %v", got)
	}
}

func TestDifferingCellsAcrossGrains(t *testing.T) {
	day := catalog.GrainMonth.Span(648, catalog.GrainDay).From
	monthly := tiles.Side{Presence: filled(t, 3, 2, func(e, p int) bool { return e != 2 || p != 0 }), First: 648, Cells: catalog.GrainMonth, Policy: catalog.GrainMonth}
	daily := tiles.Side{Presence: filled(t, 3, 31, func(e, p int) bool { return e != 1 || p != 7 }), First: day, Cells: catalog.GrainDay, Policy: catalog.GrainDay}
	want := map[int64][]int32{648: {-1, 0, 4}} // complete; a day is missing; 31 days without a month
	for _, pair := range [][2]tiles.Side{{monthly, daily}, {daily, monthly}} {
		got := tiles.Differing(pair[0], pair[1], nil)
		if len(got) != 1 || !slices.Equal(got[648], want[648]) {
			t.Fatalf("levels %v, want %v", got, want)
		}
	}
}

func TestSetChunksAreSmallAndInOrder(t *testing.T) {
	levels := slices.Repeat([]int32{-1, 0, 3}, 20_000)
	var sets []catalog.CellSet
	for period := range int64(9) {
		sets = append(sets, tiles.CellSets(0, map[int64][]int32{period: levels})...)
	}
	next := 0
	for _, chunk := range tiles.SetChunks("d", 2, sets) {
		size := 0
		for _, s := range chunk.Sets {
			size += len(s.Levels)
		}
		if chunk.From != next || chunk.Dataset != "d" || chunk.Version != 2 || len(chunk.Sets) == 0 || size > 256<<10 {
			t.Fatalf("chunk from %d of %d sets and %d bytes", chunk.From, len(chunk.Sets), size)
		}
		next += len(chunk.Sets)
	}
	if next != len(sets) {
		t.Fatalf("%d of %d sets", next, len(sets))
	}
}
