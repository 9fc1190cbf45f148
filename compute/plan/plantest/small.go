package plantest

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
)

// NoisedReadings is fewReadings with every period group a release of its own.
func NoisedReadings(terms catalog.Noise) (*Panel, *plan.Plan) {
	p := FewReadings()
	p.Verdict.Noise = &terms
	return p, Must(plan.New(p.Descriptor, p.Layers(), p.Verdict))
}

// OnePanel is a fixed panel: 3 entities in blocks of 2 and 1, 4 periods, one
// measure, two entity groups, two periods a group.
func OnePanel() *Panel {
	p := &Panel{
		Descriptor: catalog.Descriptor{Dataset: "d", Grain: calendar.Month, Measures: []catalog.Measure{
			{Name: "m", Min: -100, Max: 101}, {Name: "n", Min: 0, Max: 10}}},
		Assign: []int32{0, 1, 0},
	}
	p.Version = catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{Dataset: "d", First: 10, Periods: 4, Entities: 3,
		Blocks: []catalog.Block{{First: 0, Entities: 2, Periods: 2}, {First: 2, Entities: 1, Periods: 4}}}}
	p.Verdict = catalog.Verdict{Dataset: "d", Version: 1, Columns: []catalog.Column{{Measure: "m"}},
		EntityGroups: []catalog.EntityGroup{{Values: []string{"x"}, Of: 2}, {Values: []string{"y"}, Of: 1}},
		PeriodGroups: []catalog.PeriodGroup{{Value: "a", Intervals: []calendar.Interval{{From: 10, To: 12}}}, {Value: "b", Intervals: []calendar.Interval{{From: 12, To: 14}}}},
		Parts:        []catalog.Part{{Group: 0, Class: 4}, {Group: 1, Class: 2}}, Assign: assignment.Pack(p.Assign),
		Layers: []catalog.Layer{{Version: 1, Entities: 3}}}
	return p
}

// FewReadings is onePanel with readings: x has 1, 2 and 4 in group a and none in
// b; y has −1.5 in a (tenths) and 2 in b.
func FewReadings() *Panel {
	p := OnePanel()
	p.Descriptor.Grain, p.Descriptor.Entity = calendar.Month, "site"
	p.Descriptor.Measures[0] = catalog.Measure{Name: "m", Unit: "t", Min: -100, Max: 101, Decimals: 1}
	p.Present, p.Values = newSets(2, 12), [][]int64{make([]int64, 12), make([]int64, 12)}
	for cell, tenths := range map[int]int64{0: 10, 2: 20, 3: 40, 1: -15, 7: 20} {
		p.Present[0].Set(uint(cell)) //nolint:gosec // small
		p.Values[0][cell] = tenths - p.Descriptor.Measures[0].Mid()
	}
	p.Present[1].Set(6)
	return p
}

// WeightedPanel is a small panel of 4 entities in two groups over 3 months, with a
// noised verdict on weighted sums of its one measure.
func WeightedPanel(t testing.TB) *Vectored {
	t.Helper()
	p := &Panel{
		Descriptor: catalog.Descriptor{Dataset: "d", Entity: "site", Grain: calendar.Month,
			Measures: []catalog.Measure{{Name: "co2", Unit: "t", Min: 0, Max: 1000, Decimals: 1}},
			Policy:   catalog.Policy{Grain: calendar.Month}},
		Version: catalog.Version{Version: 3, VersionPropose: catalog.VersionPropose{Dataset: "d", First: 600, Periods: 3, Entities: 4,
			Blocks: []catalog.Block{{First: 0, Entities: 3, Periods: 2}, {First: 3, Entities: 1, Periods: 3}}}},
		Assign: []int32{0, 0, 1, 1},
	}
	const w = "v-w"
	p.Verdict = catalog.Verdict{Dataset: "d", Version: 3,
		Columns:      []catalog.Column{{Measure: "co2", Weight: w}, {Measure: "co2", Count: true, Weight: w}, {Count: true, Weight: w}},
		EntityGroups: []catalog.EntityGroup{{Values: []string{"a"}, Of: 2}, {Values: []string{"b"}, Of: 2}},
		PeriodGroups: []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: 600, To: 603}}}},
		Parts:        []catalog.Part{{Group: 0}, {Group: 1, Class: 1}},
		Assign:       assignment.Pack(p.Assign),
		Layers:       []catalog.Layer{{Version: 3, Entities: 4}},
		Noise:        &catalog.Noise{Epsilon: "1"},
		Vectors:      []catalog.VectorUse{{ID: w, Name: "loans", Bits: 8, Decimals: 2, Entities: 4}},
	}
	p.Present = newSets(1, 12)
	p.Values = [][]int64{make([]int64, 12)}
	mid := p.Descriptor.Measures[0].Mid()
	for i := range 12 {
		if i == 7 || i == 2 {
			continue // missing cells
		}
		p.Present[0].Set(uint(i)) //nolint:gosec // small
		p.Values[0][i] = int64(50*i) - mid
	}
	return &Vectored{Panel: p, Numbers: map[string][]int64{w: {125, 0, 7, 255}}}
}
