package pgcatalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// told writes elements with a sign about each, and NULL without.
func told(parts []*string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		if out[i] = "NULL"; p != nil {
			out[i] = "<" + *p + ">"
		}
	}
	return strings.Join(out, " ")
}

// The text of an array is read as array_in of Postgres reads it, and what ArrayText writes is read as what it was.
func TestArraysAreReadAsPostgresReadsThem(t *testing.T) {
	for text, want := range map[string]string{
		"{}": "", " { } ": "", "{a}": "<a>", "{a,b}": "<a> <b>", " { a , b c\t} ": "<a> <b c>", `{""}`: "<>", `{ "a b" , "," , "}" }`: "<a b> <,> <}>",
		`{\a\ , \"\\}`: `<a > <"\>`, `{"\"\\\a"}`: `<"\a>`, "{'a'}": "<'a'>", "{1,-2.5}": "<1> <-2.5>", "{NULL}": "NULL", "{null, Null ,nulls}": "NULL NULL <nulls>",
		`{"NULL",N\ULL}`: "<NULL> <NULL>", "{äöü}": "<äöü>",
	} {
		got, err := ArrayElements(text)
		if err != nil || told(got) != want {
			t.Errorf("%s is read as %s, %v, want %s", text, told(got), err, want)
		}
		again, err := ArrayElements(ArrayText(got))
		if err != nil || told(again) != want {
			t.Errorf("%s is written as %s, and read as %s, %v", text, ArrayText(got), told(again), err)
		}
	}
	for _, text := range []string{
		"", "a", "1 2", "a}", "{", "{a", "{a,", `{"a`, `{"a"`, `{a\`, `{"a\`, "{,}", "{a,}", "{,a}", "{a,,b}", "{a}}", "{a}b", "{a} {b}", "{{a},{b}}", "{a{b}", `{a"b"}`, `{"a"b}`, `{"a" "b"}`, `{a" "}`,
		"[1:2]={a,b}",
	} {
		if got, err := ArrayElements(text); err == nil {
			t.Errorf("%s is read as %s", text, told(got))
		}
	}
	for text, want := range map[string]string{"": "", " 1  -2 ": "<1> <-2>"} {
		if got, err := VectorElements(text); err != nil || told(got) != want {
			t.Errorf("vector %q is read as %s, %v, want %s", text, told(got), err, want)
		}
	}
	for _, text := range []string{"a", "1,2", "{1}", "1 NULL", "1.5"} {
		if got, err := VectorElements(text); err == nil {
			t.Errorf("vector %s is read as %s", text, told(got))
		}
	}
}

// A NULL within an array is NULL to the functions of the catalogue, and a malformed array ends the query.
func TestFunctionsReadArraysAsPostgresDoes(t *testing.T) {
	d := works(t)
	for sql, want := range map[string]string{
		`SELECT ('{a,NULL,"NULL"}'::text[])[1], ('{a,NULL,"NULL"}'::text[])[2], ('{a,NULL,"NULL"}'::text[])[3]`:                      "a <nil> NULL",
		"SELECT array_length('{a,NULL}', 1), array_length('{}', 1), array_length('4 5 6', 1), array_upper('', 1)":                    "2 <nil> 3 <nil>",
		"SELECT array_to_string('{a,NULL,b}', '-'), array_to_string('{a,NULL,b}', '-', '?'), array_to_string('{a,NULL}', '-', NULL)": "a-b a-?-b a",
		"SELECT x IS NULL FROM unnest('{a,NULL}'::text[]) AS x":                                                                      "false true",
		"SELECT 'a' = ANY('{a,NULL}'), 'b' = ANY('{a,NULL}'), 'NULL' = ANY('{NULL}'), 'NULL' = ANY('{\"NULL\"}'), 2 = ANY('1 2')":    "true <nil> <nil> true true",
		"SELECT ARRAY[1,NULL], array_to_string(ARRAY[1,NULL,2], ',')":                                                                "{1,NULL} 1,2",
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
	for _, sql := range []string{"SELECT array_length('{a', 1)", "SELECT ('{a,}'::text[])[1]", `SELECT array_to_string('{"a}', ',')`, "SELECT * FROM unnest('{{a}}')", "SELECT 'a' = ANY('a')"} {
		list, err := token.Scan(sql)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := d.Query(t.Context(), list, false); err == nil {
			t.Errorf("%s gives %v", sql, r.Rows)
		} else if !strings.Contains(err.Error(), errArrayText.Error()) && !strings.Contains(err.Error(), errVectorText.Error()) {
			t.Errorf("%s ends with %v", sql, err)
		}
	}
}
