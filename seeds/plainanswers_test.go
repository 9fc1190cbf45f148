package seeds

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// above is the share of a column's cells above a limit, to 12 places.
func (x table) above(t *testing.T, column, limit string, keep func(row []string) bool) string {
	t.Helper()
	at, n, above := x.at(t, column), int64(0), int64(0)
	bound, err := strconv.ParseFloat(limit, 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range x.rows {
		if row[at] == "" || !keep(row) {
			continue
		}
		value, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if value > bound {
			above++
		}
	}
	return big.NewRat(above, n).FloatString(12)
}

// limitAnswer counts what is beyond the limits of classes III and II, of phosphorus those
// of rivers and of lakes for all.
func limitAnswer(t *testing.T, all map[string][]byte) []Result {
	t.Helper()
	water := tableOf(t, all["water_daily.csv"])
	registry, err := ReadResult(bytes.NewReader(all["sections.csv"]))
	if err != nil {
		t.Fatal(err)
	}
	limits := [][3]string{
		{"codmn_iii", "codmn", "6"}, {"nh3n_iii", "nh3n", "1"}, {"tp_iii", "tp", "0.2"}, {"lake_tp_iii", "tp", "0.05"}, {"do_iii", "do", "4.9"},
		{"codmn_ii", "codmn", "4"}, {"nh3n_ii", "nh3n", "0.5"}, {"tp_ii", "tp", "0.1"}, {"lake_tp_ii", "tp", "0.025"}, {"do_ii", "do", "5.9"},
	}
	r := Result{Columns: []string{"section"}}
	for _, l := range limits {
		r.Columns = append(r.Columns, l[0])
	}
	for _, section := range registry.Rows {
		row := []string{section[0]}
		for _, l := range limits {
			row = append(row, water.above(t, l[1], l[2], func(row []string) bool { return row[0] == section[0] }))
		}
		r.Rows = append(r.Rows, row)
	}
	return []Result{r, registry}
}

// homeAnswer sums VOC of six industries by county, the largest first.
func homeAnswer(t *testing.T, all map[string][]byte) []Result {
	t.Helper()
	entities, data := tableOf(t, all["enterprises.csv"]), tableOf(t, all["enterprise_monthly.csv"])
	group := map[string][2]string{}
	for _, row := range entities.rows {
		group[row[0]] = [2]string{row[entities.at(t, "industry")], row[entities.at(t, "county")]}
	}
	sums := map[[2]string]int64{}
	at := data.at(t, "voc_kg")
	for _, row := range data.rows {
		if row[at] == "" {
			continue
		}
		tenths, err := strconv.ParseInt(strings.Replace(row[at], ".", "", 1), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[group[row[0]]] += tenths
	}
	r := Result{Columns: []string{"industry", "county", "voc_kg"}}
	for _, industry := range []string{"food_liquor", "frp", "fur", "instruments", "rubber_plastics", "wire_mesh"} {
		var rows [][]string
		for of, tenths := range sums {
			if of[0] == industry {
				rows = append(rows, []string{industry, of[1], big.NewRat(tenths, 10).FloatString(1)})
			}
		}
		slices.SortFunc(rows, func(a, b []string) int {
			return cmp.Compare(sums[[2]string{industry, b[1]}], sums[[2]string{industry, a[1]}])
		})
		r.Rows = append(r.Rows, rows...)
	}
	names, err := ReadResult(bytes.NewReader(all["districts.csv"]))
	if err != nil {
		t.Fatal(err)
	}
	return []Result{r, names}
}

func sectionAnswer(t *testing.T, all map[string][]byte) []Result {
	t.Helper()
	water := tableOf(t, all["water_daily.csv"])
	sections, err := ReadResult(bytes.NewReader(all["sections.csv"]))
	if err != nil {
		t.Fatal(err)
	}
	means := Result{Columns: []string{"section", "codmn", "nh3n", "tp", "do"}}
	for _, section := range sections.Rows {
		row := []string{section[0]}
		for i, scale := range []int64{10, 100, 1000, 10} {
			sum, count := water.sum(t, means.Columns[i+1], len(big.NewInt(scale).String())-1, func(row []string) bool { return row[0] == section[0] })
			row = append(row, big.NewRat(sum, count*scale).FloatString(12))
		}
		means.Rows = append(means.Rows, row)
	}
	return []Result{means, sections}
}

// countyAnswer sums, or averages, every row by county: all data of the demo's
// size lie in the period that is asked for.
func countyAnswer(t *testing.T, all map[string][]byte, registry, dataset, measure string, decimals int, mean bool) []Result {
	t.Helper()
	entities := tableOf(t, all[registry+".csv"])
	county := map[string]string{}
	for _, row := range entities.rows {
		county[row[0]] = row[entities.at(t, "county")]
	}
	data := tableOf(t, all[dataset+".csv"])
	r := Result{Columns: []string{"county", measure}}
	for _, unit := range districts {
		sum, count := data.sum(t, measure, decimals, func(row []string) bool { return county[row[0]] == unit.id })
		if count == 0 {
			t.Fatalf("no cell in %s", unit.id)
		}
		scale, text := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil).Int64(), ""
		if mean {
			text = big.NewRat(sum, count*scale).FloatString(12)
		} else {
			text = big.NewRat(sum, scale).FloatString(decimals)
		}
		r.Rows = append(r.Rows, []string{unit.id, text})
	}
	names, err := ReadResult(bytes.NewReader(all["districts.csv"]))
	if err != nil {
		t.Fatal(err)
	}
	return []Result{r, names}
}
