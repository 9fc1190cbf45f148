package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// modes are the ways in which pgx asks: by the simple protocol in text, by the extended one in binary.
var modes = []string{"default_query_exec_mode=simple_protocol", "default_query_exec_mode=cache_statement", "default_query_exec_mode=describe_exec", "default_query_exec_mode=exec"}

// Figures are those of the plain readings, in text and in binary, with parameters and without, as tools write queries.
func TestFiguresAreAnswered(t *testing.T) {
	for _, mode := range modes {
		w := newWorld(t, nil)
		c, notices := w.connect(mode)
		if _, err := c.Exec(t.Context(), "SET weir.spend = on"); err != nil {
			t.Fatal(err)
		}
		north, south := "900.06", "3600.09"
		for _, q := range []struct {
			sql  string
			args []any
			want []string
		}{
			{"SELECT county, SUM(nox) AS s FROM works GROUP BY county", nil, []string{"north|" + north, "south|" + south}},
			{`SELECT "w"."county" AS "County", SUM("w"."nox") AS "Sum of nox" FROM "public"."works" "w" GROUP BY "w"."county" ORDER BY 1 ASC NULLS FIRST`, nil, []string{"north|" + north, "south|" + south}},
			{`SELECT CAST(DATE_TRUNC('month', "public"."works"."period") AS date) AS "period", COUNT(1) AS "n" FROM "public"."works" WHERE "public"."works"."period" >= timestamp with time zone '2024-02-01 00:00:00.000+08:00' GROUP BY CAST(DATE_TRUNC('month', "public"."works"."period") AS date)`, nil,
				[]string{"2024-02-01|5", "2024-03-01|5"}},
			{"SELECT county, SUM(nox)::float8 FROM weir.public.works WHERE county = $1 AND period < $2 GROUP BY 1", []any{"north", "2024-03-01"}, nil},
			{"SELECT SUM(nox) FROM public.works WHERE (1 = 1) AND nox IS NOT NULL AND (period BETWEEN '2024-01-01T00:00:00+08:00' AND '2024-01-31T15:59:59+08:00')", nil, []string{"1500.00"}},
			{"SELECT * FROM (SELECT county, SUM(nox) AS s FROM works GROUP BY county) q LIMIT 1", nil, []string{"north|" + north}},
			{"SELECT county, s FROM (SELECT county, SUM(nox) AS s FROM works GROUP BY county) q WHERE s > 1000.5 ORDER BY s DESC", nil, []string{"south|" + south}},
			{"SELECT county, SUM(nox) FROM (SELECT * FROM works) t GROUP BY county OFFSET 1", nil, []string{"south|" + south}},
			{"WITH a AS (SELECT county, SUM(nox) AS s FROM works GROUP BY county), b AS (SELECT county, COUNT(*) AS n FROM works GROUP BY county) SELECT a.county, a.s, b.n FROM a JOIN b USING (county) ORDER BY 1", nil,
				[]string{"north|" + north + "|6", "south|" + south + "|9"}},
			{"SELECT SUM(nox) FROM works LIMIT 0", nil, nil},
			{`SELECT floor(extract(epoch from period)/86400)*86400 AS "time", county AS metric, SUM(nox) AS "nox" FROM works WHERE county = 'north' AND period BETWEEN '2024-01-31T16:00:00Z' AND '2024-12-31T15:59:59.999Z' GROUP BY 1, 2 ORDER BY 1`, nil,
				[]string{"1706745600|north|300.02", "1709251200|north|300.04"}}, // 1706745600 is 2024-02-01 in `date`
			{`SELECT extract(epoch from w.period) as "time", COUNT(*) FROM works w WHERE period >= '2024-03-01' GROUP BY extract(epoch from w.period) ORDER BY extract(epoch from w.period) DESC`, nil, []string{"1709251200|5"}},
			{"SELECT time_bucket('3600.000s',period) AS t, COUNT(*) FROM works GROUP BY t LIMIT 1", nil, []string{"2024-01-01|5"}},
			{"SELECT t, n FROM (SELECT floor(extract(epoch from period)/3600)*3600 AS t, COUNT(*) AS n FROM works GROUP BY t) q WHERE t > 1706745600", nil, []string{"1709251200|5"}},
			{"SELECT EXTRACT(YEAR FROM period) AS y, SUM(nox) FROM works GROUP BY y", nil, []string{"2024|4500.15"}},
		} {
			got := rows(t, c, q.sql, q.args...)
			if q.args != nil {
				q.want = []string{"north|600.02"}
			}
			if d := cmp.Diff(q.want, got); d != "" {
				t.Errorf("%s, %s:\n%s", mode, q.sql, d)
			}
		}
		if all := strings.Join(*notices, "\n"); !strings.Contains(all, "1 group withheld by policy") || !strings.Contains(all, "the nodes answered: query q-00000000, 10.00 CNY, of contract c-12345678") {
			t.Errorf("%s: the notices are %s", mode, all)
		}
	}
}

