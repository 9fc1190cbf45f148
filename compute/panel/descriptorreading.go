package panel

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/table"
)

// What a descriptor says of files beyond which column is what: how text and numbers are
// written, which rows and readings count, and what shape a table has. All of it stays with
// the publisher.

// FileForm is how files are written.
type FileForm struct {
	Encoding  string `json:",omitempty"` // as table.EncodingName has it; empty: found out
	Sheet     string `json:",omitempty"` // of workbooks
	HeaderRow int    `json:",omitempty"` // 0: the first, or of a workbook found out
	Merged    string `json:",omitempty"` // fill: merged cells of a workbook that say of whom or when a row is have the first one's value
	Decimal   string `json:",omitempty"` // mark of decimals; empty: the point
	Thousands string `json:",omitempty"` // what parts thousands; empty: nothing may
}

// What becomes of merged cells.
const (
	mergedRefuse = "refuse"
	mergedFill   = "fill"
)

// EntityForm is where an entity's id comes from, if not from one column.
type EntityForm struct {
	Columns  []string `json:",omitempty"` // whose texts make the id, joined by Join
	Join     string   `json:",omitempty"`
	Constant string   `json:",omitempty"` // the one entity
	File     string   `json:",omitempty"` // a pattern of files' names, * being the id
}

// PeriodForm is how periods are written, if not as ISO 8601.
type PeriodForm struct {
	Format string `json:",omitempty"` // see timeFormat
	Stamp  string `json:",omitempty"` // begin or end: which end of an hour its stamp names; empty: its begin, and there is no hour 24
}

// Shape is a table's shape, if not of one row for each entity and period.
type Shape struct {
	Parameter string   `json:",omitempty"` // the column that says which measure a row is of
	Value     string   `json:",omitempty"` // the column with its reading; empty: Wide
	Wide      string   `json:",omitempty"` // entities or periods: what further columns are of
	Except    []string `json:",omitempty"` // columns that are none of these
}

// Kinds of columns of a wide table.
const (
	wideEntities = "entities"
	widePeriods  = "periods"
)

// Filter are the texts that a column may have.
type Filter struct {
	Column string
	Values []string
}

// Rename is a text of a column that is meant as another.
type Rename struct{ Column, From, To string }

// Censored is what readings stand for that are known within a limit only.
type Censored struct {
	Below      string      `json:",omitempty"` // half, zero, limit or drop; empty: refused
	Above      string      `json:",omitempty"` // limit or drop; empty: refused
	Undetected []string    `json:",omitempty"` // texts that mean below the measure's limit
	Qualifiers []Qualifier `json:",omitempty"`
}

// Qualifier is a sign behind a number and what becomes of the reading.
type Qualifier struct{ Sign, Rule string }

// Rules of censored readings and of qualifiers.
const (
	ruleHalf  = "half"
	ruleZero  = "zero"
	ruleLimit = "limit"
	ruleDrop  = "drop"
	ruleKeep  = "keep"
	ruleBelow = "below"
)

// Reading is how a measure's readings are read beyond their column.
type Reading struct {
	Missing  []string `json:",omitempty"` // beside the source's
	Valid    []Filter `json:",omitempty"` // beside the source's
	Round    string   `json:",omitempty"` // half_even; empty: nothing is rounded
	Optional bool     `json:",omitempty"` // files may lack the column
	Limit    string   `json:",omitempty"` // below which nothing is detected
}

const roundHalfEven = "half_even"

// Rules for several readings of one cell.
const (
	replicatesMean  = "mean"
	replicatesFirst = "first"
	replicatesLast  = "last"
)

// reading is how a measure's readings are read.
func (s *Source) reading(m int) Reading {
	if m < len(s.Readings) {
		return s.Readings[m]
	}
	return Reading{} // of a descriptor that was kept by an earlier release
}

// The form in the file.

type fileNumbers struct {
	Decimal   scalar `yaml:"decimal"`
	Thousands scalar `yaml:"thousands"`
}

type fileParameter struct {
	Column scalar `yaml:"column"`
	Value  scalar `yaml:"value"`
}

type fileWide struct {
	Columns scalar   `yaml:"columns"`
	Except  []scalar `yaml:"except"`
}

