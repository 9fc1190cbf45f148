package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A portal gives out as many rows as it is asked for, and a cursor too; both end with their transaction.
func TestRowsAreGivenOutInPieces(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "DECLARE a NO SCROLL CURSOR FOR SELECT firm, period FROM works"); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		sql  string
		rows int
		tag  string
	}{{"FETCH 4 FROM a", 4, "FETCH 4"}, {"FETCH FORWARD 10 IN a", 10, "FETCH 10"}, {"MOVE ABSOLUTE 13 IN a", 0, "MOVE 1"}, {"FETCH ALL a", 2, "FETCH 2"}, {"FETCH NEXT FROM a", 0, "FETCH 0"}} {
		r, err := tx.Query(t.Context(), x.sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for r.Next() {
			n++
		}
		if r.Err() != nil || n != x.rows || r.CommandTag().String() != x.tag {
			t.Errorf("%s gives %d rows, %s, %v", x.sql, n, r.CommandTag(), r.Err())
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := refusalOf(t, c, "FETCH 1 FROM a"); e.Code != stateNoCursor {
		t.Errorf("after the transaction: %+v", e)
	}
	// An error within a transaction ends what can be done in it.
	if tx, err = c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := refusalOf(t, c, "SELECT * FROM no_table"); e.Code != stateTable {
		t.Errorf("in a transaction: %+v", e)
	}
	if e := refusalOf(t, c, "SELECT 1"); e.Code != stateAborted {
		t.Errorf("in a failed transaction: %+v", e)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}

	// By hand: Execute with at most four rows.
	f := c.PgConn().Frontend()
	f.SendParse(&pgproto3.Parse{Query: "SELECT firm FROM works"})
	f.SendBind(&pgproto3.Bind{})
	for range 4 {
		f.SendExecute(&pgproto3.Execute{MaxRows: 4})
	}
	f.SendSync(&pgproto3.Sync{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		m, err := f.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			got = append(got, "row")
		case *pgproto3.PortalSuspended:
			got = append(got, "suspended")
		case *pgproto3.CommandComplete:
			got = append(got, string(m.CommandTag))
		case *pgproto3.ReadyForQuery:
			want := strings.Repeat("row row row row suspended ", 3) + "row row row SELECT 3"
			if s := strings.Join(got, " "); s != want {
				t.Errorf("given out are %s", s)
			}
			return
		}
	}
}

// COPY gives rows as text, CSV and binary, as DuckDB reads tables.
func TestCopyGivesRows(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("options=-c%20weir.spend%3Don")
	for sql, want := range map[string]string{
		"COPY (SELECT county, SUM(nox) AS s FROM works GROUP BY county) TO STDOUT (FORMAT csv, HEADER)": "county,s\nnorth,900.06\nsouth,3600.09\n",
		"COPY works (firm, nox) TO STDOUT": strings.Repeat("f1\t\\N\n", 3) + strings.Repeat("f2\t\\N\n", 3) + strings.Repeat("f3\t\\N\n", 3) + strings.Repeat("f4\t\\N\n", 3) + strings.Repeat("O'Hara\t\\N\n", 3),
		// As DuckDB writes it (duckdb/duckdb-postgres, src/postgres_scanner.cpp at 007b34b1): of a table, and of postgres_query.
		`COPY (SELECT "firm", "period", "nox" FROM "public"."works" WHERE ctid BETWEEN '(0,0)'::tid AND '(4294967295,0)'::tid AND ("county" = 'north' AND "county" IS NOT NULL) LIMIT 1) TO STDOUT (FORMAT "binary");`: string(copyHeader) +
			"\x00\x03\x00\x00\x00\x02f1\x00\x00\x00\x04\x00\x00\x22\x3e\xff\xff\xff\xff\xff\xff",
		`COPY (SELECT "county", "s" FROM (SELECT county, SUM(nox) AS s FROM works GROUP BY county) AS __unnamed_subquery ) TO STDOUT (FORMAT "binary");`: string(copyHeader) +
			"\x00\x02\x00\x00\x00\x05north\x00\x00\x00\x0c\x00\x02\x00\x00\x00\x00\x00\x02\x03\x84\x02\x58" + "\x00\x02\x00\x00\x00\x05south\x00\x00\x00\x0c\x00\x02\x00\x00\x00\x00\x00\x02\x0e\x10\x03\x84\xff\xff",
		`COPY (SELECT NULL FROM "public"."works" WHERE ctid BETWEEN '(0,0)'::tid AND '(4294967295,0)'::tid LIMIT 2) TO STDOUT (FORMAT "binary");`: string(copyHeader) + strings.Repeat("\x00\x01\xff\xff\xff\xff", 2) + "\xff\xff",
		`COPY (SELECT "firm" FROM "public"."works" WHERE ctid BETWEEN '(1000,0)'::tid AND '(4294967295,0)'::tid) TO STDOUT`:                       "",
		`COPY (SELECT "county" FROM "public"."works" WHERE ctid BETWEEN '(0,0)'::tid AND '(4294967295,0)'::tid AND "firm" = 'f3') TO STDOUT (FORMAT "binary")`: string(copyHeader) +
			strings.Repeat("\x00\x01\x00\x00\x00\x05south", 3) + "\xff\xff",
	} {
		var b bytes.Buffer
		if _, err := c.PgConn().CopyTo(t.Context(), &b, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if b.String() != want {
			t.Errorf("%s gives %q, want %q", sql, b.String(), want)
		}
	}
}

// A request to cancel ends the statement of who knows its secret, and nobody else's.
func TestAStatementIsCancelled(t *testing.T) {
	w := newWorld(t, nil)
	w.fake.hang, w.fake.asking = make(chan struct{}), make(chan struct{})
	c, _ := w.connect("options=-c%20weir.spend%3Don")
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "SELECT SUM(nox) FROM works")
		ended <- err
	}()
	<-w.fake.asking
	cancel := func(pid uint32, key []byte) {
		conn, err := net.Dial("tcp", w.server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() //nolint:errcheck // nothing more is read
		b, err := (&pgproto3.CancelRequest{ProcessID: pid, SecretKey: key}).Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil { // it is closed when the request was looked at
			t.Fatal(err)
		}
	}
	cancel(c.PgConn().PID(), []byte("none"))
	select {
	case err := <-ended:
		t.Fatalf("a stranger's request ends it: %v", err)
	default:
	}
	cancel(c.PgConn().PID(), c.PgConn().SecretKey())
	if e := problemOfClient(t, "the statement", <-ended); e.Code != stateCancelled {
		t.Errorf("it ends with %+v", e)
	}
	if got := rows(t, c, "SELECT 1"); len(got) != 1 {
		t.Errorf("afterwards: %q", got)
	}
}

// Who does not know the password gets nothing: not by a wrong one, not in another user's name, not by sending what comes
// after a login, not by bytes of another protocol. A message of 2 GB is refused before it is read.
func TestAStrangerGetsNothing(t *testing.T) {
	w := newWorld(t, nil)
	for name, url := range map[string]string{
		"a wrong password": strings.Replace(w.url(""), w.password, "wrong-wrong-wrong-wrong-", 1),
		"no password":      strings.Replace(w.url(""), ":"+w.password, "", 1),
		"another user":     strings.Replace(w.url(""), "weir:", "postgres:", 1),
		"another database": strings.Replace(w.url(""), "/weir", "/other", 1),
	} {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			conn.Close(t.Context()) //nolint:errcheck // it should not be there
			t.Errorf("%s: connected", name)
		}
	}
	start, err := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "weir"}}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	query, err := (&pgproto3.Query{String: "SELECT version()"}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	header := func(kind string, length uint32) []byte { return binary.BigEndian.AppendUint32([]byte(kind), length) }
	for name, bytes := range map[string][]byte{
		"a query in place of a proof": append(append([]byte{}, start...), query...),
		"2 GB at once":                header("", 0x7fffffff), "2 GB of a proof": append(append([]byte{}, start...), header("p", 0x7fffffff)...),
		"a length below none": append(append([]byte{}, start...), header("p", 1)...),
		"a page's request":    []byte("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
		"SCRAM of another":    append(append([]byte{}, start...), mustEncode(t, &pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256-PLUS", Data: []byte("p=tls-unique,,n=,r=a")})...),
		"SCRAM without nonce": append(append([]byte{}, start...), mustEncode(t, &pgproto3.SASLInitialResponse{AuthMechanism: mechanism, Data: []byte("n,,n=,r=")})...),
	} {
		conn, err := net.Dial("tcp", w.server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(bytes); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(string(got), "PostgreSQL") || strings.Contains(string(got), "works") || len(got) > 1000 {
			t.Errorf("%s is answered %q", name, got)
		}
		conn.Close() //nolint:errcheck,gosec // nothing more is read
	}
	// After a login a message may be large, and not of 2 GB.
	c, _ := w.connect("")
	raw := c.PgConn().Conn()
	if _, err := raw.Write(header("Q", 0x7fffffff)); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(raw); !strings.Contains(string(got), stateTooLarge) { //nolint:errcheck // what came is looked at
		t.Errorf("2 GB of a query are answered %q", got)
	}
	if _, err := Listen("0.0.0.0:0", Options{Password: w.password}); err == nil {
		t.Error("it listens on every interface")
	}
	if _, err := Listen("127.0.0.1:0", Options{Password: "short"}); err == nil {
		t.Error("a short password is taken")
	}
}

func mustEncode(t *testing.T, m pgproto3.FrontendMessage) []byte {
	t.Helper()
	b, err := m.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Connections are bounded, those without a password more tightly, and who is over is told.
func TestConnectionsAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	var held []net.Conn
	for range maxStrangers {
		conn, err := net.Dial("tcp", w.server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
		if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil { // SSLRequest
			t.Fatal(err)
		}
		no := make([]byte, 1)
		if _, err := io.ReadFull(conn, no); err != nil || no[0] != 'N' {
			t.Fatalf("%q, %v", no, err)
		}
	}
	_, err := pgx.Connect(t.Context(), w.url(""))
	var e *pgconn.PgError
	if e = problemOfClient(t, "one more", err); e.Code != stateTooMany {
		t.Errorf("one more ends with %+v", e)
	}
	for _, conn := range held {
		conn.Close() //nolint:errcheck,gosec // nothing more is read
	}
}

// psql, as a real process, lists and describes tables, asks, and reads the password from a file.
func TestPsql(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("there is no psql")
	}
	w := newWorld(t, nil)
	host, port, err := net.SplitHostPort(w.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(passwords, []byte(w.server.Addr()+":weir:weir:"+w.password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), psql, append([]string{"-X", "-w", "-h", host, "-p", port, "-U", "weir", "weir"}, args...)...)
		cmd.Env = append(os.Environ(), "PGPASSFILE="+passwords, "LC_ALL=C")
		b, err := cmd.CombinedOutput()
		if err != nil {
			return string(b) + err.Error()
		}
		return string(b)
	}
	for _, x := range []struct {
		args []string
		want string
	}{
		{[]string{"-c", `\d`}, " public | works | table | weir"}, {[]string{"-c", `\dt`}, " public | works | table | weir"}, {[]string{"-c", `\dt+`}, "| Works"},
		{[]string{"-c", `\l`}, " weir | weir  | UTF8"}, {[]string{"-c", `\dn`}, " public | weir"}, {[]string{"-c", `\du`}, "weir"},
		{[]string{"-c", `\d works`}, " nox    | numeric |           |          |"}, {[]string{"-c", `\d+ works`}, "| kg"}, {[]string{"-c", `\conninfo`}, `connected to database "weir"`},
		{[]string{"-At", "-c", "SET weir.spend = on", "-c", "SELECT county, SUM(nox) FROM works GROUP BY county"}, "north|900.06\nsouth|3600.09\n"},
		{[]string{"-At", "-v", "FETCH_COUNT=2", "-c", "SELECT DISTINCT firm FROM works ORDER BY 1"}, "O'Hara\nf1\nf2\nf3\nf4\n"},
		{[]string{"-c", "SELECT SUM(nox) FROM works WHERE firm = 'f1'"}, "HINT:  ask without the condition on entities: SELECT SUM(nox) FROM works"},
		{[]string{"-c", `\copy (SELECT DISTINCT county FROM works ORDER BY 1) TO STDOUT CSV`}, "north\nsouth\n"},
	} {
		if got := run(x.args...); !strings.Contains(got, x.want) || strings.Contains(got, "not understood") {
			t.Errorf("psql %q prints\n%s\nwant in it %q", x.args, got, x.want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(w.dir, ProbesFile)); err == nil {
		t.Errorf("not understood of psql is\n%s", b)
	}
	if err := os.WriteFile(passwords, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run("-c", "SELECT 1"); !strings.Contains(got, "no password supplied") {
		t.Errorf("without a password psql prints %s", got)
	}
}

// psycopg, SQLAlchemy and psycopg2 of the machine's own Python, where they are there.
func TestPsycopg(t *testing.T) {
	python := "/usr/bin/python3"
	ran := false
	for module, script := range map[string]string{
		"psycopg": `
import psycopg, decimal, datetime, sys
with psycopg.connect(sys.argv[1]) as c:
    c.execute("SET weir.spend = on")
    for binary in (False, True):
        with c.cursor(binary=binary) as k:
            k.execute("SELECT county, date_trunc('month', period) AS m, SUM(nox) AS s, COUNT(*) AS n FROM works WHERE county = %s AND period >= %s GROUP BY county, m", ["north", datetime.date(2024, 3, 1)])
            assert k.fetchall() == [("north", datetime.date(2024, 3, 1), decimal.Decimal("300.04"), 2)], k.fetchall()
    with c.cursor("named") as k:
        k.execute("SELECT firm FROM works")
        assert len(k.fetchmany(4)) == 4 and len(k.fetchall()) == 11
print("ok")`,
		"psycopg2": `
import psycopg2, decimal, sys
c = psycopg2.connect(sys.argv[1])
k = c.cursor()
k.execute("SET weir.spend = on")
k.execute("SELECT SUM(nox) FROM works WHERE county IN %s", (("north", "south"),))
assert k.fetchall() == [(decimal.Decimal("4500.15"),)]
c.commit()
n = c.cursor("named")
n.execute("SELECT firm FROM works")
assert len(list(n)) == 15
print("ok")`,
		"sqlalchemy": `
import sqlalchemy as sa, sys
e = sa.create_engine(sys.argv[1].replace("postgres://", "postgresql://"))
i = sa.inspect(e)
assert i.get_table_names() == ["works"] and i.get_schema_names() == ["information_schema", "public"], (i.get_table_names(), i.get_schema_names())
assert [c["name"] for c in i.get_columns("works")] == ["firm", "county", "period", "nox", "so2"]
assert i.get_pk_constraint("works")["constrained_columns"] == [] and i.get_indexes("works") == [] and i.get_foreign_keys("works") == []
with e.connect() as c:
    c.execute(sa.text("SET weir.spend = on"))
    t = sa.Table("works", sa.MetaData(), autoload_with=e)
    q = sa.select(t.c.county, sa.func.sum(t.c.nox)).where(t.c.period >= sa.text("'2024-03-01'")).group_by(t.c.county).order_by(t.c.county)
    assert [str(r[1]) for r in c.execute(q)] == ["300.04", "1200.09".replace("09", "06")], list(c.execute(q))
print("ok")`,
	} {
		if exec.CommandContext(t.Context(), python, "-c", "import "+module).Run() != nil {
			t.Logf("%s has no %s", python, module)
			continue
		}
		ran = true
		w := newWorld(t, nil)
		b, err := exec.CommandContext(t.Context(), python, "-c", script, w.url("")).CombinedOutput()
		if err != nil || strings.TrimSpace(string(b)) != "ok" {
			t.Errorf("%s: %s, %v", module, b, err)
		}
		if b, err := os.ReadFile(filepath.Join(w.dir, ProbesFile)); err == nil {
			t.Errorf("not understood of %s is\n%s", module, b)
		}
	}
	if !ran {
		t.Skip("there is no psycopg")
	}
}

// What is not understood is written down once, in a file that only this user reads.
func TestWhatIsNotUnderstoodIsWrittenDown(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("application_name=tool")
	for range 3 {
		if e := refusalOf(t, c, "SELECT pg_strange(1)", pgx.QueryExecModeSimpleProtocol); e.Code != stateFunction {
			t.Errorf("a strange function: %+v", e)
		}
	}
	file := filepath.Join(w.dir, ProbesFile)
	b, err := os.ReadFile(file)
	if err != nil || strings.Count(string(b), "\n") != 1 || !strings.Contains(string(b), `"client":"tool"`) || !strings.Contains(string(b), "SELECT pg_strange(1)") {
		t.Errorf("written down is %s, %v", b, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(os.FileMode(0o600), info.Mode()); d != "" {
		t.Error(d)
	}
}
