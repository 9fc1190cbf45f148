package sql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// condition is a random WHERE with its meaning, worked out naively.
type condition struct {
	sql      string
	entity   func(county, industry, id string) bool // nil: a condition on periods
	period   func(hour int64) bool
	onPeriod bool
}

var sample = rapid.SampledFrom([]string{"", "a", "b", "c", "it's", "桃城区"})

func quoteAll(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, quoteText(v))
	}
	return out
}

func drawEntityTest(t *rapid.T) condition {
	column := rapid.SampledFrom([]string{"county", `"Industry"`, "station"}).Draw(t, "column")
	pick := func(county, industry, id string) string {
		return map[string]string{"county": county, `"Industry"`: industry, "station": id}[column]
	}
	if rapid.IntRange(0, 5).Draw(t, "like") == 0 {
		prefix := sample.Draw(t, "prefix")
		not := rapid.SampledFrom([]string{"", "NOT "}).Draw(t, "not like")
		return condition{sql: column + " " + not + "LIKE " + quoteText(prefix+"%"), entity: func(c, i, id string) bool {
			return strings.HasPrefix(pick(c, i, id), prefix) == (not == "")
		}}
	}
	test, sql := drawTest(t, column, sample, func(v string) (string, string) { return v, v })
	return condition{sql: sql, entity: func(c, i, id string) bool { return test(pick(c, i, id)) }}
}

// drawTest draws a comparison of text; ends gives the first and last text that a
// literal stands for.
func drawTest(t *rapid.T, column string, values *rapid.Generator[string], ends func(string) (string, string)) (func(string) bool, string) {
	not := rapid.SampledFrom([]string{"", "NOT "}).Draw(t, "not")
	negate := func(f func(string) bool) func(string) bool {
		return func(v string) bool { return f(v) != (not != "") }
	}
	within := func(literal string) func(string) bool {
		from, to := ends(literal)
		return func(v string) bool { return from <= v && v <= to }
	}
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); kind {
	case 0:
		list := rapid.SliceOfN(values, 1, 4).Draw(t, "values")
		return negate(func(v string) bool {
			return slices.ContainsFunc(list, func(l string) bool { return within(l)(v) })
		}), column + " " + not + "IN (" + strings.Join(quoteAll(list), ", ") + ")"
	case 1:
		from, to := values.Draw(t, "from"), values.Draw(t, "to")
		first, _ := ends(from)
		_, last := ends(to)
		if first > last { // which is a fault of the text
			from, to = to, from
			first, _ = ends(from)
			_, last = ends(to)
		}
		return negate(func(v string) bool { return first <= v && v <= last }),
			column + " " + not + "BETWEEN " + quoteText(from) + " AND " + quoteText(to)
	default:
		literal := values.Draw(t, "value")
		first, last := ends(literal)
		ops := []struct {
			op   string
			test func(string) bool
		}{
			{"=", within(literal)}, {"<>", func(v string) bool { return !within(literal)(v) }},
			{"<", func(v string) bool { return v < first }}, {"<=", func(v string) bool { return v <= last }},
			{">", func(v string) bool { return v > last }}, {">=", func(v string) bool { return v >= first }},
		}
		return negate(ops[kind-2].test), not + column + " " + ops[kind-2].op + " " + quoteText(literal)
	}
}

// hourText compares like the hour: ISO text of one form sorts by time.
func hourText(hour int64) string { return calendar.Hour.Format(hour) }

func drawPeriodTest(t *rapid.T) condition {
	literals := rapid.SampledFrom([]string{"2013", "2014", "2013-Q4", "2014-Q1", "2013-12", "2014-02", "2014-01-01", "2013-12-31T23", "0001", "9999"})
	test, sql := drawTest(t, "period", literals, func(l string) (string, string) {
		g, i, err := calendar.Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		span := g.Span(i, calendar.Hour)
		return hourText(span.From), hourText(span.To - 1)
	})
	return condition{sql: sql, onPeriod: true, period: func(h int64) bool { return test(hourText(h)) }}
}

// drawCondition draws a condition on entities, or on periods.
func drawCondition(t *rapid.T, onPeriod bool, depth int) condition {
	kind := rapid.IntRange(0, 4).Draw(t, "node")
	if depth == 0 || kind > 2 {
		if onPeriod {
			return drawPeriodTest(t)
		}
		return drawEntityTest(t)
	}
	if kind == 2 {
		c := drawCondition(t, onPeriod, depth-1)
		return condition{sql: "NOT (" + c.sql + ")", onPeriod: onPeriod,
			entity: func(a, b, id string) bool { return !c.entity(a, b, id) }, period: func(h int64) bool { return !c.period(h) }}
	}
	op := []string{"AND", "OR"}[kind]
	n := rapid.IntRange(2, 3).Draw(t, "arms")
	var arms []condition
	var texts []string
	for range n {
		c := drawCondition(t, onPeriod, depth-1)
		arms = append(arms, c)
		texts = append(texts, "("+c.sql+")")
	}
	every := func(test func(condition) bool) bool {
		for _, a := range arms {
			if test(a) != (op == "AND") {
				return op == "OR"
			}
		}
		return op == "AND"
	}
	return condition{sql: strings.Join(texts, " "+op+" "), onPeriod: onPeriod,
		entity: func(a, b, id string) bool {
			return every(func(c condition) bool { return c.entity(a, b, id) })
		},
		period: func(h int64) bool { return every(func(c condition) bool { return c.period(h) }) }}
}

var cells = []string{"", "a", "aa", "b", "c", "it's", "z", "桃城区"}

