package panel

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
)

// maxDescriptor bounds the bytes of a descriptor.
const maxDescriptor = 256 << 10

// maxDecimals and maxBound keep every reading, and the difference of any two,
// far inside an int64; the catalog's bound on bounds is narrower.
const (
	maxDecimals = 9
	maxBound    = 1 << 60
)

// Source is a descriptor as read from its file: what goes to the catalog, and
// where the readings stand in the publisher's files.
type Source struct {
	Descriptor    catalog.Descriptor
	Registry      string   // id; empty: entities and attributes are taken from the data
	EntityColumn  string   // header name
	Attributes    []string // header names; only where Registry is empty
	AttributeIDs  []string // what queries call them, in the same order
	PeriodColumns []string // header names: one of ISO 8601 text, or its parts, coarsest first
	PeriodParts   bool     // PeriodColumns are parts: year, month, …
	Missing       []string // texts that stand for no reading
	Columns       []string // header name of each measure; of a table with a parameter its text; of a wide one a pattern

	File       FileForm   `json:",omitzero"`
	Entity     EntityForm `json:",omitzero"`
	Period     PeriodForm `json:",omitzero"`
	Shape      Shape      `json:",omitzero"`
	Keep       []Filter   `json:",omitempty"` // other rows are passed over
	Valid      []Filter   `json:",omitempty"` // readings of other rows are missing
	Rename     []Rename   `json:",omitempty"`
	Censored   *Censored  `json:",omitempty"`
	Replicates string     `json:",omitempty"` // rule for several readings of one cell; empty: refused
	Readings   []Reading  `json:",omitempty"` // of each measure
}

// ReadDescriptor reads a descriptor, and refuses what the catalog would refuse.
// Its faults are returned joined, each a *DescriptorError; name stands for the
// file in them.
func ReadDescriptor(name string, r io.Reader) (*Source, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDescriptor+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	c := &descriptorCheck{}
	if len(b) > maxDescriptor {
		c.fault(scalar{}, "", fmt.Sprintf("more than %d bytes", maxDescriptor), "a descriptor is a short YAML file")
		return nil, c.joined(name)
	}
	file, fault := parseDescriptor(b)
	if fault != nil {
		c.faults = append(c.faults, fault)
		return nil, c.joined(name)
	}
	src := c.source(file)
	if len(c.faults) == 0 {
		r := src.Descriptor.Check()
		if r == nil && src.Registry == "" {
			r = src.checkAttributes()
		}
		if r != nil {
			at := positionsOf(file).of(r.Field)
			c.fault(at, r.Field, explain.Message(r), fixOf(r, at.text, src.Descriptor))
		}
	}
	if len(c.faults) > 0 {
		return nil, c.joined(name)
	}
	return src, nil
}

// checkAttributes refuses what the registry of the data's entities would refuse.
func (s *Source) checkAttributes() *catalog.Refusal {
	if r := catalog.CheckAttributes(s.Descriptor.Entity, s.AttributeIDs); r != nil {
		r.Field = "entity.attributes" + strings.TrimPrefix(r.Field, "columns")
		if explain.Fix(r) == "" && len(s.AttributeIDs) <= catalog.MaxColumns {
			r.WithFix("fix.call_otherwise")
		}
		return r
	}
	return s.Descriptor.CheckColumns(s.AttributeIDs)
}

// fixOf is what to write instead of a text: the name of those possible that was
// probably meant, or what the refusal says.
func fixOf(r *catalog.Refusal, text string, d catalog.Descriptor) string {
	name, ok := strings.CutPrefix(r.Field, "policy.")
	if !ok {
		return explain.Fix(r)
	}
	if end := strings.IndexAny(name, ".["); end >= 0 {
		name = name[:end]
	}
	values := catalog.PolicyValues(name, d)
	near := nearest(text, values)
	switch {
	case near == "" || slices.Contains(values, text):
		return explain.Fix(r)
	case explain.Fix(r) == "":
		return "did you mean " + near + "?"
	}
	return "did you mean " + near + "? " + explain.Fix(r)
}

// descriptorCheck collects what is wrong.
type descriptorCheck struct{ faults []*DescriptorError }

func (c *descriptorCheck) fault(at scalar, field, message, want string) {
	c.faults = append(c.faults, &DescriptorError{Line: at.line, Column: at.column, Field: field, Message: message, Want: want})
}

func (c *descriptorCheck) joined(file string) error {
	list := make([]error, len(c.faults))
	for i, f := range c.faults {
		f.File = file
		list[i] = f
	}
	return errors.Join(list...)
}

var (
	identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	offset     = regexp.MustCompile(`^[+-](0[0-9]|1[0-4]):[0-5][0-9]$`)
)

// IsName reports whether queries can call a column so.
func IsName(s string) bool { return identifier.MatchString(s) }

