package state

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestWhatIsNotThereIsNotFound asks an empty state for everything.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	v := NewMachine().View(memstore.New())
	missing := map[string]error{}
	_, missing["Cluster"] = v.Cluster()
	_, missing["Principal"] = v.Principal("x")
	_, missing["PrincipalByName"] = v.PrincipalByName("x")
	_, missing["Registry"] = v.Registries().Get("x")
	_, missing["Table"] = v.Registries().Table("x", 0)
	_, missing["Rows"] = v.Rows("x", 0, 1)
	_, missing["Dataset"] = v.Dataset("x")
	_, missing["Version"] = v.Versions().Get("x", 1)
	_, missing["Counts"] = v.Counts("x", 1, "m", 0)
	_, missing["Key"] = v.Keys().Get("x")
	_, missing["KeyOf"] = v.Keys().Of("x")
	_, missing["Order"] = v.Order("x")
	_, missing["Contract"] = v.Contract("x")
	_, missing["Query"] = v.Query("x")
	_, missing["Verdict"] = v.Verdict("x")
	_, missing["Shares"] = v.Shares("x")
	_, _, missing["Judge"] = v.Judge("x", catalog.QuerySubmit{})
	for name, err := range missing {
		if !errors.Is(err, records.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := ready(t)
	if _, err := w.view().Counts("emissions", 2, "nox", 0); !errors.Is(err, records.ErrNotFound) {
		t.Fatal(err)
	}
}

// TestFaultsOfTheStoreReachTheReader lets every access of every getter fail.
func TestFaultsOfTheStoreReachTheReader(t *testing.T) {
	w := ready(t)
	id := w.ok("bureau", catalog.KindQuerySubmit, submit("", statetest.SumBy())).ID
	getters := map[string]func(View) error{
		"Cluster":         func(v View) error { _, err := v.Cluster(); return err },
		"Principals":      func(v View) error { _, err := v.Principals(); return err },
		"PrincipalByName": func(v View) error { _, err := v.PrincipalByName("bank"); return err },
		"Table":           func(v View) error { _, err := v.Registries().Table("enterprises", 3); return err },
		"Rows":            func(v View) error { _, err := v.Rows("enterprises", 0, 3); return err },
		"Counts":          func(v View) error { _, err := v.Counts("emissions", 1, "nox", statetest.Period("2024-01")); return err },
		"KeyOf":           func(v View) error { _, err := v.Keys().Of(testID("bureau")); return err },
		"Shares":          func(v View) error { _, err := v.Shares(id); return err },
		"Queries":         func(v View) error { _, err := v.Queries(""); return err },
		"PendingKeys":     func(v View) error { _, err := v.Keys().Pending(); return err },
		"PendingVersions": func(v View) error { _, err := v.Versions().Pending(); return err },
		"PendingQueries":  func(v View) error { _, err := v.PendingQueries(); return err },
		"Unacked":         func(v View) error { _, err := v.Versions().Unacked("node1"); return err },
		"Judge": func(v View) error {
			_, refusal, err := v.Judge(testID("bureau"), submit("", statetest.SumBy()))
			if refusal != nil {
				t.Errorf("a fault became the refusal %v", refusal)
			}
			return err
		},
	}
	for name, get := range getters {
		for calls := 0; ; calls++ {
			err := get(NewMachine().View(&faultyTx{Store: w.store.Clone(), left: calls}))
			if err == nil {
				if calls == 0 {
					t.Errorf("%s reads nothing", name)
				}
				break
			}
			if !errors.Is(err, errFault) {
				t.Fatalf("%s, call %d: %v", name, calls, err)
			}
		}
	}
}
