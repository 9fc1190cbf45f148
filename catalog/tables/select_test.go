package tables_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
	"pgregory.net/rapid"
)

// TestSelectMatchesRowByRow compares the dictionary's way with the plain one,
// and both with the complement.
func TestSelectMatchesRowByRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := statetest.Rows(0, rapid.IntRange(0, 40).Draw(t, "rows"))
		table, err := tables.New(statetest.Columns, rows)
		if err != nil {
			t.Fatal(err)
		}
		table = table.Prefix(rapid.IntRange(0, len(rows)).Draw(t, "prefix"))
		p := statetest.DrawPredicate(t, 3)
		if r := p.Check(statetest.Columns); r != nil {
			t.Fatal(r)
		}
		selected := tables.Select(p, table)
		other := tables.Select(&catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{*p}}, table)
		if len(selected) != table.Rows() {
			t.Fatalf("%d rows selected from %d", len(selected), table.Rows())
		}
		for i, hit := range selected {
			if plain := statetest.MatchRow(p, statetest.Columns, rows[i]); plain != hit || other[i] == hit {
				t.Fatalf("row %d: %t by table, %t by row, %t in the complement", i, hit, plain, other[i])
			}
		}
	})
}

func TestPredicateCheckRefusesOtherForms(t *testing.T) {
	leaf := catalog.Predicate{Op: catalog.OpIn, Values: []string{"a"}}
	deep := leaf
	for range 32 {
		deep = catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{deep}}
	}
	for i, p := range []catalog.Predicate{
		{},
		{Op: "like", Values: []string{"a"}},
		{Op: catalog.OpAnd},
		{Op: catalog.OpNot, Args: []catalog.Predicate{leaf, leaf}},
		{Op: catalog.OpAnd, Args: []catalog.Predicate{leaf}, Column: "county"},
		{Op: catalog.OpOr, Args: []catalog.Predicate{leaf}, Values: []string{"a"}},
		{Op: catalog.OpAnd, Args: []catalog.Predicate{leaf, {}}},
		{Op: catalog.OpIn},
		{Op: catalog.OpIn, Values: []string{"b", "a"}},
		{Op: catalog.OpIn, Values: []string{"a", "a"}},
		{Op: catalog.OpLt, Values: []string{"a", "b"}},
		{Op: catalog.OpIn, Column: "basin", Values: []string{"a"}},
		{Op: catalog.OpIn, Values: []string{"a"}, Args: []catalog.Predicate{leaf}},
		{Op: catalog.OpAnd, Args: slices.Repeat([]catalog.Predicate{leaf}, 512)},
		deep,
	} {
		r := p.Check(statetest.Columns)
		if r == nil {
			t.Errorf("%d: %.200s is accepted", i, fmt.Sprint(p))
			continue
		}
		statetest.WantRefusal(t, r, catalog.RefusedInvalid, "invalid")
		// Unchecked, it must not panic.
		statetest.MatchRow(&p, statetest.Columns, []string{"e", "a", "b"})
		table, err := tables.New(statetest.Columns, statetest.Rows(0, 3))
		if err != nil {
			t.Fatal(err)
		}
		tables.Select(&p, table)
	}
}

func TestConditionsMeanWhatTheySay(t *testing.T) {
	row := []string{"e1", "a", "x"}
	leaf := func(op, column string, values ...string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: values}
	}
	for _, test := range []struct {
		p    catalog.Predicate
		want bool
	}{
		{leaf(catalog.OpIn, "", "e0", "e1"), true},
		{leaf(catalog.OpIn, "county", "b"), false},
		{leaf(catalog.OpLt, "county", "a"), false},
		{leaf(catalog.OpLe, "county", "a"), true},
		{leaf(catalog.OpGt, "county", "a"), false},
		{leaf(catalog.OpGe, "county", "a"), true},
		{leaf(catalog.OpLt, "county", "aa"), true},
		{catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{leaf(catalog.OpIn, "county", "a"), leaf(catalog.OpIn, "industry", "y")}}, false},
		{catalog.Predicate{Op: catalog.OpOr, Args: []catalog.Predicate{leaf(catalog.OpIn, "county", "a"), leaf(catalog.OpIn, "industry", "y")}}, true},
		{catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{leaf(catalog.OpIn, "county", "a")}}, false},
	} {
		if got := statetest.MatchRow(&test.p, statetest.Columns, row); got != test.want {
			t.Errorf("%+v: %t", test.p, got)
		}
	}
	if !statetest.MatchRow(nil, statetest.Columns, row) || (*catalog.Predicate)(nil).Check(nil) != nil {
		t.Error("no predicate does not match everything")
	}
}
