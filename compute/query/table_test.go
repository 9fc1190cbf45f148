package query

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
)

// panelQuery asks for everything about the first measure that the verdict opens
// (or only for counts), by two attributes and month.
func panelQuery(t *rapid.T, p *panel) *Compiled {
	items := "SELECT x, h, period, COUNT(*), COUNT(m0)"
	for _, c := range p.verdict.Columns {
		items += fmt.Sprintf(", SUM(%s), AVG(%s), COUNT(%s)", c.Measure, c.Measure, c.Measure)
	}
	c, err := Compile(items+" FROM d GROUP BY x, h, period", Schema{Descriptor: p.descriptor, Columns: []string{"x", "h"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *panel) input(t testing.TB, sums []int64) Input {
	t.Helper()
	plan, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Descriptor: p.descriptor, Version: p.version, Verdict: p.verdict, Plan: plan, Presence: p, Sums: sums}
}

// naiveRows works the result out reading by reading, in rational arithmetic.
func (p *panel) naiveRows() [][]any {
	groups := p.groups()
	type key struct{ measure, group int }
	counts, sums, rows := map[key]int64{}, map[key]*big.Rat{}, map[int]int64{}
	columnOf := func(measure int) int {
		return slices.IndexFunc(p.verdict.Columns, func(c catalog.Column) bool { return c.Measure == p.descriptor.Measures[measure].Name })
	}
	for i := range p.version.Entities * p.version.Periods {
		e, at := i%p.version.Entities, i/p.version.Entities
		present := false
		for m, d := range p.descriptor.Measures {
			if !p.present[m].Test(uint(i)) {
				continue
			}
			present = true
			g := p.number(groups, columnOf(m), e, at)
			if g < 0 {
				continue
			}
			k := key{m, g}
			counts[k]++
			if sums[k] == nil {
				sums[k] = new(big.Rat)
			}
			reading := new(big.Rat).SetFrac(big.NewInt(p.values[m][i]+d.Mid()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Decimals)), nil))
			sums[k].Add(sums[k], reading)
		}
		if g := p.number(groups, -1, e, at); g >= 0 && present {
			rows[g]++
		}
	}
	out := [][]any{}
	for at, g := range groups {
		if rows[g] == 0 {
			continue
		}
		values := p.verdict.EntityGroups[at.Entity].Values
		row := []any{values[0], values[1], p.verdict.PeriodGroups[at.Period].Value, rows[g], counts[key{0, g}]}
		for c := range p.verdict.Columns {
			m := p.measure(c)
			k := key{m, g}
			if counts[k] == 0 {
				row = append(row, nil, nil, int64(0))
				continue
			}
			avg := new(big.Rat).Quo(sums[k], new(big.Rat).SetInt64(counts[k]))
			row = append(row, sums[k].FloatString(p.descriptor.Measures[m].Decimals), avg.FloatString(12), counts[k])
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b []any) int {
		return slices.CompareFunc(a[:3], b[:3], func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
	})
	return out
}

func TestTableEqualsANaiveReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		c := panelQuery(t, p)
		plan, err := NewPlan(p.descriptor, p.version, p.verdict)
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Descriptor: p.descriptor, Version: p.version, Verdict: p.verdict, Plan: plan, Presence: p, Sums: p.run(plan)}
		table, err := c.Table(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.naiveRows(), table.Rows); diff != "" {
			t.Fatalf("rows (-naive +table):\n%s", diff)
		}
		if table.Withheld != len(p.verdict.Withheld) {
			t.Fatalf("%d groups withheld, want %d", table.Withheld, len(p.verdict.Withheld))
		}
		checkOmitted(t, p, table)
		if plan.Width > 0 {
			in.Sums = slices.Clone(in.Sums)
			in.Sums[rapid.IntRange(0, plan.Width-1).Draw(t, "damaged")] += 1 << 50
			var check *CheckError
			if table, err := c.Table(in); !errors.As(err, &check) || table != nil {
				t.Fatalf("a sum beyond any range gives %v and error %v", table, err)
			}
		}
	})
}

// checkOmitted counts, for each row, the periods in which the group's cells are
// not in some column.
func checkOmitted(t *rapid.T, p *panel, table *Table) {
	if (table.Omitted != nil) != (len(p.verdict.Exclusions) > 0 && len(table.Rows) > 0) {
		t.Fatalf("omitted periods %v of exclusions %v", table.Omitted, p.verdict.Exclusions)
	}
	for row := range table.Omitted {
		want := 0
		for at := range int64(p.version.Periods) {
			if p.omits(table.Rows[row], p.version.First+at) {
				want++
			}
		}
		if table.Omitted[row] != want {
			t.Fatalf("row %v omits %d periods, want %d of exclusions %v", table.Rows[row], table.Omitted[row], want, p.verdict.Exclusions)
		}
	}
}

