package node

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

// A stage is where an attack is played: three counties of six firms each, of a
// publisher's own, and a buyer who keeps all figures that it is given.
type stage struct {
	*cluster
	t         *testing.T
	ctx       context.Context
	name      string // before the ids of what is published here
	publisher *client.Client
	buyer     *client.Client
	panels    map[string]*played
	truth     map[fact]int // how often a reading was corrected; its value is 0 there
	given     []form       // figures that were released
	whole     []form       // those that would have been, if groups were taken whole
	moved     map[int]int  // firm → county, of those whose county was corrected
}

const (
	stageFirms   = 18
	stageMonths  = 12 // of 2024
	stageMinimum = 3  // min_cohort
)

// county of a firm, as the registry has it now.
func (s *stage) county(f int) int {
	if c, moved := s.moved[f]; moved {
		return c
	}
	return f / 6
}

// played is a dataset on a stage.
type played struct {
	*stage
	id, registry string // registry empty: its own
	grain        calendar.Grain
	measures     []playedMeasure
	policy       string // further lines
	lacks        func(measure, firm, period int) bool
	firms        []string // of the registry, in its order
	start        int64    // period of the grain that is the first of 2024
	places       bool     // the buyer's contract is with an exact portfolio
	among        []int    // firms of which figures are; nil: all
	versions     []map[playedCell][]fact
}

type playedMeasure struct {
	name       string
	quantities []string // whose sum it is
	divisor    int      // 1 or 1000
}

type playedCell struct{ measure, firm, period int }

// months of a period of the dataset's grain, counted from the first of 2024.
func (p *played) months(period int) (from, to int) {
	n := map[calendar.Grain]int{calendar.Month: 1, calendar.Quarter: 3, calendar.Year: 12}[p.grain]
	return period * n, (period + 1) * n
}

func (p *played) period(i int) string {
	switch p.grain {
	case calendar.Year:
		return "2024"
	case calendar.Quarter:
		return fmt.Sprintf("2024-Q%d", i+1)
	default:
		return fmt.Sprintf("2024-%02d", i+1)
	}
}

// reading is what a firm has of a quantity in a month now. Those of a quantity "bit" are 0
// and 1.
func (s *stage) reading(quantity string, firm, month int) fact {
	f := fact{quantity: quantity, firm: firm, month: month}
	n := s.truth[f]
	if f.value = (firm*7919+month*104729+len(quantity)*31)%997 + 1 + 1000*n; quantity == "bit" {
		f.value = (firm + n) % 2
	}
	return f
}

// correct gives firms another reading, and takeBack the one before.
func (s *stage) correct(quantity string, month int, firms ...int) {
	s.change(1, quantity, month, firms)
}

func (s *stage) takeBack(quantity string, month int, firms ...int) {
	s.change(-1, quantity, month, firms)
}

func (s *stage) change(by int, quantity string, month int, firms []int) {
	for _, f := range firms {
		s.truth[fact{quantity: quantity, firm: f, month: month}] += by
	}
}

// dataset describes one of the stage's; nothing is sent before its first version.
func (s *stage) dataset(id, registry string, grain calendar.Grain, policy string, measures ...playedMeasure) *played {
	if registry != "" {
		registry = s.name + "_" + registry
	}
	return &played{
		stage: s, id: s.name + "_" + id, registry: registry, grain: grain, measures: measures, policy: policy,
		lacks: func(int, int, int) bool { return false },
	}
}

func plainly(name string) playedMeasure { return playedMeasure{name, []string{name}, 1} }

func (p *played) descriptor() string {
	entity := "{column: firm, attributes: [county]}"
	if p.registry != "" {
		entity = fmt.Sprintf("{registry: %s, column: firm}", p.registry)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dataset: %s\ntitle: {en: A stage}\nlicense: CC0-1.0\nutc_offset: \"+00:00\"\nentity: %s\nperiod: {column: period, grain: %s}\nmissing: [\"\"]\nmeasures:\n", p.id, entity, p.grain)
	for _, m := range p.measures {
		unit, decimals := "kg", 0
		if m.divisor == 1000 {
			unit, decimals = "t", 3
		}
		fmt.Fprintf(&b, "  - {name: %s, column: %s, unit: %s, range: [0, 100000], decimals: %d, squares: %t}\n", m.name, m.name, unit, decimals, strings.Contains(p.policy, "moments"))
	}
	fmt.Fprintf(&b, "policy:\n  aggregates: [count, sum, avg, var]\n  grain: %s\n  min_cohort: %d\n  cubes: [[county]]\n%s", p.grain, stageMinimum, p.policy)
	return b.String()
}

