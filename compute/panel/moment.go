package panel

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/table"
)

// moment is a text of a date or a time: its parts down to the finest that is written.
type moment struct {
	grain                                         calendar.Grain // of the finest part; GrainFinest of times with minutes
	year, month, quarter, week, day, hour, minute int
	second                                        int
	fraction                                      bool // of a second, not zero
	zone                                          bool // an offset is written
	offset                                        int  // minutes east of UTC
}

// yearFirst is a date whose year comes first, with a time or without. Separators are those
// of ISO 8601, slashes and points.
var yearFirst = regexp.MustCompile(`^(\d{4})(?:([-/.])(\d{1,2})(?:[-/.](\d{1,2})(?:(?:[T ]+)(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?)?)?)?\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$`)

// runTogether is a date without separators, down to the month at least.
var runTogether = regexp.MustCompile(`^(\d{4})(\d{2})(?:(\d{2})(?:[T ]?(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$`)

// yearQuarter is a quarter.
var yearQuarter = regexp.MustCompile(`^(\d{4})[-/ ]?[Qq](\d)$`)

// yearWeek is a week of ISO 8601, in Chinese too: 2024-W05, 2024W5, 2024年第5周.
var yearWeek = regexp.MustCompile(`^(\d{4})(?:[-/ ]?[Ww]|\s*年\s*第\s*)(\d{1,2})(?:\s*周)?$`)

// chineseDate is a date with the Chinese words behind its parts. Each word is needed: in 2024年1-3月 the 3 is no day.
var chineseDate = regexp.MustCompile(
	`^(\d{4})\s*年(?:\s*(\d{1,2})\s*月(?:\s*(\d{1,2})\s*[日号](?:\s*(\d{1,2})(?:\s*[时点:](?:\s*(\d{1,2})(?:\s*[分:](?:\s*(\d{1,2})\s*秒?)?)?)?)?)?)?)?$`)

// chineseQuarter is a quarter in Chinese: 2024年第4季度, 2024年四季度.
var chineseQuarter = regexp.MustCompile(`^(\d{4})\s*年\s*第?\s*([1-4一二三四])\s*季度?$`)

// chineseDigits are the numbers of quarters.
var chineseDigits = strings.NewReplacer("一", "1", "二", "2", "三", "3", "四", "4")

// parseMoment reads a date whose year comes first; false: it is none.
func parseMoment(text string) (moment, bool) {
	if p := yearWeek.FindStringSubmatch(text); p != nil {
		return moment{grain: calendar.Week, year: number(p[1]), week: number(p[2])}, true
	}
	if strings.ContainsRune(text, '年') {
		return parseChinese(text)
	}
	if p := yearQuarter.FindStringSubmatch(text); p != nil {
		return moment{grain: calendar.Quarter, year: number(p[1]), quarter: number(p[2])}, true
	}
	if p := runTogether.FindStringSubmatch(text); p != nil {
		m := momentOf([]string{p[1], p[2], p[3], p[4], p[5], p[6]}, p[7])
		if m.year < 1900 || m.year > 2100 { // 240105 has a year of two digits; 1704121200 counts seconds
			return moment{}, false
		}
		return m, true
	}
	p := yearFirst.FindStringSubmatch(text)
	if p == nil || p[2] == "." && p[4] == "" && len(p[3]) == 1 { // 2024.1 is October where 2024.10 was a number
		return moment{}, false
	}
	m := momentOf([]string{p[1], p[3], p[4], p[5], p[6], p[7]}, p[9])
	m.fraction = strings.Trim(p[8], "0") != ""
	return m, true
}

// parseChinese reads a date or a quarter in Chinese; false: it is none.
func parseChinese(text string) (moment, bool) {
	if p := chineseQuarter.FindStringSubmatch(text); p != nil {
		return moment{grain: calendar.Quarter, year: number(p[1]), quarter: number(chineseDigits.Replace(p[2]))}, true
	}
	p := chineseDate.FindStringSubmatch(text)
	if p == nil {
		return moment{}, false
	}
	return momentOf(p[1:], ""), true
}

// momentOf is a moment of the parts from the year on; empty ones are not written.
func momentOf(parts []string, zone string) moment {
	m := moment{grain: calendar.Year, month: 1, day: 1}
	into := []*int{&m.year, &m.month, &m.day, &m.hour, &m.minute, &m.second}
	grains := []calendar.Grain{calendar.Year, calendar.Month, calendar.Day, calendar.Hour, calendar.Finest, calendar.Finest}
	for i, p := range parts {
		if p == "" {
			break
		}
		*into[i], m.grain = number(p), grains[i]
	}
	if zone != "" {
		m.zone, m.offset = true, offsetMinutes(zone)
	}
	return m
}

// number is a number of few digits.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1 // which no part of a date is
	}
	return n
}

// offsetMinutes is an offset from UTC: Z, +08, +0800, -03:30.
func offsetMinutes(zone string) int {
	if zone[0] != '+' && zone[0] != '-' {
		return 0
	}
	digits := strings.ReplaceAll(zone[1:], ":", "")
	n := 60 * number(digits[:2])
	if len(digits) == 4 {
		n += number(digits[2:])
	}
	if zone[0] == '-' {
		return -n
	}
	return n
}

// timeFormat reads the texts of a declared format.
type timeFormat struct {
	kind    string // epoch, epoch_ms, excel; empty: parts
	form    *regexp.Regexp
	parts   []string // of each group of form
	pattern string
}

