package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxBound bounds a measure's declared bounds in units of 10^-Decimals: a single
// value fits well below MaxSum.
const maxBound = 1 << 55

// maxDecimals is the largest Decimals of a measure.
const maxDecimals = 9

var (
	offsetForm = regexp.MustCompile(`^[+-](0[0-9]|1[0-4]):[0-5][0-9]$`)
	amountForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$`)
	moneyForm  = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Check refuses a descriptor that is inconsistent in itself, above all one that
// would protect less than its publisher may believe.
func (d Descriptor) Check() *Refusal {
	switch {
	case !isName(d.Dataset):
		return invalid("dataset", "%.80q is not a dataset's name: [a-z][a-z0-9_]*", d.Dataset)
	case !isName(d.Registry):
		return invalid("registry", "%.80q is not a registry's name: [a-z][a-z0-9_]*", d.Registry)
	case !isName(d.Entity) || d.Entity == "period":
		return invalid("entity", "%.80q cannot name the entity: [a-z][a-z0-9_]*, and not period", d.Entity)
	case !d.Grain.Valid():
		return invalid("grain", "unknown grain %.40q", d.Grain).withFix("grains are hour, day, month, quarter and year")
	case !offsetForm.MatchString(d.UTCOffset):
		return invalid("utc_offset", "%.40q is not an offset from UTC", d.UTCOffset).withFix("write it like +08:00")
	}
	texts := [...]struct {
		field, text string
		most        int
	}{
		{"title.en", d.Title.EN, maxText},
		{"title.zh", d.Title.ZH, maxText},
		{"description.en", d.Description.EN, 8 * maxText},
		{"description.zh", d.Description.ZH, 8 * maxText},
		{"license", d.License, maxName},
	}
	for _, t := range texts {
		if !isText(strings.ReplaceAll(t.text, "\n", " "), t.most) {
			return invalid(t.field, "it must be a text of at most %d bytes", t.most)
		}
	}
	if r := d.checkMeasures(); r != nil {
		return r
	}
	if p := d.Price; p != nil {
		if !amountForm.MatchString(p.PerQuery) || !moneyForm.MatchString(p.Currency) {
			return invalid("price", "%.40q %.10q is not an amount of money", p.PerQuery, p.Currency).withFix(`write {per_query: "10.00", currency: CNY}`)
		}
	}
	return d.checkPolicy()
}

// CheckColumns refuses a descriptor that does not fit the attributes of its
// registry.
func (d Descriptor) CheckColumns(columns []string) *Refusal {
	if slices.Contains(columns, d.Entity) {
		return invalid("entity", "%s is an attribute of the registry", d.Entity)
	}
	for i, m := range d.Measures {
		if slices.Contains(columns, m.Name) {
			return invalid(fmt.Sprintf("measures[%d].name", i), "%s is an attribute of the registry", m.Name)
		}
	}
	for i, cube := range d.Policy.Cubes {
		for _, a := range cube {
			if !slices.Contains(columns, a) {
				return invalid(fmt.Sprintf("policy.cubes[%d]", i), "the registry has no attribute %.80q", a).
					withFix("its attributes are: %s", quoteList(columns))
			}
		}
	}
	return nil
}

func (d Descriptor) checkMeasures() *Refusal {
	if len(d.Measures) == 0 || len(d.Measures) > MaxColumns {
		return invalid("measures", "%d measures, 1 to %d are possible", len(d.Measures), MaxColumns)
	}
	free := func(s string) bool { return isName(s) && s != "entity" && s != "period" && s != d.Entity }
	if r := checkNames("measures", d.measureNames(), free, "a free measure name: [a-z][a-z0-9_]*, and neither the entity's nor entity or period"); r != nil {
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
		return invalid(at+".decimals", "%d decimals, 0 to %d are possible", m.Decimals, maxDecimals)
	case m.Min == m.Max:
		return invalid(at+".range", "the range of %s is missing or has no width", m.Name).
			withFix("declare the smallest and the largest value that can occur")
	case m.Min > m.Max:
		return invalid(at+".range", "the range of %s ends before it begins", m.Name)
	case m.Min < -maxBound || m.Max > maxBound:
		return invalid(at+".range", "the range of %s is too wide: with its decimals, bounds must stay within ±2^55", m.Name)
	case m.Squares && m.Half() > maxSquared:
		return invalid(at+".squares", "the range of %s is too wide for squares: a reading may lie %d units of its last decimal from the middle, squared more than %d",
			m.Name, m.Half(), int64(MaxSum)).withFix("declare a narrower range, a larger unit or fewer decimals, or leave squares out")
	case !isText(m.Unit, maxName):
		return invalid(at+".unit", "it must be a text of at most %d bytes", maxName)
	case len(m.Buckets) > MaxColumns:
		return invalid(at+".buckets", "%d buckets, at most %d are possible", len(m.Buckets), MaxColumns)
	}
	last := int64(0)
	for i, b := range m.Buckets {
		v, ok := parseFixed(b, m.Decimals)
		if !ok {
			return invalid(at+".buckets", "%.40q is not a number of at most %d decimals", b, m.Decimals)
		}
		if i > 0 && v <= last {
			return invalid(at+".buckets", "the buckets do not ascend at %.40q", b)
		}
		last = v
	}
	return nil
}

var fixedForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$`)

// parseFixed reads a decimal number of at most so many decimals as an integer
// of units of 10^-decimals.
func parseFixed(s string, decimals int) (int64, bool) {
	if !fixedForm.MatchString(s) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	if len(fraction) > decimals {
		return 0, false
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	return v, err == nil
}
