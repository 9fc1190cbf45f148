package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

const protectedDescriptor = `dataset: guarded
title: {en: Guarded readings, zh: 受保护读数}
license: CC0-1.0
entity: {column: station, attributes: [county]}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: pm25, column: pm25, unit: µg/m³, range: [0, 1000], decimals: 1, squares: true, buckets: [250, 500]}
  - {name: no2, column: no2, unit: µg/m³, range: [0, 500], decimals: 1}
policy:
  aggregates: [count, sum, avg, stddev, covar, histogram]
  grain: month
  min_cohort: 3
  cubes: [[county]]
  moments: [[pm25, pm25], [no2, pm25]]
  dp: {epsilon_per_query: 1, epsilon_per_contract: 3, epsilon_family: 9, delta: 1e-9}
`

// guardedReadings are two counties of twenty stations; one station of the second one
// lacks NO2 on one day.
func guardedReadings() (list []reading) {
	for s := range 40 {
		for d := 1; d <= 31; d++ {
			x := reading{
				station: fmt.Sprintf("s%02d", s), county: fmt.Sprintf("c%d", s/20), day: fmt.Sprintf("2024-01-%02d", d),
				pm25: fmt.Sprintf("%d.%d", (s*37+d*91)%1000, s%10), no2: fmt.Sprintf("%d.%d", (s*53+d*17)%500, d%10),
			}
			if s == 25 && d == 7 {
				x.no2 = ""
			}
			list = append(list, x)
		}
	}
	return list
}

