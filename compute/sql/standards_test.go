package sql

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// city has daily readings of six pollutants, of which carbon monoxide is in µg/m³.
func city(grain calendar.Grain) Schema {
	of := func(name, unit, pollutant string, buckets ...string) catalog.Measure {
		return catalog.Measure{Name: name, Unit: unit, Pollutant: pollutant, Max: 100_000, Decimals: 1, Buckets: buckets}
	}
	return Schema{Descriptor: catalog.Descriptor{Dataset: "city", Registry: "city", Entity: "station", Grain: grain, UTCOffset: "+08:00", Measures: []catalog.Measure{
		of("pm25", "µg/m³", "a34004", "35", "50", "60", "75"), of("pm10", "µg/m³", "a34002"), of("so2", "µg/m³", "a21026", "150"), of("co", "µg/m³", "a21005", "4000"),
		of("o3", "µg/m³", "a05024", "160"), of("traffic", "cars", ""), of("fine", "µg/m³", "a34004"), of("soot", "t", "a34002"), of("oxygen", "mg/L", "w01009"),
	}}}
}

// LIMIT is the bound that holds on the days that are asked for, in the measure's unit.
func TestLimitIsThatOfTheDays(t *testing.T) {
	for where, want := range map[string]string{
		"period < '2026-03-01'": "75", "period = '2026-03-01'": "60", "period BETWEEN '2026-03' AND '2030'": "60", "period > '2030'": "50", "period = '2025' OR period = '2024-02'": "75",
	} {
		c := compileOn(t, "SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 2)) FROM city WHERE "+where, city(calendar.Day))
		if o := c.Output[0]; o.Argument != want || o.Form != "exceedance" || o.Name != "exceedance(pm25, "+want+")" {
			t.Errorf("%s: %+v, want %s", where, o, want)
		}
	}
	for sql, want := range map[string]string{
		"SELECT EXCEEDANCE(co, LIMIT('GB3095', 'day', 2)) FROM city WHERE period = '2024'":           "4000", // 4 mg/m³
		"SELECT EXCEEDANCE(so2, LIMIT('GB3095', 'day', 2)) FROM city WHERE period = '2026'":          "150",  // the same in both editions
		"SELECT EXCEEDANCE(pm25, limit('GB3095', 'day', 1)) FROM city WHERE period = '2024' LIMIT 1": "35",
		"SELECT EXCEEDANCE(o3, LIMIT('GB3095', '8h', 2)) FROM city WHERE period = '2024'":            "160",
	} {
		if c := compileOn(t, sql, city(calendar.Day)); c.Output[0].Argument != want {
			t.Errorf("%s: %+v, want %s", sql, c.Output[0], want)
		}
	}
	for sql, want := range map[string]string{
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 2)) FROM city WHERE period = '2026'":    "the limit is 75 ug/m3 before 2026-03-01 (GB 3095-2012), and 60 ug/m3 from then on (GB 3095-2026, transition)",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 2)) FROM city":                          "what the limit is depends on the date, and the query is on every period",
		"SELECT EXCEEDANCE(pm10, LIMIT('GB3095', 'day', 2)) FROM city WHERE period = '2024'":    "EXCEEDANCE needs buckets",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'year', 2)) FROM city WHERE period = '2024'":   "a limit for one year is for readings of one year, and the dataset has one a day",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 3)) FROM city WHERE period = '2024'":    "LIMIT takes a standard, an averaging time and a grade, 1 or 2",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 1)) FROM city WHERE period = '2027'":    "GB 3095-2026, transition has no limit of PM2.5 for one day in grade 1 that is known here",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3096', 'day', 2)) FROM city WHERE period = '2024'":    `there is no standard "GB3096" of limits`,
		"SELECT EXCEEDANCE(traffic, LIMIT('GB3095', 'day', 2)) FROM city WHERE period = '2024'": "measure traffic does not say its pollutant",
		"SELECT EXCEEDANCE(so2, LIMIT('GB3095', 'day', 1)) FROM city WHERE period = '2024'":     "the limit is 50 µg/m³ (GB 3095-2012), which is no bound of a bucket of so2",
		"SELECT EXCEEDANCE(pm25, LIMIT('GB3095')) FROM city WHERE period = '2024'":              "LIMIT takes a standard",
		"SELECT LIMIT('GB3095', 'day', 2) FROM city WHERE period = '2024'":                      "",
	} {
		if f := faultOf(t, sql, city(calendar.Day)); !strings.Contains(f.Message, want) {
			t.Errorf("%s: %s\nwant %s", sql, f.Message, want)
		}
	}
}

// A registry that cannot be read is no fault of the text, beside a limit either.
func TestLimitTellsThatTheRegistryCannotBeRead(t *testing.T) {
	s := city(calendar.Day)
	s.Distinct = func(string) ([]string, error) { return nil, errors.New("no node answers") }
	_, err := Compile("SELECT EXCEEDANCE(pm25, LIMIT('GB3095', 'day', 2)) FROM city WHERE station LIKE '%1' AND period = '2024'", s)
	if err == nil || err.Error() != "read the values of station: no node answers" {
		t.Error(err)
	}
}

