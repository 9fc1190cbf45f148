package panel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/suggest"
)

// The catalog's calendar: years are counted from 1970 and have four digits.
const (
	epochYear = 1970
	minYear   = 1
	maxYear   = 9999
)

// periodReader turns a row's period columns into the index of its period. It
// remembers the last one, since neighbouring rows share a month or a text. One
// reader is used by one goroutine.
type periodReader struct {
	grain catalog.Grain
	parts bool

	text  string // of the last period, one column
	index int64

	month int64            // of the last date, in parts; its days
	days  catalog.Interval // empty: none yet
}

// periodFault is what is wrong with which of the period's columns.
type periodFault struct {
	part          int
	message, want string
}

// read returns the period of the given fields, one for each period column.
func (r *periodReader) read(fields []string) (int64, *periodFault) {
	if !r.parts {
		return r.iso(fields[0])
	}
	var n [4]int64
	for i, f := range fields {
		v, ok := smallNumber(f)
		if !ok {
			return 0, &periodFault{i, fmt.Sprintf("%.40q is no whole number", f), wantWhole(f, partNames(r.grain)[i])}
		}
		n[i] = v
	}
	return r.date(n, fields)
}

func (r *periodReader) date(n [4]int64, fields []string) (int64, *periodFault) {
	impossible := func(part int, lo, hi int64) (int64, *periodFault) {
		return 0, &periodFault{part, fmt.Sprintf("there is no %s %.40q in %.40q", partNames(r.grain)[part], fields[part], strings.Join(fields[:part], "-")),
			fmt.Sprintf("want %d to %d", lo, hi)}
	}
	if n[0] < minYear || n[0] > maxYear {
		return 0, &periodFault{0, fmt.Sprintf("year %.40q does not exist", fields[0]), fmt.Sprintf("want %d to %d", minYear, maxYear)}
	}
	year := n[0] - epochYear
	switch r.grain {
	case catalog.GrainYear:
		return year, nil
	case catalog.GrainQuarter:
		if n[1] < 1 || n[1] > 4 {
			return impossible(1, 1, 4)
		}
		return year*4 + n[1] - 1, nil
	}
	if n[1] < 1 || n[1] > 12 {
		return impossible(1, 1, 12)
	}
	month := year*12 + n[1] - 1
	if r.grain == catalog.GrainMonth {
		return month, nil
	}
	if month != r.month || r.days == (catalog.Interval{}) {
		r.month, r.days = month, catalog.GrainMonth.Span(month, catalog.GrainDay)
	}
	if n[2] < 1 || n[2] > r.days.To-r.days.From {
		return impossible(2, 1, r.days.To-r.days.From)
	}
	day := r.days.From + n[2] - 1
	if r.grain == catalog.GrainDay {
		return day, nil
	}
	if n[3] > 23 {
		return impossible(3, 0, 23)
	}
	return day*24 + n[3], nil
}

// iso reads ISO 8601 text of the dataset's grain. Hours may come with a blank
// for the T and with minutes and seconds, which must be zero.
func (r *periodReader) iso(text string) (int64, *periodFault) {
	if text == r.text && text != "" {
		return r.index, nil
	}
	plain := strings.TrimSpace(text)
	if r.grain == catalog.GrainHour && len(plain) >= len("2024-05-07 13") {
		if plain[10] == ' ' {
			plain = plain[:10] + "T" + plain[11:]
		}
		if rest := plain[13:]; rest == ":00" || rest == ":00:00" {
			plain = plain[:13]
		}
	}
	grain, index, err := catalog.ParsePeriod(plain)
	want := "want " + string(r.grain) + "s as " + periodForm(r.grain)
	if err != nil {
		return 0, &periodFault{0, err.Error(), want}
	}
	if grain != r.grain {
		return 0, &periodFault{0, fmt.Sprintf("%.40q is a %s", text, grain), want}
	}
	r.text, r.index = strings.Clone(text), index
	return index, nil
}

// meant is how the period that a text was meant for is written: a date of Excel's, in
// Chinese, with full-width digits, or within a coarser period. Empty: nobody can tell.
func (r *periodReader) meant(text string) string {
	grain, index, err := catalog.ParsePeriod(suggest.Period(text))
	switch {
	case len(text) > 80 || err != nil:
		return ""
	case grain == r.grain:
		return grain.Format(index)
	case grain.Finer(r.grain):
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
func periodForm(g catalog.Grain) string {
	const anyHour = 476821 // 2024-05-24T13
	return g.Format(catalog.GrainHour.In(anyHour, g))
}

// smallNumber reads up to nine digits, without sign, around which there may be
// blanks.
func smallNumber(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 32) // which takes no sign
	return int64(n), err == nil && len(s) <= 9
}
