package view

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/tables"
)

// Registry returns a registry.
func (v View) Registry(id string) (catalog.Registry, error) {
	return records.Find[catalog.Registry](v.r, records.PrefixRegistry+id)
}

// Table returns the first rows committed rows of a registry, or all of them
// when rows is negative.
func (v View) Table(id string, rows int) (*tables.Table, error) {
	reg, err := v.Registry(id)
	if err != nil {
		return nil, err
	}
	if rows > reg.Rows {
		return nil, fmt.Errorf("row %d of registry %s: %w", rows, id, records.ErrNotFound)
	}
	t, err := v.cache.Table(v.r, reg)
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

// RowsAt is Rows as they were in a state that the registry's record r is of.
func (v View) RowsAt(r catalog.Registry, from, to int) ([][]string, error) {
	t, err := v.TableAt(r.ID, r.States)
	if err != nil {
		return nil, err
	}
	return rowsOf(t, from, to), nil
}

// RegistryPage lists registries by id.
func (v View) RegistryPage(p records.Page) ([]catalog.Registry, string, error) {
	return records.ReadPage[catalog.Registry](v.r, records.PrefixRegistry, p, records.Itself)
}

// RegistryStatePage lists the states that a registry's rows have had, by number.
func (v View) RegistryStatePage(registry string, p records.Page) ([]catalog.RegistryState, string, error) {
	return records.ReadPage[catalog.RegistryState](v.r, records.PrefixRegistryState+registry+"/", p, records.Itself)
}

// RegistryState is the state of that number.
func (v View) RegistryState(registry string, number int) (catalog.RegistryState, error) {
	return records.Find[catalog.RegistryState](v.r, records.StateKey(registry, number))
}

// CodeValues are the values of a registry's attribute, by its position, in the order of
// their numbers, as a JSON list; ErrNotFound while no family has classes by it.
func (v View) CodeValues(registry string, attribute int) ([]byte, error) {
	b, err := v.r.Get([]byte(records.CodesKey(registry, attribute)))
	if err == nil && b == nil {
		err = records.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("values of attribute %d of registry %.80q: %w", attribute, registry, err)
	}
	return b, nil
}

// TableAt is a registry's table as it was in a state, with its attributes of then.
func (v View) TableAt(registry string, number int) (*tables.Table, error) {
	return v.cache.TableAt(v.r, registry, number)
}
