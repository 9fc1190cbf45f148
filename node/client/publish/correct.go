package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/node/client"
)

// CorrectedCell is an attribute that a correction changes.
type CorrectedCell struct {
	ID     string `json:"id"`
	Row    int    `json:"row"` // of the registry, from 0 on
	Column string `json:"column"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// Correction is what a table of attributes would change in a registry.
type Correction struct {
	Registry string          `json:"registry"`
	Cells    []CorrectedCell `json:"cells"` // by row, then by column
	Rows     int             `json:"rows"`  // that change

	base catalog.Digest
	rows [][]string // the changed ones, whole, in the registry's order
}

// ErrNothingCorrected is returned when a registry has the attributes already.
var ErrNothingCorrected = errors.New("the registry has these attributes already")

// CompareAttributes compares a table with a registry: the ids of some of its entities, and the
// attributes in the table's columns. Nothing is changed. Ids that the registry does not
// have, and columns that it does not have, are a *panel.Errors.
func CompareAttributes(ctx context.Context, c *client.Client, file string, t RegistryTable) (Correction, error) {
	r, rows, err := c.WholeRegistry(ctx, t.ID)
	if err != nil {
		return Correction{}, err
	}
	places := make(map[string]int, len(rows))
	ids := make([]string, len(rows))
	for i, row := range rows {
		if len(row) != 1+len(r.Columns) {
			return Correction{}, fmt.Errorf("row %d of registry %s has %d cells", i, r.ID, len(row))
		}
		places[row[0]], ids[i] = i, row[0]
	}
	columns, faults := columnsOf(file, r, t)
	given := make(map[int][]string, len(t.Rows))
	for _, row := range t.Rows {
		at, known := places[row[0]]
		if !known {
			fault(faults, file, t.IDColumn, fmt.Sprintf("registry %s has no entity %.80q", r.ID, row[0]), nearestID(row[0], ids, r.ID))
			continue
		}
		given[at] = row
	}
	if faults.Total > 0 {
		return Correction{}, faults
	}
	out := Correction{Registry: r.ID, base: r.Digest}
	for at, row := range rows {
		if cells := given[at]; cells != nil {
			out.compare(at, row, cells, r.Columns, columns)
		}
	}
	return out, nil
}

// columnsOf finds the registry's column of each of a table's.
func columnsOf(file string, r catalog.Registry, t RegistryTable) ([]int, *panel.Errors) {
	faults := &panel.Errors{}
	if len(t.Columns) == 0 {
		fault(faults, file, "", "has no column but the ids", "want the attributes to correct: "+panel.Quoted(r.Columns))
	}
	out := make([]int, len(t.Columns))
	for i, name := range t.Columns {
		if out[i] = slices.Index(r.Columns, name); out[i] < 0 {
			fault(faults, file, name, fmt.Sprintf("is not an attribute of registry %s", r.ID), "want "+panel.Quoted(r.Columns)+"; --rename HEADER=NAME gives a column another name")
		}
	}
	return out, faults
}

func fault(faults *panel.Errors, file, column, message, want string) {
	if faults.Total++; len(faults.List) < maxFaults {
		faults.List = append(faults.List, &panel.DataError{File: file, Column: column, Message: message, Want: want})
	}
}

func nearestID(id string, ids []string, registry string) string {
	if n := suggest.Nearest(id, ids); n != "" {
		return fmt.Sprintf("did you mean %q?%s", n, suggest.Unseen(id, n))
	}
	return fmt.Sprintf("entities are appended with `weir registry append %s FILE.csv`", registry)
}

// compare adds what the cells of a table's row change in the registry's.
func (x *Correction) compare(at int, row, cells, names []string, columns []int) {
	corrected := slices.Clone(row)
	for i, column := range columns {
		if before := row[1+column]; before != cells[1+i] {
			corrected[1+column] = cells[1+i]
			x.Cells = append(x.Cells, CorrectedCell{ID: row[0], Row: at, Column: names[column], Old: before, New: cells[1+i]})
		}
	}
	if !slices.Equal(row, corrected) {
		x.Rows++
		x.rows = append(x.rows, corrected)
	}
}

// Correct sends the rows that differ; all of them hold with the last one, or none. It is
// refused when the registry was changed in between. progress, if not nil, is told how
// many rows have arrived.
func Correct(ctx context.Context, c *client.Client, x Correction, progress func(done, total int)) error {
	if len(x.rows) == 0 {
		return fmt.Errorf("registry %s: %w", x.Registry, ErrNothingCorrected)
	}
	digest := tables.RowsDigest(x.rows)
	return sendRows(x.rows, 0, 0, progress, func(from int, chunk [][]string) error {
		_, err := c.Submit(ctx, catalog.KindRegistryCorrect, catalog.RegistryCorrect{
			ID: x.Registry, Base: x.base, Rows: len(x.rows), Digest: digest, From: from, Chunk: chunk,
		})
		return err
	})
}

// otherRows says in which rows and columns a table differs from a registry that exists,
// and what to do about it. r is the refusal without that.
func otherRows(ctx context.Context, c *client.Client, t RegistryTable, have catalog.Registry, r *catalog.Refusal) error {
	if have.IDColumn != t.IDColumn || !slices.Equal(have.Columns, t.Columns) {
		r.Reason = catalog.Why("registry.other_columns", t.ID, have.IDColumn, have.Columns, t.IDColumn, t.Columns)
		return r.WithFix("fix.append_rows", t.ID)
	}
	rows, err := c.RegistryRows(ctx, have.ID, have.Rows)
	if err != nil {
		return err
	}
	places := make(map[string]int, len(rows))
	for i, row := range rows {
		places[row[0]] = i
	}
	x, fresh := Correction{}, 0
	columns := make([]int, len(t.Columns))
	for i := range columns {
		columns[i] = i
	}
	for _, row := range t.Rows {
		if at, known := places[row[0]]; known {
			x.compare(at, rows[at], row, t.Columns, columns)
		} else {
			fresh++
		}
	}
	var differ []catalog.Reason
	for _, cell := range x.Cells {
		differ = append(differ, catalog.Why("registry.cell_differs", cell.Row+1, cell.ID, cell.Column, cell.Old, cell.New))
	}
	missing := len(rows) - (len(t.Rows) - fresh)
	if fresh > 0 {
		differ = append(differ, catalog.Why("registry.rows_here", fresh))
	}
	if missing > 0 {
		differ = append(differ, catalog.Why("registry.rows_there", missing))
	}
	if len(differ) == 0 {
		differ = append(differ, catalog.Why("registry.other_order"))
	}
	r.Reason = catalog.Why("registry.rows_differ", t.ID).With(someDiffer(differ)...)
	if len(x.Cells) > 0 {
		return r.WithFixes(catalog.Why("fix.correct_rows", t.ID), catalog.Why("fix.append_rows", t.ID))
	}
	return r.WithFix("fix.append_rows", t.ID)
}
