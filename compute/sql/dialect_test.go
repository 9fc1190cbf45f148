package sql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// TestOtherDialectsSayTheSame: what analysts type compiles to what is written in this
// language's own way.
func TestOtherDialectsSayTheSame(t *testing.T) {
	monthly := beijing()
	monthly.Descriptor.Grain = calendar.Month
	for _, c := range [][2]string{
		{"SELECT county c, COUNT(*) n FROM beijing_air GROUP BY county -- x\nORDER BY n", "SELECT county AS c, COUNT(*) AS n FROM beijing_air GROUP BY county ORDER BY n"},
		{"SELECT /* 'a */ COUNT(*) \"n n\" FROM beijing_air /**/ WHERE county = '/* no */'", `SELECT COUNT(*) AS "n n" FROM beijing_air WHERE county = '/* no */'`},
		{"SELECT year(period), COUNT(*) FROM beijing_air GROUP BY EXTRACT(YEAR FROM period)", "SELECT date_trunc('year', period), COUNT(*) FROM beijing_air GROUP BY 1"},
		{"SELECT COUNT(*) FROM beijing_air WHERE period >= '2024-01-01' AND period < DATE '2025-01-01'", "SELECT COUNT(*) FROM beijing_air WHERE period = '2024'"},
		{"SELECT COUNT(*) FROM beijing_air WHERE period BETWEEN '2024-02-01' AND '2024-02-29'", "SELECT COUNT(*) FROM beijing_air WHERE period = '2024-02'"},
		{"SELECT COUNT(*) FROM beijing_air WHERE period > TIMESTAMP '2023-12-31T23' AND period <= '2024-12-31'", "SELECT COUNT(*) FROM beijing_air WHERE period = '2024'"},
	} {
		got, want := compileOn(t, c[0], monthly), compileOn(t, c[1], monthly)
		got.Request.SQL, want.Request.SQL = "", ""
		if diff := cmp.Diff(want, got, requestAlone); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c[0], diff)
		}
	}
	joined := [2]string{"SELECT SUM(x.pm25 * y.output) s FROM beijing_air x JOIN energy y USING (entity, period)",
		"SELECT SUM(x.pm25 * y.output) AS s FROM beijing_air AS x JOIN energy AS y USING (entity, period)"}
	got, want := compileOn(t, joined[0], joinedSchema()), compileOn(t, joined[1], joinedSchema())
	got.Request.SQL, want.Request.SQL = "", ""
	if diff := cmp.Diff(want, got, requestAlone); diff != "" {
		t.Errorf("%s (-want +got):\n%s", joined[0], diff)
	}
	// A bound that takes a part of a period is refused, at its place.
	for _, condition := range []string{
		"period >= '2024-01-02'", "period < '2024-01-31'", "period <= '2024-01-01'", "period > '2024-01-30'", "period = '2024-01-01'",
		"period BETWEEN '2024-01-01' AND '2024-12-30'", "period IN ('2024-01-01')",
	} {
		fault := faultOf(t, "SELECT COUNT(*) FROM beijing_air WHERE "+condition, monthly)
		if !strings.Contains(fault.Message, "this literal is finer") || !strings.HasPrefix(fault.Nearest, "'2024-") {
			t.Errorf("%s: %s", condition, fault)
		}
	}
}

// TestComputedFiguresAskForTheirAggregatesOnce, and are named by what they are.
func TestComputedFiguresAskForTheirAggregatesOnce(t *testing.T) {
	c := mustCompile(t, `SELECT SUM(pm25) / COUNT(pm25), ROUND(-SUM(pm25) * (SUM(pm10) - 1.5), 1), SUM(pm10) - (SUM(pm25) - 2) - 3,
		CASE WHEN AVG(no2) > 1 THEN SUM(pm25) END, COUNT(DISTINCT station) FROM beijing_air HAVING SUM(pm25) > 1`)
	var names []string
	for _, o := range c.Output {
		names = append(names, o.Name)
	}
	want := []string{"sum(pm25) / count(pm25)", "round((-sum(pm25)) * (sum(pm10) - 1.5), 1)", "sum(pm10) - (sum(pm25) - 2) - 3", "case", "count(distinct station)"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	asked := []catalog.Aggregate{{Func: "count"}, {Func: "avg", Measure: "no2"}, {Func: "sum", Measure: "pm10"}, {Func: "count", Measure: "pm25"}, {Func: "sum", Measure: "pm25"}}
	if diff := cmp.Diff(asked, c.Request.Select); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// One dataset may have an alias, and its columns its name or the alias before them.
func TestColumnsOfOneDatasetMayHaveItsName(t *testing.T) {
	plain := compileOn(t, "SELECT station, AVG(pm25), SUM(pm25) / 2 AS h FROM beijing_air WHERE station = 'x' AND period = '2016' GROUP BY station ORDER BY h", beijing())
	for _, sql := range []string{
		"SELECT a.station, AVG(a.pm25), SUM(A.pm25) / 2 AS h FROM beijing_air a WHERE a.station = 'x' AND a.period = '2016' GROUP BY a.station ORDER BY h",
		"SELECT beijing_air.station, AVG(beijing_air.pm25), SUM(pm25) / 2 AS h FROM beijing_air WHERE station = 'x' AND period = '2016' GROUP BY beijing_air.station ORDER BY h",
		`SELECT "a".station, AVG(pm25), SUM(pm25) / 2 AS h FROM beijing_air AS "a" WHERE station = 'x' AND period = '2016' GROUP BY station ORDER BY h`,
	} {
		c := compileOn(t, sql, beijing())
		c.Request.SQL, plain.Request.SQL = "", ""
		if diff := cmp.Diff(plain.Request, c.Request); diff != "" || c.Output[1].Name != plain.Output[1].Name {
			t.Errorf("%s (-plain +this):\n%s", sql, diff)
		}
	}
	if f := faultOf(t, "SELECT AVG(b.pm25) FROM beijing_air a", beijing()); f.Message == "" {
		t.Error("a name of no dataset is taken")
	}
}
