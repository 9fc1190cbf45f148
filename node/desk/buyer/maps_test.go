package buyer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client/clienttest"
)

// aMap has square areas of these names, one beside the other.
func aMap(names ...string) []byte {
	var features []string
	for i, name := range names {
		features = append(features, fmt.Sprintf(`{"type":"Feature","properties":{"name":%q,"short":%q},"geometry":{"type":"Polygon","coordinates":[[[%d,0],[%d,0],[%d,1],[%d,1],[%d,0]]]}}`,
			name, name[:1], i, i+1, i+1, i, i))
	}
	return []byte(`{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`)
}

// askedOf is the answer to a query of the test.
func askedOf(w *clienttest.World, b *Buyer, sql string) *Answer {
	w.Helper()
	job, err := b.begin(w.Ctx, asked{Question{SQL: sql}})
	w.Must(err)
	if job = answered(w, b, job); job.Answer == nil {
		w.Fatalf("%s: %+v", sql, job.Problem)
	}
	return job.Answer
}

// A map that is kept for a column is there for every answer with it: areas by value, and what is left over on both sides.
func TestAnAnswerHasTheMapOfItsColumn(t *testing.T) {
	w, b := market(t)
	a := askedOf(w, b, "SELECT county, date_trunc('month', period) AS month, SUM(nox) FROM works GROUP BY county, month")
	look := func() AnswerMap {
		t.Helper()
		m, err := b.atlas.answerMap(w.Ctx, mapped{a.Query, "county"})
		w.Must(err)
		return m
	}
	if m := look(); m.File != "" || len(m.Areas) != 0 {
		t.Errorf("without one there is %+v", m)
	}
	keep := func(f MapFile) (MapKept, error) {
		f.Dataset, f.Column = "works", "county"
		return b.atlas.keep(w.Ctx, struct{ Body MapFile }{f})
	}
	if _, err := keep(MapFile{Property: "name"}); wantProblem(t, err).Message != "there is no map of county" {
		t.Error(err)
	}
	kept, err := keep(MapFile{File: "counties.geojson", Bytes: aMap("east", "west", "north")})
	w.Must(err)
	m := look()
	if kept.Areas != 3 || m.Digest != kept.Digest || m.Digest.IsZero() || m.Width < m.Height {
		t.Errorf("kept is %+v, drawn %+v", kept, m)
	}
	areas := ""
	for _, area := range m.Areas {
		areas += fmt.Sprintf("%s=%s ", area.Name, area.Value)
		if !strings.HasPrefix(area.Path, "M") {
			t.Errorf("%s is drawn as %q", area.Name, area.Path)
		}
	}
	got := fmt.Sprint(m.File, " ", m.Property, " ", m.Properties, " ", areas, m.NoArea, m.NoValue)
	if want := "counties.geojson name [name short] east=east west=west north= [far] [north]"; got != want {
		t.Errorf("it is %s, want %s", got, want)
	}
	// Another property, which has none of the values; then a map that has all of them.
	_, err = keep(MapFile{Property: "short"})
	w.Must(err)
	if m = look(); m.Property != "short" || len(m.NoArea) != 3 || m.Digest != kept.Digest {
		t.Errorf("by another property it is %+v", m)
	}
	_, err = keep(MapFile{File: "more.geojson", Bytes: aMap("east", "west", "far")})
	w.Must(err)
	if m = look(); m.File != "more.geojson" || m.Property != "name" || len(m.NoArea)+len(m.NoValue) != 0 {
		t.Errorf("anew it is %+v", m)
	}
}

func TestAMapThatCannotBeReadIsNotKept(t *testing.T) {
	w, b := market(t)
	a := askedOf(w, b, "SELECT county, SUM(nox) FROM works GROUP BY county")
	for name, c := range map[string]struct {
		f    MapFile
		want string
	}{
		"nothing is named":   {MapFile{File: "a.json", Bytes: aMap("east")}, "a map is of a column of a dataset"},
		"it is empty":        {MapFile{Dataset: "works", Column: "county", File: "a.json"}, "the file is empty"},
		"it is called oddly": {MapFile{Dataset: "works", Column: "county", File: "a\u202eb", Bytes: aMap("east")}, "the file's name cannot be read"},
		"it is none":         {MapFile{Dataset: "works", Column: "county", File: "a.json", Bytes: []byte("{}")}, `the map has the type "", want FeatureCollection`},
		"no such property":   {MapFile{Dataset: "works", Column: "county", File: "a.json", Bytes: aMap("east"), Property: "nowhere"}, "no area of the map has a name there"},
	} {
		if _, err := b.atlas.keep(w.Ctx, struct{ Body MapFile }{c.f}); wantProblem(t, err).Message != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m, err := b.atlas.answerMap(w.Ctx, mapped{a.Query, "county"}); err != nil || m.File != "" {
		t.Errorf("there is %+v, %v", m, err)
	}
	for _, column := range []string{"", "nox", "nowhere"} {
		if _, err := b.atlas.answerMap(w.Ctx, mapped{a.Query, column}); wantProblem(t, err).Field != "column" {
			t.Errorf("%q: %v", column, err)
		}
	}
}

func TestADeskIsStartedWithMaps(t *testing.T) {
	w, b := market(t)
	a := askedOf(w, b, "SELECT county, SUM(nox) FROM works GROUP BY county")
	file := filepath.Join(t.TempDir(), "counties.geojson")
	w.Must(os.WriteFile(file, aMap("east", "west", "far"), 0o600))
	maps := map[string]string{"county": file}
	w.Must(CheckMaps(maps))
	b.atlas.given = maps
	if m, err := b.atlas.answerMap(w.Ctx, mapped{a.Query, "county"}); err != nil || m.File != "counties.geojson" || len(m.Areas) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	_, err := b.atlas.keep(w.Ctx, struct{ Body MapFile }{MapFile{Dataset: "works", Column: "county", File: "own.json", Bytes: aMap("east")}})
	w.Must(err)
	if m, err := b.atlas.answerMap(w.Ctx, mapped{a.Query, "county"}); err != nil || m.File != "own.json" {
		t.Errorf("what was dropped does not go before: %+v, %v", m, err)
	}
	w.Must(os.WriteFile(file, []byte(`{"type":"Topology"}`), 0o600))
	if err := CheckMaps(maps); err == nil || !strings.Contains(err.Error(), "the map of county: the map is TopoJSON") {
		t.Error(err)
	}
}

// What was withheld has its place on the map, too.
func TestWithheldGroupsHaveTheirValues(t *testing.T) {
	a := decodedTable(t, `{"columns":[{"name":"month","type":"period"},{"name":"county","type":"text"},{"name":"nox","type":"decimal"}],
		"rows":[["2024-01","east","1.0"],["2024-02","east",null]],"withheld":1,"withheld_groups":[{"values":["2024-01","far"]},{"values":["far"]}]}`)
	got, ok := valuesOf(a, "county")
	if diff := cmp.Diff([]string{"east", "east", "far"}, got); diff != "" || !ok {
		t.Error(diff)
	}
	if _, ok = valuesOf(a, "month"); ok {
		t.Error("periods have areas")
	}
}

// wantProblem is the problem that an error is.
func wantProblem(t *testing.T, err error) *wire.Problem {
	t.Helper()
	p, ok := err.(*wire.Problem) //nolint:errorlint // that is what the page is told
	if !ok {
		t.Fatalf("%v is no problem", err)
	}
	return p
}

func decodedTable(t *testing.T, text string) *result.Table {
	t.Helper()
	out := &result.Table{}
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatal(err)
	}
	return out
}