type fileCensored struct {
	Below      scalar    `yaml:"below"`
	Above      scalar    `yaml:"above"`
	Undetected []scalar  `yaml:"undetected"`
	Qualifiers fileTexts `yaml:"qualifiers"`
}

// filePairs maps texts to values, in the order of the file.
type filePairs[V any, P nodePointer[V]] struct{ list []filePair[V] }

type filePair[V any] struct {
	key   scalar
	value V
}

// nodePointer is a pointer to what reads itself from a node.
type nodePointer[V any] interface {
	*V
	yaml.NodeUnmarshaler
}

type (
	fileLists   = filePairs[oneOrMore, *oneOrMore]
	fileTexts   = filePairs[scalar, *scalar]
	fileRenames = filePairs[fileTexts, *fileTexts] // columns, and what is renamed in them
)

// oneOrMore is a list of texts, or a text that stands for a list of it.
type oneOrMore []scalar

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (l *filePairs[V, P]) UnmarshalYAML(n ast.Node) error {
	m, ok := n.(ast.MapNode)
	if !ok {
		return faultAt(n.GetToken(), "want a mapping here, not a "+strings.ToLower(n.Type().String()), "")
	}
	for it := m.MapRange(); it.Next(); {
		var next filePair[V]
		if err := next.key.UnmarshalYAML(it.Key()); err != nil {
			return err
		}
		if err := P(&next.value).UnmarshalYAML(it.Value()); err != nil {
			return err
		}
		l.list = append(l.list, next)
	}
	return nil
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (l *oneOrMore) UnmarshalYAML(n ast.Node) error {
	items := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		items = seq.Values
	}
	for _, item := range items {
		var s scalar
		if err := s.UnmarshalYAML(item); err != nil {
			return err
		}
		*l = append(*l, s)
	}
	return nil
}

// oneOf is the text of a scalar that is one of a few, or not given.
func (c *descriptorCheck) oneOf(s scalar, field string, of ...string) string {
	if s.given() && !slices.Contains(of, s.text) {
		c.fault(s, field, fmt.Sprintf("%.40q is not known", s.text), "want "+strings.Join(of, ", "))
	}
	return s.text
}

func (c *descriptorCheck) fileForm(f fileDescriptor) FileForm {
	form := FileForm{Sheet: f.Sheet.text, HeaderRow: c.integer(f.HeaderRow, "header_row", 1000)}
	if f.Encoding.given() {
		name, err := table.EncodingName(f.Encoding.text)
		if err != nil {
			c.fault(f.Encoding, "encoding", err.Error(), "")
		}
		form.Encoding = name
	}
	form.Merged = c.oneOf(f.Merged, "merged", mergedRefuse, mergedFill)
	if form.Merged == mergedRefuse {
		form.Merged = ""
	}
	form.Decimal = c.oneOf(f.Numbers.Decimal, "numbers.decimal", ".", ",")
	form.Thousands = c.oneOf(f.Numbers.Thousands, "numbers.thousands", ",", ".", "'", " ", "_")
	if form.Thousands != "" && (form.Thousands == form.Decimal || form.Thousands == "." && form.Decimal == "") {
		c.fault(f.Numbers.Thousands, "numbers", "thousands and decimals have the same sign", `want numbers: {decimal: ",", thousands: "."}, say`)
	}
	return form
}

func (c *descriptorCheck) shape(f fileDescriptor) Shape {
	s := Shape{Parameter: f.Parameter.Column.text, Value: f.Parameter.Value.text, Except: texts(f.Wide.Except)}
	s.Wide = c.oneOf(f.Wide.Columns, "wide.columns", wideEntities, widePeriods)
	if len(s.Except) == 0 {
		s.Except = nil
	}
	switch {
	case s.Wide == "" && f.Wide.Except != nil:
		c.fault(f.Wide.Except[0], "wide.columns", "missing", "want entities or periods: what the other columns are of")
	case s.Parameter == "" && s.Value != "":
		c.fault(f.Parameter.Value, "parameter.column", "missing", "parameter: {column: …, value: …}")
	case s.Parameter != "" && s.Value == "" && s.Wide == "":
		c.fault(f.Parameter.Column, "parameter.value", "missing", "parameter: {column: …, value: …}: the column with the readings; or wide: {columns: entities}")
	case s.Value != "" && s.Wide != "":
		c.fault(f.Parameter.Value, "parameter.value", "stands beside wide, whose columns have the readings", "leave one of them out")
	}
	return s
}

