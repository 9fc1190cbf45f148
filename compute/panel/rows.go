package panel

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/table"
	"github.com/weirdata/weir/compute/tiles"
)

// reportEvery is how many rows are read between two tellings of progress.
const reportEvery = 4096

// File is one of a publisher's files.
type File = table.File

// rowReader reads one file. It is the sink of its table.
type rowReader struct {
	src      *Source
	rules    []rule         // of measures
	registry *registry      // nil: the data makes its own
	progress func(rows int) // of rows read since the last call

	store     *spill.Store
	batchRows int // of a run
	batch     batch
	count     int // rows of the table so far

	*rows
	header   header
	entities entityReader
	periods  periodReader
	fields   []string // of the period
	values   []string // of the attributes, cleaned
	at       []int    // of values; −1: the column is missing
	unnamed  []int    // columns of a file with commas that have no header, but for the first
	fixed    string   // the id of all rows; empty: rows have their own
	content  *contentHash
}

var _ table.Sink = (*rowReader)(nil)

// read reads a file. Faults of its data are in rows; the error is of the
// machine.
func (r *rowReader) read(ctx context.Context, f File) (*rows, error) {
	r.rows = &rows{file: f.Name}
	r.clear()
	o := r.src.TableOptions()
	o.Filled = func() { r.filled++ }
	if err := table.Read(ctx, f, o, r); err != nil {
		return nil, err
	}
	r.progress(r.count % reportEvery)
	r.converted = r.periods.converted
	if r.content != nil {
		r.content.end(r.rows)
	}
	if err := r.keep(r.store, &r.batch); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	r.batch = batch{}
	return r.rows, nil
}

// TableOptions say how the source's files are read.
func (s *Source) TableOptions() table.Options {
	o := table.Options{
		Encoding: s.File.Encoding, Sheet: s.File.Sheet, HeaderRow: s.File.HeaderRow,
		Advice: "say in the descriptor which it is: encoding: gb18030, or encoding: windows-1252",
	}
	o.Wanted = slices.Concat(s.Entity.Columns, s.Attributes, s.PeriodColumns)
	if s.ownColumn() {
		o.Wanted = append(o.Wanted, s.EntityColumn)
	}
	if !s.single() {
		o.Wanted = append(o.Wanted, s.Columns...)
	}
	for _, name := range []string{s.Shape.Parameter, s.Shape.Value} {
		if name != "" {
			o.Wanted = append(o.Wanted, name)
		}
	}
	o.Uses = s.uses(o.Wanted)
	if s.File.Merged == mergedFill {
		o.Fill = s.fills
	}
	return o
}

// fills reports whether a column says of whom or when a row is, or of which measure: a reading
// that is merged over rows may be of any of them.
func (s *Source) fills(name string) bool {
	name = CleanText(name)
	is := func(column string) bool { return column != "" && CleanText(column) == name }
	return s.ownColumn() && is(s.EntityColumn) || is(s.Shape.Parameter) || slices.ContainsFunc(slices.Concat(s.Entity.Columns, s.Attributes, s.PeriodColumns), is)
}

// uses reports whether a file's column is read: one of the wanted, one of a filter, or of a
// wide table's all but the excepted.
func (s *Source) uses(wanted []string) func(name string) bool {
	used := map[string]bool{}
	for _, name := range wanted {
		used[CleanText(name)] = true
	}
	for _, f := range s.filters() {
		used[CleanText(f.Column)] = true
	}
	return func(name string) bool {
		name = CleanText(name)
		return used[name] || s.Shape.Wide != "" && name != "" && !slices.Contains(s.Shape.Except, name)
	}
}

// filters are those of rows and of all readings.
func (s *Source) filters() []Filter {
	all := slices.Concat(s.Keep, s.Valid)
	for m := range s.Columns {
		all = append(all, s.reading(m).Valid...)
	}
	return all
}

