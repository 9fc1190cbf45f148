package token

import (
	"strings"
	"testing"
)

func TestSQLIsSplitAsPostgresDoes(t *testing.T) {
	for sql, want := range map[string]string{
		`SELECT "a""b".c::text, E'x\'y\n', $$it's$$, $f$a$f$ FROM t -- gone`: `SELECT "a""b".c::text, 'x''y` + "\n" + `', 'it''s', 'a' FROM t`,
		"a /* b /* c */ d */ e":                  "a e",
		"x !~* 'p' and y>=$1 or z<>1.5e-3":       "x !~* 'p' and y >= $1 or z <> 1.5e-3",
		"count(*) , sum ( nox )":                 "count(*), sum(nox)",
		"relname OPERATOR(pg_catalog.~) '^(a)$'": "relname OPERATOR(pg_catalog.~) '^(a)$'",
		"a[1] 县区='北'":                            "a [ 1 ] 县区 = '北'",
	} {
		list, err := Scan(sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := Join(list); got != want {
			t.Errorf("%s is read as %s, want %s", sql, got, want)
		}
	}
	for _, sql := range []string{"'a", `"a`, "/* a", "$a$ b", "\xff"} {
		if _, err := Scan(sql); err == nil {
			t.Errorf("%q is read", sql)
		}
	}
	if n := len(Statements(mustScan(t, "a;;b ; "))); n != 2 {
		t.Errorf("%d statements", n)
	}
}

func mustScan(t *testing.T, sql string) []Token {
	t.Helper()
	list, err := Scan(sql)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What is read is read alike when it is written again.
func FuzzScan(f *testing.F) {
	for _, sql := range []string{`SELECT "a" FROM b WHERE c = $1 AND d ~ E'\\x' LIMIT 1;`, "/**/ $$ $$ $x$ $x$", "1.2.3e+", "((([", `""""`} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		list, err := Scan(sql)
		if err != nil {
			return
		}
		Statements(list)
		Split(list, ",")
		for i := range list {
			Closing(list, i)
		}
		texts := make([]string, len(list))
		for i, x := range list {
			texts[i] = x.SQL()
		}
		again, err := Scan(strings.Join(texts, " "))
		if err != nil || len(again) != len(list) {
			t.Fatalf("%q: %d tokens, then %d, %v", sql, len(list), len(again), err)
		}
		for i := range list {
			if again[i].Kind != list[i].Kind || again[i].Text != list[i].Text {
				t.Fatalf("%q: %v is %v", sql, list[i], again[i])
			}
		}
	})
}
