package result

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// schema knows the panel's vectors by name.
func vectoredSchema(p *plantest.Vectored) sql.Schema {
	s := sql.Schema{Descriptor: p.Descriptor, Columns: []string{"x", "h"}}
	for _, u := range p.Verdict.Vectors {
		s.Vectors = append(s.Vectors, catalog.Vector{ID: u.ID, State: catalog.VectorReady,
			VectorRegister: catalog.VectorRegister{Name: u.Name, Version: 1, Bits: u.Bits, Pieces: u.Pieces, Decimals: u.Decimals}})
	}
	return s
}

// query asks for all that the verdict's columns give.
func vectoredQuery(p *plantest.Vectored, t interface {
	Helper()
	Fatalf(format string, args ...any)
}) *sql.Compiled {
	t.Helper()
	items, where := "SELECT x, h, period", ""
	if p.Verdict.In != "" {
		items, where = items+", COUNT(*)", ` WHERE site IN PRIVATE("in")`
	}
	for _, c := range p.Verdict.Columns {
		switch {
		case c.Count && c.Measure != "" && c.Weight == "":
			items += fmt.Sprintf(", COUNT(%s)", c.Measure)
		case c.Count && c.Measure != "":
			items += fmt.Sprintf(", WAVG(%s, PRIVATE(%s))", c.Measure, c.Weight[2:])
		case c.Count && c.Weight != "":
			items += fmt.Sprintf(", SUM(PRIVATE(%s))", c.Weight[2:])
		case c.Weight != "":
			items += fmt.Sprintf(", SUM(%s * PRIVATE(%s))", c.Measure, c.Weight[2:])
		case !c.Count:
			items += fmt.Sprintf(", SUM(%s), AVG(%s)", c.Measure, c.Measure)
		}
	}
	text := items + " FROM d" + where + " GROUP BY x, h, period"
	c, err := sql.Compile(text, vectoredSchema(p))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

// tallyUp is, of a column's cells in a group, how many there are, what their
// numbers add up to, and what their readings times their numbers do.
func tallyUp(p *plantest.Vectored, column, group int) (cells int64, numbers, products *big.Rat) {
	kind, groups := p.Verdict.Columns[column], p.Groups()
	numbers, products = new(big.Rat), new(big.Rat)
	decimals := 0
	for _, u := range p.Verdict.Vectors {
		if u.ID == kind.Weight {
			decimals = u.Decimals
		}
	}
	for at := range p.Version.Periods {
		for e := range p.Version.Entities {
			if p.Panel.Number(groups, column, e, at) != group || !p.Has(kind, e, at) {
				continue
			}
			w := p.Number(kind, e)
			if kind.Weight != "" || w > 0 {
				cells++
			}
			weight := plantest.Rat(w, decimals)
			numbers.Add(numbers, weight)
			if kind.Measure != "" {
				m := p.Descriptor.Measures[p.Measure(column)]
				reading := plantest.Rat(p.Values[p.Measure(column)][at*p.Version.Entities+e]+m.Mid(), m.Decimals)
				products.Add(products, reading.Mul(reading, weight))
			}
		}
	}
	return cells, numbers, products
}

// naiveRow works out one group's row, reading by reading; nil: it is not returned.
func naiveRow(p *plantest.Vectored, at catalog.GroupIndex, g int) []any {
	values := p.Verdict.EntityGroups[at.Entity].Values
	row := []any{values[0], values[1], p.Verdict.PeriodGroups[at.Period].Value}
	if p.Verdict.In != "" {
		n, _, _ := tallyUp(p, len(p.Verdict.Columns)-1, g)
		if n == 0 {
			return nil
		}
		row = append(row, n)
	} else if !anyPresent(p, g) {
		return nil
	}
	for i, c := range p.Verdict.Columns {
		cells, weights, sum := tallyUp(p, i, g)
		places := 0
		if c.Measure != "" {
			places = p.Descriptor.Measures[p.Measure(i)].Decimals
		}
		for _, u := range p.Verdict.Vectors {
			if u.ID == c.Weight && c.Weight != "" {
				places += u.Decimals
			}
		}
		switch {
		case c.Count && c.Measure == "" && c.Weight == "": // COUNT(*) stands there already
		case c.Count && c.Weight == "":
			row = append(row, cells)
		case cells == 0 && !c.Count && c.Weight == "":
			row = append(row, nil, nil)
		case cells == 0 || c.Count && c.Measure != "" && weights.Sign() == 0:
			row = append(row, nil)
		case c.Count && c.Measure != "":
			row = append(row, sum.Quo(sum, weights).FloatString(12))
		case c.Count:
			row = append(row, weights.FloatString(places))
		case c.Weight != "":
			row = append(row, sum.FloatString(places))
		default:
			average := new(big.Rat).Quo(sum, new(big.Rat).SetInt64(cells))
			row = append(row, sum.FloatString(places), average.FloatString(12))
		}
	}
	return row
}

func anyPresent(p *plantest.Vectored, group int) bool {
	groups := p.Groups()
	for at := range p.Version.Periods {
		for e := range p.Version.Entities {
			if p.Panel.Number(groups, -1, e, at) == group && p.Has(catalog.Column{Count: true}, e, at) {
				return true
			}
		}
	}
	return false
}

func TestPrivateTableEqualsANaiveReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawVectored(t)
		plan := plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict))
		in := Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: plan, Sums: p.Truth(), Nodes: 3}
		table, err := NewTable(vectoredQuery(p, t), in)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]any{}
		for at, g := range p.Groups() {
			if row := naiveRow(p, at, g); row != nil {
				want = append(want, row)
			}
		}
		slices.SortFunc(want, func(a, b []any) int {
			return slices.CompareFunc(a[:3], b[:3], func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
		})
		if diff := cmp.Diff(want, table.Rows); diff != "" {
			t.Fatalf("rows (-naive +table):\n%s", diff)
		}
		if (table.In != nil) != (p.Verdict.In != "") || (len(table.Weights) > 0) != (p.Verdict.In == "") {
			t.Fatalf("the table says that it is within %v and weighted by %v", table.In, table.Weights)
		}
	})
}

