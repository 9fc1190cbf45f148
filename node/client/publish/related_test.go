package publish_test

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/publish"
)

// Before anything is published the client warns of a measure that equals one of another
// dataset of the registry without being declared as related, and of a registry with the
// same ids. A name that is the same, or a declaration, is enough.
func TestUndeclaredRelationsAreWarnedOf(t *testing.T) {
	w := clienttest.New(t)
	publisher := w.Spooled(t.TempDir())
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(60), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(60, 0, 3)), nil)
	w.Must(err)
	find := func(changes ...string) []publish.Unrelated {
		t.Helper()
		text := strings.NewReplacer(append([]string{"dataset: works", "dataset: more"}, changes...)...).Replace(clienttest.ProtectedDescriptor)
		found, err := publish.FindUnrelated(w.Ctx, publisher, w.Prepare(publisher, text, clienttest.FirmsCSV(60, 0, 3)))
		w.Must(err)
		return found
	}
	found := find("name: nox", "name: dust")
	if len(found) != 1 || found[0].Measure != "dust" || found[0].Other != "works.nox" || !strings.Contains(found[0].Words(), "related: [[dust, works.nox]]") {
		t.Errorf("found %+v", found)
	}
	if found := find(); len(found) != 0 {
		t.Errorf("the same name: %+v", found)
	}
	if found := find("name: nox", "name: dust", "min_cohort: 2", "min_cohort: 2, related: [[dust, works.nox]]"); len(found) != 0 {
		t.Errorf("declared: %+v", found)
	}
	// The relation that the later dataset declares holds for the earlier one, too.
	text := strings.NewReplacer("dataset: works", "dataset: more", "name: nox", "name: dust", "min_cohort: 2", "min_cohort: 2, related: [[dust, works.nox]]").Replace(clienttest.ProtectedDescriptor)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, text, clienttest.FirmsCSV(60, 0, 3)), nil)
	w.Must(err)
	if found, err := publish.FindUnrelated(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.FirmsCSV(60, 0, 3))); err != nil || len(found) != 0 {
		t.Errorf("declared by the other: %+v, %v", found, err)
	}
	other := clienttest.Firms(60)
	other.ID = "plants"
	other.Rows = other.Rows[40:]
	_, err = publish.Registry(w.Ctx, publisher, other, nil)
	w.Must(err)
	text = strings.NewReplacer("dataset: works", "dataset: more2", "registry: firms", "registry: plants").Replace(clienttest.ProtectedDescriptor)
	csv := "firm,month,NOX\nf041,2020-01,5.00\nf050,2020-01,6.00\n"
	shared, err := publish.FindSharedRegistries(w.Ctx, publisher, w.Prepare(publisher, text, csv))
	w.Must(err)
	if len(shared) != 1 || shared[0] != (publish.SharedRegistry{Registry: "firms", Dataset: "more", Shared: 20, Example: "f040"}) {
		t.Errorf("shared %+v", shared)
	}
	text = strings.Replace(text, "min_cohort: 2", "min_cohort: 2, unrelated: [firms]", 1)
	if shared, err = publish.FindSharedRegistries(w.Ctx, publisher, w.Prepare(publisher, text, csv)); err != nil || len(shared) != 0 {
		t.Errorf("said to be unrelated: %+v, %v", shared, err)
	}
}