// TestProtectedMomentsAreExactWhereTheRuleLetsThem, noised where the policy
// does not list them, and a county whose measures differ in one station's one cell is
// left out of what is summed over common cells.
func TestProtectedMomentsAreExactWhereTheRuleLetsThem(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	list := guardedReadings()
	p := prepareText(ctx, t, protectedDescriptor, stationsCSV(list), nil)
	done, err := publish.Publish(ctx, bureau, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 * 6; done.Tiles != want {
		t.Errorf("%d tiles, want %d: two measures, a square, three buckets", done.Tiles, want)
	}
	contract(ctx, t, buyer, bureau, "guarded")
	rows := queryRows(ctx, t, buyer, "SELECT county, COVAR_POP(no2, pm25), COUNT(pm25) FROM guarded GROUP BY county")
	_, _, both := monthOfCounty(t, list, "c0", "2024-01")
	if len(rows) != 1 || rows[0][0] != "c0" {
		t.Fatalf("covariances of %v, want of c0 alone", rows)
	}
	nearTo(t, "COVAR_POP", rows[0][1], spread(both[0], both[1])/float64(len(both[0])))
	again, err := ask.Query(ctx, buyer, "SELECT county, COVAR_POP(no2, pm25), COUNT(pm25) FROM guarded GROUP BY county", ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Again || len(again.Table.Rows) != 1 || again.Table.Rows[0][1] != rows[0][1] {
		t.Errorf("asked again, the answer to %q is %v, was %v", again.Query.ID, again.Table.Rows, rows)
	}
	if x := c.asExplained(ctx, t, buyer, "SELECT COVAR_SAMP(no2, pm25), VAR_POP(pm25) FROM guarded WHERE county = 'c0'", ask.Options{}); x.Plan.Products == 0 || !x.Plan.Bound {
		t.Errorf("explained as %+v", x.Plan)
	}
	rows = queryRows(ctx, t, buyer, "SELECT county, AVG(no2) FROM guarded GROUP BY county")
	if len(rows) != 2 {
		t.Errorf("averages of %v", rows)
	}
	for sql, rule := range map[string]string{
		"SELECT VAR_POP(no2) FROM guarded":          "moments",
		"SELECT HISTOGRAM(pm25) FROM guarded":       "histogram",
		"SELECT EXCEEDANCE(pm25, 500) FROM guarded": "histogram",
	} {
		_, err := ask.Query(ctx, buyer, sql, ask.Options{})
		var problem *wire.Problem
		if !errors.As(err, &problem) || problem.Rule != rule || problem.Fix == "" {
			t.Errorf("%s: %v, want the refusal %s with what would pass", sql, err, rule)
		}
	}
	_, err = ask.Query(ctx, buyer, "SELECT COUNT(*) FROM guarded HAVING CORR(pm25, no2) > 0", ask.Options{})
	if err == nil {
		t.Fatal("a correlation in HAVING that the policy does not allow is answered")
	}
	if said, _ := client.Words(err); !strings.Contains(said, "does not release regr to anybody") {
		t.Errorf("a correlation in HAVING that the policy does not allow: %v", err)
	}
	noisedStatistics(ctx, t, buyer, list)
}

func nearTo(t *testing.T, what, got string, want float64) {
	t.Helper()
	if v, err := strconv.ParseFloat(got, 64); err != nil || math.Abs(v-want) > 1e-9*math.Abs(want) {
		t.Errorf("%s is %s, want %.12f", what, got, want)
	}
}

// noisedStatistics asks with noise for what is not released exactly: buckets within
// a few widths of their interval, and squares that the policy does not list.
func noisedStatistics(ctx context.Context, t *testing.T, buyer *client.Client, list []reading) {
	t.Helper()
	sql := "SELECT county, HISTOGRAM(pm25), MEDIAN(pm25), EXCEEDANCE(pm25, 250), COUNT(pm25) FROM guarded GROUP BY county"
	r, err := ask.Query(ctx, buyer, sql, ask.Options{Epsilon: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Table.Noise == nil || len(r.Table.Noise.Sums) != 1 || r.Table.Noise.Sums[0].What != "counts of the buckets of pm25" || len(r.Table.Rows) != 2 {
		t.Fatalf("noise %+v of %v", r.Table.Noise, r.Table.Rows)
	}
	// Laplace noise of scale 2 · 31 cells / 1, of two nodes.
	if got := r.Table.Noise.Sums[0].Parameter; got != "62" {
		t.Errorf("the noise of the buckets has the parameter %s, want 62", got)
	}
	for i, row := range r.Table.Rows {
		pm25, _, _ := monthOfCounty(t, list, row[0].(string), "2024-01")
		var truth [3]int64
		for _, v := range pm25 {
			switch {
			case v <= 250:
				truth[0]++
			case v <= 500:
				truth[1]++
			default:
				truth[2]++
			}
		}
		for b, n := range truth {
			half, err := strconv.ParseFloat(fmt.Sprint(r.Table.Interval95[i][1+b]), 64)
			if err != nil || math.Abs(float64(row[1+b].(int64)-n)) > 8*half {
				t.Errorf("bucket %d of %s has %v ± %v, in truth %d", b+1, row[0], row[1+b], r.Table.Interval95[i][1+b], n)
			}
		}
		if _, ok := r.Table.Bounds[i][4].([2]string); !ok || r.Table.Interval95[i][5] == nil || r.Table.Interval95[i][6] != nil {
			t.Errorf("bounds %v, intervals %v", r.Table.Bounds[i], r.Table.Interval95[i])
		}
	}
	var b bytes.Buffer
	if err := r.Table.WriteText(&b); err != nil || !bytes.Contains(b.Bytes(), []byte("counts of the buckets of pm25: ")) || !bytes.Contains(b.Bytes(), []byte("(a to b)")) {
		t.Errorf("%v\n%s", err, b.String())
	}
	r, err = ask.Query(ctx, buyer, "SELECT VAR_POP(no2) FROM guarded", ask.Options{Epsilon: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Table.Rows) != 1 || len(r.Table.Noise.Sums) != 2 || r.Table.Noise.Sums[1].Unit != "(µg/m³)²" {
		t.Errorf("noised variance %v with %+v", r.Table.Rows, r.Table.Noise)
	}
}
