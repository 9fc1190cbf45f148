package dev

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/seeds"
)

const beijingSQL = `SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25), SUM(pm25) FROM beijing_air GROUP BY station, month`

// truth is SUM and COUNT of PM2.5 by station and month.
type truth struct {
	sum   *big.Rat
	count int64
}

// beijingTruth reads the files with plain loops.
func beijingTruth(t testing.TB, files []string) map[string]truth {
	t.Helper()
	groups := map[string]truth{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(z).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for i, h := range rows[0] {
			at[h] = i
		}
		for _, row := range rows[1:] {
			text := row[at["PM2.5"]]
			if text == "NA" || text == "" {
				continue
			}
			value, ok := new(big.Rat).SetString(text)
			if !ok {
				t.Fatalf("%s: %q is no number", name, text)
			}
			var year, month int
			if _, err := fmt.Sscan(row[at["year"]], &year); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(row[at["month"]], &month); err != nil {
				t.Fatal(err)
			}
			key := fmt.Sprintf("%s %04d-%02d", row[at["station"]], year, month)
			g := groups[key]
			if g.sum == nil {
				g.sum = new(big.Rat)
			}
			g.sum.Add(g.sum, value)
			g.count++
			groups[key] = g
		}
	}
	return groups
}

func publishBeijing(ctx context.Context, t testing.TB, bureau *client.Client, files []string) publish.Published {
	t.Helper()
	text, err := seeds.Descriptor("beijing_air")
	if err != nil {
		t.Fatal(err)
	}
	return publishFiles(ctx, t, bureau, text, publish.DataFiles(files))
}

// Real readings, gaps and outliers and all: every row of a grouped query equals
// the plaintext, sums exactly and means to 1e-9.
func TestBeijingAirByStationAndMonthEqualsPlaintext(t *testing.T) {
	longrun.Only(t)
	files := beijingFiles(t)
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, buyer := connect(t, c, Bureau), connect(t, c, Buyer)
	begin := time.Now()
	done := publishBeijing(ctx, t, bureau, files)
	t.Logf("published %d readings in %d tiles in %s", done.Readings, done.Tiles, time.Since(begin).Round(time.Millisecond))
	grant(ctx, t, buyer, bureau, "beijing_air")
	begin = time.Now()
	rows, _, err := answer(ctx, buyer, beijingSQL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("answered in %s", time.Since(begin).Round(time.Millisecond))
	want := beijingTruth(t, files)
	if len(rows)-1 != 576 || len(want) != 576 {
		t.Fatalf("%d rows, %d in plaintext, want 576", len(rows)-1, len(want))
	}
	for _, row := range rows[1:] {
		g, ok := want[row[0]+" "+row[1]]
		if !ok {
			t.Errorf("row %q is not in the data", row)
			continue
		}
		avg, _ := new(big.Rat).SetString(row[2])
		sum, _ := new(big.Rat).SetString(row[4])
		if fmt.Sprint(g.count) != row[3] || sum.Cmp(g.sum) != 0 {
			t.Errorf("row %q: plaintext has %d readings with sum %s", row, g.count, g.sum.FloatString(4))
		}
		mean := new(big.Rat).Quo(g.sum, new(big.Rat).SetInt64(g.count))
		off := new(big.Rat).Abs(new(big.Rat).Sub(mean, avg))
		if off.Cmp(big.NewRat(1, 1_000_000_000)) > 0 {
			t.Errorf("row %q: the mean is off by %s", row, off.FloatString(15))
		}
	}
}

// BenchmarkBeijing reports, on a local cluster of three processes, how long it
// takes to publish the whole file set and to answer the query of the test.
func BenchmarkBeijing(b *testing.B) {
	files := beijingFiles(b)
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau := connect(b, c, Bureau)
	begin := time.Now()
	done := publishBeijing(ctx, b, bureau, files)
	publishing := time.Since(begin)
	buyer := connect(b, c, Buyer)
	grant(ctx, b, buyer, bureau, "beijing_air")
	for n := 0; b.Loop(); n++ {
		// A condition that all stations meet, so that no query repeats another.
		sql := strings.Replace(beijingSQL, " GROUP", fmt.Sprintf(" WHERE station > '!%d' GROUP", n), 1)
		if _, _, err := answer(ctx, buyer, sql, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(publishing.Seconds(), "publish-s")
	b.ReportMetric(float64(done.Readings)/publishing.Seconds(), "published-values/s")
}
