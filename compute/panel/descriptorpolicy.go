package panel

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/unit"
)

func (c *descriptorCheck) measures(list []fileMeasure, src *Source) {
	if len(list) == 0 {
		c.fault(scalar{}, "measures", "missing", "measures: [{name: …, column: …, unit: …, range: [LOW, HIGH], decimals: N}]")
	}
	seen := map[string]bool{"entity": true, "period": true, src.EntityColumn: true}
	for _, a := range src.AttributeIDs {
		seen[a] = true
	}
	for i, f := range list {
		field := func(name string) string { return fmt.Sprintf("measures[%d].%s", i, name) }
		m := catalog.Measure{
			Name:     c.name(f.Name, field("name")),
			Unit:     c.need(f.Unit, field("unit")),
			Decimals: c.integer(f.Decimals, field("decimals"), maxDecimals),
			Squares:  c.flag(f.Squares, field("squares")),
		}
		if m.Name != "" && seen[m.Name] {
			c.fault(f.Name, field("name"), fmt.Sprintf("%q is taken", m.Name), "another measure, the entity, the period or an attribute has this name")
		}
		seen[m.Name] = true
		m.Min, m.Max = c.bounds(f, m.Decimals, field("range"))
		m.Buckets = c.buckets(f.Buckets, m.Decimals, field("buckets"))
		c.substance(f, &m, field)
		src.Descriptor.Measures = append(src.Descriptor.Measures, m)
		column := m.Name
		if f.Column.given() {
			column = c.need(f.Column, field("column"))
		}
		src.Columns = append(src.Columns, CleanText(column))
		src.Readings = append(src.Readings, c.measureReading(f, field))
	}
	if !slices.ContainsFunc(src.Readings, func(r Reading) bool { return !reflect.DeepEqual(r, Reading{}) }) {
		src.Readings = nil
	}
}

// substance reads what a measure is of: its unit's code, its pollutant, and what PCAF asks.
func (c *descriptorCheck) substance(f fileMeasure, m *catalog.Measure, field func(string) string) {
	m.UCUM, m.Pollutant = f.UCUM.text, f.Pollutant.text
	coded, known := unit.ByCode(m.UCUM)
	written, read := unit.Read(m.Unit)
	switch {
	case m.UCUM != "" && !known:
		c.fault(f.UCUM, field("ucum"), fmt.Sprintf("%.40q is no code that is known here", m.UCUM), didYouMean(m.UCUM, unit.Codes()))
	case m.UCUM != "" && read && written.Code != coded.Code:
		c.fault(f.UCUM, field("ucum"), fmt.Sprintf("is %s, and unit %.40q is %s", coded.Code, m.Unit, written.Code), "leave one of them out, or mend it")
	case m.UCUM == "" && !read && m.Pollutant != "":
		c.fault(f.Pollutant, field("ucum"), fmt.Sprintf("missing: unit %.40q of a pollutant is not known", m.Unit), `want ucum: ug/m3, mg/L, kg or t, say; of pH "[pH]"`)
	case m.Pollutant != "" && unit.IsPollutant(m.Pollutant):
		if u, _ := unit.Of(m.UCUM, m.Unit); !unit.PollutantOf(m.Pollutant).Fits(u) {
			c.fault(f.Pollutant, field("pollutant"), fmt.Sprintf("%s (%s) is not measured in %s", m.Pollutant, unit.PollutantOf(m.Pollutant).Name, u.Code), "")
		}
	}
	if f.PCAF == nil {
		return
	}
	m.PCAF = &catalog.PCAF{Scope: f.PCAF.Scope.text, Option: f.PCAF.Option.text, Score: catalog.PCAFScore(f.PCAF.Option.text)}
	if f.PCAF.Score.given() {
		m.PCAF.Score = c.integer(f.PCAF.Score, field("pcaf.score"), 5)
	}
}

func (c *descriptorCheck) bounds(f fileMeasure, decimals int, field string) (lo, hi int64) {
	if len(f.Range) != 2 {
		c.fault(f.Name, field, "missing", "want [LOW, HIGH], which no reading may leave")
		return 0, 0
	}
	lo = c.bound(f.Range[0], decimals, field)
	hi = c.bound(f.Range[1], decimals, field)
	if lo >= hi {
		c.fault(f.Range[0], field, "the lower bound is not below the upper one", "want [LOW, HIGH]")
	}
	return lo, hi
}

func (c *descriptorCheck) bound(s scalar, decimals int, field string) int64 {
	text := c.decimal(s, field)
	v, fault := decimal.ParseUnits(text, decimals)
	switch {
	case fault == decimal.TooPrecise:
		c.fault(s, field, fmt.Sprintf("%.40q has more digits than decimals: %d", s.text, decimals), "")
	case fault == decimal.TooLarge || v > maxBound || v < -maxBound:
		c.fault(s, field, fmt.Sprintf("%.40q with %d decimals is too large", s.text, decimals), "choose a larger unit or fewer decimals")
	}
	return v
}

