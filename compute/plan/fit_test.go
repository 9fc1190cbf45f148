package plan

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/he"
)

func parameters(t *testing.T) he.Parameters {
	t.Helper()
	p, err := he.NewParameters(he.DataParameters(3, 2))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// loans is a dataset of 50 firms and 12 months with amounts up to largest, in units of
// a cent.
func loans(largest int64) (catalog.Descriptor, catalog.Version) {
	d := catalog.Descriptor{
		Dataset: "loans", Grain: calendar.Month, Measures: []catalog.Measure{{Name: "loan", Max: largest, Decimals: 2}},
		Policy: catalog.Policy{Grain: calendar.Month, DP: &catalog.DP{EpsilonPerQuery: "1"}},
	}
	var v catalog.Version
	v.Dataset, v.Version, v.First, v.Periods, v.Entities = "loans", 1, 0, 12, 50
	v.Blocks = []catalog.Block{{Entities: 50, Periods: 12}}
	return d, v
}

// sum is the plan of one group of so many firms and months.
func sum(t *testing.T, d catalog.Descriptor, v catalog.Version, firms, months int, epsilon string) *Plan {
	t.Helper()
	assign := slices.Repeat([]int32{-1}, v.Entities)
	for e := range firms {
		assign[e] = 0
	}
	verdict := catalog.Verdict{
		Dataset: d.Dataset, Version: 1, Columns: []catalog.Column{{Measure: "loan"}},
		EntityGroups: []catalog.EntityGroup{{Of: firms}}, PeriodGroups: []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: 0, To: int64(months)}}}},
		Parts: []catalog.Part{{Class: -1}}, Assign: assignment.Pack(assign), Layers: []catalog.Layer{{Version: 1, Entities: v.Entities}},
	}
	if epsilon != "" {
		verdict.Noise = &catalog.Noise{Epsilon: epsilon}
	}
	plan, err := New(d, []Layer{{Version: v}}, verdict)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func number(t *testing.T, r *catalog.Refusal, name string) *big.Int {
	t.Helper()
	i := slices.IndexFunc(r.Numbers, func(n catalog.Number) bool { return n.Name == name })
	if i < 0 {
		t.Fatalf("refusal %+v has no %s", r, name)
	}
	n, ok := new(big.Int).SetString(r.Numbers[i].Value, 10)
	if !ok {
		t.Fatalf("%s is %q", name, r.Numbers[i].Value)
	}
	return n
}

