package plan

import (
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"slices"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
)

// ErrPresence is returned when a verdict that names private vectors is planned
// without the presence of its versions.
var ErrPresence = errors.New("a private query is planned with the presence of its versions")

// What a weight can be, whatever the ledger says: its magnitude fits a word, and
// its decimals can be shown. What fits into the plaintext space is checked on its
// own.
const (
	maxWeightBits     = 32
	maxWeightDecimals = 9
)

// Cell says where a number belongs: to which entity and which released group. A
// Group of −1 leaves it out.
type Cell struct{ Entity, Group int32 }

// Tally is a number of cells of one entity in one group.
type Tally struct {
	Cell
	Cells int64
}

// private is what a plan knows of the vectors that its verdict names.
type private struct {
	vectors []catalog.VectorUse // per column, what multiplies it; without an id: the constant 1
	pieces  int                 // 1 where figures are not by piece
	masks   [][]periodSets      // per layer and column, of entities
	tallies [][]Tally           // per column, of columns that count
}

// NewPrivate plans a verdict that names private vectors or takes the cells that
// two measures have in common, as New does any other. A count of such a query is private
// too, and an exact one leaves out the cells of entities that do not count (RELEASE.md
// section 0.4), so presence, which must be the layers' versions', is part of what the plan
// is a function of.
func NewPrivate(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict) (*Plan, error) {
	return ofOne(d, layers, verdict, false)
}

// IsPrivate reports whether a verdict names private vectors.
func IsPrivate(v catalog.Verdict) bool {
	return v.In != "" || slices.ContainsFunc(v.Columns, func(c catalog.Column) bool { return c.Weight != "" })
}

// newPrivate is nil for a verdict that names no vector. The bound of a plan has
// neither masks nor tallies.
func newPrivate(g *Grid, d catalog.Descriptor, bound bool) (*private, error) {
	if !IsPrivate(g.verdict) {
		return nil, nil //nolint:nilnil // there is nothing private
	}
	p := &private{pieces: g.Pieces, tallies: make([][]Tally, len(g.columns))}
	for i, c := range g.verdict.Columns {
		use, err := g.vector(c)
		if err != nil {
			return nil, fmt.Errorf("column %d: %w", i, err)
		}
		p.vectors = append(p.vectors, use)
	}
	for _, l := range g.layers {
		masks := slices.Repeat([]periodSets{nothingLeftOut}, len(g.columns))
		if !bound {
			if err := l.checkPresence(d); err != nil {
				return nil, err
			}
			if err := l.maskUncounted(d, masks); err != nil {
				return nil, err
			}
		}
		p.masks = append(p.masks, masks)
	}
	for i, c := range g.verdict.Columns {
		if !c.Count || bound {
			continue
		}
		cells := g.cells(g.columns[i], i)
		for j, l := range g.layers {
			p.tallies[i] = append(p.tallies[i], p.tally(l, i, cells[j], p.masks[j][i])...)
		}
	}
	return p, nil
}

// vector is the vector that multiplies a column, the constant 1 if none does.
func (g *Grid) vector(c catalog.Column) (catalog.VectorUse, error) {
	id := g.verdict.In
	if c.Weight != "" {
		if id != "" {
			return catalog.VectorUse{}, fmt.Errorf("the verdict has both a selector and weights")
		}
		id = c.Weight
	}
	if id == "" {
		return catalog.VectorUse{Bits: 1, Entities: g.entities()}, nil
	}
	i := slices.IndexFunc(g.verdict.Vectors, func(u catalog.VectorUse) bool { return u.ID == id })
	if i < 0 {
		return catalog.VectorUse{}, fmt.Errorf("the verdict does not describe vector %s", id)
	}
	use := g.verdict.Vectors[i]
	switch {
	case use.Bits < 1 || use.Bits > maxWeightBits || id == g.verdict.In && (use.Pieces < 1 || use.Bits != use.Pieces):
		return use, fmt.Errorf("vector %s has %d bits and %d pieces an entity", id, use.Bits, use.Pieces)
	case use.Entities < 1 || use.Decimals < 0 || use.Decimals > maxWeightDecimals:
		return use, fmt.Errorf("vector %s has %d entities and %d decimals", id, use.Entities, use.Decimals)
	}
	return use, nil
}

// checkPresence checks that the layer has its version's presence.
func (g *gridLayer) checkPresence(d catalog.Descriptor) error {
	if g.presence == nil {
		return ErrPresence
	}
	return checkPresence(g.presence, d, g.version)
}

func checkPresence(p Presence, d catalog.Descriptor, v catalog.Version) error {
	measures, entities, periods := p.Size()
	if measures != len(d.Measures) || entities != v.Entities || periods != v.Periods {
		return fmt.Errorf("the presence is of %d measures × %d entities × %d periods, the version of %d × %d × %d", measures,
			entities, periods, len(d.Measures), v.Entities, v.Periods)
	}
	for m := AnyMeasure; m < measures; m++ {
		if set := p.Bits(m); set == nil || set.Len() < uint(entities)*uint(periods) { //nolint:gosec // not negative
			return fmt.Errorf("the presence of measure %d does not cover %d entities × %d periods", m, entities, periods)
		}
	}
	return nil
}

