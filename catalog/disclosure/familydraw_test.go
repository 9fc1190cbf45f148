package disclosure

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// kind is what a drawn family is about.
type kind string

const (
	kindVersions kind = "versions"
	kindRelated  kind = "related columns"
	kindTotals   kind = "totals and parts"
	kindGrains   kind = "two grains"
	kindHours    kind = "hours by day"
	kindWeeks    kind = "weeks beside days and months"
	kindGrowth   kind = "growth and corrected attributes"
	kindMoments  kind = "moments"
	kindConstant kind = "products with a constant"
	kindAnything kind = "anything"
)

var kinds = []kind{kindVersions, kindRelated, kindTotals, kindGrains, kindHours, kindWeeks, kindGrowth, kindMoments, kindConstant, kindAnything}

const (
	month0 = (2024 - 1970) * 12
	day0   = 19723 // 2024-01-01
)

// draw is a scenario while it is drawn.
type draw struct {
	*scenario
	waiting []func() *panel // datasets that are not created yet
	spans   map[int]calendar.Interval
	growth  bool
}

// drawFamily draws a family of a kind and publishes its versions.
func drawFamily(tb testing.TB, rng *rand.Rand, about kind, rule *conditions, settings ...func(*scenario)) *scenario {
	tb.Helper()
	finest, bundle := calendar.Month, int64(1)
	switch about {
	case kindHours:
		finest, bundle = calendar.Hour, 8
	case kindWeeks:
		finest = calendar.Day
	}
	k, entities := 2+rng.IntN(2), 8+rng.IntN(18)
	if about == kindMoments || about == kindConstant {
		k, entities = 2, 24+rng.IntN(20)
	}
	s := newScenario(tb, rng, newTruth(rng, finest, bundle), k, drawCodes(rng, nil, entities), rule)
	s.exact = rng.IntN(2) == 0
	s.pairs = about == kindConstant
	for _, set := range settings {
		set(s)
	}
	d := &draw{scenario: s, spans: map[int]calendar.Interval{}, growth: about == kindGrowth || about == kindAnything && rng.IntN(3) == 0}
	d.plan(about)
	// Parts that nobody has declared yet are not looked for.
	if about == kindTotals || about == kindAnything || rng.IntN(2) == 0 {
		for len(d.waiting) > 0 {
			d.open()
		}
	}
	for range 3 + rng.IntN(5) {
		d.act()
	}
	return s
}

// drawCodes draws two attributes, or appends to them.
func drawCodes(rng *rand.Rand, codes [][]uint32, entities int) [][]uint32 {
	if codes == nil {
		codes = [][]uint32{nil, nil}
	}
	counties, industries := 1+rng.IntN(3), 1+rng.IntN(3)
	out := [][]uint32{append([]uint32(nil), codes[0]...), append([]uint32(nil), codes[1]...)}
	for range entities {
		out[0] = append(out[0], uint32(rng.IntN(counties)))
		out[1] = append(out[1], uint32(rng.IntN(industries)))
	}
	return out
}

// open creates the next dataset.
func (d *draw) open() {
	next := d.waiting[0]
	d.waiting = d.waiting[1:]
	p := next()
	if p == nil {
		return
	}
	t := d.truth
	first, length := int64(month0), int64(3)
	switch {
	case t.finest == calendar.Hour:
		first, length = day0, 1
	case t.finest == calendar.Day:
		first, length = d.inFebruary(p.dataset.PolicyGrain)
	case p.dataset.PolicyGrain == calendar.Quarter:
		first, length = month0/3, 1
	case d.rng.IntN(3) == 0:
		length = 1 + d.rng.Int64N(3)
	}
	d.spans[p.number] = calendar.Interval{From: first, To: first + length}
	d.omit(p)
}

