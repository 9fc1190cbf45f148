package dev

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/seeds"
)

// Random portfolios of 100, 2,000 and, where WEIR_LONG is set, 500 of the seeds' enterprises, as a total and by
// county, equal the plaintext of all who are listed: nothing is left out. Or the client
// says before anything is paid in which county too few are listed. The publisher asks,
// who may ask its own months for one list after the other.
func TestPortfoliosOfSeedEnterprisesEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	if testing.Short() {
		t.Skip("publishes 25,137 enterprises")
	}
	t.Parallel()
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	bureau, _ := publishSeed(ctx, t, c, seeds.Options{}, "enterprise_monthly")
	reg, err := bureau.Registry(ctx, "enterprises")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := bureau.RegistryRows(ctx, "enterprises", reg.Rows)
	if err != nil {
		t.Fatal(err)
	}
	county := 1 + slices.Index(reg.Columns, "county")
	co2 := co2Of2024(t)
	sizes := []int{100, 2000}
	if longrun.Wanted() {
		sizes = append(sizes, 500)
	}
	for _, size := range sizes {
		for _, by := range [][]string{nil, {"county"}} {
			name := fmt.Sprintf("p%d_%d", size, len(by))
			t.Run(name, func(t *testing.T) {
				list := draw(rows, county, countiesOf(rows, county), size)
				values := make([]uint64, reg.Rows)
				sums, cells := map[string]*big.Rat{}, map[string]int{}
				for _, e := range list {
					values[e] = 1
					key := ""
					if by != nil {
						key = rows[e][county]
					}
					if sums[key] == nil {
						sums[key] = new(big.Rat)
					}
					for _, x := range co2[rows[e][0]] {
						sums[key].Add(sums[key], x)
						cells[key]++
					}
				}
				if _, err := vector.Register(ctx, bureau, vector.Plan{Name: name, Registry: reg, Values: values, Pieces: 1, By: by}, nil); err != nil {
					t.Fatal(err)
				}
				where := "SUM(co2_t), COUNT(co2_t) FROM enterprise_monthly WHERE entity IN PRIVATE(" + name + ") AND period = '2024'"
				sql := "SELECT " + where
				if by != nil {
					sql = "SELECT county, " + where + " GROUP BY county"
				}
				var want [][]string
				for key, sum := range sums {
					row := []string{sum.FloatString(1), fmt.Sprint(cells[key])}
					if by != nil {
						row = append([]string{key}, row...)
					}
					want = append(want, row)
				}
				slices.SortFunc(want, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
				got, _, err := answer(ctx, bureau, sql, nil)
				if r, refused := client.IsRefused(err); refused && size == 100 && by != nil {
					checkFew(t, r, rows, county, list)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, got[1:]); d != "" {
					t.Errorf("(-plaintext +answer)\n%s", d)
				}
			})
		}
	}
}

// checkFew requires that a list was refused on this machine because of a county in which
// it has fewer entities than min_cohort.
func checkFew(t *testing.T, r *catalog.Refusal, rows [][]string, county int, list []int32) {
	t.Helper()
	words, _ := client.Words(r)
	listed := map[string]int{}
	for _, e := range list {
		listed[rows[e][county]]++
	}
	named := 0
	for name, n := range listed {
		if strings.Contains(words, " of "+name) {
			if named++; n >= 5 {
				t.Errorf("%d of the list are in %s, which is refused: %s", n, name, words)
			}
		}
	}
	if r.Rule != ask.RuleTest || named == 0 {
		t.Errorf("refused by %s, which names %d counties of the list: %s", r.Rule, named, words)
	}
}

func countiesOf(rows [][]string, column int) (list []string) {
	for _, r := range rows {
		if !slices.Contains(list, r[column]) {
			list = append(list, r[column])
		}
	}
	slices.Sort(list)
	return list
}

// draw takes so many enterprises of the counties, ascending.
func draw(rows [][]string, column int, counties []string, size int) (list []int32) {
	for e, r := range rows {
		if slices.Contains(counties, r[column]) {
			list = append(list, int32(e)) //nolint:gosec // a position in a registry
		}
	}
	r := rand.New(rand.NewPCG(9, 10)) //nolint:gosec // a test's portfolio
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	list = list[:size]
	slices.Sort(list)
	return list
}

// co2Of2024 are the readings of the seeds' own file, by enterprise.
func co2Of2024(t *testing.T) map[string][]*big.Rat {
	t.Helper()
	g, err := seeds.New(seeds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	datasets, err := g.Datasets()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(datasets, func(d seeds.Dataset) bool { return d.ID == "enterprise_monthly" })
	var b bytes.Buffer
	if err := datasets[i].Write(&b); err != nil {
		t.Fatal(err)
	}
	in := csv.NewReader(&b)
	head, err := in.Read()
	if err != nil {
		t.Fatal(err)
	}
	period, value := slices.Index(head, "period"), slices.Index(head, "co2_t")
	out := map[string][]*big.Rat{}
	all, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all {
		if !strings.HasPrefix(row[period], "2024") || row[value] == "" {
			continue
		}
		x, ok := new(big.Rat).SetString(row[value])
		if !ok {
			t.Fatal(row)
		}
		out[row[0]] = append(out[row[0]], x)
	}
	return out
}
