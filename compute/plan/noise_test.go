package plan_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// Replacing one entity's whole record by any other costs no more than epsilon:
// over all numbers of the released vector, Σ |change| / scale ≤ ε for Laplace
// noise, and Σ change²/2σ² ≤ ρ for Gaussian noise. The vector is the plan's own
// sums over tiles, so slot maps, groups and exclusions are what they are.
func TestOneEntitysRecordMovesTheReleaseByNoMoreThanEpsilon(t *testing.T) {
	const large = 1_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawPanel(t)
		for i := range p.Descriptor.Measures {
			if m := &p.Descriptor.Measures[i]; m.Max == m.Min {
				m.Max++
			}
		}
		if len(p.Verdict.Columns) == 0 {
			return
		}
		terms := catalog.Noise{Epsilon: rapid.SampledFrom([]string{"1", "0.5", "0.07"}).Draw(t, "epsilon"),
			Delta: rapid.SampledFrom([]string{"", "1e-9"}).Draw(t, "delta")}
		p.Verdict.Noise = &terms
		most := make([]int64, len(p.Descriptor.Measures)) // readings, in general or by caps
		capped := rapid.Bool().Draw(t, "capped")
		for i, m := range p.Descriptor.Measures {
			if most[i] = m.Max; capped {
				most[i] = m.Min + (m.Max-m.Min)/rapid.Int64Range(1, 5).Draw(t, "part")
			}
		}
		for _, c := range p.Verdict.Columns {
			if !capped {
				break
			}
			x, y := p.Descriptor.MeasureIndex(c.Measure), max(p.Descriptor.MeasureIndex(c.Times), 0)
			width := caps.Width(c, p.Descriptor.Measures[x], p.Descriptor.Measures[y], most[x], most[y])
			p.Verdict.Widths = append(p.Verdict.Widths, width.Int64())
		}
		plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		entity := rapid.IntRange(0, p.Version.Entities-1).Draw(t, "entity")
		record := func(high bool) []int64 {
			for m, d := range p.Descriptor.Measures {
				for at := range p.Version.Periods {
					v := d.Min - d.Mid()
					if high != rapid.Bool().Draw(t, "flip") {
						v = most[m] - d.Mid()
					}
					p.Values[m][at*p.Version.Entities+entity] = v
				}
			}
			return p.Run(plan)
		}
		before, after := record(false), record(true)
		budget := plantest.Must(noise.ParseEpsilon(terms.Epsilon))
		if terms.Delta != "" { // 2ρ = 1/σ² at a sensitivity of 1; taken at a large one, where rounding is small
			variance := plantest.Must(noise.GaussianVariance(big.NewInt(large), plantest.Must(noise.ParseEpsilon(terms.Epsilon)), plantest.Must(noise.ParseDelta(terms.Delta))))
			budget = variance.Quo(big.NewRat(large, 1), variance)
			budget.Mul(budget, big.NewRat(1_000_001, 1_000_000))
		}
		cost := new(big.Rat)
		for i := range before {
			change := big.NewRat(after[i]-before[i], 1)
			if terms.Delta != "" {
				change.Mul(change, change)
			}
			cost.Add(cost, change.Quo(change.Abs(change), plan.Noise[i/len(plan.Groups)].Param()))
		}
		if cost.Cmp(budget) > 0 {
			t.Fatalf("one record costs %s, the budget is %s", cost.FloatString(9), budget.FloatString(9))
		}
	})
}

// The scale is the full range × the periods of one entity × the columns ÷ ε: not
// less, and not more.
func TestScaleIsTheSensitivityOverEpsilon(t *testing.T) {
	p, planned := plantest.NoisedReadings(catalog.Noise{Epsilon: "0.25"})
	cells := int64(0)
	for _, g := range p.Verdict.PeriodGroups {
		for _, i := range g.Intervals {
			cells += i.To - i.From
		}
	}
	for i, law := range planned.Noise {
		m := p.Descriptor.Measures[planned.Columns[i]]
		want := big.NewRat((m.Max-m.Min)*cells*int64(len(planned.Columns))*4, 1)
		if law.Kind() != noise.KindLaplace || law.Param().Cmp(want) != 0 {
			t.Errorf("%s: %s, want scale %s", m.Name, law, want.RatString())
		}
	}
	_, gaussian := plantest.NoisedReadings(catalog.Noise{Epsilon: "0.25", Delta: "1e-9"})
	if gaussian.Noise[0].Kind() != noise.KindGaussian {
		t.Errorf("with a delta: %s", gaussian.Noise[0])
	}
	exact := plantest.FewReadings()
	if p := plantest.Must(plan.New(exact.Descriptor, exact.Layers(), exact.Verdict)); p.Noise != nil {
		t.Error("an exact plan has noise")
	} else if p.Digest() == planned.Digest() || planned.Digest() == gaussian.Digest() {
		t.Error("the plan's digest does not say which noise it has")
	}
}

// Widths that are of other columns, below 0, or of an exact verdict are none that a judge made.
func TestWidthsThatNoJudgeMadeAreRefused(t *testing.T) {
	for name, change := range map[string]func(v *catalog.Verdict){
		"of other columns":    func(v *catalog.Verdict) { v.Widths = append(v.Widths, 1) },
		"below 0":             func(v *catalog.Verdict) { v.Widths[0] = -1 },
		"of an exact verdict": func(v *catalog.Verdict) { v.Noise = nil },
	} {
		p, _ := plantest.NoisedReadings(catalog.Noise{Epsilon: "0.25"})
		p.Verdict.Widths = make([]int64, len(p.Verdict.Columns))
		if _, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); err != nil {
			t.Fatal(err)
		}
		change(&p.Verdict)
		if _, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); err == nil {
			t.Errorf("widths %s are taken", name)
		}
	}
}