// inFebruary are periods of February 2027, which is four whole weeks: all of it, some weeks, or
// some days of one.
func (d *draw) inFebruary(grain calendar.Grain) (first, length int64) {
	month := calendar.Month.Span((2027-1970)*12+1, grain)
	length = min(1+d.rng.Int64N(4), month.To-month.From)
	return month.From + d.rng.Int64N(month.To-month.From-length+1), length
}

// omit leaves cells out at first.
func (d *draw) omit(p *panel) {
	density := 6 + d.rng.IntN(5)
	span := d.spans[p.number]
	from, to := p.dataset.PolicyGrain.Span(span.From, p.dataset.Grain).From, p.dataset.PolicyGrain.Span(span.To-1, p.dataset.Grain).To
	for m := range p.measures {
		empty := int32(-1)
		if d.rng.IntN(4) == 0 {
			empty = int32(d.rng.IntN(4))
		}
		for at := from; at < to; at++ {
			// Hours of one tick come and go together.
			tick := p.dataset.Grain.Span(at, d.truth.finest).From / d.truth.bundle
			for e := range d.entities {
				if d.family.Tree().Class(e) == empty || mark(int(tick)*1009+e*31+m*7+density)%10 >= uint64(density) {
					p.missing[gap{m, e, at}] = true
				}
			}
		}
	}
}

// act changes something and publishes a version of a dataset.
func (d *draw) act() {
	if len(d.waiting) > 0 && (len(d.panels) == 0 || d.rng.IntN(3) == 0) {
		d.open()
	}
	if len(d.panels) == 0 {
		return
	}
	p := d.panels[d.rng.IntN(len(d.panels))]
	for range d.rng.IntN(4) {
		d.correct(p)
	}
	for range d.rng.IntN(3) {
		d.appear(p)
	}
	if d.growth {
		d.extend()
	}
	span := d.spans[p.number]
	if d.rng.IntN(3) == 0 { // some periods go live late, or stay as they are
		span.To = span.From + 1 + d.rng.Int64N(span.To-span.From)
		span.From += d.rng.Int64N(span.To - span.From)
	}
	var held []int
	if d.rng.IntN(6) == 0 {
		held = append(held, d.rng.IntN(len(p.measures)))
	}
	d.publish(p, span, held...)
	if d.rng.IntN(8) == 0 {
		p.editions[d.rng.IntN(len(p.editions))].live = false
	}
}

// some draws entities: one, about k, a class, a class but one, many.
func (d *draw) some() []int {
	var out []int
	take := func(members []int32) {
		for _, e := range members {
			out = append(out, int(e))
		}
	}
	tree := d.family.Tree()
	switch d.rng.IntN(6) {
	case 0:
		out = append(out, d.rng.IntN(d.entities))
	case 1, 2:
		for range d.k - 1 + d.rng.IntN(3) {
			out = append(out, d.rng.IntN(d.entities))
		}
	case 3:
		if tree.Classes() > 0 {
			take(tree.Members(int32(d.rng.IntN(tree.Classes()))))
		}
	case 4:
		if tree.Classes() > 0 {
			take(tree.Members(int32(d.rng.IntN(tree.Classes())))[1:])
		}
	case 5:
		for e := range d.entities {
			if d.rng.IntN(3) > 0 {
				out = append(out, e)
			}
		}
	}
	return out
}

// ticks of a panel.
func (d *draw) ticks(p *panel) (from, to int64) {
	span := d.spans[p.number]
	from = d.span(p, span.From).From / d.truth.bundle
	to = (d.span(p, span.To-1).To-1)/d.truth.bundle + 1
	return from, to
}

// correct gives readings other values, or takes them back to earlier ones.
func (d *draw) correct(p *panel) {
	m := p.measures[d.rng.IntN(len(p.measures))]
	q := m.quantities[d.rng.IntN(len(m.quantities))]
	from, to := d.ticks(p)
	tick, back, all := from+d.rng.Int64N(to-from), d.rng.IntN(3) == 0, d.rng.IntN(3) == 0
	for _, e := range d.some() {
		for at := from; at < to; at++ {
			if at != tick && !all {
				continue
			}
			if s := (spot{q, e, at}); back {
				d.truth.takeBack(s)
			} else if d.truth.at(s); true {
				d.truth.correct(s)
			}
		}
	}
}

