package result

import (
	"math/big"
	"testing"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// TestStatisticsOfOneRecordCostNoMoreThanEpsilon: squares, products, sums over
// common cells and counts of buckets of one site, with any readings and then any
// others in the same cells, over all numbers of the release.
func TestStatisticsOfOneRecordCostNoMoreThanEpsilon(t *testing.T) {
	longrun.Only(t)
	const large = 1_000_000_000_000
	items := []string{"SUM(x)", "VAR_POP(x)", "VAR_POP(y)", "CORR(x, y)", "COVAR_POP(x, y)", "HISTOGRAM(x)", "MEDIAN(y)"}
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		r.noise = &catalog.Noise{Epsilon: rapid.SampledFrom([]string{"1", "0.3"}).Draw(t, "epsilon"), Delta: rapid.SampledFrom([]string{"", "1e-9"}).Draw(t, "delta")}
		sql := ""
		for _, item := range rapid.Permutation(items).Draw(t, "items")[:rapid.IntRange(1, len(items)).Draw(t, "number")] {
			sql += ", " + item
		}
		c := mustCompileOn(t, "SELECT site, date_trunc('year', period) AS year"+sql+" FROM d GROUP BY site, year", r.d)
		site := rapid.IntRange(0, r.sites-1).Draw(t, "site")
		release := func() Input {
			for m := range r.cells {
				d := r.d.Measures[m]
				for p := range r.cells[m] {
					if r.cells[m][p][site] != nil {
						v := rapid.SampledFrom([]int64{d.Min, d.Mid(), d.Max, d.Max}).Draw(t, "reading")
						r.cells[m][p][site] = &v
					}
				}
			}
			in, err := r.input(c)
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		before, after := release(), release()
		budget := plantest.Must(noise.ParseEpsilon(r.noise.Epsilon))
		if r.noise.Delta != "" {
			variance := plantest.Must(noise.GaussianVariance(big.NewInt(large), plantest.Must(noise.ParseEpsilon(r.noise.Epsilon)), plantest.Must(noise.ParseDelta(r.noise.Delta))))
			budget = variance.Quo(big.NewRat(large, 1), variance)
			budget.Mul(budget, big.NewRat(1_000_001, 1_000_000))
		}
		cost, groups := new(big.Rat), len(before.Plan.Groups)
		for i := range before.Sums {
			change := big.NewRat(after.Sums[i]-before.Sums[i], 1)
			if r.noise.Delta != "" {
				change.Mul(change, change)
			}
			cost.Add(cost, change.Quo(change.Abs(change), before.Plan.Noise[i/groups].Param()))
		}
		if cost.Cmp(budget) > 0 {
			t.Fatalf("one record costs %s of %s", cost.FloatString(9), budget.FloatString(9))
		}
	})
}

// TestBucketsShareTheirPartOfTheBudget: a reading that changes its bucket moves two
// numbers by one, whatever number of buckets there are, and that costs all of it.
func TestBucketsShareTheirPartOfTheBudget(t *testing.T) {
	r := &readingsOf{first: 600, sites: 1, d: readingsDescriptor(), noise: &catalog.Noise{Epsilon: "1"}}
	low, high := r.d.Measures[0].Min, r.d.Measures[0].Max
	for m := range r.cells {
		for range 12 {
			r.cells[m] = append(r.cells[m], []*int64{&low})
		}
		r.present[m] = bitset.MustNew(12).SetAll()
	}
	c := mustCompileOn(t, "SELECT HISTOGRAM(x), SUM(y) FROM d GROUP BY site", r.d)
	before := plantest.Must(r.input(c))
	for p := range r.cells[0] {
		r.cells[0][p][0] = &high
	}
	after := plantest.Must(r.input(c))
	cost := new(big.Rat)
	for i := range before.Sums {
		if before.Plan.Kinds[i].Bucket > 0 {
			change := big.NewRat(after.Sums[i]-before.Sums[i], 1)
			cost.Add(cost, change.Quo(change.Abs(change), before.Plan.Noise[i].Param()))
		}
	}
	if cost.Cmp(big.NewRat(1, 2)) != 0 {
		t.Errorf("all readings of a site in another bucket cost %s, want half of the budget", cost)
	}
}
