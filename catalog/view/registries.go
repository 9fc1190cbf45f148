package view

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
)

// Registries reads registries: their rows as they are and as they were, and the numbers of their values.
type Registries struct {
	cache *records.Cache
	r     records.Reader
}

// Registries are those of the state.
func (v View) Registries() Registries { return Registries(v) }

// Get returns a registry.
func (rs Registries) Get(id string) (catalog.Registry, error) {
	return records.Find[catalog.Registry](rs.r, records.PrefixRegistry+id)
}

// Table returns the first rows committed rows of a registry, or all of them
// when rows is negative.
func (rs Registries) Table(id string, rows int) (*tables.Table, error) {
	reg, err := rs.Get(id)
	if err != nil {
		return nil, err
	}
	if rows > reg.Rows {
		return nil, fmt.Errorf("row %d of registry %s: %w", rows, id, records.ErrNotFound)
	}
	t, err := rs.cache.Table(rs.r, reg)
	if err != nil || rows < 0 {
		return t, err
	}
	return t.Prefix(rows), nil
}

func rowsOf(t *tables.Table, from, to int) (rows [][]string) {
	for i := max(from, 0); i < min(to, t.Rows()); i++ {
		rows = append(rows, t.Row(i))
	}
	return rows
}

// RowsAt are rows from one to another as they were in a state that the registry's record r is of.
func (rs Registries) RowsAt(r catalog.Registry, from, to int) ([][]string, error) {
	t, err := rs.TableAt(r.ID, r.States)
	if err != nil {
		return nil, err
	}
	return rowsOf(t, from, to), nil
}

// Page lists registries by id.
func (rs Registries) Page(p records.Page) ([]catalog.Registry, string, error) {
	return records.ReadPage[catalog.Registry](rs.r, records.PrefixRegistry, p, records.Itself)
}

// StatePage lists the states that a registry's rows have had, by number.
func (rs Registries) StatePage(registry string, p records.Page) ([]catalog.RegistryState, string, error) {
	return records.ReadPage[catalog.RegistryState](rs.r, records.PrefixRegistryState+registry+"/", p, records.Itself)
}

// State is the state of that number.
func (rs Registries) State(registry string, number int) (catalog.RegistryState, error) {
	return records.Find[catalog.RegistryState](rs.r, records.StateKey(registry, number))
}

// CodeValues are the values of a registry's attribute, by its position, in the order of
// their numbers, as a JSON list; ErrNotFound while no family has classes by it.
func (rs Registries) CodeValues(registry string, attribute int) ([]byte, error) {
	b, err := rs.r.Get([]byte(records.CodesKey(registry, attribute)))
	if err == nil && b == nil {
		err = records.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("values of attribute %d of registry %.80q: %w", attribute, registry, err)
	}
	return b, nil
}

// TableAt is a registry's table as it was in a state, with its attributes of then.
func (rs Registries) TableAt(registry string, number int) (*tables.Table, error) {
	return rs.cache.TableAt(rs.r, registry, number)
}