// formatParts are the parts that a format may have, longest first.
var formatParts = []struct{ name, form string }{
	{"YYYY", `(\d{4})`}, {"MMMM", `([A-Za-z]+)`}, {"MMM", `([A-Za-z]{3})`}, {"MM", `(\d{2})`}, {"M", `(\d{1,2})`}, {"DD", `(\d{2})`}, {"D", `(\d{1,2})`},
	{"HH", `(\d{2})`}, {"H", `(\d{1,2})`}, {"hh", `(\d{1,2})`}, {"mm", `(\d{2})`}, {"ss", `(\d{2})`}, {"A", `([AaPp]\.?[Mm]\.?)`}, {"Z", `(Z|[+-]\d{2}(?::?\d{2})?)`}, {"Q", `([1-4])`},
}

// compileTimeFormat reads a format as descriptors have it.
func compileTimeFormat(format string) (*timeFormat, error) {
	f := &timeFormat{pattern: format}
	switch format {
	case "epoch", "epoch_ms", "excel":
		f.kind = format
		return f, nil
	}
	var form strings.Builder
	form.WriteString("^")
	seen := map[string]bool{}
rest:
	for rest := format; rest != ""; {
		for _, p := range formatParts {
			if !strings.HasPrefix(rest, p.name) {
				continue
			}
			key := p.name[:1]
			if seen[key] {
				return nil, fmt.Errorf("%q has %s twice", format, p.name)
			}
			seen[key] = true
			form.WriteString(p.form)
			f.parts = append(f.parts, p.name)
			rest = rest[len(p.name):]
			continue rest
		}
		c := []rune(rest)[0]
		if c == 'Y' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' {
			return nil, fmt.Errorf("%q: %q is no part of a date; years have four digits", format, string(c))
		}
		form.WriteString(regexp.QuoteMeta(string(c)))
		rest = rest[len(string(c)):]
	}
	form.WriteString("$")
	if !seen["Y"] {
		return nil, fmt.Errorf("%q has no year: YYYY", format)
	}
	var err error
	f.form, err = regexp.Compile(form.String())
	return f, err
}

// parse reads a text of the format; false: it is none.
func (f *timeFormat) parse(text string, days table.Days) (moment, bool) {
	switch f.kind {
	case "epoch", "epoch_ms":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return moment{}, false
		}
		at := time.Unix(n, 0)
		if f.kind == "epoch_ms" {
			at = time.UnixMilli(n)
		}
		return momentAt(at.UTC(), true), true
	case "excel":
		return excelMoment(text, days)
	}
	groups := f.form.FindStringSubmatch(text)
	if groups == nil {
		return moment{}, false
	}
	m := moment{grain: calendar.Year, month: 1, day: 1}
	finest := func(g calendar.Grain) {
		if g.Finer(m.grain) {
			m.grain = g
		}
	}
	half := -1
	for i, part := range f.parts {
		text := groups[i+1]
		switch part {
		case "YYYY":
			m.year = number(text)
		case "MMMM", "MMM":
			m.month = monthNamed(text)
			finest(calendar.Month)
		case "MM", "M":
			m.month = number(text)
			finest(calendar.Month)
		case "Q":
			m.quarter = number(text)
			finest(calendar.Quarter)
		case "DD", "D":
			m.day = number(text)
			finest(calendar.Day)
		case "HH", "H", "hh":
			m.hour = number(text)
			finest(calendar.Hour)
		case "mm":
			m.minute = number(text)
			finest(calendar.Finest)
		case "ss":
			m.second = number(text)
		case "Z":
			m.zone, m.offset = true, offsetMinutes(text)
		case "A":
			half = strings.IndexAny(strings.ToLower(text), "p")
		}
	}
	if strings.Contains(f.pattern, "A") {
		if m.hour < 1 || m.hour > 12 {
			return moment{}, false
		}
		m.hour %= 12
		if half == 0 {
			m.hour += 12
		}
	}
	return m, true
}

// monthNamed is a month by its English name or the first three letters of it; 0: it is none.
func monthNamed(text string) int {
	for m := time.January; m <= time.December; m++ {
		name := m.String()
		if strings.EqualFold(text, name) || strings.EqualFold(text, name[:3]) {
			return int(m)
		}
	}
	return 0
}

func momentAt(at time.Time, zone bool) moment {
	return moment{grain: calendar.Finest, year: at.Year(), month: int(at.Month()), day: at.Day(), hour: at.Hour(), minute: at.Minute(),
		second: at.Second(), fraction: at.Nanosecond() != 0, zone: zone}
}

// excelMoment is a number of days since a workbook's epoch, to the second. What stands for
// the day 1900-02-29, which Excel has, does not occur among plausible dates.
func excelMoment(text string, days table.Days) (moment, bool) {
	n, ok := new(big.Rat).SetString(text)
	if _, plain := canonicalNumber(text); !ok || !plain || n.Sign() < 0 || n.Cmp(big.NewRat(200_000, 1)) > 0 {
		return moment{}, false
	}
	seconds, ok := roundToEven(n.Mul(n, big.NewRat(86400, 1)), 0)
	if !ok {
		return moment{}, false
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if days == table.DaysFrom1904 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return momentAt(epoch.Add(time.Duration(seconds)*time.Second), false), true
}
