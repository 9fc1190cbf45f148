package plantest

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
)

// Layered is a plaintext dataset in several versions, which differ in their first
// period, their length, their entities, their layout and their readings, with a verdict
// that takes some classes and periods from one and some from another.
type Layered struct {
	Descriptor catalog.Descriptor
	Versions   []*Panel // of them values, present and version alone
	Verdict    catalog.Verdict
	selected   []int64 // private selector: 1 or 0 an entity; nil without one
	parts      []catalog.Part
	classOf    []int // entity → class
}

// Layers are the versions of the verdict, with their presence.
func (l *Layered) Layers() []plan.Layer {
	var out []plan.Layer
	for _, p := range l.Versions {
		out = append(out, plan.Layer{Version: p.Version, Presence: p})
	}
	return out
}

// DrawLayered draws 1 to 3 versions and a verdict on them. private: on a selector.
func DrawLayered(t *rapid.T, private bool) *Layered {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2)) //nolint:gosec // a test's readings
	l := &Layered{Descriptor: catalog.Descriptor{Dataset: "d", Entity: "site", Grain: calendar.Month, Measures: []catalog.Measure{
		{Name: "m0", Unit: "kg", Min: -40, Max: 90, Decimals: 1, Squares: true}, {Name: "m1", Unit: "t", Min: 3, Max: 1000, Decimals: 2},
	}}}
	l.Descriptor.Policy.Grain = rapid.SampledFrom([]calendar.Grain{calendar.Month, calendar.Quarter}).Draw(t, "policy's grain")
	count := rapid.IntRange(1, 3).Draw(t, "versions")
	for i := range count {
		l.Versions = append(l.Versions, DrawVersion(t, rng, l.Descriptor, 2*i+1))
	}
	classes, groups := rapid.IntRange(1, 5).Draw(t, "classes"), rapid.IntRange(1, 3).Draw(t, "groups")
	for c := range classes {
		l.parts = append(l.parts, catalog.Part{Group: rng.IntN(groups), Class: c})
	}
	slices.SortFunc(l.parts, func(a, b catalog.Part) int { return a.Group*10 + a.Class - b.Group*10 - b.Class })
	for range 40 {
		l.classOf = append(l.classOf, rng.IntN(classes+1)-1)
	}
	l.Verdict = catalog.Verdict{Dataset: "d", Version: 2*count + rng.IntN(3)}
	for g := range groups {
		l.Verdict.EntityGroups = append(l.Verdict.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("g%d", g)}, Of: 9})
	}
	l.drawPeriods(rng, groups)
	l.drawColumns(t, private, rng)
	for i := range l.Versions {
		l.Verdict.Layers = append(l.Verdict.Layers, l.EmptyLayer(i))
	}
	l.assign()
	l.Choose(rng)
	return l
}

// DrawVersion draws a version of a dataset, without a verdict.
func DrawVersion(t *rapid.T, rng *rand.Rand, d catalog.Descriptor, number int) *Panel {
	entities, periods := rapid.IntRange(1, 30).Draw(t, "entities"), rapid.IntRange(1, 20).Draw(t, "periods")
	p := &Panel{Descriptor: d, Version: catalog.Version{Version: number, VersionPropose: catalog.VersionPropose{
		Dataset: "d", First: 600 + rng.Int64N(6), Periods: periods, Entities: entities}}}
	tiles := 0
	for at := 0; at < entities; {
		b := catalog.Block{First: at, Entities: 1 + rng.IntN(entities-at), Periods: 1 + rng.IntN(9)}
		p.Version.Blocks = append(p.Version.Blocks, b)
		at += b.Entities
		tiles += (periods-1)/b.Periods + 1
	}
	p.Version.Tiles = tiles * len(d.TileColumns())
	if rng.IntN(2) == 0 {
		p.Version.Tiles = tiles * len(d.Measures) // without companions: squares are multiplied
	}
	density := 1 + rng.IntN(9)
	for _, m := range d.Measures {
		set, values := bitset.MustNew(uint(entities*periods)), make([]int64, entities*periods)
		for i := range values {
			if rng.IntN(10) < density {
				set.Set(uint(i))
				values[i] = m.Min + rng.Int64N(m.Max-m.Min+1) - m.Mid()
			}
		}
		p.Present, p.Values = append(p.Present, set), append(p.Values, values)
	}
	return p
}

