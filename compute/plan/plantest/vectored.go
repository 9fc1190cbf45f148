package plantest

import (
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
)

// Vectored is a panel whose verdict names private vectors, with their numbers.
type Vectored struct {
	*Panel
	Numbers map[string][]int64 // by vector, of as many entities as it covers
}

// DrawVectored turns a panel's verdict into a private one: of a selector, exact or
// noised, or of weights, with some plain columns beside them.
func DrawVectored(t *rapid.T) *Vectored {
	p := &Vectored{Panel: DrawPanel(t), Numbers: map[string][]int64{}}
	p.Descriptor.Policy.Public = rapid.Bool().Draw(t, "public")
	p.Descriptor.Policy.Grain = rapid.SampledFrom([]calendar.Grain{calendar.Month, calendar.Quarter, calendar.Year}).Draw(t, "policy's grain")
	measures := p.Verdict.Columns
	p.Verdict.Columns, p.Verdict.Layers[0].Exclusions = nil, nil
	weighted := rapid.Bool().Draw(t, "weighted")
	if weighted || rapid.Bool().Draw(t, "noised") {
		p.Verdict.Noise = &catalog.Noise{Epsilon: "1"}
	}
	add := func(c catalog.Column) { p.Verdict.Columns = append(p.Verdict.Columns, c) }
	if !weighted {
		p.addVector(t, "v-in", 1)
		p.Verdict.In = "v-in"
		for _, c := range measures {
			add(c)
			add(catalog.Column{Measure: c.Measure, Count: true})
		}
		add(catalog.Column{Count: true})
		p.drawExclusions(t)
		return p
	}
	for i, c := range measures {
		if i > 0 && rapid.Bool().Draw(t, "plain") {
			add(c)
			continue
		}
		id := rapid.SampledFrom([]string{"v-a", "v-b"}).Draw(t, "weights")
		p.addVector(t, id, rapid.IntRange(1, 20).Draw(t, "bits"))
		add(catalog.Column{Measure: c.Measure, Weight: id})
		add(catalog.Column{Measure: c.Measure, Count: true, Weight: id})
	}
	p.addVector(t, "v-c", 5)
	add(catalog.Column{Count: true, Weight: "v-c"})
	p.drawExclusions(t)
	return p
}

// drawExclusions leaves parts out of measures, and so out of all their columns.
func (p *Vectored) drawExclusions(t *rapid.T) {
	for range rapid.IntRange(0, 4).Draw(t, "left out") {
		m := rapid.SampledFrom(p.Descriptor.Measures).Draw(t, "of").Name
		part := rapid.IntRange(0, len(p.Verdict.Parts)-1).Draw(t, "part")
		from := p.Version.First + int64(rapid.IntRange(-2, p.Version.Periods).Draw(t, "from"))
		to := from + int64(rapid.IntRange(1, 9).Draw(t, "length"))
		for i, c := range p.Verdict.Columns {
			if c.Measure == m {
				p.Verdict.Layers[0].Exclusions = append(p.Verdict.Layers[0].Exclusions,
					catalog.Exclusion{Column: i, Part: part, Intervals: []calendar.Interval{{From: from, To: to}}})
			}
		}
	}
}

func (p *Vectored) addVector(t *rapid.T, id string, bits int) {
	if p.Numbers[id] != nil {
		return
	}
	use := catalog.VectorUse{ID: id, Name: id[2:], Bits: bits, Decimals: rapid.IntRange(0, 2).Draw(t, "decimals of "+id),
		Entities: rapid.IntRange(1, p.Version.Entities+3).Draw(t, "entities of "+id)}
	if bits == 1 {
		use.Decimals, use.Pieces = 0, 1
	}
	numbers := make([]int64, use.Entities)
	for e := range numbers {
		numbers[e] = rapid.Int64Range(0, 1<<bits-1).Draw(t, "number")
	}
	p.Numbers[id], p.Verdict.Vectors = numbers, append(p.Verdict.Vectors, use)
}

// Number is what multiplies an entity's cells in a column.
func (p *Vectored) Number(c catalog.Column, entity int) int64 {
	id := c.Weight
	if id == "" {
		id = p.Verdict.In
	}
	switch {
	case id == "":
		return 1
	case entity >= len(p.Numbers[id]):
		return 0
	}
	return p.Numbers[id][entity]
}

// Has reports whether a cell is in a column of counts, its group aside: present,
// and of an entity that counts in the policy's period, where that is asked for.
func (p *Vectored) Has(c catalog.Column, entity, period int) bool {
	bit := func(m, at int) bool { return p.Present[m].Test(uint(at*p.Version.Entities + entity)) } //nolint:gosec // not negative
	if c.Measure == "" {
		for m := range p.Present {
			if bit(m, period) {
				return true
			}
		}
		return false
	}
	m := p.Descriptor.MeasureIndex(c.Measure)
	if !bit(m, period) || p.Verdict.In == "" || p.Verdict.Noise != nil || p.Descriptor.Policy.Public {
		return bit(m, period)
	}
	policy := func(at int) int64 {
		return calendar.Month.In(p.Version.First+int64(at), p.Descriptor.Policy.Grain)
	}
	have, of := 0, 0
	for at := range p.Version.Periods {
		if policy(at) != policy(period) {
			continue
		}
		of++
		if bit(m, at) {
			have++
		}
	}
	return 2*have >= of
}

// Truth adds up a private verdict's columns cell by cell.
func (p *Vectored) Truth() []int64 {
	groups := p.Groups()
	out := make([]int64, len(groups)*len(p.Verdict.Columns))
	for c, kind := range p.Verdict.Columns {
		for at := range p.Version.Periods {
			for e := range p.Version.Entities {
				g := p.Panel.Number(groups, c, e, at)
				if g < 0 || !p.Has(kind, e, at) {
					continue
				}
				cell := int64(1)
				if !kind.Count {
					cell = p.Values[p.Measure(c)][at*p.Version.Entities+e]
				}
				out[c*len(groups)+g] += cell * p.Number(kind, e)
			}
		}
	}
	return out
}

// Run computes a private plan on plaintext, as nodes do on shares.
func (p *Vectored) Run(planned *plan.Plan) []int64 {
	return compute(planned, func(s plan.Single, column int) []int64 { return p.Tile(planned.Columns[column], s.Block, s.Tile) },
		func(column, entity int) int64 { return p.Number(planned.Kinds[column], entity) })
}