func (c *descriptorCheck) filters(f fileLists, field string) []Filter {
	var out []Filter
	for _, l := range f.list {
		out = append(out, Filter{Column: CleanText(l.key.text), Values: cleanTexts(l.value)})
		if l.key.text == "" {
			c.fault(l.key, field, "a column has no name", "")
		}
	}
	return out
}

func (c *descriptorCheck) renames(f fileRenames, src *Source) []Rename {
	var out []Rename
	for _, r := range f.list {
		column := CleanText(r.key.text)
		if at := slices.Index(src.AttributeIDs, column); at >= 0 {
			column = src.Attributes[at]
		}
		known := append(append([]string{}, src.Attributes...), src.EntityColumn)
		if !slices.Contains(known, column) {
			c.fault(r.key, "rename", fmt.Sprintf("%.40q is neither the entity's column nor an attribute's", column),
				"there are "+Quoted(known))
		}
		for _, p := range r.value.list {
			out = append(out, Rename{Column: column, From: CleanText(p.key.text), To: CleanText(p.value.text)})
		}
	}
	return out
}

func (c *descriptorCheck) censored(f *fileCensored) *Censored {
	if f == nil {
		return nil
	}
	out := &Censored{
		Below: c.oneOf(f.Below, "censored.below", ruleHalf, ruleZero, ruleLimit, ruleDrop),
		Above: c.oneOf(f.Above, "censored.above", ruleLimit, ruleDrop),
	}
	if f.Undetected != nil {
		out.Undetected = texts(f.Undetected)
	}
	for _, q := range f.Qualifiers.list {
		field := "censored.qualifiers." + q.key.text
		out.Qualifiers = append(out.Qualifiers, Qualifier{Sign: q.key.text, Rule: c.oneOf(q.value, field, ruleKeep, ruleBelow, ruleDrop)})
		if q.value.text == ruleBelow && out.Below == "" {
			c.fault(q.value, field, "needs a rule for readings below a limit", "want censored.below: half, zero, limit or drop")
		}
	}
	if len(out.Undetected) > 0 && out.Below == "" {
		c.fault(f.Undetected[0], "censored.below", "missing", "want half, zero, limit or drop")
	}
	return out
}

// measureReading is what a descriptor says of how a measure's readings are read.
func (c *descriptorCheck) measureReading(f fileMeasure, field func(string) string) Reading {
	r := Reading{
		Valid:    c.filters(f.Valid, field("valid")),
		Round:    c.oneOf(f.Round, field("round"), roundHalfEven),
		Optional: c.flag(f.Optional, field("optional")),
	}
	if f.Missing != nil {
		r.Missing = texts(f.Missing)
	}
	if f.Limit.given() {
		r.Limit = c.decimal(f.Limit, field("detection_limit"))
	}
	return r
}

// oneMeaning refuses texts that stand for no reading and for one below a limit.
func (c *descriptorCheck) oneMeaning(f fileDescriptor, src *Source) {
	if src.Censored == nil {
		return
	}
	all := slices.Clone(src.Missing)
	for m := range src.Columns {
		all = append(all, src.reading(m).Missing...)
	}
	for i, text := range src.Censored.Undetected {
		if slices.Contains(all, text) {
			c.fault(f.Censored.Undetected[i], "censored.undetected", fmt.Sprintf("%.40q is listed under missing, too", text), "leave it out of one of them")
		}
	}
}

// needLimits refuses rules that need a measure's limit where it has none.
func (c *descriptorCheck) needLimits(f fileDescriptor, src *Source) {
	x := src.Censored
	if x == nil || len(x.Undetected) == 0 || x.Below != ruleHalf && x.Below != ruleLimit {
		return
	}
	for i, m := range f.Measures {
		if src.reading(i).Limit == "" {
			c.fault(m.Name, fmt.Sprintf("measures[%d].detection_limit", i), fmt.Sprintf("missing: %q stand for %s of it", x.Undetected, x.Below), "")
		}
	}
}