// maskUncounted notes, for every column of an exact private query on protected readings,
// which entities have cells in a period and do not count in the policy's period that it
// lies in. Only their cells are masked: those without any are 0 as it is, and a
// mask that says no more lets tiles of one slot map stay one accumulator. Which
// cells any measure has is not a measure, and is not masked.
func (g *gridLayer) maskUncounted(d catalog.Descriptor, masks []periodSets) error {
	if g.verdict.In == "" || g.verdict.Noise != nil || d.Policy.Public || d.Policy.Grain == d.Grain {
		return nil
	}
	if !d.Policy.Grain.Valid() || !d.Grain.Nests(d.Policy.Grain) {
		return fmt.Errorf("a dataset by %s has a policy by %q", d.Grain, d.Policy.Grain)
	}
	known := map[int]periodSets{}
	for i, m := range g.columns {
		if m == AnyMeasure {
			continue
		}
		sets, ok := known[m]
		if !ok {
			sets = g.uncounted(d, g.presence.Bits(m).Words())
			known[m] = sets
		}
		masks[i] = sets
	}
	return nil
}

// uncounted are the entities of each period that have cells in the policy's
// period and are present in less than half of it.
func (g *gridLayer) uncounted(d catalog.Descriptor, words []uint64) periodSets {
	entities := len(g.assign)
	out, present := newSetWriter(len(g.periodOf), entities), make([]int, entities)
	for from := 0; from < len(g.periodOf); {
		span := d.Policy.Grain.Span(d.Grain.In(g.first+int64(from), d.Policy.Grain), d.Grain)
		_, to := g.clip(span)
		clear(present)
		clear(out.set)
		eachPresent(words, entities, from, to, func(_, e int) { present[e]++ })
		for e, n := range present {
			if n > 0 && 2*n < to-from {
				out.add(e)
			}
		}
		out.put(from, to)
		from = to
	}
	return out.periodSets
}

// eachPresent calls fn for every present cell of the periods [from, to).
func eachPresent(words []uint64, entities, from, to int, fn func(period, entity int)) {
	for p := from; p < to; p++ {
		start := p * entities
		end := start + entities
		for i := start >> 6; i<<6 < end; i++ {
			for w := wordWithin(words, i, start, end); w != 0; w &= w - 1 {
				fn(p, i<<6+bits.TrailingZeros64(w)-start)
			}
		}
	}
}

// tally counts a layer's cells of a column of counts, by period group and entity. The
// masked entities of a period are left out.
func (p *private) tally(g *gridLayer, column int, set *bitset.BitSet, masked periodSets) []Tally {
	words, excluded := set.Words(), g.exclusions(column)
	var out []Tally
	cells := make([]int64, len(g.assign))
	periods := len(g.verdict.PeriodGroups)
	for j, group := range g.verdict.PeriodGroups {
		clear(cells)
		for _, i := range group.Intervals {
			from, to := g.clip(i)
			eachPresent(words, len(g.assign), from, to, func(at, e int) {
				part := g.assign[e]
				if part >= 0 && e < p.vectors[column].Entities && !exclude(excluded.sets[excluded.at(at)], part) &&
					!exclude(masked.sets[masked.at(at)], int32(e)) { //nolint:gosec // an entity
					cells[e]++
				}
			})
		}
		for e, n := range cells {
			if n == 0 {
				continue
			}
			if number := g.numbers[g.verdict.Parts[g.assign[e]].Group*periods+j]; number >= 0 {
				out = append(out, Tally{Cell{int32(e), number}, n}) //nolint:gosec // an entity
			}
		}
	}
	return out
}

// Private reports whether the plan names private vectors. Its shares carry no
// parity number: the members check that of what they opened before they multiply.
func (p *Plan) Private() bool { return p.private != nil }

// Vector is the id of the private vector that multiplies a column, or empty.
func (p *Plan) Vector(column int) string { return p.vectorOf(column).ID }

// SumCells says for every slot of a column's accumulators, one accumulator behind
// the other, where it belongs: what he.NewPrivateSum takes beside the opened
// slots. Entities that the vector does not cover are left out.
func (p *Plan) SumCells(column int) []Cell {
	if p.private == nil {
		return nil
	}
	var out []Cell
	for _, a := range p.Accumulators {
		if a.Column != column {
			continue
		}
		b, length := p.Layers[a.Layer].layout.blocks[a.Block], p.private.vectors[column].Entities
		for s, group := range p.SlotMaps[a.SlotMap] {
			c := Cell{int32(b.First + s%b.Entities), group} //nolint:gosec // an entity
			if int(c.Entity) >= length {
				c.Group = -1
			}
			out = append(out, c)
		}
	}
	return out
}

// CountCells are the cells of a column of counts: the sum over a group's of Cells
// times the entity's number in the vector is its element of the result. They are
// ascending by layer, group of periods, then entity, and empty for a column of sums.
func (p *Plan) CountCells(column int) []Tally {
	if p.private == nil {
		return nil
	}
	return p.private.tallies[column]
}

// LargestFactor is the largest number that multiplies a cell of a column.
func (p *Plan) LargestFactor(column int) *big.Int {
	return new(big.Int).SetUint64(1<<p.vectorOf(column).Bits - 1)
}

// private adds the kinds of columns, the vectors with the lengths and sizes that
// the plan takes them for, and the cells that are counted.
func (w *planWriter) private(p *Plan) {
	w.numbers(p.private.pieces)
	for i, kind := range p.Kinds {
		use := p.private.vectors[i]
		w.numbers(oneIf(kind.Count))
		w.text(use.ID)
		w.numbers(use.Bits, use.Entities, len(p.private.tallies[i]))
		for _, t := range p.private.tallies[i] {
			w.numbers(int(t.Entity), int(t.Group), int(t.Cells))
		}
	}
}

// vectorOf is the vector that multiplies a column, without an id where none does.
func (p *Plan) vectorOf(column int) catalog.VectorUse {
	if p.private == nil {
		return catalog.VectorUse{Bits: 1}
	}
	return p.private.vectors[column]
}
