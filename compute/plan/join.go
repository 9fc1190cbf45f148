package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
)

// Side is one of the two versions of a pair. Presence is nil for whoever only bounds
// the plan.
type Side struct {
	Descriptor catalog.Descriptor // that the verdict was decided by
	Version    catalog.Version
	Presence   Presence
	Held       *catalog.Descriptor // that the version was published by, where it may be another one
}

// Pair is what a layer of a join reads: a version of the first dataset, and the one of the
// second that its cells are multiplied with.
type Pair struct{ First, Second Side }

// NewJoin plans a verdict on pairs of joined versions, one a layer, as
// NewPrivate does one on layers of one dataset; without the presences, as Bound
// does. Groups, slot maps and columns are laid out by the first version of each pair;
// the tiles of the second that its cells meet are opened one by one beside them.
func NewJoin(pairs []Pair, verdict catalog.Verdict) (*Plan, error) {
	p, err := newJoinPlan(pairs, verdict)
	if err != nil {
		return nil, fmt.Errorf("planning %s version %d joined with another dataset: %w", verdict.Dataset, verdict.Version, err)
	}
	return p, nil
}

func newJoinPlan(pairs []Pair, verdict catalog.Verdict) (*Plan, error) {
	if len(pairs) == 0 {
		return nil, errors.New("a join is of at least one pair of versions")
	}
	d := catalog.JoinDescriptors(pairs[0].First.Descriptor, pairs[0].Second.Descriptor)
	var layers []Layer
	var second []Side
	bound := false
	for _, x := range pairs {
		bound = bound || x.First.Presence == nil || x.Second.Presence == nil
		layers, second = append(layers, Layer{Version: x.First.Version, Held: x.First.Held}), append(second, x.Second)
	}
	if bound {
		return newPlan(d, layers, verdict, second, true)
	}
	for i, x := range pairs {
		var err error
		if layers[i].Presence, err = JoinPresence(x.First, x.Second); err != nil {
			return nil, fmt.Errorf("versions %d and %d: %w", x.First.Version.Version, x.Second.Version.Version, err)
		}
	}
	return newPlan(d, layers, verdict, second, false)
}

// firstMeasures is how many measures of a joined descriptor are the first dataset's.
func firstMeasures(d catalog.Descriptor) int {
	if i := slices.IndexFunc(d.Measures, func(m catalog.Measure) bool { return strings.Contains(m.Name, ".") }); i >= 0 {
		return i
	}
	return len(d.Measures)
}

// layout says where the cells of a version stand in its tiles.
type layout struct {
	blocks  []catalog.Block
	first   int64 // index of the first period
	periods int
}

func layoutOf(v catalog.Version) layout { return layout{v.Blocks, v.First, v.Periods} }

// cell is the entity and period of a slot of a tile that is not its parity.
func (l layout) cell(block, tile, slot int) (entity int, period int64) {
	b := l.blocks[block]
	return b.First + slot%b.Entities, l.first + int64(tile*b.Periods+slot/b.Entities)
}

// place is where a cell stands; false where the version has no such cell.
func (l layout) place(entity int, period int64) (block, tile, slot int, ok bool) {
	p := period - l.first
	if p < 0 || p >= int64(l.periods) {
		return 0, 0, 0, false
	}
	block, _ = slices.BinarySearchFunc(l.blocks, entity, func(b catalog.Block, e int) int { return cmp.Compare(b.First+b.Entities-1, e) })
	if block == len(l.blocks) {
		return 0, 0, 0, false
	}
	b := l.blocks[block]
	return block, int(p) / b.Periods, int(p)%b.Periods*b.Entities + entity - b.First, true
}

// joined is what a plan knows of the versions of its second dataset.
type joined struct {
	dataset string
	version int           // as of which is answered
	layers  []joinedLayer // of the plan's
	measure []string      // of the second dataset
	mids    [][2]int64    // by column: middles of the ranges of the two measures
}

// joinedLayer is the version of the second dataset that a layer is joined with.
type joinedLayer struct {
	version int
	layout  layout
	held    []int // as PlanLayer's, of this version
	own     int   // first layer that reads the layer's version of the first dataset
	first   int   // first layer that is joined with this version
}

