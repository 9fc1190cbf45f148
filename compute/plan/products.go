package plan

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Single is a tile that is opened alone: tile Tile of a block, in a column of the
// tiles of a layer's version, or with Second of those of the version that the layer is
// joined with. Of a join, where several layers read a version, Layer is the first of them.
type Single struct {
	Layer               int
	Packed, Block, Tile int
	Second              bool
}

// Product is the slot by slot product of two opened tiles, whose slots then go where
// the slot map says, into a column. Left and Right are numbers of Plan.Singles, and
// equal for squares. Cells without a reading are 0 in a tile, so they add nothing. Of
// a join the right tile is laid out otherwise, see Partner, and what is multiplied
// are the readings themselves, see Mids.
type Product struct{ Column, SlotMap, Left, Right int }

// NeedsPresence reports whether a verdict can be planned only with the presence of
// its versions: because it names private vectors, or because cells of a measure are
// taken where another one has a reading too.
func NeedsPresence(v catalog.Verdict) bool {
	return IsPrivate(v) || slices.ContainsFunc(v.Columns, func(c catalog.Column) bool { return c.With != "" || c.Joined() })
}

// Multiplies reports whether shares are multiplied, by a private vector or by each
// other. Then the members check the parity of what they open among themselves, and
// their shares carry no parity number: on a product it would be a grand total.
func (p *Plan) Multiplies() bool { return p.Private() || len(p.Products) > 0 }

// MaxSingles bounds the tiles that are opened alone, and the accumulators that a
// private vector multiplies: their shares, 64 kB each, are held until they are
// multiplied, and nothing is before all of them are open and their parity is checked.
const MaxSingles = 4096

// Bound plans a verdict on two measures without the presence of its versions, for
// whoever has to know beforehand what the plan takes: it reads no fewer tiles than
// NewPrivate's, its numbers are no smaller, and it has no more slot maps than
// MaxSlotMaps allows only if that one has. It is not what the members compute.
func Bound(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict) (*Plan, error) {
	p, err := ofOne(d, layers, verdict, true)
	if err != nil {
		return nil, err
	}
	masked := 0
	for _, a := range p.Accumulators {
		if p.Kinds[a.Column].With != "" || verdict.In != "" && d.Grain != d.Policy.Grain {
			masked += len(a.Tiles) // each may have a slot map of its own
		}
	}
	for _, x := range p.Products {
		if p.Kinds[x.Column].With != "" {
			masked++
		}
	}
	if len(p.SlotMaps)+masked > MaxSlotMaps {
		return nil, fmt.Errorf("planning %s version %d: %w: its %d tiles of two measures or a private selector may take a slot map each, at most %d are possible; select fewer periods",
			verdict.Dataset, verdict.Version, ErrTooLarge, masked, MaxSlotMaps)
	}
	return p, nil
}

// masks are, by column, the entities whose cells are left out of a period.
func (g *gridLayer) masks(d catalog.Descriptor, bound bool) ([]periodSets, error) {
	out := slices.Repeat([]periodSets{nothingLeftOut}, len(g.columns))
	if bound || !NeedsPresence(g.verdict) {
		return out, nil
	}
	if err := g.checkPresence(d); err != nil {
		return nil, err
	}
	presence := g.presence
	for i, c := range g.verdict.Columns {
		switch {
		case c.Joined(): // readings are moved from the middle of their range, and then a missing one is not 0
			both := presence.Bits(g.columns[i]).Intersection(presence.Bits(d.MeasureIndex(c.Times)))
			out[i] = g.without(slices.Repeat([]uint64{^uint64(0)}, len(both.Words())), both.Words())
		case c.With != "":
			out[i] = g.without(presence.Bits(g.columns[i]).Words(), presence.Bits(d.MeasureIndex(c.With)).Words())
		}
	}
	return out, nil
}

// without are the entities of each period that have a cell of one measure and none
// of the other.
func (g *gridLayer) without(has, lacks []uint64) periodSets {
	entities := len(g.assign)
	out, alone := newSetWriter(len(g.periodOf), entities), make([]uint64, len(has))
	for i, w := range has {
		alone[i] = w &^ lacks[i]
	}
	for p := range g.periodOf {
		clear(out.set)
		eachPresent(alone, entities, p, p+1, func(_, e int) { out.add(e) })
		out.put(p, p+1)
	}
	return out.periodSets
}

// multiply adds the products of one column and block.
func (p *Plan) multiply(d catalog.Descriptor, at place, singles map[Single]int, block int) error {
	measures := [2]int{p.Columns[at.column], d.MeasureIndex(p.Kinds[at.column].Times)}
	return at.maps.eachTile(block, at.classes, func(k, m int) error {
		var of [2]int
		for i, measure := range measures {
			var err error
			if of[i], err = p.single(singles, Single{Layer: at.layer, Packed: p.Layers[at.layer].held[measure], Block: block, Tile: k}); err != nil {
				return err
			}
		}
		p.Products = append(p.Products, Product{Column: at.column, SlotMap: m, Left: of[0], Right: of[1]})
		return nil
	})
}

// Openings is how many sums and single tiles are opened.
func (p *Plan) Openings() int { return len(p.Accumulators) + len(p.Singles) }

// again reports whether a product's cells are those of the one before it: a join's
// cells lie in several tiles of the other version.
func (p *Plan) again(i int) bool {
	if i == 0 {
		return false
	}
	x, y := p.Products[i-1], p.Products[i]
	return x.Column == y.Column && x.Left == y.Left && x.SlotMap == y.SlotMap // layers share no slot map
}

// Multiplied counts the slots of opened tiles that are multiplied by each other.
func (p *Plan) Multiplied() int64 {
	perMap := map[int]int64{}
	n := int64(0)
	for i, x := range p.Products {
		if p.again(i) {
			continue
		}
		selected, known := perMap[x.SlotMap]
		if !known {
			for _, group := range p.SlotMaps[x.SlotMap] {
				if group >= 0 {
					selected++
				}
			}
			perMap[x.SlotMap] = selected
		}
		n += selected
	}
	return n
}
