package pgcatalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// works is a dataset of three firms over two months.
func works(t *testing.T) *DB {
	t.Helper()
	d, err := Open(7, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	table := Table{ID: "works", State: "1", Comment: "Works", Rows: 6, Columns: []Column{
		{"firm", EntityColumn, OIDText, ""}, {"county", EntityColumn, OIDText, ""}, {"period", PeriodColumn, OIDDate, "month"}, {"nox", MeasureColumn, OIDNumeric, "kg"}, {"so2", MeasureColumn, OIDNumeric, "kg"},
	}}
	if err := d.List([]Table{table}); err != nil {
		t.Fatal(err)
	}
	if err := d.Load("works", Content{Entities: [][]string{{"f1", "north"}, {"f2", "north"}, {"f3", "south"}}, Periods: []string{"2024-01-01", "2024-02-01"}}); err != nil {
		t.Fatal(err)
	}
	d.Setting = func(name string) (string, bool) {
		value, ok := map[string]string{"search_path": `"$user", public`, "server_version_num": "150018"}[name]
		return value, ok
	}
	return d
}

func query(t *testing.T, d *DB, sql string) *Result {
	t.Helper()
	list, err := token.Scan(sql)
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Query(t.Context(), list, false)
	if err != nil {
		t.Fatalf("%s\n%s\n%v", sql, translate(list), err)
	}
	return r
}

// Every probe of the fixtures is answered. Those of a session's own statements (SET, SHOW) are not the catalogue's.
func TestProbesOfClientsAreAnswered(t *testing.T) {
	d := works(t)
	files, err := filepath.Glob("testdata/probes/*.sql")
	if err != nil || len(files) < 9 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		probes := strings.Split(string(b), "-- ==\n")
		if head := strings.ToLower(probes[0]); !strings.HasPrefix(head, "-- recorded: ") && !strings.HasPrefix(head, "-- read in source: ") {
			t.Errorf("%s does not say where it comes from", file)
		}
		for i, probe := range probes[1:] {
			probe = strings.ReplaceAll(probe, "{oid}", fmt.Sprint(d.Table("works").OID))
			list, err := token.Scan(probe)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) == 0 || list[0].Is("SET", "SHOW", "DEALLOCATE", "BEGIN", "COMMIT", "ROLLBACK", "COPY", "DISCARD") { // a session's own
				continue
			}
			if list[len(list)-1].Is(";") {
				list = list[:len(list)-1]
			}
			r, err := d.Query(t.Context(), list, false)
			if err != nil {
				t.Errorf("%s, probe %d: %v\n%s\n%s", filepath.Base(file), i+1, err, probe, translate(list))
				continue
			}
			want := -1
			if _, err := fmt.Sscanf(probe, "-- rows: %d", &want); err == nil && len(r.Rows) != want {
				t.Errorf("%s, probe %d has %d rows, want %d: %v", filepath.Base(file), i+1, len(r.Rows), want, r.Rows)
			}
		}
	}
}

