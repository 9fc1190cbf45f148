package sql

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog/calendar"
)

// Hours of the day, weekdays and months are taken out of the periods that the rest names: held
// against the calendar of package time.
func TestPartsOfPeriodsThatComeAgain(t *testing.T) {
	at := func(s string) time.Time {
		out, err := time.Parse("2006-01-02T15", s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	from, to := at("2024-02-20T00"), at("2024-03-12T00")
	for _, c := range []struct {
		grain calendar.Grain
		where string
		pass  func(time.Time) bool
	}{
		{calendar.Hour, "hour(period) = 8", func(t time.Time) bool { return t.Hour() == 8 }},
		{calendar.Hour, "EXTRACT(HOUR FROM period) BETWEEN 7 AND 9", func(t time.Time) bool { return t.Hour() >= 7 && t.Hour() <= 9 }},
		{calendar.Hour, "hour(period) NOT BETWEEN '7' AND '9'", func(t time.Time) bool { return t.Hour() < 7 || t.Hour() > 9 }},
		{calendar.Hour, "hour(period) IN (0, 23)", func(t time.Time) bool { return t.Hour() == 0 || t.Hour() == 23 }},
		{calendar.Hour, "EXTRACT(ISODOW FROM period) >= 6", func(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }},
		{calendar.Day, "EXTRACT(DOW FROM period) = 0", func(t time.Time) bool { return t.Weekday() == time.Sunday }},
		{calendar.QuarterHour, "hour(period) <> 12 AND EXTRACT(ISODOW FROM period) = 1", func(t time.Time) bool { return t.Weekday() == time.Monday && t.Hour() != 12 }},
		{calendar.Day, "month(period) = 3", func(t time.Time) bool { return t.Month() == time.March }},
		{calendar.HalfHour, "quarter(period) = 1 AND hour(period) < 1", func(t time.Time) bool { return t.Hour() == 0 }},
	} {
		s := beijing()
		s.Descriptor.Grain = c.grain
		got, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE "+c.where+" AND period BETWEEN '2024-02-20' AND '2024-03-11'", s)
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		step := time.Duration(c.grain.Span(0, calendar.Finest).To-c.grain.Span(0, calendar.Finest).From) * 15 * time.Minute
		var want []calendar.Interval
		for x := from; x.Before(to); x = x.Add(step) {
			if c.pass(x) {
				i := x.Unix() / int64(step/time.Second)
				want = append(want, calendar.Interval{From: i, To: i + 1})
			}
		}
		if set := calendar.NewPeriodSet(want); !slices.Equal([]calendar.Interval(set), got.Request.Periods) {
			t.Errorf("%s of %s: %v, want %v", c.where, c.grain, got.Request.Periods, set)
		}
	}
	for _, c := range []struct {
		grain       calendar.Grain
		where, want string
	}{
		{calendar.Hour, "hour(period) = 8", "this takes more than 4096 intervals out of the periods that WHERE names"},
		{calendar.Hour, "hour(period) = 8 AND hour(period) = 9", "or these are too many (accepted here: a bound, such as AND period BETWEEN '2024-01' AND '2024-12'"},
		{calendar.Hour, "hour(period) = 8 AND hour(period) = 9 AND period = '2024'", "no period can satisfy this condition"},
		{calendar.Hour, "hour(period) = 24 AND period = '2024'", "there is no hour 24 (accepted here: 0 to 23)"},
		{calendar.Hour, "(hour(period) = 8 OR period = '2024-01')", "the hour of a period stands under OR"},
		{calendar.Hour, "NOT hour(period) = 8", "the hour of a period stands under NOT"},
		{calendar.Hour, "weekday(period) = 1 AND period = '2024'", "systems count weekdays differently (accepted here: EXTRACT(ISODOW FROM period), where 1 is Monday"},
		{calendar.Hour, "EXTRACT(DOY FROM period) = 1", "the doy of a period is not compared"},
		{calendar.Day, "hour(period) = 8", "the dataset has one period a day, which lies in no one hour"},
		{calendar.Week, "month(period) = 8", "the dataset has one period a week, which lies in no one month"},
	} {
		s := beijing()
		s.Descriptor.Grain = c.grain
		if _, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE "+c.where, s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.where, err, c.want)
		}
	}
	_, err := Compile("SELECT hour(period), COUNT(*) FROM beijing_air GROUP BY 1", beijing())
	if err == nil || !strings.Contains(err.Error(), "did you mean date_trunc('hour', period)? (accepted here: year(period), date_trunc('grain', period), and in WHERE hour(period) = 1)") {
		t.Error(err)
	}
}