// text are the readings in periods [0, to) as they are now, in CSV, and as cells.
func (p *played) text(from, to int) ([]byte, map[playedCell][]fact) {
	var b bytes.Buffer
	b.WriteString("firm,county,period")
	for _, m := range p.measures {
		b.WriteString("," + m.name)
	}
	cells := map[playedCell][]fact{}
	for f := range stageFirms {
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "\n%s,c%d,%s", p.firm(f), p.county(f), p.period(i))
			for m, measure := range p.measures {
				b.WriteByte(',')
				if p.lacks(m, f, i) {
					continue
				}
				var sum int64
				first, last := p.months(i)
				for _, q := range measure.quantities {
					for month := first; month < last; month++ {
						x := p.reading(q, f, month)
						cells[playedCell{m, f, i}] = append(cells[playedCell{m, f, i}], x)
						sum += x.number()
					}
				}
				b.WriteString(p.decimal(m, sum))
			}
		}
	}
	b.WriteByte('\n')
	return b.Bytes(), cells
}

func (s *stage) firm(f int) string { return fmt.Sprintf("%s%02d", s.name, f) }

func (p *played) decimal(measure int, n int64) string {
	d := int64(p.measures[measure].divisor)
	return big.NewRat(n, d).FloatString(len(fmt.Sprint(d)) - 1)
}

// prepare reads the dataset as it is now.
func (p *played) prepare(from, to int) (*publish.Prepared, map[playedCell][]fact) {
	csv, cells := p.text(from, to)
	return prepareText(p.ctx, p.t, p.descriptor(), csv, p.publisher.RegistryIDs), cells
}

// version publishes periods [from, to) as they are now; the buyer gets a contract on the
// first.
func (p *played) version(from, to int) {
	p.t.Helper()
	prepared, cells := p.prepare(from, to)
	if _, err := publish.Publish(p.ctx, p.publisher, prepared, nil); err != nil {
		p.t.Fatalf("version %d of %s: %v", len(p.versions)+1, p.id, err)
	}
	if p.versions = append(p.versions, cells); len(p.versions) > 1 {
		return
	}
	p.panels[p.id], p.start = p, prepared.Panel.First-int64(from)
	contractWith(p.ctx, p.t, p.buyer, p.publisher, catalog.OrderCreate{Dataset: p.id, Portfolio: p.places})
	registry, err := p.buyer.Registry(p.ctx, prepared.Source.Descriptor.Registry)
	if err != nil {
		p.t.Fatal(err)
	}
	rows, err := p.buyer.RegistryRows(p.ctx, registry.ID, registry.Rows)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range rows {
		p.firms = append(p.firms, r[0])
	}
}

// askAll asks for all sums of all measures that groups by county and period have, as of
// every version, however little of them there is.
func (p *played) askAll() {
	p.t.Helper()
	for m := range p.measures {
		for asOf := 1; asOf <= len(p.versions); asOf++ {
			for _, by := range []string{"county, period", "period", "county", ""} {
				p.ask(m, by, asOf)
			}
		}
	}
}

// ask asks for the sums of a measure. A refusal by policy tells nothing.
func (p *played) ask(measure int, by string, asOf int) {
	p.t.Helper()
	dims, group := "", ""
	if by != "" {
		dims, group = by+", ", " GROUP BY "+by
	}
	sql := fmt.Sprintf("SELECT %sSUM(%s) FROM %s%s", dims, p.measures[measure].name, p.id, group)
	p.whole = append(p.whole, p.groups(measure, by, asOf)...)
	p.compare(sql, asOf, 0, func(sum int64) string { return p.decimal(measure, sum) })
}

