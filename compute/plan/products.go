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
	p, err := newPlan(d, layers, verdict, nil, true)
	if err != nil {
		return nil, fmt.Errorf("planning %s version %d: %w", verdict.Dataset, verdict.Release, err)
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
			verdict.Dataset, verdict.Release, ErrTooLarge, masked, MaxSlotMaps)
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
	out := periodSets{of: make([]int32, len(g.periodOf)), sets: [][]uint64{nil}, keys: []string{""}}
	known, scratch := map[string]int32{}, make([]byte, 8*((entities+63)/64))
	set := make([]uint64, (entities+63)/64)
	alone := make([]uint64, len(has))
	for i, w := range has {
		alone[i] = w &^ lacks[i]
	}
	for p := range out.of {
		clear(set)
		some := false
		eachPresent(alone, entities, p, p+1, func(_, e int) {
			set[e>>6] |= 1 << (e & 63)
			some = true
		})
		if some {
			out.of[p] = out.intern(known, set, scratch)
		}
	}
	return out
}

// multiply adds the products of one column and block.
func (p *Plan) multiply(d catalog.Descriptor, at place, singles map[Single]int, block int) error {
	left, right := p.Columns[at.column], d.MeasureIndex(p.Kinds[at.column].Times)
	return at.maps.eachTile(block, at.classes, func(k, m int) error {
		x := Product{Column: at.column, SlotMap: m}
		for _, of := range []struct {
			into    *int
			measure int
		}{{&x.Left, left}, {&x.Right, right}} {
			number, err := p.single(singles, Single{Layer: at.layer, Packed: p.Layers[at.layer].held[of.measure], Block: block, Tile: k})
			if err != nil {
				return err
			}
			*of.into = number
		}
		p.Products = append(p.Products, x)
		return nil
	})
}

// OwnSingles are the numbers of the singles of the dataset itself, SecondSingles of
// those of the one that is joined to it.
func (p *Plan) OwnSingles() []int { return p.singlesOf(false) }

// SecondSingles are the numbers of the singles of a second dataset.
func (p *Plan) SecondSingles() []int { return p.singlesOf(true) }

func (p *Plan) singlesOf(second bool) []int {
	var out []int
	for i, s := range p.Singles {
		if s.Second == second {
			out = append(out, i)
		}
	}
	return out
}

// OwnOpenings is how many of them are of the dataset itself.
func (p *Plan) OwnOpenings() int { return len(p.Accumulators) + len(p.OwnSingles()) }

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
