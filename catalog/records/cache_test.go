package records

import (
	"testing"

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
