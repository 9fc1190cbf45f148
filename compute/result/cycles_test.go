package result

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bitset"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// TestJoinedPeriodsEqualANaiveReading adds up the readings of all periods of a month of the year,
// one by one, and leaves out what has a part in a withheld group.
func TestJoinedPeriodsEqualANaiveReading(t *testing.T) {
	var joined, withheld int
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawPanel(t)
		p.Descriptor.Grain = calendar.Month
		year := rapid.Bool().Draw(t, "beside years")
		items, by := "SELECT EXTRACT(MONTH FROM period) AS m, x, COUNT(*)", "m, x"
		if year {
			items, by = "SELECT quarter(period) AS m, year(period) AS y, x, COUNT(*)", "m, y, x"
		}
		for _, c := range p.Verdict.Columns {
			items += fmt.Sprintf(", SUM(%s), AVG(%s), COUNT(%s)", c.Measure, c.Measure, c.Measure)
		}
		c, err := sql.Compile(items+" FROM d GROUP BY "+by+", h ORDER BY "+by, sql.Schema{Descriptor: p.Descriptor, Columns: []string{"x", "h"}})
		if err != nil {
			t.Fatal(err)
		}
		planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		table, err := NewTable(c, Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: planned, Sums: p.Run(planned)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(naiveJoined(p, year), table.Rows); diff != "" {
			t.Fatalf("rows (-naive +table):\n%s", diff)
		}
		if len(table.Rows) > 0 && len(table.Rows) < len(p.Groups()) {
			joined++
		}
		withheld += table.Withheld
	})
	if joined == 0 || withheld == 0 {
		t.Errorf("%d tables with joined periods, %d groups withheld", joined, withheld)
	}
}

// naiveJoined are the rows of a query by month of the year, x and h, which shows no h; or by quarter, year, x and h.
func naiveJoined(p *plantest.Panel, years bool) [][]any {
	type key struct {
		part       int64
		year, x, h string
	}
	keyOf := func(at catalog.GroupIndex) key {
		first := p.Verdict.PeriodGroups[at.Period].Intervals[0].From
		values := p.Verdict.EntityGroups[at.Entity].Values
		month := (first%12 + 12) % 12
		if years {
			return key{month/3 + 1, fmt.Sprint(1970 + (first-month)/12), values[0], values[1]}
		}
		return key{month + 1, "", values[0], values[1]}
	}
	out := map[key]bool{}
	for _, at := range p.Verdict.Withheld {
		if len(p.Verdict.PeriodGroups[at.Period].Intervals) > 0 {
			out[keyOf(at)] = true
		}
	}
	numbers, groups := p.Groups(), map[int]catalog.GroupIndex{}
	for at, g := range numbers {
		groups[g] = at
	}
	rows, counts, sums := map[key]int64{}, map[string]int64{}, map[string]*big.Rat{}
	for i := range p.Version.Entities * p.Version.Periods {
		e, at := i%p.Version.Entities, i/p.Version.Entities
		present := slices.ContainsFunc(p.Present, func(b *bitset.BitSet) bool { return b.Test(uint(i)) })
		if g := p.Number(numbers, -1, e, at); g >= 0 && present && !out[keyOf(groups[g])] {
			rows[keyOf(groups[g])]++
		}
		for column := range p.Verdict.Columns {
			m := p.Measure(column)
			g := p.Number(numbers, column, e, at)
			if g < 0 || !p.Present[m].Test(uint(i)) || out[keyOf(groups[g])] {
				continue
			}
			k := fmt.Sprint(keyOf(groups[g]), column)
			counts[k]++
			if sums[k] == nil {
				sums[k] = new(big.Rat)
			}
			d := p.Descriptor.Measures[m]
			sums[k].Add(sums[k], new(big.Rat).SetFrac(big.NewInt(p.Values[m][i]+d.Mid()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Decimals)), nil)))
		}
	}
	keys := []key{}
	for k := range rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.part, b.part), strings.Compare(a.year, b.year), strings.Compare(a.x, b.x), strings.Compare(a.h, b.h))
	})
	list := [][]any{}
	for _, k := range keys {
		row := []any{k.part}
		if years {
			row = append(row, k.year)
		}
		row = append(row, k.x, rows[k])
		for column := range p.Verdict.Columns {
			at := fmt.Sprint(k, column)
			if counts[at] == 0 {
				row = append(row, nil, nil, int64(0))
				continue
			}
			avg := new(big.Rat).Quo(sums[at], new(big.Rat).SetInt64(counts[at]))
			row = append(row, sums[at].FloatString(p.Descriptor.Measures[p.Measure(column)].Decimals), avg.FloatString(12), counts[at])
		}
		list = append(list, row)
	}
	return list
}
