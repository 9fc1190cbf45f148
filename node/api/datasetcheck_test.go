package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/node/api/wire"
)

// TestADatasetIsCheckedBeforeItIsCreated: the check refuses what creating would, tells
// who may not ask, and creates nothing.
func TestADatasetIsCheckedBeforeItIsCreated(t *testing.T) {
	w := newWorld(t)
	w.list()
	bearer := w.token(catalog.RolePublisher)
	d := catalog.Descriptor{
		Dataset: "noise", Title: catalog.Text{EN: "Noise"}, License: "CC0", Registry: "stations", Entity: "station",
		Grain: calendar.Day, UTCOffset: "+08:00", Measures: []catalog.Measure{{Name: "db", Unit: "dB", Max: 200}},
		Policy: catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Day, MinCohort: 2, Cubes: [][]string{{"county"}}},
	}
	check := func(d catalog.Descriptor, bearer string) answer {
		return w.do("POST", "/v1/check/dataset", bearer, catalog.Encode(wire.DatasetCheck{Descriptor: d}))
	}
	w.want(check(d, bearer), http.StatusOK)
	for name, change := range map[string]func(*catalog.Descriptor){
		"exists":   func(d *catalog.Descriptor) { d.Dataset = "air" },
		"columns":  func(d *catalog.Descriptor) { d.Measures[0].Name = "county" },
		"cubes":    func(d *catalog.Descriptor) { d.Policy.Cubes = [][]string{{"industry"}} },
		"registry": func(d *catalog.Descriptor) { d.Registry = "unknown" },
	} {
		wrong := d
		wrong.Measures = []catalog.Measure{d.Measures[0]}
		change(&wrong)
		if got := check(wrong, bearer); got.status < 400 || got.status >= 500 {
			t.Errorf("%s: status %d: %s", name, got.status, got.body)
		}
	}
	w.want(check(d, bearer), http.StatusOK)
	for _, other := range read[wire.Datasets](w, "/v1/datasets", "").Datasets {
		if other.ID == d.Dataset {
			t.Error("the check created the dataset")
		}
	}
	w.problem(check(d, w.token(catalog.RoleBuyer)), http.StatusForbidden, wire.KindForbidden)
	w.submit(catalog.RolePublisher, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, http.StatusOK)
	if body := string(w.want(check(d, bearer), http.StatusConflict)); !strings.Contains(body, "exists") {
		t.Errorf("once it exists: %s", body)
	}
}
