package sql

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// What a refusal advises is applied to the text, and compiles to the request that was tried.
func TestAdvisedChangesAreAppliedToTheText(t *testing.T) {
	no, all := catalog.Why("change.no_condition"), catalog.Why("change.all_periods")
	for _, c := range []struct {
		sql    string
		change catalog.Reason
		want   string
	}{
		{"SELECT SUM(pm25) FROM beijing_air WHERE station = 'a'", no, "SELECT SUM(pm25) FROM beijing_air"},
		{"select sum(pm25) from beijing_air where station = 'a' and period between '2016' and '2017' limit 3;", no,
			"SELECT sum(pm25) FROM beijing_air WHERE period between '2016' and '2017' LIMIT 3"},
		{"SELECT SUM(pm25) FROM beijing_air WHERE county = 'a' OR county = 'b'", no, "SELECT SUM(pm25) FROM beijing_air"},
		{"SELECT SUM(pm25) FROM beijing_air WHERE county = 'a' AND station IN PRIVATE(mine)", no, "SELECT SUM(pm25) FROM beijing_air WHERE station IN PRIVATE(mine)"},
		{"SELECT SUM(pm25) FROM beijing_air WHERE county = 'a' AND period = '2016'", all, "SELECT SUM(pm25) FROM beijing_air WHERE county = 'a'"},
		{"SELECT county, station, SUM(pm25) FROM beijing_air GROUP BY county, station ORDER BY station DESC, county", catalog.Why("change.dimension", "station"),
			"SELECT county, SUM(pm25) FROM beijing_air GROUP BY county ORDER BY county"},
		{"SELECT date_trunc('month', period) AS month, SUM(pm25) AS s FROM beijing_air GROUP BY month ORDER BY month", catalog.Why("change.dimension", "periods"),
			"SELECT SUM(pm25) AS s FROM beijing_air"},
		{`SELECT "区县" district, SUM(pm25) FROM beijing_air GROUP BY district`, catalog.Why("change.dimension", "区县"), "SELECT SUM(pm25) FROM beijing_air"},
		{"SELECT county, date_trunc('day', period) AS d, SUM(pm25) FROM beijing_air GROUP BY county, d ORDER BY d DESC", catalog.Why("change.period", "month"),
			"SELECT county, date_trunc('month', period) AS d, SUM(pm25) FROM beijing_air GROUP BY county, d ORDER BY d DESC"},
		{"SELECT period, SUM(pm25) FROM beijing_air GROUP BY period ORDER BY period DESC", catalog.Why("change.period", "day"),
			"SELECT date_trunc('day', period), SUM(pm25) FROM beijing_air GROUP BY date_trunc('day', period) ORDER BY date_trunc('day', period) DESC"},
		{"SELECT SUM(pm25) FROM beijing_air WHERE period = '2016' AND county = 'x''y' AND NOT Industry IN ('a', 'b')", catalog.Why("change.add", []string{"s1", "it's"}),
			"SELECT SUM(pm25) FROM beijing_air WHERE (county = 'x''y' AND NOT Industry IN ('a', 'b') OR station IN ('s1', 'it''s')) AND period = '2016'"},
		{"SELECT county, SUM(pm25) FROM beijing_air WHERE station = 'a' AND period = '2016' GROUP BY county", catalog.Why("change.everything"), "SELECT SUM(pm25) FROM beijing_air"},
		{"SELECT county, period, SUM(pm25) FROM beijing_air GROUP BY county, period",
			catalog.Why("change.both").With(catalog.Why("change.dimension", "county"), catalog.Why("change.period", "year")),
			"SELECT date_trunc('year', period), SUM(pm25) FROM beijing_air GROUP BY date_trunc('year', period)"},
	} {
		got, ok := Changed(c.sql, c.change, "station")
		if !ok || got != c.want {
			t.Errorf("%s of %s:\ngot  %s, %t\nwant %s", c.change, c.sql, got, ok, c.want)
			continue
		}
		before := mustCompile(t, c.sql)
		if !mustCompile(t, got).Follows(before, c.change, "station") {
			t.Errorf("%s does not follow %s by %s", got, c.sql, c.change)
		}
		if before.Follows(before, c.change, "station") {
			t.Errorf("%s follows itself by %s", c.sql, c.change)
		}
	}
}

// A form that is cut wrongly, or is not cut, is no change.
func TestWhatCannotBeAppliedIsNoChange(t *testing.T) {
	for _, c := range []struct {
		sql    string
		change catalog.Reason
	}{
		{"SELECT county, SUM(pm25) FROM beijing_air GROUP BY 1", catalog.Why("change.dimension", "county")},
		{"SELECT county, COUNT(*) FROM beijing_air WHERE (county = 'a' AND period = '2016') GROUP BY county", catalog.Why("change.no_condition")},
		{"SELECT COUNT(*) FROM beijing_air WHERE county = 'a'", catalog.Why("change.of_tomorrow")},
		{"SELECT COUNT(*) FROM beijing_air WHERE county = 'a'", catalog.Why("change.add", "no list")},
		{"SELECT COUNT(*) FROM", catalog.Why("change.no_condition")},
		{"'", catalog.Why("change.no_condition")},
	} {
		got, ok := Changed(c.sql, c.change, "station")
		if !ok {
			continue
		}
		after, err := Compile(got, beijing())
		if err != nil {
			continue
		}
		if after.Follows(mustCompile(t, c.sql), c.change, "station") {
			t.Errorf("%s of %s is %s", c.change, c.sql, got)
		}
	}
}

// Whatever the text is, a change is a text or none.
func FuzzChanged(f *testing.F) {
	f.Add("SELECT county, SUM(pm25) FROM beijing_air WHERE a = 'x' OR period = '2016' GROUP BY county ORDER BY 1 DESC LIMIT 2", "county")
	f.Add("SELECT a AS b, COUNT(*) FROM (x) WHERE a BETWEEN 'a' AND 'b' AND c GROUP BY b;", "day")
	f.Add("SELECT FROM WHERE GROUP BY", "[\"a\"]")
	f.Fuzz(func(t *testing.T, text, arg string) {
		for _, code := range []string{"change.no_condition", "change.all_periods", "change.everything", "change.dimension", "change.period", "change.add"} {
			changed, ok := Changed(text, catalog.Reason{Code: code, Args: []string{arg}}, "station")
			if ok && changed == "" {
				t.Errorf("%s of %q is empty", code, text)
			}
		}
	})
}
