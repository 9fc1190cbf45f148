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
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/seeds"
)

// A portfolio of 2,000 of the seeds' enterprises, by county, and one of 500, as a
// total, equal the plaintext, after the client has left out what would fail the
// cohort test and said so.
func TestPortfoliosOfSeedEnterprisesEqualPlaintext(t *testing.T) {
	if testing.Short() {
		t.Skip("publishes 25,137 enterprises")
	}
	ctx := testContext(t)
	c := start(ctx, t, t.TempDir())
	_, buyer := publishSeed(ctx, t, c, seeds.Options{}, "enterprise_monthly")
	contracts, err := buyer.Contracts(ctx)
	if err != nil || len(contracts) != 1 {
		t.Fatalf("%d contracts, %v", len(contracts), err)
	}
	reg, err := buyer.Registry(ctx, "enterprises")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := buyer.RegistryRows(ctx, "enterprises", reg.Rows)
	if err != nil {
		t.Fatal(err)
	}
	county := 1 + slices.Index(reg.Columns, "county")
	counties := countiesOf(rows, county)
	co2 := co2Of2024(t)

	// The small one first, over two counties, since a class is answered exactly for
	// one portfolio; then the large one over the others.
	few, rest := counties[:2], counties[2:]
	for _, p := range []struct {
		name     string
		size     int
		counties []string
		by       bool
	}{{"few", 500, few, false}, {"many", 2000, rest, true}} {
		t.Run(p.name, func(t *testing.T) {
			where := " FROM enterprise_monthly WHERE entity IN PRIVATE(" + p.name + ") AND county IN ('" + strings.Join(p.counties, "', '") + "') AND period = '2024'"
			sql := "SELECT SUM(co2_t), COUNT(co2_t)" + where
			if p.by {
				sql = "SELECT county, SUM(co2_t), COUNT(co2_t)" + where + " GROUP BY county"
			}
			selected := draw(rows, county, p.counties, p.size)
			preview, err := buyer.Cohorts(ctx, sql, client.QueryOptions{Contract: contracts[0].ID})
			if err != nil {
				t.Fatal(err)
			}
			var sets []catalog.CohortSet
			for _, s := range preview.Sets {
				sets = append(sets, catalog.CohortSet(s))
			}
			proposal := client.ProposeCohort(preview.MinCohort, sets, selected)
			t.Logf("%d of %d sets would fail; %d of %d enterprises are left out", len(proposal.Failures), len(sets), len(proposal.LeaveOut), p.size)
			if len(proposal.Failures) == 0 || len(proposal.Hopeless) > 0 || proposal.Left < p.size/2 {
				t.Fatalf("the proposal leaves %d of %d, %d sets are hopeless", proposal.Left, p.size, len(proposal.Hopeless))
			}
			values := make([]uint64, reg.Rows)
			sums, cells := map[string]*big.Rat{}, map[string]int{}
			for _, e := range selected {
				if slices.Contains(proposal.LeaveOut, e) {
					continue
				}
				values[e] = 1
				key := ""
				if p.by {
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
			if _, err := buyer.RegisterVector(ctx, client.VectorPlan{Name: p.name, Registry: reg, Values: values, Bits: 1}, nil); err != nil {
				t.Fatal(err)
			}
			var want [][]string
			for key, sum := range sums {
				row := []string{sum.FloatString(1), fmt.Sprint(cells[key])}
				if p.by {
					row = append([]string{key}, row...)
				}
				want = append(want, row)
			}
			slices.SortFunc(want, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
			got, _, err := answer(ctx, buyer, sql, nil)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got[1:]); d != "" {
				t.Errorf("(-plaintext +answer)\n%s", d)
			}
		})
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