func TestIndicesCompile(t *testing.T) {
	c := compileOn(t, "SELECT station, AQI(pm25, pm10, so2), PRIMARY_POLLUTANT(pm25, pm10) AS worst, AQI(pm25) + 1 FROM city WHERE period = '2026-03-01' GROUP BY station ORDER BY worst", city(calendar.Day))
	if c.Output[1].Name != "aqi(avg(pm25), avg(pm10), avg(so2))" || !c.Output[2].Expr.Textual() || c.Output[1].Expr.Textual() || len(c.Request.Select) != 3 {
		t.Errorf("%+v of %+v", c.Output, c.Request.Select)
	}
	c = compileOn(t, "SELECT date_trunc('year', period) AS y, COMPOSITE_INDEX(pm25, co, o3) FROM city WHERE period < '2026' GROUP BY y", func() Schema {
		s := city(calendar.Day)
		return s
	}())
	if name := c.Output[1].Name; name != "composite_index(avg(pm25), quantile(co, 0.95), quantile(o3, 0.9))" {
		t.Errorf("%s", name)
	}
	if c = compileOn(t, "SELECT WATER_CLASS(oxygen, 'lake') FROM city", city(calendar.Day)); !c.Output[0].Expr.Lake || c.Output[0].Name != "water_class(avg(oxygen), 'lake')" {
		t.Errorf("%+v", c.Output[0])
	}
	// Months and days never have two editions, years and the whole may.
	compileOn(t, "SELECT period, COMPOSITE_INDEX(pm25) FROM city GROUP BY period", city(calendar.Month))
	compileOn(t, "SELECT date_trunc('month', period) AS m, COMPOSITE_INDEX(pm25) FROM city WHERE period = '2026' GROUP BY m", city(calendar.Day))
	compileOn(t, "SELECT date_trunc('quarter', period) AS q, COMPOSITE_INDEX(pm25) FROM city WHERE period >= '2026-03' AND period < '2031' GROUP BY q", city(calendar.Day))
	for sql, want := range map[string]string{
		"SELECT COMPOSITE_INDEX(pm25) FROM city":                                                                      "COMPOSITE_INDEX would be of days of two editions of the standards: on 2026-03-01 the next one begins",
		"SELECT COMPOSITE_INDEX(pm25) FROM city WHERE period = '2026'":                                                "on 2026-03-01 the next one begins",
		"SELECT COMPOSITE_INDEX(pm25) FROM city WHERE period BETWEEN '2030-12-31' AND '2031-01-01'":                   "on 2031-01-01 the next one begins",
		"SELECT date_trunc('year', period) AS y, COMPOSITE_INDEX(pm25) FROM city GROUP BY y":                          "two editions",
		"SELECT date_trunc('quarter', period) AS q, COMPOSITE_INDEX(pm25) FROM city WHERE period > '2025' GROUP BY q": "two editions",
		"SELECT AQI(pm25) FROM city WHERE period = '2024'":                                                            "AQI is of one day",
		"SELECT date_trunc('month', period) AS m, AQI(pm25) FROM city WHERE period = '2024' GROUP BY m":               "AQI is of one day",
		"SELECT period, AQI(traffic) FROM city GROUP BY period":                                                       "measure traffic does not say its pollutant",
		"SELECT period, AQI(oxygen) FROM city GROUP BY period":                                                        "AQI is not made of dissolved oxygen (w01009)",
		"SELECT period, AQI(soot) FROM city GROUP BY period":                                                          "measure soot is in t, and AQI is made of concentrations",
		"SELECT period, AQI(pm25, fine) FROM city GROUP BY period":                                                    "pm25 and fine are both PM2.5 (a34004)",
		"SELECT period, AQI() FROM city GROUP BY period":                                                              "AQI takes measures",
		"SELECT period, AQI(pm25, 'lake') FROM city GROUP BY period":                                                  "AQI takes measures",
		"SELECT WATER_CLASS(oxygen) * 2 FROM city":                                                                    "",
		"SELECT station FROM city WHERE AQI(pm25) > 3 GROUP BY station":                                               "",
	} {
		if f := faultOf(t, sql, city(calendar.Day)); !strings.Contains(f.Message, want) {
			t.Errorf("%s: %s\nwant %s", sql, f.Message, want)
		}
	}
	if f := faultOf(t, "SELECT period, AQI(o3) FROM city GROUP BY period", city(calendar.Hour)); !strings.Contains(f.Message, "of O3 (a05024) daily readings count") {
		t.Error(f.Message)
	}
	if f := faultOf(t, "SELECT period, AQI(pm25) FROM city GROUP BY period", city(calendar.Month)); !strings.Contains(f.Message, "AQI is of one day") {
		t.Error(f.Message)
	}
}
