package catalog

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawPredicate draws a predicate over testRows.
func drawPredicate(t *rapid.T, depth int) *Predicate {
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		p := &Predicate{Op: rapid.SampledFrom([]string{opAnd, opOr, opNot}).Draw(t, "op")}
		n := 1
		if p.Op != opNot {
			n = rapid.IntRange(1, 3).Draw(t, "args")
		}
		for range n {
			p.Args = append(p.Args, *drawPredicate(t, depth-1))
		}
		return p
	}
	p := &Predicate{
		Op:     rapid.SampledFrom([]string{opIn, opLt, opLe, opGt, opGe}).Draw(t, "op"),
		Column: rapid.SampledFrom([]string{"", "county", "industry"}).Draw(t, "column"),
	}
	values := map[string][]string{
		"": {"e00000", "e00003", "e00007", "e00020", "nobody"}, "county": {"county0", "county1", "county9"}, "industry": {"industry", "industry2", "z"},
	}[p.Column]
	n := 1
	if p.Op == opIn {
		n = rapid.IntRange(1, len(values)).Draw(t, "n")
	}
	p.Values = slices.Clone(rapid.Permutation(values).Draw(t, "values")[:n])
	slices.Sort(p.Values)
	return p
}

var testColumns = []string{"county", "industry"}

// TestSelectMatchesRowByRow compares the dictionary's way with the plain one,
// and both with the complement.
func TestSelectMatchesRowByRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := testRows(0, rapid.IntRange(0, 40).Draw(t, "rows"))
		table, err := NewTable(testColumns, rows)
		if err != nil {
			t.Fatal(err)
		}
		table = table.Prefix(rapid.IntRange(0, len(rows)).Draw(t, "prefix"))
		p := drawPredicate(t, 3)
		if r := p.Check(testColumns); r != nil {
			t.Fatal(r)
		}
		selected := p.Select(table)
		other := (&Predicate{Op: opNot, Args: []Predicate{*p}}).Select(table)
		if len(selected) != table.Rows() {
			t.Fatalf("%d rows selected from %d", len(selected), table.Rows())
		}
		for i, hit := range selected {
			if plain := p.MatchRow(testColumns, rows[i]); plain != hit || other[i] == hit {
				t.Fatalf("row %d: %t by table, %t by row, %t in the complement", i, hit, plain, other[i])
			}
		}
	})
}

func TestPredicateMeansWhatItSays(t *testing.T) {
	row := []string{"e1", "a", "x"}
	leaf := func(op, column string, values ...string) Predicate {
		return Predicate{Op: op, Column: column, Values: values}
	}
	for _, test := range []struct {
		p    Predicate
		want bool
	}{
		{leaf(opIn, "", "e0", "e1"), true},
		{leaf(opIn, "county", "b"), false},
		{leaf(opLt, "county", "a"), false},
		{leaf(opLe, "county", "a"), true},
		{leaf(opGt, "county", "a"), false},
		{leaf(opGe, "county", "a"), true},
		{leaf(opLt, "county", "aa"), true},
		{Predicate{Op: opAnd, Args: []Predicate{leaf(opIn, "county", "a"), leaf(opIn, "industry", "y")}}, false},
		{Predicate{Op: opOr, Args: []Predicate{leaf(opIn, "county", "a"), leaf(opIn, "industry", "y")}}, true},
		{Predicate{Op: opNot, Args: []Predicate{leaf(opIn, "county", "a")}}, false},
	} {
		if got := test.p.MatchRow(testColumns, row); got != test.want {
			t.Errorf("%+v: %t", test.p, got)
		}
	}
	if !(*Predicate)(nil).MatchRow(testColumns, row) || (*Predicate)(nil).Check(nil) != nil {
		t.Error("no predicate does not match everything")
	}
}

func TestPredicateCheckRefusesOtherForms(t *testing.T) {
	leaf := Predicate{Op: opIn, Values: []string{"a"}}
	deep := leaf
	for range maxDepth {
		deep = Predicate{Op: opNot, Args: []Predicate{deep}}
	}
	for i, p := range []Predicate{
		{},
		{Op: "like", Values: []string{"a"}},
		{Op: opAnd},
		{Op: opNot, Args: []Predicate{leaf, leaf}},
		{Op: opAnd, Args: []Predicate{leaf}, Column: "county"},
		{Op: opOr, Args: []Predicate{leaf}, Values: []string{"a"}},
		{Op: opAnd, Args: []Predicate{leaf, {}}},
		{Op: opIn},
		{Op: opIn, Values: []string{"b", "a"}},
		{Op: opIn, Values: []string{"a", "a"}},
		{Op: opLt, Values: []string{"a", "b"}},
		{Op: opIn, Column: "basin", Values: []string{"a"}},
		{Op: opIn, Values: []string{"a"}, Args: []Predicate{leaf}},
		{Op: opAnd, Args: slices.Repeat([]Predicate{leaf}, maxPredicate)},
		deep,
	} {
		r := p.Check(testColumns)
		if r == nil {
			t.Errorf("%d: %.200s is accepted", i, fmt.Sprint(p))
			continue
		}
		wantRefusal(t, r, RefusedInvalid, "invalid")
		// Unchecked, it must not panic.
		p.MatchRow(testColumns, []string{"e", "a", "b"})
		table, err := NewTable(testColumns, testRows(0, 3))
		if err != nil {
			t.Fatal(err)
		}
		p.Select(table)
	}
}