// drawPeriods deals the periods from before all versions to behind them to two groups,
// or to none, in whole quarters.
func (l *Layered) drawPeriods(rng *rand.Rand, groups int) {
	l.Verdict.PeriodGroups = []catalog.PeriodGroup{{Value: "early"}, {Value: "late"}}
	for at := int64(597); at < 630; at += 3 {
		if j := rng.IntN(5) / 2; j < 2 {
			l.Verdict.PeriodGroups[j].Intervals = append(l.Verdict.PeriodGroups[j].Intervals, calendar.Interval{From: at, To: at + 3})
		}
	}
	for g := range groups {
		if rng.IntN(4) == 0 {
			l.Verdict.Withheld = append(l.Verdict.Withheld, catalog.GroupIndex{Entity: g, Period: rng.IntN(2)})
		}
	}
}

func (l *Layered) drawColumns(t *rapid.T, private bool, rng *rand.Rand) {
	if !private {
		l.Verdict.Columns = []catalog.Column{{Measure: "m0"}, {Measure: "m0", Times: "m0"}}
		if rapid.Bool().Draw(t, "two measures") {
			l.Verdict.Columns = append(l.Verdict.Columns, catalog.Column{Measure: "m1"})
		}
		return
	}
	l.Verdict.In = "v-in"
	l.Verdict.Columns = []catalog.Column{{Measure: "m0"}, {Measure: "m0", Count: true}, {Measure: "m1"}, {Measure: "m1", Count: true}, {Count: true}}
	for range rapid.IntRange(1, 35).Draw(t, "selector's entities") {
		l.selected = append(l.selected, rng.Int64N(2))
	}
	l.Verdict.Vectors = []catalog.VectorUse{{ID: "v-in", Name: "in", Bits: 1, Pieces: 1, Entities: len(l.selected)}}
}

// EmptyLayer leaves nothing out yet.
func (l *Layered) EmptyLayer(i int) catalog.Layer {
	v := l.Versions[i].Version
	return catalog.Layer{Version: v.Version, Entities: v.Entities}
}

// assign gives the verdict the parts of all entities.
func (l *Layered) assign() {
	assign := make([]int32, l.Verdict.Entities())
	for e := range assign {
		assign[e] = int32(l.part(e)) //nolint:gosec // few
	}
	l.Verdict.Parts, l.Verdict.Assign = l.parts, assignment.Pack(assign)
}

// part is the part that an entity is in, or −1.
func (l *Layered) part(entity int) int {
	return slices.IndexFunc(l.parts, func(p catalog.Part) bool { return p.Class == l.classOf[entity] })
}

// Choose draws for every class, measure and quarter the version that its cells are taken
// from, or none, and leaves them out of all others.
func (l *Layered) Choose(rng *rand.Rand) {
	thorough := rng.IntN(2) == 0 // leaves out too what has no cells
	for part := range l.parts {
		absent := make([]bool, len(l.Versions))
		for i := range absent {
			if absent[i] = rng.IntN(4) == 0; absent[i] {
				layer := &l.Verdict.Layers[i]
				layer.Absent = append(layer.Absent, make([]byte, part/8+1-len(layer.Absent))...)
				layer.Absent[part/8] |= 1 << (part % 8)
			}
		}
		for m := range l.Descriptor.Measures {
			for at := int64(597); at < 630; at += 3 {
				from := rng.IntN(len(l.Versions)+1) - 1
				for i := range l.Versions {
					if i == from || absent[i] || !thorough && !l.touches(i, part, m, at) {
						continue
					}
					for c, column := range l.Verdict.Columns {
						if column.Measure == l.Descriptor.Measures[m].Name {
							l.Verdict.Layers[i].Exclusions = append(l.Verdict.Layers[i].Exclusions,
								catalog.Exclusion{Column: c, Part: part, Intervals: []calendar.Interval{{From: at, To: at + 3}}})
						}
					}
				}
			}
		}
	}
}

// touches reports whether a class has cells of a measure in a quarter of a version.
func (l *Layered) touches(version, part, measure int, from int64) bool {
	for e := range l.Versions[version].Version.Entities {
		for at := from; at < from+3; at++ {
			if l.classOf[e] == l.parts[part].Class && l.Has(version, measure, e, at) {
				return true
			}
		}
	}
	return false
}

