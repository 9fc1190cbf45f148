package panel_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/compute/panel"
)

const beijing = `
dataset: beijing_air
title: {en: Beijing hourly air quality, zh: 北京逐小时空气质量}
license: CC-BY-4.0
entity: {column: station, attributes: []}
period: {columns: [year, month, day, hour], grain: hour}
utc_offset: "+08:00"
missing: ["", NA]
measures:
  - {name: pm25, column: PM2.5, unit: µg/m³, range: [0, 1000], decimals: 1, squares: true, buckets: [35, 75, 115, 150, 250]}
  - {name: pm10, column: PM10, unit: µg/m³, range: [0, 1000], decimals: 1}
  - {name: so2, column: SO2, unit: µg/m³, range: [0, 1000], decimals: 4}
  - {name: no2, column: NO2, unit: µg/m³, range: [0, 1000], decimals: 4}
  - {name: co, column: CO, unit: µg/m³, range: [0, 20000], decimals: 0}
  - {name: o3, column: O3, unit: µg/m³, range: [0, 2000], decimals: 4}
policy: {aggregates: [count, sum, avg], public: true}
`

// beijingFiles are the real readings beside the repository.
func beijingFiles(tb testing.TB) []panel.File {
	tb.Helper()
	root, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			tb.Fatal("no go.mod above the package")
		}
	}
	paths, err := filepath.Glob(filepath.Join(root, "../shared/data/beijing-air/*.csv.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(paths) == 0 {
		tb.Skip("the Beijing files are not in ../shared/data/beijing-air")
	}
	files := make([]panel.File, len(paths))
	for i, p := range paths {
		files[i] = panel.File{Name: filepath.Base(p), Open: func() (io.ReadCloser, error) { return os.Open(p) }}
	}
	return files
}

func source(tb testing.TB, text string) *panel.Source {
	tb.Helper()
	src, err := panel.ReadDescriptor("test.yaml", strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// TestBeijingEqualsAnIndependentLoop reads the real files once more in the
// plainest way there is: time.Date for the calendar, strings for the decimals.
func TestBeijingEqualsAnIndependentLoop(t *testing.T) {
	files := beijingFiles(t)
	src := source(t, beijing)
	p, attributes, err := panel.Read(t.Context(), src, nil, files, panel.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Entities) != 12 || p.Periods != 35064 || len(attributes) != 12 || !slices.IsSorted(p.Entities) {
		t.Fatalf("%d entities, %d periods, %d attribute rows", len(p.Entities), p.Periods, len(attributes))
	}
	origin := time.Date(2013, 3, 1, 0, 0, 0, 0, time.UTC)
	if want := origin.Unix() / 3600; p.First != want {
		t.Fatalf("first hour %d, want %d", p.First, want)
	}
	present := 0
	var columns [6][]int64
	for _, f := range files {
		for _, row := range plainRows(t, f) {
			n := func(i int) int { v, _ := strconv.Atoi(row[i]); return v }
			hour := int(time.Date(n(1), time.Month(n(2)), n(3), n(4), 0, 0, 0, time.UTC).Sub(origin).Hours())
			entity := slices.Index(p.Entities, row[17])
			for m := range 6 {
				cell := hour*12 + entity
				column := p.Columns[m]
				if columns[m] == nil {
					columns[m] = cellsOf(t, column)
				}
				want, ok := plainValue(row[5+m], column.Measure.Decimals)
				if ok {
					present++
					want -= column.Measure.Mid()
				}
				if got := columns[m][cell]; got != want || column.Present.Test(uint(cell)) != ok {
					t.Fatalf("%s %v measure %d: %d present %v, want %d %v", f.Name, row[:5], m, got, column.Present.Test(uint(cell)), want, ok)
				}
			}
		}
	}
	total := 0
	for _, c := range p.Columns {
		total += int(c.Present.Count())
	}
	if total != present || present < 2_400_000 {
		t.Fatalf("%d cells present, the plain loop found %d", total, present)
	}
}

func plainRows(t *testing.T, f panel.File) [][]string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

func plainValue(s string, decimals int) (int64, bool) {
	if s == "NA" {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	v, err := strconv.ParseInt(whole+(fraction + "0000000000")[:decimals], 10, 64)
	return v, err == nil
}

func BenchmarkReadBeijing(b *testing.B) {
	files := beijingFiles(b)
	src := source(b, beijing)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := panel.Read(context.Background(), src, nil, files, panel.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(420768*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
