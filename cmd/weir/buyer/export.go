package buyer

import (
	"encoding/json"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/table"
)

// writeFile writes a result as a file, with the columns that CSV has.
func writeFile(a *cli.App, t *result.Table) error {
	columns, rows := t.Flat()
	s := table.Sheet{Rows: rows, About: about(t)}
	for _, c := range columns {
		kind := table.TextCells
		switch c.Type {
		case result.TypeInteger:
			kind = table.IntegerCells
		case result.TypeDecimal:
			kind = table.DecimalCells
		}
		s.Columns = append(s.Columns, table.Column{Name: shown.Text(c.Name), Kind: kind, Unit: c.Unit})
	}
	write := table.WriteWorkbook
	if a.Output == cli.Parquet {
		write = table.WriteParquet
	}
	return write(a.Stdout, s)
}

// asTexts has a spreadsheet take for texts what it would take for formulas: names that others chose
// and that begin so are run where they are opened. A workbook has cells of texts and needs none of it.
func asTexts(t *result.Table) {
	text := func(s string) string {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) && !decimal.IsExact(s) {
			return "'" + s
		}
		return s
	}
	for i, c := range t.Columns {
		t.Columns[i].Name = text(c.Name)
		for _, row := range t.Rows {
			if s, ok := row[i].(string); ok && c.Type == result.TypeText {
				row[i] = text(s)
			}
		}
	}
}

// about is what a file says of its figures: the query, what is missing, and what noise they
// carry.
func about(t *result.Table) [][2]string {
	out := [][2]string{{"query", t.Query}, {"whole", cli.YesNo(t.Whole())}}
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
