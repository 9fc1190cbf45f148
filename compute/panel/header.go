package panel

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/compute/table"
)

// header says which field of a row is what; −1 is a column that is missing, so that
// the faults of the others are found with it in one go.
type header struct {
	names      []string
	entity     []int // whose texts make the id; none: it comes from elsewhere
	attributes []int
	period     []int
	measures   []int
	parameter  int
	value      int
	wide       []wideColumn
	keep       []filterAt
	valid      []filterAt
	own        [][]filterAt // of measures
}

// filterAt is a filter with its column.
type filterAt struct {
	field   int
	values  []string
	numbers []string // those of them that are numbers, canonically
}

// passes reports whether a row has one of the values: the same text, or the same number.
func (f filterAt) passes(fields []string) bool {
	if f.field < 0 {
		return true // the header's fault says so
	}
	text := CleanText(fields[f.field])
	if slices.Contains(f.values, text) {
		return true
	}
	if len(f.numbers) == 0 {
		return false
	}
	number, ok := canonicalNumber(text)
	return ok && slices.Contains(f.numbers, number)
}

// wideColumn is a column of readings of one entity or period.
type wideColumn struct {
	field   int
	measure int // −1: the row's parameter says
	name    string
	entity  int32
	period  int64
}

// readHeader finds the source's columns among a file's names, and reports whether
// rows can be read by it at all. Columns that the descriptor does not name are passed
// over; ones that it names must be there, once.
func readHeader(src *Source, file string, head table.Head, faults *Errors) (header, bool) {
	h := header{names: make([]string, len(head.Names)), parameter: -1, value: -1}
	for i, n := range head.Names {
		h.names[i] = CleanText(n)
	}
	row := head.Row
	if len(h.names) == 0 {
		faults.add(&DataError{File: file, Row: row, Message: "the header is empty", Want: fmt.Sprintf("want %s", Quoted(src.Columns))})
		return h, false
	}
	if len(h.names) == 1 { // of an entity, a period and a measure at least
		for _, separator := range []string{"|", "，", "；", "、"} {
			if strings.Contains(h.names[0], separator) {
				faults.add(&DataError{File: file, Row: row, Message: fmt.Sprintf("columns are separated by %q", separator), Want: `want the comma ","`})
				return h, false
			}
		}
	}
	if strings.HasPrefix(h.names[0], "sep=") {
		faults.add(&DataError{File: file, Row: row, Message: fmt.Sprintf("the first line is %q, which is a spreadsheet's own", h.names[0]), Want: "remove that line: the header comes first"})
		return h, false
	}
	if src.foreign(h.names) {
		faults.add(&DataError{File: file, Row: row, Message: "has none of the measures' columns: the header is " + Quoted(h.names),
			Want: fmt.Sprintf("want %s; is it a file of another dataset than %s?%s", Quoted(src.Columns), src.Descriptor.Dataset, shapeHint(src, h.names))})
		return h, false
	}
	optional, hint := false, ""
	find := func(name string) int {
		name = CleanText(name)
		at := slices.Index(h.names, name)
		switch {
		case at < 0 && optional:
		case at < 0:
			want := didYouMean(name, h.names)
			if hint != "" && !strings.HasPrefix(want, "did you mean") {
				want += hint
			}
			faults.add(&DataError{File: file, Row: row, Column: name, Message: "there is no such column", Want: want})
		case slices.Contains(h.names[at+1:], name):
			faults.add(&DataError{File: file, Row: row, Column: name, Message: "there are two columns of this name", Want: "rename or remove one"})
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
	filters := func(list []Filter) []filterAt {
		var out []filterAt
		for _, f := range list {
			at := filterAt{field: find(f.Column), values: f.Values}
			for _, v := range f.Values {
				if number, ok := canonicalNumber(v); ok {
					at.numbers = append(at.numbers, number)
				}
			}
			out = append(out, at)
		}
		return out
	}
	hint = entityHint(src)
	switch {
	case src.Entity.Columns != nil:
		h.entity = findAll(src.Entity.Columns)
	case src.ownColumn():
		h.entity = []int{find(src.EntityColumn)}
	}
	hint = ""
	optional = src.Registry != "" // the registry has them: files may
	h.attributes = findAll(src.Attributes)
	optional, hint = false, periodHint(src, h.names)
	h.period = findAll(src.PeriodColumns)
	hint = ""
	switch {
	case src.Shape.Parameter != "":
		h.parameter = find(src.Shape.Parameter)
		if src.Shape.Value != "" {
			h.value = find(src.Shape.Value)
		}
	case src.Shape.Wide == "":
		for m, name := range src.Columns {
			optional, hint = src.reading(m).Optional, "; a measure that a file may lack is declared optional: true"
			h.measures = append(h.measures, find(name))
		}
		optional, hint = false, ""
	}
	h.keep, h.valid = filters(src.Keep), filters(src.Valid)
	for m := range src.Columns {
		h.own = append(h.own, filters(src.reading(m).Valid))
	}
	if src.Shape.Wide != "" {
		h.findWide(src)
	}
	return h, true
}

// findWide finds the columns of entities or periods: those that match a measure's pattern
// and are nothing else.
func (h *header) findWide(src *Source) {
	used := append(append(append([]int{h.parameter}, h.entity...), h.attributes...), h.period...)
	for _, f := range slices.Concat(append(h.own, h.keep, h.valid)...) {
		used = append(used, f.field)
	}
	patterns := src.Columns
	if src.Shape.Parameter != "" {
		patterns = []string{"*"}
	}
	for i, name := range h.names {
		if name == "" || slices.Contains(used, i) || slices.Contains(src.Shape.Except, name) {
			continue
		}
		for m, pattern := range patterns {
			what, ok := matchOne(pattern, name)
			if !ok {
				continue
			}
			if src.Shape.Parameter != "" {
				m = -1
			}
			h.wide = append(h.wide, wideColumn{field: i, measure: m, name: what})
		}
	}
}

// isPattern reports whether a text has one *, for which matchOne finds what stands.
func isPattern(s string) bool { return strings.Count(s, "*") == 1 }

// matchOne is what stands for the * of a pattern.
func matchOne(pattern, text string) (string, bool) {
	before, after, _ := strings.Cut(pattern, "*")
	if len(text) <= len(before)+len(after) || !strings.HasPrefix(text, before) || !strings.HasSuffix(text, after) {
		return "", false
	}
	return strings.TrimSpace(text[len(before) : len(text)-len(after)]), true
}

// keyed reports whether rows say which entity and period they are of.
func (h header) keyed() bool {
	return !slices.Contains(h.entity, -1) && !slices.Contains(h.period, -1)
}

// foreign reports whether a header has no column of a measure, nor one whose name
// was perhaps meant.
func (s *Source) foreign(names []string) bool {
	if s.single() {
		return false // its other columns tell
	}
	return !slices.ContainsFunc(s.Columns, func(c string) bool {
		return slices.Contains(names, c) || nearest(c, names) != "" || extended(c, names) != ""
	})
}

// shapeHint says how a table of another shape would be read.
func shapeHint(src *Source, names []string) string {
	if slices.Contains(names, CleanText(src.EntityColumn)) || !src.ownColumn() {
		return ""
	}
	return "; where entities or periods are columns say wide: {columns: entities}, or periods"
}

// entityHint says how files without a column of ids are read.
func entityHint(src *Source) string {
	if src.Entity.Columns != nil {
		return ""
	}
	name := yamlText(src.EntityColumn)
	return fmt.Sprintf("; where all rows are of one entity say entity: {column: %s, constant: ITS NAME}; where the file's name tells it, entity: {column: %s, file: \"*.csv\"}; where entities are columns, wide: {columns: entities}", name, name)
}

// periodHint says how a table is read whose columns are periods: the first that is one, in
// the header, with the pattern that it has.
func periodHint(src *Source, names []string) string {
	if src.Shape.Wide != "" {
		return ""
	}
	periods := newPeriodReader(src)
	for _, name := range names {
		words := strings.Fields(name)
		for i := range words {
			if _, fault := periods.text(words[i]); fault != nil || i > 0 && i < len(words)-1 {
				continue
			}
			words[i] = "*"
			return fmt.Sprintf("; where periods are columns, as %q is, say wide: {columns: periods}, period: {grain: %s}, and column: %q for the measure",
				name, src.Descriptor.Grain, strings.Join(words, " "))
		}
	}
	return ""
}

// yamlText is a text as a descriptor may have it between braces.
func yamlText(s string) string {
	if plainYAML.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

var plainYAML = regexp.MustCompile(`^\p{L}[\p{L}\p{N}_ ]*$`)
