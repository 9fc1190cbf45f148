package disclosure

import (
	"math/rand/v2"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

// truth is what is so of the entities: for each quantity, entity and tick the unknown
// that holds now, with a number for it. A correction puts another unknown in its place.
type truth struct {
	rng      *rand.Rand
	finest   calendar.Grain // ticks are bundle of its periods long
	bundle   int64
	attacker *attacker
	values   []int64        // of each unknown
	past     map[spot][]int // the last one holds
	bits     map[int]bool   // quantities that are 0 or 1
	ones     map[int]bool   // quantities that everybody knows to be 1
	one      map[int]bool   // unknowns of these
	products map[[2]int]int
}

type spot struct {
	quantity, entity int
	tick             int64
}

func newTruth(rng *rand.Rand, finest calendar.Grain, bundle int64) *truth {
	return &truth{rng: rng, finest: finest, bundle: bundle, attacker: &attacker{}, past: map[spot][]int{}, bits: map[int]bool{}, ones: map[int]bool{}, one: map[int]bool{}, products: map[[2]int]int{}}
}

func (t *truth) unknown(entity int, value int64) int {
	t.attacker.entity = append(t.attacker.entity, entity)
	t.values = append(t.values, value)
	return len(t.values) - 1
}

func (t *truth) at(s spot) int {
	if len(t.past[s]) == 0 {
		t.correct(s)
	}
	return t.past[s][len(t.past[s])-1]
}

// correct puts another number in the place of what holds. What is 0 or 1 has only one
// other.
func (t *truth) correct(s spot) {
	past := t.past[s]
	switch {
	case t.ones[s.quantity]:
		if len(past) == 0 {
			past = append(past, t.unknown(s.entity, 1))
			t.one[past[0]] = true
		}
	case !t.bits[s.quantity]:
		past = append(past, t.unknown(s.entity, 1_000_000+t.rng.Int64N(1<<26)))
	case len(past) == 0:
		past = append(past, t.unknown(s.entity, t.rng.Int64N(2)))
	case len(past) == 1:
		past = append(past, t.unknown(s.entity, 1-t.values[past[0]]))
	default:
		past = append(past, past[len(past)-2])
	}
	t.past[s] = past
}

// takeBack lets an earlier number hold again.
func (t *truth) takeBack(s spot) {
	if past := t.past[s]; len(past) > 1 {
		t.past[s] = append(past, past[t.rng.IntN(len(past)-1)])
	}
}

// product is the unknown that two make, the same in either order.
func (t *truth) product(a, b int) int {
	if a == b && (t.values[a] == 0 || t.values[a] == 1) {
		return a // the square of what is 0 or 1
	}
	if t.one[a] {
		return b
	}
	if t.one[b] {
		return a
	}
	key := [2]int{min(a, b), max(a, b)}
	u, known := t.products[key]
	if !known {
		u = t.unknown(t.attacker.entity[a], t.values[a]*t.values[b])
		t.products[key] = u
	}
	return u
}

// cell is a reading as it was published: a sum of unknowns divided by the measure's
// divisor, and the number for it, rounded. Without parts there is none.
type cell struct {
	parts []part
	value int64
}

type part struct {
	unknown int
	times   int64
}

func (c cell) equal(d cell) bool {
	return c.value == d.value && (len(c.parts) == 0) == (len(d.parts) == 0)
}

// measured is a measure of a panel: the sum of quantities, in a unit of its own.
type measured struct {
	name       string
	quantities []int
	divisor    int64
	declared   bool // the unit is
}

// panel is a dataset with the readings that its publisher has.
type panel struct {
	number   int // in the scenario
	dataset  Dataset
	measures []measured
	missing  map[gap]bool
	editions []*edition
}

type gap struct {
	measure, entity int
	period          int64 // of the data
}

// edition is what a version held.
type edition struct {
	entities int
	settled  int // order in the ledger
	span     calendar.Interval
	cells    [][][]cell // measure, period of the data from span.From, entity
	live     bool
}

// capture is the panel's content as it is now.
func (p *panel) capture(t *truth, closed calendar.Interval, entities int) *edition {
	d := p.dataset
	out := &edition{entities: entities, live: true, span: calendar.Interval{From: d.PolicyGrain.Span(closed.From, d.Grain).From, To: d.PolicyGrain.Span(closed.To-1, d.Grain).To}}
	for m, x := range p.measures {
		var periods [][]cell
		for at := out.span.From; at < out.span.To; at++ {
			cells := make([]cell, entities)
			for e := range cells {
				if !p.missing[gap{m, e, at}] {
					cells[e] = x.cell(t, d.Grain.Span(at, t.finest), e)
				}
			}
			periods = append(periods, cells)
		}
		out.cells = append(out.cells, periods)
	}
	return out
}

// hold lets a measure of the newest edition be as it was in the one before, where that
// had the period.
func (p *panel) hold(measure int) {
	n := len(p.editions)
	if n < 2 {
		return
	}
	now, was := p.editions[n-1], p.editions[n-2]
	for at := max(now.span.From, was.span.From); at < min(now.span.To, was.span.To); at++ {
		copy(now.cells[measure][at-now.span.From], was.cells[measure][at-was.span.From])
	}
}

func (x measured) cell(t *truth, span calendar.Interval, e int) cell {
	var out cell
	sum := int64(0)
	for _, q := range x.quantities {
		for at := span.From; at < span.To; at++ {
			u := t.at(spot{q, e, at / t.bundle})
			sum += t.values[u]
			if n := len(out.parts); n > 0 && out.parts[n-1].unknown == u {
				out.parts[n-1].times++
			} else {
				out.parts = append(out.parts, part{u, 1})
			}
		}
	}
	out.value = (sum + x.divisor/2) / x.divisor
	return out
}

// columnCells are a column's cells of one entity in one period of the policy's grain.
func (p *panel) columnCells(t *truth, v *edition, c Column, period int64, e int) []cell {
	span := p.dataset.PolicyGrain.Span(period, p.dataset.Grain)
	var out []cell
	for at := span.From; at < span.To; at++ {
		x := v.cell(p.measure(c.Measure), at, e)
		if !c.Plain() {
			x = t.times(x, v.cell(p.measure(c.With), at, e))
		}
		out = append(out, x)
	}
	return out
}

func (v *edition) cell(m int, at int64, e int) cell {
	if at < v.span.From || at >= v.span.To || e >= v.entities {
		return cell{}
	}
	return v.cells[m][at-v.span.From][e]
}

func (t *truth) times(x, y cell) cell {
	var out cell
	for _, a := range x.parts {
		for _, b := range y.parts {
			out.parts = append(out.parts, part{t.product(a.unknown, b.unknown), a.times * b.times})
		}
	}
	out.value = x.value * y.value
	return out
}

func (p *panel) measure(name string) int {
	return slices.IndexFunc(p.measures, func(m measured) bool { return m.name == name })
}

// divisor of a column's readings.
func (p *panel) divisor(c Column) int64 {
	d := p.measures[p.measure(c.Measure)].divisor
	if !c.Plain() {
		d *= p.measures[p.measure(c.With)].divisor
	}
	return d
}

// told is a reading of an entity in a source.
type told struct {
	form  map[int]uint64
	sum   int64
	cells int32
	fresh int32 // cells that are in no earlier version
}

// source computes the readings of all entities.
func (p *panel) source(t *truth, version int, c Column, period int64) []told {
	v := p.editions[version-1]
	out := make([]told, v.entities)
	scale := invMod(field(p.divisor(c)))
	for e := range out {
		cells := p.columnCells(t, v, c, period, e)
		out[e].form = map[int]uint64{}
		for _, x := range cells {
			if len(x.parts) == 0 {
				continue
			}
			out[e].sum += x.value
			out[e].cells++
			for _, y := range x.parts {
				out[e].form[y.unknown] = addMod(out[e].form[y.unknown], mulMod(scale, field(y.times)))
			}
		}
		out[e].fresh = p.fresh(t, version, c, period, e, cells)
	}
	return out
}

// fresh counts cells that no earlier version has.
func (p *panel) fresh(t *truth, version int, c Column, period int64, e int, cells []cell) int32 {
	n := int32(0)
	was := make([][]cell, version-1)
	for i := range was {
		if p.editions[i].entities > e {
			was[i] = p.columnCells(t, p.editions[i], c, period, e)
		}
	}
	for i, x := range cells {
		if len(x.parts) > 0 && !slices.ContainsFunc(was, func(w []cell) bool { return len(w) > i && w[i].equal(x) }) {
			n++
		}
	}
	return n
}

// Cells is what is public of a version: who has a cell, and who counts.
func (p *panel) Cells(version int, measure string, period int64) (present, counts Bits) {
	v, m := p.editions[version-1], p.measure(measure)
	span := p.dataset.PolicyGrain.Span(period, p.dataset.Grain)
	for e := range v.entities {
		n := int64(0)
		for at := span.From; at < span.To; at++ {
			if len(v.cell(m, at, e).parts) > 0 {
				n++
			}
		}
		if n > 0 {
			present = present.Set(e)
			if 2*n >= span.To-span.From {
				counts = counts.Set(e)
			}
		}
	}
	return present, counts
}

// Unpaired are the entities that in some period have a cell of one measure alone.
func (p *panel) Unpaired(version int, a, b string, period int64) (unpaired Bits, known bool) {
	v, m, n := p.editions[version-1], p.measure(a), p.measure(b)
	span := p.dataset.PolicyGrain.Span(period, p.dataset.Grain)
	for e := range v.entities {
		for at := span.From; at < span.To; at++ {
			if (len(v.cell(m, at, e).parts) > 0) != (len(v.cell(n, at, e).parts) > 0) {
				unpaired = unpaired.Set(e)
				break
			}
		}
	}
	return unpaired, true
}