// Literal periods, arrays, casts and the other things that SQLite reads in another way mean what Postgres means.
func TestQueriesMeanWhatPostgresMeans(t *testing.T) {
	d := works(t)
	for sql, want := range map[string]string{
		"SELECT ARRAY[1,2,3][2], 'a' = ANY('{a,b}'::text[]), 3 <> ALL (ARRAY[1,2]), ARRAY(SELECT firm FROM works GROUP BY firm ORDER BY 1)":                                                                                                          "2 true true {f1,f2,f3}",
		"SELECT 'works'::regclass::oid = c.oid, c.oid::regclass::text, 1700::regtype, 'numeric'::regtype::oid FROM pg_class c WHERE c.relname = 'works'":                                                                                             "true works numeric 1700",
		"SELECT format_type(atttypid, NULL), attnotnull FROM pg_catalog.pg_attribute WHERE attname = 'period'":                                                                                                                                       "date true",
		"SELECT 'abc' ~ '^A', 'abc' ~* '^A', 'abc' !~ 'c$', 'abc' LIKE 'a%', 'abc' ILIKE 'A%'":                                                                                                                                                       "false true false true true",
		"SELECT string_agg(x::text, ',') FROM generate_series(1, 3) AS x, unnest('{q}'::text[]) y":                                                                                                                                                   "1,2,3",
		"SELECT date_trunc('quarter', date '2024-05-07'), EXTRACT(DOW FROM '2024-05-07'), date_part('epoch', '1970-01-02')":                                                                                                                          "2024-04-01 00:00:00 2 86400",
		"SELECT split_part('a.b', '.', 2), position('b' in 'abc'), left('abc', -1), quote_ident('A b'), format('%I.%s', 'a', 'B')":                                                                                                                   `b 2 ab "A b" a.B`,
		"SELECT CASE WHEN true THEN 'x' END::text || 'y', coalesce(NULL, current_user), current_schema":                                                                                                                                              "xy weir public",
		"SELECT 1 UNION ALL SELECT 2 FETCH FIRST 1 ROW ONLY":                                                                                                                                                                                         "1",
		"SELECT has_schema_privilege('public', 'CREATE'), has_table_privilege('works', 'SELECT'), has_table_privilege('works', 'INSERT'), has_any_column_privilege(current_user, 'works', 'update'), has_table_privilege('works', 'SELECT, DELETE')": "false true false false true",
		"SELECT substring('abcdef' from 0 for 3), substring('abc' from 2), substring('abcdef', -1, 4), trim(both '\"' from '\"x\"'), trim(leading from ' x')":                                                                                        "ab bc ab x x",
		"SELECT count(*) > 400, count(*) FILTER (WHERE word = 'select') FROM pg_get_keywords() WHERE catcode <> 'X'":                                                                                                                                 "true 1",
		"SELECT q.a FROM ((SELECT oid, relname AS a FROM pg_class) q JOIN pg_namespace n ON a = 'works' AND n.oid = 2200) LEFT JOIN pg_attribute x ON x.attrelid = q.oid AND x.attname = 'nox'":                                                      "works",
	} {
		var cells []string
		for _, row := range query(t, d, sql).Rows {
			for _, cell := range row {
				cells = append(cells, fmt.Sprint(cell))
			}
		}
		if got := strings.Join(cells, " "); got != want {
			t.Errorf("%s is %s, want %s", sql, got, want)
		}
	}
}

// Decimals of an answer are ordered and compared by value, and stay what they are.
func TestAnswersAreTables(t *testing.T) {
	d := works(t)
	r := &Result{Columns: []ResultColumn{{Name: "name", Type: OIDText}, {Name: "sum", Type: OIDNumeric}, {Name: "n", Type: OIDInt8}}, Rows: [][]any{{"a", "9.50", int64(2)}, {"b", "100000000000000000.01", nil}, {"c", "10.0", int64(1)}, {"d", nil, int64(0)}}}
	if err := d.Temporary("weir figures 1", r); err != nil {
		t.Fatal(err)
	}
	got := query(t, d, `SELECT name, sum, n FROM temp."weir figures 1" WHERE sum > 9.6 ORDER BY sum DESC`)
	if s := fmt.Sprint(got.Rows); s != "[[b 100000000000000000.01 <nil>] [c 10.0 1]]" || got.Columns[1].Type != OIDNumeric || got.Columns[2].Type != OIDInt8 {
		t.Errorf("%s, %v", s, got.Columns)
	}
}

// A query that takes too long ends with its context, and only queries are answered.
func TestQueriesAreBounded(t *testing.T) {
	d := works(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	list, err := token.Scan("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Query(ctx, list, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
	for _, sql := range []string{"DELETE FROM pg_class", "ATTACH 'x' AS y", "PRAGMA writable_schema = on", "SELECT 1; SELECT 2", "CREATE TABLE x (y)"} {
		if list, err = token.Scan(sql); err != nil {
			t.Fatal(err)
		}
		if r, err := d.Query(t.Context(), list, false); err == nil {
			t.Errorf("%s gives %v", sql, r)
		}
	}
	if n := len(query(t, d, "SELECT * FROM pg_class WHERE relname = 'works'").Rows); n != 1 {
		t.Errorf("works is listed %d times", n)
	}
}
