package postgres

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// Arrays are sent in binary as pgx writes them, and read as it does; int2vector begins with 0.
func TestArraysAreSentInBinary(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("default_query_exec_mode=cache_statement")
	types := pgtype.NewMap()
	for _, x := range []struct {
		text string
		oid  uint32
		want any
	}{
		{"{1,NULL,-3}", pgtype.Int4ArrayOID, []*int32{new(int32(1)), nil, new(int32(-3))}}, {"{7}", pgtype.OIDArrayOID, []uint32{7}},
		{`{a,"b c","NULL",NULL,"\"\\"}`, pgtype.TextArrayOID, []*string{new("a"), new("b c"), new("NULL"), nil, new(`"\`)}}, {"{t,f}", pgtype.BoolArrayOID, []bool{true, false}},
		{"{1.50,2}", pgtype.NumericArrayOID, []float64{1.5, 2}}, {"{f1}", pgtype.NameArrayOID, []string{"f1"}}, {"{1,2}", pgtype.Int2ArrayOID, []int16{1, 2}},
	} {
		got, err := encode(types, x.text, x.oid, formatBinary)
		if err != nil {
			t.Fatalf("%s: %v", x.text, err)
		}
		want, err := types.Encode(x.oid, formatBinary, x.want, nil)
		if err != nil {
			t.Fatal(err)
		}
		if x.oid != pgtype.NumericArrayOID { // a decimal has two forms
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: %s", x.text, d)
			}
		}
		read, err := parameter(got, x.oid, formatBinary)
		if err != nil {
			t.Fatalf("%s: %v", x.text, err)
		}
		if text := strings.Replace(x.text, "1.50,2", "1.5,2", 1); x.oid != pgtype.NumericArrayOID && read.Text != text {
			t.Errorf("%s is read as %s", x.text, read.Text)
		}
	}
	if got, err := encode(types, "{}", pgtype.Int8ArrayOID, formatBinary); err != nil || len(got) != 12 || binary.BigEndian.Uint32(got) != 0 {
		t.Errorf("an empty array is %x, %v", got, err) // Postgres sends no dimension of it
	}
	vector, err := encode(types, "1 2", 22, formatBinary) // of int2vector
	if err != nil || binary.BigEndian.Uint32(vector[16:]) != 0 || binary.BigEndian.Uint32(vector[12:]) != 2 {
		t.Errorf("a vector is %x, %v", vector, err)
	}
	if got := rows(t, c, "SELECT conkey, ARRAY[1,2], ARRAY['x'], current_schemas(true) FROM (SELECT 1 AS one) o LEFT JOIN pg_constraint ON true"); len(got) != 1 || got[0] != "NULL|[1 2]|[x]|[pg_catalog public]" {
		t.Errorf("arrays are read as %q", got)
	}
	if got := rows(t, c, "SELECT DISTINCT county FROM works WHERE county = ANY($1) ORDER BY 1", []string{"south", "no'ne", "a,b"}); len(got) != 1 || got[0] != "south" {
		t.Errorf("rows by an array are %q", got)
	}
	if _, err := c.Exec(t.Context(), "SET weir.spend = on"); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, c, "SELECT SUM(nox) FROM works WHERE county = ANY($1)", []string{"north"}); len(got) != 1 || got[0] != "900.06" {
		t.Errorf("figures by an array are %q", got)
	}
	if e := refusalOf(t, c, "SELECT SUM(nox) FROM works WHERE county = ANY($1)", []string{}); e.Code != stateSyntax {
		t.Errorf("an empty array: %+v", e)
	}
}

// A malformed array ends its statement with what is wrong, and neither the session nor more than it may take.
func TestMalformedArraysAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.connect("")
	number := func(list ...uint32) (b []byte) {
		for _, n := range list {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	for name, value := range map[string][]byte{
		"nothing": {}, "no type": number(1, 0), "two dimensions": number(2, 0, 23, 1, 1, 1, 1, 4, 1), "another type": number(1, 0, 25, 1, 1, 4, 1), "no elements": number(1, 0, 23, 1, 1),
		"four billion": number(1, 0, 23, 0xffffffff, 1, 4, 1), "a negative length": number(1, 0, 23, 1, 1, 0xfffffffe, 1), "a long element": number(1, 0, 23, 1, 1, 400, 1),
		"a short element": append(number(1, 0, 23, 1, 1, 2), 0, 1), "more bytes": number(1, 0, 23, 1, 1, 4, 1, 9), "too many": append(number(1, 0, 23, maxElements+1, 1), number(make([]uint32, 2*(maxElements+1))...)...),
	} {
		f := c.PgConn().Frontend()
		f.SendParse(&pgproto3.Parse{Query: "SELECT 1 WHERE 1 = ANY($1)", ParameterOIDs: []uint32{pgtype.Int4ArrayOID}})
		f.SendBind(&pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{value}})
		f.SendExecute(&pgproto3.Execute{})
		f.SendSync(&pgproto3.Sync{})
		if err := f.Flush(); err != nil {
			t.Fatal(err)
		}
		state := ""
		for ready := false; !ready; {
			m, err := f.Receive()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch m := m.(type) {
			case *pgproto3.ErrorResponse:
				state = m.Code
			case *pgproto3.ReadyForQuery:
				ready = true
			}
		}
		if want := map[bool]string{true: stateTooLarge, false: stateParameter}[name == "too many"]; state != want {
			t.Errorf("%s ends with %q, want %q", name, state, want)
		}
	}
	for _, text := range []string{"{1,2", "1,2", "{{1},{2}}", "{1}}", `{"a}`, "{,}", "{1,}"} {
		if got, err := pgcatalog.ArrayElements(text); err == nil {
			t.Errorf("%s is read as %d elements", text, len(got))
		}
	}
	if got := rows(t, c, "SELECT 1"); len(got) != 1 {
		t.Errorf("afterwards: %q", got)
	}
}

// A day that a driver sends with its machine's offset is that day: pgJDBC writes java.sql.Date so, where the type is not said.
func TestADayHasNoOffset(t *testing.T) {
	for _, x := range []struct {
		text, sign string
		own        calendar.Grain
		want       string
	}{
		{"2024-02-01 +00", ">=", calendar.Month, "2024-02"}, {"2024-02-01 +00", "=", calendar.Month, "2024-02"}, {"2024-02-01 -11:00", "<", calendar.Month, "2024-02"}, {"2024-02-01 +08:00:00", "<=", calendar.Year, "2024"},
		{"2024-02-01 +05:30", ">=", calendar.Day, "2024-02-01"}, {"2024-02-01 +00", ">=", calendar.Hour, "2024-02-01"}, {"2024-02-02 +00", ">=", calendar.Month, "2024-03"},
		{"2024-01-31 16:00:00+00", ">=", calendar.Month, "2024-02"}, {"2024-02-01T00:00:00+08:00:00", ">=", calendar.Day, "2024-02-01"},
	} {
		if got := periodLiteral(x.text, x.sign, x.own, 8*60*60*1e9); got != x.want {
			t.Errorf("period %s %q of %s is %q, want %q", x.sign, x.text, x.own, got, x.want)
		}
	}
	w := newWorld(t, nil)
	c, _ := w.connect("default_query_exec_mode=simple_protocol")
	for _, text := range []string{"2024-02-01 +00", "2024-02-01", "2024-02-01T00:00:00+08:00", "2024-01-31 16:00:00Z"} {
		if got := rows(t, c, "SELECT firm FROM works WHERE period = '"+text+"' AND county = 'north'"); len(got) != 2 {
			t.Errorf("rows of %s are %q", text, got)
		}
	}
}

// Literals in parentheses, as pgJDBC writes them by the simple protocol, are literals; lists and calls stay as they are.
func TestLiteralsLoseTheirParentheses(t *testing.T) {
	for sql, want := range map[string]string{
		"a >= ('2024-01-01 +00') AND b = (-5) AND c IN ('x')":  "a >= '2024-01-01 +00' AND b = - 5 AND c IN ('x')",
		"a BETWEEN ('1'::date) AND ('2') LIMIT (3)":            "a BETWEEN '1'::date AND '2' LIMIT 3",
		"SUM(1), (a), ((2)), f('x'), IN (('a'), ('b')), - (1)": "SUM(1), (a), (2), f('x'), IN ('a', 'b'), - 1",
		"a = ANY('{x}'), a.b = (1 + 2), x.(1), '('(":           "a = ANY('{x}'), a.b = (1 + 2), x.(1), '(' (",
		"SELECT * FROM (VALUES (1), (2)) v WHERE v = (3)":      "SELECT * FROM (VALUES (1), (2)) v WHERE v = 3",
	} {
		list, err := token.Scan(sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := token.Join(unparenthesized(list)); got != want {
			t.Errorf("%s is %s, want %s", sql, got, want)
		}
	}
}
