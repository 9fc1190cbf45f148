package state

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestPreviewOfADatasetRefusesWhatCreatingItWould, and changes nothing.
func TestPreviewOfADatasetRefusesWhatCreatingItWould(t *testing.T) {
	w := newWorld(t, 3, 2).admit().registry("enterprises", statetest.Rows(0, 10), 10).key("bureau")
	before := w.store.Clone()
	preview := func(d catalog.Descriptor) *catalog.Refusal {
		t.Helper()
		r, err := w.view().PreviewDataset(testID("bureau"), catalog.DatasetCreate{Descriptor: d})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := preview(statetest.Descriptor("emissions")); r != nil {
		t.Fatal(r)
	}
	w.checkUntouched(before)
	if _, err := w.view().Dataset("emissions"); !errors.Is(err, records.ErrNotFound) {
		t.Fatalf("the previewed dataset: %v", err)
	}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: statetest.Descriptor("emissions")})
	before = w.store.Clone()
	for field, change := range map[string]func(*catalog.Descriptor){
		"":                  func(d *catalog.Descriptor) { d.Dataset = "emissions" },
		"policy.min_cohort": func(d *catalog.Descriptor) { d.Policy.MinCohort = 4 },
		"measures[0].name":  func(d *catalog.Descriptor) { d.Measures[0].Name = "industry" },
	} {
		d := statetest.Descriptor("other")
		change(&d)
		if r := preview(d); r == nil || r.Field != field {
			t.Errorf("refusal %v, want one of the field %q", r, field)
		}
	}
	w.checkUntouched(before)
}
