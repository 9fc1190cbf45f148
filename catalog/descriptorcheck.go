package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// maxBound bounds a measure's declared bounds in units of 10^-Decimals: a single
// value fits well below MaxSum.
const maxBound = 1 << 55

// maxDecimals is the largest Decimals of a measure.
const maxDecimals = 9

var (
	ucumForm      = regexp.MustCompile(`^[!-~]{0,64}$`)
	pollutantForm = regexp.MustCompile(`^([aw][0-9]{5})?$`)
	moneyForm     = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Check refuses a descriptor that is inconsistent in itself, above all one that
// would protect less than its publisher may believe.
func (d Descriptor) Check() *Refusal {
	switch {
	case !IsName(d.Dataset):
		return Invalid("dataset", "descriptor.dataset_name", d.Dataset)
	case !IsName(d.Registry):
		return Invalid("registry", "descriptor.registry_name", d.Registry)
	case !IsName(d.Entity) || d.Entity == "period":
		return Invalid("entity", "descriptor.entity_name", d.Entity)
	case !d.Grain.Valid():
		return Invalid("grain", "grain.unknown", d.Grain)
	case !calendar.IsOffset(d.UTCOffset):
		return Invalid("utc_offset", "descriptor.utc_offset", d.UTCOffset)
	}
	texts := [...]struct {
		field, text string
		most        int
	}{
		{"title.en", d.Title.EN, MaxText},
		{"title.zh", d.Title.ZH, MaxText},
		{"description.en", d.Description.EN, 8 * MaxText},
		{"description.zh", d.Description.ZH, 8 * MaxText},
		{"license", d.License, MaxName},
	}
	for _, t := range texts {
		if !IsText(strings.ReplaceAll(t.text, "\n", " "), t.most) {
			return Invalid(t.field, "text.too_long", t.most)
		}
	}
	if !slices.IsSorted(d.Numbers) || len(d.Numbers) > MaxColumns {
		return Invalid("numbers", "descriptor.numbers", MaxColumns)
	}
	if r := d.checkMeasures(); r != nil {
		return r
	}
	if p := d.Price; p != nil && (!decimal.IsAmount(p.PerQuery) || !moneyForm.MatchString(p.Currency)) {
		return Invalid("price", "descriptor.price", p.PerQuery, p.Currency)
	}
	return d.checkPolicy()
}

// CheckColumns refuses a descriptor that does not fit the attributes of its
// registry.
func (d Descriptor) CheckColumns(columns []string) *Refusal {
	if slices.Contains(columns, d.Entity) {
		return Invalid("entity", "descriptor.name_is_attribute", d.Entity)
	}
	for i, m := range d.Measures {
		if slices.Contains(columns, m.Name) {
			return Invalid(fmt.Sprintf("measures[%d].name", i), "descriptor.name_is_attribute", m.Name)
		}
	}
	if r := CheckNames("numbers", d.Numbers, func(a string) bool { return slices.Contains(columns, a) }, "registry.no_attribute", columns); r != nil {
		return r
	}
	for i, cube := range d.Policy.Cubes {
		for _, a := range cube {
			if !slices.Contains(columns, a) {
				return Invalid(fmt.Sprintf("policy.cubes[%d]", i), "registry.no_attribute", a, columns)
			}
		}
	}
	return nil
}

// CheckAttributes refuses attributes that no registry can have. entity is what its id
// column is called; the field of a refusal is columns, or one of columns.
func CheckAttributes(entity string, columns []string) *Refusal {
	if len(columns) > MaxColumns {
		return Invalid("columns", "registry.columns", len(columns), MaxColumns)
	}
	free := func(s string) bool { return IsName(s) && s != entity && s != "entity" && s != "period" }
	return CheckNames("columns", columns, free, "registry.column_name")
}

func (d Descriptor) checkMeasures() *Refusal {
	if len(d.Measures) == 0 || len(d.Measures) > MaxColumns {
		return Invalid("measures", "descriptor.measures", len(d.Measures), MaxColumns)
	}
	free := func(s string) bool { return IsName(s) && s != "entity" && s != "period" && s != d.Entity }
	if r := CheckNames("measures", d.MeasureNames(), free, "measure.name"); r != nil {
		return r
	}
	for i, m := range d.Measures {
		if r := m.check(fmt.Sprintf("measures[%d]", i)); r != nil {
			return r
		}
	}
	return nil
}

func (m Measure) check(at string) *Refusal {
	switch {
	case m.Decimals < 0 || m.Decimals > maxDecimals:
		return Invalid(at+".decimals", "measure.decimals", m.Decimals, maxDecimals)
	case m.Min == m.Max:
		return Invalid(at+".range", "measure.range_missing", m.Name)
	case m.Min > m.Max:
		return Invalid(at+".range", "measure.range_reversed", m.Name)
	case m.Min < -maxBound || m.Max > maxBound:
		return Invalid(at+".range", "measure.range_wide", m.Name)
	case m.Squares && m.Half() > maxSquared:
		return Invalid(at+".squares", "measure.squares_wide",
			m.Name, m.Half(), int64(MaxSum))
	case !IsText(m.Unit, MaxName):
		return Invalid(at+".unit", "text.too_long", MaxName)
	case len(m.Buckets) > MaxColumns:
		return Invalid(at+".buckets", "measure.buckets", len(m.Buckets), MaxColumns)
	case !ucumForm.MatchString(m.UCUM):
		return Invalid(at+".ucum", "measure.ucum", m.UCUM)
	case !pollutantForm.MatchString(m.Pollutant):
		return Invalid(at+".pollutant", "measure.pollutant", m.Pollutant)
	case m.PCAF != nil && !slices.Contains(pcafScopes, m.PCAF.Scope):
		return Invalid(at+".pcaf.scope", "measure.pcaf_scope", m.PCAF.Scope)
	case m.PCAF != nil && PCAFScore(m.PCAF.Option) == 0:
		return Invalid(at+".pcaf.option", "measure.pcaf_option", m.PCAF.Option)
	case m.PCAF != nil && m.PCAF.Score != PCAFScore(m.PCAF.Option):
		return Invalid(at+".pcaf.score", "measure.pcaf_score", m.PCAF.Score, m.PCAF.Option, PCAFScore(m.PCAF.Option))
	}
	last := int64(0)
	for i, b := range m.Buckets {
		v, ok := parseFixed(b, m.Decimals)
		if !ok {
			return Invalid(at+".buckets", "measure.bucket_number", b, m.Decimals)
		}
		if i > 0 && v <= last {
			return Invalid(at+".buckets", "measure.bucket_order", b)
		}
		last = v
	}
	return nil
}

var fixedForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$`)

// parseFixed reads a decimal number of at most so many decimals as an integer
// of units of 10^-decimals.
func parseFixed(s string, decimals int) (int64, bool) {
	_, fraction, _ := strings.Cut(s, ".")
	v, fault := decimal.ParseUnits(s, decimals)
	return v, fault == decimal.OK && fixedForm.MatchString(s) && len(fraction) <= decimals
}
