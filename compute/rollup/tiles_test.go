package rollup_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/rollup"
)

// drawTiles are tiles of any grain, from any period on.
func drawTiles(t *rapid.T) rollup.Tiles {
	grain := rapid.SampledFrom(calendar.Grains[:]).Draw(t, "grain")
	bounds := grain.Bounds()
	all := rapid.IntRange(1, 3000).Draw(t, "tiles")
	per := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 100)).Draw(t, "periods a tile")
	last := max(bounds.From, bounds.To-int64(all*per))
	first := rapid.OneOf(rapid.Int64Range(bounds.From, last), rapid.Just(max(bounds.From, min(last, grain.In(0, grain))))).Draw(t, "first")
	return rollup.Tiles{All: make([]catalog.Digest, all), Grain: grain, First: first, Periods: min(per, int((bounds.To-first)/int64(all))+1)}
}

// drawNumbers are any stretches of them.
func drawNumbers(t *rapid.T, all int) (numbers []int) {
	cuts := rapid.SliceOfN(rapid.IntRange(0, all), 2, 8).Draw(t, "cuts")
	slices.Sort(cuts)
	for i := 0; i+1 < len(cuts); i += 2 {
		for k := cuts[i]; k < cuts[i+1]; k++ {
			numbers = append(numbers, k)
		}
	}
	if numbers == nil {
		numbers = []int{all - 1}
	}
	return numbers
}

func flat(t *rapid.T, pieces []rollup.Piece) (numbers []int) {
	for i, p := range pieces {
		if p.Len() <= 0 || p.Rollup && p.Len() < rollup.Least {
			t.Fatalf("piece %d is %+v", i, p)
		}
		for k := p.From; k < p.To; k++ {
			numbers = append(numbers, k)
		}
	}
	return numbers
}

// The pieces of a cover are the tiles that were asked for, each once, and so are the parts of
// every rollup in it, down to the tiles.
func TestCoverIsExactlyTheTilesThatWereAskedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiles := drawTiles(t)
		tiles.Numbers = drawNumbers(t, len(tiles.All))
		pieces := tiles.Cover()
		if got := flat(t, pieces); !slices.Equal(got, tiles.Numbers) {
			t.Fatalf("covers %v, want %v", got, tiles.Numbers)
		}
		var check func(p rollup.Piece)
		check = func(p rollup.Piece) {
			if !p.Rollup {
				return
			}
			parts := tiles.Parts(p)
			if got := flat(t, parts); len(got) != p.Len() || got[0] != p.From || got[len(got)-1] != p.To-1 {
				t.Fatalf("the parts of %+v are %+v", p, parts)
			}
			for _, part := range parts {
				check(part)
			}
		}
		for _, p := range pieces {
			check(p)
		}
	})
}

// A rollup is of one unit of the calendar: all its tiles begin and end in it, and no other tile of the block does. So
// whatever range is asked for, the same units give the same rollups.
func TestRollupsAreThoseOfTheCalendar(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiles := drawTiles(t)
		whole := map[[2]int]bool{} // rollups that can be
		var note func(p rollup.Piece)
		note = func(p rollup.Piece) {
			if p.Rollup {
				whole[[2]int{p.From, p.To}] = true
				for _, part := range tiles.Parts(p) {
					note(part)
				}
			}
		}
		for _, p := range tiles.Cover() {
			note(p)
		}
		tiles.Numbers = drawNumbers(t, len(tiles.All))
		for _, p := range tiles.Cover() {
			if p.Rollup && !whole[[2]int{p.From, p.To}] {
				t.Fatalf("%+v is a rollup of a part alone", p)
			}
		}
	})
}

// However long a stretch is, it takes a bounded number of additions.
func TestAStretchTakesABoundedNumberOfAdditions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiles := drawTiles(t)
		from := rapid.IntRange(0, len(tiles.All)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(tiles.All)).Draw(t, "to")
		for k := from; k < to; k++ {
			tiles.Numbers = append(tiles.Numbers, k)
		}
		additions := 0
		for _, p := range tiles.Cover() {
			if p.Rollup {
				additions++
			} else {
				additions += p.Len()
			}
		}
		years := int64(len(tiles.All)*tiles.Periods)/max(1, calendar.Year.Span(50, tiles.Grain).To-calendar.Year.Span(50, tiles.Grain).From) + 1
		if tiles.Grain.Finer(calendar.Month) && additions > 2*rollup.MaxEnd+int(years/100+1) {
			t.Fatalf("%d tiles take %d additions: %+v", to-from, additions, tiles.Cover())
		}
	})
}

func hours(first string, periods, per int) rollup.Tiles {
	_, from, err := calendar.Parse(first)
	if err != nil {
		panic(err)
	}
	return rollup.Tiles{All: make([]catalog.Digest, (periods+per-1)/per), Grain: calendar.Hour, First: from, Periods: per}
}

// Named cases: how hourly readings are cut.
func TestHoursAreCutByTheCalendar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		tiles    rollup.Tiles
		from, to int
		want     [][2]int // rollups
		run      int      // tiles that are in none
	}{
		{"a year", hours("2023-01-01T00", 8760, 1), 0, 8760, [][2]int{{0, 8760}}, 0},
		{"a month of it", hours("2023-01-01T00", 8760, 1), 744, 744 + 672, [][2]int{{744, 1416}}, 0},
		{"a month and two hours", hours("2023-01-01T00", 8760, 1), 743, 744 + 673, [][2]int{{744, 1416}}, 2},
		{"two days and an hour", hours("2023-01-01T00", 8760, 1), 24, 73, [][2]int{{24, 48}, {48, 72}}, 1},
		{"ten years of one century", hours("2015-01-01T00", 87672, 1), 0, 87672, [][2]int{{0, 87672}}, 0},
		{"half of ten years, and two of the next ten", hours("2015-01-01T00", 87672, 1), 0, 61368, [][2]int{{0, 43824}, {43824, 52608}, {52608, 61368}}, 0},
		{"a version that begins in a month", hours("2023-01-15T00", 1000, 1), 0, 1000, [][2]int{{0, 1000}}, 0},
		{"tiles that reach beyond months", hours("2023-01-01T00", 8760, 40), 0, 219, [][2]int{{0, 219}}, 0},
		{"too few of them in a month", hours("2023-01-01T00", 8760, 72), 0, 20, nil, 20},
	} {
		for k := c.from; k < c.to; k++ {
			c.tiles.Numbers = append(c.tiles.Numbers, k)
		}
		var rollups [][2]int
		run := 0
		for _, p := range c.tiles.Cover() {
			if p.Rollup {
				rollups = append(rollups, [2]int{p.From, p.To})
			} else {
				run += p.Len()
			}
		}
		if !slices.Equal(rollups, c.want) || run != c.run {
			t.Errorf("%s: rollups %v and %d tiles, want %v and %d", c.name, rollups, run, c.want, c.run)
		}
	}
}
