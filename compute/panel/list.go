package panel

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/table"
)

// ListOptions say how a list of entities is read.
type ListOptions struct {
	// IDColumns are names of the column with the ids, the first one in the header
	// is taken. A file of one column needs none of them.
	IDColumns []string
	// Known reports whether a text is an entity's id: a file of one column whose
	// first row is one has no header. nil: every file has a header.
	Known func(id string) bool
	// Weights is the column with each entity's number; empty: there are none.
	Weights string
	// Bits and Decimals bound the weights: below 2^Bits in units of 10^-Decimals.
	Bits, Decimals int
	// Pieces is the column with the name of each entity's piece, of which there are
	// catalog.MaxPieces at most; empty: there is none.
	Pieces string
}

// List is a list of entities, each there once, in the order of the file.
type List struct {
	IDs     []string
	Numbers []uint64 // weights in units of 10^-Decimals; nil without
	Pieces  []string // names of pieces; nil without
	Rows    []int    // the line on which each begins, the header being 1
}

// ReadList reads a buyer's list of entities, with or without weights or pieces, from a
// CSV file in any encoding that a publisher's file may have. Entities that stand there
// twice, ids and pieces that are empty, a piece too many and weights that are not plain
// numbers from 0 to the largest are faults, *Errors.
func ReadList(ctx context.Context, f File, o ListOptions) (*List, error) {
	r := &listReader{options: o, file: f.Name}
	r.Discard()
	if err := table.Read(ctx, f, o.TableOptions(), r); err != nil {
		return nil, err
	}
	if len(r.list.IDs) == 0 && r.faults.Total == 0 {
		r.fault(0, "", "the file lists no entities", "want one in a row")
	}
	if r.faults.Total > 0 {
		r.faults.sort([]File{f})
		return nil, &r.faults
	}
	return r.list, nil
}

// TableOptions say how the rows of such a list are found in its file.
func (o ListOptions) TableOptions() table.Options {
	return table.Options{Wanted: o.wanted(), Uses: func(name string) bool {
		return slices.Contains(slices.Concat(o.IDColumns, o.wanted()), CleanText(name))
	}}
}

// wanted are columns by which a workbook's sheet is found.
func (o ListOptions) wanted() []string {
	return slices.DeleteFunc([]string{o.Weights, o.Pieces}, func(s string) bool { return s == "" })
}

type listReader struct {
	options ListOptions
	file    string
	list    *List
	seen    map[string]int  // id → row
	id      int             // columns
	weights int             // −1: none
	pieces  int             // −1: none
	named   map[string]bool // pieces so far
	faults  Errors
}

func (r *listReader) fault(row int, column, message, want string) {
	r.faults.add(&DataError{File: r.file, Row: row, Column: column, Message: message, Want: want})
}

var _ table.Sink = (*listReader)(nil)

// Begin implements table.Sink.
func (r *listReader) Begin(h table.Head) bool {
	r.Discard()
	if r.headless(h.Names) {
		r.row(h.Names, h.Row)
		return true
	}
	return r.header(h.Names)
}

// Row implements table.Sink.
func (r *listReader) Row(fields []string, line int) error {
	if len(r.list.IDs) == catalog.MaxRegistryRows {
		r.fault(line, "", fmt.Sprintf("more than %d entities", catalog.MaxRegistryRows), "a registry has no more")
		return table.ErrEnough
	}
	r.row(fields, line)
	return nil
}

// Fault implements table.Sink.
func (r *listReader) Fault(line int, message, want string) { r.fault(line, "", message, want) }

// Faulty implements table.Sink.
func (r *listReader) Faulty() bool { return r.faults.Total > 0 }

// Discard implements table.Sink.
func (r *listReader) Discard() {
	r.list, r.seen, r.named, r.faults = &List{}, map[string]int{}, map[string]bool{}, Errors{}
	r.weights, r.pieces = -1, -1
}

