package result

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/compute/table"
)

// Formats of a written result, the values of -o.
const (
	FormatTable    = "table"
	FormatJSON     = "json"
	FormatCSV      = "csv"
	FormatParquet  = "parquet"
	FormatWorkbook = "xlsx"
)

// Write writes the result in one of the formats.
func (t *Table) Write(w io.Writer, format string) error {
	switch format {
	case FormatTable:
		return t.WriteText(w)
	case FormatJSON:
		return t.WriteJSON(w)
	case FormatCSV:
		return t.WriteCSV(w)
	case FormatParquet:
		return t.writeSheet(w, table.WriteParquet)
	case FormatWorkbook:
		return t.writeSheet(w, table.WriteWorkbook)
	}
	return fmt.Errorf("there is no output format %q; use %s, %s, %s, %s or %s", format, FormatTable, FormatJSON, FormatCSV, FormatParquet, FormatWorkbook)
}

// WriteJSON writes the result as one line of JSON. Its field whole is that of Whole.
func (t *Table) WriteJSON(w io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		*Table
		Whole bool `json:"whole"`
	}{t, t.Whole()}); err != nil {
		return fmt.Errorf("writing the result as JSON: %w", err)
	}
	if _, err := w.Write(shown.JSON(b.Bytes())); err != nil {
		return fmt.Errorf("writing the result as JSON: %w", err)
	}
	return nil
}

// Flat is the result as a table of columns alone, as files have them. The columns are those that
// were asked for, then for every noised column the half-width of its 95 % interval under its
// name with "_interval95" behind it, where some interval is not possible as a whole the ends of
// what is left of such with "_possible95_low" and "_possible95_high", and for every quantile the ends of its bucket with
// "_low" and "_high". Where a row lacks entities, entities_included and entities_of follow, and
// where one lacks periods, periods_left_out, and of a checked result checked. Groups that are withheld have no row: Shortfall
// says which they are.
func (t *Table) Flat() ([]Column, [][]any) {
	columns := slices.Clone(t.Columns)
	noised, cut, bounded := t.intervalColumns(), t.cutColumns(), t.boundColumns()
	more := func(of int, suffix string) {
		columns = append(columns, Column{Name: t.Columns[of].Name + suffix, Type: TypeDecimal, Unit: t.Columns[of].Unit})
	}
	for _, j := range noised {
		more(j, "_interval95")
	}
	for _, j := range cut {
		more(j, "_possible95_low")
		more(j, "_possible95_high")
	}
	for _, j := range bounded {
		more(j, "_low")
		more(j, "_high")
	}
	lacking, omitting := t.partial()
	if lacking > 0 {
		columns = append(columns, Column{Name: "entities_included", Type: TypeInteger}, Column{Name: "entities_of", Type: TypeInteger})
	}
	if omitting > 0 {
		columns = append(columns, Column{Name: "periods_left_out", Type: TypeInteger})
	}
	if t.Checked != nil {
		columns = append(columns, Column{Name: "checked", Type: TypeText})
	}
	rows := make([][]any, 0, len(t.Rows))
	for i, cells := range t.Rows {
		row := slices.Clone(cells)
		for _, j := range noised {
			row = append(row, t.Interval95[i][j])
		}
		for _, j := range cut {
			low, high := endTexts(t.Possible95, i, j)
			row = append(row, orNull(low), orNull(high))
		}
		for _, j := range bounded {
			low, high := endTexts(t.Bounds, i, j)
			row = append(row, orNull(low), orNull(high))
		}
		if lacking > 0 {
			row = append(row, int64(t.Included[i]), int64(t.Of[i]))
		}
		if omitting > 0 {
			row = append(row, int64(t.Omitted[i]))
		}
		if t.Checked != nil {
			row = append(row, t.Checked.cell())
		}
		rows = append(rows, row)
	}
	return columns, rows
}

// orNull is a text, NULL for an empty one.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// WriteCSV writes the columns of Flat as CSV (RFC 4180) with a header; NULL is an empty field.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	columns, rows := t.Flat()
	records := [][]string{nil}
	for _, c := range columns {
		records[0] = append(records[0], shown.Text(c.Name))
	}
	for _, row := range rows {
		records = append(records, cellTexts(row, "", shown.Lines)) // a line break within quotes is CSV's own
	}
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("writing the result as CSV: %w", err)
	}
	return nil
}

