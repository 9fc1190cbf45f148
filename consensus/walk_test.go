package consensus

import (
	"errors"
	"fmt"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/memstore"
)

// The store is walked like the one in memory, which is a sorted list: any prefix, from
// any place, in both directions, stopping anywhere.
func TestStoreIsWalkedLikeAList(t *testing.T) {
	db, err := badger.Open(badger.DefaultOptions("").WithInMemory(true).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		if err := db.DropAll(); err != nil {
			t.Fatal(err)
		}
		name := rapid.StringMatching(`[ab/企]{0,4}`)
		memory := memstore.New()
		err := db.Update(func(txn *badger.Txn) error {
			// Other spaces, on both sides, are no part of the state machine's.
			for _, space := range []byte{spaceMeta, spaceEvidence} {
				if err := txn.Set([]byte{space, 'a'}, []byte("other")); err != nil {
					return err
				}
			}
			for _, k := range rapid.SliceOfN(name, 0, 20).Draw(t, "keys") {
				k = "k" + k
				if err := errors.Join(txn.Set(append([]byte{spaceMachine}, k...), []byte(k)), memory.Set([]byte(k), []byte(k))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
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
		err = db.View(func(txn *badger.Txn) error {
			if got := read(machineReader{txn}); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%+v: %v, want %v", s, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
