package panel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/compute/table"
)

// The catalog's calendar: years are counted from 1970 and have four digits.
const (
	epochYear = 1970
	minYear   = 1
	maxYear   = 9999
)

// periodReader turns a row's period columns into the index of its period. It
// remembers texts, since rows of one entity after another repeat the same ones. One
// reader is used by one goroutine.
type periodReader struct {
	grain  calendar.Grain
	parts  bool
	offset int         // of the dataset from UTC, in minutes
	stamp  string      // begin or end; empty: begin, and there is no hour 24
	format *timeFormat // nil: none is declared
	days   table.Days  // of a workbook: numbers are dates

	texts     periodTexts // read so far, of one column
	converted int         // times that had another offset

	month int64             // of the last date, in parts; its days
	span  calendar.Interval // empty: none yet
}

func newPeriodReader(src *Source) periodReader {
	r := periodReader{grain: src.Descriptor.Grain, parts: src.PeriodParts, stamp: src.Period.Stamp}
	if millis, err := calendar.OffsetMillis(src.Descriptor.UTCOffset); err == nil { // ReadDescriptor has checked it
		r.offset = int(millis / 60_000)
	}
	if src.Period.Format != "" {
		r.format, _ = compileTimeFormat(src.Period.Format) // ReadDescriptor has read it
	}
	return r
}

// periodFault is what is wrong with which of the period's columns.
type periodFault struct {
	part          int
	message, want string
}

// read returns the period of the given fields, one for each period column.
func (r *periodReader) read(fields []string) (int64, *periodFault) {
	switch {
	case !r.parts && len(fields) == 1:
		return r.text(fields[0])
	case !r.parts:
		clock := strings.TrimSpace(fields[1])
		if len(clock) == 1 { // the hour
			clock = "0" + clock
		}
		return r.text(strings.TrimSpace(fields[0]) + " " + clock)
	}
	var n [5]int64
	for i, f := range fields {
		v, ok := smallNumber(f)
		if !ok {
			return 0, &periodFault{i, fmt.Sprintf("%.40q is no whole number", f), wantWhole(f, partNames(r.grain)[i])}
		}
		n[i] = v
	}
	return r.date(n, fields)
}

func (r *periodReader) date(n [5]int64, fields []string) (int64, *periodFault) {
	impossible := func(part int, lo, hi int64) (int64, *periodFault) {
		return 0, &periodFault{part, fmt.Sprintf("there is no %s %.40q in %.40q", partNames(r.grain)[part], fields[part], strings.Join(fields[:part], "-")),
			fmt.Sprintf("want %d to %d", lo, hi)}
	}
	if n[0] < minYear || n[0] > maxYear {
		return 0, &periodFault{0, fmt.Sprintf("year %.40q does not exist", fields[0]), fmt.Sprintf("want %d to %d", minYear, maxYear)}
	}
	year := n[0] - epochYear
	switch r.grain {
	case calendar.Year:
		return year, nil
	case calendar.Quarter:
		if n[1] < 1 || n[1] > 4 {
			return impossible(1, 1, 4)
		}
		return year*4 + n[1] - 1, nil
	case calendar.Week:
		weeks := calendar.Year.Span(year, calendar.Week)
		if n[1] < 1 || n[1] > weeks.To-weeks.From {
			return impossible(1, 1, weeks.To-weeks.From)
		}
		return weeks.From + n[1] - 1, nil
	}
	if n[1] < 1 || n[1] > 12 {
		return impossible(1, 1, 12)
	}
	month := year*12 + n[1] - 1
	if r.grain == calendar.Month {
		return month, nil
	}
	if month != r.month || r.span == (calendar.Interval{}) {
		r.month, r.span = month, calendar.Month.Span(month, calendar.Day)
	}
	if n[2] < 1 || n[2] > r.span.To-r.span.From {
		return impossible(2, 1, r.span.To-r.span.From)
	}
	day := r.span.From + n[2] - 1
	if r.grain == calendar.Day {
		return day, nil
	}
	if n[3] > 24 || n[3] == 24 && r.stamp == "" {
		_, fault := impossible(3, 0, 23)
		if n[3] == 24 {
			fault.want += "; where hours are 1 to 24 say which end of an hour its number names: period: {stamp: end}, or begin"
		}
		return 0, fault
	}
	index := day*24 + n[3]
	if r.grain != calendar.Hour {
		each := 60 / calendar.Hour.Span(0, r.grain).To // minutes
		if n[4] < 0 || n[4] > 59 || n[4]%each != 0 || n[3] == 24 && n[4] != 0 {
			return 0, &periodFault{4, fmt.Sprintf("minute %.40q begins no %s", fields[4], r.grain), fmt.Sprintf("want a multiple of %d below 60", each)}
		}
		index = index*(60/each) + n[4]/each
	}
	if r.stamp == "end" {
		index--
	}
	return index, nil
}

