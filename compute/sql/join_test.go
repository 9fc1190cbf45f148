package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

func joinedSchema() Schema {
	s := beijing()
	s.Join = &catalog.Descriptor{
		Dataset: "energy", Registry: "stations", Entity: "site", Grain: calendar.Hour,
		Measures: []catalog.Measure{{Name: "output", Unit: "CNY", Min: -5, Max: 100, Decimals: 2}, {Name: "Jobs", Unit: "1", Max: 9}},
	}
	return s
}

func TestJoinsCompile(t *testing.T) {
	product := catalog.Aggregate{Func: catalog.FuncProduct, Measure: "pm25", Other: "energy.output"}
	for sql, want := range map[string]catalog.Aggregate{
		"SELECT SUM(beijing_air.pm25 * energy.output) FROM beijing_air JOIN energy USING (entity, period)":                                      product,
		"select sum(y.OUTPUT * x.pm25) as p, count(*) from Beijing_Air as x join ENERGY as y using (period, station) where station = 'a'":       product,
		"SELECT period, SUM(x.pm10 * energy.\"Jobs\") FROM beijing_air AS x JOIN energy USING (entity, period) GROUP BY period ORDER BY 2 DESC": {Func: catalog.FuncProduct, Measure: "pm10", Other: "energy.Jobs"},
	} {
		c, err := Compile(sql, joinedSchema())
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if !slices.Contains(c.Request.Select, want) || c.Request.Join == nil || *c.Request.Join != (catalog.Join{Dataset: "energy"}) {
			t.Errorf("%s: request %+v", sql, c.Request)
		}
		again, err := Compile(Format(c, joinedSchema()), joinedSchema())
		if err != nil {
			t.Errorf("%s printed as %s: %v", sql, Format(c, joinedSchema()), err)
			continue
		}
		if again.Request.SQL = c.Request.SQL; cmp.Diff(c, again, requestAlone) != "" {
			t.Errorf("%s printed as %s: %s", sql, Format(c, joinedSchema()), cmp.Diff(c, again, requestAlone))
		}
	}
}

func TestFaultsOfJoinsHaveTheirPlaceAndWhatWouldBeAccepted(t *testing.T) {
	const tail = " FROM beijing_air AS x JOIN energy AS y USING (entity, period)"
	for sql, near := range map[string]string{
		"SELECT SUM(x.pm25)" + tail:                                                                     "SUM",
		"SELECT SUM(x.pm25 * x.pm10)" + tail:                                                            "x",
		"SELECT SUM(x.pm25 * y.nothing)" + tail:                                                         "nothing",
		"SELECT SUM(x.pm25 * z.output)" + tail:                                                          "z",
		"SELECT SUM(x.pm25 / y.output)" + tail:                                                          "SUM",
		"SELECT SUM(pm25 * output)" + tail:                                                              "pm25",
		"SELECT SUM(x.pm25 * y.output * y.output)" + tail:                                               "SUM",
		"SELECT AVG(x.pm25)" + tail:                                                                     "AVG",
		"SELECT COUNT(pm25)" + tail:                                                                     "COUNT",
		"SELECT SHARE_OF_TOTAL(SUM(x.pm25 * y.output))" + tail:                                          "SUM",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity)":                                   "entity",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity, entity)":                           "entity",
		"SELECT COUNT(*) FROM beijing_air JOIN energy USING (entity, pm25)":                             "pm25",
		"SELECT COUNT(*) FROM beijing_air JOIN energy":                                                  "",
		"SELECT COUNT(*) FROM beijing_air JOIN energi USING (entity, period)":                           "energi",
		"SELECT COUNT(*) FROM beijing_air AS energy JOIN energy USING (entity, period)":                 "energy",
		"SELECT SUM(a.pm25) FROM beijing_air":                                                           ".",
		"SELECT date_trunc('day', period.x), COUNT(*)" + tail + " GROUP BY date_trunc('day', period.x)": "period",
		"SELECT x.county, COUNT(*)" + tail:                                                              "x",
	} {
		fault := faultOf(t, sql, joinedSchema())
		checkPlace(t, sql, fault)
		if fault.Near != near || fault.Want == "" || fault.Message == "" {
			t.Errorf("%s: %+v, want it at %q", sql, fault, near)
		}
	}
	if _, _, err := datasetsOf("SELECT COUNT(*) FROM a JOIN c USING (entity, period)", []string{"a", "b"}); !strings.Contains(fmt.Sprint(err), "there is no dataset c") {
		t.Errorf("got %v", err)
	}
	first, second, err := datasetsOf("SELECT COUNT(*) FROM A JOIN b USING (entity, period)", []string{"a", "b"})
	if first != "a" || second != "b" || err != nil {
		t.Errorf("%q, %q, %v", first, second, err)
	}
}

func datasetsOf(sql string, ids []string) (first, second string, err error) {
	p, err := Parse(sql)
	if err != nil {
		return "", "", err
	}
	return p.Datasets(ids)
}
