package query

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzCompile compiles any text. Whatever it is, it compiles to something that
// can be printed and compiled again, or fails with an error that points into it.
func FuzzCompile(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "faults.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for block := range strings.SplitSeq(string(data), "\n----\n") {
		sql, _, _ := strings.Cut(block, "\n====\n")
		f.Add(sql)
	}
	f.Add(`SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25) FROM beijing_air GROUP BY station, month`)
	f.Add(`SELECT COUNT(*) FROM beijing_air WHERE NOT (county IN ('a', 'b') OR "Industry" >= 'x') AND period BETWEEN '2013' AND '2014-05' ORDER BY 1 DESC LIMIT 3`)
	f.Add(`SELECT county, SUM(pm25), COUNT(*) FROM beijing_air WHERE entity IN PRIVATE(mine) AND period BETWEEN '2024-01' AND '2024-12' GROUP BY county`)
	f.Add(`SELECT SUM(pm25 * PRIVATE(loans)), SUM(PRIVATE(loans)), WAVG("pm10", PRIVATE("loans")) AS w FROM beijing_air ORDER BY w`)
	f.Add("SELECT\xff COUNT(*)")
	f.Add("-- \xff\n''\"\"")
	f.Fuzz(func(t *testing.T, sql string) {
		c, err := Compile(sql, beijing())
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) {
				t.Fatalf("%q fails with a %T: %v", sql, err, err)
			}
			checkPlace(t, sql, fault)
			if fault.Caret(sql) == "" || fault.Message == "" || fault.Want == "" {
				t.Fatalf("%q fails without saying why and what would do: %+v", sql, fault)
			}
			return
		}
		printed := Format(c, beijing())
		again, err := Compile(printed, beijing())
		if err != nil {
			t.Fatalf("%q prints as %q, which fails: %v", sql, printed, err)
		}
		if Format(again, beijing()) != printed {
			t.Fatalf("%q prints as %q and then as %q", sql, printed, Format(again, beijing()))
		}
	})
}
