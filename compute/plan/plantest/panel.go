// Package plantest draws small datasets in plaintext with verdicts on them, computes plans
// on them as nodes do on ciphertexts, and adds up the same cells in plain loops. Tests of
// plans and of results compare the two.
package plantest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
)

// Must is v, and panics with an error.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Panel is a plaintext dataset with a verdict on it.
type Panel struct {
	Descriptor catalog.Descriptor
	Version    catalog.Version
	Verdict    catalog.Verdict
	Assign     []int32
	Values     [][]int64 // measure → period·entities + entity: encoded, 0 where missing
	Present    []*bitset.BitSet
}

// Size implements plan.Presence.
func (p *Panel) Size() (measures, entities, periods int) {
	return len(p.Present), p.Version.Entities, p.Version.Periods
}

// Bits implements plan.Presence.
func (p *Panel) Bits(measure int) *bitset.BitSet {
	if measure != plan.AnyMeasure {
		return p.Present[measure]
	}
	all := p.Present[0].Clone()
	for _, s := range p.Present[1:] {
		all.InPlaceUnion(s)
	}
	return all
}

// Layers are the versions of the panel's verdict, with their presence.
func (p *Panel) Layers() []plan.Layer { return []plan.Layer{{Version: p.Version, Presence: p}} }

// Tile decrypts a tile, as it were. What lies outside the panel is noise, so
// that a slot map which selects any of it is found out.
func (p *Panel) Tile(measure, block, k int) []int64 {
	b := p.Version.Blocks[block]
	out := make([]int64, plan.Slots)
	for i := range out {
		out[i] = 1 << 40
	}
	for i := range b.Entities * b.Periods {
		if period := k*b.Periods + i/b.Entities; period < p.Version.Periods {
			out[i] = p.Values[measure][period*p.Version.Entities+b.First+i%b.Entities]
		}
	}
	return out
}

// Number is the released group of a cell in a column, or −1: the definition of
// catalog.Verdict, word by word.
func (p *Panel) Number(groups map[catalog.GroupIndex]int, column, entity, period int) int {
	part, i, j := int(p.Assign[entity]), -1, -1
	if part >= 0 {
		i = p.Verdict.Parts[part].Group
	}
	at := p.Version.First + int64(period)
	for n, g := range p.Verdict.PeriodGroups {
		for _, interval := range g.Intervals {
			if interval.From <= at && at < interval.To {
				j = n
			}
		}
	}
	number, released := groups[catalog.GroupIndex{Entity: i, Period: j}]
	if i < 0 || j < 0 || !released {
		return -1
	}
	for _, e := range p.Verdict.Layers[0].Exclusions {
		for _, interval := range e.Intervals {
			set := e.Part < 0 && part/8 < len(e.Parts) && e.Parts[part/8]>>(part%8)&1 != 0
			if column >= 0 && (e.Column == column || e.Column < 0) && (e.Part == part || set) && interval.From <= at && at < interval.To {
				return -1
			}
		}
	}
	return number
}

// Groups numbers the released groups, entity-major.
func (p *Panel) Groups() map[catalog.GroupIndex]int {
	out := map[catalog.GroupIndex]int{}
	for i := range p.Verdict.EntityGroups {
		for j := range p.Verdict.PeriodGroups {
			if g := (catalog.GroupIndex{Entity: i, Period: j}); !slices.Contains(p.Verdict.Withheld, g) {
				out[g] = len(out)
			}
		}
	}
	return out
}

