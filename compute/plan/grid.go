package plan

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Grid is a verdict checked against its versions and laid out for lookup.
type Grid struct {
	verdict catalog.Verdict
	Groups  []catalog.GroupIndex // released; those of one piece after those of another
	Pieces  int                  // 1 where figures are not by piece
	numbers []int32              // entity group · period groups + period group → number of a released group, or −1
	columns []int                // measures
	layers  []*gridLayer
	takers  *takers // found out when it is needed
}

// gridLayer is one layer of a grid.
type gridLayer struct {
	*Grid
	layer    catalog.Layer
	version  catalog.Version
	presence Presence            // nil: planned without
	by       *catalog.Descriptor // that the version was published by; nil: the verdict's
	held     []int               // by number of a measure in the verdict's descriptor, its number in the version
	packed   []int               // columns of tiles
	assign   []int32             // entity → part, or −1
	periodOf []int32             // period of the version → period group, or −1
	first    int64               // index of the version's first period
}

// NewGrid checks a verdict against the versions of its layers, and lays it out.
func NewGrid(d catalog.Descriptor, layers []Layer, verdict catalog.Verdict) (*Grid, error) {
	g := &Grid{verdict: verdict, Pieces: max(verdict.Pieces, 1)}
	switch {
	case verdict.Dataset != d.Dataset:
		return nil, fmt.Errorf("the verdict is on dataset %q, the descriptor of %q", verdict.Dataset, d.Dataset)
	case len(layers) != len(verdict.Layers):
		return nil, fmt.Errorf("the verdict has %d layers, and %d versions are given", len(verdict.Layers), len(layers))
	}
	if n := len(verdict.Widths); n != 0 && (n != len(verdict.Columns) || verdict.Noise == nil || slices.Min(verdict.Widths) < 0) {
		return nil, fmt.Errorf("the widths %d of %d columns are not what a noised verdict has", verdict.Widths, len(verdict.Columns))
	}
	if n := len(verdict.EntityGroups) * len(verdict.PeriodGroups); len(verdict.Coverage) != 0 && len(verdict.Coverage) != n {
		return nil, fmt.Errorf("the coverage is of %d groups, the verdict has %d", len(verdict.Coverage), n)
	}
	for _, step := range []func() error{func() error { return g.findColumns(d) }, g.number} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if len(layers) == 0 && len(g.Groups) > 0 {
		return nil, fmt.Errorf("the verdict releases %d groups and has no layer", len(g.Groups))
	}
	all, err := g.checkParts()
	if err != nil {
		return nil, err
	}
	last := [2]int{}
	for i, l := range layers {
		one := &gridLayer{Grid: g, layer: verdict.Layers[i], version: l.Version, presence: l.Presence, first: l.Version.First, by: l.Held}
		at := [2]int{one.layer.Version, verdict.JoinedWith(one.layer)}
		if slices.Compare(at[:], last[:]) <= 0 || at[0] > verdict.Version {
			return nil, fmt.Errorf("layer %d is of version %d, behind version %d, and the verdict is as of %d", i, at[0], last[0], verdict.Version)
		}
		if verdict.Join == nil && at[1] != 0 || verdict.Join != nil && (at[1] < 1 || at[1] > verdict.Join.Version) {
			return nil, fmt.Errorf("layer %d is joined with version %d, which the verdict is not as of", i, at[1])
		}
		last = at
		if err := one.hold(d); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		if err := one.check(d, all); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		g.layers = append(g.layers, one)
	}
	return g, nil
}

