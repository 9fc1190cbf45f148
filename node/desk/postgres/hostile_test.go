package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/desk/buyer"
)

// Whatever a session says, the desk answers, and goes on.
func TestNoStatementEndsTheDesk(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("options=-c%20weir.coverage%3Don")
	for _, sql := range []string{
		"BEGIN; DECLARE a CURSOR FOR SELECT firm FROM works; FETCH 1 FROM a; FETCH 9223372036854775807 FROM a",
		"BEGIN; DECLARE a CURSOR FOR SELECT firm FROM works; FETCH ABSOLUTE 0 FROM a; MOVE ABSOLUTE 9223372036854775807 IN a; FETCH 2 FROM a",
		"SELECT left('x')", "SELECT left()", "SELECT right('x')", "SELECT split_part('a')", "SELECT split_part('a', 'b', 'c')", "SELECT string_to_array('a')", "SELECT quote_ident()", "SELECT position('a')",
		"SELECT date_trunc('month')", "SELECT date_trunc()", "SELECT date_part('year')", "SELECT replace('a')", "SELECT array_to_string('{a}')", "SELECT array_to_string()", "SELECT parse_ident()", "SELECT btrim()",
		"SELECT pg_array_json()", "SELECT pg_subscript('a')", "SELECT format()", "SELECT format('%s')", "SELECT format('%')", "SELECT regexp_replace('a')", "SELECT regexp_replace('a', '(', 'b')", "SELECT to_regclass()",
		"SELECT format_type()", "SELECT obj_description()", "SELECT col_description()", "SELECT set_config('a')", "SELECT set_config()", "SELECT current_setting()", "SELECT to_regtype()", "SELECT pg_oid()", "SELECT pg_int()", "SELECT pg_bool()",
		"SELECT pg_date()", "SELECT array_length()", "SELECT array_upper('x', 99999999999)", "SELECT pg_series()", "SELECT pg_series(1)", "SELECT pg_series(1, 1000000000)", "SELECT to_json()", "SELECT has_schema_privilege()",
		"SELECT array_agg()", "SELECT string_agg('a')", "SELECT pg_regclass()", "SELECT pg_regproc()", "SELECT pg_regnamespace()", "SELECT pg_array()", "SELECT regexp('a')", "SELECT 'a' ~ '('", "SELECT md5()",
		"SELECT date_trunc('', '')", "SELECT date_trunc('month', 'x')", "SELECT date_part('', '')", "SELECT split_part('a', '', 1)", "SELECT split_part('a', 'b', 99999999999999999999)", "SELECT left('a', -99999999999999999999)", "SELECT right('äöü', -1)",
		"SELECT pg_subscript('{a}', -1)", "SELECT pg_subscript('{', 1)", "SELECT ('{a}'::text[])[0]", "SELECT pg_array_json('{\"')", "SELECT array_to_string('{\"', ',')",
		"COPY () TO STDOUT", "COPY TO STDOUT", "COPY works() TO STDOUT", "COPY works( TO STDOUT", "COPY (SELECT 1) TO STDOUT (FORMAT", "COPY ctid TO STDOUT", "COPY (SELECT firm FROM works WHERE ctid BETWEEN) TO STDOUT",
		"FETCH", "MOVE", "CLOSE", "DEALLOCATE", "DEALLOCATE PREPARE", "EXPLAIN", "EXPLAIN (", "EXPLAIN ()", "EXPLAIN (ANALYZE", "DECLARE", "DECLARE a CURSOR FOR", "SET", "SET a", "SET a =", "SET LOCAL", "SET SESSION", "RESET", "SHOW", "SET TIME ZONE",
		"ROLLBACK TO", "SAVEPOINT", "DISCARD", "TABLE", "VALUES", "WITH", "SELECT", "(", ")", "(SELECT", "SELECT * FROM (", "SELECT * FROM works WHERE period BETWEEN", "SELECT * FROM works WHERE period IN (", "SELECT CAST(", "SELECT CAST(a AS", "SELECT a::", "SELECT a::numeric(",
		"SELECT firm FROM works LIMIT", "SELECT DISTINCT", "SELECT DISTINCT FROM works", "SELECT COUNT( FROM works", "SELECT SUM(nox) FROM works GROUP BY", "SELECT SUM(nox) FROM works ORDER BY", "SELECT DATE_PART('year'", "SELECT TIMESTAMP", "SELECT TIMESTAMP WITH", "SELECT EXTRACT(",
		"SELECT ARRAY[", "SELECT ARRAY(", "SELECT a[", "SELECT CASE", "SELECT x NULLS", "SELECT * FROM works a JOIN", "SELECT * FROM works JOIN works USING (", "SELECT public.", "SELECT * FROM public.", "SELECT works.", "SELECT $$", "SELECT U&'", "SELECT E'\\", "SELECT '\\u0000'", "SELECT E'\\000'",
		"SELECT zeroblob(2000000000)", "SELECT replace(hex(zeroblob(1000000)), '0', 'xxxxxxxxxxxxxxxx')",
		"SELECT load_extension('/tmp/x')", "SELECT readfile('/etc/passwd')", "SELECT writefile('/tmp/weir-hostile.txt', 'y')",
		"SELECT * FROM pragma_database_list", "SELECT * FROM sqlite_schema", "WITH x AS (SELECT 1) INSERT INTO works VALUES (1)", "SELECT 1; ATTACH '/tmp/weir-hostile.db' AS x", "EXPLAIN ATTACH '/tmp/weir-hostile.db' AS y", "SELECT fts3_tokenizer('simple')",
	} {
		r, err := c.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		if err == nil {
			for r.Next() {
				continue
			}
			err = r.Err()
		}
		e, told := errors.AsType[*pgconn.PgError](err)
		if err != nil && !told || told && (e.Code == stateInternal || e.Severity == "FATAL") {
			t.Fatalf("%s ends with %v", sql, err)
		}
		if _, err := c.Exec(t.Context(), "ROLLBACK; CLOSE ALL"); err != nil {
			t.Fatalf("after %s: %v", sql, err)
		}
	}
	for _, file := range []string{"/tmp/weir-hostile.db", "/tmp/weir-hostile.txt"} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("a statement made %s", file)
		}
	}
}

