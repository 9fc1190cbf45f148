package term

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
)

// Table is a table with a line of headings. Its writer is the only one that commands use.
type Table struct {
	Head []string
	Rows [][]string
	// Optional are headings of columns that a narrow terminal has no room for, the least
	// important first.
	Optional []string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// AddIf is Add of a row that may be left out.
func (t *Table) AddIf(is bool, cells ...string) {
	if is {
		t.Add(cells...)
	}
}

// Turned returns the table with its columns as rows: a table of few rows and many columns
// is read, and fits, only so.
func (t Table) Turned() Table {
	turned := make([][]string, len(t.Head))
	for _, line := range t.Lines() {
		for i, cell := range line {
			turned[i] = append(turned[i], cell)
		}
	}
	return Table{Head: turned[0], Rows: turned[1:]}
}

// Lines returns the headings and the rows.
func (t Table) Lines() [][]string { return append([][]string{t.Head}, t.Rows...) }

const (
	gap = 2 // blank columns between two columns of a table
	// narrowest is how narrow a column becomes at least when a table is fitted.
	narrowest = 9
	// longestWord is how long a word may be that a fitted column does not break as long as
	// another column can become narrower.
	longestWord = 20
	// readable is how wide a column of texts is left when optional columns make room for it.
	readable = 20
)

// Fit returns the table without the optional columns for which a terminal of so many
// columns has no room, and the headings of these: first those without any text. 0 columns
// have room for all.
func (t Table) Fit(columns int) (fitting Table, leftOut []string) {
	if columns <= 0 || len(t.Optional) == 0 {
		return t, nil
	}
	least := t.Map(shown.Text).widths(func(cell string) int { return max(longest(cell), min(Width(cell), readable)) })
	for _, name := range append(t.withoutText(), t.Optional...) {
		at := slices.Index(t.Head, name)
		if total(least) <= columns || at < 0 {
			continue
		}
		least = slices.Delete(least, at, at+1)
		without := Table{Head: slices.Delete(slices.Clone(t.Head), at, at+1), Optional: t.Optional}
		for _, row := range t.Rows {
			without.Add(slices.Delete(slices.Clone(row), at, at+1)...)
		}
		t, leftOut = without, append(leftOut, name)
	}
	return t, leftOut
}

// Write writes the table with aligned columns. In a terminal of so many columns, cells
// take several lines until it fits; with 0 columns it is as wide as its cells.
func (t Table) Write(w io.Writer, columns int) error {
	t = t.Map(shown.Text)
	widths := t.widths(Width)
	if columns > 0 {
		t.narrow(widths, columns)
	}
	var b strings.Builder
	for _, line := range t.Lines() {
		cells, height := make([][]string, len(line)), 1
		for i, cell := range line {
			cells[i] = []string{cell}
			if Width(cell) > widths[i] {
				cells[i] = Wrap(cell, widths[i])
			}
			height = max(height, len(cells[i]))
		}
		for y := range height {
			var text strings.Builder
			for i := range line {
				part := ""
				if y < len(cells[i]) {
					part = cells[i][y]
				}
				text.WriteString(part + strings.Repeat(" ", widths[i]-Width(part)+gap))
			}
			b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// withoutText returns the headings of the optional columns whose cells are all empty.
func (t Table) withoutText() []string {
	var names []string
	for i, name := range t.Head {
		filled := func(row []string) bool { return row[i] != "" }
		if slices.Contains(t.Optional, name) && !slices.ContainsFunc(t.Rows, filled) {
			names = append(names, name)
		}
	}
	return names
}

// Map returns the table with f of each heading and cell in its place.
func (t Table) Map(f func(cell string) string) Table {
	lines := make([][]string, 1+len(t.Rows))
	for i, line := range t.Lines() {
		for _, cell := range line {
			lines[i] = append(lines[i], f(cell))
		}
	}
	return Table{Head: lines[0], Rows: lines[1:], Optional: t.Optional}
}

// widths returns the largest measure of a cell in every column.
func (t Table) widths(measure func(string) int) []int {
	widths := make([]int, len(t.Head))
	for _, line := range t.Lines() {
		for i, cell := range line {
			widths[i] = max(widths[i], measure(cell))
		}
	}
	return widths
}

// longest returns how narrow a cell can be when no word of it is broken.
func longest(cell string) int {
	n := narrowest
	for _, piece := range pieces(cell) {
		n = max(n, min(Width(strings.TrimRight(piece, " ")), longestWord))
	}
	return min(n, Width(cell))
}

// total returns how wide a table with such columns is.
func total(widths []int) int {
	n := gap * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

// narrow makes the widest columns narrower until they fit: first where no word is broken
// for it, then anywhere. What comes first says what the row is about, and is narrowed last.
func (t Table) narrow(widths []int, columns int) {
	for _, measure := range []func(string) int{longest, func(cell string) int { return min(narrowest, Width(cell)) }} {
		least := t.widths(measure)
		for total(widths) > columns {
			widest := -1
			for i := range slices.Backward(widths) {
				switch {
				case widths[i] <= least[i]:
				case widest < 0, i > 0 && widths[i] > widths[widest], i == 0 && 2*widths[0] > 3*widths[widest]:
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
}