// clear forgets what was read.
func (r *rowReader) clear() {
	*r.rows = rows{file: r.file}
	r.batch, r.count = batch{values: make([][]int64, r.width())}, 0
	r.entities = entityReader{registry: r.registry, found: &r.found}
	r.periods = newPeriodReader(r.src)
	r.fields = make([]string, len(r.src.PeriodColumns))
	r.values, r.at = make([]string, len(r.src.Attributes)), make([]int, len(r.src.Attributes))
	r.counts = make([]Counts, len(r.src.Columns))
	r.unnamed = nil
	if r.content != nil {
		r.content.begin()
	}
}

// width is how many values a row of a run has.
func (r *rowReader) width() int {
	if r.src.single() {
		return 1
	}
	return len(r.src.Columns)
}

// Discard implements table.Sink.
func (r *rowReader) Discard() { r.clear() }

// Faulty implements table.Sink.
func (r *rowReader) Faulty() bool { return r.faults.Total > 0 }

// Fault implements table.Sink.
func (r *rowReader) Fault(line int, message, want string) { r.fault(line, "", message, want) }

func (r *rowReader) fault(line int, column, message, want string) {
	r.faults.add(&DataError{File: r.file, Row: line, Column: column, Message: message, Want: want})
}

// Begin implements table.Sink.
func (r *rowReader) Begin(h table.Head) bool {
	r.clear()
	r.head, r.periods.days = h, h.Days
	var ok bool
	if r.header, ok = readHeader(r.src, r.file, h, &r.faults); !ok {
		return false
	}
	for i, name := range r.header.names {
		if name == "" && i > 0 && h.Separator == "," { // the first one numbers the rows in many files
			r.unnamed = append(r.unnamed, i)
		}
	}
	for i, at := range r.header.attributes {
		if r.at[i] = i; at < 0 {
			r.at[i] = -1
		}
	}
	if slices.Contains(r.header.attributes, -1) {
		for _, at := range r.header.attributes {
			r.lacks = append(r.lacks, at < 0)
		}
	}
	if !r.fixedEntity() || !r.wideColumns() {
		return false
	}
	if r.content != nil {
		r.content.add(append(slices.Clone(r.header.names), r.fixed))
	}
	return true
}

