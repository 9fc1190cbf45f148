package plan

import (
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

const (
	// Slots is the number of slots of a tile; the last is its parity.
	Slots = catalog.TileCells + 1
	// MaxSlotMaps bounds the distinct slot maps of one plan, 32 kB each. Grouping
	// 25,000 enterprises by county and day for five years takes some 6,000.
	MaxSlotMaps = 8192
)

// ErrTooLarge is returned when a plan would need more than MaxSlotMaps slot
// maps or catalog.MaxGroups groups.
var ErrTooLarge = errors.New("the plan is too large")

// Layer is a version that a verdict takes something from, in the order of its layers.
// Presence is the version's own, and nil for whoever plans without it. Held is the
// descriptor that the version was published by, where it may be another one than the
// verdict's.
type Layer struct {
	Version  catalog.Version
	Presence Presence
	Held     *catalog.Descriptor
}

// Plan is how a verdict is computed from the tiles of its layers' versions: which
// tiles are added up under which slot map, and where each slot then goes. It is a pure
// function of descriptor, versions and verdict. The sum of column c over group g, over
// all layers, is element c·len(Groups)+g of the result.
type Plan struct {
	Dataset      string
	Version      int // as of which is answered
	Layers       []ReadLayer
	Groups       []catalog.GroupIndex // released, entity-major; by piece, all of one after all of another
	EntityLabels [][]string           // what a result calls the verdict's entity groups
	PeriodLabels []string             // likewise its period groups
	Kinds        []catalog.Column     // as the verdict names them
	Columns      []int                // per column, the index of its measure in the descriptor, or AnyMeasure
	SlotMaps     [][]int32            // distinct; Slots entries each: the number of a group of the first piece, or −1
	Accumulators []Accumulator        // ascending layer, column, block, first tile
	Width        int                  // len(Groups)·len(Columns)
	Singles      []Single             // tiles that are opened alone, because they are multiplied
	Products     []Product            // ascending layer, column, block, tile
	Tiles        int64                // read of the dataset, over all accumulators and singles
	SecondTiles  int64                // likewise of a second one that is joined
	Noise        []noise.Law          // per column, of each node of the active set, no law where it carries none; nil: exact

	private *private // of a verdict that names private vectors
	joined  *joined  // of a verdict on two datasets
}

// ReadLayer is what a plan knows of one version that it reads.
type ReadLayer struct {
	Version int
	Packed  []int // per column, the column of the version's tiles that is added up, or −1

	layout layout
	held   []int // by number of a measure in the descriptor, its number in the version
}

// Accumulator is one homomorphic sum: tiles Tiles (k-th of their block, so of
// the periods k·block.Periods and following) of a column and a block of a layer's
// version, which have one slot map in common. Slot (p−p0)·block.Entities +
// e−block.First of a tile is entity e in period p, p0 being the tile's first period.
type Accumulator struct {
	Layer   int // of Plan.Layers
	Column  int
	Block   int
	SlotMap int
	Tiles   []int // ascending
}

// New plans the verdict on the versions of its layers, of the dataset that d
// describes. A verdict that NeedsPresence is planned by NewPrivate.
func New(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict) (*Plan, error) {
	alone := make([]Layer, len(layers))
	for i, l := range layers {
		alone[i].Version, alone[i].Held = l.Version, l.Held
	}
	return ofOne(d, alone, verdict, false)
}

// ofOne plans a verdict on one dataset.
func ofOne(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict, bound bool) (*Plan, error) {
	p, err := newPlan(d, layers, verdict, nil, bound)
	if err != nil {
		return nil, fmt.Errorf("planning %s version %d: %w", verdict.Dataset, verdict.Version, err)
	}
	return p, nil
}

// newPlan plans a verdict. A bound of the plan is made without the presences. second are
// the other sides of a join, one a layer, the measures of which are the last of d.
func newPlan(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict, second []Side, bound bool) (*Plan, error) {
	g, err := NewGrid(d, layers, verdict)
	if err != nil {
		return nil, err
	}
	p := &Plan{Dataset: verdict.Dataset, Version: verdict.Version, Groups: g.Groups, Kinds: verdict.Columns, Columns: g.columns}
	for _, group := range verdict.EntityGroups {
		p.EntityLabels = append(p.EntityLabels, group.Values)
	}
	for _, group := range verdict.PeriodGroups {
		p.PeriodLabels = append(p.PeriodLabels, group.Value)
	}
	p.Width = len(p.Groups) * len(p.Columns)
	for _, l := range g.layers {
		p.Layers = append(p.Layers, ReadLayer{Version: l.layer.Version, Packed: l.packed, layout: layoutOf(l.version), held: l.held})
	}
	if p.joined, err = newJoined(d, layers, second, verdict); err != nil {
		return nil, err
	}
	if p.private, err = newPrivate(g, d, bound); err != nil {
		return nil, err
	}
	if p.Noise, err = p.newLaws(g, d); err != nil {
		return nil, err
	}
	singles := map[Single]int{}
	for i, l := range g.layers {
		masks, err := l.masks(d, bound)
		if err != nil {
			return nil, err
		}
		if p.private != nil {
			masks = p.private.masks[i]
		}
		if err := p.addLayer(i, l, d, masks, singles); err != nil {
			return nil, err
		}
	}
	return p, p.checkHeld()
}

// addLayer adds what is read of one layer's version.
func (p *Plan) addLayer(number int, l *gridLayer, d catalog.Descriptor, masks []periodSets, singles map[Single]int) (err error) {
	maps := newSlotMaps(l, len(p.SlotMaps))
	for column := range p.Columns {
		if p.Kinds[column].Count {
			continue // computed from the vector and presence alone
		}
		at := place{number, column, maps, maps.classes(l.exclusions(column), masks[column])}
		lacks := l.lacks(d, column) || p.joined.lacks(number, p.Kinds[column])
		for block := range l.version.Blocks {
			if lacks {
				err = p.nothingOf(at, block)
			} else if p.joined != nil {
				err = p.multiplyJoined(d, firstMeasures(d), at, singles, block)
			} else if l.packed[column] == unpacked {
				err = p.multiply(d, at, singles, block)
			} else {
				err = p.accumulate(at, block)
			}
			if err != nil {
				return err
			}
		}
	}
	p.SlotMaps = append(p.SlotMaps, maps.list...)
	return nil
}

// place is a column of a layer, and the class of each of its version's periods.
type place struct {
	layer   int
	column  int
	maps    *slotMaps
	classes []int32
}

// checkHeld refuses a plan whose members would hold more shares than they have room
// for.
func (p *Plan) checkHeld() error {
	held := 0
	for _, a := range p.Accumulators {
		if p.Vector(a.Column) != "" {
			held++
		}
	}
	if held > MaxSingles {
		return fmt.Errorf("%w: %d sums would be multiplied by a private vector, at most %d can be held; select fewer periods or group by coarser ones", ErrTooLarge, held, MaxSingles)
	}
	return nil
}

// accumulate adds the accumulators of one column and block.
func (p *Plan) accumulate(at place, block int) error {
	accumulators := map[int]int{}
	return at.maps.eachTile(block, at.classes, func(k, m int) error {
		i, ok := accumulators[m]
		if !ok {
			i = len(p.Accumulators)
			accumulators[m] = i
			p.Accumulators = append(p.Accumulators, Accumulator{Layer: at.layer, Column: at.column, Block: block, SlotMap: m})
		}
		p.Accumulators[i].Tiles = append(p.Accumulators[i].Tiles, k)
		p.Tiles++
		return nil
	})
}