// DrawPanel draws a panel with a verdict on one version.
func DrawPanel(t *rapid.T) *Panel {
	p := &Panel{}
	entities, periods, measures := rapid.IntRange(1, 40).Draw(t, "entities"), rapid.IntRange(1, 60).Draw(t, "periods"), rapid.IntRange(1, 3).Draw(t, "measures")
	first := rapid.Int64Range(-20, 600).Draw(t, "first")
	p.Descriptor = catalog.Descriptor{Dataset: "d", Entity: "site", Grain: calendar.Month}
	for m := range measures {
		low := rapid.Int64Range(-1000, 1000).Draw(t, "min")
		p.Descriptor.Measures = append(p.Descriptor.Measures, catalog.Measure{Name: fmt.Sprintf("m%d", m), Unit: "kg",
			Min: low, Max: low + rapid.Int64Range(0, 1000).Draw(t, "width"), Decimals: rapid.IntRange(0, 3).Draw(t, "decimals")})
	}
	p.Version = catalog.Version{Version: 3, VersionPropose: catalog.VersionPropose{Dataset: "d", First: first, Periods: periods, Entities: entities}}
	for at := 0; at < entities; {
		b := catalog.Block{First: at, Entities: rapid.IntRange(1, entities-at).Draw(t, "block")}
		b.Periods = rapid.IntRange(1, min(catalog.TileCells/b.Entities, 15)).Draw(t, "periods a tile")
		p.Version.Blocks = append(p.Version.Blocks, b)
		at += b.Entities
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)) //nolint:gosec // a test's readings
	for m := range measures {
		mid, declared := p.Descriptor.Measures[m].Mid(), p.Descriptor.Measures[m]
		set, values := bitset.MustNew(uint(entities*periods)), make([]int64, entities*periods)
		for i := range values {
			if rng.IntN(4) > 0 {
				set.Set(uint(i))
				values[i] = declared.Min + rng.Int64N(declared.Max-declared.Min+1) - mid
			}
		}
		p.Present, p.Values = append(p.Present, set), append(p.Values, values)
	}
	p.drawVerdict(t, rng)
	return p
}

func (p *Panel) drawVerdict(t *rapid.T, rng *rand.Rand) {
	entityGroups, periodGroups := rapid.IntRange(1, 6).Draw(t, "entity groups"), rapid.IntRange(1, 5).Draw(t, "period groups")
	v := catalog.Verdict{Dataset: "d", Version: 3, Layers: []catalog.Layer{{Version: 3, Entities: p.Version.Entities}}}
	for i := range entityGroups {
		v.EntityGroups = append(v.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("g%d", rng.IntN(3)), fmt.Sprintf("h%d", i)}, Of: 9})
	}
	for i := range entityGroups {
		for range 1 + rng.IntN(3) {
			v.Parts = append(v.Parts, catalog.Part{Group: i, Class: len(v.Parts) * 7 % 5})
		}
	}
	for range p.Version.Entities {
		p.Assign = append(p.Assign, int32(rng.IntN(len(v.Parts)+1)-1)) //nolint:gosec // small
	}
	v.Assign = assignment.Pack(p.Assign)
	for j := range periodGroups {
		v.PeriodGroups = append(v.PeriodGroups, catalog.PeriodGroup{Value: calendar.Month.Format(int64(j))})
	}
	// Runs of periods, dealt to the groups or to none; they may reach beyond the version.
	for at := p.Version.First - 3; at < p.Version.First+int64(p.Version.Periods)+3; {
		to := at + 1 + rng.Int64N(12)
		if j := rng.IntN(periodGroups + 1); j < periodGroups {
			v.PeriodGroups[j].Intervals = append(v.PeriodGroups[j].Intervals, calendar.Interval{From: at, To: to})
		}
		at = to
	}
	for i := range entityGroups {
		for j := range periodGroups {
			if rng.IntN(8) == 0 {
				v.Withheld = append(v.Withheld, catalog.GroupIndex{Entity: i, Period: j})
			}
		}
	}
	for _, m := range rng.Perm(len(p.Descriptor.Measures))[:rng.IntN(len(p.Descriptor.Measures)+1)] {
		v.Columns = append(v.Columns, catalog.Column{Measure: p.Descriptor.Measures[m].Name})
	}
	for range rapid.IntRange(0, 6).Draw(t, "exclusions") {
		if len(v.Columns) == 0 {
			break
		}
		from := p.Version.First + rng.Int64N(int64(p.Version.Periods))
		x := catalog.Exclusion{Column: rng.IntN(len(v.Columns)), Part: rng.IntN(len(v.Parts)),
			Intervals: []calendar.Interval{{From: from, To: from + 1 + rng.Int64N(9)}, {From: from - 2, To: from + 2}}}
		if rng.IntN(3) == 0 {
			x.Column = -1
		}
		if rng.IntN(2) == 0 { // a set of parts
			x.Parts, x.Part = make([]byte, x.Part/8+1), -1
			for i := range x.Parts {
				x.Parts[i] = byte(rng.IntN(256))
			}
			if n := len(v.Parts) - 8*(len(x.Parts)-1); n < 8 {
				x.Parts[len(x.Parts)-1] &= 1<<n - 1
			}
			x.Parts[0] |= 1
		}
		v.Layers[0].Exclusions = append(v.Layers[0].Exclusions, x)
	}
	p.Verdict = v
}

