package dev

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
)

const loansDescriptor = `dataset: plants
title: {en: Plants}
license: internal
entity: {column: plant, attributes: [county]}
period: {column: period, grain: month}
utc_offset: "+08:00"
measures:
  - {name: co2, column: co2, unit: t, range: [0, 100000], decimals: 1}
policy:
  aggregates: [count, sum, avg, wavg]
  grain: month
  min_cohort: 5
  cubes: [[county]]
  dp: {epsilon_per_query: 1, epsilon_per_contract: 1000, epsilon_family: 1000, delta: 1e-9}
`

const (
	plants      = 25_000
	plantMonths = 12
)

// publishPlants publishes so many plants of eleven counties over twelve months, and
// returns their readings, in tenths, by plant and month.
func publishPlants(ctx context.Context, tb testing.TB, bureau *client.Client, plants int) (reg catalog.Registry, readings []int64) {
	tb.Helper()
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a benchmark's readings
	b.WriteString("plant,county,period,co2\n")
	for e := range plants {
		for m := 1; m <= plantMonths; m++ {
			x := r.Int64N(1_000_000)
			readings = append(readings, x)
			fmt.Fprintf(&b, "p%05d,c%02d,2024-%02d,%d.%d\n", e, e%11, m, x/10, x%10)
		}
	}
	file := panel.File{Name: "plants.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }}
	publishFiles(ctx, tb, bureau, []byte(loansDescriptor), []panel.File{file})
	var err error
	if reg, err = bureau.Registry(ctx, "plants"); err != nil {
		tb.Fatal(err)
	}
	return reg, readings
}

// uploadBytes is what the registration of a vector sends: the sealed shares.
func uploadBytes(tb testing.TB, bits int) (total int) {
	tb.Helper()
	p, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		tb.Fatal(err)
	}
	spec := he.VectorSpec{Nodes: 3, Threshold: 2, Entities: plants, Bits: bits}
	shares, err := he.DealVector(p, spec, make([]uint64, plants))
	if err != nil {
		tb.Fatal(err)
	}
	for _, s := range shares {
		total += len(s) + seal.Overhead
	}
	return total
}

// BenchmarkPrivate reports, on a local cluster of three processes with 25,000
// entities and twelve months, what private queries take: to register a portfolio and
// weights of 16 bits, uploaded and checked, and to ask with them, beside a public
// query over the same.
func BenchmarkPrivate(b *testing.B) {
	ctx := testContext(b)
	c := start(ctx, b, b.TempDir())
	bureau, buyer := connect(b, c, Bureau), connect(b, c, Buyer)
	reg, _ := publishPlants(ctx, b, bureau, plants)
	grant(ctx, b, buyer, bureau, "plants")
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a benchmark's portfolio
	selector, weights := make([]uint64, plants), make([]uint64, plants)
	for e := range selector {
		selector[e], weights[e] = uint64(r.IntN(2)), uint64(r.IntN(1<<16)) //nolint:gosec // small
	}
	register := func(name string, bits int, values []uint64) time.Duration {
		b.Helper()
		plan := vector.Plan{Name: name, Registry: reg, Values: values, Bits: bits}
		if bits == 1 {
			plan.Pieces, plan.By = 1, []string{"county"}
		}
		begin := time.Now()
		if _, err := vector.Register(ctx, buyer, plan, nil); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	timed := func(sql string, o ask.Options) time.Duration {
		b.Helper()
		begin := time.Now()
		if _, err := ask.Query(ctx, buyer, sql, o); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	const by = " GROUP BY county"
	noise := ask.Options{Epsilon: "1"}
	var total [5]time.Duration
	n := 0
	for b.Loop() {
		n++
		name := fmt.Sprintf("w%d", n)
		// Months differ from turn to turn: a repeat would open nothing.
		where := fmt.Sprintf(" period BETWEEN '2024-%02d' AND '2024-12'", 1+n%12)
		if n == 1 {
			total[0] += register("mine", 1, selector)
		}
		total[1] += timed("SELECT county, SUM(co2), COUNT(*) FROM plants WHERE plant IN PRIVATE(mine) AND"+where+by, ask.Options{})
		total[2] += register(name, 16, weights)
		total[3] += timed("SELECT county, SUM(co2 * PRIVATE("+name+")) FROM plants WHERE"+where+by, noise)
		total[4] += timed("SELECT county, SUM(co2), COUNT(co2) FROM plants WHERE"+where+by, ask.Options{})
	}
	total[0] *= time.Duration(n)
	for i, name := range []string{"register-ms", "query-ms", "register-weights-ms", "query-weights-ms", "public-query-ms"} {
		b.ReportMetric(float64(total[i].Milliseconds())/float64(n), name)
	}
	b.ReportMetric(float64(uploadBytes(b, 1)), "register-B")
	b.ReportMetric(float64(uploadBytes(b, 16)), "register-weights-B")
	b.ReportMetric(0, "ns/op") // a turn is five things
}
