// Package calendar has the periods of datasets: their grains, how they are numbered and
// written, and sets of them. It is pure.
package calendar

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Grain is the length of a period.
//
// A period is named by its index in its grain, counted from 1970 in the
// dataset's own civil time: quarter-hours, half-hours and hours since 1970-01-01T00,
// days since 1970-01-01, weeks since 1970-W01, months (y−1970)·12 + m−1, quarters
// (y−1970)·4 + q−1, years y−1970. There are no time zones and no leap seconds; years
// run from 1 to 9999.
//
// Every grain's periods are made of whole periods of each finer grain, but for weeks:
// they are those of ISO 8601, from Monday on, a week has seven days and lies in no month
// and no quarter. Among weeks and years alone a year is the ISO year: the weeks whose
// Thursday lies in it, which are those that are numbered in it.
type Grain string

// The grains.
const (
	QuarterHour Grain = "quarter_hour"
	HalfHour    Grain = "half_hour"
	Hour        Grain = "hour"
	Day         Grain = "day"
	Week        Grain = "week"
	Month       Grain = "month"
	Quarter     Grain = "quarter"
	Year        Grain = "year"
)

// Grains are all grains, shortest first.
var Grains = [...]Grain{QuarterHour, HalfHour, Hour, Day, Week, Month, Quarter, Year}

// Finest is the grain in which periods of all grains can be compared, and
// FinestMillis how long its periods are, in milliseconds.
const (
	Finest       = QuarterHour
	FinestMillis = 15 * 60_000
)

const epochYear = 1970

func (g Grain) rank() int { return slices.Index(Grains[:], g) }

// Valid reports whether g is one of the grains.
func (g Grain) Valid() bool { return g.rank() >= 0 }

// Since is the feature level of clusters that g came with; 0 for what is no grain.
func (g Grain) Since() int {
	switch {
	case !g.Valid():
		return 0
	case g == QuarterHour || g == HalfHour || g == Week:
		return 2
	}
	return 1
}

// Finer reports whether periods of g are shorter than those of h.
func (g Grain) Finer(h Grain) bool { return g.rank() < h.rank() }

// Nests reports whether every period of g lies in one of h, as it does in its own.
func (g Grain) Nests(h Grain) bool {
	return g == h || g.Finer(h) && g != Week
}

// Groups reports whether data whose periods are of g can be grouped by periods of h: those
// that they lie in, and weeks by the ISO year in which they are numbered.
func (g Grain) Groups(h Grain) bool {
	return g.Nests(h) || g == Week && h == Year
}

// Coarser is the next coarser grain by whose periods those of g can be grouped; empty for
// years. Weeks come in only for weeks.
func (g Grain) Coarser() Grain {
	for _, h := range Grains[g.rank()+1:] {
		if h != Week && g.Groups(h) {
			return h
		}
	}
	return ""
}

// One is one period in words: an hour, a day.
func (g Grain) One() string {
	if g == Hour {
		return "an hour"
	}
	return "a " + string(g)
}

// Duration is a period's length as an ISO 8601 duration.
func (g Grain) Duration() string {
	return map[Grain]string{
		QuarterHour: "PT15M", HalfHour: "PT30M", Hour: "PT1H", Day: "P1D", Week: "P7D",
		Month: "P1M", Quarter: "P3M", Year: "P1Y",
	}[g]
}

// Bounds are the indexes of the grain from year 1 to year 9999.
func (g Grain) Bounds() Interval {
	from, to := int64(1-epochYear), int64(10000-epochYear)
	return Interval{From: Year.start(from, g), To: Year.start(to, g)}
}

// The week 1970-W01 begins on Monday, 1969-12-29.
const (
	weekDays  = 7
	weekBegin = 3 // days from its Monday to 1970-01-01
)

// In is the index of the period of the grain coarse that contains period i of
// g. When coarse is finer than g it is the first one that i contains. A week is in
// the month and the quarter in which it begins, and in the ISO year of its number.
func (g Grain) In(i int64, coarse Grain) int64 {
	switch {
	case coarse.Finer(g):
		return g.start(i, coarse)
	case g == Week && coarse == Year:
		return Day.In(weekDays*i-weekBegin+weekDays/2, Year)
	case g == Week && coarse != Week:
		return Day.In(weekDays*i-weekBegin, coarse)
	case coarse == Week && g != Week:
		return floorDiv(g.In(i, Day)+weekBegin, weekDays)
	}
	for g != coarse {
		switch g {
		case QuarterHour:
			g, i = HalfHour, floorDiv(i, 2)
		case HalfHour:
			g, i = Hour, floorDiv(i, 2)
		case Hour:
			g, i = Day, floorDiv(i, 24)
		case Day:
			y, m, _ := civil(i)
			g, i = Month, (y-epochYear)*12+m-1
		case Month:
			g, i = Quarter, floorDiv(i, 3)
		case Quarter:
			g, i = Year, floorDiv(i, 4)
		default:
			return i
		}
	}
	return i
}

