package sql

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// Literals, bounds and groups of data of parts of hours and of weeks, counted here by hand.
func TestPeriodsOfPartsOfHoursAndOfWeeks(t *testing.T) {
	const half, quarter, week = calendar.HalfHour, calendar.QuarterHour, calendar.Week
	day := func(text string) int64 {
		_, i, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	first := day("2024-01-05") // a Friday
	for _, c := range []struct {
		grain calendar.Grain
		where string
		want  calendar.Interval // empty: refused
		fault string
	}{
		{half, "period = '2024-01-05T10:30'", calendar.Interval{From: 48*first + 21, To: 48*first + 22}, ""},
		{half, "period = '2024-01-05T10'", calendar.Interval{From: 48*first + 20, To: 48*first + 22}, ""},
		{half, "period BETWEEN '2024-01-05T10:30' AND '2024-01-05T11:00'", calendar.Interval{From: 48*first + 21, To: 48*first + 23}, ""},
		{half, "period = '2024-01-05T10:15'", calendar.Interval{}, "the dataset has one period a half_hour, and this literal is finer; did you mean '2024-01-05T10:00'?"},
		{half, "period = '2024-01'", calendar.Interval{From: 48 * day("2024-01-01"), To: 48 * day("2024-02-01")}, ""},
		{quarter, "period = '2024-01-05T10:30'", calendar.Interval{From: 96*first + 42, To: 96*first + 43}, ""},
		{quarter, "period >= '2024-01-05T10:45' AND period < '2024-01-05T11:15'", calendar.Interval{From: 96*first + 43, To: 96*first + 45}, ""},
		{quarter, "period = '2024-01-05T10:40'", calendar.Interval{}, `begins no quarter-hour`},
		{calendar.Hour, "period >= '2024-01-05T10:00' AND period <= '2024-01-05T11:45'", calendar.Interval{From: 24*first + 10, To: 24*first + 12}, ""},
		{calendar.Hour, "period >= '2024-01-05T10:15'", calendar.Interval{}, "one period an hour, and this literal is finer; did you mean '2024-01-05T10'?"},
		{calendar.Day, "period = '2024-W01'", calendar.Interval{From: day("2024-01-01"), To: day("2024-01-08")}, ""},
		{week, "period = '2024-W01'", calendar.Interval{From: (day("2024-01-01") + 3) / 7, To: (day("2024-01-01")+3)/7 + 1}, ""},
		{week, "period = '2020'", calendar.Interval{From: (day("2019-12-30") + 3) / 7, To: (day("2021-01-04") + 3) / 7}, ""},
		{week, "year(period) = 2020", calendar.Interval{From: (day("2019-12-30") + 3) / 7, To: (day("2021-01-04") + 3) / 7}, ""},
		{week, "period >= '2024-01-01' AND period <= '2024-01-14'", calendar.Interval{From: (day("2024-01-01") + 3) / 7, To: (day("2024-01-15") + 3) / 7}, ""},
		{week, "period = '2024-01'", calendar.Interval{}, "one period a week, and weeks lie in no month and no quarter; did you mean BETWEEN '2024-W01' AND '2024-W05'?"},
		{week, "period >= '2024-04'", calendar.Interval{}, "weeks lie in no month"},
		{calendar.Month, "period = '2024-W01'", calendar.Interval{}, "one period a month, and weeks lie in no month and no quarter"},
		{calendar.Month, "period >= '2024-W01'", calendar.Interval{}, "weeks lie in no month"},
		{calendar.Year, "period = '2024-W01'", calendar.Interval{}, "weeks lie in no month"},
	} {
		s := beijing()
		s.Descriptor.Grain = c.grain
		got, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE "+c.where, s)
		switch {
		case c.fault != "":
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s, %s: %v, want %s", c.grain, c.where, err, c.fault)
			}
		case err != nil:
			t.Errorf("%s, %s: %v", c.grain, c.where, err)
		case !slices.Equal(got.Request.Periods, []calendar.Interval{c.want}):
			t.Errorf("%s, %s: %v, want %v", c.grain, c.where, got.Request.Periods, c.want)
		}
	}
	for _, c := range []struct {
		grain        calendar.Grain
		group, fault string
	}{
		{half, "date_trunc('hour', period)", ""}, {half, "date_trunc('quarter_hour', period)", "one period a half_hour, and nothing finer"},
		{quarter, "date_trunc('half_hour', period)", ""}, {calendar.Day, "date_trunc('week', period)", ""}, {half, "date_trunc('month', period)", ""},
		{week, "date_trunc('year', period)", ""}, {week, "year(period)", ""},
		{week, "date_trunc('month', period)", "weeks lie in no month and no quarter; the year of a week is the ISO year of its number (accepted here: 'week', 'year')"},
		{calendar.Month, "date_trunc('week', period)", "one period a month, and nothing finer"},
	} {
		s := beijing()
		s.Descriptor.Grain = c.grain
		_, err := Compile("SELECT "+c.group+", COUNT(*) FROM beijing_air GROUP BY 1", s)
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s by %s: %v, want %q", c.grain, c.group, err, c.fault)
		}
	}
}

// Of a public dataset every reading can be had, and the messages say how; the query that they
// name compiles.
func TestReadingsOfPublicDataAreAskedForAsGroupsOfOne(t *testing.T) {
	s := beijing()
	s.Descriptor.Policy.Public = true
	all := "SELECT station, period, SUM(pm25) FROM beijing_air GROUP BY station, period"
	for query, want := range map[string]string{
		"SELECT * FROM beijing_air":                             all,
		"SELECT station, pm25 FROM beijing_air GROUP BY 1":      all,
		"SELECT MAX(pm25) FROM beijing_air":                     all + " ORDER BY 3 DESC LIMIT 1",
		"SELECT station, MIN(pm25) FROM beijing_air GROUP BY 1": all + " ORDER BY 3 LIMIT 1",
	} {
		_, err := Compile(query, s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
		if _, err := Compile(want, s); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := Compile(query, beijing()); err == nil || strings.Contains(err.Error(), all) {
			t.Errorf("protected: %s: %v", query, err)
		}
	}
}
