package result

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/table"
)

// writeSheet writes the columns of Flat as a file with cells of their types.
func (t *Table) writeSheet(w io.Writer, write func(io.Writer, table.Sheet) error) error {
	columns, rows := t.Flat()
	s := table.Sheet{Rows: rows, About: t.about()}
	for _, c := range columns {
		kind := table.TextCells
		switch c.Type {
		case TypeInteger:
			kind = table.IntegerCells
		case TypeDecimal:
			kind = table.DecimalCells
		}
		s.Columns = append(s.Columns, table.Column{Name: shown.Text(c.Name), Kind: kind, Unit: c.Unit})
	}
	return write(w, s)
}

// AsTexts has a spreadsheet that opens the table's CSV take for texts what it would take for formulas: names
// that others chose. A workbook has cells of texts and needs none of it.
func (t *Table) AsTexts() {
	for i, c := range t.Columns {
		t.Columns[i].Name = AsText(c.Name)
		for _, row := range t.Rows {
			if s, ok := row[i].(string); ok && c.Type == TypeText {
				row[i] = AsText(s)
			}
		}
	}
}

// AsText is a cell of a CSV as a spreadsheet takes it for a text: names that begin as formulas do are run where they are
// opened (OWASP, CSV Injection). Numbers stay.
func AsText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) && !decimal.IsExact(s) {
		return "'" + s
	}
	return s
}

// about is what a file says of its figures: the query, what is missing, and what noise they
// carry.
func (t *Table) about() [][2]string {
	out := [][2]string{{"query", t.Query}, {"whole", yesNo(t.Whole())}}
	if r, err := json.Marshal(t.Receipt); err == nil && t.Receipt != nil {
		out = append(out, [2]string{"receipt", string(r)})
	}
	for _, words := range t.Shortfall() {
		out = append(out, [2]string{"missing", shown.Text(words)})
	}
	if t.Noise != nil {
		out = append(out, [2]string{"noise", strings.TrimSpace("epsilon " + t.Noise.Epsilon + " " + t.Noise.Delta)})
	}
	return out
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
