package query

import (
	"errors"
	"fmt"
	"slices"

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

// ErrPlanTooLarge is returned when a plan would need more than MaxSlotMaps slot
// maps or catalog.MaxGroups groups.
var ErrPlanTooLarge = errors.New("the plan is too large")

// Plan is how a verdict is computed from a version's tiles: which tiles are
// added up under which slot map, and where each slot then goes. It is a pure
// function of descriptor, version and verdict. The sum of column c over group g
// is element c·len(Groups)+g of the result.
type Plan struct {
	Dataset      string
	Release      int
	Groups       []catalog.GroupIndex // released, entity-major
	Kinds        []catalog.Column     // as the verdict names them
	Columns      []int                // per column, the index of its measure in the descriptor, or AnyMeasure
	Packed       []int                // per column, the column of the version's tiles that is added up, or −1
	SlotMaps     [][]int32            // distinct; Slots entries each: the number of a group, or −1
	Accumulators []Accumulator        // ascending column, block, first tile
	Width        int                  // len(Groups)·len(Columns)
	Singles      []Single             // tiles that are opened alone, because they are multiplied
	Products     []Product            // ascending column, block, tile
	Tiles        int64                // read of the dataset, over all accumulators and singles
	SecondTiles  int64                // likewise of a second one that is joined
	Noise        []noise.Law          // per column, of each node of the active set, no law where it carries none; nil: exact

	private *private // of a verdict that names private vectors
	joined  *joined  // of a verdict on two datasets
}

// Accumulator is one homomorphic sum: tiles Tiles (k-th of their block, so of
// the periods k·block.Periods and following) of a column and a block, which have
// one slot map in common. Slot (p−p0)·block.Entities + e−block.First of a tile
// is entity e in period p, p0 being the tile's first period.
type Accumulator struct {
	Column  int
	Block   int
	SlotMap int
	Tiles   []int // ascending
}

// NewPlan plans the verdict on version v of the dataset that d describes. A
// verdict that NeedsPresence is planned by NewPrivatePlan.
func NewPlan(d catalog.Descriptor, v catalog.Version, verdict catalog.Verdict) (*Plan, error) {
	p, err := newPlan(d, v, verdict, nil, nil, false)
	if err != nil {
		return nil, fmt.Errorf("planning %s version %d: %w", verdict.Dataset, verdict.Release, err)
	}
	return p, nil
}

// newPlan plans a verdict. presence is nil, or the version's own for one that needs
// it; without it, only a bound of the plan is made. second is the other version of a
// join, the measures of which are the last of d.
func newPlan(d catalog.Descriptor, v catalog.Version, verdict catalog.Verdict, second *catalog.Version, presence Presence, bound bool) (*Plan, error) {
	g, err := newGrid(d, v, verdict)
	if err != nil {
		return nil, err
	}
	p := &Plan{Dataset: verdict.Dataset, Release: verdict.Release, Groups: g.groups, Kinds: verdict.Columns, Columns: g.columns, Packed: g.packed}
	p.Width = len(p.Groups) * len(p.Columns)
	if p.joined, err = newJoined(d, v, second, verdict); err != nil {
		return nil, err
	}
	if p.private, err = newPrivate(g, d, v, presence, bound); err != nil {
		return nil, err
	}
	if p.Noise, err = newLaws(g, d, p.private); err != nil {
		return nil, err
	}
	masks, err := g.masks(d, v, p.private, presence, bound)
	if err != nil {
		return nil, err
	}
	maps := newSlotMaps(g, v.Blocks)
	singles := map[Single]int{}
	for column := range p.Columns {
		if verdict.Columns[column].Count {
			continue // computed from the vector and presence alone
		}
		classes := maps.classes(g.exclusions(column), masks[column])
		for block := range v.Blocks {
			if p.joined != nil {
				err = p.multiplyJoined(g, d, firstMeasures(d), maps, singles, classes, column, block)
			} else if p.Packed[column] == unpacked {
				err = p.multiply(g, d, maps, singles, classes, column, block)
			} else {
				err = p.accumulate(maps, classes, column, block)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	p.SlotMaps = maps.list
	return p, p.checkHeld()
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
		return fmt.Errorf("%w: %d sums would be multiplied by a private vector, at most %d can be held; select fewer periods or group by coarser ones", ErrPlanTooLarge, held, MaxSingles)
	}
	return nil
}

// accumulate adds the accumulators of one column and block.
func (p *Plan) accumulate(maps *slotMaps, classes []int32, column, block int) error {
	accumulators := map[int]int{}
	return maps.eachTile(block, classes, func(k, m int) error {
		i, ok := accumulators[m]
		if !ok {
			i = len(p.Accumulators)
			accumulators[m] = i
			p.Accumulators = append(p.Accumulators, Accumulator{Column: column, Block: block, SlotMap: m})
		}
		p.Accumulators[i].Tiles = append(p.Accumulators[i].Tiles, k)
		p.Tiles++
		return nil
	})
}

// grid is a verdict checked against its version and laid out for lookup.
type grid struct {
	verdict  catalog.Verdict
	groups   []catalog.GroupIndex
	numbers  []int32 // entity group · period groups + period group → number of a released group, or −1
	columns  []int   // measures
	packed   []int   // columns of tiles
	assign   []int32 // entity → part, or −1
	periodOf []int32 // period of the version → period group, or −1
	first    int64   // index of the version's first period
}

func newGrid(d catalog.Descriptor, v catalog.Version, verdict catalog.Verdict) (*grid, error) {
	switch {
	case verdict.Dataset != d.Dataset || verdict.Dataset != v.Dataset:
		return nil, fmt.Errorf("the verdict is on dataset %q, the version of %q, the descriptor of %q", verdict.Dataset, v.Dataset, d.Dataset)
	case verdict.Release != v.Version:
		return nil, fmt.Errorf("the verdict is on version %d, not %d", verdict.Release, v.Version)
	case verdict.Entities != v.Entities:
		return nil, fmt.Errorf("the verdict covers %d entities, the version %d", verdict.Entities, v.Entities)
	}
	if err := checkBlocks(v); err != nil {
		return nil, err
	}
	g := &grid{verdict: verdict, first: v.First}
	var err error
	if g.assign, err = catalog.UnpackAssign(verdict.Assign, verdict.Entities); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(g.assign, func(a int32) bool { return int(a) >= len(verdict.Parts) }); i >= 0 {
		return nil, fmt.Errorf("entity %d is assigned to part %d of %d", i, g.assign[i], len(verdict.Parts))
	}
	if i := slices.IndexFunc(verdict.Parts, func(p catalog.Part) bool { return p.Group < 0 || p.Group >= len(verdict.EntityGroups) }); i >= 0 {
		return nil, fmt.Errorf("part %d is of group %d of %d", i, verdict.Parts[i].Group, len(verdict.EntityGroups))
	}
	for _, step := range []func() error{func() error { return g.findColumns(d) }, func() error { return g.pack(d, v) }, g.number, g.checkExclusions, func() error { return g.layPeriods(v) }} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// checkBlocks checks that the blocks are the version's entities in order and
// that tiles of them have room for their parity.
func checkBlocks(v catalog.Version) error {
	next := 0
	for i, b := range v.Blocks {
		if b.First != next || b.Entities < 1 || b.Periods < 1 || b.Entities > catalog.TileCells ||
			b.Periods > catalog.TileCells/b.Entities {
			return fmt.Errorf("block %d of %d entities from %d on and %d periods a tile does not fit", i, b.Entities, b.First, b.Periods)
		}
		next += b.Entities
	}
	if next != v.Entities || v.Periods < 0 {
		return fmt.Errorf("the blocks hold %d entities of %d, over %d periods", next, v.Entities, v.Periods)
	}
	return nil
}

func (g *grid) findColumns(d catalog.Descriptor) error {
	for i, c := range g.verdict.Columns {
		m := slices.IndexFunc(d.Measures, func(m catalog.Measure) bool { return m.Name == c.Measure })
		if c.Measure == "" && c.Count {
			m = AnyMeasure
		} else if m < 0 {
			return fmt.Errorf("column %d of the verdict is of %q, which is no measure", i, c.Measure)
		}
		switch {
		case slices.Contains(g.verdict.Columns[:i], c):
			return fmt.Errorf("column %d of the verdict stands there twice", i)
		case c.Count && c.Weight == "" && g.verdict.In == "":
			return fmt.Errorf("column %d of the verdict counts what is public", i)
		}
		g.columns = append(g.columns, m)
	}
	return nil
}

// number numbers the released groups, entity-major.
func (g *grid) number() error {
	entities, periods := len(g.verdict.EntityGroups), len(g.verdict.PeriodGroups)
	withheld := g.verdict.Withheld
	if periods > 0 && entities > (catalog.MaxGroups+len(withheld))/periods {
		return fmt.Errorf("%w: %d × %d groups, at most %d are released", ErrPlanTooLarge, entities, periods, catalog.MaxGroups)
	}
	g.numbers = make([]int32, entities*periods)
	last := -1
	for _, w := range withheld {
		at := w.Entity*periods + w.Period
		if w.Entity < 0 || w.Entity >= entities || w.Period < 0 || w.Period >= periods || at <= last {
			return fmt.Errorf("withheld group (%d, %d) is out of range or out of order", w.Entity, w.Period)
		}
		g.numbers[at], last = -1, at
	}
	for at := range g.numbers {
		if g.numbers[at] < 0 {
			continue
		}
		g.numbers[at] = int32(len(g.groups)) //nolint:gosec // at most MaxGroups
		g.groups = append(g.groups, catalog.GroupIndex{Entity: at / periods, Period: at % periods})
	}
	return nil
}

// layPeriods notes each period's group. Parts of a group beyond the version's
// periods have no cells and are passed over.
func (g *grid) layPeriods(v catalog.Version) error {
	g.periodOf = slices.Repeat([]int32{-1}, v.Periods)
	for j, group := range g.verdict.PeriodGroups {
		for _, i := range group.Intervals {
			for p, to := g.clip(i); p < to; p++ {
				if g.periodOf[p] >= 0 {
					return fmt.Errorf("period %d is in the period groups %d and %d", g.first+int64(p), g.periodOf[p], j)
				}
				g.periodOf[p] = int32(j) //nolint:gosec // less than MaxGroups plus what is withheld
			}
		}
	}
	return nil
}

// clip is an interval as positions among the version's periods.
func (g *grid) clip(i catalog.Interval) (from, to int) {
	last := g.first + int64(len(g.periodOf))
	f, t := max(i.From, g.first), min(i.To, last)
	if t <= f {
		return 0, 0
	}
	return int(f - g.first), int(t - g.first)
}