// buckets are ascending bounds of a histogram.
func (c *descriptorCheck) buckets(list []scalar, decimals int, field string) []string {
	var out []string
	last := int64(math.MinInt64)
	for _, s := range list {
		v := c.bound(s, decimals, field)
		if v <= last {
			c.fault(s, field, fmt.Sprintf("%.40q does not ascend", s.text), "")
		}
		last = v
		out = append(out, c.decimal(s, field))
	}
	return out
}

// policy reads the fields that catalog's table has.
func (c *descriptorCheck) policy(f filePolicy, d *catalog.Descriptor) {
	if !f.form.IsValid() {
		f.form = reflect.Zero(policyForm)
	}
	for i, row := range catalog.PolicyFields() {
		switch form := f.form.Field(i); {
		case !form.IsZero():
			c.policyField(row, form, d)
		case row.Absent != nil:
			row.Absent(d)
		}
	}
}

// policyField reads what the file says of a field into where the policy keeps it.
func (c *descriptorCheck) policyField(row catalog.PolicyField, form reflect.Value, d *catalog.Descriptor) {
	field := "policy." + row.Name
	into := reflect.ValueOf(row.In(&d.Policy)).Elem()
	switch written := form.Interface().(type) {
	case scalar:
		switch in := into.Addr().Interface().(type) {
		case *bool:
			*in = c.flag(written, field)
		case *int:
			*in = c.integer(written, field, row.Most)
		case *calendar.Grain:
			*in = c.policyGrain(written, field, d.Grain)
		case *string:
			*in = written.text
			if row.Share {
				*in = c.share(written, field)
			}
		default: // a text of few values, which catalog checks
			into.SetString(written.text)
		}
	case fileTexts:
		c.texts(written, field, into)
	case []scalar:
		into.Set(reflect.ValueOf(texts(written)))
	case [][]scalar:
		c.lists(written, field, into)
	default: // a mapping of texts
		into.Set(reflect.New(into.Type().Elem()))
		for i := range form.Elem().NumField() {
			part, _ := form.Elem().Field(i).Interface().(scalar)
			into.Elem().Field(i).SetString(c.need(part, field+"."+form.Elem().Type().Field(i).Tag.Get("yaml")))
		}
	}
}

// texts reads a mapping of texts into a map of them.
func (c *descriptorCheck) texts(written fileTexts, field string, into reflect.Value) {
	into.Set(reflect.MakeMap(into.Type()))
	for _, pair := range written.list {
		key := reflect.ValueOf(pair.key.text)
		if into.MapIndex(key).IsValid() {
			c.fault(pair.key, field, fmt.Sprintf("%.40q is there twice", pair.key.text), "name it once")
		}
		into.SetMapIndex(key, reflect.ValueOf(c.need(pair.value, field+"."+pair.key.text)))
	}
}

// policyGrain is a grain in whose periods the dataset's lie.
func (c *descriptorCheck) policyGrain(s scalar, field string, finest calendar.Grain) calendar.Grain {
	g := c.grain(s, field)
	switch {
	case g == "" || finest == "":
	case g.Finer(finest):
		c.fault(s, field, fmt.Sprintf("%s is finer than the dataset's %s", g, finest), "")
	case !finest.Nests(g):
		c.fault(s, field, fmt.Sprintf("a %s lies in no %s, but in parts of two", finest, g), "want "+string(finest))
	}
	return g
}

// lists reads lists of names, or pairs of measures, into a list of either.
func (c *descriptorCheck) lists(written [][]scalar, field string, into reflect.Value) {
	one := into.Type().Elem()
	for i, list := range written {
		if one.Kind() == reflect.Array && len(list) != one.Len() {
			at := scalar{}
			if len(list) > 0 {
				at = list[0]
			}
			c.fault(at, fmt.Sprintf("%s[%d]", field, i), fmt.Sprintf("%d measures", len(list)), "want a pair")
			continue
		}
		into.Set(reflect.Append(into, reflect.ValueOf(texts(list)).Convert(one)))
	}
}

// share is a decimal number above 0 and at most 1, without zeros at the end; empty
// where it is not given.
func (c *descriptorCheck) share(s scalar, field string) string {
	if !s.given() {
		return ""
	}
	text := c.decimal(s, field)
	v, fault := decimal.ParseUnits(text, maxDecimals)
	switch {
	case fault == decimal.NoNumber: // said by decimal
		return ""
	case fault != decimal.OK || v <= 0 || v > unitsOfOne:
		c.fault(s, field, fmt.Sprintf("%.40q is not above 0 and at most 1", s.text), "want a share such as "+catalog.DefaultMinCoverage)
		return ""
	}
	return decimal.Format(v, maxDecimals)
}

// unitsOfOne is 1 in units of 10^-maxDecimals.
const unitsOfOne = 1_000_000_000
