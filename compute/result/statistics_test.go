package result

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// pairs are a site's readings as decimals, both where both is set.
func (r *readingsOf) pairs(x, y string, site, from, to int, both bool) (xs, ys []*big.Rat) {
	of := func(m, p int) *big.Rat {
		v := r.cells[m][p][site]
		if v == nil {
			return nil
		}
		return plantest.Rat(*v, r.d.Measures[m].Decimals)
	}
	for p := from; p < to; p++ {
		a, b := of(r.measure(x), p), (*big.Rat)(nil)
		if both {
			b = of(r.measure(y), p)
		}
		if a != nil && (b != nil || !both) {
			xs, ys = append(xs, a), append(ys, b)
		}
	}
	return xs, ys
}

func meanOf(list []*big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, v := range list {
		sum.Add(sum, v)
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(int64(len(list))))
}

// coSum is Σ (x − x̄)(y − ȳ).
func coSum(xs, ys []*big.Rat) *big.Rat {
	mx, my, sum := meanOf(xs), meanOf(ys), new(big.Rat)
	for i := range xs {
		sum.Add(sum, new(big.Rat).Mul(new(big.Rat).Sub(xs[i], mx), new(big.Rat).Sub(ys[i], my)))
	}
	return sum
}

// rounded12 is a rational or, with root, its square root to 12 places; nil: NULL.
func rounded12(v *big.Rat, root bool) any {
	if !root {
		return v.FloatString(12)
	}
	f := new(big.Float).SetPrec(400).SetRat(new(big.Rat).Abs(v))
	f.Sqrt(f)
	if v.Sign() < 0 {
		f.Neg(f)
	}
	exact, _ := f.Rat(nil)
	return exact.FloatString(12)
}

func quoRat(v *big.Rat, n int64) *big.Rat { return new(big.Rat).Quo(v, new(big.Rat).SetInt64(n)) }

// oneMeasureTruth is what the statistics of one measure should be.
func oneMeasureTruth(form string, xs []*big.Rat) any {
	n := int64(len(xs))
	sample := strings.HasSuffix(form, "samp") || form == "stderr"
	if n == 0 || sample && n == 1 {
		return nil
	}
	divide := n
	if sample {
		divide--
	}
	if form == "stderr" {
		divide *= n
	}
	return rounded12(quoRat(coSum(xs, xs), divide), strings.HasPrefix(form, "std"))
}

// TestStatisticsOfOneMeasureEqualPlainLoops, months with gaps, one reading and
// readings that do not vary included.
func TestStatisticsOfOneMeasureEqualPlainLoops(t *testing.T) {
	forms := []string{"var_pop", "var_samp", "stddev_pop", "stddev_samp", "stderr"}
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		var items []string
		for _, f := range forms {
			items = append(items, f+"(x)", f+"(y)")
		}
		table := r.tableOf(t, "SELECT site, "+strings.Join(items, ", ")+" FROM d GROUP BY site")
		for _, row := range table.Rows {
			site := int(row[0].(string)[1] - '0')
			for i, f := range forms {
				for j, m := range []string{"x", "y"} {
					xs, _ := r.pairs(m, "", site, 0, len(r.cells[0]), false)
					if want := oneMeasureTruth(f, xs); row[1+2*i+j] != want {
						t.Fatalf("%s(%s) of site %d is %v, want %v of %v", f, m, site, row[1+2*i+j], want, xs)
					}
				}
			}
		}
	})
}

