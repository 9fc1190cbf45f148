package dev

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client/publish"
)

// statisticsDescriptor lists all stations with squares and buckets of PM2.5.
const statisticsDescriptor = `dataset: beijing_statistics
title: {en: Beijing hourly air quality with statistics, zh: 北京逐小时空气质量统计}
license: CC-BY-4.0
entity: {column: station, attributes: []}
period: {columns: [year, month, day, hour], grain: hour}
utc_offset: "+08:00"
missing: ["", NA]
measures:
  - {name: pm25, column: PM2.5, unit: µg/m³, range: [0, 1000], decimals: 1, squares: true, buckets: [35, 75, 115, 150, 250]}
  - {name: o3, column: O3, unit: µg/m³, range: [0, 2000], decimals: 4, squares: true}
policy: {aggregates: [count, sum, avg, stddev, histogram, covar, corr], public: true}
`

// monthOf are the readings of a station in a month, NaN where one is missing.
type monthOf struct{ pm25, o3 []float64 }

// beijingMonths reads files with plain loops.
func beijingMonths(t testing.TB, files []string) map[string]*monthOf {
	t.Helper()
	out := map[string]*monthOf{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(z).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for i, h := range rows[0] {
			at[h] = i
		}
		number := func(text string) float64 {
			if text == "NA" || text == "" {
				return math.NaN()
			}
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		for _, row := range rows[1:] {
			key := fmt.Sprintf("%s %04.0f-%02.0f", row[at["station"]], number(row[at["year"]]), number(row[at["month"]]))
			if out[key] == nil {
				out[key] = &monthOf{}
			}
			out[key].pm25 = append(out[key].pm25, number(row[at["PM2.5"]]))
			out[key].o3 = append(out[key].o3, number(row[at["O3"]]))
		}
	}
	return out
}

func present(list []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(list), math.IsNaN)
}

// spread is Σ (x − x̄)(y − ȳ), in two passes.
func spread(x, y []float64) (sum float64) {
	mean := func(list []float64) (m float64) {
		for _, v := range list {
			m += v
		}
		return m / float64(len(list))
	}
	mx, my := mean(x), mean(y)
	for i := range x {
		sum += (x[i] - mx) * (y[i] - my)
	}
	return sum
}

// near holds a printed figure to 1e-9 relative, or 1e-12.
func near(t *testing.T, what, got string, want float64) {
	t.Helper()
	v, err := strconv.ParseFloat(got, 64)
	if err != nil || math.Abs(v-want) > max(1e-9*math.Abs(want), 1e-12) {
		t.Errorf("%s is %q, want %.12f", what, got, want)
	}
}

