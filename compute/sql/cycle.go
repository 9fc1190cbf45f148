package sql

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Cycle is a part of a period that comes again: the hour of a day, the day of a week. Beside
// such a part groups may be of whole periods too, as of the hour and the month.
type Cycle struct {
	Name     string              // as EXTRACT has it, in capitals
	Grain    calendar.Grain      // a period of it has one value
	from, to int64               // its values
	of       func(i int64) int64 // nil: its values are the periods of Grain themselves
}

// Whole reports whether the values are the periods of Grain themselves.
func (y *Cycle) Whole() bool { return y.of == nil }

// Of is the value of period i of a grain whose periods lie in those of the cycle's.
func (y *Cycle) Of(own calendar.Grain, i int64) int64 {
	i = own.In(i, y.Grain)
	if y.Whole() {
		return i
	}
	return y.of(i)
}

// whole is how [Compiled].Cycles names the periods of a grain.
const whole = "date_trunc "

// cycles are those that a condition may test, and that groups may be of. Hours and weekdays are counted from a
// Thursday at midnight, 1970-01-01, and months from a January.
var cycles = []Cycle{
	{"HOUR", calendar.Hour, 0, 23, func(i int64) int64 { return modulo(i, 24) }},
	{"ISODOW", calendar.Day, 1, 7, func(i int64) int64 { return modulo(i+3, 7) + 1 }},
	{"DOW", calendar.Day, 0, 6, func(i int64) int64 { return modulo(i+4, 7) }},
	{"MONTH", calendar.Month, 1, 12, func(i int64) int64 { return modulo(i, 12) + 1 }},
	{"QUARTER", calendar.Quarter, 1, 4, func(i int64) int64 { return modulo(i, 4) + 1 }},
}

func modulo(a, b int64) int64 { return ((a % b) + b) % b }

// CycleNamed is what [Compiled].Cycles means by a name; nil: nothing.
func CycleNamed(name string) *Cycle {
	if text, is := strings.CutPrefix(name, whole); is {
		if g := calendar.Grain(text); g.Valid() {
			return &Cycle{Name: name, Grain: g}
		}
		return nil
	}
	return cycleOfPart(name)
}

// cycleOfPart is the cycle of a part of periods, in capitals or not; nil: there is none.
func cycleOfPart(name string) *Cycle {
	if i := slices.IndexFunc(cycles, func(y Cycle) bool { return strings.EqualFold(y.Name, name) }); i >= 0 {
		return &cycles[i]
	}
	return nil
}

// cycle is a test of such a part. It is joined to the rest of WHERE by AND alone: then it
// takes periods out of those that the rest names, and the request lists what is left.
type cycle struct {
	part *Cycle
	pass func(v int64) bool
	pos  lexer.Position
	raw  string
}

func (y cycle) misplaced(word string) *Error {
	return faultAt(y.pos, y.raw, "the %s of a period stands under %s, and takes periods out of what the rest of WHERE names", strings.ToLower(y.part.Name), word).
		want("AND between the two", "<>, IN or BETWEEN in place of NOT and OR")
}

// cycleTest compiles a comparison of a part of period that comes again.
func (w *conditionReader) cycleTest(t *comparison, name string) (parts, *Error) {
	n := t.Name
	part := cycleOfPart(name)
	switch own := w.schema.Descriptor.Grain; {
	case part == nil && slices.Contains([]string{"WEEKDAY", "DAYOFWEEK"}, name):
		return parts{}, faultAt(n.Pos, n.Raw, "systems count weekdays differently").want("EXTRACT(ISODOW FROM period), where 1 is Monday and 7 Sunday", "EXTRACT(DOW FROM period), where 0 is Sunday")
	case part == nil:
		return parts{}, faultAt(n.Pos, n.Raw, "the %s of a period is not compared", strings.ToLower(name)).
			want("year, quarter, month or hour of period", "EXTRACT(ISODOW FROM period)", "period = '2024-05'")
	case !own.Nests(part.Grain):
		return parts{}, faultAt(n.Pos, n.Raw, "the dataset has one period %s, which lies in no one %s", own.One(), part.Grain).want("period = " + w.literals.forms()[0])
	case t.Like != nil || t.Of != nil:
		return parts{}, faultAt(n.Pos, n.Raw, "the %s of a period is compared with numbers", strings.ToLower(name)).want("= 8", "IN (7, 8)", "BETWEEN 7 AND 9")
	}
	values := make([]int64, len(t.literals()))
	for i, l := range t.literals() {
		v, err := strconv.ParseInt(l.plain(), 10, 64)
		if err != nil || l.Name != nil || v < part.from || v > part.to {
			return parts{}, faultAt(l.Pos, l.raw(), "there is no %s %s", strings.ToLower(name), l.raw()).want(fmt.Sprintf("%d to %d", part.from, part.to))
		}
		values[i] = v
	}
	if t.To != nil && values[0] > values[1] {
		return parts{}, t.backwards()
	}
	pass := func(v int64) bool {
		switch {
		case t.In != nil:
			return slices.Contains(values, v)
		case t.To != nil:
			return values[0] <= v && v <= values[1]
		}
		return Compares(comparisons[t.Op], cmp.Compare(v, values[0]))
	}
	y := cycle{part: part, pass: pass, pos: n.Pos, raw: n.Raw}
	if t.Not {
		y.pass = func(v int64) bool { return !pass(v) }
	}
	return parts{cycles: []cycle{y}}, nil
}

// maxLooked bounds the periods that are looked at one by one: a century of hours.
const maxLooked = 1 << 20

// cut takes the periods out of a condition that its tests of cycles leave. What is left has to
// be few enough intervals for a request, so the rest of the condition has to bound it.
func (w *conditionReader) cut(p parts) (*calendar.PeriodSet, *Error) {
	if len(p.cycles) == 0 {
		return p.periods, nil
	}
	own, all := w.literals.grain, w.literals.all
	set := calendar.PeriodSet{all}
	if p.periods != nil {
		set = *p.periods
	}
	finest := p.cycles[0].part.Grain
	for _, y := range p.cycles {
		if y.part.Grain.Finer(finest) {
			finest = y.part.Grain
		}
	}
	tooMany := func() *Error {
		y := p.cycles[0]
		return faultAt(y.pos, y.raw, "this takes more than %d intervals out of the periods that WHERE names, or these are too many", catalog.MaxIntervals).
			want("a bound, such as AND period BETWEEN '2024-01' AND '2024-12', of fewer periods")
	}
	var left []calendar.Interval
	looked := 0
	for _, i := range set {
		for at := i.From; at < i.To; {
			if looked++; looked > maxLooked {
				return nil, tooMany()
			}
			step := own.In(at, finest)
			to := min(finest.Span(step, own).To, i.To)
			if !slices.ContainsFunc(p.cycles, func(y cycle) bool { return !y.pass(y.part.of(finest.In(step, y.part.Grain))) }) {
				if n := len(left); n > 0 && left[n-1].To == at {
					left[n-1].To = to
				} else if left = append(left, calendar.Interval{From: at, To: to}); n == catalog.MaxIntervals {
					return nil, tooMany()
				}
			}
			at = to
		}
	}
	out := calendar.NewPeriodSet(left)
	return &out, nil
}
