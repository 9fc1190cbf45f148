package node

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
)

// stations is a small public dataset: daily readings of seven stations in 2024,
// some missing.
const stationsDescriptor = `dataset: %s
title: {en: Test readings, zh: 测试读数}
license: CC0-1.0
entity: {column: station, attributes: [county]}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: pm25, column: pm25, unit: µg/m³, range: [0, 1000], decimals: 1}
  - {name: no2, column: no2, unit: µg/m³, range: [-50, 500], decimals: 2}
policy: {aggregates: [count, sum, avg], public: true}
`

// reading is one cell as the plain loops of the tests see it.
type reading struct {
	station, county, day string
	pm25, no2            string // decimal text; empty: missing
}

func stationReadings() (list []reading) {
	r := rand.New(rand.NewPCG(1, 2))
	for s := range 7 {
		for d := 1; d <= 60; d++ {
			month, day := 1, d
			if d > 31 {
				month, day = 2, d-31
			}
			if month == 2 && day > 29 {
				continue
			}
			x := reading{
				station: fmt.Sprintf("s%d", s), county: fmt.Sprintf("c%d", s%3),
				day:  fmt.Sprintf("2024-%02d-%02d", month, day),
				pm25: fmt.Sprintf("%d.%d", r.IntN(1000), r.IntN(10)),
				no2:  fmt.Sprintf("%d.%02d", r.IntN(500), r.IntN(100)),
			}
			if r.IntN(9) == 0 {
				x.pm25 = ""
			}
			if r.IntN(11) == 0 {
				x.no2 = ""
			}
			list = append(list, x)
		}
	}
	return list
}

func stationsCSV(list []reading) []byte {
	var b bytes.Buffer
	b.WriteString("station,county,period,pm25,no2\n")
	for _, x := range list {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", x.station, x.county, x.day, x.pm25, x.no2)
	}
	return b.Bytes()
}

// idsOnly reads registries for descriptors without caps.
type idsOnly func(context.Context, string) ([]string, error)

// RegistryIDs implements publish.Registries.
func (f idsOnly) RegistryIDs(ctx context.Context, id string) ([]string, error) { return f(ctx, id) }

// WholeRegistry implements publish.Registries.
func (idsOnly) WholeRegistry(context.Context, string) (r catalog.Registry, rows [][]string, err error) {
	return r, nil, errors.New("of descriptors without caps ids alone are read")
}

// prepareText reads a dataset from text.
func prepareText(ctx context.Context, t testing.TB, descriptor string, data []byte, ids idsOnly) *publish.Prepared {
	t.Helper()
	src, err := panel.ReadDescriptor("test.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "test.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
	p, err := publish.Prepare(ctx, src, []panel.File{file}, ids, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// publishStations publishes the stations as a dataset of the publisher's.
func publishStations(ctx context.Context, t *testing.T, publisher *client.Client, name string) []reading {
	t.Helper()
	list := stationReadings()
	p := prepareText(ctx, t, fmt.Sprintf(stationsDescriptor, name), stationsCSV(list), nil)
	if _, err := publish.Publish(ctx, publisher, p, nil); err != nil {
		t.Fatal(err)
	}
	return list
}

// withStations is a cluster of three nodes, two of which open, that all hold the stations of a
// publisher; truth is what askStations is answered.
func withStations(ctx context.Context, t *testing.T) (c *cluster, bureau *client.Client, truth [][]string) {
	t.Helper()
	c = newCluster(t, 3, 2, nil)
	bureau = c.publisher(ctx, "bureau")
	truth = stationTruth(publishStations(ctx, t, bureau, "stations"))
	c.allHold(ctx, t)
	return c, bureau, truth
}

// contract has the buyer order the dataset and the publisher approve.
func contract(ctx context.Context, t testing.TB, buyer, publisher *client.Client, dataset string) {
	t.Helper()
	contractWith(ctx, t, buyer, publisher, catalog.OrderCreate{Dataset: dataset})
}

// contractWith is a contract as it is ordered, without more; it returns its id.
func contractWith(ctx context.Context, t testing.TB, buyer, publisher *client.Client, o catalog.OrderCreate) string {
	t.Helper()
	o.Purpose = "test"
	order, err := exchange.CreateOrder(ctx, buyer, o)
	if err != nil {
		t.Fatal(err)
	}
	id, err := exchange.ApproveOrder(ctx, publisher, catalog.OrderApprove{Order: order})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// queryRows asks a query and returns its rows as text.
func queryRows(ctx context.Context, t testing.TB, c *client.Client, sql string) [][]string {
	t.Helper()
	r, err := ask.Query(ctx, c, sql, ask.Options{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var b bytes.Buffer
	if err := r.Table.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, b.Bytes())
}

// rowsOf reads a table's rows, without its head.
func rowsOf(t testing.TB, table []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

const stationsSQL = `SELECT station, date_trunc('month', period) AS month, SUM(pm25), COUNT(pm25), SUM(no2), COUNT(*) FROM %s GROUP BY station, month`

// stationsAnew asks for the same figures of the dataset stations by a condition that
// all stations meet: a query with another n repeats none, and is opened.
func stationsAnew(n int) string {
	return fmt.Sprintf(stationsSQL, fmt.Sprintf("stations WHERE station > '!%d'", n))
}

// stationTruth is what stationsSQL must return, by plain loops.
func stationTruth(list []reading) (rows [][]string) {
	type sums struct {
		pm25, no2 *big.Rat
		n, any    int
	}
	groups := map[string]*sums{}
	var order []string
	for _, x := range list {
		if x.pm25 == "" && x.no2 == "" {
			continue
		}
		key := x.station + "," + x.day[:7]
		g := groups[key]
		if g == nil {
			g = &sums{pm25: new(big.Rat), no2: new(big.Rat)}
			groups[key] = g
			order = append(order, key)
		}
		g.any++
		if x.pm25 != "" {
			v, _ := new(big.Rat).SetString(x.pm25)
			g.pm25.Add(g.pm25, v)
			g.n++
		}
		if x.no2 != "" {
			v, _ := new(big.Rat).SetString(x.no2)
			g.no2.Add(g.no2, v)
		}
	}
	for _, key := range order {
		g := groups[key]
		rows = append(rows, append(strings.Split(key, ","),
			g.pm25.FloatString(1), fmt.Sprint(g.n), g.no2.FloatString(2), fmt.Sprint(g.any)))
	}
	return rows
}
