package statetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
)

// T is what *testing.T, *testing.B, *testing.F and *rapid.T have in common.
type T interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// WantRefusal fails the test unless r is a refusal of the kind and rule.
func WantRefusal(t T, r *catalog.Refusal, kind catalog.RefusalKind, rule string) {
	t.Helper()
	if r == nil {
		t.Fatalf("accepted, want refusal %s/%s", kind, rule)
	}
	if r.Kind != kind || r.Rule != rule {
		t.Fatalf("refused as %s/%s (%s, field %q), want %s/%s", r.Kind, r.Rule, explain.Message(r), r.Field, kind, rule)
	}
}

// Rows are enterprises: id, county, industry.
func Rows(from, n int) [][]string {
	rows := make([][]string, n)
	for i := range rows {
		e := from + i
		rows[i] = []string{fmt.Sprintf("e%05d", e), fmt.Sprintf("county%d", e%3), fmt.Sprintf("industry%d", e%7%4)}
	}
	return rows
}

// Descriptor is a dataset of enterprises with two measures and monthly readings.
func Descriptor(id string) catalog.Descriptor {
	return catalog.Descriptor{
		Dataset: id, Title: catalog.Text{EN: "Emissions", ZH: "排放"}, License: "CC0-1.0", Registry: "enterprises", Entity: "enterprise",
		Grain: calendar.Month, UTCOffset: "+08:00",
		Measures: []catalog.Measure{
			{Name: "nox", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
			{Name: "so2", Unit: "kg", Min: 0, Max: 1_000_000, Decimals: 1},
		},
		Policy: catalog.Policy{Aggregates: []string{"count", "sum", "avg"}, Grain: calendar.Month, MinCohort: 5, Cubes: [][]string{{"county"}}, Portfolios: 1},
	}
}

// Period is the index of a month, or of whatever period the text names.
func Period(text string) int64 {
	_, i, err := calendar.Parse(text)
	if err != nil {
		panic(err)
	}
	return i
}

// SumBy asks for the sum and the count of nox by the dimensions.
func SumBy(by ...catalog.Dimension) catalog.Request {
	return catalog.Request{Version: 1, Dataset: "emissions", By: by, Select: []catalog.Aggregate{{Func: "sum", Measure: "nox"}, {Func: "count", Measure: "nox"}}}
}

// Attribute is the dimension of an attribute.
func Attribute(column string) catalog.Dimension {
	return catalog.Dimension{Kind: catalog.DimAttribute, Column: column}
}

// Columns are the attributes of Rows.
var Columns = []string{"county", "industry"}

// CheckSaid fails when a refusal lacks its fix or a number.
func CheckSaid(t *testing.T, r *catalog.Refusal, numbers ...string) {
	t.Helper()
	if explain.Fix(r) == "" || explain.Message(r) == "" {
		t.Errorf("refusal %+v says not what would pass", r)
	}
	for _, name := range numbers {
		if !slices.ContainsFunc(r.Numbers, func(n catalog.Number) bool { return n.Name == name && n.Value != "" }) {
			t.Errorf("refusal %s has the numbers %v, not %s", r.Rule, r.Numbers, name)
		}
	}
}

// IDs are the ids of enterprises, ascending.
func IDs(entities ...int) []string {
	var out []string
	for _, e := range entities {
		out = append(out, fmt.Sprintf("e%05d", e))
	}
	slices.Sort(out)
	return out
}

// In is the condition that a column has one of the values.
func In(column string, values ...string) *catalog.Predicate {
	return &catalog.Predicate{Op: catalog.OpIn, Column: column, Values: values}
}

// MatchRow reports whether a row (id, then attributes in the order of columns)
// meets the predicate, which Check accepts for the columns. nil matches
// everything.
func MatchRow(p *catalog.Predicate, columns, row []string) bool {
	if p == nil {
		return true
	}
	switch p.Op {
	case catalog.OpAnd:
		for i := range p.Args {
			if !MatchRow(&p.Args[i], columns, row) {
				return false
			}
		}
		return true
	case catalog.OpOr:
		for i := range p.Args {
			if MatchRow(&p.Args[i], columns, row) {
				return true
			}
		}
		return false
	case catalog.OpNot:
		return len(p.Args) == 1 && !MatchRow(&p.Args[0], columns, row)
	}
	cell := 0
	if p.Column != "" {
		cell = 1 + slices.Index(columns, p.Column)
		if cell == 0 {
			return false
		}
	}
	return cell < len(row) && p.MatchesCell(row[cell])
}