// newJoined is nil for a verdict on one dataset. d has the measures of both.
func newJoined(d catalog.Descriptor, layers []Layer, second []Side, verdict catalog.Verdict) (*joined, error) {
	switch {
	case verdict.Join == nil && second == nil:
		if i := slices.IndexFunc(verdict.Columns, catalog.Column.Joined); i >= 0 {
			return nil, fmt.Errorf("column %d of the verdict is of a second dataset, and there is none", i)
		}
		return nil, nil //nolint:nilnil // nothing is joined
	case verdict.Join == nil || second == nil:
		return nil, errors.New("the verdict names a second dataset, or the plan is made with one, and not both")
	}
	j := &joined{dataset: verdict.Join.Dataset, version: verdict.Join.Version, measure: second[0].Descriptor.MeasureNames()}
	for i, side := range second {
		v := side.Version
		if want := verdict.JoinedWith(verdict.Layers[i]); v.Dataset != j.dataset || v.Version != want {
			return nil, fmt.Errorf("layer %d is joined with %q version %d, the plan with %q version %d", i, j.dataset, want, v.Dataset, v.Version)
		}
		if err := checkBlocks(v); err != nil {
			return nil, err
		}
		j.layers = append(j.layers, joinedLayer{
			version: v.Version, layout: layoutOf(v), held: heldMeasures(side.Descriptor, side.Held),
			own:   slices.IndexFunc(layers, func(l Layer) bool { return l.Version.Version == layers[i].Version.Version }),
			first: slices.IndexFunc(second, func(s Side) bool { return s.Version.Version == v.Version }),
		})
	}
	for i, c := range verdict.Columns {
		if !c.Joined() || c.With != "" || c.Bucket != 0 || c.Count || c.Weight != "" || d.MeasureIndex(c.Times) < 0 {
			return nil, fmt.Errorf("column %d of a join is no product of two measures", i)
		}
		j.mids = append(j.mids, [2]int64{d.MeasureNamed(c.Measure).Mid(), d.MeasureNamed(c.Times).Mid()})
	}
	return j, nil
}

// lacks reports whether the second version of a layer was published without a column's
// measure.
func (j *joined) lacks(layer int, c catalog.Column) bool {
	if j == nil {
		return false
	}
	i := slices.Index(j.measure, catalog.OwnMeasure(c.Times))
	return i >= 0 && j.layers[layer].held[i] == notHeld
}

// multiplyJoined adds the products of one column and block of a layer with the tiles of
// its second version that have its cells. measures is how many the first dataset has. A
// tile is opened once, whatever layers read it.
func (p *Plan) multiplyJoined(d catalog.Descriptor, measures int, at place, singles map[Single]int, block int) error {
	other, pair := d.MeasureIndex(p.Kinds[at.column].Times)-measures, p.joined.layers[at.layer]
	return at.maps.eachTile(block, at.classes, func(k, m int) error {
		partners := p.partners(at.layer, at.maps.list[m-at.maps.base], block, k, pair.held[other])
		if len(partners) == 0 {
			return nil
		}
		left, err := p.single(singles, Single{Layer: pair.own, Packed: p.Layers[at.layer].held[p.Columns[at.column]], Block: block, Tile: k})
		if err != nil {
			return err
		}
		for _, s := range partners {
			right, err := p.single(singles, s)
			if err != nil {
				return err
			}
			p.Products = append(p.Products, Product{Column: at.column, SlotMap: m, Left: left, Right: right})
		}
		return nil
	})
}

// partners are the tiles of a layer's second version that have a selected cell of a tile,
// by block and tile.
func (p *Plan) partners(layer int, slots []int32, block, tile, measure int) []Single {
	var out []Single
	own, pair := p.Layers[layer].layout, p.joined.layers[layer]
	for slot, group := range slots {
		if group < 0 {
			continue
		}
		b, k, _, ok := pair.layout.place(own.cell(block, tile, slot))
		if s := (Single{Layer: pair.first, Packed: measure, Block: b, Tile: k, Second: true}); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Single) int { return cmp.Or(cmp.Compare(a.Block, b.Block), cmp.Compare(a.Tile, b.Tile)) })
	return out
}

