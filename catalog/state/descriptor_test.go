package state

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

func TestDatasetsOfAFamilyShareTheirProtection(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 10).key("bureau")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: statetest.Descriptor("emissions")})
	for field, change := range map[string]func(*catalog.Policy){
		"policy.min_cohort":       func(p *catalog.Policy) { p.MinCohort = 4 },
		"policy.portfolios":       func(p *catalog.Policy) { p.Portfolios = 2 },
		"policy.portfolio_change": func(p *catalog.Policy) { p.PortfolioChange = catalog.PortfolioNever },
		"policy.cubes":            func(p *catalog.Policy) { p.Cubes = [][]string{{"industry"}} },
	} {
		d := statetest.Descriptor("other")
		change(&d.Policy)
		if r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedConflict, "family"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	d := statetest.Descriptor("other")
	d.Measures = d.Measures[:1]
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	public := statetest.Descriptor("open")
	public.Policy = catalog.Policy{Aggregates: []string{"sum"}, Grain: calendar.Month, Public: true}
	public.Measures = []catalog.Measure{{Name: "rain", Unit: "mm", Max: 100}}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: public})
	rival := statetest.Descriptor("rivals")
	rival.Policy.MinCohort = 3
	w.ok("rival", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: rival})
	if all := must[[]catalog.Dataset](t)(w.view().Datasets()); len(all) != 4 {
		t.Fatalf("%d datasets", len(all))
	}
	if all := must[[]catalog.Registry](t)(w.view().AllRegistries()); len(all) != 1 {
		t.Fatalf("%d registries", len(all))
	}
}

func TestDatasetRefusals(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	create := func(change func(*catalog.Descriptor)) catalog.DatasetCreate {
		d := statetest.Descriptor("emissions")
		change(&d)
		return catalog.DatasetCreate{Descriptor: d}
	}
	same := func(*catalog.Descriptor) {}
	w.no("bureau", catalog.KindDatasetCreate, create(same), catalog.RefusedUnknown, "unknown")
	w.ok("bureau", catalog.KindRegistryCreate, createEnterprises(statetest.Rows(0, 10)))
	w.no("bureau", catalog.KindDatasetCreate, create(same), catalog.RefusedConflict, "empty")
	w.registry("enterprises", statetest.Rows(0, 10), 10)
	for field, change := range map[string]func(*catalog.Descriptor){
		"entity":           func(d *catalog.Descriptor) { d.Entity = "county" },
		"measures[1].name": func(d *catalog.Descriptor) { d.Measures[1].Name = "industry" },
		"policy.cubes[0]":  func(d *catalog.Descriptor) { d.Policy.Cubes = [][]string{{"basin"}} },
		"license":          func(d *catalog.Descriptor) { d.License = "\x00" },
	} {
		if r := w.no("bureau", catalog.KindDatasetCreate, create(change), catalog.RefusedInvalid, "invalid"); r.Field != field {
			t.Fatalf("field %q, want %q", r.Field, field)
		}
	}
	w.ok("bureau", catalog.KindDatasetCreate, create(same))
	w.no("rival", catalog.KindDatasetCreate, create(same), catalog.RefusedConflict, "exists")
}

// TestPairsOfMeasuresMustBePairs guards against encoding/json, which fills a
// [2]string from a longer list without an error.
func TestPairsOfMeasuresMustBePairs(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 10)
	for _, list := range []string{`[["nox","so2","nox"]]`, `[["nox"]]`} {
		d := statetest.Descriptor("emissions")
		d.Policy.Moments = [][2]string{{"nox", "nox"}}
		body := strings.Replace(string(catalog.Encode(catalog.DatasetCreate{Descriptor: d})), `"moments":[["nox","nox"]]`, `"moments":`+list, 1)
		if r := w.no("bureau", catalog.KindDatasetCreate, json.RawMessage(body), catalog.RefusedInvalid, "invalid"); r.Field != "policy.moments[0]" {
			t.Errorf("field %q", r.Field)
		}
	}
}

// TestRelatedMeasuresOfOtherDatasetsMustExist: a declaration that misses what it
// means would protect nothing.
func TestRelatedMeasuresOfOtherDatasetsMustExist(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 10).key("bureau")
	relating := func(name string) catalog.DatasetCreate {
		d := statetest.Descriptor("totals")
		d.Measures[0].Name = "nox_t"
		d.Policy.Related = [][]string{{"nox_t", "so2", name}}
		return catalog.DatasetCreate{Descriptor: d}
	}
	if r := w.no("bureau", catalog.KindDatasetCreate, relating("emissions.nox"), catalog.RefusedInvalid, "invalid"); r.Field != "policy.related[0][2]" {
		t.Fatalf("field %q", r.Field) // there is no family yet
	}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: statetest.Descriptor("emissions")})
	w.no("bureau", catalog.KindDatasetCreate, relating("emission.nox"), catalog.RefusedInvalid, "invalid")
	w.no("bureau", catalog.KindDatasetCreate, relating("emissions.no"), catalog.RefusedInvalid, "invalid")
	w.ok("bureau", catalog.KindDatasetCreate, relating("emissions.nox"))
}

func TestAbsentPortfoliosAreOneForTheFamily(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 10).key("bureau")
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: statetest.Descriptor("emissions")}) // says 1
	d := statetest.Descriptor("other")
	d.Policy.Portfolios = 0
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
}
