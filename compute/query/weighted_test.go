package query

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// weightedPanel is a small panel of 4 entities in two groups over 3 months, with a
// noised verdict on weighted sums of its one measure.
func weightedPanel(t testing.TB) *vectored {
	t.Helper()
	p := &panel{
		descriptor: catalog.Descriptor{Dataset: "d", Entity: "site", Grain: catalog.GrainMonth,
			Measures: []catalog.Measure{{Name: "co2", Unit: "t", Min: 0, Max: 1000, Decimals: 1}},
			Policy:   catalog.Policy{Grain: catalog.GrainMonth}},
		version: catalog.Version{Version: 3, VersionPropose: catalog.VersionPropose{Dataset: "d", First: 600, Periods: 3, Entities: 4,
			Blocks: []catalog.Block{{First: 0, Entities: 3, Periods: 2}, {First: 3, Entities: 1, Periods: 3}}}},
		assign: []int32{0, 0, 1, 1},
	}
	const w = "v-w"
	p.verdict = catalog.Verdict{Dataset: "d", Release: 3, Entities: 4,
		Columns:      []catalog.Column{{Measure: "co2", Weight: w}, {Measure: "co2", Count: true, Weight: w}, {Count: true, Weight: w}},
		EntityGroups: []catalog.EntityGroup{{Values: []string{"a"}, Included: 2, Of: 2}, {Values: []string{"b"}, Included: 2, Of: 2}},
		PeriodGroups: []catalog.PeriodGroup{{Intervals: []catalog.Interval{{From: 600, To: 603}}}},
		Parts:        []catalog.Part{{Group: 0}, {Group: 1, Class: 1}}, Assign: catalog.PackAssign(p.assign),
		Noise:   &catalog.Noise{Epsilon: "1"},
		Vectors: []catalog.VectorUse{{ID: w, Name: "loans", Bits: 8, Decimals: 2, Entities: 4}},
	}
	p.present = newSets(1, 12)
	p.values = [][]int64{make([]int64, 12)}
	mid := p.descriptor.Measures[0].Mid()
	for i := range 12 {
		if i == 7 || i == 2 {
			continue // missing cells
		}
		p.present[0].Set(uint(i)) //nolint:gosec // small
		p.values[0][i] = int64(50*i) - mid
	}
	return &vectored{panel: p, numbers: map[string][]int64{w: {125, 0, 7, 255}}}
}
