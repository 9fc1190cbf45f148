package table

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/htmlindex"
)

// oddCells are the cells of a sheet whose text does not say what they are: the rows of a
// sheet come without types, formulas and merges.
type oddCells struct {
	truths   map[int][]int          // columns of cells that are TRUE or FALSE, by row
	formulas map[int][]emptyFormula // without a stored value, by row
	merges   map[int][]*merge       // by the row in which they begin
	open     []*merge               // those that have cells in the present row
}

// emptyFormula is a formula without a stored value.
type emptyFormula struct {
	column int
	text   string
}

// merge is a range of cells that are shown as one: only the first has a value.
type merge struct {
	ref                          string
	column, row, toColumn, toRow int
	filled                       bool // the first cell has something
	value                        string
	given                        bool // its column has that value in every row
	told                         bool // its fault is reported
}

// oddCellsOf reads them from a sheet's part of the workbook (ECMA-376 part 1, sections
// 18.3.1.4 c, 18.3.1.40 f, 18.3.1.55 mergeCells).
func oddCellsOf(book *excelize.File, sheet string) (*oddCells, error) {
	name, err := partOf(book, sheet)
	if err != nil {
		return nil, err
	}
	raw, err := partBytes(book, name)
	if err != nil {
		return nil, err
	}
	o := &oddCells{truths: map[int][]int{}, formulas: map[int][]emptyFormula{}, merges: map[int][]*merge{}}
	if !slices.ContainsFunc(oddMarks, func(m string) bool { return bytes.Contains(raw, []byte(m)) }) {
		return o, nil // most sheets, which are not parsed twice then
	}
	return o, o.read(raw)
}

// oddMarks are in every sheet that has an odd cell: <c t="b">, <f>, <mergeCell>, with a
// prefix or without.
var oddMarks = []string{`"b"`, `'b'`, "<f>", "<f ", "<f/", ":f>", ":f ", ":f/", "mergeCell"}

// sheetCell is a cell as the sheet's part has it.
type sheetCell struct {
	Ref     string  `xml:"r,attr"`
	Type    string  `xml:"t,attr"`
	Formula *string `xml:"f"`
	Value   *string `xml:"v"`
}

