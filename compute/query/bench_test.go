package query

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bitset"

	"github.com/weirdata/weir/catalog"
)

// largePanel is a panel without values: entities × periods of a grain, six
// measures, grouped by county (so many) and, with months, by month.
func largePanel(entities, periods, counties int, grain catalog.Grain, months, exclusions bool) *panel {
	p := &panel{descriptor: catalog.Descriptor{Dataset: "d", Grain: grain}}
	_, first, err := catalog.ParsePeriod(map[catalog.Grain]string{catalog.GrainHour: "2013-03-01T00", catalog.GrainMonth: "2019-01"}[grain])
	if err != nil {
		panic(err)
	}
	p.version = catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{Dataset: "d", First: first, Periods: periods, Entities: entities}}
	for at := 0; at < entities; at += catalog.TileCells {
		b := catalog.Block{First: at, Entities: min(catalog.TileCells, entities-at)}
		b.Periods = catalog.TileCells / b.Entities
		if grain == catalog.GrainHour {
			b.Periods -= b.Periods % 24
		}
		p.version.Blocks = append(p.version.Blocks, b)
	}
	p.verdict = catalog.Verdict{Dataset: "d", Release: 1, Entities: entities}
	for m := range 6 {
		name := fmt.Sprintf("m%d", m)
		p.descriptor.Measures = append(p.descriptor.Measures, catalog.Measure{Name: name, Max: 10000, Decimals: 1})
		p.verdict.Columns = append(p.verdict.Columns, catalog.Column{Measure: name})
		set := bitset.MustNew(uint(entities*periods)).FlipRange(0, uint(entities*periods))
		for i := m; i < entities*periods; i += 50 {
			set.Clear(uint(i))
		}
		p.present = append(p.present, set)
	}
	for e := range entities {
		p.assign = append(p.assign, int32(e*7919%counties)) //nolint:gosec // small
	}
	for i := range counties {
		p.verdict.EntityGroups = append(p.verdict.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("county %02d", i)}})
		p.verdict.Parts = append(p.verdict.Parts, catalog.Part{Group: i, Class: i})
	}
	p.verdict.Assign = catalog.PackAssign(p.assign)
	p.layMonths(months)
	if exclusions {
		for c := range p.verdict.Columns {
			for i := range p.verdict.PeriodGroups {
				p.verdict.Exclusions = append(p.verdict.Exclusions, catalog.Exclusion{Column: c, Part: (i*7 + c) % counties,
					Intervals: p.verdict.PeriodGroups[i].Intervals})
			}
		}
	}
	return p
}

// layMonths makes each month a period group, or all periods one.
func (p *panel) layMonths(months bool) {
	to := p.version.First + int64(p.version.Periods)
	if !months {
		p.verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []catalog.Interval{{From: p.version.First, To: to}}}}
		return
	}
	grain := p.descriptor.Grain
	for month := grain.In(p.version.First, catalog.GrainMonth); ; month++ {
		span := catalog.GrainMonth.Span(month, grain)
		if span.From >= to {
			return
		}
		p.verdict.PeriodGroups = append(p.verdict.PeriodGroups, catalog.PeriodGroup{Value: catalog.GrainMonth.Format(month), Intervals: []catalog.Interval{span}})
	}
}

var sizes = []struct {
	name  string
	panel func() *panel
}{
	{"enterprises25137x72months/county", func() *panel { return largePanel(25137, 72, 11, catalog.GrainMonth, false, false) }},
	{"enterprises25137x72months/county,month", func() *panel { return largePanel(25137, 72, 11, catalog.GrainMonth, true, false) }},
	{"enterprises25137x72months/county,month,excluded", func() *panel { return largePanel(25137, 72, 11, catalog.GrainMonth, true, true) }},
	{"beijing12x35064hours/station,month", func() *panel { return largePanel(12, 35064, 12, catalog.GrainHour, true, false) }},
	{"beijing12x35064hours/station,month,excluded", func() *panel { return largePanel(12, 35064, 12, catalog.GrainHour, true, true) }},
}

// reportValues reports the panel's values, of all measures, a second.
func reportValues(b *testing.B, p *panel) {
	n := len(p.descriptor.Measures) * p.version.Entities * p.version.Periods
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}

func BenchmarkNewPlan(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			b.ReportAllocs()
			var plan *Plan
			for b.Loop() {
				var err error
				if plan, err = NewPlan(p.descriptor, p.version, p.verdict); err != nil {
					b.Fatal(err)
				}
			}
			reportValues(b, p)
			b.ReportMetric(float64(plan.Tiles), "tiles")
			b.ReportMetric(float64(len(plan.Accumulators)), "openings")
			b.ReportMetric(float64(len(plan.SlotMaps)), "slotmaps")
		})
	}
}

// BenchmarkCompile compiles the design's example, a list that fills the limit,
// and the same list with an error at its end.
func BenchmarkCompile(b *testing.B) {
	list := "SELECT COUNT(*) FROM beijing_air WHERE county IN ('x'"
	for i := 0; len(list) < MaxSQL-100; i++ {
		list += fmt.Sprintf(", '91131100MA0%07d'", i*7919%10_000_000)
	}
	for name, sql := range map[string]string{
		"example": `SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25) FROM beijing_air GROUP BY station, month`,
		"64kB":    list + ")", "64kB,error": list + ") FROM",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if _, err := Compile(sql, beijing()); (err != nil) != strings.HasSuffix(sql, ") FROM") {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			plan, err := NewPlan(p.descriptor, p.version, p.verdict)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(plan.SlotMaps)) * Slots * 4)
			for b.Loop() {
				plan.Digest()
			}
			reportValues(b, p)
		})
	}
}

func BenchmarkExplain(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			plan, err := NewPlan(p.descriptor, p.version, p.verdict)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				plan.Explain(p.descriptor)
			}
		})
	}
}

func BenchmarkTable(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			p := size.panel()
			plan, err := NewPlan(p.descriptor, p.version, p.verdict)
			if err != nil {
				b.Fatal(err)
			}
			c := &Compiled{Request: catalog.Request{Version: 1, Dataset: "d", By: []catalog.Dimension{{Kind: catalog.DimEntity}}}}
			for i, m := range p.descriptor.Measures {
				c.Request.Select = append(c.Request.Select, catalog.Aggregate{Func: "avg", Measure: m.Name})
				c.Output = append(c.Output, Output{Name: m.Name, Kind: OutputAggregate, Index: i})
			}
			union := p.Bits(AnyMeasure)
			in := Input{Descriptor: p.descriptor, Version: p.version, Verdict: p.verdict, Plan: plan,
				Presence: countedPresence{p, union}, Sums: make([]int64, plan.Width)}
			var table *Table
			for b.Loop() {
				var err error
				if table, err = c.Table(in); err != nil {
					b.Fatal(err)
				}
			}
			reportValues(b, p)
			b.ReportMetric(float64(8*plan.Width), "sums-B")
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
	*panel
	union *bitset.BitSet
}

func (c countedPresence) Bits(measure int) *bitset.BitSet {
	if measure == AnyMeasure {
		return c.union
	}
	return c.panel.Bits(measure)
}