// TestBucketsEqualPlainLoops: a bound belongs to the bucket below it, the reading at
// a quantile's rank lies within its bound, and the figure too.
func TestBucketsEqualPlainLoops(t *testing.T) {
	bounds := []string{"0", "12.5", "99.9"}
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		q := rapid.SampledFrom([]string{"0", "0.1", "0.25", "0.5", "0.99", "1"}).Draw(t, "q")
		table := r.tableOf(t, "SELECT site, HISTOGRAM(x), EXCEEDANCE(x, 12.50), MEDIAN(x), QUANTILE(x, "+q+"), COUNT(x) FROM d GROUP BY site")
		for i, row := range table.Rows {
			xs, _ := r.pairs("x", "", int(row[0].(string)[1]-'0'), 0, len(r.cells[0]), false)
			slices.SortFunc(xs, func(a, b *big.Rat) int { return a.Cmp(b) })
			counts, above := make([]int64, 4), int64(0)
			for _, x := range xs {
				b, _ := slices.BinarySearchFunc(bounds, x, func(text string, x *big.Rat) int { v, _ := aggregate.ParseNumber(text); return v.Cmp(x) })
				counts[b]++
				above += int64(b2i(x.Cmp(big.NewRat(125, 10)) > 0))
			}
			for b, n := range counts {
				if row[1+b] != n {
					t.Fatalf("bucket %d has %v, want %d of %v", b+1, row[1+b], n, xs)
				}
			}
			if len(xs) == 0 {
				if row[5] != nil || row[6] != nil || row[7] != nil || table.Bounds[i][6] != nil {
					t.Fatalf("statistics of nothing: %v", row)
				}
				continue
			}
			if want := big.NewRat(above, int64(len(xs))).FloatString(12); row[5] != want {
				t.Fatalf("exceedance %v, want %s", row[5], want)
			}
			for at, text := range map[int]string{6: "0.5", 7: q} {
				quantile, _ := aggregate.ParseNumber(text)
				rank := quantile.Mul(quantile, new(big.Rat).SetInt64(int64(len(xs))))
				k := 0 // of the smallest reading up to which there are rank of them
				for new(big.Rat).SetInt64(int64(k+1)).Cmp(rank) < 0 {
					k++
				}
				ends := table.Bounds[i][at].([2]string)
				low, _ := new(big.Rat).SetString(ends[0])
				high, _ := new(big.Rat).SetString(ends[1])
				got, _ := new(big.Rat).SetString(row[at].(string))
				if shown := row[at].(string); len(shown)-strings.Index(shown, ".") != len(ends[0])-strings.Index(ends[0], ".") {
					t.Fatalf("quantile %s has other decimals than the ends of its bucket %v", shown, ends)
				}
				if xs[k].Cmp(low) < 0 || xs[k].Cmp(high) > 0 || got.Cmp(low) < 0 || got.Cmp(high) > 0 {
					t.Fatalf("quantile %s is %v in %v, the reading of rank %d is %s", text, row[at], ends, k+1, xs[k].FloatString(2))
				}
			}
		}
	})
}

// TestHavingShareAndYearOnYear over released rows.
func TestHavingShareAndYearOnYear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawReadings(t)
		all := r.tableOf(t, "SELECT site, date_trunc('year', period) AS year, SUM(x), SHARE_OF_TOTAL(SUM(x)), YEAR_ON_YEAR(SUM(x)), VAR_SAMP(x), COUNT(x) FROM d GROUP BY site, year")
		total := new(big.Rat)
		sums := map[string]*big.Rat{}
		for _, row := range all.Rows {
			if row[2] == nil {
				continue
			}
			v, _ := new(big.Rat).SetString(row[2].(string))
			sums[fmt.Sprint(row[0], row[1])] = v
			total.Add(total, v)
		}
		var kept [][]any
		for _, row := range all.Rows {
			v := sums[fmt.Sprint(row[0], row[1])]
			var share, change any
			var year int
			if _, err := fmt.Sscan(row[1].(string), &year); err != nil {
				t.Fatal(err)
			}
			if v != nil && total.Sign() != 0 {
				share = new(big.Rat).Quo(v, total).FloatString(12)
			}
			if u := sums[fmt.Sprintf("%s%04d", row[0], year-1)]; v != nil && u != nil && u.Sign() != 0 {
				d := new(big.Rat).Sub(v, u)
				change = d.Quo(d, new(big.Rat).Abs(u)).FloatString(12)
			}
			if row[3] != share || row[4] != change {
				t.Fatalf("%v: share %v, change %v", row, share, change)
			}
			// NULL is neither above nor not above.
			variance, _ := row[5].(string)
			w, ok := new(big.Rat).SetString(variance)
			if ok && w.Cmp(big.NewRat(225, 4)) > 0 || row[6].(int64) <= 2 && (!ok || w.Cmp(big.NewRat(100, 1)) != 0) {
				kept = append(kept, row)
			}
		}
		some := r.tableOf(t, `SELECT site, date_trunc('year', period) AS year, SUM(x), SHARE_OF_TOTAL(SUM(x)), YEAR_ON_YEAR(SUM(x)), VAR_SAMP(x) AS v, COUNT(x)
			FROM d GROUP BY site, year HAVING STDDEV_SAMP(x) > 7.5 OR COUNT(x) <= 2 AND NOT (COUNT(x) > 2) AND NOT v = 100 OR COUNT(x) < 2`)
		if fmt.Sprint(some.Rows) != fmt.Sprint(kept) {
			t.Fatalf("HAVING keeps %v, want %v", some.Rows, kept)
		}
	})
}