func (c *descriptorCheck) source(f fileDescriptor) *Source {
	src := &Source{}
	d := &src.Descriptor
	d.Dataset = c.name(f.Dataset, "dataset")
	d.Title = catalog.Text{EN: f.Title.EN.text, ZH: f.Title.ZH.text}
	if d.Title == (catalog.Text{}) {
		c.fault(f.Dataset, "title", "missing", "title: {en: …, zh: …}, one of them at least")
	}
	d.Description = catalog.Text{EN: f.Description.EN.text, ZH: f.Description.ZH.text}
	d.License = c.need(f.License, "license")
	src.File, src.Shape = c.fileForm(f), c.shape(f)
	c.entity(f.Entity, src)
	c.period(f.Period, src)
	c.periodForm(f.Period, src)
	src.Keep, src.Valid = c.filters(f.Rows, "rows"), c.filters(f.Valid, "valid")
	src.Rename, src.Censored = c.renames(f.Rename, src), c.censored(f.Censored)
	src.Replicates = c.oneOf(f.Replicates, "replicates", replicatesMean, replicatesFirst, replicatesLast, "refuse")
	if src.Replicates == "refuse" {
		src.Replicates = ""
	}
	d.UTCOffset = f.UTCOffset.text
	switch {
	case !f.UTCOffset.given():
		c.fault(f.Period.Grain, "utc_offset", "missing", `in which offset from UTC are periods meant? utc_offset: "+08:00", say`)
	case !offset.MatchString(d.UTCOffset):
		c.fault(f.UTCOffset, "utc_offset", fmt.Sprintf("%.20q is no offset", d.UTCOffset), `want "+08:00", say`)
	}
	src.Missing = []string{""} // and what measures have beside it
	if f.Missing != nil {
		src.Missing = texts(f.Missing)
	}
	c.measures(f.Measures, src)
	c.policy(f.Policy, d)
	if f.Price != nil {
		d.Price = &catalog.Price{
			PerQuery: c.decimal(f.Price.PerQuery, "price.per_query"),
			Currency: c.need(f.Price.Currency, "price.currency"),
		}
	}
	c.wideColumns(f.Measures, src)
	c.oneMeaning(f, src)
	c.needLimits(f, src)
	c.columns(f, src)
	return src
}

func (c *descriptorCheck) entity(f fileEntity, src *Source) {
	c.entityForm(f, src)
	src.Registry = f.Registry.text
	src.Descriptor.Entity = src.EntityColumn
	if !identifier.MatchString(src.EntityColumn) {
		src.Descriptor.Entity = "entity" // which a query may always say
	}
	src.Descriptor.Registry = src.Descriptor.Dataset
	src.Attributes, src.AttributeIDs = c.attributes(f.Attributes)
	src.Descriptor.Numbers = c.numberAttributes(f)
	if !f.Registry.given() {
		return
	}
	src.Descriptor.Registry = c.name(f.Registry, "entity.registry")
	if f.Attributes != nil {
		c.fault(f.Registry, "entity", "has both registry and attributes", "attributes belong to the registry; leave one of them out")
	}
}

// attributes are the headers of the attributes' columns, and their names.
func (c *descriptorCheck) attributes(list []fileAttribute) (headers, names []string) {
	headers, names = make([]string, len(list)), make([]string, len(list))
	for i, a := range list {
		field := fmt.Sprintf("entity.attributes[%d]", i)
		headers[i], names[i] = c.need(a.Column, field+".column"), c.need(a.Name, field+".name")
		if names[i] != "" && !identifier.MatchString(names[i]) {
			c.fault(a.Name, field, fmt.Sprintf("%.80q cannot be asked for by this name", names[i]),
				fmt.Sprintf("give it one of lower-case letters, digits and _: {name: county, column: %s}, say", headers[i]))
		}
	}
	return headers, names
}

