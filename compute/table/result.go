package table

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
)

// Kind is what the cells of a column are that is written to a file.
type Kind int

// The kinds of columns.
const (
	TextCells    Kind = iota // string
	IntegerCells             // int64
	DecimalCells             // string, a plain decimal
)

// Column is a column that is written to a file. A cell that is nil is empty.
type Column struct {
	Name string
	Kind Kind
	Unit string
}

// Sheet is a table that is written to a file: its columns, its rows, and what else is to be
// known of it, names and texts in turn.
type Sheet struct {
	Columns []Column
	Rows    [][]any
	About   [][2]string
}

// precision is how many digits a DECIMAL of Parquet has at most, in decimalBytes.
const (
	precision    = 38
	decimalBytes = 16
)

// scales are how many decimals each column's cells have at most.
func (s Sheet) scales() []int {
	out := make([]int, len(s.Columns))
	for _, row := range s.Rows {
		for i, c := range s.Columns {
			if text, ok := row[i].(string); ok && c.Kind == DecimalCells {
				_, decimals, _ := strings.Cut(text, ".")
				out[i] = max(out[i], len(decimals))
			}
		}
	}
	return out
}

// WriteParquet writes a table as Parquet, snappy-compressed: texts as UTF-8, whole numbers as
// INT64, decimals exactly, as DECIMAL(38, s) with s decimals, the most that a cell of the column
// has. All may be null. What is to be known of the table, and the units, are in the file's
// metadata.
func WriteParquet(w io.Writer, s Sheet) error {
	scales, root := s.scales(), parquet.Group{}
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		node := parquet.String()
		switch c.Kind {
		case IntegerCells:
			node = parquet.Int(64)
		case DecimalCells:
			node = parquet.Decimal(scales[i], precision, parquet.FixedLenByteArrayType(decimalBytes))
		case TextCells:
		}
		names[i] = c.Name
		for n := 2; root[names[i]] != nil; n++ { // a name twice is no column of Parquet
			names[i] = fmt.Sprintf("%s %d", c.Name, n)
		}
		root[names[i]] = parquet.Optional(parquet.Compressed(node, &parquet.Snappy))
	}
	schema := parquet.NewSchema("result", orderedGroup{root, names})
	options := []parquet.WriterOption{schema}
	for _, about := range s.about() {
		options = append(options, parquet.KeyValueMetadata(about[0], about[1]))
	}
	out := parquet.NewWriter(w, options...)
	for n, row := range s.Rows {
		values := make(parquet.Row, len(row))
		for i, cell := range row {
			v, err := parquetValue(s.Columns[i], scales[i], cell)
			if err != nil {
				return fmt.Errorf("write row %d as Parquet: column %s: %w", n+1, s.Columns[i].Name, err)
			}
			definition := 1
			if v.IsNull() {
				definition = 0
			}
			values[i] = v.Level(0, definition, i)
		}
		if _, err := out.WriteRows([]parquet.Row{values}); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	return nil
}

// about is what is known of a table, with the units of its columns.
func (s Sheet) about() [][2]string {
	out := s.About
	for _, c := range s.Columns {
		if c.Unit != "" {
			out = append(out, [2]string{"unit of " + c.Name, c.Unit})
		}
	}
	return out
}

// orderedGroup is a group whose fields stand as they were given.
type orderedGroup struct {
	parquet.Group
	names []string
}

// Fields implements parquet.Node.
func (g orderedGroup) Fields() []parquet.Field {
	all := g.Group.Fields()
	out := make([]parquet.Field, 0, len(all))
	for _, name := range g.names {
		for _, f := range all {
			if f.Name() == name {
				out = append(out, f)
			}
		}
	}
	return out
}

// errDigits is returned for a decimal that no column of a file can hold.
var errDigits = errors.New("has more than 38 digits")