// single is the number of a tile that is opened alone.
func (p *Plan) single(known map[Single]int, s Single) (int, error) {
	if at, ok := known[s]; ok {
		return at, nil
	}
	at := len(p.Singles)
	if at == MaxSingles {
		return 0, fmt.Errorf("%w: more than %d tiles would be multiplied; select fewer periods", ErrTooLarge, MaxSingles)
	}
	known[s] = at
	p.Singles = append(p.Singles, s)
	if s.Second {
		p.SecondTiles++
	} else {
		p.Tiles++
	}
	return at, nil
}

// Partner is the slot of a product's right tile that is multiplied with a slot of its
// left one; false where the cell is in none, or in another tile.
func (p *Plan) Partner(x Product, slot int) (int, bool) {
	if p.joined == nil {
		return slot, true
	}
	left, right := p.Singles[x.Left], p.Singles[x.Right]
	b, k, at, ok := p.joined.layers[right.Layer].layout.place(p.Layers[left.Layer].layout.cell(left.Block, left.Tile, slot))
	return at, ok && b == right.Block && k == right.Tile
}

// Mids are what the readings of a product's two tiles are centred on, 0 and 0 where
// the products of centred readings are summed.
func (p *Plan) Mids(x Product) (left, right int64) {
	if p.joined == nil {
		return 0, 0
	}
	mids := p.joined.mids[x.Column]
	return mids[0], mids[1]
}

// joined adds to a plan's digest what it is joined with. The tag tells whether that is one
// version, as of which is answered, or others.
func (w *planWriter) joined(p *Plan) {
	j := p.joined
	one := len(j.layers) == 1 && j.layers[0].version == j.version
	if one {
		w.buf = append(w.buf, "joined\n"...)
	} else {
		w.buf = append(w.buf, "joined pairs\n"...)
	}
	w.text(j.dataset)
	w.numbers(j.version)
	for i, pair := range j.layers {
		if !one {
			w.numbers(pair.version)
		}
		for _, l := range []layout{p.Layers[i].layout, pair.layout} {
			w.numbers(int(l.first), l.periods, len(l.blocks))
			for _, b := range l.blocks {
				w.numbers(b.First, b.Entities, b.Periods)
			}
		}
	}
	for _, mids := range j.mids {
		w.numbers(int(mids[0]), int(mids[1]))
	}
	for _, s := range p.Singles {
		w.numbers(oneIf(s.Second))
	}
}

// JoinPresence is the presence of two joined versions, laid out as the first one's:
// its measures, behind them those of the second. A cell in which any measure is
// present has one of either.
func JoinPresence(first, second Side) (Presence, error) {
	for _, s := range []*Side{&first, &second} {
		if s.Presence == nil {
			return nil, ErrPresence
		}
		var err error
		if *s, err = s.by(); err != nil {
			return nil, err
		}
		if err := checkPresence(s.Presence, s.Descriptor, s.Version); err != nil {
			return nil, err
		}
	}
	out := &joinedPresence{first: first, second: make([]*bitset.BitSet, len(second.Descriptor.Measures))}
	for m := range out.second {
		out.second[m] = relaid(second.Presence.Bits(m), first.Version, second.Version)
	}
	out.any = first.Presence.Bits(AnyMeasure).Intersection(relaid(second.Presence.Bits(AnyMeasure), first.Version, second.Version))
	return out, nil
}

// relaid has the bits of a version's cells where another version has them.
func relaid(bits *bitset.BitSet, to, from catalog.Version) *bitset.BitSet {
	out := bitset.New(uint(to.Entities) * uint(to.Periods)) //nolint:gosec // not negative
	shift := int(from.First - to.First)
	eachPresent(bits.Words(), from.Entities, 0, from.Periods, func(p, e int) {
		if at := p + shift; at >= 0 && at < to.Periods && e < to.Entities {
			out.Set(uint(at*to.Entities + e)) //nolint:gosec // not negative
		}
	})
	return out
}

type joinedPresence struct {
	first  Side
	second []*bitset.BitSet
	any    *bitset.BitSet
}

// Size implements Presence.
func (p *joinedPresence) Size() (measures, entities, periods int) {
	measures, entities, periods = p.first.Presence.Size()
	return measures + len(p.second), entities, periods
}

// Bits implements Presence.
func (p *joinedPresence) Bits(measure int) *bitset.BitSet {
	own, _, _ := p.first.Presence.Size()
	switch {
	case measure == AnyMeasure:
		return p.any
	case measure < own:
		return p.first.Presence.Bits(measure)
	}
	return p.second[measure-own]
}
