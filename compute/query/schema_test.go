package query

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// beijing is the schema of DESIGN's example, with attributes added.
func beijing() Schema {
	return Schema{
		Descriptor: catalog.Descriptor{
			Dataset: "beijing_air", Entity: "station", Grain: catalog.GrainHour,
			Measures: []catalog.Measure{
				{Name: "pm25", Unit: "µg/m³", Min: 0, Max: 10000, Decimals: 1},
				{Name: "pm10", Unit: "µg/m³", Min: 0, Max: 10000, Decimals: 1},
				{Name: "no2", Unit: "µg/m³", Min: 0, Max: 5000, Decimals: 1},
			},
		},
		Columns:  []string{"county", "Industry", "区县", "order"},
		IDColumn: "station_id",
	}
}

func mustCompile(t testing.TB, sql string) *Compiled {
	t.Helper()
	c, err := Compile(sql, beijing())
	if err != nil {
		t.Fatalf("compiling %s: %v", sql, err)
	}
	return c
}

// faultOf compiles sql, which must fail with an *Error.
func faultOf(t testing.TB, sql string, s Schema) *Error {
	t.Helper()
	c, err := Compile(sql, s)
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatalf("compiling %s: got %+v and error %v, want an *Error", sql, c, err)
	}
	return fault
}