// fixedEntity finds the entity that all rows of the file are of, if there is one.
func (r *rowReader) fixedEntity() bool {
	r.fixed = r.src.Entity.Constant
	if pattern := r.src.Entity.File; pattern != "" {
		base := path.Base(strings.ReplaceAll(r.file, `\`, "/"))
		plain := strings.TrimSuffix(base, ".gz")
		id, ok := matchOne(strings.TrimSuffix(pattern, ".gz"), plain)
		if !ok {
			r.fault(0, "", fmt.Sprintf("its name does not match entity.file: %q", pattern), "the * stands for the entity's id")
			return false
		}
		r.fixed = r.src.renamed(r.src.EntityColumn, CleanText(id))
	}
	return true
}

// wideColumns finds what the columns of a wide table are.
func (r *rowReader) wideColumns() bool {
	if r.src.Shape.Wide == "" {
		return true
	}
	known := r.header.wide[:0]
	for _, c := range r.header.wide {
		if r.src.Shape.Wide == widePeriods {
			index, fault := r.periods.text(c.name)
			if fault != nil {
				r.passed = append(r.passed, r.header.names[c.field])
				continue
			}
			c.period = index
			known = append(known, c)
			continue
		}
		at, fault := r.entities.read(r.src.renamed(r.src.EntityColumn, CleanText(c.name)), nil, nil, r.head.Row)
		if fault != nil {
			r.fault(r.head.Row, r.header.names[c.field], fault.message,
				r.want(fault.want)+"; if the column is no entity, list it under wide.except")
			continue
		}
		c.entity = at
		known = append(known, c)
	}
	r.header.wide = known
	if len(known) == 0 && r.faults.Total == 0 {
		r.fault(r.head.Row, "", fmt.Sprintf("no column is one of the %s", r.src.Shape.Wide),
			fmt.Sprintf("the header is %s; want columns as %s", Quoted(r.header.names), Quoted(r.src.Columns)))
		return false
	}
	return true
}

// Row implements table.Sink.
func (r *rowReader) Row(fields []string, line int) error {
	r.count++
	if r.count > tiles.MaxCells {
		r.fault(line, "", "the file has too many rows", fmt.Sprintf("a dataset has at most %d cells: publish parts", tiles.MaxCells))
		return table.ErrEnough
	}
	if r.content != nil {
		r.content.add(fields)
	}
	r.row(fields, line)
	if len(r.batch.period) >= r.batchRows {
		if err := r.keep(r.store, &r.batch); err != nil {
			return fmt.Errorf("read %s: %w", r.file, err)
		}
	}
	if r.count%reportEvery == 0 {
		r.progress(reportEvery)
	}
	return nil
}

// row reads one row. Where entity and period can be read it is kept even if a
// value cannot, so that a second row of the same cell is still noticed.
func (r *rowReader) row(fields []string, line int) {
	if blank(fields) { // as spreadsheets leave them below a table
		return
	}
	if len(fields) != len(r.header.names) {
		r.fault(line, "", fmt.Sprintf("has %d fields", len(fields)), fmt.Sprintf("want %d, as in the header; a field with a comma in it is quoted", len(r.header.names)))
		return
	}
	for _, at := range r.unnamed {
		if text := CleanText(fields[at]); text != "" {
			r.fault(line, "", fmt.Sprintf("has %.40q in column %d, which has no header", text, at+1),
				"give the column a header, or empty it; a number with a comma for decimals is two columns unless it is quoted")
			return
		}
	}
	for _, f := range r.header.keep {
		if !f.passes(fields) {
			r.unkept++
			return
		}
	}
	if len(r.sample) < sampleRows {
		r.sample = append(r.sample, Sampled{Row: line, Fields: slices.Clone(fields)})
	}
	measure, known := r.parameterOf(fields)
	if !known {
		return
	}
	at, entityFault := r.entityOf(fields, line)
	if entityFault != nil && entityFault.message != "" {
		column := r.src.EntityColumn
		if entityFault.attribute >= 0 {
			column = r.src.Attributes[entityFault.attribute]
		}
		r.fault(line, column, entityFault.message, r.want(entityFault.want))
	}
	period, periodFault := r.periodOf(fields)
	if periodFault != nil {
		r.fault(line, r.src.PeriodColumns[periodFault.part], periodFault.message, periodFault.want)
	}
	whole := entityFault == nil && periodFault == nil && r.header.keyed()
	valid := !slices.ContainsFunc(r.header.valid, func(f filterAt) bool { return !f.passes(fields) })
	switch {
	case r.src.Shape.Wide != "":
		for _, c := range r.header.wide {
			m := c.measure
			if m < 0 {
				m = measure
			}
			e, p := at, period
			if r.src.Shape.Wide == widePeriods {
				p = c.period
			} else {
				e = c.entity
			}
			v := r.reading(m, c.field, fields, valid, line)
			if whole {
				r.addSingle(e, p, m, v, line)
			}
		}
	case r.src.Shape.Parameter != "":
		if r.header.value >= 0 {
			v := r.reading(measure, r.header.value, fields, valid, line)
			if whole {
				r.addSingle(at, period, measure, v, line)
			}
		}
	default:
		for m, field := range r.header.measures {
			v := int64(missing)
			if field >= 0 {
				v = r.reading(m, field, fields, valid, line)
			}
			if whole {
				r.batch.values[m] = append(r.batch.values[m], v)
			}
		}
		if whole {
			r.add(&r.batch, at, period, int32(line)) // #nosec G115 -- package table bounds lines
		}
	}
}

// addSingle adds a row of one measure.
func (r *rowReader) addSingle(entity int32, period int64, measure int, v int64, line int) {
	r.batch.values[0] = append(r.batch.values[0], v)
	r.batch.measure = append(r.batch.measure, int32(measure)) //nolint:gosec // at most 64
	r.add(&r.batch, entity, period, int32(line))              // #nosec G115 -- package table bounds lines
}

// parameterOf is the measure that a row's parameter names; false: none of the dataset's.
func (r *rowReader) parameterOf(fields []string) (int, bool) {
	if r.header.parameter < 0 {
		return 0, true
	}
	text := CleanText(fields[r.header.parameter])
	if m := slices.Index(r.src.Columns, text); m >= 0 {
		return m, true
	}
	if r.others == nil {
		r.others = map[string]int{}
	}
	if _, ok := r.others[text]; ok || len(r.others) < maxOthers {
		r.others[strings.Clone(text)]++
	}
	return 0, false
}

// blank reports whether a row has nothing but separators.
func blank(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" })
}

// entityOf is the entity of a row.
func (r *rowReader) entityOf(fields []string, line int) (int32, *entityFault) {
	if r.src.Shape.Wide == wideEntities || slices.Contains(r.header.entity, -1) {
		return 0, nil
	}
	for i, at := range r.header.attributes {
		if at >= 0 {
			r.values[i] = r.src.renamed(r.src.Attributes[i], CleanText(fields[at]))
			if fault := r.numberAttribute(i); fault != nil {
				return 0, fault
			}
		}
	}
	id := r.fixed
	switch len(r.header.entity) {
	case 0:
	case 1:
		id = r.src.renamed(r.src.EntityColumn, CleanText(fields[r.header.entity[0]]))
	default:
		parts := make([]string, len(r.header.entity))
		for i, at := range r.header.entity {
			parts[i] = CleanText(fields[at])
			if parts[i] == "" {
				return 0, &entityFault{-1, fmt.Sprintf("a part of the id is empty: %s", r.src.Entity.Columns[i]), nil}
			}
		}
		id = r.src.renamed(r.src.EntityColumn, strings.Join(parts, r.src.Entity.Join))
	}
	return r.entities.read(id, r.values, r.at, line)
}

// numberAttribute brings an attribute that is a number to its canonical form: a minus where it
// is below 0, no needless zeros, no exponent. An empty one is missing.
func (r *rowReader) numberAttribute(i int) *entityFault {
	if r.values[i] == "" || !slices.Contains(r.src.Descriptor.Numbers, r.src.AttributeIDs[i]) {
		return nil
	}
	text := r.values[i]
	number, ok := text, true
	if r.head.Kind == "csv" || !ofNumberCell.MatchString(text) {
		number, ok = r.src.File.plain(text)
	}
	canonical, is := canonicalNumber(number)
	if !ok || !is || !decimal.IsExact(canonical) {
		return &entityFault{i, fmt.Sprintf("%.40q is no number, and %s is declared as one (entity.numbers)", text, r.src.AttributeIDs[i]),
			func() string { return "want a plain decimal, or nothing where it is not known" }}
	}
	r.values[i] = canonical
	return nil
}

// canonicalNumbers are a registry's values of the source's attributes, numbers in their
// canonical form: what was published before the declaration may have needless zeros.
func (s *Source) canonicalNumbers(attributes [][]string) [][]string {
	if len(s.Descriptor.Numbers) == 0 || attributes == nil {
		return attributes
	}
	out := make([][]string, len(attributes))
	for e, row := range attributes {
		out[e] = slices.Clone(row)
		for i, text := range row {
			if n, ok := canonicalNumber(CleanText(text)); ok && i < len(s.AttributeIDs) && slices.Contains(s.Descriptor.Numbers, s.AttributeIDs[i]) {
				out[e][i] = n
			}
		}
	}
	return out
}

// renamed is what a column's text is meant as.
func (s *Source) renamed(column, text string) string {
	for i := range s.Rename {
		if x := &s.Rename[i]; x.From == text && x.Column == column {
			return x.To
		}
	}
	return text
}

func (r *rowReader) periodOf(fields []string) (int64, *periodFault) {
	if len(r.header.period) == 0 || slices.Contains(r.header.period, -1) {
		return 0, nil
	}
	for i, at := range r.header.period {
		r.fields[i] = fields[at]
	}
	return r.periods.read(r.fields)
}

// want is called for what is costly to find out, and only where it will be
// listed.
func (r *rowReader) want(find func() string) string {
	if find == nil || len(r.faults.List) >= maxListed {
		return ""
	}
	return find()
}