// TestBeijingStatisticsEqualPlaintext: everything that squares and buckets give, per
// station and month, gaps and all.
func TestBeijingStatisticsEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	files := beijingFiles(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	begin := time.Now()
	done := publishFiles(ctx, t, bureau, []byte(statisticsDescriptor), publish.DataFiles(files))
	t.Logf("published %d readings in %d tiles in %s", done.Readings, done.Tiles, time.Since(begin).Round(time.Millisecond))
	grant(ctx, t, buyer, bureau, "beijing_statistics")
	begin = time.Now()
	rows, _, err := answer(ctx, buyer, `SELECT station, date_trunc('month', period) AS month, VAR_POP(pm25), VAR_SAMP(o3), STDDEV_POP(o3), STDDEV_SAMP(pm25), COUNT(pm25),
		HISTOGRAM(pm25), EXCEEDANCE(pm25, 75), MEDIAN(pm25), QUANTILE(pm25, 0.95) FROM beijing_statistics GROUP BY station, month`, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("answered in %s", time.Since(begin).Round(time.Millisecond))
	months := beijingMonths(t, files)
	if len(rows)-1 != 576 || len(months) != 576 {
		t.Fatalf("%d rows, %d in plaintext, want 576", len(rows)-1, len(months))
	}
	bounds := []float64{35, 75, 115, 150, 250}
	above := 0 // months with a standard deviation above 80
	for _, row := range rows[1:] {
		key := row[0] + " " + row[1]
		x, o3 := present(months[key].pm25), present(months[key].o3)
		n, m := float64(len(x)), float64(len(o3))
		vx, vy := spread(x, x), spread(o3, o3)
		near(t, key+" VAR_POP(pm25)", row[2], vx/n)
		near(t, key+" VAR_SAMP(o3)", row[3], vy/(m-1))
		near(t, key+" STDDEV_POP(o3)", row[4], math.Sqrt(vy/m))
		near(t, key+" STDDEV_SAMP(pm25)", row[5], math.Sqrt(vx/(n-1)))
		near(t, key+" COUNT(pm25)", row[6], n)
		if math.Sqrt(vx/(n-1)) > 80 {
			above++
		}
		slices.Sort(x)
		counts, over := make([]int, 6), 0
		for _, v := range x {
			b, _ := slices.BinarySearch(bounds, v)
			counts[b]++
			if v > 75 {
				over++
			}
		}
		for b, k := range counts {
			if row[7+b] != strconv.Itoa(k) {
				t.Errorf("%s: bucket %d has %s readings, want %d", key, b+1, row[7+b], k)
			}
		}
		near(t, key+" EXCEEDANCE(pm25, 75)", row[13], float64(over)/n)
		for i, q := range []float64{0.5, 0.95} {
			reading := x[max(int(math.Ceil(q*n))-1, 0)]
			low, _ := strconv.ParseFloat(row[16+2*i], 64)
			high, err := strconv.ParseFloat(row[17+2*i], 64)
			got, _ := strconv.ParseFloat(row[14+i], 64)
			if err != nil || reading < low || reading > high || got < low || got > high {
				t.Errorf("%s: quantile %g is %s in %s to %s, the reading is %g", key, q, row[14+i], row[16+2*i], row[17+2*i], reading)
			}
		}
	}
	comparePairs(t, func(sql string) [][]string {
		begin := time.Now()
		rows, _, err := answer(ctx, buyer, sql, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("answered in %s", time.Since(begin).Round(time.Millisecond))
		return rows
	}, months)
	rows, _, err = answer(ctx, buyer, `SELECT station, date_trunc('month', period) AS month, COUNT(pm25) FROM beijing_statistics
		GROUP BY station, month HAVING STDDEV_SAMP(pm25) > 80`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows)-1 != above || above == 0 || above == 576 {
		t.Errorf("HAVING keeps %d months, want %d", len(rows)-1, above)
	}
}

// comparePairs compares the statistics of two measures, over the hours that have
// both.
func comparePairs(t *testing.T, ask func(sql string) [][]string, months map[string]*monthOf) {
	rows := ask(`SELECT station, date_trunc('month', period) AS month, COVAR_POP(pm25, o3), COVAR_SAMP(o3, pm25), CORR(pm25, o3),
		REGR_SLOPE(pm25, o3), REGR_INTERCEPT(pm25, o3), REGR_R2(pm25, o3), WAVG(o3, pm25), AVG(pm25) FROM beijing_statistics GROUP BY station, month`)
	if len(rows)-1 != 576 {
		t.Fatalf("%d rows, want 576", len(rows)-1)
	}
	for _, row := range rows[1:] {
		key := row[0] + " " + row[1]
		var x, y []float64
		top, weights := 0.0, 0.0
		for i, v := range months[key].pm25 {
			if w := months[key].o3[i]; !math.IsNaN(v) && !math.IsNaN(w) {
				y, x = append(y, v), append(x, w)
				top, weights = top+v*w, weights+v
			}
		}
		n := float64(len(x))
		vx, vy, cov := spread(x, x), spread(y, y), spread(y, x)
		mx, my := 0.0, 0.0
		for i := range x {
			mx, my = mx+x[i]/n, my+y[i]/n
		}
		near(t, key+" COVAR_POP", row[2], cov/n)
		near(t, key+" COVAR_SAMP", row[3], cov/(n-1))
		near(t, key+" CORR", row[4], cov/math.Sqrt(vx*vy))
		near(t, key+" REGR_SLOPE", row[5], cov/vx)
		near(t, key+" REGR_INTERCEPT", row[6], my-cov/vx*mx)
		near(t, key+" REGR_R2", row[7], cov*cov/(vx*vy))
		near(t, key+" WAVG", row[8], top/weights)
		pm25 := present(months[key].pm25)
		mean := 0.0
		for _, v := range pm25 {
			mean += v / float64(len(pm25))
		}
		near(t, key+" AVG", row[9], mean)
	}
}