// WriteText writes the result as a table for a person: names and units, figures to the
// right, and below it what is missing. How much of its group a row covers stands before its
// figures, when some row does not cover all of it.
func (t *Table) WriteText(w io.Writer) error {
	var header []string
	var right []bool
	for _, c := range t.Columns {
		header, right = append(header, c.heading()), append(right, c.figure())
	}
	lacking, omitting := t.partial()
	first := t.firstFigure()
	var head []string
	if lacking > 0 {
		head = append(head, "entities")
	}
	if omitting > 0 {
		head = append(head, "periods left out")
	}
	lines := [][]string{slices.Insert(header, first, head...)}
	right = slices.Insert(right, first, make([]bool, len(head))...)
	bounded := t.boundColumns()
	for i, row := range t.Rows {
		line := cellTexts(row, "NULL", shown.Text)
		if t.Noise != nil {
			for j, half := range cellTexts(t.Interval95[i], "", shown.Text) {
				if half != "" {
					line[j] += " ± " + half
				}
			}
		}
		for _, j := range t.cutColumns() {
			if low, high := endTexts(t.Possible95, i, j); low != "" {
				line[j] += " [" + low + ", " + high + "]"
			}
		}
		for _, j := range bounded {
			if low, high := endTexts(t.Bounds, i, j); low != "" {
				line[j] += " (" + low + " to " + high + ")"
			}
		}
		var coverage []string
		if lacking > 0 {
			coverage = append(coverage, coverageText(t.Included[i], t.Of[i]))
		}
		if omitting > 0 {
			coverage = append(coverage, strconv.Itoa(t.Omitted[i]))
		}
		lines = append(lines, slices.Insert(line, first, coverage...))
	}
	var b strings.Builder
	align(&b, lines, right)
	switch len(t.Rows) {
	case 1:
		b.WriteString("1 row")
	default:
		fmt.Fprintf(&b, "%d rows", len(t.Rows))
	}
	if words := t.withheldWords(); words != "" {
		b.WriteString(", " + words)
	}
	b.WriteString("\n" + t.privateWords() + t.boundWords() + t.noiseWords() + t.clippedWords())
	if names := t.withheldNames(); names != "" {
		b.WriteString("withheld: " + names + "\n")
	}
	for _, words := range []string{t.partialWords(), t.notThereWords(), t.heldBackWords()} {
		if words != "" {
			b.WriteString(words + "\n")
		}
	}
	if t.Checked != nil {
		b.WriteString(t.Checked.Words() + "\n")
	}
	if _, err := io.WriteString(w, shown.Lines(b.String())); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// firstFigure is the number of the first column with figures.
func (t *Table) firstFigure() int {
	if i := slices.IndexFunc(t.Columns, Column.figure); i >= 0 {
		return i
	}
	return len(t.Columns)
}

func (c Column) figure() bool { return c.Type == TypeInteger || c.Type == TypeDecimal }

// heading is the column's name, with its unit if it has one.
func (c Column) heading() string {
	if c.Unit == "" {
		return shown.Text(c.Name)
	}
	return shown.Text(c.Name + " (" + c.Unit + ")")
}

// coverageText says how many entities a row covers; of one that is not whole with the
// percentage, rounded down.
func coverageText(included, of int) string {
	if included >= of {
		return fmt.Sprintf("all %d", of)
	}
	return fmt.Sprintf("%d of %d (%d %%)", included, of, 100*included/of)
}

// align writes lines, the first of them the header, in columns, of which some stand to the
// right.
func align(b *strings.Builder, lines [][]string, right []bool) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], suggest.TextWidth(cell))
		}
	}
	for n, line := range lines {
		var out strings.Builder
		for i, cell := range line {
			if i > 0 {
				out.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-suggest.TextWidth(cell))
			if right[i] {
				out.WriteString(pad + cell)
			} else {
				out.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
		if n > 0 {
			continue
		}
		rules := make([]string, len(widths))
		for i, width := range widths {
			rules[i] = strings.Repeat("-", width)
		}
		b.WriteString(strings.Join(rules, "  ") + "\n")
	}
}

// cellTexts are the cells of a row as text; shown makes text of attributes so that it may
// be shown.
func cellTexts(row []any, null string, shown func(string) string) []string {
	var out []string
	for _, cell := range row {
		switch v := cell.(type) {
		case nil:
			out = append(out, null)
		case string:
			out = append(out, shown(v))
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out
}