// Span are the periods of the grain fine that period i of g is made of, or that it
// touches where they do not nest. When fine is coarser than g it is the one period that
// contains i.
func (g Grain) Span(i int64, fine Grain) Interval {
	if g.Finer(fine) {
		i = g.In(i, fine)
		return Interval{From: i, To: i + 1}
	}
	if !fine.Groups(g) {
		days := g.Span(i, Day)
		return Interval{From: Day.In(days.From, fine), To: Day.In(days.To-1, fine) + 1}
	}
	return Interval{From: g.start(i, fine), To: g.start(i+1, fine)}
}

// start is the first period of the grain fine in period i of g.
func (g Grain) start(i int64, fine Grain) int64 {
	switch {
	case g == fine:
		return i
	case g == Week:
		return Day.start(weekDays*i-weekBegin, fine)
	case fine == Week:
		day := g.start(i, Day)
		if g == Year { // the first week has January the fourth
			day += 3
		}
		return Day.In(day, fine)
	}
	for g != fine {
		switch g {
		case Year:
			g, i = Quarter, 4*i
		case Quarter:
			g, i = Month, 3*i
		case Month:
			g, i = Day, days(epochYear+floorDiv(i, 12), i-floorDiv(i, 12)*12+1, 1)
		case Day:
			g, i = Hour, 24*i
		case Hour:
			g, i = HalfHour, 2*i
		case HalfHour:
			g, i = QuarterHour, 2*i
		default:
			return i
		}
	}
	return i
}

// Format writes period i of g as Parse reads it.
func (g Grain) Format(i int64) string {
	switch g {
	case Year:
		return fmt.Sprintf("%04d", epochYear+i)
	case Quarter:
		y := floorDiv(i, 4)
		return fmt.Sprintf("%04d-Q%d", epochYear+y, i-4*y+1)
	case Month:
		y := floorDiv(i, 12)
		return fmt.Sprintf("%04d-%02d", epochYear+y, i-12*y+1)
	case Week:
		y := g.In(i, Year)
		return fmt.Sprintf("%04d-W%02d", epochYear+y, i-Year.start(y, g)+1)
	case Day:
		y, m, d := civil(i)
		return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	case Hour:
		day := floorDiv(i, 24)
		return fmt.Sprintf("%sT%02d", Day.Format(day), i-24*day)
	case HalfHour:
		hour := floorDiv(i, 2)
		return fmt.Sprintf("%s:%02d", Hour.Format(hour), 30*(i-2*hour))
	case QuarterHour:
		hour := floorDiv(i, 4)
		return fmt.Sprintf("%s:%02d", Hour.Format(hour), 15*(i-4*hour))
	}
	return strconv.FormatInt(i, 10)
}

// Parse reads 2024, 2024-Q1, 2024-05, 2024-W05, 2024-05-07, 2024-05-07T13 or
// 2024-05-07T13:45 and returns the grain that the form tells and the index in it; what has
// minutes is a quarter-hour. Dates that do not exist are errors.
func Parse(text string) (Grain, int64, error) {
	for rank, g := range Grains {
		n, ok := numbersOf(text, periodForms[rank])
		if !ok || g == HalfHour {
			continue
		}
		y, m, d, h, minute := n[0], int64(1), int64(1), int64(0), int64(0)
		week := int64(0)
		switch g {
		case QuarterHour:
			m, d, h, minute = n[1], n[2], n[3], n[4]
		case Hour:
			m, d, h = n[1], n[2], n[3]
		case Day:
			m, d = n[1], n[2]
		case Week:
			week = n[2]
		case Month:
			m = n[1]
		case Quarter:
			m = 3*n[2] - 2
		case HalfHour, Year:
		}
		day := days(y, m, d)
		if isY, isM, isD := civil(day); y < 1 || isY != y || isM != m || isD != d || h > 23 || minute > 59 {
			return "", 0, fmt.Errorf("period %.40q does not exist", text)
		}
		if minute%15 != 0 {
			return "", 0, fmt.Errorf("period %.40q begins no quarter-hour", text)
		}
		if g == Week {
			weeks := Year.Span(y-epochYear, g)
			if week < 1 || week > weeks.To-weeks.From {
				return "", 0, fmt.Errorf("period %.40q does not exist: ISO year %d has %d weeks", text, y, weeks.To-weeks.From)
			}
			return g, weeks.From + week - 1, nil
		}
		return g, QuarterHour.In(4*(24*day+h)+minute/15, g), nil
	}
	why := "is not of the form 2024, 2024-Q1, 2024-05, 2024-W05, 2024-05-07, 2024-05-07T13 or 2024-05-07T13:45"
	if text == "" {
		why = "is empty"
	}
	return "", 0, fmt.Errorf("period %.40q %s", text, why)
}