// omits reports whether the group of a row covers a period and an exclusion
// keeps it out.
func (p *panel) omits(row []any, period int64) bool {
	holds := func(list []catalog.Interval) bool {
		return slices.ContainsFunc(list, func(i catalog.Interval) bool { return i.From <= period && period < i.To })
	}
	covered := slices.ContainsFunc(p.verdict.PeriodGroups, func(g catalog.PeriodGroup) bool { return g.Value == row[2] && holds(g.Intervals) })
	return covered && slices.ContainsFunc(p.verdict.Exclusions, func(e catalog.Exclusion) bool {
		return p.verdict.EntityGroups[p.verdict.Parts[e.Part].Group].Values[1] == row[1] && holds(e.Intervals)
	})
}

// fewReadings is onePanel with readings: x has 1, 2 and 4 in group a and none in
// b; y has −1.5 in a (tenths) and 2 in b.
func fewReadings() (*panel, *Compiled) {
	p := onePanel()
	p.descriptor.Grain, p.descriptor.Entity = catalog.GrainMonth, "site"
	p.descriptor.Measures[0] = catalog.Measure{Name: "m", Unit: "t", Min: -100, Max: 101, Decimals: 1}
	p.present, p.values = newSets(2, 12), [][]int64{make([]int64, 12), make([]int64, 12)}
	for cell, tenths := range map[int]int64{0: 10, 2: 20, 3: 40, 1: -15, 7: 20} {
		p.present[0].Set(uint(cell)) //nolint:gosec // small
		p.values[0][cell] = tenths - p.descriptor.Measures[0].Mid()
	}
	p.present[1].Set(6)
	c, err := Compile("SELECT x, period AS month, SUM(m), AVG(m), COUNT(m), COUNT(*), COUNT(n) FROM d GROUP BY x, month",
		Schema{Descriptor: p.descriptor, Columns: []string{"x"}})
	if err != nil {
		panic(err)
	}
	return p, c
}

func TestTableOfFewReadings(t *testing.T) {
	p, c := fewReadings()
	table, err := c.Table(p.input(t, p.sums()))
	if err != nil {
		t.Fatal(err)
	}
	want := &Table{
		Columns: []Column{{"x", TypeText, ""}, {"month", TypePeriod, ""}, {"sum(m)", TypeDecimal, "t"}, {"avg(m)", TypeDecimal, "t"},
			{"count(m)", TypeInteger, ""}, {"count(*)", TypeInteger, ""}, {"count(n)", TypeInteger, ""}},
		Rows: [][]any{
			{"x", "a", "7.0", "2.333333333333", int64(3), int64(3), int64(0)},
			{"x", "b", nil, nil, int64(0), int64(1), int64(1)},
			{"y", "a", "-1.5", "-1.500000000000", int64(1), int64(1), int64(0)},
			{"y", "b", "2.0", "2.000000000000", int64(1), int64(1), int64(0)},
		},
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Fatalf("table (-want +got):\n%s", diff)
	}
}

func TestOrderAndLimit(t *testing.T) {
	p, c := fewReadings()
	firsts := func(order []Order, limit *int) string {
		c.Order, c.Limit = order, limit
		table, err := c.Table(p.input(t, p.sums()))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, row := range table.Rows {
			out = append(out, fmt.Sprint(row[0], row[1]))
		}
		return strings.Join(out, " ")
	}
	two, none := 2, 0
	for _, tc := range []struct {
		order []Order
		limit *int
		want  string
	}{
		{nil, nil, "xa xb ya yb"},
		{[]Order{{Output: 2}}, nil, "ya yb xa xb"},
		{[]Order{{Output: 2, Desc: true}}, nil, "xb xa yb ya"},
		{[]Order{{Output: 3}}, &two, "ya yb"},
		{[]Order{{Output: 3, Desc: true}}, nil, "xb xa yb ya"},
		{[]Order{{Output: 5}, {Output: 1, Desc: true}}, nil, "xb yb ya xa"},
		{[]Order{{Output: 4, Desc: true}}, nil, "xa ya yb xb"},
		{[]Order{{Output: 1, Desc: true}, {Output: 0}}, nil, "xb yb xa ya"},
		{nil, &none, ""},
	} {
		if got := firsts(tc.order, tc.limit); got != tc.want {
			t.Errorf("ordered by %v, limit %v: %s, want %s", tc.order, tc.limit, got, tc.want)
		}
	}
}

