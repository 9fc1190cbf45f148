package query

import (
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/noise"
)

// vectored is a panel whose verdict names private vectors, with their numbers.
type vectored struct {
	*panel
	numbers map[string][]int64 // by vector, of as many entities as it covers
}

// drawVectored turns a panel's verdict into a private one: of a selector, exact or
// noised, or of weights, with some plain columns beside them.
func drawVectored(t *rapid.T) *vectored {
	p := &vectored{panel: drawPanel(t), numbers: map[string][]int64{}}
	p.descriptor.Policy.Public = rapid.Bool().Draw(t, "public")
	p.descriptor.Policy.Grain = rapid.SampledFrom([]catalog.Grain{catalog.GrainMonth, catalog.GrainQuarter, catalog.GrainYear}).Draw(t, "policy's grain")
	measures := p.verdict.Columns
	p.verdict.Columns, p.verdict.Exclusions = nil, nil
	weighted := rapid.Bool().Draw(t, "weighted")
	if weighted || rapid.Bool().Draw(t, "noised") {
		p.verdict.Noise = &catalog.Noise{Epsilon: "1"}
	}
	add := func(c catalog.Column) { p.verdict.Columns = append(p.verdict.Columns, c) }
	if !weighted {
		p.addVector(t, "v-in", 1)
		p.verdict.In = "v-in"
		for _, c := range measures {
			add(c)
			add(catalog.Column{Measure: c.Measure, Count: true})
		}
		add(catalog.Column{Count: true})
		p.drawExclusions(t)
		return p
	}
	for i, c := range measures {
		if i > 0 && rapid.Bool().Draw(t, "plain") {
			add(c)
			continue
		}
		id := rapid.SampledFrom([]string{"v-a", "v-b"}).Draw(t, "weights")
		p.addVector(t, id, rapid.IntRange(1, 20).Draw(t, "bits"))
		add(catalog.Column{Measure: c.Measure, Weight: id})
		add(catalog.Column{Measure: c.Measure, Count: true, Weight: id})
	}
	p.addVector(t, "v-c", 5)
	add(catalog.Column{Count: true, Weight: "v-c"})
	p.drawExclusions(t)
	return p
}

// drawExclusions leaves parts out of measures, and so out of all their columns.
func (p *vectored) drawExclusions(t *rapid.T) {
	for range rapid.IntRange(0, 4).Draw(t, "left out") {
		m := rapid.SampledFrom(p.descriptor.Measures).Draw(t, "of").Name
		part := rapid.IntRange(0, len(p.verdict.Parts)-1).Draw(t, "part")
		from := p.version.First + int64(rapid.IntRange(-2, p.version.Periods).Draw(t, "from"))
		to := from + int64(rapid.IntRange(1, 9).Draw(t, "length"))
		for i, c := range p.verdict.Columns {
			if c.Measure == m {
				p.verdict.Exclusions = append(p.verdict.Exclusions,
					catalog.Exclusion{Column: i, Part: part, Intervals: []catalog.Interval{{From: from, To: to}}})
			}
		}
	}
}

func (p *vectored) addVector(t *rapid.T, id string, bits int) {
	if p.numbers[id] != nil {
		return
	}
	use := catalog.VectorUse{ID: id, Name: id[2:], Bits: bits, Decimals: rapid.IntRange(0, 2).Draw(t, "decimals of "+id),
		Entities: rapid.IntRange(1, p.version.Entities+3).Draw(t, "entities of "+id)}
	if bits == 1 {
		use.Decimals = 0
	}
	numbers := make([]int64, use.Entities)
	for e := range numbers {
		numbers[e] = rapid.Int64Range(0, 1<<bits-1).Draw(t, "number")
	}
	p.numbers[id], p.verdict.Vectors = numbers, append(p.verdict.Vectors, use)
}

// number is what multiplies an entity's cells in a column.
func (p *vectored) number(c catalog.Column, entity int) int64 {
	id := c.Weight
	if id == "" {
		id = p.verdict.In
	}
	switch {
	case id == "":
		return 1
	case entity >= len(p.numbers[id]):
		return 0
	}
	return p.numbers[id][entity]
}