func parquetValue(c Column, scale int, cell any) (parquet.Value, error) {
	switch v := cell.(type) {
	case nil:
		return parquet.NullValue(), nil
	case int64:
		return parquet.ValueOf(v), nil
	case string:
		if c.Kind == DecimalCells {
			return decimalValue(v, scale)
		}
		return parquet.ValueOf(v), nil
	}
	return parquet.Value{}, fmt.Errorf("%T is no cell", cell)
}

// decimalValue is a decimal as Parquet has it: the number without its point, in two's
// complement, the highest byte first.
func decimalValue(text string, scale int) (parquet.Value, error) {
	whole, decimals, _ := strings.Cut(text, ".")
	n, ok := new(big.Int).SetString(whole+decimals+strings.Repeat("0", scale-len(decimals)), 10)
	if !ok {
		return parquet.Value{}, fmt.Errorf("%.40q is no decimal", text)
	}
	if len(new(big.Int).Abs(n).String()) > precision {
		return parquet.Value{}, fmt.Errorf("%.60q %w", text, errDigits)
	}
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes))
	}
	return parquet.FixedLenByteArrayValue(n.FillBytes(make([]byte, decimalBytes))), nil
}

// exactDigits are how many digits a spreadsheet keeps of a number.
const exactDigits = 15

// WriteWorkbook writes a table as xlsx: the sheet "result", and the sheet "about" with what is
// to be known of it. Whole numbers and decimals are numbers where all of their column have at
// most 15 digits, which a spreadsheet keeps exactly; else all of the column are texts with
// every digit.
func WriteWorkbook(w io.Writer, s Sheet) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	t := &template{file: f}
	t.do(f.SetSheetName("Sheet1", "result"))
	out, err := f.NewStreamWriter("result")
	t.do(err)
	if t.err != nil {
		return fmt.Errorf("write a workbook: %w", t.err)
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	t.do(err)
	header, styles, numbers := make([]any, len(s.Columns)), make([]int, len(s.Columns)), make([]bool, len(s.Columns))
	for i, scale := range s.scales() {
		header[i] = excelize.Cell{StyleID: bold, Value: s.Columns[i].Name}
		form := strings.TrimSuffix("0."+strings.Repeat("0", min(scale, exactDigits)), ".")
		if numbers[i] = s.Columns[i].Kind != TextCells && s.exact(i); !numbers[i] {
			form = "@"
		}
		styles[i], err = f.NewStyle(&excelize.Style{CustomNumFmt: &form})
		t.do(err)
	}
	t.do(out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	t.do(out.SetRow("A1", header))
	for n, row := range s.Rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			if cell != nil {
				cells[i] = excelize.Cell{StyleID: styles[i], Value: workbookValue(numbers[i], cell)}
			}
		}
		t.do(out.SetRow(fmt.Sprintf("A%d", n+2), cells))
	}
	t.do(out.Flush())
	_, err = f.NewSheet("about")
	t.do(err)
	for i, about := range s.about() {
		t.do(f.SetCellStr("about", fmt.Sprintf("A%d", i+1), about[0]))
		t.do(f.SetCellStr("about", fmt.Sprintf("B%d", i+1), about[1]))
	}
	if t.err == nil {
		t.do(f.Write(w))
	}
	if t.err != nil {
		return fmt.Errorf("write a workbook: %w", t.err)
	}
	return nil
}

// digits are those of a number, without zeros before it and behind its decimals.
func digits(text string) int {
	if strings.Contains(text, ".") {
		text = strings.TrimRight(text, "0")
	}
	return len(strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0"))
}

// exact reports whether a spreadsheet keeps all numbers of a column.
func (s Sheet) exact(column int) bool {
	for _, row := range s.Rows {
		if row[column] != nil && digits(fmt.Sprint(row[column])) > exactDigits {
			return false
		}
	}
	return true
}

// workbookValue is a cell as a workbook has it: a text, or a number of at most 15 digits.
func workbookValue(number bool, cell any) any {
	text := fmt.Sprint(cell)
	if !number {
		return text
	}
	if v, ok := new(big.Rat).SetString(text); ok {
		value, _ := v.Float64()
		return value
	}
	return text
}