// ParseOf is Parse where data or a policy is of a grain: of half-hours, what
// has minutes and begins one is a half-hour.
func ParseOf(text string, own Grain) (Grain, int64, error) {
	g, i, err := Parse(text)
	if err == nil && g == QuarterHour && own == HalfHour && i%2 == 0 {
		return own, floorDiv(i, 2), nil
	}
	return g, i, err
}

// periodForms are how periods of Grains are written, with 0 for a digit; half-hours are
// written as quarter-hours are.
var periodForms = [len(Grains)]string{"0000-00-00T00:00", "0000-00-00T00:00", "0000-00-00T00", "0000-00-00", "0000-W00", "0000-00", "0000-Q0", "0000"}

// numbersOf reads the numbers of a text of a form; what is no digit begins the next.
func numbersOf(text, form string) (n [5]int64, ok bool) {
	if len(text) != len(form) {
		return n, false
	}
	at := 0
	for i, c := range []byte(text) {
		switch {
		case form[i] != '0' && c == form[i]:
			at++
		case form[i] != '0' || c < '0' || c > '9':
			return n, false
		default:
			n[at] = 10*n[at] + int64(c-'0')
		}
	}
	return n, true
}

// days and civil convert between a date of the proleptic Gregorian calendar and
// the days since 1970-01-01 (H. Hinnant, chrono-compatible low-level date
// algorithms): years begin in March, so that the leap day is a year's last, and
// repeat every 400 years of 146,097 days.
func days(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	mp := (m + 9) % 12 // March is 0
	doy := (153*mp+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func civil(n int64) (y, m, d int64) {
	n += 719468
	era := floorDiv(n, 146097)
	doe := n - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

var offsetForm = regexp.MustCompile(`^[+-](0[0-9]|1[0-4]):[0-5][0-9]$`)

// IsOffset reports whether a text is an offset from UTC such as +08:00.
func IsOffset(s string) bool { return offsetForm.MatchString(s) }

// OffsetMillis reads an offset from UTC such as +08:00.
func OffsetMillis(s string) (int64, error) {
	if !IsOffset(s) {
		return 0, fmt.Errorf("%.40q is not an offset from UTC", s)
	}
	digit := func(at int) int64 { return int64(s[at] - '0') } // the form has digits there
	ms := ((10*digit(1)+digit(2))*60 + 10*digit(4) + digit(5)) * 60_000
	if s[0] == '-' {
		return -ms, nil
	}
	return ms, nil
}

// Interval is the half-open interval [From, To) of period indexes of one grain.
type Interval struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// PeriodSet is a set of periods in canonical form: ascending, disjoint, non-empty
// intervals that do not touch.
type PeriodSet []Interval

// NewPeriodSet is the set of the periods of some intervals.
func NewPeriodSet(list []Interval) PeriodSet {
	sorted := slices.DeleteFunc(slices.Clone(list), func(i Interval) bool { return i.To <= i.From })
	slices.SortFunc(sorted, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	var out PeriodSet
	for _, i := range sorted {
		if n := len(out); n > 0 && i.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, i.To)
			continue
		}
		out = append(out, i)
	}
	return out
}

// Union is the set of periods that either set holds.
func (s PeriodSet) Union(o PeriodSet) PeriodSet {
	return NewPeriodSet(append(slices.Clip(s), o...))
}

// Intersect is the set of periods that both sets hold.
func (s PeriodSet) Intersect(o PeriodSet) PeriodSet {
	var out PeriodSet
	for i, j := 0, 0; i < len(s) && j < len(o); {
		if from, to := max(s[i].From, o[j].From), min(s[i].To, o[j].To); from < to {
			out = append(out, Interval{From: from, To: to})
		}
		if s[i].To < o[j].To {
			i++
		} else {
			j++
		}
	}
	return out
}

// Complement is the set of periods that all holds and s does not.
func (s PeriodSet) Complement(all Interval) PeriodSet {
	var out PeriodSet
	from := all.From
	for _, i := range s {
		out = append(out, Interval{From: from, To: i.From})
		from = i.To
	}
	return NewPeriodSet(append(out, Interval{From: from, To: all.To}))
}
