package sql

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

func TestCompileOfPrivateVectors(t *testing.T) {
	month := []calendar.Interval{calendar.Month.Span(must2(calendar.Parse("2024-05")), calendar.Hour)}
	county := in("county", "a")
	cases := []struct {
		sql     string
		request catalog.Request // version, dataset and SQL aside
		names   []string
	}{
		{`SELECT COUNT(*) FROM beijing_air WHERE entity IN PRIVATE(mine)`,
			catalog.Request{In: "v-mine-2", Select: []catalog.Aggregate{{Func: "count"}}}, []string{"count(*)"}},
		{`SELECT AVG(pm25), SUM(pm25) FROM beijing_air WHERE STATION in Private("mine") AND (county = 'a' AND period = '2024-05')`,
			catalog.Request{In: "v-mine-2", Where: &county, Periods: month,
				Select: []catalog.Aggregate{{Func: "avg", Measure: "pm25"}, {Func: "sum", Measure: "pm25"}}}, []string{"avg(pm25)", "sum(pm25)"}},
		{`SELECT SUM(pm25) FROM beijing_air WHERE county = 'a' AND (station_id IN PRIVATE(MINE) AND period = '2024-05')`,
			catalog.Request{In: "v-mine-2", Where: &county, Periods: month, Select: []catalog.Aggregate{{Func: "sum", Measure: "pm25"}}}, []string{"sum(pm25)"}},
		{`SELECT SUM(PRIVATE(loans) * pm25), sum(pm25 * private(loans)) AS again, SUM(PRIVATE(loans)), WAVG(pm10, PRIVATE(loans)), SUM(pm25) FROM beijing_air`,
			catalog.Request{Select: []catalog.Aggregate{{Func: "sum", Weight: "v-loans-1"}, {Func: "wavg", Measure: "pm10", Weight: "v-loans-1"},
				{Func: "sum", Measure: "pm25"}, {Func: "sum", Measure: "pm25", Weight: "v-loans-1"}}},
			[]string{"sum(pm25 * private(loans))", "again", "sum(private(loans))", "wavg(pm10, private(loans))", "sum(pm25)"}},
		{`SELECT SUM(PRIVATE(mine)) AS s FROM beijing_air ORDER BY SUM(PRIVATE(mine)) DESC`,
			catalog.Request{Select: []catalog.Aggregate{{Func: "sum", Weight: "v-mine-2"}}}, []string{"s"}},
	}
	for _, c := range cases {
		got := mustCompile(t, c.sql)
		c.request.Version, c.request.Dataset, c.request.SQL = 1, "beijing_air", c.sql
		if diff := cmp.Diff(c.request, got.Request); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.sql, diff)
		}
		var names []string
		for _, o := range got.Output {
			names = append(names, o.Name)
		}
		if diff := cmp.Diff(c.names, names); diff != "" {
			t.Errorf("%s names its results (-want +got):\n%s", c.sql, diff)
		}
		again := mustCompile(t, Format(got, beijing()))
		again.Request.SQL = got.Request.SQL
		if diff := cmp.Diff(got, again, requestAlone); diff != "" {
			t.Errorf("%s printed as %s is another query (-want +got):\n%s", c.sql, Format(got, beijing()), diff)
		}
	}
}

// A previewed selector is a new one, whatever else has its name; weights are not.
func TestCompileForAPreview(t *testing.T) {
	s := beijing()
	s.Stand = true
	for _, name := range []string{"mine", "late", "borrowers", "nobodys"} {
		c, err := Compile("SELECT COUNT(*) FROM beijing_air WHERE entity IN PRIVATE("+name+")", s)
		if err != nil || c.Request.In != catalog.NewVector {
			t.Errorf("%s is previewed as %+v, error %v", name, c, err)
		}
	}
	if f := faultOf(t, "SELECT SUM(PRIVATE(nobodys)) FROM beijing_air", s); f.Near != "nobodys" {
		t.Errorf("weights that are not registered fail with %v", f)
	}
}

func TestVectorNames(t *testing.T) {
	for sql, want := range map[string][]string{
		"":                                     nil,
		"PRIVATE":                              nil,
		"PRIVATE(":                             {""},
		"private(a":                            {"a"},
		"x 'PRIVATE(a)' y":                     nil,
		"PRIVATE('a') \"private\"(\"b\"\"c\")": {"", `b"c`},
		"entity IN PRIVATE(mine) AND SUM(x * PRIVATE(w)) -- PRIVATE(z)": {"mine", "w"},
		"PRIVATE(\x00": nil,
	} {
		if diff := cmp.Diff(want, VectorNames(sql)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", sql, diff)
		}
		if NamesVectors(sql) != (want != nil) {
			t.Errorf("%q names vectors: %t", sql, NamesVectors(sql))
		}
	}
}

func must2[A, B any](_ A, b B, err error) B {
	if err != nil {
		panic(err)
	}
	return b
}
