package catalog

import (
	"fmt"
	"sync"
	"testing"
)

func TestMemoDropsTheOldest(t *testing.T) {
	var m memo
	made := 0
	get := func(name string) {
		t.Helper()
		v, err := recallOr(&m, &m.tables, 3, name, func() (*Table, error) {
			made++
			return NewTable([]string{name}, nil)
		})
		if err != nil || v.Columns()[0] != name {
			t.Fatalf("%v: %v", err, v)
		}
	}
	for _, name := range []string{"a", "b", "c", "a", "b", "c"} {
		get(name)
	}
	if made != 3 {
		t.Fatalf("%d tables were made", made)
	}
	get("d")
	get("b")
	get("c")
	if made != 4 {
		t.Fatalf("%d tables were made", made)
	}
	get("a")
	if made != 5 || len(m.tables.values) != 3 || len(m.tables.order) != 3 {
		t.Fatalf("%d made, %d kept", made, len(m.tables.values))
	}
}

// TestViewsReadWhileEntriesAreApplied is for the race detector: each reader has
// its own consistent copy of the state, the machine is one.
func TestViewsReadWhileEntriesAreApplied(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", OrderCreate{Dataset: "emissions"})
	ask := submit(contract, sumBy(attr("county")))
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
				if err != nil || refusal != nil || string(encode(got)) != string(encode(want)) {
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
		rows := testRows(40+i, 1)
		create := createEnterprises(rows)
		create.Append = true
		w.ok("bureau", KindRegistryCreate, create)
		w.ok("bureau", KindRegistryRows, RegistryRows{ID: "enterprises", From: 40 + i, Rows: rows})
		w.ok("bureau", KindRegistryCommit, RegistryCommit{ID: "enterprises"})
		w.ok("bank", KindQuerySubmit, ask)
	}
	readers.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}