// by sends messages of the extended protocol, and returns the codes of the errors and whether the session goes on.
func (w *world) by(c *pgx.Conn, messages ...pgproto3.FrontendMessage) (codes []string, alive bool) {
	w.Helper()
	f := c.PgConn().Frontend()
	for _, m := range append(messages, &pgproto3.Sync{}) {
		f.Send(m)
	}
	if err := f.Flush(); err != nil {
		return codes, false
	}
	for {
		m, err := f.Receive()
		if err != nil {
			return codes, false
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			codes = append(codes, m.Code)
		case *pgproto3.ReadyForQuery:
			return codes, true
		}
	}
}

func TestNoMessageEndsTheDesk(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("options=-c%20weir.coverage%3Don")
	for what, x := range map[string]struct {
		code string
		sent []pgproto3.FrontendMessage
	}{
		"no statement, described":        {"", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: " ; "}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}},
		"no statement, bound to a value": {stateProtocol, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: ""}, &pgproto3.Bind{Parameters: [][]byte{{1}}}}},
		"a format that there is not":     {stateProtocol, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT 1"}, &pgproto3.Bind{ResultFormatCodes: []int16{7}}}},
		"more types than parameters":     {stateTooLarge, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT 1", ParameterOIDs: make([]uint32, 60_000)}}},
		"a parameter without a number":   {"42P02", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT $0"}}},
		"a parameter beyond all":         {"42P02", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT $99999999999999999999"}}},
		"a zero byte in a text":          {stateParameter, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT set_config('application_name', $1, false)"}, &pgproto3.Bind{Parameters: [][]byte{[]byte("a\x00b")}}, &pgproto3.Execute{}}},
		"a text that is not UTF-8":       {stateParameter, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT $1"}, &pgproto3.Bind{Parameters: [][]byte{{0xff, 0xfe}}}, &pgproto3.Execute{}}},
		"a day beyond the calendar":      {"", []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT $1", ParameterOIDs: []uint32{1082}}, &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0x7f, 0xff, 0xff, 0xff}}}, &pgproto3.Execute{}}},
		"a numeric of a billion digits":  {stateParameter, []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT $1", ParameterOIDs: []uint32{1700}}, &pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1}}}, &pgproto3.Execute{}}},
		"nothing is copied in":           {stateProtocol, []pgproto3.FrontendMessage{&pgproto3.CopyData{Data: []byte("x")}}},
		"a portal that there is not":     {stateNoCursor, []pgproto3.FrontendMessage{&pgproto3.Execute{Portal: "x"}}},
	} {
		codes, alive := w.by(c, x.sent...)
		if !alive {
			t.Fatalf("%s ends the session, %v", what, codes)
		}
		if want := slices.DeleteFunc([]string{x.code}, func(s string) bool { return s == "" }); !slices.Equal(codes, want) {
			t.Errorf("%s: %v, want %v", what, codes, want)
		}
	}
}

// A panic in a statement ends its session; the desk, and other sessions, go on.
func TestAPanicEndsItsSessionAlone(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Asker = panicking{o.Asker} })
	other, _ := w.connect("")
	c, _ := w.connect("options=-c%20weir.spend%3Don")
	const sql = "SELECT SUM(nox) FROM works"
	_, err := c.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Severity != "FATAL" || e.Code != stateInternal || strings.Contains(e.Message, "secret") {
		t.Errorf("a panic is told as %v", err)
	}
	if got := rows(t, other, "SELECT 1"); len(got) != 1 {
		t.Errorf("another session is given %v", got)
	}
}

// panicking panics when it is asked what it has.
type panicking struct{ Asker }

func (panicking) Kept(context.Context, buyer.Question) (*buyer.Answer, error) { panic("with a secret") }

// What a session set is gone with its transaction as in Postgres, so that a pool that rolls back, or says DISCARD ALL, hands
// on no session that spends.
func TestAPoolHandsOnNoSessionThatSpends(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	for _, x := range []struct{ sql, want string }{
		{"SET weir.spend = on", "on"},
		{"DISCARD TEMP", "on"}, {"DISCARD ALL", "off"},
		{"BEGIN; SET weir.spend = on; ROLLBACK", "off"},
		{"BEGIN; SET weir.spend = on; SELECT 1", "on"}, {"ROLLBACK", "off"},
		{"BEGIN; SELECT set_config('weir.spend', 'on', false); ROLLBACK", "off"},
		{"BEGIN; SET weir.spend = on; COMMIT", "on"}, {"RESET ALL", "off"},
		{"BEGIN; SET LOCAL weir.spend = on; SELECT 1", "on"}, {"COMMIT", "off"},
		{"SET LOCAL weir.spend = on", "off"},
		{"BEGIN; SELECT set_config('weir.spend', 'on', true)", "on"}, {"COMMIT", "off"}, {"SELECT set_config('weir.spend', 'on', true)", "off"},
		{"BEGIN; SET LOCAL weir.spend = on; SET weir.spend = on; COMMIT", "on"}, {"SET SESSION weir.spend = off", "off"},
		{"BEGIN; SET weir.spend = on; SELECT no_function(1)", "fails"}, {"ROLLBACK", "off"},
		{"BEGIN; SET weir.spend = on; SELECT no_function(1)", "fails"}, {"COMMIT", "off"},
		{"SET my.own = 'x'; DISCARD ALL; SHOW my.own", "fails"},
	} {
		_, err := c.Exec(t.Context(), x.sql, pgx.QueryExecModeSimpleProtocol)
		if (err != nil) != (x.want == "fails") {
			t.Fatalf("%s: %v", x.sql, err)
		}
		if err != nil {
			continue
		}
		if got := rows(t, c, "SELECT current_setting('weir.spend')", pgx.QueryExecModeSimpleProtocol); !slices.Equal(got, []string{x.want}) {
			t.Errorf("after %s it is %v, want %s", x.sql, got, x.want)
		}
	}
}

// Prepared statements that nobody closes take no more than so much memory, and go with DEALLOCATE ALL.
func TestPreparedStatementsAreBoundedTogether(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	long := "SELECT 1" + strings.Repeat(" + 1", 8000)
	refused := -1
	for i := range 40 {
		codes, alive := w.by(c, &pgproto3.Parse{Name: fmt.Sprint("s", i), Query: long})
		if !alive {
			t.Fatal("the session has ended")
		}
		if len(codes) > 0 {
			if refused = i; codes[0] != stateTooLarge {
				t.Fatal(codes)
			}
			break
		}
	}
	if refused != 16 {
		t.Errorf("statement %d is the first that is refused", refused)
	}
	if codes, _ := w.by(c, &pgproto3.Parse{Query: "DEALLOCATE ALL"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}); len(codes) > 0 {
		t.Error(codes)
	}
	if codes, _ := w.by(c, &pgproto3.Parse{Name: "again", Query: long}); len(codes) > 0 {
		t.Error(codes)
	}
}

// A client that does not read what it is sent does not hold up the desk's end.
func TestTheDeskEndsWhileAClientDoesNotRead(t *testing.T) {
	w := &world{T: t, fake: &fake{kept: map[string]*buyer.Answer{}}, password: rand.Text()}
	var err error
	if w.server, err = Listen("127.0.0.1:0", Options{Asker: w.fake, Password: w.password}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve(ctx) }()
	c, _ := w.connect("")
	f := c.PgConn().Frontend()
	f.Send(&pgproto3.Query{String: "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 90000) SELECT n, hex(zeroblob(500)) FROM t"})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Receive(); err != nil { // it is being answered
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(writeTime / 2):
		t.Error("the desk waits for a client that does not read")
	}
}
