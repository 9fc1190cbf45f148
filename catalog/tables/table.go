// Package tables holds the rows of registries, decoded for conditions and groups, and digests of rows and
// of who counts.
package tables

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Table holds the rows of a registry, or the first of them, decoded for
// predicates and groups. It never changes and is safe for concurrent use.
type Table struct {
	n       int // rows; the slices may be longer
	columns []string
	ids     []string
	index   map[string]int32
	ranks   []uint32 // position of a row's id among all ids in byte order
	attrs   []tableColumn
}

// tableColumn is an attribute, dictionary-encoded: codes are positions in the
// sorted list of its distinct values.
type tableColumn struct {
	values []string
	codes  []uint32
}

// New makes a table of rows: id, then the attributes in the order of
// columns. Ids must be distinct.
func New(columns []string, rows [][]string) (*Table, error) {
	t := &Table{
		n: len(rows), columns: slices.Clone(columns),
		ids: make([]string, len(rows)), index: make(map[string]int32, len(rows)),
		attrs: make([]tableColumn, len(columns)),
	}
	if len(rows) > catalog.MaxRegistryRows {
		return nil, fmt.Errorf("registry table: %d rows, at most %d are accepted", len(rows), catalog.MaxRegistryRows)
	}
	for i, row := range rows {
		if len(row) != 1+len(columns) {
			return nil, fmt.Errorf("registry table: row %d has %d cells, want %d", i, len(row), 1+len(columns))
		}
		if first, twice := t.index[row[0]]; twice {
			return nil, fmt.Errorf("registry table: rows %d and %d have the same id %.80q", first, i, row[0])
		}
		t.ids[i], t.index[row[0]] = row[0], int32(i) //nolint:gosec // bounded above
	}
	for c := range columns {
		cells := make([]string, len(rows))
		for i, row := range rows {
			cells[i] = row[1+c]
		}
		t.attrs[c] = encodeColumn(cells)
	}
	t.ranks = encodeColumn(t.ids).codes
	return t, nil
}

func encodeColumn(cells []string) tableColumn {
	code := map[string]uint32{}
	c := tableColumn{codes: make([]uint32, len(cells))}
	for i, s := range cells {
		k, known := code[s]
		if !known {
			k = uint32(len(c.values)) //nolint:gosec // at most catalog.MaxRegistryRows
			code[s], c.values = k, append(c.values, s)
		}
		c.codes[i] = k
	}
	// Rename the codes, given by first appearance, to the order of the values.
	sorted := slices.Sorted(slices.Values(c.values))
	for k, s := range sorted {
		code[s] = uint32(k) //nolint:gosec // as above
	}
	for i, k := range c.codes {
		c.codes[i] = code[c.values[k]]
	}
	c.values = sorted
	return c
}

// Prefix is the table of the first n rows. It shares memory with t.
func (t *Table) Prefix(n int) *Table {
	p := *t
	p.n = max(0, min(n, t.n))
	return &p
}

// Rows is the number of rows.
func (t *Table) Rows() int { return t.n }

// Columns are the names of the attributes. The slice is not to be changed.
func (t *Table) Columns() []string { return t.columns }

// IDs are the ids in the order of the rows. The slice is not to be changed.
func (t *Table) IDs() []string { return t.ids[:t.n:t.n] }

// ID is the id of row i.
func (t *Table) ID(i int) string { return t.ids[i] }

// Value is attribute c of row i.
func (t *Table) Value(i, c int) string { return t.attrs[c].values[t.attrs[c].codes[i]] }

// Index is the row of an id.
func (t *Table) Index(id string) (int, bool) {
	i, known := t.index[id]
	if !known || int(i) >= t.n {
		return 0, false
	}
	return int(i), true
}

// Row is row i: the id, then the attributes.
func (t *Table) Row(i int) []string {
	row := make([]string, 1+len(t.columns))
	row[0] = t.ids[i]
	for c := range t.columns {
		row[1+c] = t.Value(i, c)
	}
	return row
}

// Distinct are the values of an attribute in ascending order, or with column "" the
// ids in the order of the rows; false when there is no such attribute. The values of
// a prefix are those of the whole table. The slice is not to be changed.
func (t *Table) Distinct(column string) ([]string, bool) {
	if column == "" {
		return t.IDs(), true
	}
	i := slices.Index(t.columns, column)
	if i < 0 {
		return nil, false
	}
	return t.attrs[i].values, true
}

// Has reports whether some row has the value, of an attribute or with column "" as
// its id.
func (t *Table) Has(column, value string) bool {
	if column == "" {
		_, known := t.Index(value)
		return known
	}
	values, _ := t.Distinct(column)
	_, known := slices.BinarySearch(values, value)
	return known
}

// Codes are a dimension's values as numbers in the order of the values.
func (t *Table) Codes(d catalog.Dimension) []uint32 {
	if d.Kind == catalog.DimEntity {
		return t.ranks[:t.n]
	}
	return t.attrs[slices.Index(t.columns, d.Column)].codes[:t.n]
}

// Values are the values of the dimensions at row e.
func (t *Table) Values(e int, dims []catalog.Dimension) []string {
	out := make([]string, len(dims))
	for i, d := range dims {
		if d.Kind == catalog.DimEntity {
			out[i] = t.ids[e]
		} else {
			out[i] = t.Value(e, slices.Index(t.columns, d.Column))
		}
	}
	return out
}
