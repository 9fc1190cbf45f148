package result

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
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// panelQuery asks for everything about the first measure that the verdict opens
// (or only for counts), by two attributes and month.
func panelQuery(t *rapid.T, p *plantest.Panel) *sql.Compiled {
	items := "SELECT x, h, period, COUNT(*), COUNT(m0)"
	for _, c := range p.Verdict.Columns {
		items += fmt.Sprintf(", SUM(%s), AVG(%s), COUNT(%s)", c.Measure, c.Measure, c.Measure)
	}
	c, err := sql.Compile(items+" FROM d GROUP BY x, h, period", sql.Schema{Descriptor: p.Descriptor, Columns: []string{"x", "h"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inputOf(p *plantest.Panel, t testing.TB, sums []int64) Input {
	t.Helper()
	plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: plan, Sums: sums}
}

// naiveRows works the result out reading by reading, in rational arithmetic.
func naiveRows(p *plantest.Panel) [][]any {
	groups := p.Groups()
	type key struct{ measure, group int }
	counts, sums, rows := map[key]int64{}, map[key]*big.Rat{}, map[int]int64{}
	columnOf := func(measure int) int {
		return slices.IndexFunc(p.Verdict.Columns, func(c catalog.Column) bool { return c.Measure == p.Descriptor.Measures[measure].Name })
	}
	for i := range p.Version.Entities * p.Version.Periods {
		e, at := i%p.Version.Entities, i/p.Version.Entities
		present := false
		for m, d := range p.Descriptor.Measures {
			if !p.Present[m].Test(uint(i)) {
				continue
			}
			present = true
			g := p.Number(groups, columnOf(m), e, at)
			if g < 0 {
				continue
			}
			k := key{m, g}
			counts[k]++
			if sums[k] == nil {
				sums[k] = new(big.Rat)
			}
			reading := new(big.Rat).SetFrac(big.NewInt(p.Values[m][i]+d.Mid()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Decimals)), nil))
			sums[k].Add(sums[k], reading)
		}
		if g := p.Number(groups, -1, e, at); g >= 0 && present {
			rows[g]++
		}
	}
	out := [][]any{}
	for at, g := range groups {
		if rows[g] == 0 {
			continue
		}
		values := p.Verdict.EntityGroups[at.Entity].Values
		row := []any{values[0], values[1], p.Verdict.PeriodGroups[at.Period].Value, rows[g], counts[key{0, g}]}
		for c := range p.Verdict.Columns {
			m := p.Measure(c)
			k := key{m, g}
			if counts[k] == 0 {
				row = append(row, nil, nil, int64(0))
				continue
			}
			avg := new(big.Rat).Quo(sums[k], new(big.Rat).SetInt64(counts[k]))
			row = append(row, sums[k].FloatString(p.Descriptor.Measures[m].Decimals), avg.FloatString(12), counts[k])
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
		p := plantest.DrawPanel(t)
		c := panelQuery(t, p)
		plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: plan, Sums: p.Run(plan)}
		table, err := NewTable(c, in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(naiveRows(p), table.Rows); diff != "" {
			t.Fatalf("rows (-naive +table):\n%s", diff)
		}
		if table.Withheld != len(p.Verdict.Withheld) {
			t.Fatalf("%d groups withheld, want %d", table.Withheld, len(p.Verdict.Withheld))
		}
		checkOmitted(t, p, table)
		if plan.Width > 0 {
			in.Sums = slices.Clone(in.Sums)
			in.Sums[rapid.IntRange(0, plan.Width-1).Draw(t, "damaged")] += 1 << 50
			var check *CheckError
			if table, err := NewTable(c, in); !errors.As(err, &check) || table != nil {
				t.Fatalf("a sum beyond any range gives %v and error %v", table, err)
			}
		}
	})
}

// checkOmitted counts, for each row, the periods in which the group's cells are
// not in some column.
func checkOmitted(t *rapid.T, p *plantest.Panel, table *Table) {
	if (table.Omitted != nil) != (len(p.Verdict.Layers[0].Exclusions) > 0 && len(table.Rows) > 0) {
		t.Fatalf("omitted periods %v of exclusions %v", table.Omitted, p.Verdict.Layers[0].Exclusions)
	}
	for row := range table.Omitted {
		want := 0
		for at := range int64(p.Version.Periods) {
			if omits(p, table.Rows[row], p.Version.First+at) {
				want++
			}
		}
		if table.Omitted[row] != want {
			t.Fatalf("row %v omits %d periods, want %d of exclusions %v", table.Rows[row], table.Omitted[row], want, p.Verdict.Layers[0].Exclusions)
		}
	}
}

// omits reports whether the group of a row covers a period and an exclusion
// keeps it out.
func omits(p *plantest.Panel, row []any, period int64) bool {
	holds := func(list []calendar.Interval) bool {
		return slices.ContainsFunc(list, func(i calendar.Interval) bool { return i.From <= period && period < i.To })
	}
	covered := slices.ContainsFunc(p.Verdict.PeriodGroups, func(g catalog.PeriodGroup) bool { return g.Value == row[2] && holds(g.Intervals) })
	return covered && slices.ContainsFunc(p.Verdict.Layers[0].Exclusions, func(e catalog.Exclusion) bool {
		of := false
		e.Each(len(p.Verdict.Columns), len(p.Verdict.Parts), func(_, part int) {
			of = of || p.Verdict.EntityGroups[p.Verdict.Parts[part].Group].Values[1] == row[1]
		})
		return of && holds(e.Intervals)
	})
}

// queryOfFew is fewReadings with a query on it.
func queryOfFew() (*plantest.Panel, *sql.Compiled) {
	p := plantest.FewReadings()
	c, err := sql.Compile("SELECT x, period AS month, SUM(m), AVG(m), COUNT(m), COUNT(*), COUNT(n) FROM d GROUP BY x, month",
		sql.Schema{Descriptor: p.Descriptor, Columns: []string{"x"}})
	if err != nil {
		panic(err)
	}
	return p, c
}

func TestTableOfFewReadings(t *testing.T) {
	p, c := queryOfFew()
	table, err := NewTable(c, inputOf(p, t, p.Sums()))
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
	p, c := queryOfFew()
	firsts := func(order []sql.Order, limit *int) string {
		c.Order, c.Limit = order, limit
		table, err := NewTable(c, inputOf(p, t, p.Sums()))
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
		order []sql.Order
		limit *int
		want  string
	}{
		{nil, nil, "xa xb ya yb"},
		{[]sql.Order{{Output: 2}}, nil, "ya yb xa xb"},
		{[]sql.Order{{Output: 2, Desc: true}}, nil, "xb xa yb ya"},
		{[]sql.Order{{Output: 3}}, &two, "ya yb"},
		{[]sql.Order{{Output: 3, Desc: true}}, nil, "xb xa yb ya"},
		{[]sql.Order{{Output: 5}, {Output: 1, Desc: true}}, nil, "xb yb ya xa"},
		{[]sql.Order{{Output: 4, Desc: true}}, nil, "xa ya yb xb"},
		{[]sql.Order{{Output: 1, Desc: true}, {Output: 0}}, nil, "xb yb xa ya"},
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
	p, c := queryOfFew()
	mid := p.Descriptor.Measures[0].Mid()
	for _, tc := range []struct {
		group, enc int64
		ok         bool
	}{
		{0, 3 * (101 - mid), true}, {0, 3*(101-mid) + 1, false}, {0, 3 * (-100 - mid), true}, {0, 3*(-100-mid) - 1, false},
		{1, 0, true}, {1, 1, false}, {1, -1, false},
	} {
		sums := p.Sums()
		sums[tc.group] = tc.enc
		table, err := NewTable(c, inputOf(p, t, sums))
		var check *CheckError
		if tc.ok && err != nil || !tc.ok && (!errors.As(err, &check) || table != nil || !strings.Contains(err.Error(), "no figure is printed")) {
			t.Errorf("sum %d of group %d: table %v, error %v", tc.enc, tc.group, table, err)
		}
	}
	sums := p.Sums()
	sums[0] = 3*(101-mid) + 1
	_, err := NewTable(c, inputOf(p, t, sums))
	want := &CheckError{Measure: "m", Group: "x, a", Count: 3, Sum: "30.4", Least: "-30.0", Most: "30.3"}
	var check *CheckError
	if !errors.As(err, &check) || cmp.Diff(want, check) != "" {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestIncompleteGroupsSayHowManyEntities(t *testing.T) {
	p, c := queryOfFew()
	p.Verdict.Coverage = []catalog.Coverage{{Included: 2, Of: 5, HeldBack: 1}, {Included: 2, Of: 5}, {Of: 1}, {Included: 1, Of: 1}}
	p.Verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 0}}
	table, err := NewTable(c, inputOf(p, t, p.Sums()))
	if err != nil {
		t.Fatal(err)
	}
	got := [][]int{table.Included, table.Of, table.HeldBack, {table.Withheld}}
	if diff := cmp.Diff([][]int{{2, 2, 1}, {5, 5, 1}, {1, 0, 0}, {1}}, got); diff != "" {
		t.Fatalf("included, of, held back, withheld (-want +got):\n%s", diff)
	}
}

// TestRowsOfAPrivateSelectionCarryNoCoverage: the verdict's is of everybody.
func TestRowsOfAPrivateSelectionCarryNoCoverage(t *testing.T) {
	v := catalog.Verdict{PeriodGroups: make([]catalog.PeriodGroup, 1), Coverage: []catalog.Coverage{{Included: 2, Of: 5}}}
	r := &builder{verdict: v, groups: []catalog.GroupIndex{{}}}
	if c, covered := r.coverage(r.groups[0]); !covered || c != v.Coverage[0] {
		t.Errorf("of everybody: %v, %t", c, covered)
	}
	r.verdict.In = "v-mine"
	if c, covered := r.coverage(r.groups[0]); covered {
		t.Errorf("of a private selection: %v", c)
	}
}

func TestTableRefusesPartsOfDifferentQueries(t *testing.T) {
	for name, change := range map[string]func(*Input, *sql.Compiled){
		"no plan":      func(in *Input, _ *sql.Compiled) { in.Plan = nil },
		"no presence":  func(in *Input, _ *sql.Compiled) { in.Layers[0].Presence = nil },
		"too few sums": func(in *Input, _ *sql.Compiled) { in.Sums = in.Sums[1:] },
		"another plan": func(in *Input, _ *sql.Compiled) {
			in.Plan = &plan.Plan{Groups: in.Plan.Groups[1:], Width: in.Plan.Width}
		},
		"another presence":       func(in *Input, _ *sql.Compiled) { in.Layers[0].Presence = plantest.OnePanel() },
		"another version":        func(in *Input, _ *sql.Compiled) { in.Layers[0].Version.Version = 9 },
		"values of other groups": func(in *Input, _ *sql.Compiled) { in.Verdict.EntityGroups[1].Values = nil },
		"an unopened measure":    func(_ *Input, c *sql.Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "sum", Measure: "n"} },
		"an unknown measure":     func(_ *Input, c *sql.Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "count", Measure: "z"} },
		"an unknown function":    func(_ *Input, c *sql.Compiled) { c.Request.Select[0] = catalog.Aggregate{Func: "max", Measure: "m"} },
		"an output too many":     func(_ *Input, c *sql.Compiled) { c.Output[0].Index = 2 },
		"an unknown output":      func(_ *Input, c *sql.Compiled) { c.Output[0].Kind = "" },
		"an order too many":      func(_ *Input, c *sql.Compiled) { c.Order = []sql.Order{{Output: 7}} },
	} {
		p, c := queryOfFew()
		in := inputOf(p, t, p.Sums())
		change(&in, c)
		if table, err := NewTable(c, in); err == nil {
			t.Errorf("%s: a table of %v", name, table.Rows)
		}
	}
}
