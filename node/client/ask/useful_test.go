package ask_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/govern"
	"github.com/weirdata/weir/node/client/publish"
)

const usefulDescriptor = `dataset: emitters
title: {en: Emitters}
license: CC0-1.0
utc_offset: "+00:00"
entity: {column: emitter, attributes: [county, industry]}
period: {column: period, grain: month}
missing: [""]
measures:
  - {name: nox, column: nox, unit: kg, range: [0, 10000], decimals: 0}
  - {name: so2, column: so2, unit: kg, range: [0, 10000], decimals: 0}
  - {name: co2, column: co2, unit: t, range: [0, 10000], decimals: 0}
policy:
  aggregates: [count, sum, avg]
  grain: month
  min_cohort: 5
  cubes: [[county], [industry]]
`

const usefulEmitters, usefulMonths = 300, 24

func usefulCounty(e int) string { return fmt.Sprintf("c%02d", e%11) }
func usefulMonth(m int) string  { return fmt.Sprintf("%d-%02d", 2023+m/12, 1+m%12) }

// usefulCSV has 300 emitters in 11 counties and 5 industries over two years; 2, 3.5 and
// 5 % of the measures' readings are missing. truth are the sums of a row of the measures
// by county and month, and by month alone under the county "".
func usefulCSV() (csv string, truth map[[2]string][3]int) {
	r := rand.New(rand.NewPCG(10, 4)) //nolint:gosec // a test's readings
	var b strings.Builder
	b.WriteString("emitter,county,industry,period,nox,so2,co2\n")
	truth = map[[2]string][3]int{}
	for e := range usefulEmitters {
		county, industry := usefulCounty(e), fmt.Sprintf("i%d", r.IntN(5))
		for m := range usefulMonths {
			fmt.Fprintf(&b, "e%03d,%s,%s,%s", e, county, industry, usefulMonth(m))
			for c, perMille := range []int{20, 35, 50} {
				b.WriteByte(',')
				if r.IntN(1000) < perMille {
					continue
				}
				n := 1 + r.IntN(9999)
				fmt.Fprint(&b, n)
				for _, key := range [][2]string{{county, usefulMonth(m)}, {"", usefulMonth(m)}} {
					sums := truth[key]
					sums[c] += n
					truth[key] = sums
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String(), truth
}

// another is a client of a buyer's that is admitted now and has a contract.
func another(w *clienttest.World, name, dataset string) *client.Client {
	w.Helper()
	key, err := client.NewKey(name)
	w.Must(err)
	_, err = govern.AddPrincipal(w.Ctx, w.Client(catalog.RoleOperator), key.Public(), catalog.RoleBuyer)
	w.Must(err)
	c, err := client.New(w.Profile, key, w.Options())
	w.Must(err)
	w.Cleanup(c.Close)
	order, err := exchange.CreateOrder(w.Ctx, c, catalog.OrderCreate{Dataset: dataset, Purpose: "a test"})
	w.Must(err)
	_, err = exchange.ApproveOrder(w.Ctx, w.Client(catalog.RolePublisher), catalog.OrderApprove{Order: order})
	w.Must(err)
	return c
}

// wholeAnswers are all county and total figures, complete, as CSV.
func wholeAnswers(w *clienttest.World, c *client.Client) (tables [2][]byte, rows [][]any) {
	w.Helper()
	for i, dims := range []string{"county, period", "period"} {
		sql := fmt.Sprintf("SELECT %s, SUM(nox), SUM(so2), SUM(co2) FROM emitters GROUP BY %s ORDER BY %s", dims, dims, dims)
		res, err := ask.Query(w.Ctx, c, sql, ask.Options{Complete: true})
		if err != nil {
			w.Fatalf("%s: %v", sql, err)
		}
		var b bytes.Buffer
		w.Must(res.Table.WriteCSV(&b))
		tables[i] = b.Bytes()
		for _, row := range res.Table.Rows {
			if i == 1 {
				row = append([]any{""}, row...)
			}
			rows = append(rows, row)
		}
	}
	return tables, rows
}

// randomQuery is one that a buyer may ask, and hostileQuery one that cuts somebody out.
func randomQuery(r *rand.Rand) string {
	dims := []string{"county", "industry", "county, industry", "period", "county, period", "date_trunc('year', period) AS y, county"}[r.IntN(6)]
	group := strings.ReplaceAll(dims, "date_trunc('year', period) AS y", "y")
	where := []string{
		"", fmt.Sprintf(" WHERE county <> '%s'", usefulCounty(r.IntN(11))), fmt.Sprintf(" WHERE industry IN ('i%d', 'i0')", 1+r.IntN(4)),
		fmt.Sprintf(" WHERE period >= '%s'", usefulMonth(r.IntN(usefulMonths))), fmt.Sprintf(" WHERE county = '%s'", usefulCounty(r.IntN(11))),
	}[r.IntN(5)]
	what := []string{"SUM(nox)", "SUM(so2), AVG(co2)", "SUM(nox), SUM(so2), SUM(co2), COUNT(*)"}[r.IntN(3)]
	return fmt.Sprintf("SELECT %s, %s FROM emitters%s GROUP BY %s", dims, what, where, group)
}

func hostileQuery(r *rand.Rand) string {
	e := r.IntN(usefulEmitters)
	where := []string{
		fmt.Sprintf("emitter <> 'e%03d'", e), fmt.Sprintf("emitter = 'e%03d'", e), fmt.Sprintf("emitter <= 'e%03d'", e),
		fmt.Sprintf("emitter IN ('e%03d', 'e%03d', 'e%03d', 'e%03d', 'e%03d')", e, (e+11)%300, (e+22)%300, (e+33)%300, (e+44)%300),
		fmt.Sprintf("county <> '%s' OR emitter = 'e%03d'", usefulCounty(e), e),
	}[r.IntN(5)]
	return fmt.Sprintf("SELECT county, period, SUM(nox), SUM(co2) FROM emitters WHERE %s GROUP BY county, period", where)
}

// With a few readings missing here and there every county's and every total's figure is
// whole, equals plaintext, and is the same bytes whatever others asked before.
func TestCountiesAndTotalsAreWholeWhateverWasAskedBefore(t *testing.T) {
	w := clienttest.New(t)
	csv, truth := usefulCSV()
	c := w.Client(catalog.RolePublisher)
	_, err := publish.Publish(w.Ctx, c, w.Prepare(c, usefulDescriptor, csv), nil)
	w.Must(err)
	before, rows := wholeAnswers(w, another(w, "first", "emitters"))
	got := map[[2]string][3]int{}
	for _, row := range rows {
		var sums [3]int
		for i := range sums {
			if _, err := fmt.Sscan(fmt.Sprint(row[2+i]), &sums[i]); err != nil {
				t.Fatalf("%v: %v", row, err)
			}
		}
		got[[2]string{fmt.Sprint(row[0]), fmt.Sprint(row[1])}] = sums
	}
	if d := cmp.Diff(truth, got); d != "" {
		t.Errorf("(-plaintext +answer)\n%.2000s", d)
	}

	r := rand.New(rand.NewPCG(3, 8)) //nolint:gosec // a test's queries
	rival := another(w, "rival", "emitters")
	answered, refused := 0, 0
	for i := range 70 {
		sql, o := randomQuery(r), ask.Options{}
		if i%7 > 4 { // 20 of them
			sql, o = hostileQuery(r), ask.Options{Partial: i%2 == 0, Complete: i%3 == 0 && i%2 == 1}
		}
		_, err := ask.Query(w.Ctx, rival, sql, o)
		switch _, is := client.IsRefused(err); {
		case err == nil:
			answered++
		case is:
			refused++
		default:
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if answered < 40 || refused < 10 {
		t.Errorf("%d queries are answered and %d refused: the test shows too little", answered, refused)
	}
	after, _ := wholeAnswers(w, another(w, "third", "emitters"))
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("after %d queries of another (-before +after)\n%.2000s", answered+refused, d)
	}
}
