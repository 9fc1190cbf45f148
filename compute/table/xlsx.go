package table

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// headersLooked is in how many first rows of a sheet the header is looked for.
const headersLooked = 20

// excelDigits are the significant digits of a number that Excel keeps and shows.
const excelDigits = 15

// workbook reads a sheet of an Excel workbook. Nothing of it goes to a temporary file.
func (r *reader) workbook(in io.Reader) (err error) {
	book, err := excelize.OpenReader(in, excelize.Options{RawCellValue: true, UnzipSizeLimit: mostInMemory, UnzipXMLSizeLimit: mostInMemory})
	if err != nil {
		what := "is a damaged workbook: " + err.Error()
		if errors.Is(err, excelize.ErrWorkbookFileFormat) || errors.Is(err, excelize.ErrWorkbookPassword) {
			what = "is a workbook with a password, or a damaged one"
		}
		r.sink.Fault(0, what, "save it anew, without a password")
		return nil
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	sheet, row, ok := r.chooseSheet(book)
	if !ok {
		return nil
	}
	head := Head{Kind: "xlsx", Sheet: sheet, Row: row, Days: DaysFrom1900}
	if props, err := book.GetWorkbookProps(); err == nil && props.Date1904 != nil && *props.Date1904 {
		head.Days = DaysFrom1904
	}
	odd, err := oddCellsOf(book, sheet)
	if err != nil {
		r.sink.Fault(0, fmt.Sprintf("sheet %q cannot be read: %v", sheet, err), "save the workbook anew")
		return nil
	}
	begun := false
	var used []bool
	err = eachRow(book, sheet, func(cells []string, at int) error {
		switch {
		case at < row:
			odd.above(r, cells, at)
			return nil
		case at == row:
			head.Names = ofWidth(odd.header(r, cells, at), 0)
			used = r.options.used(head.Names)
			odd.settle(r, sheet, cells, at, row, used)
			if begun = r.sink.Begin(head); !begun {
				return ErrEnough
			}
			return nil
		}
		for i, c := range cells {
			cells[i] = cutDigits(c)
		}
		cells = odd.fill(r, cells, at, head.Names)
		if !odd.settle(r, sheet, cells, at, row, used) {
			return nil
		}
		return r.row(ofWidth(cells, len(head.Names)), at)
	})
	if err == nil && !begun {
		r.sink.Fault(0, fmt.Sprintf("sheet %q is empty", sheet), "want a header and rows")
	}
	return err
}

// ofWidth is a row with as many cells as the header, n, or more: empty ones at the end of a
// row are not in the file, and some are that belong to no column.
func ofWidth(cells []string, n int) []string {
	for len(cells) > n && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	for len(cells) < n {
		cells = append(cells, "")
	}
	return cells
}

// eachRow calls fn with the rows of a sheet, counted from 1.
func eachRow(book *excelize.File, sheet string, fn func(cells []string, at int) error) error {
	rows, err := book.Rows(sheet)
	if err != nil {
		return fmt.Errorf("read sheet %s: %w", sheet, err)
	}
	for at := 1; rows.Next(); at++ {
		cells, err := rows.Columns() // raw, by the options of the book
		if err == nil {
			err = fn(cells, at)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	if err := errors.Join(rows.Error(), rows.Close()); err != nil {
		return fmt.Errorf("read sheet %s: %w", sheet, err)
	}
	return nil
}

// chooseSheet finds the sheet and the row of its header: as declared, or where the wanted
// columns are. It refuses to choose between two.
func (r *reader) chooseSheet(book *excelize.File) (sheet string, row int, ok bool) {
	sheets := book.GetSheetList()
	if r.options.Sheet != "" {
		if idx, err := book.GetSheetIndex(r.options.Sheet); err != nil || idx < 0 {
			r.sink.Fault(0, fmt.Sprintf("there is no sheet %q", r.options.Sheet), fmt.Sprintf("there are %q", sheets))
			return "", 0, false
		}
		sheets = []string{r.options.Sheet}
	}
	fewest := len(r.options.Wanted) + 1
	var best, nearly []string // nearly: they lack one wanted column, which may be misspelt
	for _, s := range sheets {
		if visible, err := book.GetSheetVisible(s); r.options.Sheet == "" && err == nil && !visible {
			continue
		}
		at, lacks := 0, len(r.options.Wanted)+1
		err := eachRow(book, s, func(cells []string, n int) error {
			if n > headersLooked {
				return ErrEnough
			}
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			if k := missingOf(r.options.Wanted, cells); k < lacks && len(strings.Join(cells, "")) > 0 {
				at, lacks = n, k
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrEnough) {
			r.sink.Fault(0, err.Error(), "save the workbook anew")
			return "", 0, false
		}
		if at > 0 && lacks == 1 && len(r.options.Wanted) > 2 {
			nearly = append(nearly, s)
		}
		switch {
		case at == 0: // empty
		case lacks < fewest:
			fewest, best, row = lacks, []string{s}, at
		case lacks == fewest:
			best = append(best, s)
		}
	}
	if fewest == 0 {
		best = append(best, nearly...)
	}
	if r.options.HeaderRow > 0 {
		row = r.options.HeaderRow
	}
	switch len(best) {
	case 0:
		r.sink.Fault(0, "the workbook has no sheet with rows", "want a header and rows")
		return "", 0, false
	case 1:
		return best[0], row, true
	}
	r.sink.Fault(0, fmt.Sprintf("the sheets %q may be meant", best), "name one in the descriptor: sheet: NAME")
	return "", 0, false
}

// cutDigits is a number as Excel shows it: a text that is a binary fraction's own spelling,
// such as 12.300000000000001, is cut to the 15 digits that Excel has. Other texts stay.
func cutDigits(text string) string {
	if len(text) <= excelDigits || !strings.ContainsAny(text, ".E") {
		return text
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	digits := strings.TrimLeft(strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, strings.SplitN(text, "E", 2)[0]), "0")
	if len(digits) <= excelDigits {
		return text
	}
	short := strconv.FormatFloat(v, 'G', excelDigits, 64)
	if back, err := strconv.ParseFloat(short, 64); err != nil || back == 0 {
		return text
	}
	return short
}
