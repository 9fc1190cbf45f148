package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/dev"
)

// descriptor is of the dataset that is asked for. It is public, so that what is answered
// depends on nothing but the readings.
const descriptor = `
dataset: load
title: {en: Readings of a load test}
license: CC0-1.0
entity: {column: station, attributes: [county]}
period: {column: day, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: pm25, column: PM25, unit: µg/m³, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, avg], public: true}
`

const (
	stations = 12
	counties = 4
	days     = 60
)

// firstDay is the dataset's first period.
var firstDay = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// reading is the value of a station on a day, and whether there is one.
func reading(station, day int) (value int64, present bool) {
	if (station+day)%9 == 0 {
		return 0, false
	}
	return int64(100 + 7*day + 13*station), true
}

func county(station int) string { return "c" + strconv.Itoa(station%counties) }

// csv is the dataset as a publisher has it.
func csv() string {
	var b strings.Builder
	b.WriteString("station,county,day,PM25\n")
	for day := range days {
		for station := range stations {
			text := ""
			if value, present := reading(station, day); present {
				text = strconv.FormatInt(value, 10)
			}
			fmt.Fprintf(&b, "s%d,%s,%s,%s\n", station, county(station), firstDay.AddDate(0, 0, day).Format(time.DateOnly), text)
		}
	}
	return b.String()
}

// statement is what a client asks, and the rows that are right.
type statement struct {
	sql  string
	rows [][]string
}

// statements are sums and counts by county from a day on, each another query.
func statements() []statement {
	const count = 24
	out := make([]statement, count)
	for i := range out {
		from := firstDay.AddDate(0, 0, i)
		out[i].sql = fmt.Sprintf("SELECT county, SUM(pm25), COUNT(pm25) FROM load WHERE period >= '%s' GROUP BY county ORDER BY county", from.Format(time.DateOnly))
		for c := range counties {
			var sum, n int64
			for day := i; day < days; day++ {
				for station := c; station < stations; station += counties {
					if value, present := reading(station, day); present {
						sum, n = sum+value, n+1
					}
				}
			}
			out[i].rows = append(out[i].rows, []string{county(c), strconv.FormatInt(sum, 10), strconv.FormatInt(n, 10)})
		}
	}
	return out
}

// dataset is the id of the dataset that is asked for.
const dataset = "load"

// buyer is an organisation that the clients ask for.
type buyer struct {
	key      *client.Key
	contract string
}

// prepare publishes the dataset unless it is there, and admits new buyers with a contract
// each.
func prepare(ctx context.Context, cluster *dev.Cluster) ([]buyer, error) {
	bureau, err := cluster.Client(dev.Bureau)
	if err != nil {
		return nil, err
	}
	defer bureau.Close()
	if err := publishOnce(ctx, bureau); err != nil {
		return nil, err
	}
	operator, err := cluster.Client(dev.Operator)
	if err != nil {
		return nil, err
	}
	defer operator.Close()
	all := make([]buyer, buyers)
	for i := range all {
		if all[i], err = admit(ctx, cluster.Profile(), operator, bureau, i); err != nil {
			return nil, fmt.Errorf("admit buyer %d: %w", i, err)
		}
	}
	return all, nil
}

func publishOnce(ctx context.Context, bureau *client.Client) error {
	d, err := bureau.Dataset(ctx, dataset)
	if d.Live > 0 || err != nil && !client.IsNotFound(err) {
		return err
	}
	return publish.Text(ctx, bureau, "load", descriptor, csv())
}

// admit makes a buyer that may query the dataset.
func admit(ctx context.Context, profile client.Profile, operator, bureau *client.Client, number int) (b buyer, err error) {
	if b.key, err = client.NewKey(fmt.Sprintf("load buyer %d", number)); err != nil {
		return b, err
	}
	if _, err := govern.AddPrincipal(ctx, operator, b.key.Public(), catalog.RoleBuyer); err != nil {
		return b, err
	}
	c, err := client.New(profile, b.key, client.Options{})
	if err != nil {
		return b, err
	}
	defer c.Close()
	order, err := exchange.CreateOrder(ctx, c, catalog.OrderCreate{Dataset: dataset, Purpose: "a load test"})
	if err != nil {
		return b, err
	}
	b.contract, err = exchange.ApproveOrder(ctx, bureau, catalog.OrderApprove{Order: order})
	return b, err
}