// headless reports whether the first row is an entity already.
func (r *listReader) headless(fields []string) bool {
	return len(fields) == 1 && r.options.Weights == "" && r.options.Pieces == "" && r.options.Known != nil &&
		!slices.Contains(r.options.IDColumns, fields[0]) && r.options.Known(fields[0])
}

// header finds the columns.
func (r *listReader) header(names []string) bool {
	for i, n := range names {
		if n != "" && slices.Index(names, n) < i {
			r.fault(1, n, "stands in the header twice", "every column has its own name")
		}
	}
	r.id = -1
	for _, want := range r.options.IDColumns {
		if r.id = slices.Index(names, want); r.id >= 0 {
			break
		}
	}
	switch {
	case r.id >= 0:
	case len(names) == 1 && r.options.Weights == "" && r.options.Pieces == "":
		r.id = 0
	default:
		r.fault(1, "", fmt.Sprintf("no column holds the entities' ids: want %q", r.options.IDColumns[0]), didYouMean(r.options.IDColumns[0], names))
	}
	find := func(name string) int {
		if name == "" {
			return -1
		}
		at := slices.Index(names, name)
		if at < 0 {
			r.fault(1, name, "is not in the header", didYouMean(name, names))
		}
		return at
	}
	r.weights, r.pieces = find(r.options.Weights), find(r.options.Pieces)
	return r.faults.Total == 0
}

func (r *listReader) row(fields []string, line int) {
	if last := max(r.id, r.weights, r.pieces); len(fields) <= last {
		r.fault(line, "", fmt.Sprintf("has %d fields", len(fields)), fmt.Sprintf("the columns that are needed end with the %d.", last+1))
		return
	}
	id := fields[r.id]
	if first, twice := r.seen[id]; twice {
		r.fault(line, "", fmt.Sprintf("entity %.80q stands in row %d already", id, first), "list every entity once")
		return
	}
	if id == "" {
		r.fault(line, "", "the entity's id is empty", "")
		return
	}
	r.seen[id] = line
	if r.weights >= 0 {
		n, ok := r.weight(fields[r.weights], line)
		if !ok {
			return
		}
		r.list.Numbers = append(r.list.Numbers, n)
	}
	if r.pieces >= 0 {
		if !r.piece(fields[r.pieces], line) {
			return
		}
		r.list.Pieces = append(r.list.Pieces, fields[r.pieces])
	}
	r.list.IDs, r.list.Rows = append(r.list.IDs, id), append(r.list.Rows, line)
}

// piece takes the name of a piece.
func (r *listReader) piece(name string, line int) bool {
	if name == "" {
		r.fault(line, r.options.Pieces, "is empty", "name its piece, or leave the entity out of the list")
		return false
	}
	if !r.named[name] && len(r.named) == catalog.MaxPieces {
		r.fault(line, r.options.Pieces, fmt.Sprintf("%.40q is one piece too many", name), fmt.Sprintf("sort the entities into at most %d pieces", catalog.MaxPieces))
		return false
	}
	r.named[name] = true
	return true
}

// weight reads a weight as a whole number of units.
func (r *listReader) weight(text string, line int) (uint64, bool) {
	o := r.options
	largest := int64(1)<<o.Bits - 1
	most := decimal.Format(largest, o.Decimals)
	n, fault := decimal.ParseUnits(text, o.Decimals)
	switch {
	case fault == decimal.NoNumber:
		r.fault(line, o.Weights, fmt.Sprintf("%.40q is not a plain number", text), "want digits, such as 12.5")
	case fault == decimal.TooPrecise:
		r.fault(line, o.Weights, fmt.Sprintf("%.40q has more than %s", text, decimals(o.Decimals)), "allow more, or round the weights")
	case fault == decimal.TooLarge || n > largest:
		r.fault(line, o.Weights, fmt.Sprintf("%.40q is more than %s, the largest of %d bits with %s", text, most, o.Bits, decimals(o.Decimals)), "allow more bits, or divide all weights")
	case n < 0:
		r.fault(line, o.Weights, fmt.Sprintf("%.40q is negative", text), "weights are 0 to "+most)
	default:
		return uint64(n), true
	}
	return 0, false
}
