package disclosure

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
)

// BirthTable describes the groups of a portfolio that is asked by attributes
// (RELEASE.md section 6): a row a group, with the values that its classes had at their
// birth, other attributes empty; and class → row, −1 for a class that is in none.
// columns are the registry's attributes, values[a][code] what a code of attribute
// a stands for.
func (t *Tree) BirthTable(columns, by []string, values [][]string) (*tables.Table, []int32, error) {
	var attributes []int
	for _, name := range by {
		a := slices.Index(columns, name)
		if a < 0 || a >= len(values) {
			return nil, nil, fmt.Errorf("the registry has no attribute %.80q", name)
		}
		attributes = append(attributes, a)
	}
	groups, codes := t.BirthGroups(attributes)
	rows := make([][]string, len(codes))
	for g := range rows {
		rows[g] = make([]string, 1+len(columns))
		rows[g][0] = fmt.Sprint(g)
		for i, a := range attributes {
			code := codes[g][i]
			if int(code) >= len(values[a]) {
				return nil, nil, fmt.Errorf("attribute %s has no value with the code %d", columns[a], code)
			}
			rows[g][1+a] = values[a][code]
		}
	}
	table, err := tables.New(columns, rows)
	return table, groups, err
}

// PortfolioColumns are the distinct columns that the figures of an exact query with
// a private partition are summed from: counts are of the cells of sums.
func PortfolioColumns(columns []catalog.Column) []Column {
	var out []Column
	for _, c := range columns {
		if x := (Column{Measure: c.Measure}); c.Measure != "" && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// AskedPeriods are the periods of the policy's grain that are complete in some
// version up to one and that a request for periods of the dataset's grain asks for,
// all of them when it names none; ascending. live tells the versions that were not
// withdrawn; nil: all.
func (f *Family) AskedPeriods(d catalog.Descriptor, wanted []calendar.Interval, asOf int, live func(version int) bool) []int64 {
	var out []int64
	for _, s := range f.Versions(d.Dataset) {
		if s.Version > asOf || live != nil && !live(s.Version) {
			continue
		}
		for p := s.Closed.From; p < s.Closed.To; p++ {
			span := d.Policy.Grain.Span(p, d.Grain)
			if len(wanted) == 0 || slices.ContainsFunc(wanted, func(i calendar.Interval) bool { return i.From < span.To && span.From < i.To }) {
				out = append(out, p)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
