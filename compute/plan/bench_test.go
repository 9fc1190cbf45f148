package plan_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
)

// largePanel is a panel without values: entities × periods of a grain, six
// measures, grouped by county (so many) and, with months, by month.
func largePanel(entities, periods, counties int, grain calendar.Grain, months, exclusions bool) *plantest.Panel {
	p := &plantest.Panel{Descriptor: catalog.Descriptor{Dataset: "d", Grain: grain}}
	_, first, err := calendar.Parse(map[calendar.Grain]string{calendar.Hour: "2013-03-01T00", calendar.Month: "2019-01"}[grain])
	if err != nil {
		panic(err)
	}
	p.Version = catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{Dataset: "d", First: first, Periods: periods, Entities: entities}}
	for at := 0; at < entities; at += catalog.TileCells {
		b := catalog.Block{First: at, Entities: min(catalog.TileCells, entities-at)}
		b.Periods = catalog.TileCells / b.Entities
		if grain == calendar.Hour {
			b.Periods -= b.Periods % 24
		}
		p.Version.Blocks = append(p.Version.Blocks, b)
	}
	p.Verdict = catalog.Verdict{Dataset: "d", Version: 1, Layers: []catalog.Layer{{Version: 1, Entities: entities}}}
	for m := range 6 {
		name := fmt.Sprintf("m%d", m)
		p.Descriptor.Measures = append(p.Descriptor.Measures, catalog.Measure{Name: name, Max: 10000, Decimals: 1})
		p.Verdict.Columns = append(p.Verdict.Columns, catalog.Column{Measure: name})
		set := bitset.MustNew(uint(entities*periods)).FlipRange(0, uint(entities*periods))
		for i := m; i < entities*periods; i += 50 {
			set.Clear(uint(i))
		}
		p.Present = append(p.Present, set)
	}
	for e := range entities {
		p.Assign = append(p.Assign, int32(e*7919%counties)) //nolint:gosec // small
	}
	for i := range counties {
		p.Verdict.EntityGroups = append(p.Verdict.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("county %02d", i)}})
		p.Verdict.Parts = append(p.Verdict.Parts, catalog.Part{Group: i, Class: i})
	}
	p.Verdict.Assign = assignment.Pack(p.Assign)
	layMonths(p, months)
	if exclusions {
		for c := range p.Verdict.Columns {
			for i := range p.Verdict.PeriodGroups {
				p.Verdict.Layers[0].Exclusions = append(p.Verdict.Layers[0].Exclusions, catalog.Exclusion{Column: c, Part: (i*7 + c) % counties,
					Intervals: p.Verdict.PeriodGroups[i].Intervals})
			}
		}
	}
	return p
}

// layMonths makes each month a period group, or all periods one.
func layMonths(p *plantest.Panel, months bool) {
	to := p.Version.First + int64(p.Version.Periods)
	if !months {
		p.Verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: p.Version.First, To: to}}}}
		return
	}
	grain := p.Descriptor.Grain
	for month := grain.In(p.Version.First, calendar.Month); ; month++ {
		span := calendar.Month.Span(month, grain)
		if span.From >= to {
			return
		}
		p.Verdict.PeriodGroups = append(p.Verdict.PeriodGroups, catalog.PeriodGroup{Value: calendar.Month.Format(month), Intervals: []calendar.Interval{span}})
	}
}

var sizes = []struct {
	name  string
	panel func() *plantest.Panel
}{
	{"enterprises25137x72months/county", func() *plantest.Panel { return largePanel(25137, 72, 11, calendar.Month, false, false) }},
	{"enterprises25137x72months/county,month", func() *plantest.Panel { return largePanel(25137, 72, 11, calendar.Month, true, false) }},
	{"enterprises25137x72months/county,month,excluded", func() *plantest.Panel { return largePanel(25137, 72, 11, calendar.Month, true, true) }},
	{"beijing12x35064hours/station,month", func() *plantest.Panel { return largePanel(12, 35064, 12, calendar.Hour, true, false) }},
	{"beijing12x35064hours/station,month,excluded", func() *plantest.Panel { return largePanel(12, 35064, 12, calendar.Hour, true, true) }},
}

// reportValues reports the panel's values, of all measures, a second.
func reportValues(b *testing.B, p *plantest.Panel) {
	n := len(p.Descriptor.Measures) * p.Version.Entities * p.Version.Periods
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}

func BenchmarkNew(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			b.ReportAllocs()
			var planned *plan.Plan
			for b.Loop() {
				var err error
				if planned, err = plan.New(p.Descriptor, p.Layers(), p.Verdict); err != nil {
					b.Fatal(err)
				}
			}
			reportValues(b, p)
			b.ReportMetric(float64(planned.Tiles), "tiles")
			b.ReportMetric(float64(len(planned.Accumulators)), "openings")
			b.ReportMetric(float64(len(planned.SlotMaps)), "slotmaps")
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(planned.SlotMaps)) * plan.Slots * 4)
			for b.Loop() {
				planned.Digest()
			}
			reportValues(b, p)
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				plan.Explain(p.Descriptor)
			}
		})
	}
}

func BenchmarkTable(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
			if err != nil {
				b.Fatal(err)
			}
			c := &sql.Compiled{Request: catalog.Request{Version: 1, Dataset: "d", By: []catalog.Dimension{{Kind: catalog.DimEntity}}}}
			for i, m := range p.Descriptor.Measures {
				c.Request.Select = append(c.Request.Select, catalog.Aggregate{Func: "avg", Measure: m.Name})
				c.Output = append(c.Output, sql.Output{Name: m.Name, Kind: sql.OutputAggregate, Index: i})
			}
			union := p.Bits(plan.AnyMeasure)
			in := result.Input{Descriptor: p.Descriptor, Layers: []plan.Layer{{Version: p.Version, Presence: countedPresence{p, union}}}, Verdict: p.Verdict, Plan: planned,
				Sums: make([]int64, planned.Width)}
			var table *result.Table
			for b.Loop() {
				var err error
				if table, err = result.NewTable(c, in); err != nil {
					b.Fatal(err)
				}
			}
			reportValues(b, p)
			b.ReportMetric(float64(8*planned.Width), "sums-B")
			var csv bytes.Buffer
			if err := table.WriteCSV(&csv); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(csv.Len()), "csv-B")
		})
	}
}

// countedPresence has the union of its measures ready, as compute/tiles does.
type countedPresence struct {
	*plantest.Panel
	union *bitset.BitSet
}

func (c countedPresence) Bits(measure int) *bitset.BitSet {
	if measure == plan.AnyMeasure {
		return c.union
	}
	return c.Panel.Bits(measure)
}