// entityForm reads where ids come from, if not from one column.
func (c *descriptorCheck) entityForm(f fileEntity, src *Source) {
	form := EntityForm{Constant: CleanText(f.Constant.text), File: f.File.text}
	ways := 0
	for _, given := range []bool{f.Columns != nil, f.Constant.given(), f.File.given(), src.Shape.Wide == wideEntities} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1:
		c.fault(f.Column, "entity", "comes from several places", "want one of column, columns, constant, file, and wide: {columns: entities}")
	case f.Columns != nil && len(f.Columns) < 2:
		c.fault(f.Column, "entity.columns", "want two or more", "one column is entity: {column: …}")
	case f.Columns != nil && f.Column.given():
		c.fault(f.Column, "entity", "has both column and columns", "leave one of them out")
	case f.File.given() && !isPattern(form.File):
		c.fault(f.File, "entity.file", fmt.Sprintf("%.40q has not one *", form.File), `the * stands for the entity: "PRSA_Data_*_2013.csv", or "*.csv"`)
	case f.Constant.given() && form.Constant == "":
		c.fault(f.Constant, "entity.constant", "is empty", "")
	}
	if f.Columns != nil {
		form.Columns, form.Join = cleanTexts(f.Columns), "-"
		if f.Join.given() {
			form.Join = f.Join.text
		}
	}
	src.Entity = form
	if ways == 0 || f.Column.given() {
		src.EntityColumn = CleanText(c.need(f.Column, "entity.column"))
	} else {
		src.EntityColumn = "entity"
	}
	if src.Shape.Wide == wideEntities && f.Attributes != nil {
		c.fault(f.Column, "entity.attributes", "cannot be columns of a table whose columns are entities", "publish a registry, and name it: entity: {registry: …}")
	}
}

// ownColumn reports whether the entity's id stands in the column EntityColumn.
func (s *Source) ownColumn() bool {
	return s.Entity.Constant == "" && s.Entity.File == "" && s.Entity.Columns == nil && s.Shape.Wide != wideEntities
}

// single reports whether a table's rows have readings of one measure at a time, or are of
// several entities or periods.
func (s *Source) single() bool { return s.Shape.Parameter != "" || s.Shape.Wide != "" }

// periodForm reads how periods are written.
func (c *descriptorCheck) periodForm(f filePeriod, src *Source) {
	src.Period = PeriodForm{Format: f.Format.text, Stamp: c.oneOf(f.Stamp, "period.stamp", "begin", "end")}
	if f.Format.given() {
		if _, err := compileTimeFormat(f.Format.text); err != nil {
			c.fault(f.Format, "period.format", err.Error(), `want YYYY, MM, DD, HH, mm, ss and signs between them, such as "DD/MM/YYYY HH:mm"; or epoch, epoch_ms, excel`)
		}
		if src.PeriodParts {
			c.fault(f.Format, "period.format", "stands beside the columns of a date's parts", "leave it out")
		}
	}
	if f.Stamp.given() && src.Descriptor.Grain != "" && calendar.Hour.Finer(src.Descriptor.Grain) {
		c.fault(f.Stamp, "period.stamp", fmt.Sprintf("is of hours, and the grain is %s", src.Descriptor.Grain), "leave it out")
	}
}

// wideColumns checks the columns of measures in a wide table.
func (c *descriptorCheck) wideColumns(list []fileMeasure, src *Source) {
	if src.Shape.Wide == "" || src.Shape.Parameter != "" {
		return
	}
	for i, m := range list {
		field := fmt.Sprintf("measures[%d].column", i)
		if !m.Column.given() && len(list) == 1 {
			src.Columns[i] = "*"
		}
		if !isPattern(src.Columns[i]) {
			c.fault(m.Name, field, fmt.Sprintf("%.60q does not say which of the wide table's columns are the measure's", src.Columns[i]),
				fmt.Sprintf(`want one * for the %s: "*", or "* NOx"`, strings.TrimSuffix(strings.Replace(src.Shape.Wide, "entities", "entity", 1), "s")))
		}
	}
}
