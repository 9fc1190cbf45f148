package sql

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
)

// A refusal of a field of the request is shown under the words that say it, which
// the canonical order of the request has moved.
func TestLocateFindsTheWordsOfAField(t *testing.T) {
	const sql = "SELECT county, SUM(pm25), AVG(no2), COUNT(*)\n" +
		"FROM beijing_air WHERE county = 'a' AND period >= '2014'\n" +
		"  AND station IN PRIVATE(mine)\n" +
		"GROUP BY county, date_trunc('month', period)"
	c := mustCompile(t, sql)
	field := func(want catalog.Aggregate) string {
		for i, a := range c.Request.Select {
			if a == want {
				return "select[" + string(rune('0'+i)) + "]"
			}
		}
		t.Fatalf("the request %+v lacks %+v", c.Request.Select, want)
		return ""
	}
	for _, tc := range []struct {
		field  string
		line   int
		column int
		near   string
	}{
		{field(catalog.Aggregate{Func: "sum", Measure: "pm25"}), 1, 16, "SUM"},
		{field(catalog.Aggregate{Func: "avg", Measure: "no2"}), 1, 27, "AVG"},
		{"by[0]", 4, 10, "county"},
		{"by[1]", 4, 18, "date_trunc"},
		{"by", 4, 18, "date_trunc"},
		{"periods", 2, 51, "'2014'"},
		{"periods[3]", 2, 51, "'2014'"},
		{"in", 3, 18, "PRIVATE"},
		{"where", 2, 24, "county = 'a' AND period >= '2014'\n  AND station IN PRIVATE(mine)"},
	} {
		r := &catalog.Refusal{Rule: "rule", Reason: catalog.Why("order.state", "o-1", "refused"), Fix: []catalog.Reason{catalog.Why("fix.its_contract", "c-1")}, Field: tc.field}
		at := c.Locate(r)
		if at == nil || at.Line != tc.line || at.Column != tc.column || at.Near != tc.near || at.Message != "order o-1 is refused already; its contract is c-1" {
			t.Errorf("%s stands at %+v, want line %d column %d %q", tc.field, at, tc.line, tc.column, tc.near)
			continue
		}
		checkPlace(t, sql, at)
	}
	for _, field := range []string{"", "contract", "noise.epsilon", "select[9]"} {
		if at := c.Locate(&catalog.Refusal{Field: field}); at != nil {
			t.Errorf("field %q, which the SQL does not say, stands at %+v", field, at)
		}
	}
	whole := mustCompile(t, "SELECT COUNT(*) FROM beijing_air")
	for _, field := range []string{"where", "periods", "in", "by"} {
		if at := whole.Locate(&catalog.Refusal{Field: field}); at != nil {
			t.Errorf("field %q of a query without it stands at %+v", field, at)
		}
	}
}

func TestUnknownTellsOfTheFirstValuesAndTheirNeighbours(t *testing.T) {
	rows := [][]string{{"p1", "North", ""}, {"p2", "South", "x"}, {"p3", "South", "y"}}
	table, err := tables.New([]string{"county", "zone"}, rows)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compile("SELECT COUNT(*) FROM plants WHERE county IN ('North', 'sotuh', 'north') AND zone <> '' AND plant = 'p4' OR plant IN ('p1', 'q', 'r') AND county > 'no'",
		Schema{Descriptor: catalog.Descriptor{Dataset: "plants", Entity: "plant", Grain: calendar.Day}, Columns: []string{"county", "zone"}})
	if err != nil {
		t.Fatal(err)
	}
	unknown := Unknown(table, c.Values())
	var said []string
	for _, u := range unknown {
		said = append(said, u.Column+"/"+u.Value+"→"+u.Nearest)
	}
	if got := strings.Join(said, " "); got != "county/sotuh→South county/north→North /p4→p1" {
		t.Errorf("unknown are %s", got)
	}
	fault := c.Misspelt(unknown)
	if fault == nil || fault.Near != "'sotuh'" || fault.Nearest != "'South'" || fault.Want != "'North', 'South'" {
		t.Errorf("the first fault is %+v", fault)
	}
	if f := c.Misspelt(Unknown(table, []ColumnValues{{Column: "elsewhere", Values: []string{"a"}}})); f != nil {
		t.Errorf("a column that the registry does not have is misspelt: %+v", f)
	}
	many := make([][]string, 40)
	for i := range many {
		many[i] = []string{strings.Repeat("p", i+1)}
	}
	if table, err = tables.New(nil, many); err != nil {
		t.Fatal(err)
	}
	if f := c.Misspelt(Unknown(table, c.Values())); f == nil || !strings.HasSuffix(f.Want, "'"+strings.Repeat("p", maxAccepted)+"', … 16 more") {
		t.Errorf("of 40 entities are named: %+v", f)
	}
}

func TestGuessedPeriodsAreOnesThatCanBeWritten(t *testing.T) {
	for text, want := range map[string]string{
		"2014/05": "'2014-05'", "2014.5.7": "'2014-05-07'", "5/2014": "'2014-05'", "7.5.2014": "'2014-05-07'", "201405": "'2014-05'",
		"20140507": "'2014-05-07'", "2014050713": "'2014-05-07T13'", "2014年5月": "'2014-05'", "2014年": "'2014'", "2014年第3季度": "'2014-Q3'",
		"2014年四季度": "'2014-Q4'", "Q2 2014": "'2014-Q2'", "2014-q3": "'2014-Q3'", "May 2014": "'2014-05'", "7 Sept 2014": "'2014-09-07'", "2014-05-07 13:00": "'2014-05-07T13'",
		"２０１４－０５": "'2014-05'", "2014-13": "", "2014-02-30": "", "yesterday": "", "": "", "2014-05-07T13:30": "'2014-05-07T13:30'", "2014W5": "'2014-W05'", "2014年第5周": "'2014-W05'", "2014-05-07T13:31": "", "99": "", "Q5 2014": "",
		"2014-05-07T13:00:00+08:00": "", "20145": "", strings.Repeat("9", 80): "",
	} {
		if got := guessPeriod(text, ""); got != want {
			t.Errorf("%q is guessed to be %s, want %s", text, got, want)
		}
	}
	if got := guessPeriod("2014/5/7", calendar.Month); got != "" {
		t.Errorf("of a dataset of months a day is guessed: %s", got)
	}
	if got := guessPeriod("2014/5/7 13:00", calendar.HalfHour); got != "'2014-05-07T13:00'" {
		t.Errorf("of half-hours, an hour is guessed: %s", got)
	}
	if got := guessPeriod("2014/5", calendar.Week); got != "" {
		t.Errorf("of a dataset of weeks a month is guessed: %s", got)
	}
}
