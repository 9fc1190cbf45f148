package table

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// Template is a workbook into which rows can be typed.
type Template struct {
	Sheet   string // empty: readings
	Header  int    // row with the header; 0: the first
	Columns []TemplateColumn
}

// TemplateColumn is a column of a template: its header, what is said beside it, and what
// may stand in it.
type TemplateColumn struct {
	Name     string
	Note     string
	Choices  []string // none: anything
	Low      float64  // of numbers; of no use where Text
	High     float64
	Decimals int
	Text     bool
}

// templateRows are the rows of a template that are checked while they are typed.
const templateRows = 10_000

// Sheets of a template: of readings where no other is asked for, and of the texts that may be
// chosen.
const (
	readingsSheet = "readings"
	choicesSheet  = "choices"
)

// What Excel takes for a rule's title and its message, in UTF-16 units; a workbook with more
// is damaged to it.
const (
	ruleTitle   = 32
	ruleMessage = 225
)

// WriteTemplate writes a workbook with a header, in which a spreadsheet checks what is typed:
// numbers by their range, texts that are one of a list. Nothing of it is believed when the
// file is read.
func WriteTemplate(w io.Writer, what Template) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	t := &template{file: f, sheet: cmp.Or(what.Sheet, readingsSheet), header: max(what.Header, 1), choices: choicesSheet}
	for strings.EqualFold(t.choices, t.sheet) {
		t.choices += "2"
	}
	t.do(f.SetSheetName("Sheet1", t.sheet))
	for i, c := range what.Columns {
		t.column(i+1, c)
	}
	t.do(f.SetPanes(t.sheet, &excelize.Panes{Freeze: true, YSplit: t.header, TopLeftCell: fmt.Sprintf("A%d", t.header+1), ActivePane: "bottomLeft"}))
	if t.err == nil {
		t.do(f.Write(w))
	}
	if t.err != nil {
		return fmt.Errorf("write a template: %w", t.err)
	}
	return nil
}

// template is a workbook that is being made; the first error ends it.
type template struct {
	file    *excelize.File
	sheet   string
	header  int
	choices string // sheet with the texts that may be chosen
	lists   int    // columns of it
	err     error
}

func (t *template) do(err error) {
	if t.err == nil {
		t.err = err
	}
}

// column writes the n-th column, from 1.
func (t *template) column(n int, c TemplateColumn) {
	name, err := excelize.ColumnNumberToName(n)
	t.do(err)
	head, first, last := fmt.Sprint(name, t.header), fmt.Sprint(name, t.header+1), fmt.Sprint(name, t.header+templateRows)
	form := "@" // text, so that nothing is taken for a date
	if !c.Text {
		form = strings.TrimSuffix("0."+strings.Repeat("0", c.Decimals), ".")
	}
	style, err := t.file.NewStyle(&excelize.Style{CustomNumFmt: &form})
	t.do(err)
	bold, err := t.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, CustomNumFmt: &form})
	t.do(err)
	t.do(t.file.SetColStyle(t.sheet, name, style))
	t.do(t.file.SetColWidth(t.sheet, name, name, float64(min(max(len(c.Name)+4, 14), 40))))
	t.do(t.file.SetCellStr(t.sheet, head, c.Name))
	t.do(t.file.SetCellStyle(t.sheet, head, head, bold))
	if c.Note != "" {
		t.do(t.file.AddComment(t.sheet, excelize.Comment{Cell: head, Author: "weir", Text: c.Note}))
	}
	rule := excelize.NewDataValidation(true)
	rule.Sqref = first + ":" + last
	switch {
	case len(c.Choices) > 0:
		rule.SetSqrefDropList(t.list(c.Choices))
	case !c.Text:
		t.do(rule.SetRange(c.Low, c.High, excelize.DataValidationTypeDecimal, excelize.DataValidationOperatorBetween))
	default:
		return
	}
	rule.SetError(excelize.DataValidationErrorStyleStop, cutUnits(c.Name, ruleTitle), cutUnits(c.Note, ruleMessage))
	t.do(t.file.AddDataValidation(t.sheet, rule))
}

// list writes texts that may be chosen, and says where they stand.
func (t *template) list(texts []string) string {
	if t.lists == 0 {
		_, err := t.file.NewSheet(t.choices)
		t.do(err)
		t.do(t.file.SetSheetVisible(t.choices, false))
	}
	t.lists++
	name, err := excelize.ColumnNumberToName(t.lists)
	t.do(err)
	for i, text := range texts {
		t.do(t.file.SetCellStr(t.choices, fmt.Sprintf("%s%d", name, i+1), text))
	}
	return fmt.Sprintf("%s!$%s$1:$%s$%d", t.choices, name, name, len(texts))
}

// cutUnits is a text of at most so many UTF-16 units.
func cutUnits(s string, most int) string {
	n := 0
	for at, c := range s {
		if n += utf16.RuneLen(c); n > most {
			return s[:at]
		}
	}
	return s
}

// PossibleSheet reports whether a sheet of a workbook can have a name: at most 31 UTF-16
// units, without the signs that formulas put around and behind it.
func PossibleSheet(name string) bool {
	return name != "" && cutUnits(name, 31) == name && !strings.ContainsAny(name, `:\/?*[]`) &&
		!strings.HasPrefix(name, "'") && !strings.HasSuffix(name, "'")
}
