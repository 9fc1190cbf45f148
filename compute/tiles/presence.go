package tiles

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/bits-and-blooms/bitset"
)

// Any stands for "any measure" where a measure's index is asked for: a cell is
// present there when at least one of its measures is. It is what COUNT(*)
// counts.
const Any = -1

// Presence says which cells of a panel hold a reading: one bit a cell and
// measure, bit period·entities + entity. Periods count from the version's
// first. It may be read by many goroutines once nobody sets bits any more.
type Presence struct {
	entities, periods int
	measures          []*bitset.BitSet
	any               func() *bitset.BitSet
}

// NewPresence returns the presence of a panel without readings.
func NewPresence(measures, entities, periods int) (*Presence, error) {
	if err := checkCells(measures, entities, periods); err != nil {
		return nil, err
	}
	sets := make([]*bitset.BitSet, measures)
	for i := range sets {
		sets[i] = bitset.MustNew(uint(entities) * uint(periods))
	}
	return presenceOf(sets, entities, periods), nil
}

// PresenceOf wraps one bit set a measure, each of entities·periods bits; the
// sets are shared, not copied.
func PresenceOf(sets []*bitset.BitSet, entities, periods int) (*Presence, error) {
	if err := checkCells(len(sets), entities, periods); err != nil {
		return nil, err
	}
	for i, s := range sets {
		if s.Len() != uint(entities)*uint(periods) {
			return nil, fmt.Errorf("%w: measure %d has %d bits for %d × %d cells", ErrPresence, i, s.Len(), entities, periods)
		}
	}
	return presenceOf(sets, entities, periods), nil
}

func presenceOf(sets []*bitset.BitSet, entities, periods int) *Presence {
	p := &Presence{entities: entities, periods: periods, measures: sets}
	p.any = sync.OnceValue(func() *bitset.BitSet {
		if len(sets) == 1 {
			return sets[0]
		}
		all := sets[0].Clone()
		for _, s := range sets[1:] {
			all.InPlaceUnion(s)
		}
		return all
	})
	return p
}

func checkCells(measures, entities, periods int) error {
	if measures <= 0 || entities <= 0 || periods <= 0 ||
		entities > MaxCells/periods || measures > MaxCells/(entities*periods) {
		return fmt.Errorf("%w: %d measures × %d entities × %d periods, want 1 to %d cells",
			ErrPresence, measures, entities, periods, MaxCells)
	}
	return nil
}

// Size returns the numbers of measures, entities and periods.
func (p *Presence) Size() (measures, entities, periods int) {
	return len(p.measures), p.entities, p.periods
}

// Set marks a cell as present.
func (p *Presence) Set(measure, entity, period int) {
	p.measures[measure].Set(uint(period)*uint(p.entities) + uint(entity))
}

// Has reports whether a cell is present. measure may be Any.
func (p *Presence) Has(measure, entity, period int) bool {
	return p.Bits(measure).Test(uint(period)*uint(p.entities) + uint(entity))
}

// Bits is the bit set of a measure, or of Any, to be read only.
func (p *Presence) Bits(measure int) *bitset.BitSet {
	if measure == Any {
		return p.any()
	}
	return p.measures[measure]
}

// Count is the number of present cells of a measure, or of Any.
func (p *Presence) Count(measure int) int {
	return int(p.Bits(measure).Count()) // at most MaxCells
}

// CountEntities adds to into[e], for every entity, in how many of the periods
// [from, to) it is present. measure may be Any; into has one element an entity.
func (p *Presence) CountEntities(measure, from, to int, into []int32) {
	p.eachPresent(measure, from, to, func(entity int) { into[entity]++ })
}

// eachPresent calls fn with the entity of every present cell of the periods
// [from, to), word by word: a call a set bit and nothing for absent ones.
func (p *Presence) eachPresent(measure, from, to int, fn func(entity int)) {
	words := p.Bits(measure).Words()
	for period := max(from, 0); period < min(to, p.periods); period++ {
		begin := uint(period) * uint(p.entities)
		end := begin + uint(p.entities)
		for w := begin / 64; w*64 < end; w++ {
			word := words[w]
			if w*64 < begin {
				word &= ^uint64(0) << (begin % 64)
			}
			if end-w*64 < 64 {
				word &= 1<<(end%64) - 1
			}
			for ; word != 0; word &= word - 1 {
				fn(int(w*64 + uint(bits.TrailingZeros64(word)) - begin)) // below entities
			}
		}
	}
}