// has reports whether a cell is in a column of counts, its group aside: present,
// and of an entity that counts in the policy's period, where that is asked for.
func (p *vectored) has(c catalog.Column, entity, period int) bool {
	bit := func(m, at int) bool { return p.present[m].Test(uint(at*p.version.Entities + entity)) } //nolint:gosec // not negative
	if c.Measure == "" {
		for m := range p.present {
			if bit(m, period) {
				return true
			}
		}
		return false
	}
	m := 0
	for p.descriptor.Measures[m].Name != c.Measure {
		m++
	}
	if !bit(m, period) || p.verdict.In == "" || p.verdict.Noise != nil || p.descriptor.Policy.Public {
		return bit(m, period)
	}
	policy := func(at int) int64 {
		return catalog.GrainMonth.In(p.version.First+int64(at), p.descriptor.Policy.Grain)
	}
	have, of := 0, 0
	for at := range p.version.Periods {
		if policy(at) != policy(period) {
			continue
		}
		of++
		if bit(m, at) {
			have++
		}
	}
	return 2*have >= of
}

// truth adds up a private verdict's columns cell by cell.
func (p *vectored) truth() []int64 {
	groups := p.groups()
	out := make([]int64, len(groups)*len(p.verdict.Columns))
	for c, kind := range p.verdict.Columns {
		for at := range p.version.Periods {
			for e := range p.version.Entities {
				g := p.panel.number(groups, c, e, at)
				if g < 0 || !p.has(kind, e, at) {
					continue
				}
				cell := int64(1)
				if !kind.Count {
					cell = p.values[p.measure(c)][at*p.version.Entities+e]
				}
				out[c*len(groups)+g] += cell * p.number(kind, e)
			}
		}
	}
	return out
}

// run computes a private plan on plaintext, as nodes do on shares.
func (p *vectored) run(t *rapid.T, plan *Plan) []int64 {
	out := make([]int64, plan.Width)
	for c := range plan.Columns {
		sums := out[c*len(plan.Groups) : (c+1)*len(plan.Groups)]
		if plan.Kinds[c].Count {
			for _, n := range plan.CountCells(c) {
				sums[n.Group] += n.Cells * p.number(plan.Kinds[c], int(n.Entity))
			}
			continue
		}
		cells := plan.SumCells(c)
		for _, a := range plan.Accumulators {
			if a.Column != c {
				continue
			}
			slots := make([]int64, Slots)
			for _, k := range a.Tiles {
				for i, v := range p.tile(plan.Columns[c], a.Block, k) {
					slots[i] += v
				}
			}
			for i, v := range slots {
				if cells[i].Group >= 0 {
					sums[cells[i].Group] += v * p.number(plan.Kinds[c], int(cells[i].Entity))
				}
			}
			cells = cells[Slots:]
		}
		if len(cells) > 0 {
			t.Fatalf("column %d has %d cells that belong to no accumulator", c, len(cells))
		}
	}
	return out
}

func TestPrivatePlanSumsExactlyWhatIsSelected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawVectored(t)
		plan, err := NewPrivatePlan(p.descriptor, p.version, p.verdict, p)
		if err != nil {
			t.Fatal(err)
		}
		got := p.run(t, plan)
		if diff := cmp.Diff(p.truth(), got); diff != "" {
			t.Fatalf("sums (-naive +plan):\n%s", diff)
		}
		again, err := NewPrivatePlan(p.descriptor, p.version, p.verdict, p)
		if err != nil || again.Digest() != plan.Digest() {
			t.Fatalf("planned again, the digest differs (error %v)", err)
		}
		most := plan.Magnitude(p.descriptor)
		for i, v := range got {
			if v := new(big.Int).Abs(big.NewInt(v)); v.Cmp(most) > 0 {
				t.Fatalf("element %d is %s, more than the magnitude %s", i, v, most)
			}
		}
		if !plan.Private() {
			t.Fatal("the plan says that it carries a parity number")
		}
		for i, law := range plan.Noise {
			if plan.Kinds[i].Count != (law.Kind() == 0) {
				t.Fatalf("column %+v has noise of law %s", plan.Kinds[i], law)
			}
		}
	})
}

