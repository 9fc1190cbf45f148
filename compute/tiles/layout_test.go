package tiles_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/tiles"
)

func TestLayoutOfDesignsExamples(t *testing.T) {
	full := func(first int) catalog.Block { return catalog.Block{First: first, Entities: 8191, Periods: 1} }
	for name, c := range map[string]struct {
		entities int
		grain    calendar.Grain
		want     []catalog.Block
	}{
		"12 stations hourly":      {12, calendar.Hour, []catalog.Block{{First: 0, Entities: 12, Periods: 672}}},
		"25,000 enterprises":      {25_000, calendar.Month, []catalog.Block{full(0), full(8191), full(16382), {First: 24573, Entities: 427, Periods: 12}}},
		"25,137 enterprises":      {25_137, calendar.Month, []catalog.Block{full(0), full(8191), full(16382), {First: 24573, Entities: 564, Periods: 12}}},
		"one full block":          {8191, calendar.Day, []catalog.Block{full(0)}},
		"one more than a block":   {8192, calendar.Year, []catalog.Block{full(0), {First: 8191, Entities: 1, Periods: 8191}}},
		"days have no unit":       {13, calendar.Day, []catalog.Block{{First: 0, Entities: 13, Periods: 630}}},
		"quarters":                {500, calendar.Quarter, []catalog.Block{{First: 0, Entities: 500, Periods: 16}}},
		"less than a day fits":    {427, calendar.Hour, []catalog.Block{{First: 0, Entities: 427, Periods: 19}}},
		"hours beside full block": {8191 + 341, calendar.Hour, []catalog.Block{full(0), {First: 8191, Entities: 341, Periods: 24}}},
	} {
		if got := tiles.Layout(8191, c.entities, c.grain); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	beijing := tiles.Layout(8191, 12, calendar.Hour)
	if n := tiles.TileCount(beijing, 35_064); n != 53 {
		t.Errorf("four years of Beijing take %d tiles a measure, want 53", n)
	}
}

func TestEveryCellHasASlotOfItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.IntRange(1, 50).Draw(t, "values")
		entities := rapid.IntRange(1, 160).Draw(t, "entities")
		periods := rapid.IntRange(1, 60).Draw(t, "periods")
		grain := rapid.SampledFrom([]calendar.Grain{calendar.Hour, calendar.Day, calendar.Month, calendar.Quarter, calendar.Year}).Draw(t, "grain")
		blocks := tiles.Layout(values, entities, grain)
		if err := tiles.CheckBlocks(blocks, values, entities, periods); err != nil {
			t.Fatal(err)
		}
		type place struct{ block, k, slot int }
		seen := map[place]bool{}
		for i, b := range blocks {
			for e := b.First; e < b.First+b.Entities; e++ {
				for p := range periods {
					k, slot := slotOf(b, e, p)
					from, to := tiles.TilePeriods(b, k, periods)
					at := place{i, k, slot}
					if seen[at] || slot < 0 || slot >= values || k >= tiles.PerBlock(b, periods) || p < from || p >= to ||
						slot != (p-from)*b.Entities+e-b.First {
						t.Fatalf("entity %d period %d lies in %+v", e, p, at)
					}
					seen[at] = true
				}
			}
		}
		if len(seen) != entities*periods {
			t.Fatalf("%d slots for %d cells", len(seen), entities*periods)
		}
	})
}

func TestBlocksThatDoNotCutThePanelAreRefused(t *testing.T) {
	good := []catalog.Block{{First: 0, Entities: 5, Periods: 2}, {First: 5, Entities: 3, Periods: 3}}
	if err := tiles.CheckBlocks(good, 10, 8, 100); err != nil {
		t.Fatal(err)
	}
	change := func(f func(b []catalog.Block)) []catalog.Block {
		b := slices.Clone(good)
		f(b)
		return b
	}
	const huge = 1 << 62
	for name, c := range map[string]struct {
		blocks                    []catalog.Block
		values, entities, periods int
	}{
		"none":            {nil, 10, 8, 100},
		"too few":         {good[:1], 10, 8, 100},
		"too many":        {append(slices.Clone(good), catalog.Block{First: 8, Entities: 1, Periods: 1}), 10, 8, 100},
		"gap":             {change(func(b []catalog.Block) { b[1].First = 6 }), 10, 8, 100},
		"overlap":         {change(func(b []catalog.Block) { b[1].First = 4 }), 10, 8, 100},
		"no entities":     {change(func(b []catalog.Block) { b[0].Entities = 0 }), 10, 8, 100},
		"no periods":      {change(func(b []catalog.Block) { b[0].Periods = 0 }), 10, 8, 100},
		"negative":        {change(func(b []catalog.Block) { b[0].Periods = -1 }), 10, 8, 100},
		"tile overflows":  {change(func(b []catalog.Block) { b[0].Periods = 3 }), 10, 8, 100},
		"product wraps":   {change(func(b []catalog.Block) { b[0].Periods = huge }), 10, 8, 100},
		"entities wrap":   {change(func(b []catalog.Block) { b[0].Entities = huge }), 10, 8, 100},
		"too many tiles":  {good, 10, 8, 1 << 26},
		"too many cells":  {good, 10, 8, huge},
		"no period":       {good, 10, 8, 0},
		"no entity":       {good, 10, 0, 100},
		"more than asked": {good, 10, 7, 100},
	} {
		if err := tiles.CheckBlocks(c.blocks, c.values, c.entities, c.periods); !errors.Is(err, tiles.ErrLayout) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// slotOf is where cell (entity, period) lies in its tile, and which tile of the
// block that is. The period counts from the version's first.
func slotOf(b catalog.Block, entity, period int) (k, slot int) {
	k = period / b.Periods
	return k, (period-k*b.Periods)*b.Entities + entity - b.First
}
