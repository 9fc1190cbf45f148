package result

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/sql"
)

// naiveEntities counts, cell by cell, the entities of every group that have one.
func naiveEntities(p *plantest.Panel) map[string]int64 {
	groups, seen, out := p.Groups(), map[string]bool{}, map[string]int64{}
	names := map[int]string{}
	for at, g := range groups {
		values := p.Verdict.EntityGroups[at.Entity].Values
		names[g] = fmt.Sprint(values[0], "|", values[1], "|", p.Verdict.PeriodGroups[at.Period].Value)
	}
	for i := range p.Version.Entities * p.Version.Periods {
		e, at := i%p.Version.Entities, i/p.Version.Entities
		present := false
		for m := range p.Descriptor.Measures {
			present = present || p.Present[m].Test(uint(i))
		}
		g := p.Number(groups, -1, e, at)
		if g < 0 || !present {
			continue
		}
		if key := fmt.Sprint(g, "|", e); !seen[key] {
			seen[key] = true
			out[names[g]]++
		}
	}
	return out
}

// TestComputedFiguresEqualANaiveReading: arithmetic, ROUND, CASE and counts of entities over
// released figures, against sums that were made reading by reading.
func TestComputedFiguresEqualANaiveReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawPanel(t)
		items := "SELECT x, h, period, COUNT(DISTINCT entity)"
		for _, c := range p.Verdict.Columns {
			items += fmt.Sprintf(", SUM(%[1]s) * 1.5 - COUNT(%[1]s) / 4, ROUND(SUM(%[1]s) / (COUNT(%[1]s) - 1), 1), "+
				"CASE WHEN COUNT(%[1]s) > 2 THEN -SUM(%[1]s) ELSE 7 END, CASE WHEN SUM(%[1]s) > 0 THEN 'up' WHEN SUM(%[1]s) < 0 THEN 'down' END", c.Measure)
		}
		c, err := sql.Compile(items+" FROM d GROUP BY x, h, period", sql.Schema{Descriptor: p.Descriptor, Columns: []string{"x", "h"}})
		if err != nil {
			t.Fatal(err)
		}
		made, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		table, err := NewTable(c, Input{Descriptor: p.Descriptor, Layers: p.Layers(), Verdict: p.Verdict, Plan: made, Sums: p.Run(made)})
		if err != nil {
			t.Fatal(err)
		}
		entities := naiveEntities(p)
		want := [][]any{}
		for _, row := range naiveRows(p) {
			out := append([]any{}, row[:3]...)
			out = append(out, entities[fmt.Sprint(row[0], "|", row[1], "|", row[2])])
			for i := range p.Verdict.Columns {
				out = append(out, naiveComputed(row[5+3*i], row[7+3*i].(int64), p.Descriptor.Measures[p.Measure(i)].Decimals)...)
			}
			want = append(want, out)
		}
		if diff := cmp.Diff(want, table.Rows); diff != "" {
			t.Fatalf("rows (-naive +table):\n%s", diff)
		}
	})
}

// naiveComputed works out the four expressions of the test from a sum and a count.
func naiveComputed(sum any, n int64, decimals int) []any {
	branch := "7"
	if decimals > 0 {
		branch += "." + fmt.Sprintf("%0*d", decimals, 0)
	}
	if sum == nil {
		return []any{nil, nil, branch, nil}
	}
	s, _ := new(big.Rat).SetString(sum.(string))
	first := new(big.Rat).Mul(s, big.NewRat(3, 2))
	first.Sub(first, big.NewRat(n, 4))
	out := []any{first.FloatString(12), nil, branch, nil}
	if n != 1 {
		if out[1] = new(big.Rat).Quo(s, big.NewRat(n-1, 1)).FloatString(1); out[1] == "-0.0" {
			out[1] = "0.0" // what is rounded is zero, which has no sign
		}
	}
	if n > 2 {
		out[2] = new(big.Rat).Neg(s).FloatString(decimals)
	}
	if s.Sign() != 0 {
		out[3] = map[int]string{1: "up", -1: "down"}[s.Sign()]
	}
	return out
}

// TestIntervalsOfComputedFiguresFollowTheNoise: scaled by numbers, wider by rounding.
func TestIntervalsOfComputedFiguresFollowTheNoise(t *testing.T) {
	noised := aggregate.Quantity{Value: big.NewRat(10, 1), Half: big.NewRat(3, 1)}
	number := aggregate.Quantity{Value: big.NewRat(-2, 1)}
	for _, c := range []struct {
		op          string
		x, y        aggregate.Quantity
		value, half string
	}{
		{sql.ExprAdd, noised, number, "8", "3"}, {sql.ExprSub, number, noised, "-12", "3"}, {sql.ExprMul, noised, number, "-20", "6"},
		{sql.ExprMul, number, noised, "-20", "6"}, {sql.ExprDiv, noised, number, "-5", "3/2"},
	} {
		got := operate(c.op, c.x, c.y)
		if got.Value.RatString() != c.value || got.Half.RatString() != c.half {
			t.Errorf("%s: %s ± %s, want %s ± %s", c.op, got.Value.RatString(), got.Half.RatString(), c.value, c.half)
		}
	}
	if got := noised.Round(1); got.Half.RatString() != "61/20" {
		t.Errorf("rounded: ± %s", got.Half.RatString())
	}
}

// TestExpressionsFromElsewhereAreChecked before anything is worked out.
func TestExpressionsFromElsewhereAreChecked(t *testing.T) {
	c := &sql.Compiled{Request: catalog.Request{Select: []catalog.Aggregate{{Func: catalog.FuncCount}}}}
	figure := sql.Expr{Op: sql.ExprFigure, Of: &sql.Output{Kind: sql.OutputAggregate}}
	for name, e := range map[string]sql.Expr{
		"unknown": {Op: "power"}, "no argument": {Op: sql.ExprAdd}, "no figure": {Op: sql.ExprFigure}, "no number": {Op: sql.ExprNumber, Number: "x"},
		"another figure": {Op: sql.ExprFigure, Of: &sql.Output{Kind: sql.OutputAggregate, Index: 1}}, "places": {Op: sql.ExprRound, Args: []sql.Expr{figure}, Places: -1},
		"text": {Op: sql.ExprNeg, Args: []sql.Expr{{Op: sql.ExprText}}}, "case": {Op: sql.ExprCase}, "branches": {Op: sql.ExprCase, When: []sql.Having{{}}},
		"deep": {Op: sql.ExprNeg, Args: []sql.Expr{{Op: sql.ExprNeg, Args: []sql.Expr{{Op: sql.ExprNeg, Args: []sql.Expr{figure}}}}}},
	} {
		if err := checkExpr(&e, c, catalog.Descriptor{}, 3); err == nil {
			t.Errorf("%s is taken for an expression", name)
		}
	}
	if err := checkExpr(&figure, c, catalog.Descriptor{}, 3); err != nil {
		t.Error(err)
	}
}
