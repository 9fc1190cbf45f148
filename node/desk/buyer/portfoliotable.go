package buyer

import (
	"context"
	"slices"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

const (
	// maxListRows is how many rows of a portfolio's file are shown, beside those in which something is wrong.
	maxListRows = 100
	// maxWrong is how many of those are.
	maxWrong = 200
	// maxListColumns and maxListCell are the most columns and characters of a cell that are shown.
	maxListColumns = 40
	maxListCell    = 200
)

// RowState is what becomes of a row of a portfolio's file.
type RowState string

// States of a row.
const (
	RowTaken   RowState = "taken"   // its entity is in the registry
	RowUnknown RowState = "unknown" // it is not
	RowOver    RowState = "over"    // its weight is above what its entity's cap leaves it
	RowWrong   RowState = "wrong"   // it cannot be read
	RowOpen    RowState = "open"    // nobody looked it up, because of faults elsewhere in the file
	RowNoShare RowState = "noshare" // of a loan: its borrower has no denominator
	RowNothing RowState = "nothing" // of a loan: nothing is outstanding
)

// ListRow is a row of a portfolio's file.
type ListRow struct {
	Row    int         `json:"row"`
	Fields []string    `json:"fields"`
	State  RowState    `json:"state"`
	Faults []ListFault `json:"faults,omitempty"`
	// Of a loan book: its borrower's attribution factor and piece, and ids that were probably meant.
	Factor string   `json:"factor,omitempty"`
	Piece  string   `json:"piece,omitempty"`
	Near   []string `json:"near,omitempty"`
}

// ListFault is what is wrong with a row, or with the file where Row is 0. At is its cell among the columns, -1: none in
// particular.
type ListFault struct {
	Row     int    `json:"row,omitempty"`
	At      int    `json:"at"`
	Message string `json:"message"`
	Want    string `json:"want,omitempty"`
	Column  string `json:"column,omitempty"` // that the file lacks

	column string // its name, of which At is made
}

// listTable has the first rows of a portfolio's file and those with faults.
type listTable struct {
	header []string
	line   int      // of the header
	state  RowState // of rows with nothing wrong
	rows   []ListRow
	count  int // rows below the header
	marks  map[int]ListRow
	wrong  int
}

// tableOf reads the rows of a file that are shown. Marks are what is wrong, by row; the other rows are of that state.
func tableOf(ctx context.Context, f panel.File, o table.Options, marks map[int]ListRow, state RowState) (*listTable, error) {
	t := &listTable{marks: marks, state: state}
	t.Discard()
	return t, table.Read(ctx, f, o, t)
}

// headless has the header of a file that has none shown as the row that it is.
func (t *listTable) headless(name string) {
	first := t.rowOf(t.header, t.line)
	t.header, t.rows, t.count = []string{name}, append([]ListRow{first}, t.rows...), t.count+1
}

// Begin implements table.Sink.
func (t *listTable) Begin(h table.Head) bool {
	t.Discard()
	t.header, t.line = cutRow(h.Names), h.Row
	return true
}

// Row implements table.Sink.
func (t *listTable) Row(fields []string, line int) error {
	t.count++
	_, marked := t.marks[line]
	if marked {
		t.wrong++
	}
	if t.count <= maxListRows || marked && t.wrong <= maxWrong {
		t.rows = append(t.rows, t.rowOf(fields, line))
	}
	return nil
}

func (t *listTable) rowOf(fields []string, line int) ListRow {
	r, marked := t.marks[line]
	if !marked {
		r.State = t.state
	}
	r.Row, r.Fields = line, cutRow(fields)
	return r
}

// Fault implements table.Sink: they are known.
func (t *listTable) Fault(int, string, string) {}

// Faulty implements table.Sink.
func (t *listTable) Faulty() bool { return false }

// Discard implements table.Sink.
func (t *listTable) Discard() { t.header, t.rows, t.count, t.wrong = []string{}, []ListRow{}, 0, 0 }

// cutRow is a row as it is shown.
func cutRow(fields []string) []string {
	out := append([]string{}, fields[:min(len(fields), maxListColumns)]...)
	for i, text := range out {
		if runes := []rune(text); len(runes) > maxListCell {
			out[i] = string(runes[:maxListCell]) + "…"
		}
	}
	return out
}

// column is where a column stands in the header; -1: nowhere.
func (t *listTable) column(name string) int {
	if name == "" {
		return -1
	}
	return slices.IndexFunc(t.header, func(h string) bool { return panel.CleanText(h) == panel.CleanText(name) })
}
