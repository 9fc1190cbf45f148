package query

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
)

// readingsOf is a small dataset in the clear: readings of two measures in units of
// their last decimal, nil where there is none, by month and site.
type readingsOf struct {
	d       catalog.Descriptor
	first   int64
	sites   int
	cells   [2][][]*int64 // measure, month, site
	present [2]*bitset.BitSet
	old     bool // a version without companions
	noise   *catalog.Noise
}

func (r *readingsOf) Size() (measures, entities, periods int) { return 2, r.sites, len(r.cells[0]) }

func (r *readingsOf) Bits(measure int) *bitset.BitSet {
	if measure == AnyMeasure {
		return r.present[0].Union(r.present[1])
	}
	return r.present[measure]
}

func readingsDescriptor() catalog.Descriptor {
	return catalog.Descriptor{Dataset: "d", Entity: "site", Grain: catalog.GrainMonth, Measures: []catalog.Measure{
		{Name: "x", Unit: "kg", Min: -50, Max: 1000, Decimals: 1, Squares: true, Buckets: []string{"0", "12.5", "99.9"}},
		{Name: "y", Unit: "m", Min: 0, Max: 77, Decimals: 2, Squares: true, Buckets: []string{"0.5"}},
	}}
}

func drawReadings(t *rapid.T) *readingsOf {
	r := &readingsOf{first: rapid.Int64Range(600, 640).Draw(t, "first"), sites: rapid.IntRange(1, 5).Draw(t, "sites")}
	r.d = readingsDescriptor()
	months := rapid.IntRange(1, 30).Draw(t, "months")
	density, flat := rapid.IntRange(0, 10).Draw(t, "density"), rapid.Bool().Draw(t, "flat")
	for m := range r.cells {
		r.present[m] = bitset.MustNew(uint(months * r.sites))
		value := rapid.Int64Range(r.d.Measures[m].Min, r.d.Measures[m].Max)
		if flat {
			value = rapid.Just(r.d.Measures[m].Max)
		}
		for p := range months {
			row := make([]*int64, r.sites)
			for e := range row {
				if rapid.IntRange(0, 9).Draw(t, "there") < density {
					v := value.Draw(t, "value")
					row[e] = &v
					r.present[m].Set(uint(p*r.sites + e))
				}
			}
			r.cells[m] = append(r.cells[m], row)
		}
	}
	return r
}

// input is what a client has when the nodes sealed the sums of a compiled query:
// one group a site, or a site and year.
func (r *readingsOf) input(c *Compiled) (Input, error) {
	months := len(r.cells[0])
	v := catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{
		Dataset: "d", First: r.first, Periods: months, Entities: r.sites, Blocks: []catalog.Block{{First: 0, Entities: r.sites, Periods: 12}},
	}}
	v.Tiles = ((months-1)/12 + 1) * len(r.d.TileColumns())
	if r.old {
		v.Tiles = ((months-1)/12 + 1) * len(r.d.Measures)
	}
	verdict := catalog.Verdict{Dataset: "d", Release: 1, Entities: r.sites, Noise: r.noise}
	var assign []int32
	for e := range r.sites {
		verdict.EntityGroups = append(verdict.EntityGroups, catalog.EntityGroup{Values: []string{fmt.Sprintf("s%d", e)}, Included: 1, Of: 1})
		verdict.Parts = append(verdict.Parts, catalog.Part{Group: e, Class: -1})
		assign = append(assign, int32(e)) //nolint:gosec // few
	}
	verdict.Assign = catalog.PackAssign(assign)
	all := catalog.Interval{From: r.first, To: r.first + int64(months)}
	verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []catalog.Interval{all}}}
	if slices.ContainsFunc(c.Request.By, isPeriod) {
		verdict.PeriodGroups = nil
		for at := all.From; at < all.To; {
			year := catalog.GrainMonth.In(at, catalog.GrainYear)
			to := min(all.To, catalog.GrainYear.Span(year, catalog.GrainMonth).To)
			verdict.PeriodGroups = append(verdict.PeriodGroups, catalog.PeriodGroup{Value: catalog.GrainYear.Format(year), Intervals: []catalog.Interval{{From: at, To: to}}})
			at = to
		}
	}
	for _, a := range c.Request.Select {
		for _, column := range a.Columns(r.d) {
			if !slices.Contains(verdict.Columns, column) {
				verdict.Columns = append(verdict.Columns, column)
			}
		}
	}
	in := Input{Descriptor: r.d, Version: v, Verdict: verdict, Presence: r, Nodes: 2}
	var err error
	in.Plan, err = NewPrivatePlan(r.d, v, verdict, r)
	for _, column := range verdict.Columns {
		for e := range r.sites {
			for _, g := range verdict.PeriodGroups {
				in.Sums = append(in.Sums, r.columnSum(column, e, int(g.Intervals[0].From-r.first), int(g.Intervals[0].To-r.first)))
			}
		}
	}
	return in, err
}