// One entity's record moves a weighted sum by its whole range (1,000) in each of
// its 3 cells times the largest weight, whatever the weights are: the noise must be
// scaled to that. Counts share none of the budget.
func TestNoiseOfWeightedSumsIsScaledToTheLargestWeight(t *testing.T) {
	p := weightedPanel(t)
	for bits, largest := range map[int]int64{1: 1, 2: 3, 16: 1<<16 - 1} {
		p.verdict.Vectors[0].Bits = bits
		plan := must(NewPrivatePlan(p.descriptor, p.version, p.verdict, p))
		want := must(noise.NewLaplace(big.NewRat(3*1000*largest, 1)))
		if got := plan.Noise[0]; got.String() != want.String() {
			t.Errorf("with %d bits the noise is %s, want %s", bits, got, want)
		}
	}
}

func TestPrivateVerdictsThatDoNotFitAreNotPlanned(t *testing.T) {
	cases := map[string]func(v *catalog.Verdict){
		"its vector is not described": func(v *catalog.Verdict) { v.Vectors = nil },
		"a selector of two bits": func(v *catalog.Verdict) {
			v.In, v.Columns = "v-w", []catalog.Column{{Count: true}}
			v.Vectors[0].Bits = 2
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
		"an exclusion of no such column": func(v *catalog.Verdict) { v.Exclusions = []catalog.Exclusion{{Column: 9}} },
	}
	for name, change := range cases {
		p := weightedPanel(t)
		change(&p.verdict)
		if plan, err := NewPrivatePlan(p.descriptor, p.version, p.verdict, p); err == nil {
			t.Errorf("%s: planned as %+v", name, plan)
		}
	}
	p := weightedPanel(t)
	if _, err := NewPlan(p.descriptor, p.version, p.verdict); !errors.Is(err, ErrPresence) {
		t.Errorf("without presence the error is %v", err)
	}
	short := *p.panel
	p.descriptor.Measures = append(p.descriptor.Measures, catalog.Measure{Name: "more", Max: 1})
	if _, err := NewPrivatePlan(p.descriptor, p.version, p.verdict, &short); err == nil {
		t.Error("presence of another number of measures was accepted")
	}
}

// The digest tells plans apart that differ in a vector alone.
func TestPlanDigestCoversTheVectors(t *testing.T) {
	digest := func(change func(p *vectored)) catalog.Digest {
		p := weightedPanel(t)
		change(p)
		return must(NewPrivatePlan(p.descriptor, p.version, p.verdict, p)).Digest()
	}
	seen := map[catalog.Digest]string{digest(func(*vectored) {}): "as it is"}
	for name, change := range map[string]func(p *vectored){
		"another length": func(p *vectored) { p.verdict.Vectors[0].Entities-- },
		"another id": func(p *vectored) {
			p.verdict.Vectors[0].ID = "v-x"
			for i := range p.verdict.Columns {
				p.verdict.Columns[i].Weight = "v-x"
			}
		},
		"another presence": func(p *vectored) { p.present[0].Clear(0) },
		"another kind":     func(p *vectored) { p.verdict.Columns = p.verdict.Columns[:2] },
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
	p := weightedPanel(t)
	p.verdict.Vectors[0].Bits = 4
	plan := must(NewPrivatePlan(p.descriptor, p.version, p.verdict, p))
	stated := must(plan.NoiseOf(p.descriptor, 2))[0]
	half, ok := new(big.Rat).SetString(stated.Interval95)
	if !ok || stated.Nodes != 2 {
		t.Fatalf("stated noise %+v", stated)
	}
	const answers = 1000
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p.descriptor.Measures[0].Decimals+p.verdict.Vectors[0].Decimals)), nil)
	within := 0
	for range answers {
		off := new(big.Int)
		for range 2 {
			draw := must(noise.Vector(rand.Reader, plan.Noise[0], 1))
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

// The shares of what a vector multiplies are held all at once, so there is a limit.
func TestPlansThatWouldHoldTooMuchAreRefused(t *testing.T) {
	p := &Plan{Accumulators: make([]Accumulator, MaxSingles+1), private: &private{vectors: []catalog.VectorUse{{ID: "v-w", Bits: 1}}}}
	if err := p.checkHeld(); !errors.Is(err, ErrPlanTooLarge) {
		t.Errorf("%d sums to multiply: %v, want %v", MaxSingles+1, err, ErrPlanTooLarge)
	}
	p.private = nil
	if err := p.checkHeld(); err != nil {
		t.Errorf("sums that are folded at once: %v", err)
	}
}
