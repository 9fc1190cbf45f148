package sql

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// wideSchema has so many measures.
func wideSchema(measures int) Schema {
	d := catalog.Descriptor{Dataset: "air", Grain: calendar.Day, Entity: "station"}
	for i := range measures {
		d.Measures = append(d.Measures, catalog.Measure{Name: fmt.Sprintf("m%d", i), Max: 100})
	}
	return Schema{Descriptor: d}
}

// repeated is text with as many parts as MaxSQL has room for behind a head, and what is
// behind them.
func repeated(head, part, tail string) string {
	return head + strings.TrimSuffix(strings.Repeat(part, (MaxSQL-len(head)-len(tail))/len(part)), ",") + tail
}

// Anybody may have a query compiled, so no text costs more than a few milliseconds and
// 16 MB. Each of these was parsed whole before, for every dataset once.
func TestListsThatNobodyMeansAreRefusedBeforeTheyAreParsed(t *testing.T) {
	distinct := make([]string, 6000)
	for i := range distinct {
		distinct[i] = fmt.Sprintf("SUM(m%d)", i%64)
	}
	for name, c := range map[string]struct{ sql, want string }{
		"6,000 aggregates":   {"SELECT " + strings.Join(distinct, ",") + " FROM air", "SELECT lists more than 512 elements"},
		"many groups":        {repeated("SELECT COUNT(*) FROM air GROUP BY ", "m0,", ""), "GROUP BY lists more than 512 elements"},
		"many keys of order": {repeated("SELECT COUNT(*) FROM air ORDER BY ", "1,", ""), "ORDER BY lists more than 512 elements"},
		"many comparisons":   {repeated("SELECT COUNT(*) FROM air WHERE station='a'", " OR a=1", ""), "joins more than 1024 comparisons"},
		"many of HAVING":     {repeated("SELECT COUNT(*) FROM air HAVING N(m)>1", " OR N(m)>1", ""), "joins more than 1024 comparisons"},
		"many signs":         {repeated("SELECT COUNT(*) FROM air WHERE station IN (", "1,", ")"), "more than 16384 words"},
		"many arguments":     {repeated("SELECT SUM(", "m,", ") FROM air"), "more than 16384 words"},
		"factors":            {repeated("SELECT SUM(m", "*m", ") FROM air"), "more than 16384 words"},
		"parentheses":        {repeated("SELECT COUNT(*) FROM air WHERE ", "(", ""), "nested too deep"},
		"negations":          {repeated("SELECT COUNT(*) FROM air WHERE ", "NOT ", ""), "nested too deep"},
	} {
		var fault *Error
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Compile(c.sql, wideSchema(64))
		runtime.ReadMemStats(&after)
		if !errors.As(err, &fault) || !strings.Contains(fault.Message, c.want) || fault.Want == "" {
			t.Errorf("%s: %v, want it refused because of %q", name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: refusing it took %d bytes", name, took)
		}
	}
}

// What people and programs do ask stays possible.
func TestLongListsThatAreMeantCompile(t *testing.T) {
	var items, ids []string
	for i := range 64 {
		for _, fn := range []string{"SUM", "AVG", "COUNT"} {
			items = append(items, fmt.Sprintf("%s(m%d)", fn, i))
		}
	}
	for i := range 3000 {
		ids = append(ids, fmt.Sprintf("'station %05d'", i))
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM air WHERE station IN (" + strings.Join(ids, ",") + ")"
	compiled, err := Compile(sql, wideSchema(64))
	if err != nil {
		t.Fatal(err)
	}
	if len(compiled.Request.Select) != 192 || len(compiled.Request.Where.Values) != 3000 {
		t.Errorf("%d aggregates over %d ids", len(compiled.Request.Select), len(compiled.Request.Where.Values))
	}
}

// Histograms of many buckets are many columns each.
func TestColumnsOfAResultAreBounded(t *testing.T) {
	s := wideSchema(64)
	for i := range s.Descriptor.Measures {
		for b := range 63 {
			s.Descriptor.Measures[i].Buckets = append(s.Descriptor.Measures[i].Buckets, strconv.Itoa(b+1))
		}
	}
	var items []string
	for i := range 64 {
		items = append(items, fmt.Sprintf("HISTOGRAM(m%d) AS h%d", i, i))
	}
	_, err := Compile("SELECT "+strings.Join(items, ", ")+" FROM air", s)
	var fault *Error
	if !errors.As(err, &fault) || !strings.Contains(fault.Message, "more than 2048 columns") {
		t.Errorf("got %v", err)
	}
}
