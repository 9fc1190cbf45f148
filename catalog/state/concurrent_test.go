package state

import (
	"fmt"
	"sync"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestViewsReadWhileEntriesAreApplied is for the race detector: each reader has
// its own consistent copy of the state, the machine is one.
func TestViewsReadWhileEntriesAreApplied(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	ask := submit(contract, statetest.SumBy(statetest.Attribute("county")))
	want, refusal, err := w.view().Judge(testID("bank"), ask)
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	var readers sync.WaitGroup
	failures := make(chan error, 4)
	for range cap(failures) {
		view := w.machine.View(w.store.Clone())
		readers.Go(func() {
			for range 50 {
				got, refusal, err := view.Judge(testID("bank"), ask)
				if err != nil || refusal != nil || string(catalog.Encode(got)) != string(catalog.Encode(want)) {
					failures <- fmt.Errorf("%w, refused %t: %+v", err, refusal != nil, got)
					return
				}
				if _, err := view.Cluster(); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	for i := range 20 {
		rows := statetest.Rows(40+i, 1)
		create := createEnterprises(rows)
		create.Append = true
		w.ok("bureau", catalog.KindRegistryCreate, create)
		w.ok("bureau", catalog.KindRegistryRows, catalog.RegistryRows{ID: "enterprises", From: 40 + i, Rows: rows})
		w.ok("bureau", catalog.KindRegistryCommit, catalog.RegistryCommit{ID: "enterprises"})
		w.ok("bank", catalog.KindQuerySubmit, ask)
	}
	readers.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}