// TestSumsAtTheEdgeOfTheRange accepts count × bound and nothing beyond, and a
// sum over no cells only when it is 0.
func TestSumsAtTheEdgeOfTheRange(t *testing.T) {
	p, c := fewReadings()
	mid := p.descriptor.Measures[0].Mid()
	for _, tc := range []struct {
		group, enc int64
		ok         bool
	}{
		{0, 3 * (101 - mid), true}, {0, 3*(101-mid) + 1, false}, {0, 3 * (-100 - mid), true}, {0, 3*(-100-mid) - 1, false},
		{1, 0, true}, {1, 1, false}, {1, -1, false},
	} {
		sums := p.sums()
		sums[tc.group] = tc.enc
		table, err := c.Table(p.input(t, sums))
		var check *CheckError
		if tc.ok && err != nil || !tc.ok && (!errors.As(err, &check) || table != nil || !strings.Contains(err.Error(), "no figure is printed")) {
			t.Errorf("sum %d of group %d: table %v, error %v", tc.enc, tc.group, table, err)
		}
	}
	sums := p.sums()
	sums[0] = 3*(101-mid) + 1
	_, err := c.Table(p.input(t, sums))
	want := &CheckError{Measure: "m", Group: "x, a", Count: 3, Sum: "30.4", Least: "-30.0", Most: "30.3"}
	var check *CheckError
	if !errors.As(err, &check) || cmp.Diff(want, check) != "" {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestIncompleteGroupsSayHowManyEntities(t *testing.T) {
	p, c := fewReadings()
	p.verdict.EntityGroups[0].Of = 5
	p.verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 0}}
	table, err := c.Table(p.input(t, p.sums()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int{{2, 2, 1}, {5, 5, 1}, {1}}, [][]int{table.Included, table.Of, {table.Withheld}}); diff != "" {
		t.Fatalf("included, of, withheld (-want +got):\n%s", diff)
	}
}

func TestAverageRoundsHalvesAwayFromZero(t *testing.T) {
	f := figures{measure: catalog.Measure{Decimals: 9}, counts: []int64{2000, 2000, 8}}
	f.sums = []*big.Int{big.NewInt(1), big.NewInt(-1), big.NewInt(1)}
	for i, want := range []string{"0.000000000001", "-0.000000000001", "0.000000000125"} {
		if got := f.cell(fnAvg, i); got != want {
			t.Errorf("average of %s·10^-9 over %d is %v, want %s", f.sums[i], f.counts[i], got, want)
		}
	}
}

func TestDecimalText(t *testing.T) {
	for _, tc := range []struct {
		v        int64
		decimals int
		want     string
	}{{0, 0, "0"}, {0, 2, "0.00"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {12345, 2, "123.45"}, {-123, 0, "-123"}, {100, 2, "1.00"}, {-100, 3, "-0.100"}} {
		if got := decimalText(big.NewInt(tc.v), tc.decimals); got != tc.want {
			t.Errorf("%d·10^-%d is written %s, want %s", tc.v, tc.decimals, got, tc.want)
		}
	}
}

func TestTableRefusesPartsOfDifferentQueries(t *testing.T) {
	for name, change := range map[string]func(*Input, *Compiled){
		"no plan":                func(in *Input, _ *Compiled) { in.Plan = nil },
		"no presence":            func(in *Input, _ *Compiled) { in.Presence = nil },
		"too few sums":           func(in *Input, _ *Compiled) { in.Sums = in.Sums[1:] },
		"another plan":           func(in *Input, _ *Compiled) { in.Plan = &Plan{Groups: in.Plan.Groups[1:], Width: in.Plan.Width} },
		"another presence":       func(in *Input, _ *Compiled) { in.Presence = onePanel() },
		"another version":        func(in *Input, _ *Compiled) { in.Version.Version = 9 },
		"values of other groups": func(in *Input, _ *Compiled) { in.Verdict.EntityGroups[1].Values = nil },
		"an unopened measure":    func(_ *Input, c *Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "sum", Measure: "n"} },
		"an unknown measure":     func(_ *Input, c *Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "count", Measure: "z"} },
		"an unknown function":    func(_ *Input, c *Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "max", Measure: "m"} },
		"an output too many":     func(_ *Input, c *Compiled) { c.Output[0].Index = 2 },
		"an unknown output":      func(_ *Input, c *Compiled) { c.Output[0].Kind = "" },
		"an order too many":      func(_ *Input, c *Compiled) { c.Order = []Order{{Output: 7}} },
	} {
		p, c := fewReadings()
		in := p.input(t, p.sums())
		change(&in, c)
		if table, err := c.Table(in); err == nil {
			t.Errorf("%s: a table of %v", name, table.Rows)
		}
	}
}
