package sql

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkCompile compiles the design's example, a list that fills the limit,
// and the same list with an error at its end.
func BenchmarkCompile(b *testing.B) {
	list := "SELECT COUNT(*) FROM beijing_air WHERE county IN ('x'"
	for i := 0; len(list) < MaxSQL-100; i++ {
		list += fmt.Sprintf(", '91131100MA0%07d'", i*7919%10_000_000)
	}
	for name, sql := range map[string]string{
		"example": `SELECT station, date_trunc('month', period) AS month, AVG(pm25), COUNT(pm25) FROM beijing_air GROUP BY station, month`,
		"64kB":    list + ")", "64kB,error": list + ") FROM",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if _, err := Compile(sql, beijing()); (err != nil) != strings.HasSuffix(sql, ") FROM") {
					b.Fatal(err)
				}
			}
		})
	}
}