// text reads the text of a period: by the declared format, or ISO 8601 of the dataset's grain
// and other notations in which the year comes first.
func (r *periodReader) text(text string) (int64, *periodFault) {
	if t := r.texts.find(text); t != nil {
		if t.other {
			r.converted++
		}
		return t.index, nil
	}
	before := r.converted
	index, fault := r.read1(strings.TrimFunc(text, isBlank))
	if fault == nil {
		r.texts.add(text, index, r.converted > before)
	}
	return index, fault
}

func (r *periodReader) read1(text string) (int64, *periodFault) {
	if r.format == nil && r.stamp != "end" { // most files
		if grain, index, err := calendar.ParseOf(text, r.grain); err == nil && grain == r.grain {
			return index, nil
		}
	}
	var m moment
	ok := false
	switch {
	case r.format != nil:
		m, ok = r.format.parse(text, r.days)
		if !ok {
			return 0, &periodFault{0, fmt.Sprintf("%.40q is not of the format %q", text, r.format.pattern), ""}
		}
	case r.days != "" && workbookDay.MatchString(text):
		m, ok = excelMoment(text, r.days)
	}
	if !ok {
		m, ok = parseMoment(text)
	}
	if !ok {
		return 0, r.unknown(text)
	}
	return r.period(m, text)
}

// workbookDay is a number that is a day of the years 1957 to 2119, and neither a year nor a
// date run together: 20241 may be meant as 2024-1.
var workbookDay = regexp.MustCompile(`^(2[1-9]|[3-7][0-9])[0-9]{3}(\.[0-9]+)?$`)

// period is the period that a moment names.
func (r *periodReader) period(m moment, text string) (int64, *periodFault) {
	no := func(message, want string) (int64, *periodFault) { return 0, &periodFault{0, message, want} }
	want := "want " + string(r.grain) + "s as " + periodForm(r.grain)
	if m.grain == calendar.Week {
		return r.week(m, text, want)
	}
	if m.grain == calendar.Quarter {
		if m.quarter < 1 || m.quarter > 4 {
			return no(fmt.Sprintf("period %.40q does not exist", text), want)
		}
		m.month, m.day = 3*m.quarter-2, 1
	}
	late := m.hour == 24 && m.minute == 0 && m.second == 0 && !m.fraction
	day := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC)
	switch {
	case m.year < minYear || m.year > maxYear || day.Year() != m.year || int(day.Month()) != m.month || day.Day() != m.day,
		m.hour > 23 && !late, m.minute > 59, m.second > 59:
		if r.format == nil && epochs.MatchString(text) {
			return 0, r.unknown(text)
		}
		return no(fmt.Sprintf("period %.40q does not exist", text), want)
	case r.grain.Finer(m.grain) && m.grain != calendar.Finest:
		return no(fmt.Sprintf("%.40q is %s", text, m.grain.One()), want)
	case late && r.stamp == "":
		return no(fmt.Sprintf("%.40q is the end of a day", text), "say which end of an hour its stamp names: period: {stamp: end}, or begin")
	}
	at := day.Add(time.Duration(m.hour)*time.Hour + time.Duration(m.minute)*time.Minute + time.Duration(m.second)*time.Second)
	if m.zone && !calendar.Hour.Finer(m.grain) && m.offset != r.offset {
		at = at.Add(time.Duration(r.offset-m.offset) * time.Minute)
		r.converted++
	}
	step := r.step()
	each := time.Hour / time.Duration(calendar.Hour.Span(0, step).To)
	begin := at.Truncate(each)
	if !at.Equal(begin) || m.fraction {
		return no(fmt.Sprintf("%.40q is %s by the dataset's utc_offset, which begins no %s", text, at.Format("2006-01-02T15:04:05"), step), r.betweenSteps(m, at))
	}
	clock := begin.Unix() / int64(each/time.Second) // hours, or parts of them, since 1970
	index := step.In(clock, r.grain)
	if clock != r.grain.Span(index, step).From {
		return no(fmt.Sprintf("%.40q begins no %s", text, r.grain), "write "+r.grain.Format(index)+", if all of it is meant")
	}
	if r.stamp == "end" {
		index--
	}
	return index, nil
}

// step is how fine the clock is by which times are read: hours, or the grain where that is
// finer.
func (r *periodReader) step() calendar.Grain {
	if r.grain.Finer(calendar.Hour) {
		return r.grain
	}
	return calendar.Hour
}

// week is the period that a week of an ISO year names.
func (r *periodReader) week(m moment, text, want string) (int64, *periodFault) {
	no := func(message, want string) (int64, *periodFault) { return 0, &periodFault{0, message, want} }
	weeks := calendar.Year.Span(int64(m.year)-epochYear, calendar.Week)
	switch {
	case m.year < minYear || m.year > maxYear || m.week < 1 || int64(m.week) > weeks.To-weeks.From:
		return no(fmt.Sprintf("period %.40q does not exist: an ISO year has 52 or 53 weeks", text), want)
	case r.grain == calendar.Week:
		return weeks.From + int64(m.week) - 1, nil
	case r.grain.Finer(calendar.Week):
		return no(fmt.Sprintf("%.40q is a week", text), want+"; where there is a row for each week say period: {grain: week}")
	}
	return no(fmt.Sprintf("%.40q is a week, and weeks lie in no %s", text, r.grain), want+", or say period: {grain: week}")
}

