package seeds

import (
	"bytes"
	"encoding/csv"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// table is a CSV in memory, for plain loops that share nothing with the
// package's own readers.
type table struct {
	header []string
	rows   [][]string
}

func tableOf(t testing.TB, data []byte) table {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return table{all[0], all[1:]}
}

func (x table) at(t testing.TB, column string) int {
	t.Helper()
	i := slices.Index(x.header, column)
	if i < 0 {
		t.Fatalf("no column %q in %q", column, x.header)
	}
	return i
}

// sum adds a column as integers of 10^-decimals over the rows that keep says.
func (x table) sum(t testing.TB, column string, decimals int, keep func(row []string) bool) (sum, count int64) {
	t.Helper()
	at := x.at(t, column)
	for _, row := range x.rows {
		if row[at] == "" || !keep(row) {
			continue
		}
		whole, fraction, _ := strings.Cut(row[at], ".")
		if len(fraction) != decimals {
			t.Fatalf("%q does not have %d decimals", row[at], decimals)
		}
		value, err := strconv.ParseInt(whole+fraction, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += value
		count++
	}
	return sum, count
}

func (x table) count(t testing.TB, column string, values ...string) int {
	t.Helper()
	at, n := x.at(t, column), 0
	for _, row := range x.rows {
		if slices.Contains(values, row[at]) {
			n++
		}
	}
	return n
}

func inYear(year string) func([]string) bool {
	return func(row []string) bool { return strings.HasPrefix(row[1], year) }
}

func agrees(t testing.TB, id string, answer *big.Rat) {
	t.Helper()
	f, err := FigureByID(id)
	if err != nil {
		t.Fatal(err)
	}
	ok, err := f.Agrees(answer)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Errorf("%s is %s, published %s", id, answer.FloatString(6), f)
	}
}

// checkAirFigures reproduces every air figure by plain loops.
func checkAirFigures(t *testing.T, data []byte) {
	t.Helper()
	air := tableOf(t, data)
	mean := func(measure, year string) *big.Rat {
		sum, count := air.sum(t, measure, 0, inYear(year))
		return big.NewRat(sum, count)
	}
	fall := func(from, to *big.Rat) *big.Rat {
		ratio := new(big.Rat).Quo(to, from)
		return ratio.Mul(ratio.Sub(big.NewRat(1, 1), ratio), big.NewRat(100, 1))
	}
	agrees(t, "pm25_2020", mean("pm25", "2020"))
	agrees(t, "pm25_2024", mean("pm25", "2024"))
	agrees(t, "pm25_2025", mean("pm25", "2025"))
	agrees(t, "pm25_2025_limit", mean("pm25", "2025"))
	agrees(t, "pm10_2020", mean("pm10", "2020"))
	agrees(t, "pm10_2024", mean("pm10", "2024"))
	agrees(t, "pm25_fall", fall(mean("pm25", "2020"), mean("pm25", "2024")))
	agrees(t, "pm10_fall", fall(mean("pm10", "2020"), mean("pm10", "2024")))
	whole := func(year string) *big.Rat {
		index := plainIndex(t, air, year, mean)
		value := new(big.Rat)
		value.SetFloat64(index)
		return value
	}
	agrees(t, "air_index_2024", whole("2024"))
	agrees(t, "air_index_fall", fall(whole("2020"), whole("2024")))
}

// plainIndex is the composite index in floating point, percentiles of sorted
// daily means.
func plainIndex(t *testing.T, air table, year string, mean func(string, string) *big.Rat) float64 {
	t.Helper()
	total := 0.0
	for measure, limit := range map[string]float64{"pm25": 35, "pm10": 70, "so2": 60, "no2": 40} {
		value, _ := mean(measure, year).Float64()
		total += value / limit
	}
	for measure, p := range map[string]struct{ share, limit float64 }{"co": {0.95, 4}, "o3_8h": {0.90, 160}} {
		at := air.at(t, measure)
		sums, counts := map[string]float64{}, map[string]float64{}
		for _, row := range air.rows {
			if row[at] == "" || !strings.HasPrefix(row[1], year) {
				continue
			}
			value, err := strconv.ParseFloat(row[at], 64)
			if err != nil {
				t.Fatal(err)
			}
			sums[row[1]] += value
			counts[row[1]]++
		}
		var daily []float64
		for day, sum := range sums {
			daily = append(daily, sum/counts[day])
		}
		slices.Sort(daily)
		k := float64(len(daily)-1) * p.share
		s := int(k)
		total += (daily[s] + (daily[s+1]-daily[s])*(k-float64(s))) / p.limit
	}
	return total
}

func TestEveryFigureWithDataComesOutOfTheData(t *testing.T) {
	g := newGenerator(t, Options{})
	all := files(t, g)
	checkAirFigures(t, all["air_daily.csv"])
	number := func(n int) *big.Rat { return big.NewRat(int64(n), 1) }

	enterprises := tableOf(t, all["enterprises.csv"])
	agrees(t, "rights_enterprises", number(len(enterprises.rows)))
	agrees(t, "gas_enterprises", number(enterprises.count(t, "gas_emitter", "yes")))
	agrees(t, "graded", number(enterprises.count(t, "grade", "A", "B", "leading")))
	agrees(t, "graded_a", number(enterprises.count(t, "grade", "A")))
	agrees(t, "graded_b", number(enterprises.count(t, "grade", "B")))
	agrees(t, "graded_leading", number(enterprises.count(t, "grade", "leading")))
	agrees(t, "positive_list", number(enterprises.count(t, "positive_list", "yes")))
	agrees(t, "power_companies", number(len(tableOf(t, all["power_companies.csv"]).rows)))
	warnings, _ := tableOf(t, all["warnings_monthly.csv"]).sum(t, "warnings", 0, inYear("2024"))
	agrees(t, "warnings", big.NewRat(warnings, 1))

	sections := tableOf(t, all["sections.csv"])
	agrees(t, "sections", number(len(sections.rows)))
	// "Daily readings, all within target": every reading, not just the mean.
	water := tableOf(t, all["water_daily.csv"])
	for _, row := range water.rows {
		for i, within := range []func(float64) bool{
			func(x float64) bool { return x <= 6 },
			func(x float64) bool { return x <= 1 },
			func(x float64) bool { return x <= 0.2 && (row[0] < "section_12" || x <= 0.05) },
			func(x float64) bool { return x >= 5 },
		} {
			if row[2+i] == "" {
				continue
			}
			if x, err := strconv.ParseFloat(row[2+i], 64); err != nil || !within(x) {
				t.Fatalf("reading beyond class III: %q (%v)", row, err)
			}
		}
	}
}

func TestTheStrictMeanOfDailyCityValuesGivesTheSameIndex(t *testing.T) {
	g := newGenerator(t, Options{})
	air := tableOf(t, csvBytes(t, g.WriteAirDaily))
	strict := plainIndex(t, air, "2024", func(measure, year string) *big.Rat {
		at := air.at(t, measure)
		sums, counts := map[string]int64{}, map[string]int64{}
		for _, row := range air.rows {
			if value, err := strconv.ParseInt(row[at], 10, 64); err == nil && strings.HasPrefix(row[1], year) {
				sums[row[1]] += value
				counts[row[1]]++
			}
		}
		total := new(big.Rat)
		for day, sum := range sums {
			total.Add(total, big.NewRat(sum, counts[day]))
		}
		return total.Quo(total, big.NewRat(int64(len(sums)), 1))
	})
	value := new(big.Rat)
	value.SetFloat64(strict)
	agrees(t, "air_index_2024", value)
}

func TestFigureTableIsSound(t *testing.T) {
	g := newGenerator(t, Options{})
	data := map[string]bool{"": true}
	for _, r := range g.Registries() {
		data[r.ID] = true
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range datasets {
		data[d.ID] = true
	}
	seen := map[string]bool{}
	for _, f := range Figures() {
		if seen[f.ID] {
			t.Errorf("%s: twice", f.ID)
		}
		seen[f.ID] = true
		if f.Topic.EN == "" || f.Topic.ZH == "" || f.Text.EN == "" || f.Text.ZH == "" || f.Source == "" {
			t.Errorf("%s: a text is empty", f.ID)
		}
		if !data[f.Data] {
			t.Errorf("%s: no dataset or registry %q", f.ID, f.Data)
		}
		if f.Relation == Statement {
			if ok, err := f.Agrees(big.NewRat(1, 1)); ok || err != nil || f.Value != "" {
				t.Errorf("%s: a statement with a value", f.ID)
			}
			continue
		}
		value, ok := new(big.Rat).SetString(f.Value)
		if !ok || value.FloatString(f.Decimals) != f.Value {
			t.Errorf("%s: %q is not a decimal of %d digits", f.ID, f.Value, f.Decimals)
		}
		// The source line has the number, with or without separators.
		if !strings.Contains(strings.ReplaceAll(f.Source, ",", ""), f.Value) {
			t.Errorf("%s: %s is not in its source line", f.ID, f.Value)
		}
	}
	if _, err := FigureByID("none"); err == nil {
		t.Error("a figure that does not exist was found")
	}
}

func TestAgreesRoundsToThePublishedPrecision(t *testing.T) {
	for _, c := range []struct {
		relation Relation
		value    string
		decimals int
		answer   string
		want     bool
	}{
		{Exactly, "41", 0, "40.5", true},
		{Exactly, "41", 0, "41.499999999999", true},
		{Exactly, "41", 0, "41.5", false},
		{Exactly, "41", 0, "40.499999999999", false},
		{Exactly, "19.6", 1, "19.55", true},
		{Exactly, "19.6", 1, "19.65", false},
		{MoreThan, "10000", 0, "10000", false},
		{MoreThan, "10000", 0, "10001", true},
		{AtMost, "35", 0, "35.4", true},
		{AtMost, "35", 0, "35.5", false},
	} {
		answer, _ := new(big.Rat).SetString(c.answer)
		got, err := Figure{ID: "x", Relation: c.relation, Value: c.value, Decimals: c.decimals}.Agrees(answer)
		if err != nil || got != c.want {
			t.Errorf("%s against %s %s: %v, %v", c.answer, c.relation, c.value, got, err)
		}
	}
	if _, err := (Figure{Relation: Exactly, Value: "many"}).Agrees(new(big.Rat)); err == nil {
		t.Error("a value that is no number was accepted")
	}
}
