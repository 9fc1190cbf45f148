package query

import (
	"fmt"
	"math/rand/v2"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

// panel is a plaintext dataset with a verdict on it.
type panel struct {
	descriptor catalog.Descriptor
	version    catalog.Version
	verdict    catalog.Verdict
	assign     []int32
	values     [][]int64 // measure → period·entities + entity: encoded, 0 where missing
	present    []*bitset.BitSet
}

func (p *panel) Size() (measures, entities, periods int) {
	return len(p.present), p.version.Entities, p.version.Periods
}

func (p *panel) Bits(measure int) *bitset.BitSet {
	if measure != AnyMeasure {
		return p.present[measure]
	}
	all := p.present[0].Clone()
	for _, s := range p.present[1:] {
		all.InPlaceUnion(s)
	}
	return all
}

// tile decrypts a tile, as it were. What lies outside the panel is noise, so
// that a slot map which selects any of it is found out.
func (p *panel) tile(measure, block, k int) []int64 {
	b := p.version.Blocks[block]
	out := make([]int64, Slots)
	for i := range out {
		out[i] = 1 << 40
	}
	for i := range b.Entities * b.Periods {
		if period := k*b.Periods + i/b.Entities; period < p.version.Periods {
			out[i] = p.values[measure][period*p.version.Entities+b.First+i%b.Entities]
		}
	}
	return out
}

// number is the released group of a cell in a column, or −1: the definition of
// catalog.Verdict, word by word.
func (p *panel) number(groups map[catalog.GroupIndex]int, column, entity, period int) int {
	part, i, j := int(p.assign[entity]), -1, -1
	if part >= 0 {
		i = p.verdict.Parts[part].Group
	}
	at := p.version.First + int64(period)
	for n, g := range p.verdict.PeriodGroups {
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
	for _, e := range p.verdict.Exclusions {
		for _, interval := range e.Intervals {
			if e.Column == column && e.Part == part && interval.From <= at && at < interval.To {
				return -1
			}
		}
	}
	return number
}

// groups numbers the released groups, entity-major.
func (p *panel) groups() map[catalog.GroupIndex]int {
	out := map[catalog.GroupIndex]int{}
	for i := range p.verdict.EntityGroups {
		for j := range p.verdict.PeriodGroups {
			g, withheld := catalog.GroupIndex{Entity: i, Period: j}, false
			for _, w := range p.verdict.Withheld {
				withheld = withheld || w == g
			}
			if !withheld {
				out[g] = len(out)
			}
		}
	}
	return out
}

func drawPanel(t *rapid.T) *panel {
	p := &panel{}
	entities, periods, measures := rapid.IntRange(1, 40).Draw(t, "entities"), rapid.IntRange(1, 60).Draw(t, "periods"), rapid.IntRange(1, 3).Draw(t, "measures")
	first := rapid.Int64Range(-20, 600).Draw(t, "first")
	p.descriptor = catalog.Descriptor{Dataset: "d", Entity: "site", Grain: catalog.GrainMonth}
	for m := range measures {
		low := rapid.Int64Range(-1000, 1000).Draw(t, "min")
		p.descriptor.Measures = append(p.descriptor.Measures, catalog.Measure{Name: fmt.Sprintf("m%d", m), Unit: "kg",
			Min: low, Max: low + rapid.Int64Range(0, 1000).Draw(t, "width"), Decimals: rapid.IntRange(0, 3).Draw(t, "decimals")})
	}
	p.version = catalog.Version{Version: 3, VersionPropose: catalog.VersionPropose{Dataset: "d", First: first, Periods: periods, Entities: entities}}
	for at := 0; at < entities; {
		b := catalog.Block{First: at, Entities: rapid.IntRange(1, entities-at).Draw(t, "block")}
		b.Periods = rapid.IntRange(1, min(catalog.TileCells/b.Entities, 15)).Draw(t, "periods a tile")
		p.version.Blocks = append(p.version.Blocks, b)
		at += b.Entities
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)) //nolint:gosec // a test's readings
	for m := range measures {
		mid, declared := p.descriptor.Measures[m].Mid(), p.descriptor.Measures[m]
		set, values := bitset.MustNew(uint(entities*periods)), make([]int64, entities*periods)
		for i := range values {
			if rng.IntN(4) > 0 {
				set.Set(uint(i))
				values[i] = declared.Min + rng.Int64N(declared.Max-declared.Min+1) - mid
			}
		}
		p.present, p.values = append(p.present, set), append(p.values, values)
	}
	p.drawVerdict(t, rng)
	return p
}

func (p *panel) drawVerdict(t *rapid.T, rng *rand.Rand) {
	entityGroups, periodGroups := rapid.IntRange(1, 6).Draw(t, "entity groups"), rapid.IntRange(1, 5).Draw(t, "period groups")
	v := catalog.Verdict{Dataset: "d", Release: 3, Entities: p.version.Entities}
	for i := range entityGroups {
		v.EntityGroups = append(v.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("g%d", rng.IntN(3)), fmt.Sprintf("h%d", i)}, Of: 9, Included: 9})
	}
	for i := range entityGroups {
		for range 1 + rng.IntN(3) {
			v.Parts = append(v.Parts, catalog.Part{Group: i, Class: len(v.Parts) * 7 % 5})
		}
	}
	for range p.version.Entities {
		p.assign = append(p.assign, int32(rng.IntN(len(v.Parts)+1)-1)) //nolint:gosec // small
	}
	v.Assign = catalog.PackAssign(p.assign)
	for j := range periodGroups {
		v.PeriodGroups = append(v.PeriodGroups, catalog.PeriodGroup{Value: catalog.GrainMonth.Format(int64(j))})
	}
	// Runs of periods, dealt to the groups or to none; they may reach beyond the version.
	for at := p.version.First - 3; at < p.version.First+int64(p.version.Periods)+3; {
		to := at + 1 + rng.Int64N(12)
		if j := rng.IntN(periodGroups + 1); j < periodGroups {
			v.PeriodGroups[j].Intervals = append(v.PeriodGroups[j].Intervals, catalog.Interval{From: at, To: to})
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
	for _, m := range rng.Perm(len(p.descriptor.Measures))[:rng.IntN(len(p.descriptor.Measures)+1)] {
		v.Columns = append(v.Columns, catalog.Column{Measure: p.descriptor.Measures[m].Name})
	}
	for range rapid.IntRange(0, 6).Draw(t, "exclusions") {
		if len(v.Columns) == 0 {
			break
		}
		from := p.version.First + rng.Int64N(int64(p.version.Periods))
		v.Exclusions = append(v.Exclusions, catalog.Exclusion{Column: rng.IntN(len(v.Columns)), Part: rng.IntN(len(v.Parts)),
			Intervals: []catalog.Interval{{From: from, To: from + 1 + rng.Int64N(9)}, {From: from - 2, To: from + 2}}})
	}
	p.verdict = v
}

// measure is the index of a column's measure.
func (p *panel) measure(column int) int {
	for i, m := range p.descriptor.Measures {
		if m.Name == p.verdict.Columns[column].Measure {
			return i
		}
	}
	return -1
}

// sums adds up the verdict's cells naively.
func (p *panel) sums() []int64 {
	groups := p.groups()
	out := make([]int64, len(groups)*len(p.verdict.Columns))
	for c := range p.verdict.Columns {
		for i, v := range p.values[p.measure(c)] {
			if g := p.number(groups, c, i%p.version.Entities, i/p.version.Entities); g >= 0 {
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