func (o *oddCells) read(raw []byte) error {
	in := xmlDecoder(raw)
	row, column := 0, 0
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "row":
			row, column = row+1, 0
			if n, err := strconv.Atoi(attribute(start, "r")); err == nil && n > 0 {
				row = n
			}
		case "c":
			var c sheetCell
			if err := in.DecodeElement(&c, &start); err != nil {
				return err
			}
			column++
			if at, _, err := excelize.CellNameToCoordinates(c.Ref); err == nil {
				column = at
			}
			switch {
			case c.Formula != nil && c.Value == nil:
				o.formulas[row] = append(o.formulas[row], emptyFormula{column, *c.Formula})
			case c.Type == "b":
				o.truths[row] = append(o.truths[row], column)
			}
		case "mergeCell":
			m := &merge{ref: attribute(start, "ref")}
			from, to, _ := strings.Cut(m.ref, ":")
			var err [2]error
			m.column, m.row, err[0] = excelize.CellNameToCoordinates(from)
			m.toColumn, m.toRow, err[1] = excelize.CellNameToCoordinates(to)
			if err[0] == nil && err[1] == nil {
				o.merges[m.row] = append(o.merges[m.row], m)
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func xmlDecoder(raw []byte) *xml.Decoder {
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		from, err := htmlindex.Get(label)
		if err != nil {
			return nil, err
		}
		return from.NewDecoder().Reader(in), nil
	}
	return d
}

// partOf is the part of the workbook that a sheet is kept in.
func partOf(book *excelize.File, sheet string) (string, error) {
	const home = "xl/workbook.xml"
	var list struct {
		Sheets []struct {
			Name string     `xml:"name,attr"`
			Any  []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	var links struct {
		List []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	for name, into := range map[string]any{home: &list, "xl/_rels/workbook.xml.rels": &links} {
		raw, err := partBytes(book, name)
		if err == nil {
			err = xmlDecoder(raw).Decode(into)
		}
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
	}
	for _, s := range list.Sheets {
		if !strings.EqualFold(s.Name, sheet) {
			continue
		}
		for _, a := range s.Any {
			if a.Name.Local != "id" || a.Name.Space == "" {
				continue
			}
			for _, l := range links.List {
				if l.ID == a.Value {
					return path.Join("xl", strings.TrimPrefix(l.Target, "/xl/")), nil
				}
			}
		}
	}
	return "", fmt.Errorf("the workbook does not say where sheet %q is", sheet)
}

// partBytes are the bytes of a part, which the book has in memory already; the case of names
// differs between programs.
func partBytes(book *excelize.File, name string) ([]byte, error) {
	var raw []byte
	book.Pkg.Range(func(key, value any) bool {
		part, isText := key.(string)
		b, isRaw := value.([]byte)
		if isText && isRaw && strings.EqualFold(part, name) {
			raw = b
		}
		return raw == nil
	})
	if raw == nil {
		return nil, fmt.Errorf("there is no %s", name)
	}
	return raw, nil
}

// settle puts the words TRUE and FALSE into a row for the numbers that such cells are kept
// as, and reports what has no value to read: formulas without a stored one, and all cells of
// a merged range but the first. whole is false where there is such a cell in a column that
// is used. Rows come in order, from the header on.
func (o *oddCells) settle(r *reader, sheet string, cells []string, at, header int, used []bool) (whole bool) {
	whole = true
	for _, column := range o.truths[at] {
		if column <= len(cells) {
			cells[column-1] = map[bool]string{true: "TRUE", false: "FALSE"}[cells[column-1] == "1"]
		}
	}
	for _, f := range o.formulas[at] {
		if column := f.column; column <= len(used) && used[column-1] {
			r.sink.Fault(at, fmt.Sprintf("cell %s of sheet %q is a formula without a stored value: =%.60s", cellName(column, at), sheet, f.text),
				"open the workbook in a spreadsheet and save it, or write the value in place of the formula")
			whole = false
		}
	}
	o.open = slices.DeleteFunc(append(o.open, o.merges[at]...), func(m *merge) bool { return m.toRow < at })
	for _, m := range o.open {
		if at == m.row {
			m.filled = m.column <= len(cells) && strings.TrimSpace(cells[m.column-1]) != ""
		}
		first := m.column
		if at == m.row || m.given {
			first++
		}
		for column := first; m.filled && at > header && column <= min(m.toColumn, len(used)); column++ {
			if !used[column-1] {
				continue
			}
			if whole = false; !m.told {
				m.told = true
				want := "undo the merge, and write the value into every cell that it is meant for"
				if r.options.Fill == nil && m.toRow > m.row {
					want += "; where it says of whom or when a row is, the descriptor may say merged: fill"
				}
				r.sink.Fault(at, fmt.Sprintf("cell %s of sheet %q has no value of its own: %s are merged, and %s alone has one", cellName(column, at), sheet, m.ref, cellName(m.column, m.row)), want)
			}
		}
	}
	return whole
}

// above notes what the merged ranges that begin above the header have.
func (o *oddCells) above(r *reader, cells []string, at int) {
	if r.options.Fill == nil {
		return
	}
	o.open = append(o.open, o.merges[at]...)
	for _, m := range o.merges[at] {
		if m.column <= len(cells) {
			m.value = cells[m.column-1]
		}
	}
}

// header is the row of the header with the names of columns whose header begins above it.
func (o *oddCells) header(r *reader, cells []string, at int) []string {
	if r.options.Fill == nil {
		return cells
	}
	for _, m := range o.open {
		if m.row < at && at <= m.toRow {
			cells = ofWidth(cells, m.column)
			cells[m.column-1] = m.value
		}
	}
	return cells
}

// fill gives cells that are merged with those above them their value, in columns that are to be
// filled.
func (o *oddCells) fill(r *reader, cells []string, at int, names []string) []string {
	if r.options.Fill == nil {
		return cells
	}
	for _, m := range o.merges[at] {
		if m.column > len(names) || m.column > len(cells) {
			continue
		}
		m.value, m.given = cells[m.column-1], r.options.Fill(names[m.column-1])
	}
	for _, m := range o.open {
		if m.given && m.row < at && at <= m.toRow && strings.TrimSpace(m.value) != "" {
			cells = ofWidth(cells, m.column)
			cells[m.column-1] = m.value
			if r.options.Filled != nil {
				r.options.Filled()
			}
		}
	}
	return cells
}

// cellName is a cell as a spreadsheet names it.
func cellName(column, row int) string {
	name, err := excelize.CoordinatesToCellName(column, row)
	if err != nil {
		return fmt.Sprintf("%d in row %d", column, row)
	}
	return name
}
