package sql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/suggest"
)

// periods reads period literals as sets of periods of one grain.
type periods struct {
	grain calendar.Grain
	all   calendar.Interval // every period that can be written
}

// complement is every period that s does not hold.
func (c periods) complement(s calendar.PeriodSet) calendar.PeriodSet { return s.Complement(c.all) }

// limited is s as the request carries it: none when s holds every period.
func (c periods) limited(s calendar.PeriodSet) []calendar.Interval {
	if len(s) == 1 && s[0] == c.all {
		return nil
	}
	return s
}

// end is the end of the period by which a literal of a comparison takes part in it.
type end int

const (
	wholePeriod end = iota
	firstEnd        // what begins there, or ends before
	lastEnd         // what ends there, or begins behind
)

// end of literal i of a comparison.
func (t *comparison) end(i int) end {
	switch {
	case t.Op == ">=" || t.Op == "<" || t.To != nil && i == 0:
		return firstEnd
	case t.Op == "<=" || t.Op == ">" || t.To != nil:
		return lastEnd
	}
	return wholePeriod
}

// literal is the whole interval that a period literal stands for. One that is finer than the
// data stands for the period at whose end it is: 2024-01-01 as the beginning of a month.
func (c periods) literal(l *literal, at end) (calendar.Interval, *Error) {
	text := l.plain()
	grain, index, err := calendar.ParseOf(text, c.grain)
	switch {
	case l.Text == "":
		fault := faultAt(l.Pos, l.raw(), "a period is text in single quotes").want(c.forms()...)
		fault.Nearest = guessPeriod(text, c.grain)
		return calendar.Interval{}, fault
	case err != nil:
		fault := faultAt(l.Pos, l.Text, "%s", err).want(c.forms()...)
		if fault.Nearest = guessPeriod(text, c.grain); fault.Nearest != "" {
			fault.Message = l.Text + " is not how a period is written"
		}
		return calendar.Interval{}, fault
	case !c.grain.Groups(grain) && !grain.Nests(c.grain): // of weeks and months, the one as the other
		fault := faultAt(l.Pos, l.Text, "the dataset has one period %s, and weeks lie in no month and no quarter", c.grain.One()).want(c.forms()...)
		span := grain.Span(index, calendar.Day)
		fault.Nearest = "BETWEEN '" + c.grain.Format(calendar.Day.In(span.From, c.grain)) + "' AND '" + c.grain.Format(calendar.Day.In(span.To-1, c.grain)) + "'"
		return calendar.Interval{}, fault
	case grain.Finer(c.grain) && c.bounds(grain, index, at):
		own := grain.In(index, c.grain)
		return calendar.Interval{From: own, To: own + 1}, nil
	case grain.Finer(c.grain):
		fault := faultAt(l.Pos, l.Text, "the dataset has one period %s, and this literal is finer", c.grain.One()).want(c.forms()...)
		fault.Nearest = "'" + c.grain.Format(grain.In(index, c.grain)) + "'"
		return calendar.Interval{}, fault
	}
	return grain.Span(index, c.grain), nil
}

// bounds reports whether a finer period lies at an end of one of the data's.
func (c periods) bounds(grain calendar.Grain, index int64, at end) bool {
	span := c.grain.Span(grain.In(index, c.grain), grain)
	return at == firstEnd && index == span.From || at == lastEnd && index == span.To-1
}

// forms are examples of the literals that the grain allows, coarsest first.
func (c periods) forms() []string {
	examples := map[calendar.Grain]string{
		calendar.Year: "2024", calendar.Quarter: "2024-Q1", calendar.Month: "2024-05",
		calendar.Week: "2024-W19", calendar.Day: "2024-05-07", calendar.Hour: "2024-05-07T13",
		calendar.HalfHour: "2024-05-07T13:30", calendar.QuarterHour: "2024-05-07T13:15",
	}
	var out []string
	for _, g := range slices.Backward(calendar.Grains[:]) {
		written := g != calendar.HalfHour || g == c.grain // of quarter-hours, what has minutes is one of them
		if written && c.grain.Groups(g) {
			out = append(out, fmt.Sprintf("'%s'", examples[g]))
		}
	}
	return out
}

// guessPeriod writes, as a literal, the period that text was meant for. Empty when it
// is none, or finer than the grain (unless that is empty).
func guessPeriod(text string, grain calendar.Grain) string {
	form := suggest.Period(text)
	if grain.Finer(calendar.Hour) && grain != "" && strings.Contains(text, ":00") && len(form) == len("2024-05-07T13") {
		form += ":00" // the part of the hour, and not all of it
	}
	own, _, err := calendar.ParseOf(form, grain)
	if err != nil || grain != "" && !grain.Groups(own) {
		return ""
	}
	return "'" + form + "'"
}