// weir.verify asks for a checked answer, which is another question than the plain one: a notice says what came of the
// comparison, and with weir.coverage a column.
func TestACheckedAnswerSaysSo(t *testing.T) {
	w := newWorld(t, nil)
	c, notices := w.connect("default_query_exec_mode=simple_protocol")
	if _, err := c.Exec(t.Context(), "SET weir.spend = on; SET weir.coverage = on"); err != nil {
		t.Fatal(err)
	}
	const sum = "SELECT county, SUM(nox) FROM works GROUP BY county"
	if got := rows(t, c, sum); got[0] != "north|900.06|2|3" || strings.Contains(strings.Join(*notices, "\n"), "checked") {
		t.Errorf("a plain one: %q, %q", got, *notices)
	}
	if _, err := c.Exec(t.Context(), "SET weir.verify = on"); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, c, sum); got[0] != "north|900.06|2|3|3 sets agree" || !strings.Contains(strings.Join(*notices, "\n"), "checked: all 3 sets of nodes agree (n1, n2, n3)") {
		t.Errorf("a checked one: %q, %q", got, *notices)
	}
	if w.fake.charged() != 2 {
		t.Errorf("charged %d times", w.fake.charged())
	}
}

// A column that was dragged costs nothing: the error says what it would cost, and names the setting. A hundred refreshes
// of a dashboard cost one charge.
func TestNothingIsSpentUnasked(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	const sum = "SELECT county, SUM(nox) FROM works GROUP BY county"
	e := refusalOf(t, c, sum)
	if e.Code != stateSpend || !strings.Contains(e.Message, "10.00 CNY") || !strings.Contains(e.Hint, "SET weir.spend = on") || !strings.Contains(e.Detail, "9 queries") {
		t.Errorf("without spending: %+v", e)
	}
	if got := rows(t, c, "EXPLAIN "+sum); len(got) != 3 || !strings.Contains(got[1], "10.00 CNY") {
		t.Errorf("explained as %q", got)
	}
	if w.fake.charged() != 0 {
		t.Fatal("it was charged")
	}
	other, _ := w.connect("options=-c%20weir.spend%3Don")
	want := []string{"north|900.06", "south|3600.09"}
	if d := cmp.Diff(want, rows(t, other, sum)); d != "" {
		t.Error(d)
	}
	for i := range 100 {
		conn := []*pgx.Conn{c, other}[i%2] // the one does not spend
		if d := cmp.Diff(want, rows(t, conn, sum)); d != "" {
			t.Fatalf("refresh %d: %s", i, d)
		}
	}
	if n := w.fake.charged(); n != 1 {
		t.Errorf("100 refreshes are charged %d times", n)
	}
	readOnly := newWorld(t, func(o *Options) { o.ReadOnly = true })
	c, _ = readOnly.connect("")
	if e := refusalOf(t, c, "SET weir.spend = on"); e.Code != stateReadOnly {
		t.Errorf("a read-only desk: %+v", e)
	}
}