func (r *readingsOf) measure(name string) int { return strings.Index("xy", name) }

// columnSum is a column by the words of catalog.Column.
func (r *readingsOf) columnSum(c catalog.Column, site, from, to int) (sum int64) {
	x := r.measure(c.Measure)
	for p := from; p < to; p++ {
		v := r.cells[x][p][site]
		if v == nil || c.With != "" && r.cells[r.measure(c.With)][p][site] == nil {
			continue
		}
		centred := *v - r.d.Measures[x].Mid()
		switch {
		case c.Bucket > 0:
			bounds := append(append([]int64{r.d.Measures[x].Min - 1}, r.d.Measures[x].BucketBounds()...), r.d.Measures[x].Max)
			centred = int64(b2i(*v > bounds[c.Bucket-1] && *v <= bounds[c.Bucket]))
		case c.Times != "":
			y := r.measure(c.Times)
			w := r.cells[y][p][site]
			if w == nil {
				continue
			}
			centred *= *w - r.d.Measures[y].Mid()
		}
		sum += centred
	}
	return sum
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pairs are a site's readings as decimals, both where both is set.
func (r *readingsOf) pairs(x, y string, site, from, to int, both bool) (xs, ys []*big.Rat) {
	of := func(m, p int) *big.Rat {
		v := r.cells[m][p][site]
		if v == nil {
			return nil
		}
		return new(big.Rat).SetFrac(big.NewInt(*v), powerOfTen(r.d.Measures[m].Decimals))
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
	sample := strings.HasSuffix(form, "samp")
	if n == 0 || sample && n == 1 {
		return nil
	}
	divide := n
	if sample {
		divide--
	}
	return rounded12(quoRat(coSum(xs, xs), divide), strings.HasPrefix(form, "stddev"))
}

// tableOf compiles and makes the table.
func (r *readingsOf) tableOf(t rapid.TB, sql string) *Table {
	t.Helper()
	c, err := Compile(sql, Schema{Descriptor: r.d})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	in, err := r.input(c)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	table, err := c.Table(in)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return table
}

// TestStatisticsOfOneMeasureEqualPlainLoops, months with gaps, one reading and
// readings that do not vary included.
func TestStatisticsOfOneMeasureEqualPlainLoops(t *testing.T) {
	forms := []string{formVarPop, formVarSamp, formStddevPop, formStddevSamp}
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
				b, _ := slices.BinarySearchFunc(bounds, x, func(text string, x *big.Rat) int { v, _ := decimalRat(text); return v.Cmp(x) })
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
				quantile, _ := decimalRat(text)
				rank := quantile.Mul(quantile, new(big.Rat).SetInt64(int64(len(xs))))
				k := 0 // of the smallest reading up to which there are rank of them
				for new(big.Rat).SetInt64(int64(k+1)).Cmp(rank) < 0 {
					k++
				}
				ends := table.Bounds[i][at].([2]string)
				low, _ := new(big.Rat).SetString(ends[0])
				high, _ := new(big.Rat).SetString(ends[1])
				got, _ := new(big.Rat).SetString(row[at].(string))
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

// TestRootsAreRoundedExactly, halves away from zero.
func TestRootsAreRoundedExactly(t *testing.T) {
	for _, x := range []struct {
		num, den int64
		places   int
		want     string
	}{{4, 1, 3, "2.000"}, {2, 1, 5, "1.41421"}, {3, 1, 0, "2"}, {9, 4, 0, "2"}, {25, 4, 0, "3"}, {-9, 4, 1, "-1.5"}, {0, 1, 2, "0.00"}, {1, 400, 1, "0.1"}, {1, 401, 1, "0.0"}} {
		if got := rootText(big.NewRat(x.num, x.den), x.places); got != x.want {
			t.Errorf("√(%d/%d) to %d places is %s, want %s", x.num, x.den, x.places, got, x.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := big.NewRat(rapid.Int64Range(0, 1<<60).Draw(t, "num"), rapid.Int64Range(1, 1<<60).Draw(t, "den"))
		got, _ := new(big.Rat).SetString(rootText(v, 12))
		half := big.NewRat(1, 2_000_000_000_000)
		low, high := new(big.Rat).Sub(got, half), new(big.Rat).Add(got, half)
		if low.Sign() > 0 && low.Mul(low, low).Cmp(v) > 0 || high.Mul(high, high).Cmp(v) <= 0 {
			t.Fatalf("√%s is not %s", v, got.FloatString(12))
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
	if _, err := c.Table(in); err != nil {
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
		if _, err := c.Table(damaged); !errors.As(err, &check) {
			t.Errorf("number %d is %d: %v", x.at, x.value, err)
		}
	}
}

func mustCompileOn(t rapid.TB, sql string, d catalog.Descriptor) *Compiled {
	t.Helper()
	c, err := Compile(sql, Schema{Descriptor: d})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