// said reads what a fix says about one way out.
func said(t *testing.T, fix, form string) int {
	t.Helper()
	found := regexp.MustCompile(form).FindStringSubmatch(fix)
	if found == nil {
		t.Fatalf("the fix %q does not say %q", fix, form)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A sum of 29 amounts up to 10^14 yuan in cents leaves the plaintext space; of the
// part of them that the fix names it does not.
func TestOverflowIsRefusedAndItsFixFits(t *testing.T) {
	p := parameters(t)
	d, v := loans(1e16)
	if b, err := sum(t, d, v, 28, 1, "").Check(p, d); err != nil || b.Magnitude.Cmp(big.NewInt(28*5e15)) != 0 {
		t.Fatalf("28 cells: budget %+v, %v", b, err)
	}
	_, err := sum(t, d, v, 50, 12, "").Check(p, d)
	r := Refusal(fmt.Errorf("the query does not fit: %w", err))
	if r == nil || r.Kind != catalog.RefusedPolicy || r.Rule != RuleOverflow {
		t.Fatalf("%v: refusal %+v", err, r)
	}
	limit := new(big.Int).SetUint64((p.T() - 1) / 2)
	if m := number(t, r, "magnitude"); m.Cmp(big.NewInt(600*5e15)) != 0 || number(t, r, "limit").Cmp(limit) != 0 {
		t.Errorf("the magnitude is %v of %v, want 600 × 5·10^15 of %v", m, number(t, r, "limit"), limit)
	}
	n := said(t, explain.Fix(r), `at most 1/(\d+) of the cells`)
	if _, err := sum(t, d, v, 600/n/12, 12, "").Check(p, d); err != nil {
		t.Errorf("a %d-th of the cells: %v", n, err)
	}
	if _, err := sum(t, d, v, 600/(n-1)/12+1, 12, "").Check(p, d); err == nil {
		t.Errorf("a %d-th of the cells fits too", n-1)
	}
}

// The noise of a query needs room of its own. What is said of epsilon and of cells is
// each enough.
func TestNoiseThatWouldOverflowIsRefusedAndItsFixFits(t *testing.T) {
	p := parameters(t)
	for _, tc := range []struct {
		largest int64
		firms   int
		epsilon float64
	}{{1e14, 40, 0.2}, {1e14, 50, 0.45}, {1e14, 50, 0.1}, {4e14, 40, 0.4}} {
		d, v := loans(tc.largest)
		text := func(e float64) string { return strconv.FormatFloat(e, 'f', -1, 64) }
		_, err := sum(t, d, v, tc.firms, 12, text(tc.epsilon)).Check(p, d)
		r := Refusal(err)
		if r == nil || r.Rule != RuleOverflow {
			t.Fatalf("%+v: %v, refusal %+v", tc, err, r)
		}
		tail, limit := number(t, r, "noise_tail"), number(t, r, "limit")
		if cells := big.NewInt(int64(tc.firms) * 12 * tc.largest / 2); new(big.Int).Add(cells, tail).Cmp(number(t, r, "magnitude")) != 0 {
			t.Errorf("the magnitude %v is not %v cells and %v of noise", number(t, r, "magnitude"), cells, tail)
		}
		times := said(t, explain.Fix(r), `an epsilon (\d+) times as large`)
		if _, err := sum(t, d, v, tc.firms, 12, text(min(tc.epsilon*float64(times), 1))).Check(p, d); err != nil && tc.epsilon*float64(times) <= 1 {
			t.Errorf("%+v: with %d times the epsilon: %v", tc, times, err)
		}
		if tail.Cmp(limit) >= 0 {
			if !strings.Contains(explain.Fix(r), "a shorter time, which needs less noise") {
				t.Errorf("the noise alone is too large, and the fix is %q", explain.Fix(r))
			}
			if _, err := sum(t, d, v, tc.firms, 1, text(tc.epsilon)).Check(p, d); err != nil {
				t.Errorf("%+v: of one month: %v", tc, err)
			}
			continue
		}
		n := said(t, explain.Fix(r), `at most 1/(\d+) of the cells`)
		if _, err := sum(t, d, v, tc.firms/n, 12, text(tc.epsilon)).Check(p, d); err != nil {
			t.Errorf("%+v: a %d-th of the cells: %v", tc, n, err)
		}
	}
}

// As many tiles as a version may have are opened in one sum; one more is refused with
// the bits of noise, which no query gets to: the smudging is chosen for so many.
func TestTheNoiseOfTheLargestVersionFits(t *testing.T) {
	p := parameters(t)
	b, err := p.CheckLoad(he.Load{Tiles: catalog.MaxTiles, Magnitude: big.NewInt(catalog.MaxSum)})
	if err != nil || b.NoiseUsed >= b.NoiseAvailable || he.MaxTiles < catalog.MaxTiles {
		t.Fatalf("%d tiles: %+v, %v", catalog.MaxTiles, b, err)
	}
	_, err = p.CheckLoad(he.Load{Tiles: he.MaxTiles + 1})
	var noise *he.NoiseError
	r := Refusal(fmt.Errorf("the query does not fit: %w", err))
	if !errors.As(err, &noise) || r == nil || r.Rule != RuleNoise || r.Kind != catalog.RefusedPolicy {
		t.Fatalf("%v: refusal %+v", err, r)
	}
	if number(t, r, "tiles").Int64() != he.MaxTiles+1 || number(t, r, "max_tiles").Int64() != he.MaxTiles || said(t, explain.Fix(r), `at most (\d+) tiles`) != he.MaxTiles {
		t.Errorf("refusal %+v", r)
	}
	bits := func(name string) float64 {
		i := slices.IndexFunc(r.Numbers, func(n catalog.Number) bool { return n.Name == name })
		f, err := strconv.ParseFloat(r.Numbers[i].Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if bits("bits") < 170 || bits("limit") < 170 || bits("limit") > 180 { // of 180 bits of Q
		t.Errorf("numbers %v", r.Numbers)
	}
}

func TestPlansAndErrorsOfOtherKinds(t *testing.T) {
	r := Refusal(fmt.Errorf("the query cannot be planned: %w: more than %d slot maps", ErrTooLarge, MaxSlotMaps))
	if r == nil || r.Rule != RulePlan || number(t, r, "slot_maps").Int64() != MaxSlotMaps || explain.Fix(r) == "" {
		t.Errorf("refusal %+v", r)
	}
	if r := Refusal(errors.New("the disk is gone")); r != nil {
		t.Errorf("a lost disk is refused with %+v", r)
	}
	d, _ := loans(1e16)
	if b, err := (&Plan{}).Check(parameters(t), d); err != nil || b.Magnitude != nil {
		t.Errorf("a plan that opens nothing: %+v, %v", b, err)
	}
}

// Tests of portfolios multiply no more numbers than the members can send in time.
func TestTestsOfPortfoliosAreRefusedWithTheirNumbers(t *testing.T) {
	of := func(k, units int) *he.PieceStructure {
		test := &disclosure.Test{
			Moves:   []disclosure.TestMove{{Members: []int32{0, 1}}},
			Figures: []disclosure.TestFigure{{K: k, Steps: []disclosure.TestStep{{}}}},
		}
		for u := range int32(units) { //nolint:gosec // a test's
			test.Units = append(test.Units, disclosure.TestUnit{Members: []int32{2 * u, 2*u + 1}})
			test.Figures[0].Steps[0].Units = append(test.Figures[0].Steps[0].Units, int(u))
		}
		return TestStructure(test, 16)
	}
	if r := RefuseTest(of(5, 40)); r != nil {
		t.Fatalf("40 units: %+v", r)
	}
	r := RefuseTest(of(he.MaxCohortMinimum+1, 40))
	if r == nil || r.Rule != RuleTest || number(t, r, "min_cohort").Int64() != he.MaxCohortMinimum+1 || number(t, r, "limit").Int64() != he.MaxCohortMinimum {
		t.Fatalf("refusal %+v", r)
	}
	most := he.MaxPieceProducts / 48 // three products a unit and piece
	for RefuseTest(of(5, most)) != nil {
		most--
	}
	if most < he.MaxPieceProducts/48-10 {
		t.Errorf("%d units are the most", most)
	}
	r = RefuseTest(of(5, most+1))
	if r == nil || number(t, r, "products").Int64() <= he.MaxPieceProducts || number(t, r, "max_products").Int64() != he.MaxPieceProducts || explain.Fix(r) == "" {
		t.Errorf("refusal %+v", r)
	}
}
