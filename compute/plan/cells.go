package plan

import (
	"fmt"

	"github.com/bits-and-blooms/bitset"
)

// A cell of a column is in one layer: it is left out of all others. A cell as such, which
// COUNT(*) counts, is in no column, and may be in several layers: of one, one measure's
// reading is taken, of another, another one's. It is counted once, when the measure that
// is counted, or any, has a reading in a version of which something is taken there; where
// nothing is taken of any, in the newest one.

// cells are, by layer, the cells in which a measure is present and that count for a
// column of the verdict, before its exclusions; column −1 and columns without a measure
// are of cells as such.
func (g *Grid) cells(measure, column int) []*bitset.BitSet {
	sets := make([]*bitset.BitSet, len(g.layers))
	for i, l := range g.layers {
		sets[i] = l.presence.Bits(measure)
	}
	if len(sets) == 1 || column >= 0 && g.verdict.Columns[column].Measure != "" {
		return sets
	}
	seen := g.newFrame()
	for i := len(sets) - 1; i >= 0; i-- {
		sets[i] = g.unseen(i, sets[i], seen)
	}
	return sets
}

// unseen are a layer's cells as such that no newer layer has.
func (g *Grid) unseen(layer int, present *bitset.BitSet, seen frame) *bitset.BitSet {
	l, entities := g.layers[layer], len(g.layers[layer].assign)
	out := bitset.New(uint(entities) * uint(len(l.periodOf)))
	if present == nil || present.Len() < out.Len() {
		return nil // what counts it says so
	}
	taken := g.taken()
	eachPresent(present.Words(), entities, 0, len(l.periodOf), func(p, e int) {
		if l.assign[e] < 0 || l.periodOf[p] < 0 {
			return
		}
		at := seen.at(l.first+int64(p), e)
		from := taken.by[layer].Test(at) || !taken.any.Test(at) && taken.newest[at] == int32(layer) //nolint:gosec // a layer
		if from && !seen.cells.Test(at) {
			seen.cells.Set(at)
			out.Set(uint(p*entities + e)) //nolint:gosec // not negative
		}
	})
	return out
}

// takers says of the cells of a frame which layers take something there, in some column
// of a measure, and which is the newest layer that the cell is in.
type takers struct {
	by     []*bitset.BitSet // by layer
	any    *bitset.BitSet
	newest []int32
}

// taken finds out, once, which layer takes what.
func (g *Grid) taken() *takers {
	if g.takers != nil {
		return g.takers
	}
	f := g.newFrame()
	g.takers = &takers{any: f.cells, newest: make([]int32, f.cells.Len())}
	for i, l := range g.layers {
		by, left := bitset.New(f.cells.Len()), l.leftOutWhole()
		for p, group := range l.periodOf {
			if group < 0 {
				continue
			}
			for e, part := range l.assign {
				if part < 0 {
					continue
				}
				at := f.at(l.first+int64(p), e)
				g.takers.newest[at] = int32(i) //nolint:gosec // a layer
				if !left(p, part) {
					by.Set(at)
				}
			}
		}
		g.takers.by = append(g.takers.by, by)
		f.cells.InPlaceUnion(by)
	}
	return g.takers
}

// leftOutWhole tells of which parts nothing is taken in a period: they are left out of
// every column of a measure. Where there is no such column, nothing is left out.
func (g *gridLayer) leftOutWhole() func(period int, part int32) bool {
	var excluded []periodSets
	for c, column := range g.verdict.Columns {
		if column.Measure != "" {
			excluded = append(excluded, g.exclusions(c))
		}
	}
	return func(period int, part int32) bool {
		for _, x := range excluded {
			if !exclude(x.sets[x.at(period)], part) {
				return false
			}
		}
		return len(excluded) > 0
	}
}

// checkOnce fails when cells of a column are counted in two layers: then the verdict
// contradicts itself, and so would every figure.
func (g *Grid) checkOnce(column int, sets []*bitset.BitSet) error {
	if len(g.layers) < 2 || column < 0 {
		return nil
	}
	seen, twice := g.newFrame(), false
	for i, l := range g.layers {
		excluded := l.exclusions(column)
		eachPresent(sets[i].Words(), len(l.assign), 0, len(l.periodOf), func(p, e int) {
			part := l.assign[e]
			if part < 0 || l.periodOf[p] < 0 || exclude(excluded.sets[excluded.at(p)], part) {
				return
			}
			at := seen.at(l.first+int64(p), e)
			twice = twice || seen.cells.Test(at)
			seen.cells.Set(at)
		})
	}
	if twice {
		return fmt.Errorf("cells of column %d of the verdict are taken from two versions", column)
	}
	return nil
}

// frame is a set of cells of all layers' versions.
type frame struct {
	first    int64
	entities int
	cells    *bitset.BitSet
}

func (g *Grid) newFrame() frame {
	extent, entities := g.extent(), g.entities()
	return frame{extent.From, entities, bitset.New(uint(extent.To-extent.From) * uint(entities))} //nolint:gosec // not negative
}

// at is the number of a cell.
func (f frame) at(period int64, entity int) uint {
	return uint(period-f.first)*uint(f.entities) + uint(entity) //nolint:gosec // not negative
}

// entities is how many entities the largest of the layers' versions has.
func (g *Grid) entities() int {
	n := 0
	for _, l := range g.layers {
		n = max(n, len(l.assign))
	}
	return n
}
