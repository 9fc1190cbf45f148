package plan_test

import (
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
)

func TestPrivatePlanSumsExactlyWhatIsSelected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawVectored(t)
		planned, err := plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Run(planned)
		if diff := cmp.Diff(p.Truth(), got); diff != "" {
			t.Fatalf("sums (-naive +plan):\n%s", diff)
		}
		again, err := plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil || again.Digest() != planned.Digest() {
			t.Fatalf("planned again, the digest differs (error %v)", err)
		}
		most := planned.Explain(p.Descriptor).Magnitude
		for i, v := range got {
			if v := new(big.Int).Abs(big.NewInt(v)); v.Cmp(most) > 0 {
				t.Fatalf("element %d is %s, more than the magnitude %s", i, v, most)
			}
		}
		if !planned.Private() {
			t.Fatal("the plan says that it carries a parity number")
		}
		for i, law := range planned.Noise {
			if planned.Kinds[i].Count != (law.Kind() == 0) {
				t.Fatalf("column %+v has noise of law %s", planned.Kinds[i], law)
			}
		}
	})
}

// One entity's record moves a weighted sum by its whole range (1,000) in each of
// its 3 cells times the largest weight, whatever the weights are: the noise must be
// scaled to that. Counts share none of the budget.
func TestNoiseOfWeightedSumsIsScaledToTheLargestWeight(t *testing.T) {
	p := plantest.WeightedPanel(t)
	for bits, largest := range map[int]int64{1: 1, 2: 3, 16: 1<<16 - 1} {
		p.Verdict.Vectors[0].Bits = bits
		plan := plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict))
		want := plantest.Must(noise.NewLaplace(big.NewRat(3*1000*largest, 1)))
		if got := plan.Noise[0]; got.String() != want.String() {
			t.Errorf("with %d bits the noise is %s, want %s", bits, got, want)
		}
	}
}

func TestPrivateVerdictsThatDoNotFitAreNotPlanned(t *testing.T) {
	cases := map[string]func(v *catalog.Verdict){
		"its vector is not described": func(v *catalog.Verdict) { v.Vectors = nil },
		"a selector of two bits in one piece": func(v *catalog.Verdict) {
			v.In, v.Columns = "v-w", []catalog.Column{{Count: true}}
			v.Vectors[0].Bits, v.Vectors[0].Pieces = 2, 1
		},
		"a selector without pieces": func(v *catalog.Verdict) {
			v.In, v.Columns = "v-w", []catalog.Column{{Count: true}}
			v.Vectors[0].Bits, v.Vectors[0].Pieces = 1, 0
		},
		"weights of no bits":             func(v *catalog.Verdict) { v.Vectors[0].Bits = 0 },
		"weights of 33 bits":             func(v *catalog.Verdict) { v.Vectors[0].Bits = 33 },
		"weights of no entities":         func(v *catalog.Verdict) { v.Vectors[0].Entities = 0 },
		"decimals nobody can show":       func(v *catalog.Verdict) { v.Vectors[0].Decimals = 10 },
		"a selector and weights":         func(v *catalog.Verdict) { v.In = "v-w" },
		"a column twice":                 func(v *catalog.Verdict) { v.Columns = append(v.Columns, v.Columns[0]) },
		"a count that is public anyhow":  func(v *catalog.Verdict) { v.Columns = append(v.Columns, catalog.Column{Count: true}) },
		"a column of no measure at all":  func(v *catalog.Verdict) { v.Columns = append(v.Columns, catalog.Column{Weight: "v-w"}) },
		"a count of an unknown measure":  func(v *catalog.Verdict) { v.Columns[1].Measure = "zz" },
		"an exclusion of no such column": func(v *catalog.Verdict) { v.Layers[0].Exclusions = []catalog.Exclusion{{Column: 9}} },
	}
	for name, change := range cases {
		p := plantest.WeightedPanel(t)
		change(&p.Verdict)
		if plan, err := plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict); err == nil {
			t.Errorf("%s: planned as %+v", name, plan)
		}
	}
	p := plantest.WeightedPanel(t)
	if _, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); !errors.Is(err, plan.ErrPresence) {
		t.Errorf("without presence the error is %v", err)
	}
	short := *p.Panel
	p.Descriptor.Measures = append(p.Descriptor.Measures, catalog.Measure{Name: "more", Max: 1})
	if _, err := plan.NewPrivate(p.Descriptor, []plan.Layer{{Version: p.Version, Presence: &short}}, p.Verdict); err == nil {
		t.Error("presence of another number of measures was accepted")
	}
}

// The digest tells plans apart that differ in a vector alone.
func TestPlanDigestCoversTheVectors(t *testing.T) {
	digest := func(change func(p *plantest.Vectored)) catalog.Digest {
		p := plantest.WeightedPanel(t)
		change(p)
		return plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)).Digest()
	}
	seen := map[catalog.Digest]string{digest(func(*plantest.Vectored) {}): "as it is"}
	for name, change := range map[string]func(p *plantest.Vectored){
		"another length": func(p *plantest.Vectored) { p.Verdict.Vectors[0].Entities-- },
		"another id": func(p *plantest.Vectored) {
			p.Verdict.Vectors[0].ID = "v-x"
			for i := range p.Verdict.Columns {
				p.Verdict.Columns[i].Weight = "v-x"
			}
		},
		"another presence": func(p *plantest.Vectored) { p.Present[0].Clear(0) },
		"another kind":     func(p *plantest.Vectored) { p.Verdict.Columns = p.Verdict.Columns[:2] },
	} {
		d := digest(change)
		if other := seen[d]; other != "" {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}

// Weighted sums are within the stated interval of the exact ones as often as it says,
// with the noise of two nodes, over 1,000 answers.
func TestWeightedSumsLieWithinTheirStatedNoise(t *testing.T) {
	p := plantest.WeightedPanel(t)
	p.Verdict.Vectors[0].Bits = 4
	plan := plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict))
	stated := plantest.Must(plan.NoiseOf(p.Descriptor, 2))[0]
	half, ok := new(big.Rat).SetString(stated.Interval95)
	if !ok || stated.Nodes != 2 {
		t.Fatalf("stated noise %+v", stated)
	}
	const answers = 1000
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p.Descriptor.Measures[0].Decimals+p.Verdict.Vectors[0].Decimals)), nil)
	within := 0
	for range answers {
		off := new(big.Int)
		for range 2 {
			draw := plantest.Must(noise.Vector(rand.Reader, plan.Noise[0], 1))
			off.Add(off, big.NewInt(draw.Values[0]))
		}
		if new(big.Rat).SetFrac(off.Abs(off), unit).Cmp(half) <= 0 {
			within++
		}
	}
	// Six standard deviations of a binomial distribution of 0.95.
	if within < 909 || within > 991 {
		t.Errorf("%d of %d answers are within the stated interval of 95 %%", within, answers)
	}
}
