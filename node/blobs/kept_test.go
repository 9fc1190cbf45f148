package blobs

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/state"
)

// TestAVersionThatIsReadIsKeptThoughItExpired: until the query is over, of both datasets of a join.
func TestAVersionThatIsReadIsKeptThoughItExpired(t *testing.T) {
	store := memstore.New()
	put := func(key string, v any) {
		t.Helper()
		if err := records.Put(store, key, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, dataset := range []string{"one", "other"} {
		put(records.PrefixDataset+dataset, catalog.Dataset{ID: dataset, Versions: 4, Live: 4})
		for n := 1; n <= 4; n++ {
			v := catalog.Version{VersionPropose: catalog.VersionPropose{Dataset: dataset}, Version: n, State: catalog.VersionLive}
			switch n {
			case 1, 2:
				v.Expired = 7
			case 3:
				v.State = catalog.VersionRejected
			}
			put(records.PrefixVersion+records.VersionName(dataset, n), v)
		}
	}
	check := func(what string, want ...catalog.VersionOf) {
		t.Helper()
		kept, err := keptVersions(state.NewMachine().View(store))
		if err != nil {
			t.Fatal(err)
		}
		var have []catalog.VersionOf
		for _, v := range kept {
			have = append(have, catalog.VersionOf{Dataset: v.Dataset, Version: v.Version})
		}
		if len(have) != len(want) {
			t.Fatalf("%s: %v is kept, want %v", what, have, want)
		}
		for i, at := range want {
			if have[i] != at {
				t.Fatalf("%s: %v is kept, want %v", what, have, want)
			}
		}
	}
	check("nobody asks", catalog.VersionOf{Dataset: "one", Version: 4}, catalog.VersionOf{Dataset: "other", Version: 4})
	const seq = 9
	put(records.PrefixQuery+"q-1", catalog.Query{ID: "q-1", Seq: seq, Dataset: "one", Version: 2})
	put(records.PrefixVerdict+"q-1", catalog.Verdict{
		Dataset: "one", Version: 2, Layers: []catalog.Layer{{Version: 2}}, Join: &catalog.JoinedVersion{Dataset: "other", Version: 1},
	})
	if err := records.PutText(store, records.PrefixTodoQuery+records.SeqName(seq), "q-1"); err != nil {
		t.Fatal(err)
	}
	check("a join is under way", catalog.VersionOf{Dataset: "one", Version: 2}, catalog.VersionOf{Dataset: "one", Version: 4},
		catalog.VersionOf{Dataset: "other", Version: 1}, catalog.VersionOf{Dataset: "other", Version: 4})
	if err := records.Remove(store, records.PrefixTodoQuery+records.SeqName(seq)); err != nil {
		t.Fatal(err)
	}
	check("it is over", catalog.VersionOf{Dataset: "one", Version: 4}, catalog.VersionOf{Dataset: "other", Version: 4})
}