// TestImpossibleStatisticsAreNotPrinted: what no readings can give was damaged.
func TestImpossibleStatisticsAreNotPrinted(t *testing.T) {
	one, two := int64(10), int64(700)
	r := &readingsOf{first: 600, sites: 1}
	r.d = readingsDescriptor()
	for m := range r.cells {
		r.cells[m] = [][]*int64{{&one}, {&two}}
		r.present[m] = bitset.MustNew(2).SetAll()
	}
	c := mustCompileOn(t, "SELECT VAR_POP(x), HISTOGRAM(x) FROM d GROUP BY site", r.d)
	in, err := r.input(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(c, in); err != nil {
		t.Fatal(err)
	}
	// The columns are four buckets, Σx and Σx².
	least := in.Sums[4] * in.Sums[4] / 2 // Σx² of any two readings with that sum
	for _, x := range []struct {
		at    int
		value int64
	}{{0, in.Sums[0] + 1}, {1, in.Sums[1] - 1}, {3, 3}, {4, 1 << 40}, {4, -1 << 40}, {5, -1}, {5, least - 1}, {5, 1 << 40}} {
		damaged := in
		damaged.Sums = slices.Clone(in.Sums)
		damaged.Sums[x.at] = x.value
		var check *CheckError
		if _, err := NewTable(c, damaged); !errors.As(err, &check) {
			t.Errorf("number %d is %d: %v", x.at, x.value, err)
		}
	}
}

// A statistic has the unit of what it is of, whichever of two measures is named first.
func TestUnitsOfStatistics(t *testing.T) {
	d := readingsDescriptor()
	for call, want := range map[string]string{
		"VAR_POP(x)": "(kg)²", "VAR_SAMP(y)": "(m)²", "STDDEV_POP(x)": "kg", "STDDEV_SAMP(y)": "m", "STDERR(x)": "kg",
		"MEDIAN(x)": "kg", "QUANTILE(x, 0.9)": "kg", "EXCEEDANCE(x, 12.5)": "", "HISTOGRAM(y)": "",
		"WAVG(x, y)": "kg", "WAVG(y, x)": "m", "COVAR_POP(y, x)": "m · kg", "CORR(x, y)": "",
		"REGR_SLOPE(y, x)": "m / (kg)", "REGR_SLOPE(x, y)": "kg / (m)", "REGR_INTERCEPT(y, x)": "m",
		"YEAR_ON_YEAR(VAR_POP(x))": "",
	} {
		c, err := sql.Compile("SELECT date_trunc('year', period) AS year, "+call+" FROM d GROUP BY year", sql.Schema{Descriptor: d})
		if err != nil {
			t.Fatal(err)
		}
		b := &builder{query: c, figures: &figures{query: c, descriptor: d, opened: map[catalog.Aggregate]*aggregateSums{}, worked: map[sql.Output]*column{}}}
		for _, a := range c.Request.Select {
			b.figures.opened[a] = &aggregateSums{x: d.MeasureNamed(a.Measure), y: d.MeasureNamed(a.Other)}
		}
		for _, column := range b.columnsOf()[1:] {
			if column.Unit != want {
				t.Errorf("%s is in %q, want %q", call, column.Unit, want)
			}
		}
	}
}
