package sql

import (
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// dateParts are functions of other dialects of SQL that take a part of a date.
var dateParts = []string{"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "DOW", "ISODOW", "WEEKDAY", "DAYOFWEEK", "DOY", extractWord, "DATE_PART"}

func isDatePart(n *name) bool {
	return slices.ContainsFunc(dateParts, func(p string) bool { return nameIs(n.text(), p) })
}

// datePart reads YEAR(period) and EXTRACT(YEAR FROM period), which is
// date_trunc('year', period). Parts that come again are read by cycleOf.
func (sc *scope) datePart(n *name, call *call) (catalog.Dimension, *Error) {
	none := catalog.Dimension{}
	part, fault := sc.partOf(n, call)
	switch {
	case fault != nil:
		return none, fault
	case part == "YEAR":
		return catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Year}, nil
	}
	fault = faultAt(n.Pos, n.Raw, "there are no groups by the %s of a period", strings.ToLower(part)).
		want("year(period)", "hour(period)", "EXTRACT(ISODOW FROM period)", "month(period)", "date_trunc('grain', period)")
	if g, ok := grainNamed(part); ok && sc.schema.Descriptor.Grain.Groups(g) {
		fault.Nearest = "date_trunc('" + string(g) + "', period)"
	}
	return none, fault
}

// partOf is the part of a period that a function takes, in capitals.
func (sc *scope) partOf(n *name, call *call) (string, *Error) {
	none, args, part := "", call.Args, strings.ToUpper(n.text())
	if part == extractWord || part == "DATE_PART" {
		if len(args) != 2 || len(args[0].Rest) > 0 || args[0].First.Literal == nil || args[0].First.Literal.Num != "" {
			return none, faultAt(n.Pos, n.Raw, "%s takes YEAR and period", part).want("EXTRACT(YEAR FROM period)")
		}
		part, args = strings.ToUpper(args[0].First.Literal.plain()), args[1:]
	}
	if len(args) != 1 || len(args[0].Rest) > 0 || !sc.names(args[0].First, refPeriod) {
		return none, faultAt(n.Pos, n.Raw, "%s is of period alone", n.text()).want("year(period)")
	}
	return part, nil
}

// partTest compiles a comparison of a part of period.
func (w *conditionReader) partTest(t *comparison) (parts, *Error) {
	if fault := t.Call.plain(); fault != nil {
		return parts{}, fault
	}
	part, fault := w.partOf(t.Name, t.Call)
	switch {
	case fault != nil:
		return parts{}, fault
	case part == "YEAR":
		return w.yearTest(t)
	}
	return w.cycleTest(t, part)
}

// yearTest compiles a comparison of year(period), whose values are years as numbers or texts.
func (w *conditionReader) yearTest(t *comparison) (parts, *Error) {
	if fault := t.Call.plain(); fault != nil {
		return parts{}, fault
	}
	if _, fault := w.datePart(t.Name, t.Call); fault != nil {
		return parts{}, fault
	}
	if t.Like != nil || t.Of != nil {
		return parts{}, faultAt(t.Name.Pos, t.Name.Raw, "a year is compared with years").want("= 2024", "IN (2023, 2024)", "BETWEEN 2023 AND 2024")
	}
	years := *t
	quoted := func(l *literal) *literal {
		if l == nil || l.Num == "" {
			return l
		}
		return &literal{Pos: l.Pos, Text: quotedText(l.Num)}
	}
	years.Call, years.Operand, years.From, years.To = nil, quoted(t.Operand), quoted(t.From), quoted(t.To)
	years.In = nil
	for _, l := range t.In {
		years.In = append(years.In, quoted(l))
	}
	for i, l := range years.literals() {
		if g, _, err := calendar.Parse(l.plain()); l.Text == "" || err != nil || g != calendar.Year {
			at := t.literals()[i]
			return parts{}, faultAt(at.Pos, at.raw(), "a year has four digits").want("2024")
		}
	}
	return w.periodTest(&years)
}
