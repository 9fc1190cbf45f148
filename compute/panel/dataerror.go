package panel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
)

// maxListed is how many faults are kept; the others are only counted.
const maxListed = 20

// DataError is one fault of a publisher's file.
type DataError struct {
	File    string
	Row     int    // line on which the row begins, the header being 1; 0: the file as a whole
	Column  string // header name; empty: the row as a whole
	Message string // what is wrong
	Want    string // what would be right; may be empty
}

// Error implements error: file:row: column: what is wrong; what would be right. It is one
// line, whatever the names of files and columns are.
func (e *DataError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Row > 0 {
		fmt.Fprintf(&b, ":%d", e.Row)
	}
	b.WriteString(": ")
	if e.Column != "" {
		fmt.Fprintf(&b, "column %s: ", e.Column)
	}
	b.WriteString(e.Message)
	if e.Want != "" {
		b.WriteString("; " + e.Want)
	}
	return shown.Text(b.String())
}

// Errors are the faults of all files: the first ones in the order of files and
// rows, and how many there are in all.
type Errors struct { //nolint:errname // several faults, not one
	List  []*DataError
	Total int
}

// Error implements error, one line a fault.
func (e *Errors) Error() string {
	var b strings.Builder
	for i, f := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.Error())
	}
	switch more := e.Total - len(e.List); {
	case more == 1:
		b.WriteString("\nand 1 more fault")
	case more > 1:
		fmt.Fprintf(&b, "\nand %d more faults, %d in all", more, e.Total)
	}
	return b.String()
}

// Unwrap returns the listed faults.
func (e *Errors) Unwrap() []error {
	list := make([]error, len(e.List))
	for i, f := range e.List {
		list[i] = f
	}
	return list
}

func (e *Errors) add(f *DataError) {
	if e.Total++; len(e.List) < maxListed {
		e.List = append(e.List, f)
	}
}

// join adds all that other lists: more than are kept, until sort.
func (e *Errors) join(other Errors) {
	e.List = append(e.List, other.List...)
	e.Total += other.Total
}

// sort puts the listed faults into the order of files and rows, and keeps the
// first ones.
func (e *Errors) sort(files []File) {
	place := make(map[string]int, len(files))
	for i, f := range files {
		place[f.Name] = i
	}
	slices.SortStableFunc(e.List, func(a, b *DataError) int {
		return cmp.Or(cmp.Compare(place[a.File], place[b.File]), cmp.Compare(a.Row, b.Row))
	})
	e.List = e.List[:min(len(e.List), maxListed)]
}