// TestWhereMeansWhatItSays compares compiled conditions with a naive reading.
func TestWhereMeansWhatItSays(t *testing.T) {
	from, to := calendar.Year.Span(2012-1970, calendar.Hour).From, calendar.Year.Span(2015-1970, calendar.Hour).To
	rapid.Check(t, func(t *rapid.T) {
		entities, periods := drawCondition(t, false, 3), drawCondition(t, true, 3)
		sql := "SELECT COUNT(*) FROM beijing_air WHERE (" + entities.sql + ") AND (" + periods.sql + ")"
		c, err := Compile(sql, beijing())
		empty := err != nil && strings.Contains(err.Error(), "can satisfy this condition")
		if err != nil && !empty {
			t.Fatalf("%s: %v", sql, err)
		}
		var rows, hours bool
		for _, county := range cells {
			for _, industry := range cells {
				want := entities.entity(county, industry, "b")
				rows = rows || want
				if err == nil && statetest.MatchRow(c.Request.Where, beijing().Columns, []string{"b", county, industry, "", ""}) != want {
					t.Fatalf("%s\ncounty %q, industry %q: want %v of %+v", sql, county, industry, want, c.Request.Where)
				}
			}
		}
		for h := from; h < to; h += 13 {
			want := periods.period(h)
			hours = hours || want
			if err != nil {
				continue
			}
			got := c.Request.Periods == nil || slices.ContainsFunc(c.Request.Periods, func(i calendar.Interval) bool { return i.From <= h && h < i.To })
			if got != want {
				t.Fatalf("%s\nhour %s: want %v of %v", sql, hourText(h), want, c.Request.Periods)
			}
		}
		if empty && rows && hours {
			t.Fatalf("%s is said to be empty, and is not: %v", sql, err)
		}
		if err == nil {
			checkCanonical(t, c)
		}
	})
}

// checkCanonical checks that a request is in canonical form.
func checkCanonical(t *rapid.T, c *Compiled) {
	if r := c.Request.Check(beijing().Descriptor, beijing().Columns); r != nil {
		t.Fatalf("the catalog refuses the request: %v", r)
	}
	if c.Request.Where != nil {
		again, always, never := canonical(*c.Request.Where)
		if always || never || cmp.Diff(*c.Request.Where, again) != "" {
			t.Fatalf("the predicate changes when made canonical again:\n%s", cmp.Diff(*c.Request.Where, again))
		}
	}
	for i, p := range c.Request.Periods {
		if p.From >= p.To || i > 0 && c.Request.Periods[i-1].To >= p.From {
			t.Fatalf("periods are not canonical: %v", c.Request.Periods)
		}
	}
}

// drawQuery draws a whole query that compiles.
func drawQuery(t *rapid.T) string {
	dims := []string{"station", "county", "Industry", `"区县"`, `"order"`,
		rapid.SampledFrom([]string{"period", "date_trunc('day', period)", "date_trunc('year', period)"}).Draw(t, "period dimension")}
	dims = rapid.Permutation(dims).Draw(t, "dimensions")[:rapid.IntRange(0, len(dims)).Draw(t, "n")]
	aggs := rapid.SliceOfN(rapid.SampledFrom([]string{"COUNT(*)", "COUNT(pm25)", "SUM(pm25)", "AVG(no2)", "SUM(no2)"}), 1, 6).Draw(t, "aggregates")
	var items, order []string
	for i, d := range rapid.Permutation(append(aggs, dims...)).Draw(t, "items") {
		switch rapid.IntRange(0, 3).Draw(t, "alias") {
		case 0:
			d += fmt.Sprintf(" AS x%d", i)
		case 1:
			d += fmt.Sprintf(` AS "Col ""%d"""`, i)
		}
		items = append(items, d)
		if rapid.Bool().Draw(t, "ordered") {
			order = append(order, fmt.Sprint(i+1)+rapid.SampledFrom([]string{"", " ASC", " DESC"}).Draw(t, "direction"))
		}
	}
	by := rapid.Permutation(dims).Draw(t, "group by")
	sql := "SELECT " + strings.Join(items, ", ") + " FROM beijing_air"
	var where []string
	for _, onPeriod := range []bool{false, true} {
		if rapid.Bool().Draw(t, "condition") {
			where = append(where, "("+drawCondition(t, onPeriod, 2).sql+")")
		}
	}
	if where != nil {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	if by != nil {
		sql += " GROUP BY " + strings.Join(by, ", ")
	}
	if order != nil {
		sql += " ORDER BY " + strings.Join(order, ", ")
	}
	if rapid.Bool().Draw(t, "limited") {
		sql += " LIMIT 7"
	}
	return sql
}

// TestFormatCompilesToTheSame prints compiled queries and compiles the print.
func TestFormatCompilesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sql := drawQuery(t)
		first, err := Compile(sql, beijing())
		if err != nil {
			if strings.Contains(err.Error(), "can satisfy this condition") {
				t.Skip("an empty condition")
			}
			t.Fatalf("%s: %v", sql, err)
		}
		checkCanonical(t, first)
		printed := Format(first, beijing())
		second, err := Compile(printed, beijing())
		if err != nil {
			t.Fatalf("%s\nprinted as %s: %v", sql, printed, err)
		}
		if again := Format(second, beijing()); again != printed {
			t.Fatalf("printed as %s\nand then as %s", printed, again)
		}
		first.Request.SQL, second.Request.SQL = "", ""
		if diff := cmp.Diff(first, second, requestAlone); diff != "" {
			t.Fatalf("%s\nprinted as %s\n(-first +second):\n%s", sql, printed, diff)
		}
	})
}