// Has reports whether a version has a reading; of AnyMeasure, any.
func (l *Layered) Has(version, measure, entity int, at int64) bool {
	p := l.Versions[version]
	period := at - p.Version.First
	if period < 0 || period >= int64(p.Version.Periods) || entity >= p.Version.Entities {
		return false
	}
	return p.Bits(measure).Test(uint(period)*uint(p.Version.Entities) + uint(entity)) //nolint:gosec // not negative
}

// counts reports whether an entity counts in the policy's period of a cell.
func (l *Layered) counts(version, measure, entity int, at int64) bool {
	v := l.Versions[version].Version
	policy := calendar.Month.In(at, l.Descriptor.Policy.Grain)
	have, of := 0, 0
	for p := v.First; p < v.First+int64(v.Periods); p++ {
		if calendar.Month.In(p, l.Descriptor.Policy.Grain) == policy {
			of++
			if l.Has(version, measure, entity, p) {
				have++
			}
		}
	}
	return 2*have >= of
}

// group is the released group of a class in a period, and whether there is one.
func (l *Layered) group(entity int, at int64) (g catalog.GroupIndex, ok bool) {
	g.Entity, g.Period = -1, -1
	for _, p := range l.parts {
		if p.Class == l.classOf[entity] {
			g.Entity = p.Group
		}
	}
	for j, group := range l.Verdict.PeriodGroups {
		for _, i := range group.Intervals {
			if i.From <= at && at < i.To {
				g.Period = j
			}
		}
	}
	return g, g.Entity >= 0 && g.Period >= 0 && !slices.Contains(l.Verdict.Withheld, g)
}

// LeavesOut reads a layer's exclusions by their definition.
func (l *Layered) LeavesOut(layer, column, entity int, at int64) bool {
	part := l.part(entity)
	return slices.ContainsFunc(l.Verdict.Layers[layer].Exclusions, func(x catalog.Exclusion) bool {
		return x.Column == column && x.Part == part && slices.ContainsFunc(x.Intervals, func(i calendar.Interval) bool { return i.From <= at && at < i.To })
	})
}

// EachCell calls fn for every cell of a version that could be in a released group.
func (l *Layered) EachCell(fn func(version, entity int, at int64, g catalog.GroupIndex)) {
	for i, p := range l.Versions {
		for e := range p.Version.Entities {
			for at := p.Version.First; at < p.Version.First+int64(p.Version.Periods); at++ {
				if g, ok := l.group(e, at); ok && l.Verdict.Layers[i].Has(l.part(e)) {
					fn(i, e, at, g)
				}
			}
		}
	}
}

// figure is what a column comes to in one group, by plain loops.
type figure struct {
	cells   int64    // that are summed, of selected entities only where there is a selector
	sum     *big.Rat // of readings
	squares *big.Rat
}

// column adds up a column of a measure.
func (l *Layered) column(column, measure int) map[catalog.GroupIndex]figure {
	out, m := map[catalog.GroupIndex]figure{}, l.Descriptor.Measures[measure]
	l.EachCell(func(version, e int, at int64, g catalog.GroupIndex) {
		if !l.Has(version, measure, e, at) || column >= 0 && l.LeavesOut(version, column, e, at) || !l.picks(e) {
			return
		}
		if l.selected != nil && !l.counts(version, measure, e, at) {
			return
		}
		f := out[g]
		if f.sum == nil {
			f.sum, f.squares = new(big.Rat), new(big.Rat)
		}
		p := l.Versions[version]
		x := Rat(p.Values[measure][int(at-p.Version.First)*p.Version.Entities+e]+m.Mid(), m.Decimals)
		f.cells++
		f.sum.Add(f.sum, x)
		f.squares.Add(f.squares, x.Mul(x, x))
		out[g] = f
	})
	return out
}

// picks reports whether an entity is selected; everybody is without a selector.
func (l *Layered) picks(entity int) bool {
	return l.selected == nil || entity < len(l.selected) && l.selected[entity] == 1
}