// compare asks for one column of sums, of a join as of a version of the second dataset too,
// keeps what is released and holds it against plaintext. It reports how many layers that is
// of, 0 where the policy refuses.
func (p *played) compare(sql string, asOf, joinAsOf int, decimal func(int64) string) (layers int) {
	p.t.Helper()
	r, refused := p.queryOf(sql, ask.Options{Partial: true, AsOf: asOf, JoinAsOf: joinAsOf})
	if refused {
		return 0
	}
	var want, got []string
	for _, f := range p.learn(r) {
		var sum int64
		for x, n := range f {
			sum += n * x.number()
		}
		want = append(want, decimal(sum))
	}
	for _, row := range r.Table.Rows {
		got = append(got, fmt.Sprint(row[len(row)-1]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		p.t.Errorf("%s as of version %d (-plaintext by the verdict +answer)\n%s", sql, asOf, d)
	}
	return len(p.verdict(r).Layers)
}

// query asks as the buyer, and reports whether the policy refused.
func (s *stage) query(sql string, asOf int) (*ask.Result, bool) {
	s.t.Helper()
	return s.queryOf(sql, ask.Options{Partial: true, AsOf: asOf})
}

// queryOf is query with all that is said of it.
func (s *stage) queryOf(sql string, o ask.Options) (*ask.Result, bool) {
	s.t.Helper()
	r, err := ask.Query(s.ctx, s.buyer, sql, o)
	if refusal, refused := client.IsRefused(err); refused && (refusal.Kind == catalog.RefusedPolicy || refusal.Rule == "empty") {
		return nil, true
	}
	if err != nil {
		s.t.Fatalf("%s as of version %d: %v", sql, o.AsOf, err)
	}
	return r, false
}

// groups are the sums over groups taken whole, as of a version.
func (p *played) groups(measure int, by string, asOf int) (out []form) {
	index := map[string]form{}
	for cell, facts := range p.versions[asOf-1] {
		if cell.measure != measure {
			continue
		}
		key := ""
		if strings.Contains(by, "county") {
			key = fmt.Sprint(p.county(cell.firm))
		}
		if strings.Contains(by, "period") {
			key += fmt.Sprint("/", cell.period)
		}
		if index[key] == nil {
			index[key] = form{}
			out = append(out, index[key])
		}
		for _, x := range facts {
			index[key][x]++
		}
	}
	return out
}

// learn keeps the figures of an answer, by the documented meaning of its verdict, and
// returns those that have anything.
func (p *played) learn(r *ask.Result) (out []form) {
	p.t.Helper()
	v := p.verdict(r)
	for c, column := range v.Columns {
		if column.Count { // how many of a list have readings tells of no reading
			continue
		}
		figures := map[catalog.GroupIndex]form{}
		for _, layer := range v.Layers {
			p.learnLayer(v, layer, c, column, figures)
		}
		for _, f := range figures {
			out = append(out, f)
		}
	}
	p.given = append(p.given, out...)
	return out
}

func (s *stage) verdict(r *ask.Result) (v catalog.Verdict) {
	s.t.Helper()
	err := s.nodes["n1"].Read(s.ctx, func(view state.View) (err error) {
		id := r.Query.ID
		if r.Query.Repeats != "" {
			id = r.Query.Repeats
		}
		v, err = view.Verdict(id)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (p *played) learnLayer(v catalog.Verdict, layer catalog.Layer, c int, column catalog.Column, figures map[catalog.GroupIndex]form) {
	all, err := v.Assigned()
	if err != nil {
		p.t.Fatal(err)
	}
	assign := layer.Assigned(all)
	m := p.measure(column.Measure)
	for cell, facts := range p.versions[layer.Version-1] {
		e := slices.Index(p.firms, p.firm(cell.firm))
		g, counts := countedIn(v, layer, assign, c, e, p.start+int64(cell.period))
		if cell.measure != m || !counts || p.among != nil && !slices.Contains(p.among, cell.firm) {
			continue
		}
		if figures[g] == nil {
			figures[g] = form{}
		}
		for _, x := range p.factsOf(v, layer, column, cell, facts) {
			figures[g][x]++
		}
	}
}

// factsOf are what a column sums of a cell: the readings, their squares, or their products
// with those of a dataset that is joined.
func (p *played) factsOf(v catalog.Verdict, layer catalog.Layer, column catalog.Column, cell playedCell, facts []fact) []fact {
	x := facts[0]
	switch {
	case column.Joined():
		other := p.panels[v.Join.Dataset]
		y := other.versions[v.JoinedWith(layer)-1][playedCell{other.measure(catalog.OwnMeasure(column.Times)), cell.firm, cell.period}]
		if y == nil {
			return nil
		}
		return []fact{{x.quantity + " " + y[0].quantity, x.firm, x.month, x.value, y[0].value}}
	case column.Times == "", x.quantity == "bit": // the square of 0 or 1 is it
		return facts
	default:
		return []fact{{x.quantity + " " + x.quantity, x.firm, x.month, x.value, x.value}}
	}
}

func (p *played) measure(name string) int {
	return slices.IndexFunc(p.measures, func(m playedMeasure) bool { return m.name == name })
}

// countedIn is the group in which a verdict counts a cell of a layer's version.
func countedIn(v catalog.Verdict, l catalog.Layer, assign []int32, column, e int, at int64) (g catalog.GroupIndex, counts bool) {
	holds := func(list []calendar.Interval) bool {
		return slices.ContainsFunc(list, func(i calendar.Interval) bool { return i.From <= at && at < i.To })
	}
	if assign[e] < 0 {
		return g, false
	}
	g.Entity = v.Parts[assign[e]].Group
	g.Period = slices.IndexFunc(v.PeriodGroups, func(p catalog.PeriodGroup) bool { return holds(p.Intervals) })
	if g.Period < 0 || slices.Contains(v.Withheld, g) {
		return g, false
	}
	counts = true
	for _, x := range l.Exclusions {
		x.Each(len(v.Columns), len(v.Parts), func(c, part int) {
			counts = counts && (c != column || part != int(assign[e]) || !holds(x.Intervals))
		})
	}
	return g, counts
}
