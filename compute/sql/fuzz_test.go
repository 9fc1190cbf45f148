package sql

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
	f.Add(`SELECT VAR_POP(pm25), STDDEV(pm25), CORR(pm25, no2), REGR_SLOPE(no2, pm25), WAVG(pm25, pm10) AS w FROM beijing_air HAVING NOT (CORR(pm25, no2) > -0.5 OR w <= 3) AND COUNT(*) <> 0`)
	f.Add(`SELECT county, HISTOGRAM(pm25) AS h, MEDIAN(pm25), QUANTILE(pm25, 0.950), EXCEEDANCE(pm25, '75.0') FROM beijing_air GROUP BY county ORDER BY 3, QUANTILE(pm25, .95)`)
	f.Add(`SELECT county, date_trunc('year', period) AS y, SHARE_OF_TOTAL(SUM(pm25)), YEAR_ON_YEAR(VAR_SAMP(pm25)) AS c FROM beijing_air GROUP BY county, y HAVING c > 0.1 OR SHARE_OF_TOTAL(COUNT(*)) > 0.5`)
	f.Add("SELECT county c, ROUND(SUM(pm25) / COUNT(pm25) * -1.5, 2) r, (SUM(pm10) - SUM(pm25)) / (2 - COUNT(*)), COUNT(DISTINCT station) /* a */ FROM beijing_air GROUP BY county HAVING r > 2 ORDER BY r -- b")
	f.Add("SELECT EXTRACT(YEAR FROM period) y, CASE WHEN AVG(pm25) > 75 AND COUNT(*) > 3 THEN 'bad' ELSE 'good' END FROM beijing_air WHERE county LIKE 'a%' AND year(period) IN (2013, '2014') AND period < DATE '2014-01-01' GROUP BY year(period)")
	f.Add("SELECT - - SUM(pm25), CASE WHEN COUNT(*) > 1 THEN 1 END * 2, ROUND(STDDEV(pm25)) FROM beijing_air WHERE county NOT LIKE '􏿿%'")
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
