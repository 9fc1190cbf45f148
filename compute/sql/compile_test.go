package sql

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

func attribute(column string) catalog.Dimension {
	return catalog.Dimension{Kind: catalog.DimAttribute, Column: column}
}

func in(column string, values ...string) catalog.Predicate {
	return catalog.Predicate{Op: catalog.OpIn, Column: column, Values: values}
}

func TestCompileTheExampleOfTheDesign(t *testing.T) {
	sql := `SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25) FROM beijing_air GROUP BY station, month`
	want := &Compiled{
		Request: catalog.Request{
			Version: 1, Dataset: "beijing_air", SQL: sql,
			By: []catalog.Dimension{{Kind: catalog.DimEntity}, {Kind: catalog.DimPeriod, Grain: calendar.Month}},
			Select: []catalog.Aggregate{
				{Func: "avg", Measure: "pm25"}, {Func: "count", Measure: "pm25"},
			},
		},
		Output: []Output{
			{Name: "station", Kind: OutputDimension, Index: 0}, {Name: "month", Kind: OutputDimension, Index: 1},
			{Name: "avg(pm25)", Kind: OutputAggregate, Index: 0}, {Name: "count(pm25)", Kind: OutputAggregate, Index: 1},
		},
	}
	if diff := cmp.Diff(want, mustCompile(t, sql), requestAlone); diff != "" {
		t.Fatalf("compiled (-want +got):\n%s", diff)
	}
}

