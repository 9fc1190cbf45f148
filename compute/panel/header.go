package panel

import (
	"fmt"
	"slices"
	"strings"
)

// header says which field of a row is what; −1 is a column that is missing, so that
// the faults of the others are found with it in one go.
type header struct {
	names      []string
	entity     int
	attributes []int
	period     []int
	measures   []int
}

// readHeader finds the source's columns among a file's names, and reports whether
// rows can be read by it at all. Columns that the descriptor does not name are passed
// over; ones that it names must be there, once.
func readHeader(src *Source, file string, names []string, faults *Errors) (header, bool) {
	h := header{names: make([]string, len(names))}
	for i, n := range names {
		h.names[i] = strings.TrimSpace(n)
	}
	if len(h.names) == 1 { // of an entity, a period and a measure at least
		for _, separator := range []string{"|", "，", "；", "、"} {
			if strings.Contains(names[0], separator) {
				faults.add(&DataError{File: file, Row: 1, Message: fmt.Sprintf("columns are separated by %q", separator), Want: `want the comma ","`})
				return h, false
			}
		}
	}
	if strings.HasPrefix(h.names[0], "sep=") {
		faults.add(&DataError{File: file, Row: 1, Message: fmt.Sprintf("the first line is %q, which is a spreadsheet's own", h.names[0]), Want: "remove that line: the header comes first"})
		return h, false
	}
	if src.foreign(h.names) {
		faults.add(&DataError{File: file, Row: 1, Message: "has none of the measures' columns: the header is " + Quoted(h.names),
			Want: fmt.Sprintf("want %s; is it a file of another dataset than %s?", Quoted(src.Columns), src.Descriptor.Dataset)})
		return h, false
	}
	find := func(name string) int {
		at := slices.Index(h.names, name)
		switch {
		case at < 0:
			faults.add(&DataError{File: file, Row: 1, Column: name, Message: "there is no such column", Want: didYouMean(name, h.names)})
		case slices.Contains(h.names[at+1:], name):
			faults.add(&DataError{File: file, Row: 1, Column: name, Message: "there are two columns of this name", Want: "rename or remove one"})
		}
		return at
	}
	findAll := func(list []string) []int {
		out := make([]int, len(list))
		for i, name := range list {
			out[i] = find(name)
		}
		return out
	}
	h.entity = find(src.EntityColumn)
	if src.Registry == "" {
		h.attributes = findAll(src.Attributes)
	} else { // the registry has them: files may
		for _, name := range src.Attributes {
			h.attributes = append(h.attributes, slices.Index(h.names, name))
		}
	}
	h.period = findAll(src.PeriodColumns)
	h.measures = findAll(src.Columns)
	return h, true
}

// keyed reports whether rows say which entity and period they are of.
func (h header) keyed() bool { return h.entity >= 0 && !slices.Contains(h.period, -1) }

// foreign reports whether a header has no column of a measure, nor one whose name
// was perhaps meant.
func (s *Source) foreign(names []string) bool {
	return !slices.ContainsFunc(s.Columns, func(c string) bool {
		return slices.Contains(names, c) || nearest(c, names) != "" || extended(c, names) != ""
	})
}
