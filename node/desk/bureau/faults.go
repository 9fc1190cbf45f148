package bureau

import (
	"context"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

// around is how many rows stand on either side of one with a fault.
const around = 1

// maxShown is the most bytes of a cell that is shown.
const maxShown = 300

// Faults are what is wrong with the files, and the rows that it is wrong in.
type Faults struct {
	Total  int          `json:"total"`
	List   []Fault      `json:"list"` // the first of them
	Tables []FaultTable `json:"tables"`
}

// Fault is one fault. Row 0 is the file as a whole; At is its cell among the columns, -1: none in particular.
type Fault struct {
	File    string `json:"file"`
	Row     int    `json:"row,omitempty"`
	Column  string `json:"column,omitempty"`
	At      int    `json:"at"`
	Message string `json:"message"`
	Want    string `json:"want,omitempty"`
}

// FaultTable has the rows of a file with faults, and those beside them.
type FaultTable struct {
	File   string          `json:"file"`
	Sheet  string          `json:"sheet,omitempty"`
	Header []string        `json:"header"`
	Rows   []panel.Sampled `json:"rows"`
}

// faultsOf finds the rows of faults in the files.
func faultsOf(ctx context.Context, files []panel.File, o table.Options, wrong *panel.Errors) (*Faults, error) {
	out := &Faults{Total: wrong.Total, List: []Fault{}, Tables: []FaultTable{}}
	for _, f := range files {
		wanted := map[int]bool{}
		for _, e := range wrong.List {
			if e.File == f.Name && e.Row > 0 {
				for at := e.Row - around; at <= e.Row+around; at++ {
					wanted[at] = true
				}
			}
		}
		if len(wanted) == 0 {
			continue
		}
		rows := &rowsWanted{wanted: wanted, last: slices.Max(slices.Collect(maps.Keys(wanted)))}
		if err := table.Read(ctx, f, o, rows); err != nil {
			return nil, err
		}
		if len(rows.table.Rows) > 0 {
			rows.table.File = f.Name
			out.Tables = append(out.Tables, rows.table)
		}
	}
	for _, e := range wrong.List {
		out.List = append(out.List, Fault{File: e.File, Row: e.Row, Column: e.Column, At: columnOf(out.Tables, e), Message: e.Message, Want: e.Want})
	}
	return out, nil
}

// columnOf is the column of a fault in the table that is shown of its file; -1: none.
func columnOf(tables []FaultTable, e *panel.DataError) int {
	for _, t := range tables {
		if t.File == e.File && e.Column != "" {
			return slices.IndexFunc(t.Header, func(h string) bool { return panel.CleanText(h) == panel.CleanText(e.Column) })
		}
	}
	return -1
}

// rowsWanted takes some rows of a table.
type rowsWanted struct {
	wanted map[int]bool
	last   int
	table  FaultTable
}

// Begin implements table.Sink.
func (r *rowsWanted) Begin(h table.Head) bool {
	r.Discard()
	r.table.Sheet, r.table.Header = h.Sheet, slices.Clone(h.Names)
	return true
}

// Row implements table.Sink.
func (r *rowsWanted) Row(fields []string, line int) error {
	if r.wanted[line] {
		r.table.Rows = append(r.table.Rows, panel.Sampled{Row: line, Fields: shortRow(fields)})
	}
	if line >= r.last {
		return table.ErrEnough
	}
	return nil
}

// shortRow is a row as it is shown.
func shortRow(fields []string) []string {
	out := slices.Clone(fields[:min(len(fields), maxColumns)])
	for i, text := range out {
		if len(text) > maxShown {
			end := maxShown
			for !utf8.RuneStart(text[end]) && end > maxShown-utf8.UTFMax { // no character is cut
				end--
			}
			out[i] = text[:end] + "…"
		}
	}
	return out
}

// Fault implements table.Sink: they are known.
func (r *rowsWanted) Fault(int, string, string) {}

// Faulty implements table.Sink.
func (r *rowsWanted) Faulty() bool { return false }

// Discard implements table.Sink.
func (r *rowsWanted) Discard() { r.table = FaultTable{Header: []string{}, Rows: []panel.Sampled{}} }
