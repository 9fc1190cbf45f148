package statement

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/compute/sql"
)

func datasets() []catalog.Dataset {
	var out []catalog.Dataset
	for _, id := range []string{"air", "air_daily", "water"} {
		out = append(out, catalog.Dataset{ID: id, Descriptor: catalog.Descriptor{
			Dataset: id, Registry: id + "_r", Entity: "station", Grain: calendar.Day,
			Measures: []catalog.Measure{{Name: "pm25", Max: 100}},
		}})
	}
	return out
}

// registries have one row and look up values in it.
func registries(t *testing.T) Registries {
	table, err := tables.New([]string{"county"}, [][]string{{"x", "FROM air"}, {"PRIVATE(mine)", "桃城区"}})
	if err != nil {
		t.Fatal(err)
	}
	return Registries{
		Registry: func(id string) (catalog.Registry, error) {
			return catalog.Registry{ID: id, IDColumn: "station", Columns: []string{"county"}}, nil
		},
		Unknown: func(_ catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error) {
			return sql.Unknown(table, asked), nil
		},
	}
}

func TestDatasetIsFoundByItsNameHoweverSpelt(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT SUM(pm25) FROM air":                                          "air",
		"select sum(pm25) from AIR_daily":                                    "air_daily",
		"SELECT county, SUM(pm25)\nFROM \"water\" GROUP BY county":           "water",
		"SELECT SUM(pm25) FROM air_daily WHERE county = 'FROM air' ":         "air_daily",
		"SELECT COUNT(*) FROM water WHERE period = '2024' AND station = 'x'": "water",
	} {
		d, compiled, err := Compile(t.Context(), sql, datasets(), registries(t), Vectors{})
		if err != nil || d.ID != want || compiled.Request.Dataset != want {
			t.Errorf("%s: dataset %q, %v", sql, d.ID, err)
		}
	}
}

func TestFaultsOfTheSQLComeFirst(t *testing.T) {
	for text, want := range map[string]sql.Error{
		"SELECT SUM(pm25) FROM wter":  {Line: 1, Column: 23, Nearest: "water", Want: "air, air_daily, water"},
		"SELECT SUM(pm25) FORM water": {Line: 1, Column: 18},
		"SELECT SUM(pm52) FROM water": {Line: 1, Column: 12, Nearest: "pm25"},
		"":                            {Line: 1, Column: 1},
	} {
		_, _, err := Compile(t.Context(), text, datasets(), registries(t), Vectors{})
		var got *sql.Error
		if !errors.As(err, &got) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got.Line != want.Line || got.Column != want.Column || want.Nearest != "" && got.Nearest != want.Nearest || want.Want != "" && got.Want != want.Want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	if _, _, err := Compile(t.Context(), "SELECT SUM(pm25) FROM air", nil, registries(t), Vectors{}); err == nil {
		t.Error("a dataset was found among none")
	}
	down := errors.New("down")
	_, _, err := Compile(t.Context(), "SELECT SUM(pm25) FROM air", datasets(), Registries{Registry: func(string) (catalog.Registry, error) { return catalog.Registry{}, down }}, Vectors{})
	if !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// Whoever asks is asked for its vectors only by SQL that names one.
func TestVectorsAreReadWhenTheyAreNamed(t *testing.T) {
	mine := catalog.Vector{ID: "v-1", State: catalog.VectorReady, VectorRegister: catalog.VectorRegister{Name: "mine", Version: 1, Registry: "air_r", Bits: 1, Pieces: 1}}
	asked := 0
	vectors := Vectors{Of: func() ([]catalog.Vector, error) { asked++; return []catalog.Vector{mine}, nil }}
	if _, _, err := Compile(t.Context(), "SELECT COUNT(*) FROM air WHERE station = 'PRIVATE(mine)'", datasets(), registries(t), vectors); err != nil || asked != 0 {
		t.Fatalf("vectors were asked for %d times by SQL that names none, error %v", asked, err)
	}
	_, compiled, err := Compile(t.Context(), "SELECT COUNT(*) FROM air WHERE station IN private(MINE)", datasets(), registries(t), vectors)
	if err != nil || asked != 1 || compiled.Request.In != "v-1" {
		t.Fatalf("compiled to %+v after asking %d times, error %v", compiled, asked, err)
	}
	_, _, err = Compile(t.Context(), "SELECT COUNT(*) FROM water WHERE station IN PRIVATE(mine)", datasets(), registries(t), vectors)
	var fault *sql.Error
	if !errors.As(err, &fault) || fault.Column != 53 {
		t.Fatalf("a vector of another registry is answered with %v", err)
	}
	_, compiled, err = Compile(t.Context(), "SELECT COUNT(*) FROM water WHERE station IN PRIVATE(new)", datasets(), registries(t), Vectors{Stand: true})
	if err != nil || compiled.Request.In != catalog.NewVector {
		t.Fatalf("compiled to %+v, error %v", compiled, err)
	}
	down := errors.New("down")
	_, _, err = Compile(t.Context(), "SELECT SUM(pm25 * PRIVATE(w)) FROM air", datasets(), registries(t), Vectors{Of: func() ([]catalog.Vector, error) { return nil, down }})
	if !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
}

func TestValuesThatNoEntityHasAreFaults(t *testing.T) {
	for text, want := range map[string]sql.Error{
		"SELECT SUM(pm25) FROM air WHERE county = '桃城去'": {
			Line: 1, Column: 42, Near: "'桃城去'", Message: "no entity has the county '桃城去'", Nearest: "'桃城区'", Want: "'FROM air', '桃城区'",
		},
		"SELECT SUM(pm25) FROM air\nWHERE county <> 'nobody' AND period = '2024'": {
			Line: 2, Column: 17, Near: "'nobody'", Message: "no entity has the county 'nobody'", Want: "'FROM air', '桃城区'",
		},
		"SELECT SUM(pm25) FROM air WHERE station IN ('x', 'X')": {
			Line: 1, Column: 50, Near: "'X'", Message: "there is no entity 'X'", Nearest: "'x'", Want: "'x', 'PRIVATE(mine)'",
		},
	} {
		_, _, err := Compile(t.Context(), text, datasets(), registries(t), Vectors{})
		var got *sql.Error
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	for _, sql := range []string{
		"SELECT SUM(pm25) FROM air WHERE county = 'FROM air' OR station = 'x'",
		"SELECT SUM(pm25) FROM air WHERE county BETWEEN 'a' AND 'z'", // bounds need not exist
		"SELECT SUM(pm25) FROM air WHERE county > 'nobody'",
	} {
		if _, _, err := Compile(t.Context(), sql, datasets(), registries(t), Vectors{}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	down := errors.New("down")
	broken := registries(t)
	broken.Unknown = func(catalog.Registry, []sql.ColumnValues) ([]sql.UnknownValue, error) { return nil, down }
	if _, _, err := Compile(t.Context(), "SELECT SUM(pm25) FROM air WHERE county = 'a'", datasets(), broken, Vectors{}); !errors.Is(err, down) {
		t.Errorf("values that could not be looked up: %v", err)
	}
}