func TestCompileWhere(t *testing.T) {
	day := func(text string) calendar.Interval {
		g, i, err := calendar.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return g.Span(i, calendar.Hour)
	}
	all := calendar.Hour.Bounds()
	y2013, y2014, may, hour := day("2013"), day("2014"), day("2014-05"), day("2014-05-07T13")
	not := func(p catalog.Predicate) catalog.Predicate {
		return catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{p}}
	}
	op := func(op string, args ...catalog.Predicate) catalog.Predicate {
		return catalog.Predicate{Op: op, Args: args}
	}
	leaf := func(op, column, value string) catalog.Predicate {
		return catalog.Predicate{Op: op, Column: column, Values: []string{value}}
	}
	cases := []struct {
		where   string
		pred    catalog.Predicate
		periods []calendar.Interval
	}{
		{where: `period = '2013'`, periods: []calendar.Interval{y2013}},
		{where: `period = '2014-05-07T13'`, periods: []calendar.Interval{{From: hour.From, To: hour.From + 1}}},
		{where: `period <> '2013'`, periods: []calendar.Interval{{From: all.From, To: y2013.From}, {From: y2013.To, To: all.To}}},
		{where: `period < '2013'`, periods: []calendar.Interval{{From: all.From, To: y2013.From}}},
		{where: `period <= '2013'`, periods: []calendar.Interval{{From: all.From, To: y2013.To}}},
		{where: `period > '2013'`, periods: []calendar.Interval{{From: y2013.To, To: all.To}}},
		{where: `period >= '2013'`, periods: []calendar.Interval{{From: y2013.From, To: all.To}}},
		{where: `period BETWEEN '2013' AND '2014-05'`, periods: []calendar.Interval{{From: y2013.From, To: may.To}}},
		{where: `NOT period NOT BETWEEN '2013' AND '2014'`, periods: []calendar.Interval{{From: y2013.From, To: y2014.To}}},
		{where: `period IN ('2014', '2013', '2014-05')`, periods: []calendar.Interval{{From: y2013.From, To: y2014.To}}},
		{where: `period >= '2013' AND (period < '2014' OR period = '2014-05')`, periods: []calendar.Interval{y2013, may}},
		{where: `period < '2013' OR period >= '2013'`},
		{where: `county = 'a'`, pred: in("county", "a")},
		{where: `COUNTY != 'a'`, pred: not(in("county", "a"))},
		{where: `industry IN ('b', 'a', 'b') AND period = '2013'`, pred: in("Industry", "a", "b"), periods: []calendar.Interval{y2013}},
		{where: `period = '2013' AND (county = 'x' AND period <> '2014')`, pred: in("county", "x"), periods: []calendar.Interval{y2013}},
		{where: `county = 'a' OR county = 'b' OR NOT NOT county IN ('c')`, pred: in("county", "a", "b", "c")},
		{where: `county BETWEEN 'b' AND 'd' AND county > 'b'`, pred: op(catalog.OpAnd, leaf(catalog.OpGt, "county", "b"), leaf(catalog.OpLe, "county", "d"))},
		{where: `station = 'Dongsi' OR station_id = 'Tiantan' OR entity = 'Wanliu'`, pred: in("", "Dongsi", "Tiantan", "Wanliu")},
		{where: `NOT (county = 'a' AND "Industry" < 'b')`, pred: op(catalog.OpOr, not(in("county", "a")), leaf(catalog.OpGe, "Industry", "b"))},
		{where: `区县 = '桃城区' AND "order" = 'it''s'`, pred: op(catalog.OpAnd, in("order", "it's"), in("区县", "桃城区"))},
		{where: `county = 'a' OR county <> 'a'`},
		{where: `county LIKE '%'`},
		{where: `county LIKE 'a%'`, pred: op(catalog.OpAnd, leaf(catalog.OpGe, "county", "a"), leaf(catalog.OpLt, "county", "b"))},
		{where: "county LIKE 'a\ud7ff%'", pred: op(catalog.OpAnd, leaf(catalog.OpGe, "county", "a\ud7ff"), leaf(catalog.OpLt, "county", "a\ue000"))},
		{where: "county LIKE 'a\U0010ffff%'", pred: op(catalog.OpAnd, leaf(catalog.OpGe, "county", "a\U0010ffff"), leaf(catalog.OpLt, "county", "b"))},
		{where: `county LIKE 'a'`, pred: in("county", "a")},
		{where: `year(period) = 2013`, periods: []calendar.Interval{y2013}},
		{where: `EXTRACT(YEAR FROM period) BETWEEN 2013 AND '2014'`, periods: []calendar.Interval{{From: y2013.From, To: y2014.To}}},
		{where: `year(period) IN (2013) AND period <> DATE '2014-05'`, periods: []calendar.Interval{y2013}},
		{where: `county >= ''`},
	}
	for _, tc := range cases {
		t.Run(tc.where, func(t *testing.T) {
			got := mustCompile(t, "SELECT COUNT(*) FROM beijing_air WHERE "+tc.where).Request
			var want *catalog.Predicate
			if tc.pred.Op != "" {
				want = &tc.pred
			}
			if diff := cmp.Diff(want, got.Where); diff != "" {
				t.Errorf("predicate (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.periods, got.Periods); diff != "" {
				t.Errorf("periods (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompileDimensionsOutputsAndOrder(t *testing.T) {
	limit := func(n int) *int { return &n }
	month := catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Month}
	count, sum, avg := catalog.Aggregate{Func: "count"}, catalog.Aggregate{Func: "sum", Measure: "pm25"}, catalog.Aggregate{Func: "avg", Measure: "no2"}
	dim := func(name string, i int) Output { return Output{Name: name, Kind: OutputDimension, Index: i} }
	agg := func(name string, i int) Output { return Output{Name: name, Kind: OutputAggregate, Index: i} }
	cases := []struct {
		name, sql string
		want      Compiled
	}{
		{"aggregates are sorted and distinct", `select sum(PM25), COUNT( * ), "avg"(no2), Sum("pm25") from Beijing_Air`,
			Compiled{Request: catalog.Request{Select: []catalog.Aggregate{count, avg, sum}},
				Output: []Output{agg("sum(pm25)", 2), agg("count(*)", 0), agg("avg(no2)", 1), agg("sum(pm25)", 2)}}},
		{"dimensions in the order of SELECT, then of GROUP BY", `SELECT date_trunc('MONTH', Period), county, COUNT(*) FROM beijing_air
			GROUP BY "区县", county, date_trunc('month', period), 2`,
			Compiled{Request: catalog.Request{By: []catalog.Dimension{month, attribute("county"), attribute("区县")}, Select: []catalog.Aggregate{count}},
				Output: []Output{dim("date_trunc('month', period)", 0), dim("county", 1), agg("count(*)", 0)}}},
		{"aliases and positions", `SELECT county AS c, COUNT(*) AS n, SUM(pm25) AS "Total" FROM beijing_air GROUP BY c ORDER BY n DESC, 3 ASC, county, n LIMIT 10;`,
			Compiled{Request: catalog.Request{By: []catalog.Dimension{attribute("county")}, Select: []catalog.Aggregate{count, sum}},
				Output: []Output{dim("c", 0), agg("n", 0), agg("Total", 1)},
				Order:  []Order{{Output: 1, Desc: true}, {Output: 2}, {Output: 0}}, Limit: limit(10)}},
		{"the data's names come first in GROUP BY, the result's in ORDER BY", `SELECT county AS "Industry", COUNT(*) AS county FROM beijing_air GROUP BY county ORDER BY county`,
			Compiled{Request: catalog.Request{By: []catalog.Dimension{attribute("county")}, Select: []catalog.Aggregate{count}},
				Output: []Output{dim("Industry", 0), agg("county", 0)}, Order: []Order{{Output: 1}}}},
		{"expressions in ORDER BY", `SELECT period, COUNT(*) FROM beijing_air GROUP BY period ORDER BY count(*) desc, date_trunc('hour', period) LIMIT 0 -- none`,
			Compiled{Request: catalog.Request{By: []catalog.Dimension{{Kind: catalog.DimPeriod, Grain: calendar.Hour}}, Select: []catalog.Aggregate{count}},
				Output: []Output{dim("period", 0), agg("count(*)", 0)}, Order: []Order{{Output: 1, Desc: true}, {Output: 0}}, Limit: limit(0)}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.Request.Version, tc.want.Request.Dataset, tc.want.Request.SQL = 1, "beijing_air", tc.sql
			if diff := cmp.Diff(&tc.want, mustCompile(t, tc.sql), requestAlone); diff != "" {
				t.Fatalf("compiled (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompiledSurvivesJSON(t *testing.T) {
	want := mustCompile(t, `SELECT county, AVG(pm25) FROM beijing_air WHERE NOT county IN ('a', 'b') AND period >= '2014' GROUP BY county ORDER BY 2 DESC LIMIT 0`)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := new(Compiled)
	if err := json.Unmarshal(text, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, requestAlone); diff != "" {
		t.Fatalf("through JSON (-want +got):\n%s", diff)
	}
}

func TestOneMeaningIsOneRequest(t *testing.T) {
	same := [][]string{
		{`county = 'a' AND industry = 'x'`, `industry IN ('x') AND (county = 'a')`, `NOT (county <> 'a' OR NOT industry = 'x')`},
		{`county IN ('a', 'b')`, `county = 'b' OR county = 'a'`, `county IN ('a','b','c') AND county <> 'c'`},
		{`period BETWEEN '2013' AND '2014'`, `period = '2013' OR period = '2014'`, `period >= '2013' AND period < '2015'`, `NOT (period < '2013' OR period > '2014-Q4')`},
		{`county > 'a'`, `county >= 'a' AND county <> 'a'`},
		{`county = ''`, `county <= ''`, `NOT county > ''`},
	}
	for _, group := range same {
		var first string
		for i, where := range group {
			req := mustCompile(t, "SELECT COUNT(*) FROM beijing_air WHERE "+where).Request
			req.SQL = ""
			text, err := json.Marshal(req)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = string(text)
			}
			if string(text) != first {
				t.Errorf("%s\ngives %s\nwant  %s (as %s)", where, text, first, group[0])
			}
		}
	}
}

func TestCompileRefusesADescriptorWithoutGrain(t *testing.T) {
	s := beijing()
	s.Descriptor.Grain = "decade"
	if c, err := Compile("SELECT COUNT(*) FROM beijing_air", s); err == nil {
		t.Fatalf("compiled %+v on a dataset without a grain", c)
	}
}
