package consensus

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/consensus/pairs"
)

// The store is walked like the one in memory, which is a sorted list: any prefix, from
// any place, in both directions, stopping anywhere.
func TestStoreIsWalkedLikeAList(t *testing.T) {
	store, err := pairs.In(t.TempDir(), pairs.Options{NoSync: true, MemTable: 8 << 20, Logger: discard}).Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	walkLikeAList(t, store)
}

// walkLikeAList compares walks through a store, which is empty, with walks through a list.
func walkLikeAList(t *testing.T, store pairs.Store) {
	t.Helper()
	var old []change // what the last try has left
	rapid.Check(t, func(t *rapid.T) {
		for i := range old {
			old[i] = change{Key: old[i].Key, Deleted: true}
		}
		name := rapid.StringMatching(`[ab/企]{0,4}`)
		memory := memstore.New()
		// Other spaces, on both sides, are no part of the state machine's.
		list := []change{{Key: string([]byte{spaceMeta, 'a'}), Value: []byte("other")}, {Key: string([]byte{spaceEvidence, 'a'}), Value: []byte("other")}}
		for _, k := range rapid.SliceOfN(name, 0, 20).Draw(t, "keys") {
			k = "k" + k
			list = append(list, change{Key: string(spaceMachine) + k, Value: []byte(k)})
			if err := memory.Set([]byte(k), []byte(k)); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Write(slices.Values(append(old, list...))); err != nil {
			t.Fatal(err)
		}
		old = list
		s := records.Stretch{Prefix: "k" + name.Draw(t, "prefix"), After: name.Draw(t, "after"), Down: rapid.Bool().Draw(t, "down")}
		stop := rapid.IntRange(1, 20).Draw(t, "stop")
		enough := errors.New("enough")
		read := func(w records.Walker) (got []string) {
			err := w.Walk(s, func(key, value []byte) error {
				got = append(got, fmt.Sprintf("%s=%s", key, value))
				if len(got) == stop {
					return enough
				}
				return nil
			})
			if err != nil && !errors.Is(err, enough) || (err != nil) != (len(got) == stop) {
				t.Fatalf("after %d keys: %v", len(got), err)
			}
			return got
		}
		want := read(memory)
		r := store.Read()
		defer r.Close()
		if got := read(machineReader{r}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v: %v, want %v", s, got, want)
		}
	})
}

// So is the store of the simulation.
func TestSimulatedStoreIsWalkedLikeAList(t *testing.T) {
	store, err := newSimDisk().Open()
	if err != nil {
		t.Fatal(err)
	}
	walkLikeAList(t, store)
}
