package sql

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
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
}

// TestGroupsByPartsThatComeAgain: the request groups by the single periods that are joined.
func TestGroupsByPartsThatComeAgain(t *testing.T) {
	for _, c := range []struct {
		sql    string
		grain  calendar.Grain // of the request
		cycles []string
		names  []string
	}{
		{"SELECT hour(period), COUNT(*) FROM beijing_air GROUP BY 1", calendar.Hour, []string{"hour"}, []string{"hour(period)", "count(*)"}},
		{"SELECT EXTRACT(ISODOW FROM period) AS d, AVG(pm25) FROM beijing_air GROUP BY d ORDER BY d DESC", calendar.Day, []string{"isodow"}, []string{"d", "avg(pm25)"}},
		{"SELECT county, AVG(pm25) FROM beijing_air GROUP BY county, date_part('dow', period), hour(period)", calendar.Hour, []string{"dow", "hour"}, []string{"county", "avg(pm25)"}},
		{"SELECT quarter(period), EXTRACT(MONTH FROM period), SUM(pm25) FROM beijing_air GROUP BY quarter(period), month(period) ORDER BY month(period)", calendar.Month,
			[]string{"quarter", "month"}, []string{"quarter(period)", "month(period)", "sum(pm25)"}},
		{"SELECT year(period), EXTRACT(MONTH FROM period) AS m, SUM(pm25) FROM beijing_air GROUP BY year(period), m ORDER BY year(period), m", calendar.Month,
			[]string{"month", "date_trunc year"}, []string{"date_trunc('year', period)", "m", "sum(pm25)"}},
		{"SELECT date_trunc('month', period) AS p, county, hour(period), SUM(pm25) FROM beijing_air GROUP BY 1, 2, 3", calendar.Hour,
			[]string{"hour", "date_trunc month"}, []string{"p", "county", "hour(period)", "sum(pm25)"}},
	} {
		got, err := Compile(c.sql, beijing())
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var names []string
		for _, o := range got.Output {
			names = append(names, o.Name)
		}
		by := got.Request.By[slices.IndexFunc(got.Request.By, func(d catalog.Dimension) bool { return d.Kind == catalog.DimPeriod })]
		if by.Grain != c.grain || !slices.Equal(got.Cycles, c.cycles) || !slices.Equal(names, c.names) {
			t.Errorf("%s: by %s, cycles %v, columns %v", c.sql, by.Grain, got.Cycles, names)
		}
		var fault *Error
		if err := got.CheckNoise(&catalog.Noise{Epsilon: "1"}); !errors.As(err, &fault) || fault.Line != 1 || !strings.Contains(fault.Error(), "would bring its own noise") {
			t.Errorf("%s with noise: %v", c.sql, err)
		}
		if err := got.CheckNoise(nil); err != nil {
			t.Errorf("%s without noise: %v", c.sql, err)
		}
	}
	for sql, want := range map[string]string{
		"SELECT hour(period), COUNT(*) FROM beijing_air GROUP BY county":                             "hour(period) is neither aggregated nor in GROUP BY",
		"SELECT year(period), period, hour(period), COUNT(*) FROM beijing_air GROUP BY 1, 2, 3":      "periods are grouped twice, by date_trunc('year', period) and period",
		"SELECT date_trunc('week', period), month(period), COUNT(*) FROM beijing_air GROUP BY 1, 2":  "periods are grouped by date_trunc('week', period) and month(period), and a week lies in no one month",
		"SELECT hour(period), COUNT(DISTINCT entity) FROM beijing_air GROUP BY 1":                    "would be counted in each",
		"SELECT hour(period), YEAR_ON_YEAR(SUM(pm25)) FROM beijing_air GROUP BY 1":                   "YEAR_ON_YEAR compares periods, and the query joins those of all years",
		"SELECT SUM(pm25) FROM beijing_air GROUP BY hour(period) HAVING YEAR_ON_YEAR(SUM(pm25)) > 1": "YEAR_ON_YEAR compares periods, and the query joins those of all years",
		"SELECT week(period), COUNT(*) FROM beijing_air GROUP BY 1":                                  "there are no groups by the week of a period",
		"SELECT doy(period), COUNT(*) FROM beijing_air GROUP BY 1":                                   "there are no groups by the doy of a period",
		"SELECT SUM(pm25) FROM beijing_air GROUP BY hour(county)":                                    "hour is of period alone",
	} {
		if _, err := Compile(sql, beijing()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
	s := beijing()
	s.Descriptor.Grain = calendar.Day
	if _, err := Compile("SELECT hour(period), COUNT(*) FROM beijing_air GROUP BY 1", s); err == nil || !strings.Contains(err.Error(), "the dataset has one period a day, which lies in no one hour") {
		t.Error(err)
	}
}
