package postgres

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// What Grafana groups times by is a dimension where its intervals are periods, for each grain that a dataset may have; other
// intervals are refused, and the refusal names those that there are.
func TestIntervalsOfGrafanaArePeriods(t *testing.T) {
	for _, x := range []struct {
		own     calendar.Grain
		seconds string
		plain   string // what $__timeGroup comes to; empty: it is refused
		bucket  string // what TimescaleDB's comes to
		hint    string
	}{
		{own: calendar.Hour, seconds: "60", plain: "period", bucket: "period"},
		{own: calendar.Hour, seconds: "3600", plain: "period", bucket: "period"},
		{own: calendar.Hour, seconds: "86400", plain: "date_trunc('day', period)", bucket: "date_trunc('day', period)"},
		{own: calendar.Hour, seconds: "604800", bucket: "date_trunc('week', period)", hint: "1d, 1h; or"},
		{own: calendar.Hour, seconds: "7200", hint: "1d, 1h; or"},
		{own: calendar.QuarterHour, seconds: "1800", plain: "date_trunc('half_hour', period)", bucket: "date_trunc('half_hour', period)"},
		{own: calendar.QuarterHour, seconds: "1200", hint: "1d, 15m, 30m, 1h; or"},
		{own: calendar.Day, seconds: "3600", plain: "period", bucket: "period"},
		{own: calendar.Day, seconds: "604800", bucket: "date_trunc('week', period)", hint: "1d; or"},
		{own: calendar.Week, seconds: "604800", bucket: "period", hint: "1d; or"},
		{own: calendar.Month, seconds: "86400", plain: "period", bucket: "period"},
		{own: calendar.Month, seconds: "604800", hint: "1d; or"},
		{own: calendar.Year, seconds: "2592000", hint: "1d; or"},
		{own: calendar.Hour, seconds: "0", hint: "1d, 1h; or"},
		{own: calendar.Hour, seconds: "1e300", hint: "1d, 1h; or"},
	} {
		d := &dialect{grain: x.own}
		for text, want := range map[string]string{
			"floor(extract(epoch from period)/" + x.seconds + ")*" + x.seconds: x.plain,
			"time_bucket('" + x.seconds + ".000s',period)":                     x.bucket,
		} {
			list, err := token.Scan(text)
			if err != nil {
				t.Fatal(err)
			}
			out, epoch, err := d.bucketed(list)
			if want == "" {
				if err == nil || !strings.Contains(problemOf(err).Hint, x.hint) {
					t.Errorf("%s of %ss: %v, %q", text, x.own, token.Join(out), err)
				}
				continue
			}
			if got := token.Join(out); err != nil || got != want || epoch != strings.HasPrefix(text, "floor") {
				t.Errorf("%s of %ss: %q, %v, %v", text, x.own, got, epoch, err)
			}
		}
	}
	for _, text := range []string{"floor(extract(epoch from period)/60)*61", "floor(nox/60)*60", "floor()", "time_bucket('1 day', period)", "extract(epoch from nox)", "county"} {
		list, err := token.Scan(text)
		if err != nil {
			t.Fatal(err)
		}
		out, epoch, err := (&dialect{grain: calendar.Hour}).bucketed(list)
		if err != nil || epoch || token.Join(out) != token.Join(list) {
			t.Errorf("%s: %s, %v, %v", text, token.Join(out), epoch, err)
		}
	}
}
