package tiles_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/tiles"
)

// Where a period of the policy has several of the dataset, the bitmap of a pair of
// measures says who has, in one of them, exactly one of the two: counted cell by cell.
func TestPairsSayWhoHasOneOfTwoMeasures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := catalog.Descriptor{Dataset: "d", Grain: calendar.Day, Measures: []catalog.Measure{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
		d.Policy = catalog.Policy{Grain: calendar.Month, MinCohort: 2, Moments: [][2]string{{"c", "a"}, {"b", "b"}, {"a", "c"}, {"b", "c"}}}
		entities, periods, first := rapid.IntRange(1, 20).Draw(t, "entities"), rapid.IntRange(1, 70).Draw(t, "periods"), rapid.Int64Range(19_700, 19_760).Draw(t, "first")
		p, err := tiles.NewPresence(3, entities, periods)
		if err != nil {
			t.Fatal(err)
		}
		missing := rapid.IntRange(1, 40).Draw(t, "missing")
		for m := range 3 {
			for e := range entities {
				for at := range periods {
					if rapid.IntRange(0, 40).Draw(t, "present") >= missing/2 {
						p.Set(m, e, at)
					}
				}
			}
		}
		c, err := p.Counts(d, first)
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"a", "b", "c", "a*c", "b*c"}; !slices.Equal(c.Measures, want) || !slices.Equal(d.Counted(), want) {
			t.Fatalf("bitmaps of %v, want %v", c.Measures, want)
		}
		for i, pair := range [][2]int{{0, 2}, {1, 2}} {
			for q, bitmap := range c.Bitmaps[3+i] {
				span := calendar.Month.Span(c.First+int64(q), calendar.Day)
				for e := range entities {
					odd := false
					for at := max(span.From, first); at < min(span.To, first+int64(periods)); at++ {
						odd = odd || p.Has(pair[0], e, int(at-first)) != p.Has(pair[1], e, int(at-first))
					}
					if got := bitmap[e/8]>>(e%8)&1 != 0; got != odd {
						t.Fatalf("pair %v, period %d, entity %d: %t, want %t", pair, q, e, got, odd)
					}
				}
			}
		}
		n := 0
		chunks, err := c.Chunks(7)
		if err != nil {
			t.Fatal(err)
		}
		for _, chunk := range chunks {
			if n += len(chunk.Bitmaps); (chunk.Measure == "a*c" || chunk.Measure == "b*c") != (chunk.Present == nil) {
				t.Fatalf("a chunk of %s has %d bitmaps of presence", chunk.Measure, len(chunk.Present))
			}
		}
		if n != 5*len(c.Bitmaps[0]) {
			t.Fatalf("%d bitmaps in chunks", n)
		}
	})
}