// Public columns are shown row by row, and measures as NULL with a notice; nobody is asked.
func TestRowsHaveNoReadings(t *testing.T) {
	for _, mode := range modes {
		w := newWorld(t, nil)
		c, notices := w.connect(mode)
		got := rows(t, c, "SELECT * FROM works LIMIT 2")
		if d := cmp.Diff([]string{"f1|north|2024-01-01|NULL|NULL", "f1|north|2024-02-01|NULL|NULL"}, got); d != "" {
			t.Errorf("%s: %s", mode, d)
		}
		if len(*notices) != 1 || !strings.Contains((*notices)[0], "measures are NULL") {
			t.Errorf("%s: the notices are %q", mode, *notices)
		}
		for sql, want := range map[string][]string{
			"SELECT DISTINCT county FROM works ORDER BY 1":                                              {"north", "south"},
			`SELECT "county" AS "c" FROM "public"."works" AS "t" GROUP BY "t"."county" ORDER BY 1 DESC`: {"south", "north"},
			"SELECT MIN(period), MAX(period) FROM works":                                                {"2024-01-01|2024-03-01"},
			"SELECT COUNT(DISTINCT county) FROM works":                                                  {"2"},
			"SELECT firm FROM works WHERE county = 'south' AND period = '2024-02-01' AND firm > 'f3'":   {"f4"},
		} {
			if d := cmp.Diff(want, rows(t, c, sql)); d != "" {
				t.Errorf("%s, %s: %s", mode, sql, d)
			}
		}
		if w.fake.charged() != 0 {
			t.Error("it was charged")
		}
	}
}

// Errors have the states that clients know, and say what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	for _, x := range []struct{ sql, state, message, hint string }{
		{"SELECT SUM(nox) FROM works WHERE firm = 'f1'", stateRefused, "the largest group has 1 entity", "ask without the condition on entities: SELECT SUM(nox) FROM works"},
		{"SELECT SUM(nix) FROM works", stateColumn, "nix", "nox"},
		{"SELECT MAX(nox) FROM works", stateSyntax, "", ""},
		{"SELECT * FROM wroks", stateTable, "wroks", "\\dt"},
		{"SELECT a FROM works", stateColumn, "a", ""},
		{"SELECT initcap(county) FROM works", stateFunction, "initcap", "aggregates"},
		{"SELECT floor(extract(epoch from period)/604800)*604800 AS time, SUM(nox) FROM works GROUP BY 1", stateNotSupported, "intervals of 604800 seconds", "1d; or date_trunc('month', period)"},
		{"SELECT 'a", stateSyntax, "not closed", ""},
		{"SELECT $1", "42P02", "", ""},
		{"INSERT INTO works VALUES (1)", stateReadOnly, "INSERT", "page"},
		{"DROP TABLE works", stateReadOnly, "DROP", ""},
		{"COPY works FROM STDIN", stateReadOnly, "COPY", "TO STDOUT"},
		{"SET weir.spent = on", stateNoSetting, "weir.spent", "weir.spend"},
		{"SET weir.spend = maybe", stateParameter, "on or off", ""},
		{"SET client_encoding = 'GBK'", stateParameter, "UTF-8", ""},
		{"SHOW nothing", stateNoSetting, "nothing", "SHOW ALL"},
		{"FETCH 1 FROM nothing", stateNoCursor, "nothing", ""},
		{"SELECT SUM(a.nox) FROM works a LEFT JOIN works b ON true", stateNotSupported, "", "join the rows afterwards"},
	} {
		_, err := c.Exec(t.Context(), x.sql, pgx.QueryExecModeSimpleProtocol)
		e := problemOfClient(t, x.sql, err)
		if e.Code != x.state || !strings.Contains(e.Message, x.message) || !strings.Contains(e.Hint, x.hint) {
			t.Errorf("%s ends with %s %q, hint %q, detail %q", x.sql, e.Code, e.Message, e.Hint, e.Detail)
		}
	}
	if _, err := c.Exec(t.Context(), "SET weir.spend = on"); err != nil {
		t.Fatal(err)
	}
	if e := refusalOf(t, c, "SELECT SUM(nox) FROM works WHERE firm = 'f1'"); e.Code != stateRefused || !strings.Contains(e.Hint, "SELECT SUM(nox) FROM works") {
		t.Errorf("where it spends: %+v", e)
	}
}
