package table

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"
)

// TemplateColumn is a column of a template: its header, what is said beside it, and what
// may stand in it.
type TemplateColumn struct {
	Name     string
	Note     string
	Choices  []string // nil: anything
	Low      float64  // of numbers; of no use where Text
	High     float64
	Decimals int
	Text     bool
}

// templateRows are the rows of a template that are checked while they are typed.
const templateRows = 10_000

// choicesSheet is the sheet with the texts that may be chosen.
const choicesSheet = "choices"

// WriteTemplate writes a workbook with a header, in which a spreadsheet checks what is typed:
// numbers by their range, texts that are one of a list. Nothing of it is believed when the
// file is read.
func WriteTemplate(w io.Writer, sheet string, columns []TemplateColumn) (err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	t := &template{file: f, sheet: sheet}
	t.do(f.SetSheetName("Sheet1", sheet))
	for i, c := range columns {
		t.column(i+1, c)
	}
	t.do(f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
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
	choices int // columns of the sheet of choices
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
	head, first, last := name+"1", name+"2", fmt.Sprintf("%s%d", name, templateRows+1)
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
	case c.Choices != nil:
		rule.SetSqrefDropList(t.list(c.Choices))
	case !c.Text:
		t.do(rule.SetRange(c.Low, c.High, excelize.DataValidationTypeDecimal, excelize.DataValidationOperatorBetween))
	default:
		return
	}
	rule.SetError(excelize.DataValidationErrorStyleStop, c.Name, c.Note)
	t.do(t.file.AddDataValidation(t.sheet, rule))
}

// list writes texts that may be chosen, and says where they stand.
func (t *template) list(choices []string) string {
	if t.choices == 0 {
		_, err := t.file.NewSheet(choicesSheet)
		t.do(err)
		t.do(t.file.SetSheetVisible(choicesSheet, false))
	}
	t.choices++
	name, err := excelize.ColumnNumberToName(t.choices)
	t.do(err)
	for i, text := range choices {
		t.do(t.file.SetCellStr(choicesSheet, fmt.Sprintf("%s%d", name, i+1), text))
	}
	return fmt.Sprintf("%s!$%s$1:$%s$%d", choicesSheet, name, name, len(choices))
}