// appear lets cells come or go.
func (d *draw) appear(p *panel) {
	m := d.rng.IntN(len(p.measures))
	from, to := d.ticks(p)
	tick := from + d.rng.Int64N(to-from)
	come := d.rng.IntN(3) > 0
	span := calendar.Interval{From: tick * d.truth.bundle, To: (tick + 1) * d.truth.bundle}
	for _, e := range d.some() {
		for at := d.truth.finest.In(span.From, p.dataset.Grain); at <= d.truth.finest.In(span.To-1, p.dataset.Grain); at++ {
			if come {
				delete(p.missing, gap{m, e, at})
			} else {
				p.missing[gap{m, e, at}] = true
			}
		}
	}
}

// extend appends entities, or corrects attributes.
func (d *draw) extend() {
	switch d.rng.IntN(3) {
	case 0:
		d.grow(drawCodes(d.rng, d.codes, 1+d.rng.IntN(2*d.k)))
		d.reached["registries grown"]++
	case 1:
		codes := drawCodes(d.rng, d.codes, 0)
		for range 1 + d.rng.IntN(3) {
			codes[d.rng.IntN(2)][d.rng.IntN(d.entities)] = uint32(d.rng.IntN(3))
		}
		d.codes = codes
		d.reached["attributes corrected"]++
	}
}

// dataset queues one with a grain of its data and one of its policy.
func (d *draw) dataset(grain, policy calendar.Grain, related [][]string, moments [][2]string, measures ...measured) {
	number := len(d.waiting)
	d.waiting = append(d.waiting, func() *panel {
		return d.create(Dataset{
			ID: fmt.Sprintf("d%d", number), Grain: grain, PolicyGrain: policy, Portfolios: 1, Related: related, Moments: moments,
		}, measures...)
	})
}

// plan queues the datasets of a kind.
func (d *draw) plan(about kind) {
	const m, q = calendar.Month, calendar.Quarter
	from := len(d.waiting)
	x := func(name string, quantity int) measured {
		return measured{name: name, quantities: []int{quantity}, divisor: 1}
	}
	inTons := measured{name: "x_t", quantities: []int{0}, divisor: 1000, declared: d.rng.IntN(2) == 0}
	kg := x("x", 0)
	kg.declared = inTons.declared
	switch about {
	case kindVersions, kindGrowth:
		d.dataset(m, m, nil, nil, []measured{x("x", 0), x("y", 1)}[:1+d.rng.IntN(2)]...)
	case kindRelated:
		d.planRelated(kg, inTons)
	case kindTotals:
		d.planTotals()
	case kindGrains:
		grains := []calendar.Grain{m, q}
		d.dataset(m, m, nil, nil, x("x", 0))
		policy := grains[d.rng.IntN(2)]
		d.dataset(m, policy, nil, nil, x("x", 0))
		d.dataset(q, q, nil, nil, x("x", 0))
		d.shuffle(from)
	case kindHours:
		d.dataset(calendar.Hour, calendar.Day, nil, nil, x("x", 0))
		if d.rng.IntN(2) == 0 {
			d.dataset(calendar.Day, calendar.Day, nil, nil, x("x", 0))
			d.shuffle(from)
		}
	case kindWeeks:
		const day, week = calendar.Day, calendar.Week
		d.dataset(day, week, nil, nil, x("x", 0))
		d.dataset(week, week, nil, nil, x("x", 0))
		d.dataset(day, []calendar.Grain{day, week, m}[d.rng.IntN(3)], nil, nil, x("x", 0))
		d.dataset(m, m, nil, nil, x("x", 0))
		d.shuffle(from)
	case kindMoments:
		d.planMoments(x)
	case kindConstant:
		d.truth.ones[1] = true
		d.dataset(m, []calendar.Grain{m, q}[d.rng.IntN(2)], nil, [][2]string{{"x", "y"}}, x("x", 0), x("y", 1))
	case kindAnything:
		for range 1 + d.rng.IntN(2) {
			d.plan([]kind{kindVersions, kindRelated, kindTotals, kindGrains, kindMoments}[d.rng.IntN(5)])
		}
	}
}

