package tiles

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// ErrSets is returned when sets of cells contradict the presences.
var ErrSets = errors.New("the sets of cells are not those of the presences")

// Side is a measure of a release that is compared with another.
type Side struct {
	Presence *Presence
	Measure  int           // in the presence
	First    int64         // first period, in the dataset's grain
	Cells    catalog.Grain // the dataset's
	Policy   catalog.Grain // its policy's
}

// periods are the side's periods in a grain.
func (s Side) periods(g catalog.Grain) catalog.Interval {
	last := s.First + int64(s.Presence.periods) - 1
	return catalog.Interval{From: s.Cells.Span(s.First, g).From, To: s.Cells.Span(last, g).To}
}

// has reports whether the side has the cell that the period of grain g lies in.
func (s Side) has(entity int, period int64, g catalog.Grain) bool {
	at := g.In(period, s.Cells) - s.First
	return entity < s.Presence.entities && at >= 0 && at < int64(s.Presence.periods) && s.Presence.Has(s.Measure, entity, int(at))
}

// Differing lists, by period of the coarser policy grain that both touch, the
// levels of catalog.CellSet: ⌊log2 n⌋ of an entity's n cells that one side has and
// the other has not, or that both have and changed names; −1 for none. Cells are
// of the finer of the two grains. changed is asked with periods of mine's grain
// and may be nil; it has a meaning only where both have the same cells.
func Differing(mine, theirs Side, changed func(entity int, period int64) bool) map[int64][]int32 {
	fine, coarse := mine.Cells, mine.Policy
	if theirs.Cells.Finer(fine) {
		fine = theirs.Cells
	}
	if coarse.Finer(theirs.Policy) {
		coarse = theirs.Policy
	}
	a, b := mine.periods(coarse), theirs.periods(coarse)
	entities := max(mine.Presence.entities, theirs.Presence.entities)
	out := map[int64][]int32{}
	for period := max(a.From, b.From); period < min(a.To, b.To); period++ {
		cells := make([]int, entities)
		some := false
		span := coarse.Span(period, fine)
		for at := span.From; at < span.To; at++ {
			for e := range cells {
				has := mine.has(e, at, fine)
				if has != theirs.has(e, at, fine) || has && changed != nil && changed(e, at) {
					cells[e]++
					some = true
				}
			}
		}
		if !some {
			continue
		}
		levels := make([]int32, entities)
		for e, n := range cells {
			levels[e] = int32(bits.Len(uint(n)) - 1) //nolint:gosec // small
		}
		out[period] = levels
	}
	return out
}

// CellSets writes the levels of a comparison as the ledger carries them.
func CellSets(comparison int, levels map[int64][]int32) []catalog.CellSet {
	var out []catalog.CellSet
	for period, l := range levels {
		out = append(out, catalog.CellSet{Comparison: comparison, Period: period, Levels: catalog.PackAssign(l)})
	}
	slices.SortFunc(out, func(x, y catalog.CellSet) int {
		if x.Period < y.Period {
			return -1
		}
		return 1
	})
	return out
}

// CheckSets holds the sets of one comparison against the presences of both sides.
// Which values changed only the publisher knows: with corrections, sets may name
// more cells than the presences tell, never fewer; otherwise exactly those.
func CheckSets(mine, theirs Side, sets []catalog.CellSet, corrections bool) error {
	want := Differing(mine, theirs, nil)
	entities := max(mine.Presence.entities, theirs.Presence.entities)
	seen := 0
	for _, s := range sets {
		have, err := catalog.UnpackAssign(s.Levels, entities)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSets, err)
		}
		least, known := want[s.Period]
		if known {
			seen++
		}
		for e, l := range have {
			lowest := int32(-1)
			if known {
				lowest = least[e]
			}
			if l < lowest || l > lowest && !corrections {
				return fmt.Errorf("%w: entity %d in period %d has level %d, the presences give %d", ErrSets, e, s.Period, l, lowest)
			}
		}
	}
	if seen != len(want) {
		return fmt.Errorf("%w: %d of %d periods with a difference are named", ErrSets, seen, len(want))
	}
	return nil
}

// SetChunks cuts a version's sets into entries of the log.
func SetChunks(dataset string, version int, sets []catalog.CellSet) []catalog.VersionSets {
	var out []catalog.VersionSets
	for from := 0; from < len(sets); {
		size, to := chunkFrame, from
		for to < len(sets) && (to == from || size+len(sets[to].Levels)*4/3+96 <= maxChunk) {
			size += len(sets[to].Levels)*4/3 + 96
			to++
		}
		out = append(out, catalog.VersionSets{Dataset: dataset, Version: version, From: from, Sets: sets[from:to]})
		from = to
	}
	return out
}