// betweenSteps says what may be meant by a time that begins no hour, or no part of one.
func (r *periodReader) betweenSteps(m moment, at time.Time) string {
	if m.zone && (m.offset-r.offset)%60 != 0 && m.minute == 0 {
		return fmt.Sprintf("its offset is another: utc_offset: %q would be its own", formatOffset(m.offset))
	}
	if at.Minute() == 59 {
		return "if it is the last moment of an hour, write the hour"
	}
	for _, finer := range []calendar.Grain{calendar.HalfHour, calendar.QuarterHour} {
		minutes := 60 / int(calendar.Hour.Span(0, finer).To)
		if finer.Finer(r.grain) && r.grain.Finer(calendar.Day) && at.Second() == 0 && at.Minute()%minutes == 0 {
			return fmt.Sprintf("where there is a row for each say period: {grain: %s}; else make means or sums of each %s first", finer, r.grain)
		}
	}
	return fmt.Sprintf("make means or sums of each %s first; quarter-hours are the finest periods", r.step())
}

// formatOffset is an offset as descriptors have it.
func formatOffset(minutes int) string {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// Texts that are no dates by themselves.
var (
	twoDigits  = regexp.MustCompile(`^\d{1,2}[-/.]\d{1,2}[-/.]\d{1,2}($|[^\d])|^\d{6}$`)
	yearLast   = regexp.MustCompile(`^\d{1,2}([-/.])\d{1,2}[-/.]\d{4}( +\d{1,2}(:\d{2}(:\d{2})?)?)?$`)
	namedMonth = regexp.MustCompile(`^\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4}`)
	epochs     = regexp.MustCompile(`^\d{9,10}$|^\d{12,13}$`)
	excelDays  = regexp.MustCompile(`^[1-9]\d{4}(\.\d+)?$`)
)

// unknown says what a text that is no period may be.
func (r *periodReader) unknown(text string) *periodFault {
	_, _, err := calendar.ParseOf(text, r.grain)
	fault := &periodFault{0, fmt.Sprintf("period %.40q is no date", text), ""}
	if err != nil {
		fault.message = err.Error()
	}
	want := "want " + string(r.grain) + "s as " + periodForm(r.grain)
	switch {
	case twoDigits.MatchString(text):
		fault.message = fmt.Sprintf("%.40q has a year of two digits", text)
		fault.want = "nobody can tell the century: write four, as in " + periodForm(r.grain)
	case yearLast.MatchString(text):
		sign, clock := yearLast.FindStringSubmatch(text)[1], ""
		if strings.Contains(text, " ") {
			clock = " H:mm"
			if strings.Count(text, ":") == 2 {
				clock = " H:mm:ss"
			}
		}
		fault.message = fmt.Sprintf("%.40q may begin with the day or the month", text)
		fault.want = fmt.Sprintf("say which in the descriptor: period: {format: %q}, or %q", "D"+sign+"M"+sign+"YYYY"+clock, "M"+sign+"D"+sign+"YYYY"+clock)
	case namedMonth.MatchString(text):
		fault.want = `say how it is written: period: {format: "D-MMM-YYYY"}, say`
	case epochs.MatchString(text):
		fault.want = "if it counts seconds or milliseconds since 1970 say so: period: {format: epoch}, or epoch_ms"
	case excelDays.MatchString(text):
		fault.want = "if it is Excel's number of a day say so: period: {format: excel}"
	default:
		fault.want = want
		if meant := r.meant(text); meant != "" {
			fault.want = "write " + meant
		}
	}
	return fault
}

// meant is how the period that a text was meant for is written: with full-width digits, say,
// or within a coarser period. Empty: nobody can tell.
func (r *periodReader) meant(text string) string {
	grain, index, err := calendar.ParseOf(suggest.Period(text), r.grain)
	switch {
	case len(text) > 80 || err != nil:
		return ""
	case grain == r.grain:
		return grain.Format(index)
	case grain.Nests(r.grain):
		return r.grain.Format(grain.In(index, r.grain))
	}
	return ""
}

// wantWhole says what a part of a date looks like: as plain a number as the one that
// was probably meant, where there is one.
func wantWhole(text, part string) string {
	plain, ok := plainNumber(text)
	if !ok {
		plain = text
	}
	if n, fault := decimal.ParseUnits(plain, 0); fault == decimal.OK && n >= 0 {
		return fmt.Sprintf("write %d", n)
	}
	return "want a " + part
}

// periodForm shows how a grain's periods are written.
func periodForm(g calendar.Grain) string {
	const anyTime = 4*476821 + 2 // 2024-05-24T13:30
	return g.Format(calendar.Finest.In(anyTime, g))
}

// smallNumber reads up to nine digits, without sign, around which there may be
// blanks.
func smallNumber(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 32) // which takes no sign
	return int64(n), err == nil && len(s) <= 9
}