// shuffle orders the datasets queued since one at random.
func (d *draw) shuffle(from int) {
	last := d.waiting[from:]
	d.rng.Shuffle(len(last), func(i, j int) { last[i], last[j] = last[j], last[i] })
}

// planRelated queues the same readings in two datasets, in one, in another unit.
func (d *draw) planRelated(kg, tons measured) {
	const m = calendar.Month
	other := measured{name: "y", quantities: []int{1}, divisor: 1}
	switch d.rng.IntN(4) {
	case 0:
		d.dataset(m, m, nil, nil, kg)
		d.dataset(m, m, nil, nil, kg, other)
	case 1:
		d.dataset(m, m, [][]string{{"x", "x_t"}}, nil, kg, tons)
	case 2:
		first := len(d.waiting)
		d.dataset(m, m, nil, nil, kg)
		d.dataset(m, m, [][]string{{fmt.Sprintf("d%d.x", first), "x_t"}}, nil, tons, other)
	case 3:
		first := len(d.waiting)
		d.dataset(m, m, nil, nil, kg)
		d.dataset(m, m, nil, nil, kg)
		d.dataset(m, m, [][]string{{fmt.Sprintf("d%d.x", first), "x_t"}}, nil, tons)
	}
}

// planTotals queues a total and its parts, together or apart.
func (d *draw) planTotals() {
	const m = calendar.Month
	total := measured{name: "total", quantities: []int{2, 3}, divisor: 1}
	a := measured{name: "part_a", quantities: []int{2}, divisor: 1}
	b := measured{name: "part_b", quantities: []int{3}, divisor: 1}
	switch d.rng.IntN(3) {
	case 0:
		all := []measured{total, a, b}
		d.rng.Shuffle(3, func(i, j int) { all[i], all[j] = all[j], all[i] })
		d.dataset(m, m, [][]string{{"total", "part_a", "part_b"}}, nil, all...)
	case 1:
		first := len(d.waiting)
		d.dataset(m, m, nil, nil, a, b)
		d.dataset(m, m, [][]string{{"total", fmt.Sprintf("d%d.part_a", first), fmt.Sprintf("d%d.part_b", first)}}, nil, total)
	case 2:
		first := len(d.waiting)
		d.dataset(m, m, nil, nil, total)
		d.dataset(m, m, [][]string{{fmt.Sprintf("d%d.total", first), "part_a"}}, nil, a)
		d.dataset(m, m, [][]string{{"part_b", fmt.Sprintf("d%d.total", first), fmt.Sprintf("d%d.part_a", first+1)}}, nil, b)
	}
}

// planMoments queues a square or a product, of a measure that may be 0 or 1, and maybe
// the same in a second dataset.
func (d *draw) planMoments(x func(string, int) measured) {
	const m, q = calendar.Month, calendar.Quarter
	if d.rng.IntN(4) == 0 {
		d.truth.bits[0] = true
	}
	moments := [][][2]string{{{"x", "x"}}, {{"x", "y"}}, {{"x", "y"}, {"x", "x"}}}[d.rng.IntN(3)]
	policy := []calendar.Grain{m, m, m, q}[d.rng.IntN(4)]
	d.dataset(m, policy, nil, moments, x("x", 0), x("y", 1))
	if d.rng.IntN(3) == 0 {
		d.dataset(m, policy, nil, moments, x("x", 0), x("y", 1))
	}
}
