package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/table"
)

// maxFaults is how many faults of a registry's file are listed.
const maxFaults = 20

// RegistryFile says how a registry's file is read.
type RegistryFile struct {
	panel.File
	ID       string // of the registry
	IDColumn string // column with the entities' ids, as renamed
	// Columns are the attributes in the registry's order; nil: all other columns, in
	// the file's order.
	Columns  []string
	Encoding string            // of text, as table.EncodingName has it; empty: found out
	Rename   map[string]string // header of the file → name of the column
}

// ReadRegistryFile reads a registry from a file of any kind that a publisher's file may be,
// with a header. Ids and attributes are kept in Unicode's composed form, without blanks
// around them. What is wrong is *panel.Errors.
func ReadRegistryFile(ctx context.Context, f RegistryFile) (RegistryTable, error) {
	r := &registryReader{file: f}
	r.Discard()
	o := table.Options{Encoding: f.Encoding, Wanted: f.Columns, Advice: "say which it is with --encoding gb18030, or --encoding windows-1252"}
	if err := table.Read(ctx, f.File, o, r); err != nil {
		return RegistryTable{}, err
	}
	if len(r.table.Rows) == 0 && r.faults.Total == 0 {
		r.fault(1, "", "there are no rows", "want one for each entity")
	}
	if r.faults.Total > 0 {
		return RegistryTable{}, &r.faults
	}
	return r.table, nil
}

type registryReader struct {
	file   RegistryFile
	fields int   // of the header
	order  []int // the header's fields that make a row: the id, then the attributes
	names  []string
	table  RegistryTable
	seen   map[string]int // ids so far, with their lines
	faults panel.Errors
}

var _ table.Sink = (*registryReader)(nil)

// Begin implements table.Sink.
func (r *registryReader) Begin(h table.Head) bool {
	r.Discard()
	return r.header(h.Names)
}

// Row implements table.Sink.
func (r *registryReader) Row(fields []string, line int) error {
	switch {
	case strings.TrimSpace(strings.Join(fields, "")) == "": // as spreadsheets leave them below a table
	case len(fields) != r.fields:
		r.fault(line, "", fmt.Sprintf("has %d fields", len(fields)), fmt.Sprintf("want %d, as in the header; a field with a comma in it is quoted", r.fields))
	default:
		r.row(fields, line)
	}
	return nil
}

// Fault implements table.Sink.
func (r *registryReader) Fault(line int, message, want string) { r.fault(line, "", message, want) }

// Faulty implements table.Sink.
func (r *registryReader) Faulty() bool { return r.faults.Total > 0 }

// Discard implements table.Sink.
func (r *registryReader) Discard() {
	r.table = RegistryTable{ID: r.file.ID, IDColumn: r.file.IDColumn}
	r.order, r.seen, r.faults = nil, map[string]int{}, panel.Errors{}
}

func (r *registryReader) fault(row int, column, message, want string) {
	if r.faults.Total++; len(r.faults.List) < maxFaults {
		r.faults.List = append(r.faults.List, &panel.DataError{File: r.file.Name, Row: row, Column: column, Message: message, Want: want})
	}
}

// header finds the id column and the attributes among the header's columns.
func (r *registryReader) header(header []string) bool {
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
		out[i] = panel.CleanText(h)
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

// row adds a row.
func (r *registryReader) row(fields []string, line int) {
	row := make([]string, len(r.order))
	for i, at := range r.order {
		if row[i] = panel.CleanText(fields[at]); !catalog.IsCell(row[i]) {
			r.fault(line, r.names[i], fmt.Sprintf("%.80q cannot stand in a registry", row[i]),
				fmt.Sprintf("want at most %d bytes of text in one line, without control characters", catalog.MaxCell))
		}
	}
	id := row[0]
	switch first, twice := r.seen[id]; {
	case id == "":
		r.fault(line, r.names[0], "is empty", "every entity has an id")
	case twice:
		r.fault(line, r.names[0], fmt.Sprintf("%.80q stands in row %d already", id, first), "every entity has its own id")
	default:
		r.seen[id] = line
	}
	r.table.Rows = append(r.table.Rows, row)
}
