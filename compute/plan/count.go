package plan

import (
	"fmt"
	"slices"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
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

// Count counts the present cells of a measure in every released group, over all
// layers. column is the measure's column in the verdict, whose exclusions are left out,
// or −1: then cells are counted as such.
func (g *Grid) Count(measure, column int) ([]int64, error) {
	return g.countBits(column, g.cells(measure, column))
}

// CountEntities counts the entities that have a present cell in every released group, in any
// layer.
func (g *Grid) CountEntities() ([]int64, error) {
	type run struct{ layer, from, to int }
	sets := g.cells(AnyMeasure, -1)
	runs := map[int][]run{} // by period group
	most := 0
	for i, l := range g.layers {
		if err := l.covers(sets[i]); err != nil {
			return nil, err
		}
		most = max(most, len(l.assign))
		for from := 0; from < len(l.periodOf); {
			to := from + 1
			for to < len(l.periodOf) && l.periodOf[to] == l.periodOf[from] {
				to++
			}
			if group := int(l.periodOf[from]); group >= 0 {
				runs[group] = append(runs[group], run{i, from, to})
			}
			from = to
		}
	}
	out := make([]int64, len(g.Groups))
	seen := make([]bool, most)
	for period, list := range runs {
		clear(seen)
		for _, r := range list {
			l := g.layers[r.layer]
			eachPresent(sets[r.layer].Words(), len(l.assign), r.from, r.to, func(_, e int) {
				if part := l.assign[e]; part >= 0 && !seen[e] {
					seen[e] = true
					if number := l.numbers[l.verdict.Parts[part].Group*len(l.verdict.PeriodGroups)+period]; number >= 0 {
						out[number]++
					}
				}
			})
		}
	}
	return slices.Repeat(out[:len(out)/g.Pieces], g.Pieces), nil
}

// CountColumn counts the cells that a column of the verdict sums: where all its measures
// have a reading.
func (g *Grid) CountColumn(d catalog.Descriptor, column int) ([]int64, error) {
	c, sets := g.verdict.Columns[column], g.cells(g.columns[column], column)
	for _, other := range [2]string{c.With, c.Times} {
		if other == "" || other == c.Measure {
			continue
		}
		i := d.MeasureIndex(other)
		if i < 0 {
			return nil, fmt.Errorf("the dataset has no measure %q", other)
		}
		for j, l := range g.layers {
			if bits := l.presence.Bits(i); sets[j] != nil && bits != nil {
				sets[j] = sets[j].Intersection(bits)
			} else {
				sets[j] = nil
			}
		}
	}
	return g.countBits(column, sets)
}

// countBits counts set bits of cells likewise, one set a layer.
func (g *Grid) countBits(column int, sets []*bitset.BitSet) ([]int64, error) {
	out := make([]int64, len(g.Groups))
	for i, l := range g.layers {
		if err := l.countInto(out, column, sets[i]); err != nil {
			return nil, err
		}
	}
	if err := g.checkOnce(column, sets); err != nil {
		return nil, err
	}
	return slices.Repeat(out[:len(out)/g.Pieces], g.Pieces), nil // what is public is the same for all pieces
}

// covers returns an error where a set has no bits for cells of the layer.
func (g *gridLayer) covers(set *bitset.BitSet) error {
	if set == nil || set.Len() < uint(len(g.assign))*uint(len(g.periodOf)) {
		return fmt.Errorf("the presence of version %d does not cover %d entities × %d periods", g.layer.Version, len(g.assign), len(g.periodOf))
	}
	return nil
}

// countInto adds a layer's set bits of cells to the groups that they are in.
func (g *gridLayer) countInto(out []int64, column int, set *bitset.BitSet) error {
	if err := g.covers(set); err != nil {
		return err
	}
	words := set.Words()
	excluded := nothingLeftOut
	if column >= 0 {
		excluded = g.exclusions(column)
	}
	// One element a part, and the first for entities of none.
	perPart := make([]int64, len(g.verdict.Parts)+1)
	for from := 0; from < len(g.periodOf); {
		group, id := g.periodOf[from], excluded.at(from)
		to := from + 1
		for to < len(g.periodOf) && g.periodOf[to] == group && excluded.at(to) == id {
			to++
		}
		if group >= 0 {
			eachPresent(words, len(g.assign), from, to, func(_, e int) { perPart[g.assign[e]+1]++ })
			g.assignCounts(perPart, int(group), excluded.sets[id], out)
		}
		from = to
	}
	return nil
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
func (g *gridLayer) assignCounts(perPart []int64, period int, excluded []uint64, out []int64) {
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
