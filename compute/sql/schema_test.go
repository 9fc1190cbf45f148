package sql

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// beijing is the schema of the Beijing readings, with attributes added.
func beijing() Schema {
	return Schema{
		Descriptor: catalog.Descriptor{
			Dataset: "beijing_air", Registry: "stations", Entity: "station", Grain: calendar.Hour,
			Measures: []catalog.Measure{
				{Name: "pm25", Unit: "µg/m³", Min: 0, Max: 10000, Decimals: 1, Squares: true, Buckets: []string{"35", "75", "115.5"}},
				{Name: "pm10", Unit: "µg/m³", Min: 0, Max: 10000, Decimals: 1},
				{Name: "no2", Unit: "µg/m³", Min: 0, Max: 5000, Decimals: 1},
			},
		},
		Columns:  []string{"county", "Industry", "区县", "order"},
		IDColumn: "station_id",
		Vectors: []catalog.Vector{
			vectorNamed("mine", 1, 1, catalog.VectorReady), vectorNamed("mine", 2, 1, catalog.VectorReady), vectorNamed("mine", 3, 1, catalog.VectorStoring),
			vectorNamed("loans", 1, 16, catalog.VectorReady), vectorNamed("late", 1, 1, catalog.VectorProving), vectorNamed("gone", 1, 1, catalog.VectorDropped),
			rejected, elsewhere,
		},
	}
}

// vectorNamed is a private vector on the registry of beijing.
func vectorNamed(name string, version, bits int, state catalog.VectorState) catalog.Vector {
	v := catalog.Vector{ID: fmt.Sprintf("v-%s-%d", name, version), State: state,
		VectorRegister: catalog.VectorRegister{Registry: "stations", Name: name, Version: version, Bits: bits}}
	if bits == 1 {
		v.Pieces = 1
	}
	return v
}

var rejected, elsewhere = func() (a, b catalog.Vector) {
	a, b = vectorNamed("bad", 1, 1, catalog.VectorRejected), vectorNamed("borrowers", 1, 1, catalog.VectorReady)
	a.Reason, b.Registry = catalog.Why("vector.entry"), "other"
	return a, b
}()

func mustCompile(t testing.TB, sql string) *Compiled {
	t.Helper()
	return compileOn(t, sql, beijing())
}

func compileOn(t testing.TB, sql string, s Schema) *Compiled {
	t.Helper()
	c, err := Compile(sql, s)
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

// requestAlone compares what was compiled and not where the SQL says it.
var requestAlone = cmpopts.IgnoreUnexported(Compiled{})