// asSuch counts the cells as such in which a measure is present: once, in whichever
// versions something is taken, or else in the newest.
func (l *Layered) asSuch(measure int) map[catalog.GroupIndex]int64 {
	out, done := map[catalog.GroupIndex]int64{}, map[string]bool{}
	l.EachCell(func(_, e int, at int64, g catalog.GroupIndex) {
		name := fmt.Sprint(e, at)
		if done[name] || !l.picks(e) {
			return
		}
		done[name] = true
		taken, present, newest := false, false, false
		for i, p := range l.Versions {
			if !l.Verdict.Layers[i].Has(l.part(e)) || e >= p.Version.Entities || at < p.Version.First || at >= p.Version.First+int64(p.Version.Periods) {
				continue
			}
			newest = l.Has(i, measure, e, at)
			for c, column := range l.Verdict.Columns {
				if column.Measure != "" && !l.LeavesOut(i, c, e, at) {
					taken = true
					present = present || l.Has(i, measure, e, at)
				}
			}
		}
		if present || !taken && newest {
			out[g]++
		}
	})
	return out
}

// Statement asks for all that the verdict gives.
func (l *Layered) Statement() string {
	if l.selected != nil {
		return `SELECT g, period, COUNT(*), SUM(m0), AVG(m0), COUNT(m0), SUM(m1), AVG(m1), COUNT(m1) FROM d WHERE site IN PRIVATE("in") GROUP BY g, period`
	}
	if len(l.Verdict.Columns) == 2 {
		return "SELECT g, period, COUNT(*), SUM(m0), AVG(m0), COUNT(m0), VAR_POP(m0), COUNT(m1) FROM d GROUP BY g, period"
	}
	return "SELECT g, period, COUNT(*), SUM(m0), AVG(m0), COUNT(m0), VAR_POP(m0), SUM(m1), AVG(m1), COUNT(m1) FROM d GROUP BY g, period"
}

// Rows are the rows of its answer, by plain loops.
func (l *Layered) Rows() [][]any {
	column := func(c catalog.Column) int { return slices.Index(l.Verdict.Columns, c) }
	all, other := l.asSuch(plan.AnyMeasure), l.asSuch(1)
	first, second := l.column(0, 0), l.column(column(catalog.Column{Measure: "m1"}), 1)
	plain := func(f figure, decimals int) []any {
		if f.cells == 0 {
			return []any{nil, nil, int64(0)}
		}
		return []any{f.sum.FloatString(decimals), new(big.Rat).Quo(f.sum, Rat(f.cells, 0)).FloatString(12), f.cells}
	}
	out := [][]any{}
	for g, n := range all {
		row := append([]any{l.Verdict.EntityGroups[g.Entity].Values[0], l.Verdict.PeriodGroups[g.Period].Value, n}, plain(first[g], 1)...)
		if l.selected == nil {
			row = append(row, variance(first[g]))
		}
		if column(catalog.Column{Measure: "m1"}) >= 0 {
			row = append(row, plain(second[g], 2)...)
		} else {
			row = append(row, other[g])
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b []any) int {
		return slices.CompareFunc(a[:2], b[:2], func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
	})
	return out
}

func variance(f figure) any {
	if f.cells == 0 {
		return nil
	}
	n := Rat(f.cells, 0)
	mean := new(big.Rat).Quo(f.sum, n)
	return mean.Sub(new(big.Rat).Quo(f.squares, n), mean.Mul(mean, mean)).FloatString(12)
}

// Run computes a plan on plaintext tiles of all versions, as nodes do on encrypted ones.
func (l *Layered) Run(planned *plan.Plan) []int64 {
	return compute(planned, func(s plan.Single, _ int) []int64 { return l.tile(s) }, func(_, entity int) int64 { return l.selected[entity] })
}

// tile is a tile of a column of a layer's version: of a measure, or of its squares.
func (l *Layered) tile(s plan.Single) []int64 {
	p := l.Versions[s.Layer]
	column := p.Version.Columns(l.Descriptor)[s.Packed]
	out := p.Tile(column.Measure, s.Block, s.Tile)
	if column.Square {
		for i := range out {
			if out[i] < 1<<39 { // not noise outside the version
				out[i] *= out[i]
			}
		}
	}
	return out
}

// Rat is n in units of 10^-decimals.
func Rat(n int64, decimals int) *big.Rat {
	return new(big.Rat).SetFrac(big.NewInt(n), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
}