// numberAttributes are the names of attributes that are numbers, ascending.
func (c *descriptorCheck) numberAttributes(f fileEntity) []string {
	var out []string
	for i, s := range f.Numbers {
		field := fmt.Sprintf("entity.numbers[%d]", i)
		name := c.need(s, field)
		own := slices.ContainsFunc(f.Attributes, func(a fileAttribute) bool { return a.Name.text == name })
		switch {
		case slices.Contains(out, name):
			c.fault(s, field, fmt.Sprintf("%.40q is there twice", name), "name it once")
		case !f.Registry.given() && !own:
			c.fault(s, field, fmt.Sprintf("%.40q is none of the attributes", name), "want what queries call one of entity.attributes")
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// periodParts is how many columns a date of a grain is split into.
var periodParts = map[calendar.Grain]int{
	calendar.Year: 1, calendar.Quarter: 2, calendar.Month: 2, calendar.Week: 2, calendar.Day: 3, calendar.Hour: 4,
	calendar.HalfHour: 5, calendar.QuarterHour: 5,
}

// partNames names the parts, coarsest first.
func partNames(g calendar.Grain) []string {
	if g == calendar.Quarter || g == calendar.Week {
		return []string{"year", string(g)}
	}
	return []string{"year", "month", "day", "hour", "minute"}[:periodParts[g]]
}

func (c *descriptorCheck) period(f filePeriod, src *Source) {
	grain := c.grain(f.Grain, "period.grain")
	src.Descriptor.Grain = grain
	switch {
	case f.Column.given() && f.Columns != nil:
		c.fault(f.Column, "period", "has both column and columns", "one column of ISO text, or columns of its parts")
	case f.Column.given():
		src.PeriodColumns = []string{c.need(f.Column, "period.column")}
	case f.Columns == nil && src.Shape.Wide == widePeriods:
	case f.Columns == nil:
		c.fault(f.Grain, "period", "has no columns", "column: NAME, or columns: [year, month, …]")
	case src.Shape.Wide == widePeriods:
		c.fault(f.Columns[0], "period.columns", "the columns of a wide table are the periods", "leave it out")
	case len(f.Columns) == 2 && ofClock(grain): // date and time
		src.PeriodColumns = texts(f.Columns)
	default:
		src.PeriodColumns, src.PeriodParts = texts(f.Columns), true
		if want := periodParts[grain]; grain != "" && len(f.Columns) != want {
			c.fault(f.Grain, "period.columns", fmt.Sprintf("%d columns for periods of one %s", len(f.Columns), grain),
				fmt.Sprintf("want %d: %q%s", want, partNames(grain), orDateAndTime(grain)))
		}
	}
}

// orDateAndTime is the other way to split hours.
func orDateAndTime(g calendar.Grain) string {
	if ofClock(g) {
		return `, or 2: ["date", "time"]`
	}
	return ""
}

// ofClock reports whether periods of a grain are hours, or parts of them.
func ofClock(g calendar.Grain) bool { return g.Valid() && !calendar.Hour.Finer(g) }

func (c *descriptorCheck) grain(s scalar, field string) calendar.Grain {
	g := calendar.Grain(c.need(s, field))
	if g != "" && !g.Valid() {
		c.fault(s, field, fmt.Sprintf("unknown grain %.20q", g), "want quarter_hour, half_hour, hour, day, week, month, quarter or year")
		return ""
	}
	return g
}

// columns checks that no header is read as two things.
func (c *descriptorCheck) columns(f fileDescriptor, src *Source) {
	seen := map[string]string{}
	use := func(at scalar, field, header string) {
		if header == "" {
			return
		}
		if first, ok := seen[header]; ok {
			c.fault(at, field, fmt.Sprintf("column %.40q is read as %s already", header, first), "every column is one thing")
			return
		}
		seen[header] = field
	}
	if src.ownColumn() {
		use(f.Entity.Column, "entity.column", src.EntityColumn)
	}
	if slices.ContainsFunc(src.Entity.Columns, func(h string) bool { return seen[h] != "" }) {
		c.fault(f.Entity.Columns[0], "entity.columns", "has a column that is read as something else", "every column is one thing; attributes alone may be parts of the id")
	}
	use(f.Parameter.Column, "parameter.column", src.Shape.Parameter)
	use(f.Parameter.Value, "parameter.value", src.Shape.Value)
	for i, s := range f.Entity.Attributes {
		use(s.Column, fmt.Sprintf("entity.attributes[%d]", i), s.Column.text)
	}
	use(f.Period.Column, "period.column", f.Period.Column.text)
	for i, s := range f.Period.Columns {
		use(s, fmt.Sprintf("period.columns[%d]", i), s.text)
	}
	if src.Shape.Parameter != "" {
		seen = map[string]string{} // texts of the parameter are no columns
	}
	for i, m := range f.Measures {
		use(m.Name, fmt.Sprintf("measures[%d].column", i), src.Columns[i])
	}
}

// need is the text of a scalar that must be there and not be empty.
func (c *descriptorCheck) need(s scalar, field string) string {
	if s.text == "" {
		c.fault(s, field, "missing", "")
	}
	return s.text
}

func (c *descriptorCheck) name(s scalar, field string) string {
	if c.need(s, field) != "" && !identifier.MatchString(s.text) {
		c.fault(s, field, fmt.Sprintf("%.80q is no name", s.text), "want a letter, then letters, digits and _, all lower case, at most 64")
	}
	return s.text
}

// decimal is the canonical text of a decimal number.
func (c *descriptorCheck) decimal(s scalar, field string) string {
	if c.need(s, field) == "" {
		return ""
	}
	text, ok := expandExponent(s.text)
	if !ok {
		c.fault(s, field, fmt.Sprintf("%.40q is no decimal number", s.text), "")
	}
	return text
}

// integer is a number from 0 to most; 0 where it is not given.
func (c *descriptorCheck) integer(s scalar, field string, most int) int {
	if !s.given() {
		return 0
	}
	n, err := strconv.Atoi(s.text)
	if err != nil || n < 0 || n > most {
		c.fault(s, field, fmt.Sprintf("%.40q is out of range", s.text), fmt.Sprintf("want a whole number from 0 to %d", most))
		return 0
	}
	return n
}

func (c *descriptorCheck) flag(s scalar, field string) bool {
	if s.given() && s.text != "true" && s.text != "false" {
		c.fault(s, field, fmt.Sprintf("%.20q is neither true nor false", s.text), "")
	}
	return s.text == "true"
}

// cleanTexts are texts that are compared with a file's.
func cleanTexts(list []scalar) []string {
	out := texts(list)
	for i := range out {
		out[i] = CleanText(out[i])
	}
	return out
}

func texts(list []scalar) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.text
	}
	return out
}
