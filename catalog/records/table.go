package records

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
)

// ReadRows reads all rows of a registry, those of the draft included.
func ReadRows(r Reader, id string) ([][]string, error) {
	chunks, err := List[[][]string](r, PrefixRows+id+"/")
	if err != nil {
		return nil, fmt.Errorf("read the rows of registry %s: %w", id, err)
	}
	return slices.Concat(chunks...), nil
}

func tableName(reg catalog.Registry) string { return reg.ID + "/" + reg.Digest.String() }

// KeepTable remembers the table of a registry's committed rows.
func (m *Cache) KeepTable(reg catalog.Registry, t *tables.Table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tables.add(tableName(reg), t, cachedTables)
}

// Table returns the committed rows of a registry.
func (m *Cache) Table(r Reader, reg catalog.Registry) (*tables.Table, error) {
	return recallOr(m, &m.tables, cachedTables, tableName(reg), func() (*tables.Table, error) {
		rows, err := ReadRows(r, reg.ID)
		if err != nil {
			return nil, err
		}
		if len(rows) < reg.Rows {
			return nil, fmt.Errorf("registry %s: the store holds %d of %d rows", reg.ID, len(rows), reg.Rows)
		}
		return tables.New(reg.Columns, rows[:reg.Rows])
	})
}

// ReplacedRows are rows as they were before a correction, by their places.
type ReplacedRows struct {
	Places []int      `json:"places"`
	Rows   [][]string `json:"rows"`
}

// UndoPrefix is what the keys of the rows begin with that a correction of a registry replaced.
func UndoPrefix(registry string, corrected int) string {
	return fmt.Sprintf("%s%s/%08d/", prefixUndo, registry, corrected)
}

// StateKey is where a state of a registry is kept, by its number.
func StateKey(registry string, number int) string {
	return fmt.Sprintf("%s%s/%08d", PrefixRegistryState, registry, number)
}

// TableAt is a registry's table as it was in a state, with its attributes of then.
func (m *Cache) TableAt(r Reader, registry string, number int) (*tables.Table, error) {
	s, err := Find[catalog.RegistryState](r, StateKey(registry, number))
	if err != nil {
		return nil, err
	}
	reg, err := Find[catalog.Registry](r, PrefixRegistry+registry)
	if err != nil {
		return nil, err
	}
	if s.Corrected == reg.Corrected {
		t, err := m.Table(r, reg)
		if err != nil {
			return nil, err
		}
		return t.Prefix(s.Rows), nil
	}
	then := reg
	then.Digest = s.Digest
	return recallOr(m, &m.tables, cachedTables, tableName(then), func() (*tables.Table, error) {
		rows, err := ReadRows(r, registry)
		if err != nil {
			return nil, err
		}
		rows = rows[:min(s.Rows, len(rows))]
		for n := reg.Corrected - 1; n >= s.Corrected; n-- {
			parts, err := List[ReplacedRows](r, UndoPrefix(registry, n))
			if err != nil {
				return nil, err
			}
			for _, u := range parts {
				for i, place := range u.Places {
					if place < len(rows) {
						rows[place] = u.Rows[i]
					}
				}
			}
		}
		return tables.New(reg.Columns, rows)
	})
}