// weightedTable is the table of weightedPanel with its true sums, changed.
func weightedTable(t *testing.T, change func(sums []int64)) (*Table, error) {
	t.Helper()
	p := plantest.WeightedPanel(t)
	text := "SELECT x, SUM(co2 * PRIVATE(loans)), SUM(PRIVATE(loans)), WAVG(co2, PRIVATE(loans)) FROM d GROUP BY x ORDER BY 4 DESC"
	s := vectoredSchema(p)
	s.Columns = []string{"x"}
	c, err := sql.Compile(text, s)
	if err != nil {
		t.Fatal(err)
	}
	sums := p.Truth()
	change(sums)
	return NewTable(c, Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict,
		Plan: plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)), Sums: sums, Nodes: 2})
}

// Weights 1.25 and 0 for the entities of a, 0.07 and 2.55 for those of b; the
// reading of entity e in month p is 5·(4p+e), and those of b's first in month 0 and
// of its second in month 1 are missing.
func TestWeightedTableStatesNoiseAndItsInterval(t *testing.T) {
	table, err := weightedTable(t, func([]int64) {})
	if err != nil {
		t.Fatal(err)
	}
	// a: 1.25·(0 + 20 + 40) over 3·1.25; b: 0.07·(30 + 50) + 2.55·(15 + 55) over 2·0.07 + 2·2.55.
	want := [][]any{{"b", "184.100", "5.24", "35.133587786260"}, {"a", "75.000", "3.75", "20.000000000000"}}
	if diff := cmp.Diff(want, table.Rows); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
	half, ok := new(big.Rat).SetString(table.Interval95[1][1].(string))
	if !ok || half.Sign() <= 0 || table.Interval95[1][2] != nil {
		t.Fatalf("the intervals of the sum and of its weights are %v", table.Interval95[1])
	}
	average, ok := new(big.Rat).SetString(table.Interval95[1][3].(string))
	exact := half.Quo(half, plantest.Rat(375, 2))
	if !ok || average.Cmp(exact) < 0 || average.Sub(average, exact).Cmp(plantest.Rat(1, 12)) > 0 {
		t.Fatalf("the average's interval is %v, the sum's divided by its weights is %s", table.Interval95[1][3], exact.FloatString(14))
	}
	// Weights of 3.75 times readings from 0 to 100.0, and their average.
	if got := table.Possible95[1]; got[1] != [2]string{"0.000", "375.000"} || got[2] != nil || got[3] != [2]string{"0.000000000000", "100.000000000000"} {
		t.Fatalf("what is possible of a is %v", got)
	}
	var text bytes.Buffer
	if err := table.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"sum(co2 * private(loans)) (t × loans)", "weighted by your private vector loans, of 8 bits",
		"sums of co2 × loans: discrete_laplace, parameter 765 t,"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("%q is not in\n%s", part, text.String())
		}
	}
}

func TestPrivateTableRefusesWhatCannotBe(t *testing.T) {
	for name, change := range map[string]func(sums []int64){
		"negative weights":                       func(s []int64) { s[2] = -1 },
		"more weight than 8 bits give":           func(s []int64) { s[3] = 5*255 + 1 },
		"a sum beyond weights × range and noise": func(s []int64) { s[0] += 1 << 50 },
		"negative weights of all cells":          func(s []int64) { s[4] = -1 },
	} {
		table, err := weightedTable(t, change)
		var fault *CheckError
		if !errors.As(err, &fault) || table != nil {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawVectored(t)
		if p.Verdict.In == "" || len(p.Groups()) == 0 {
			return
		}
		sums := p.Truth()
		last := len(p.Verdict.Columns) - 1
		at := last*len(p.Groups()) + rapid.IntRange(0, len(p.Groups())-1).Draw(t, "group")
		sums[at] = rapid.SampledFrom([]int64{-1, int64(p.Version.Entities*p.Version.Periods) + 1}).Draw(t, "count")
		_, err := NewTable(vectoredQuery(p, t), Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict,
			Plan: plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)), Sums: sums, Nodes: 3})
		var fault *CheckError
		if !errors.As(err, &fault) || !strings.Contains(fault.Measure, "selected cells") {
			t.Fatalf("a count of %d is answered with %v", sums[at], err)
		}
	})
}
