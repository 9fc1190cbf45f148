package statement

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
)

func datasets() []catalog.Dataset {
	var out []catalog.Dataset
	for _, id := range []string{"air", "air_daily", "water"} {
		out = append(out, catalog.Dataset{ID: id, Descriptor: catalog.Descriptor{
			Dataset: id, Registry: id + "_r", Entity: "station", Grain: catalog.GrainDay,
			Measures: []catalog.Measure{{Name: "pm25", Max: 100}},
		}})
	}
	return out
}

func registry(id string) (catalog.Registry, error) {
	return catalog.Registry{ID: id, IDColumn: "station", Columns: []string{"county"}}, nil
}

func TestDatasetIsFoundByItsNameHoweverSpelt(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT SUM(pm25) FROM air":                                          "air",
		"select sum(pm25) from AIR_daily":                                    "air_daily",
		"SELECT county, SUM(pm25)\nFROM \"water\" GROUP BY county":           "water",
		"SELECT SUM(pm25) FROM air_daily WHERE county = 'FROM air' ":         "air_daily",
		"SELECT COUNT(*) FROM water WHERE period = '2024' AND station = 'x'": "water",
	} {
		d, compiled, err := Compile(sql, datasets(), registry, Vectors{})
		if err != nil || d.ID != want || compiled.Request.Dataset != want {
			t.Errorf("%s: dataset %q, %v", sql, d.ID, err)
		}
	}
}

func TestFaultsOfTheSQLComeFirst(t *testing.T) {
	for sql, want := range map[string]query.Error{
		"SELECT SUM(pm25) FROM wter":  {Line: 1, Column: 23, Nearest: "water", Want: "air, air_daily, water"},
		"SELECT SUM(pm25) FORM water": {Line: 1, Column: 18},
		"SELECT SUM(pm52) FROM water": {Line: 1, Column: 12, Nearest: "pm25"},
		"":                            {Line: 1, Column: 1},
	} {
		_, _, err := Compile(sql, datasets(), registry, Vectors{})
		var got *query.Error
		if !errors.As(err, &got) {
			t.Errorf("%q: %v", sql, err)
			continue
		}
		if got.Line != want.Line || got.Column != want.Column || want.Nearest != "" && got.Nearest != want.Nearest || want.Want != "" && got.Want != want.Want {
			t.Errorf("%q: %+v, want %+v", sql, got, want)
		}
	}
	if _, _, err := Compile("SELECT SUM(pm25) FROM air", nil, registry, Vectors{}); err == nil {
		t.Error("a dataset was found among none")
	}
	down := errors.New("down")
	_, _, err := Compile("SELECT SUM(pm25) FROM air", datasets(), func(string) (catalog.Registry, error) { return catalog.Registry{}, down }, Vectors{})
	if !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// Whoever asks is asked for its vectors only by SQL that names one.
func TestVectorsAreReadWhenTheyAreNamed(t *testing.T) {
	mine := catalog.Vector{ID: "v-1", State: catalog.VectorReady, VectorRegister: catalog.VectorRegister{Name: "mine", Version: 1, Registry: "air_r", Bits: 1}}
	asked := 0
	vectors := Vectors{Of: func() ([]catalog.Vector, error) { asked++; return []catalog.Vector{mine}, nil }}
	if _, _, err := Compile("SELECT COUNT(*) FROM air WHERE station = 'PRIVATE(mine)'", datasets(), registry, vectors); err != nil || asked != 0 {
		t.Fatalf("vectors were asked for %d times by SQL that names none, error %v", asked, err)
	}
	_, compiled, err := Compile("SELECT COUNT(*) FROM air WHERE station IN private(MINE)", datasets(), registry, vectors)
	if err != nil || asked != 1 || compiled.Request.In != "v-1" {
		t.Fatalf("compiled to %+v after asking %d times, error %v", compiled, asked, err)
	}
	_, _, err = Compile("SELECT COUNT(*) FROM water WHERE station IN PRIVATE(mine)", datasets(), registry, vectors)
	var fault *query.Error
	if !errors.As(err, &fault) || fault.Column != 53 {
		t.Fatalf("a vector of another registry is answered with %v", err)
	}
	_, compiled, err = Compile("SELECT COUNT(*) FROM water WHERE station IN PRIVATE(new)", datasets(), registry, Vectors{Stand: true})
	if err != nil || compiled.Request.In != catalog.NewVector {
		t.Fatalf("compiled to %+v, error %v", compiled, err)
	}
	down := errors.New("down")
	_, _, err = Compile("SELECT SUM(pm25 * PRIVATE(w)) FROM air", datasets(), registry, Vectors{Of: func() ([]catalog.Vector, error) { return nil, down }})
	if !errors.Is(err, down) {
		t.Fatalf("the error is %v", err)
	}
}
