package publish

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
)

// maxRegistryFile bounds a registry's file in bytes; a registry has at most
// 262,144 rows.
const maxRegistryFile = 256 << 20

// maxFaults is how many faults of a registry's file are listed.
const maxFaults = 20

// RegistryFile says how a registry's file is read.
type RegistryFile struct {
	panel.File
	ID       string // of the registry
	IDColumn string // column with the entities' ids, as renamed
	// Columns are the attributes in the registry's order; nil: all other columns, in
	// the file's order.
	Columns []string
	Rename  map[string]string // header of the file → name of the column
}

// ReadRegistryFile reads a registry from a CSV file in any encoding that a
// publisher's file may have, with a header. What is wrong is *panel.Errors.
func ReadRegistryFile(ctx context.Context, f RegistryFile) (RegistryTable, error) {
	b, err := panel.ReadText(ctx, f.File, maxRegistryFile)
	if err != nil {
		return RegistryTable{}, err
	}
	r := &registryReader{file: f, table: RegistryTable{ID: f.ID, IDColumn: f.IDColumn}, in: panel.NewCSV(bytes.NewReader(b))}
	r.in.FieldsPerRecord = -1
	if r.header() {
		r.rows()
	}
	if r.faults.Total > 0 {
		return RegistryTable{}, &r.faults
	}
	return r.table, nil
}

type registryReader struct {
	file   RegistryFile
	in     *csv.Reader
	fields int   // of the header
	order  []int // the header's fields that make a row: the id, then the attributes
	names  []string
	table  RegistryTable
	faults panel.Errors
}

func (r *registryReader) fault(row int, column, message, want string) {
	if r.faults.Total++; len(r.faults.List) < maxFaults {
		r.faults.List = append(r.faults.List, &panel.DataError{File: r.file.Name, Row: row, Column: column, Message: message, Want: want})
	}
}

// header finds the id column and the attributes among the header's columns.
func (r *registryReader) header() bool {
	header, err := r.in.Read()
	if err != nil {
		_, message := describeCSVError(err)
		r.fault(1, "", message, "want a header with the columns' names")
		return false
	}
	r.fields = len(header)
	header = r.renamed(header)
	for i, h := range header {
		if slices.Index(header, h) < i {
			r.fault(1, h, "stands in the header twice", "every column has its own name")
		}
	}
	columns := r.file.Columns
	if columns == nil {
		columns = slices.DeleteFunc(slices.Clone(header), func(h string) bool { return h == r.file.IDColumn })
	} else if len(header) > len(columns)+1 {
		for _, h := range header {
			if h != r.file.IDColumn && !slices.Contains(columns, h) {
				r.fault(1, h, "is not a column of the registry", "want "+panel.Quoted(append([]string{r.file.IDColumn}, columns...)))
			}
		}
	}
	r.names = append([]string{r.file.IDColumn}, columns...)
	for _, want := range r.names {
		at := slices.Index(header, want)
		switch {
		case at < 0:
			r.fault(1, want, "is not in the header", fmt.Sprintf("the header has %s; --rename HEADER=NAME gives a column another name", panel.Quoted(header)))
		case !panel.IsName(want) || want == "period" || want == "entity" && want != r.file.IDColumn:
			r.fault(1, want, "cannot be asked for by this name", fmt.Sprintf("give it one of lower-case letters, digits and _, neither entity nor period: --rename %s=NAME", want))
		}
		r.order = append(r.order, at)
	}
	r.table.Columns = columns
	return r.faults.Total == 0
}

// renamed is the header by the columns' names.
func (r *registryReader) renamed(header []string) []string {
	unused := maps.Clone(r.file.Rename)
	out := make([]string, len(header))
	for i, h := range header {
		out[i] = strings.TrimSpace(h)
		if name, ok := r.file.Rename[out[i]]; ok {
			delete(unused, out[i])
			out[i] = name
		}
	}
	for _, h := range slices.Sorted(maps.Keys(unused)) {
		r.fault(1, h, "is to be renamed, and is not in the header", "the header has "+panel.Quoted(header))
	}
	return out
}

func (r *registryReader) rows() {
	seen := map[string]int{}
	for {
		fields, err := r.in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, message := describeCSVError(err)
			r.fault(line, "", message, `a field with " in it is quoted and its " doubled; the rest of the file was not read`)
			return
		}
		line, _ := r.in.FieldPos(0)
		switch {
		case strings.TrimSpace(strings.Join(fields, "")) == "": // as spreadsheets leave them below a table
		case len(fields) != r.fields:
			r.fault(line, "", fmt.Sprintf("has %d fields", len(fields)), fmt.Sprintf("want %d, as in the header; a field with a comma in it is quoted", r.fields))
		default:
			r.row(fields, line, seen)
		}
	}
	if len(r.table.Rows) == 0 && r.faults.Total == 0 {
		r.fault(1, "", "there are no rows", "want one for each entity")
	}
}

// row adds a row. seen are the ids so far, with their lines.
func (r *registryReader) row(fields []string, line int, seen map[string]int) {
	row := make([]string, len(r.order))
	for i, at := range r.order {
		if row[i] = fields[at]; !catalog.IsCell(row[i]) {
			r.fault(line, r.names[i], fmt.Sprintf("%.80q cannot stand in a registry", row[i]),
				fmt.Sprintf("want at most %d bytes of text in one line, without control characters", catalog.MaxCell))
		}
	}
	id := row[0]
	switch first, twice := seen[id]; {
	case id == "":
		r.fault(line, r.names[0], "is empty", "every entity has an id")
	case strings.TrimSpace(id) != id:
		r.fault(line, r.names[0], fmt.Sprintf("%.80q has blanks around it", id), fmt.Sprintf("write %.80q", strings.TrimSpace(id)))
	case twice:
		r.fault(line, r.names[0], fmt.Sprintf("%.80q stands in row %d already", id, first), "every entity has its own id")
	default:
		seen[id] = line
	}
	r.table.Rows = append(r.table.Rows, row)
}

// describeCSVError is the line on which the row at fault begins, and the reader's message
// without it.
func describeCSVError(err error) (line int, message string) {
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return p.StartLine, "quotes do not match: " + p.Err.Error()
	}
	if errors.Is(err, io.EOF) {
		return 0, "the file is empty"
	}
	return 0, err.Error()
}
