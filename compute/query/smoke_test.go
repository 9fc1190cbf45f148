package query

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestSmoke(t *testing.T) {
	s := Schema{Descriptor: catalog.Descriptor{Dataset: "beijing_air", Entity: "station", Grain: "hour", Measures: []catalog.Measure{{Name: "pm25", Max: 10000, Decimals: 1}, {Name: "pm10"}}}, Columns: []string{"county", "industry"}}
	for _, q := range []string{
		`SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25) FROM beijing_air GROUP BY station, month`,
		`select count(*) from beijing_air where (county in ('a','b') or not industry = 'x') and period between '2013-05' and '2014' order by 1 desc limit 3;`,
		`select AVG(pm52) from beijing_air`,
		`selct AVG(pm52) from beijing_air`,
		`select AVG(pm25) form beijing_air`,
		`select AVG(pm25) from beijing_air where`,
		`select AVG(pm25) from beijing_air where county `,
		`select AVG(pm25) from beijing_air where county = 'a' group county`,
		`select AVG(pm25) from beijing_air where county = "a"`,
		`select AVG(pm25) from beijing_air where county = 'a' or period = '2014'`,
		`select AVG(pm25) from beijing_air where pm25 > 3`,
		`select AVG(pm25, pm10) from beijing_air`,
		`select AVG(pm25`,
		`select month, avg(pm25) from beijing_air group by month`,
		`select county, avg(pm25) from beijing_air`,
		`select stddev_pop(pm25) from beijing_air`,
		`select * from beijing_air`,
		``,
		`select sum(pm25) / count(*) from beijing_air`,
	} {
		c, err := Compile(q, s)
		if err != nil {
			var e *Error
			errors.As(err, &e)
			t.Logf("\n%s\n%s", e.Caret(q), e)
			continue
		}
		b, _ := json.Marshal(c)
		t.Logf("%s", b)
	}
}
