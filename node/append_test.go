package node

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
)

const dailyDescriptor = `dataset: daily
title: {en: Daily readings by month}
license: internal
entity: {column: station, attributes: [county]}
period: {column: day, grain: day}
utc_offset: "+08:00"
measures:
  - {name: no2, column: NO2, unit: µg/m³, range: [0, 1000], decimals: 0}
policy: {aggregates: [count, sum, avg], grain: month, min_cohort: 2, cubes: [[county]]}
`

// dailyCSV has the days [from, to) of 2024 of the stations for which has is true;
// the stations of c0 are 0, 3 and 6.
func dailyCSV(from, to int, has func(station int) bool) string {
	var b strings.Builder
	b.WriteString("station,county,day,NO2\n")
	for d := from; d < to; d++ {
		for s := range 7 {
			if has(s) {
				fmt.Fprintf(&b, "s%d,c%d,%s,%d\n", s, s%3, day2024(d), 10*s+d)
			}
		}
	}
	return b.String()
}

func day2024(d int) string {
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d).Format(time.DateOnly)
}

func all(int) bool { return true }

// dailyTruth are the rows of dailySQL, by plain loops over the days [0, to) of the
// stations that have one.
func dailyTruth(to int, has func(station, day int) bool) (rows []string) {
	for county := range 3 {
		for month := 1; month <= 3; month++ {
			sum, some := 0, false
			for d := range to {
				for s := county; s < 7; s += 3 {
					if has(s, d) && strings.HasPrefix(day2024(d), fmt.Sprintf("2024-%02d", month)) {
						sum, some = sum+10*s+d, true
					}
				}
			}
			if some {
				rows = append(rows, fmt.Sprintf("c%d 2024-%02d %d", county, month, sum))
			}
		}
	}
	return rows
}

func every(int, int) bool { return true }

const dailySQL = `SELECT county, date_trunc('month', period) AS month, SUM(no2) FROM daily GROUP BY county, month`

// keeping is a client of the publisher's that keeps what append needs.
func (c *cluster) keeping(publisher *client.Client) *client.Client {
	c.t.Helper()
	return c.clientWith(publisher.Key(), client.Options{Spool: c.t.TempDir()})
}

func appendText(ctx context.Context, t testing.TB, publisher *client.Client, descriptor, csv string) {
	t.Helper()
	src, err := panel.ReadDescriptor("test.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(csv)), nil }}
	p, err := publish.PrepareAppend(ctx, publisher, src, []panel.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish.Publish(ctx, publisher, p, nil); err != nil {
		t.Fatal(err)
	}
}

// A running contract answers before and after each append, its order untouched; a
// query on a new version is no repeat of one on the old. A month is answered once a
// version has all of its days, whoever of the stations has them.
func TestAppendGoesOnUnderARunningContract(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	publisher := c.publisher(ctx, "bureau")
	bureau := c.keeping(publisher)
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, dailyDescriptor, []byte(dailyCSV(0, 45, all)), nil), nil); err != nil {
		t.Fatal(err)
	}
	contract(ctx, t, buyer, bureau, "daily")
	orders, err := client.Orders.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(days, version int, has func(station, day int) bool) {
		t.Helper()
		for _, repeat := range []bool{false, true} {
			r, err := ask.Query(ctx, buyer, dailySQL, ask.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rows := make([]string, len(r.Table.Rows))
			for i, row := range r.Table.Rows {
				rows[i] = strings.TrimSpace(fmt.Sprintln(row...))
			}
			if d := cmp.Diff(dailyTruth(days, has), rows); d != "" {
				t.Errorf("version %d (-plaintext +answer)\n%s", version, d)
			}
			if r.Query.Version != version || r.Again != repeat {
				t.Errorf("answered from version %d, again %t, want version %d and again %t", r.Query.Version, r.Again, version, repeat)
			}
		}
	}
	ask(31, 1, every)
	appendText(ctx, t, bureau, dailyDescriptor, dailyCSV(45, 60, all)) // the rest of February
	ask(60, 2, every)
	appendText(ctx, t, bureau, dailyDescriptor, dailyCSV(60, 80, all))
	ask(60, 3, every)
	appendText(ctx, t, bureau, dailyDescriptor, dailyCSV(80, 91, func(s int) bool { return s == 0 }))
	ask(91, 4, func(s, d int) bool { return d < 80 || s == 0 })
	after, err := client.Orders.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(orders, after); d != "" {
		t.Errorf("orders (-before +after)\n%s", d)
	}
	contracts, err := client.Contracts.All(ctx, buyer)
	if err != nil {
		t.Fatal(err)
	}
	if k := contracts[0]; len(contracts) != 1 || k.State != catalog.ContractActive || k.Used != 4 {
		t.Errorf("contracts %+v", contracts)
	}
}

// Full tiles of squares and buckets are taken over like those of readings, the others
// encrypted again.
func TestAppendTakesOverCompanionTiles(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	bureau := c.keeping(c.publisher(ctx, "bureau"))
	descriptor := strings.Replace(strings.Replace(dailyDescriptor, "decimals: 0}", "decimals: 0, squares: true, buckets: [300, 600]}", 1),
		"{aggregates: [count, sum, avg], grain: month, min_cohort: 2, cubes: [[county]]}", "{aggregates: [stddev, histogram], public: true}", 1)
	const first, last = 1300, 1400 // 7 stations make tiles of 1170 days
	if _, err := publish.Publish(ctx, bureau, prepareText(ctx, t, descriptor, []byte(spreadCSV(0, first)), nil), nil); err != nil {
		t.Fatal(err)
	}
	src, err := panel.ReadDescriptor("test.yaml", strings.NewReader(descriptor))
	if err != nil {
		t.Fatal(err)
	}
	file := panel.File{Name: "more.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(spreadCSV(first, last))), nil }}
	p, err := publish.PrepareAppend(ctx, bureau, src, []panel.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Reused() != 5 || p.Tiles() != 10 {
		t.Errorf("%d of %d tiles are taken over, want 5 of 10: the full one of each column", p.Reused(), p.Tiles())
	}
	if _, err := publish.Publish(ctx, bureau, p, nil); err != nil {
		t.Fatal(err)
	}
	var counts [3]int
	var sum, squares float64
	for d := range last {
		for s := range 7 {
			v := float64(spreadReading(s, d))
			counts[min(int(max(v-1, 0))/300, 2)]++
			sum, squares = sum+v, squares+v*v
		}
	}
	n := float64(7 * last)
	rows := queryRows(ctx, t, bureau, "SELECT HISTOGRAM(no2), VAR_POP(no2) FROM daily")
	if want := fmt.Sprint([]string{fmt.Sprint(counts[0]), fmt.Sprint(counts[1]), fmt.Sprint(counts[2])}); fmt.Sprint(rows[0][:3]) != want {
		t.Errorf("buckets %v, want %s", rows[0][:3], want)
	}
	nearTo(t, "VAR_POP(no2)", rows[0][3], squares/n-sum/n*sum/n)
}

func spreadReading(station, day int) int { return (station*131 + day*37) % 1001 }

func spreadCSV(from, to int) string {
	var b strings.Builder
	b.WriteString("station,county,day,NO2\n")
	for d := from; d < to; d++ {
		for s := range 7 {
			fmt.Fprintf(&b, "s%d,c%d,%s,%d\n", s, s%3, day2024(d), spreadReading(s, d))
		}
	}
	return b.String()
}