// Measure is the index of a column's measure.
func (p *Panel) Measure(column int) int {
	return p.Descriptor.MeasureIndex(p.Verdict.Columns[column].Measure)
}

// Sums adds up the verdict's cells naively.
func (p *Panel) Sums() []int64 {
	groups := p.Groups()
	out := make([]int64, len(groups)*len(p.Verdict.Columns))
	for c := range p.Verdict.Columns {
		for i, v := range p.Values[p.Measure(c)] {
			if g := p.Number(groups, c, i%p.Version.Entities, i/p.Version.Entities); g >= 0 {
				out[c*len(groups)+g] += v
			}
		}
	}
	return out
}

func newSets(n, length int) []*bitset.BitSet {
	var out []*bitset.BitSet
	for range n {
		out = append(out, bitset.MustNew(uint(length)))
	}
	return out
}

// Run computes a plan on plaintext tiles, as nodes do on encrypted ones.
func (p *Panel) Run(planned *plan.Plan) []int64 {
	return compute(planned, func(s plan.Single, column int) []int64 { return p.Tile(planned.Columns[column], s.Block, s.Tile) }, nil)
}

// compute computes a plan: tile is a tile that a column reads (−1: that is multiplied), number
// what multiplies an entity's cells in a column of a private plan.
func compute(planned *plan.Plan, tile func(s plan.Single, column int) []int64, number func(column, entity int) int64) []int64 {
	out, groups := make([]int64, planned.Width), len(planned.Groups)
	cells := make([][]plan.Cell, len(planned.Columns)) // of the accumulators that are still to come
	for c := range cells {
		cells[c] = planned.SumCells(c)
		for _, n := range planned.CountCells(c) {
			out[c*groups+int(n.Group)] += n.Cells * number(c, int(n.Entity))
		}
	}
	for _, a := range planned.Accumulators {
		slots := make([]int64, plan.Slots)
		for _, k := range a.Tiles {
			s := plan.Single{Layer: a.Layer, Packed: planned.Layers[a.Layer].Packed[a.Column], Block: a.Block, Tile: k}
			for i, v := range tile(s, a.Column) {
				slots[i] += v
			}
		}
		for i, group := range planned.SlotMaps[a.SlotMap] {
			if planned.Private() {
				cell := cells[a.Column][i]
				if group = cell.Group; group >= 0 {
					slots[i] *= number(a.Column, int(cell.Entity))
				}
			}
			if group >= 0 {
				out[a.Column*groups+int(group)] += slots[i]
			}
		}
		if planned.Private() {
			cells[a.Column] = cells[a.Column][plan.Slots:]
		}
	}
	for c, left := range cells {
		if len(left) > 0 {
			panic(fmt.Sprintf("column %d has %d cells that belong to no accumulator", c, len(left)))
		}
	}
	for _, x := range planned.Products {
		left, right := tile(planned.Singles[x.Left], -1), tile(planned.Singles[x.Right], -1)
		for i, group := range planned.SlotMaps[x.SlotMap] {
			if group >= 0 {
				out[x.Column*groups+int(group)] += left[i] * right[i]
			}
		}
	}
	return out
}
