package records

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
)

func TestMemoDropsTheOldest(t *testing.T) {
	var m Cache
	made := 0
	get := func(name string) {
		t.Helper()
		v, err := recallOr(&m, &m.tables, 3, name, func() (*tables.Table, error) {
			made++
			return tables.New([]string{name}, nil)
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

// A key that changed is the changed one, however often the keys were listed before, and one
// that did not is not decoded again.
func TestKeysAreListedAsTheyAre(t *testing.T) {
	var m Cache
	tx := fakeTx{}
	put := func(k catalog.Key) { tx[PrefixKey+k.ID] = catalog.Encode(k) }
	put(catalog.Key{ID: "a", Opened: 1})
	put(catalog.Key{ID: "b", Nodes: []string{"n1"}})
	list := func() []catalog.Key {
		t.Helper()
		keys, err := m.Keys(tx)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	before := list()
	put(catalog.Key{ID: "a", Opened: 2})
	after := list()
	if before[0].Opened != 1 || after[0].Opened != 2 {
		t.Errorf("opened %d, then %d", before[0].Opened, after[0].Opened)
	}
	if &before[1].Nodes[0] != &after[1].Nodes[0] {
		t.Error("a key that did not change was decoded again")
	}
	tx[PrefixKey+"b"] = []byte("{")
	if _, err := m.Keys(tx); err == nil {
		t.Error("a damaged key is listed")
	}
}

type fakeTx map[string][]byte

func (f fakeTx) Get(key []byte) ([]byte, error) { return f[string(key)], nil }

func (f fakeTx) Scan(prefix []byte, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(k, string(prefix)) {
			if err := fn([]byte(k), f[k]); err != nil {
				return err
			}
		}
	}
	return nil
}