// checkParts returns the parts that entities are assigned to.
func (g *Grid) checkParts() ([]int32, error) {
	v := g.verdict
	for i, l := range v.Layers {
		absent := catalog.Exclusion{Part: -1, Parts: l.Absent}
		if l.Entities < 0 || len(l.Absent) > 0 && !absent.Fits(1, len(v.Parts)) {
			return nil, fmt.Errorf("layer %d is of %d entities and lacks parts that the verdict does not have", i, l.Entities)
		}
	}
	if i := slices.IndexFunc(v.Parts, func(p catalog.Part) bool { return p.Group < 0 || p.Group >= len(v.EntityGroups) }); i >= 0 {
		return nil, fmt.Errorf("part %d is of group %d of %d", i, v.Parts[i].Group, len(v.EntityGroups))
	}
	if len(v.Layers) == 0 {
		return nil, nil
	}
	return v.Assigned()
}

// check checks a layer against its version and lays it out; all are the parts that the
// verdict assigns entities to.
func (g *gridLayer) check(d catalog.Descriptor, all []int32) error {
	switch v := g.version; {
	case v.Dataset != g.verdict.Dataset:
		return fmt.Errorf("the verdict is on dataset %q, the version of %q", g.verdict.Dataset, v.Dataset)
	case g.layer.Version != v.Version:
		return fmt.Errorf("the layer is of version %d, not %d", g.layer.Version, v.Version)
	case g.layer.Entities != v.Entities:
		return fmt.Errorf("the layer covers %d entities, the version %d", g.layer.Entities, v.Entities)
	}
	if err := checkBlocks(g.version); err != nil {
		return err
	}
	g.assign = g.layer.Assigned(all)
	for _, step := range []func() error{func() error { return g.pack(d) }, g.checkExclusions, g.layPeriods} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
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

func (g *Grid) findColumns(d catalog.Descriptor) error {
	for i, c := range g.verdict.Columns {
		m := d.MeasureIndex(c.Measure)
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
func (g *Grid) number() error {
	entities, periods := len(g.verdict.EntityGroups), len(g.verdict.PeriodGroups)
	withheld := g.verdict.Withheld
	if periods > 0 && entities > (catalog.MaxGroups+len(withheld))/periods {
		return fmt.Errorf("%w: %d × %d groups, at most %d are released", ErrTooLarge, entities, periods, catalog.MaxGroups)
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
		g.numbers[at] = int32(len(g.Groups)) //nolint:gosec // at most MaxGroups
		g.Groups = append(g.Groups, catalog.GroupIndex{Entity: at / periods, Period: at % periods})
	}
	return g.repeatPieces()
}

// layPeriods notes each period's group. Parts of a group beyond the version's
// periods have no cells and are passed over.
func (g *gridLayer) layPeriods() error {
	g.periodOf = slices.Repeat([]int32{-1}, g.version.Periods)
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
func (g *gridLayer) clip(i calendar.Interval) (from, to int) {
	last := g.first + int64(len(g.periodOf))
	f, t := max(i.From, g.first), min(i.To, last)
	if t <= f {
		return 0, 0
	}
	return int(f - g.first), int(t - g.first)
}

// extent are the periods that some layer's version has, from the first to the last.
func (g *Grid) extent() calendar.Interval {
	var out calendar.Interval
	for i, l := range g.layers {
		one := calendar.Interval{From: l.first, To: l.first + int64(len(l.periodOf))}
		if i == 0 {
			out = one
		}
		out = calendar.Interval{From: min(out.From, one.From), To: max(out.To, one.To)}
	}
	return out
}

// Fits reports whether a plan is of the grid's verdict.
func (g *Grid) Fits(p *Plan) bool {
	return slices.Equal(p.Groups, g.Groups) && slices.Equal(p.Columns, g.columns) &&
		(p.Noise != nil) == (g.verdict.Noise != nil && len(g.columns) > 0)
}

// CheckPresence checks that every layer has its version's presence.
func (g *Grid) CheckPresence(d catalog.Descriptor) error {
	for _, l := range g.layers {
		if err := l.checkPresence(d); err != nil {
			return err
		}
	}
	return nil
}

// Column is the number of a column of the verdict, or −1.
func (g *Grid) Column(c catalog.Column) int { return slices.Index(g.verdict.Columns, c) }
