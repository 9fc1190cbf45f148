package query

import (
	"fmt"
	"math/bits"

	"github.com/bits-and-blooms/bitset"
)

// AnyMeasure in the place of a measure's index means cells in which at least one
// measure is present: what COUNT(*) counts.
const AnyMeasure = -1

// Presence says which cells of a dataset version have a value. It is public, and
// must be the version's own: the digest of its bytes is in the version.
type Presence interface {
	// Size returns the numbers of measures, entities and periods.
	Size() (measures, entities, periods int)
	// Bits is the bit set of a measure, by its index in the descriptor, or of
	// AnyMeasure, to be read only: bit period·entities + entity, periods counted
	// from the version's first.
	Bits(measure int) *bitset.BitSet
}

// count counts the present cells of a measure in every released group. column is
// the measure's column in the verdict, whose exclusions are left out, or −1.
func (g *grid) count(p Presence, measure, column int) ([]int64, error) {
	return g.countBits(p.Bits(measure), measure, column)
}

// countBits counts the set bits of cells likewise.
func (g *grid) countBits(set *bitset.BitSet, measure, column int) ([]int64, error) {
	if set == nil || set.Len() < uint(len(g.assign))*uint(len(g.periodOf)) {
		return nil, fmt.Errorf("the presence of measure %d does not cover %d entities × %d periods", measure, len(g.assign), len(g.periodOf))
	}
	words := set.Words()
	excluded := periodSets{of: make([]int32, len(g.periodOf)), sets: [][]uint64{nil}}
	if column >= 0 {
		excluded = g.exclusions(column)
	}
	out := make([]int64, len(g.groups))
	// One element a part, and the first for entities of none.
	perPart := make([]int64, len(g.verdict.Parts)+1)
	for from := 0; from < len(g.periodOf); {
		group, id := g.periodOf[from], excluded.of[from]
		to := from + 1
		for to < len(g.periodOf) && g.periodOf[to] == group && excluded.of[to] == id {
			to++
		}
		if group >= 0 {
			g.countPeriods(words, from, to, perPart)
			g.assignCounts(perPart, int(group), excluded.sets[id], out)
		}
		from = to
	}
	return out, nil
}

// countPeriods adds the present cells of the periods [from, to) to into[1+i], i
// being their part.
func (g *grid) countPeriods(words []uint64, from, to int, into []int64) {
	entities := len(g.assign)
	for p := from; p < to; p++ {
		start := p * entities
		end := start + entities
		for i := start >> 6; i<<6 < end; i++ {
			for w := wordWithin(words, i, start, end); w != 0; w &= w - 1 {
				into[g.assign[i<<6+bits.TrailingZeros64(w)-start]+1]++
			}
		}
	}
}

// wordWithin is word i without the bits outside [start, end).
func wordWithin(words []uint64, i, start, end int) uint64 {
	w, base := words[i], i<<6
	if base < start {
		w &= ^uint64(0) << (start - base)
	}
	if end-base < 64 {
		w &= 1<<(end-base) - 1
	}
	return w
}

// assignCounts moves the counts of parts to the released groups of one period
// group, but for excluded ones, and clears them.
func (g *grid) assignCounts(perPart []int64, period int, excluded []uint64, out []int64) {
	periods := len(g.verdict.PeriodGroups)
	for i, n := range perPart[1:] {
		if n == 0 || exclude(excluded, int32(i)) { //nolint:gosec // less than the number of entities
			continue
		}
		if number := g.numbers[g.verdict.Parts[i].Group*periods+period]; number >= 0 {
			out[number] += n
		}
	}
	clear(perPart)
}
