package query

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// Replacing one entity's whole record by any other costs no more than epsilon:
// over all numbers of the released vector, Σ |change| / scale ≤ ε for Laplace
// noise, and Σ change²/2σ² ≤ ρ for Gaussian noise. The vector is the plan's own
// sums over tiles, so slot maps, groups and exclusions are what they are.
func TestOneEntitysRecordMovesTheReleaseByNoMoreThanEpsilon(t *testing.T) {
	const large = 1_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		for i := range p.descriptor.Measures {
			if m := &p.descriptor.Measures[i]; m.Max == m.Min {
				m.Max++
			}
		}
		if len(p.verdict.Columns) == 0 {
			return
		}
		terms := catalog.Noise{Epsilon: rapid.SampledFrom([]string{"1", "0.5", "0.07"}).Draw(t, "epsilon"),
			Delta: rapid.SampledFrom([]string{"", "1e-9"}).Draw(t, "delta")}
		p.verdict.Noise = &terms
		plan, err := NewPlan(p.descriptor, p.version, p.verdict)
		if err != nil {
			t.Fatal(err)
		}
		entity := rapid.IntRange(0, p.version.Entities-1).Draw(t, "entity")
		record := func(high bool) []int64 {
			for m, d := range p.descriptor.Measures {
				for at := range p.version.Periods {
					v := d.Min - d.Mid()
					if high != rapid.Bool().Draw(t, "flip") {
						v = d.Max - d.Mid()
					}
					p.values[m][at*p.version.Entities+entity] = v
				}
			}
			return p.run(plan)
		}
		before, after := record(false), record(true)
		budget := must(noise.ParseEpsilon(terms.Epsilon))
		if terms.Delta != "" { // 2ρ = 1/σ² at a sensitivity of 1; taken at a large one, where rounding is small
			variance := must(noise.GaussianVariance(big.NewInt(large), must(noise.ParseEpsilon(terms.Epsilon)), must(noise.ParseDelta(terms.Delta))))
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

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// noisedReadings is fewReadings with every period group a release of its own.
func noisedReadings(t *testing.T, terms catalog.Noise) (*panel, *Compiled, *Plan) {
	t.Helper()
	p, c := fewReadings()
	p.verdict.Noise = &terms
	return p, c, must(NewPlan(p.descriptor, p.version, p.verdict))
}

// The scale is the full range × the periods of one entity × the columns ÷ ε: not
// less, and not more.
func TestScaleIsTheSensitivityOverEpsilon(t *testing.T) {
	p, _, plan := noisedReadings(t, catalog.Noise{Epsilon: "0.25"})
	cells := int64(0)
	for _, g := range p.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			cells += i.To - i.From
		}
	}
	for i, law := range plan.Noise {
		m := p.descriptor.Measures[plan.Columns[i]]
		want := big.NewRat((m.Max-m.Min)*cells*int64(len(plan.Columns))*4, 1)
		if law.Kind() != noise.KindLaplace || law.Param().Cmp(want) != 0 {
			t.Errorf("%s: %s, want scale %s", m.Name, law, want.RatString())
		}
	}
	_, _, gaussian := noisedReadings(t, catalog.Noise{Epsilon: "0.25", Delta: "1e-9"})
	if gaussian.Noise[0].Kind() != noise.KindGaussian {
		t.Errorf("with a delta: %s", gaussian.Noise[0])
	}
	exact, _ := fewReadings()
	if p := must(NewPlan(exact.descriptor, exact.version, exact.verdict)); p.Noise != nil {
		t.Error("an exact plan has noise")
	} else if p.Digest() == plan.Digest() || plan.Digest() == gaussian.Digest() {
		t.Error("the plan's digest does not say which noise it has")
	}
}

// A noised figure may leave the range by what noise there may be and no more,
// and says how far off it may be; an exact one may not.
func TestNoisedTableAllowsForTheNoiseAndStatesIt(t *testing.T) {
	const nodes = 2
	p, c, plan := noisedReadings(t, catalog.Noise{Epsilon: "0.25", Delta: "1e-9"})
	sums := p.run(plan)
	in := p.input(t, sums)
	in.Nodes = nodes
	_, tail, err := plan.Room(p.descriptor, nodes)
	if err != nil {
		t.Fatal(err)
	}
	m := p.descriptor.Measures[plan.Columns[0]]
	sums[0] += tail.Int64()
	if _, err := c.Table(in); err != nil {
		t.Errorf("noise within its tail: %v", err)
	}
	sums[0] += (m.Max - m.Min) * int64(p.version.Entities*p.version.Periods+1)
	var fault *CheckError
	if _, err := c.Table(in); !errors.As(err, &fault) {
		t.Errorf("beyond range and noise: %v", err)
	}
	in.Sums = p.run(plan)
	table, err := c.Table(in)
	if err != nil {
		t.Fatal(err)
	}
	text := must(noise.Describe(plan.Noise[0], nodes, m.Decimals))
	if table.Noise == nil || table.Noise.Epsilon != "0.25" || table.Noise.Sums[0].Description != text || len(table.Interval95) != len(table.Rows) {
		t.Fatalf("table %+v", table.Noise)
	}
	var csv, words, js bytes.Buffer
	for _, err := range []error{table.WriteCSV(&csv), table.WriteText(&words), table.WriteJSON(&js)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if head, _, _ := strings.Cut(csv.String(), "\n"); !strings.Contains(head, "_interval95") {
		t.Errorf("CSV %s", csv.String())
	}
	for _, want := range []string{" ± ", "noised: epsilon 0.25, delta 1e-9", "discrete_gaussian", text.StandardDeviation, "from each of 2 nodes"} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("no %q in\n%s", want, words.String())
		}
	}
	for _, want := range []string{`"interval95":[[`, `"standard_deviation":"` + text.StandardDeviation, `"epsilon":"0.25"`} {
		if !strings.Contains(js.String(), want) {
			t.Errorf("no %s in %s", want, js.String())
		}
	}
	in.Verdict.Noise = nil // an exact verdict with a noised plan
	if _, err := c.Table(in); err == nil {
		t.Error("a noised plan was taken for an exact verdict")
	}
}

// The interval of an average is the sum's over the count, rounded up.
func TestIntervalOfAnAverageIsTheSumsDividedByTheCount(t *testing.T) {
	f := figures{measure: catalog.Measure{Decimals: 1}, counts: []int64{3, 0}, half: big.NewInt(10)}
	for _, c := range []struct {
		fn    string
		group int
		want  any
	}{{"sum", 0, "1.0"}, {"avg", 0, "0.333333333334"}, {"count", 0, nil}, {"sum", 1, nil}} {
		if got := f.interval(c.fn, c.group); got != c.want {
			t.Errorf("%s of group %d: %v, want %v", c.fn, c.group, got, c.want)
		}
	}
}
