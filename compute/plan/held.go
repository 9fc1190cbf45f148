package plan

import (
	"fmt"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
)

// A descriptor may be amended between the publication of a version and a query: then
// the version's tiles and presence have other measures than the descriptor that the
// verdict was decided by, or the same ones in another order. A plan numbers measures by
// the latter, and finds by names what the version holds.

// notHeld in the place of a measure's number in a version, or of its column of tiles,
// means that the version was published without.
const notHeld = -2

// heldMeasures are, by number in a descriptor, the numbers that its measures have in
// the descriptor that a version was published by; held nil: the same.
func heldMeasures(d catalog.Descriptor, held *catalog.Descriptor) []int {
	out := make([]int, len(d.Measures))
	for i, m := range d.Measures {
		out[i] = i
		if held == nil {
			continue
		}
		if out[i] = (*held).MeasureIndex(m.Name); out[i] < 0 {
			out[i] = notHeld
		}
	}
	return out
}

// heldPresence is a version's presence with the measures of another descriptor. Of a
// measure that the version was published without nothing is present; AnyMeasure means
// those that it has.
type heldPresence struct {
	Presence
	numbers []int
	none    *bitset.BitSet
}

// presenceBy numbers a version's presence by a descriptor's measures.
func presenceBy(p Presence, numbers []int, held *catalog.Descriptor, v catalog.Version) (Presence, error) {
	if p == nil || held == nil {
		return p, nil
	}
	if err := checkPresence(p, *held, v); err != nil {
		return nil, err
	}
	_, entities, periods := p.Size()
	return &heldPresence{p, numbers, bitset.New(uint(entities) * uint(periods))}, nil //nolint:gosec // not negative
}

// Size implements Presence.
func (p *heldPresence) Size() (measures, entities, periods int) {
	_, entities, periods = p.Presence.Size()
	return len(p.numbers), entities, periods
}

// Bits implements Presence.
func (p *heldPresence) Bits(measure int) *bitset.BitSet {
	switch {
	case measure == AnyMeasure:
		return p.Presence.Bits(AnyMeasure)
	case p.numbers[measure] == notHeld:
		return p.none
	}
	return p.Presence.Bits(p.numbers[measure])
}

// by is the side with its presence numbered by its Descriptor.
func (s Side) by() (Side, error) {
	var err error
	s.Presence, err = presenceBy(s.Presence, heldMeasures(s.Descriptor, s.Held), s.Held, s.Version)
	return s, err
}

// hold finds what the layer's version holds of the descriptor's measures. The presence of
// a join is numbered by the joined descriptor already.
func (g *gridLayer) hold(d catalog.Descriptor) (err error) {
	g.held = heldMeasures(d, g.by)
	if _, joined := g.presence.(*joinedPresence); joined || g.presence == nil {
		return nil
	}
	g.presence, err = presenceBy(g.presence, g.held, g.by, g.version)
	return err
}

// lacks reports whether a layer's version was published without a measure of a column.
func (g *gridLayer) lacks(d catalog.Descriptor, column int) bool {
	c := g.verdict.Columns[column]
	if c.Count {
		return false
	}
	for _, name := range [3]string{c.Measure, c.With, c.Times} {
		if i := d.MeasureIndex(name); i >= 0 && i < g.own(d) && g.held[i] == notHeld {
			return true
		}
	}
	return false
}

// own is how many of the descriptor's measures are the layer's dataset's.
func (g *gridLayer) own(d catalog.Descriptor) int {
	if g.verdict.Join == nil {
		return len(d.Measures)
	}
	return firstMeasures(d)
}

// nothingOf fails where a verdict takes cells of a column that the layer's version was
// published without.
func (p *Plan) nothingOf(at place, block int) error {
	return at.maps.eachTile(block, at.classes, func(int, int) error {
		return fmt.Errorf("the verdict takes column %d of version %d, which was published without its measures", at.column, p.Layers[at.layer].Version)
	})
}
