package tiles_test

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/tiles"
)

// TestCompanionTilesAreWhatTheDescriptorSays, cell by cell: squares of centred
// readings, and one bucket a reading, with a bound in the bucket below it.
func TestCompanionTilesAreWhatTheDescriptorSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := catalog.Descriptor{Grain: calendar.Month, Measures: []catalog.Measure{
			{Name: "a", Min: -7, Max: 20, Decimals: 1, Buckets: []string{"-0.5", "0", "1.3"}},
			{Name: "b", Min: 0, Max: 9, Squares: true},
		}}
		g := grid{entities: rapid.IntRange(1, 12).Draw(t, "entities"), periods: rapid.IntRange(1, 20).Draw(t, "periods"), cells: make([][]int64, 2)}
		p, err := tiles.NewPresence(2, g.entities, g.periods)
		if err != nil {
			t.Fatal(err)
		}
		for m := range g.cells {
			g.cells[m] = make([]int64, g.entities*g.periods)
			for i := range g.cells[m] {
				if rapid.Bool().Draw(t, "present") {
					g.cells[m][i] = rapid.Int64Range(d.Measures[m].Min, d.Measures[m].Max).Draw(t, "reading") - d.Measures[m].Mid()
					p.Set(m, i%g.entities, i/g.entities)
				}
			}
		}
		blocks := tiles.Layout(30, g.entities, d.Grain)
		o := options(30, 2)
		if o.Columns, err = tiles.DeriveColumns(d, d.TileColumns(), p); err != nil {
			t.Fatal(err)
		}
		digests, stored := pack(t, g, blocks, o)
		if want := []string{"a", "b", "a.bucket.1", "a.bucket.2", "a.bucket.3", "a.bucket.4", "b.square"}; len(digests) != len(want) {
			t.Fatalf("%d columns, want %v", len(digests), want)
		}
		at := func(column, e, period int) int64 {
			for b, block := range blocks {
				if e < block.First || e >= block.First+block.Entities {
					continue
				}
				k, slot := slotOf(block, e, period)
				return int64(binary.LittleEndian.Uint64(stored[digests[column][b][k]][8*slot:])) //nolint:gosec // an encoding
			}
			t.Fatalf("entity %d is in no block", e)
			return 0
		}
		bounds := []int64{-8, -5, 0, 13, 20}
		for e := range g.entities {
			for period := range g.periods {
				i := period*g.entities + e
				if v := g.cells[1][i]; at(6, e, period) != v*v {
					t.Fatalf("the square of %d is %d", v, at(6, e, period))
				}
				v := g.cells[0][i] + d.Measures[0].Mid()
				for bucket := 1; bucket <= 4; bucket++ {
					want := int64(0)
					if p.Has(0, e, period) && v > bounds[bucket-1] && v <= bounds[bucket] {
						want = 1
					}
					if got := at(1+bucket, e, period); got != want {
						t.Fatalf("reading %d, present %t: bucket %d has %d, want %d", v, p.Has(0, e, period), bucket, got, want)
					}
				}
			}
		}
	})
}
