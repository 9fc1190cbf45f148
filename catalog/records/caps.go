package records

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
)

// CapsAt are the caps of a policy by the attributes that its registry has in a state.
func (m *Cache) CapsAt(r Reader, d catalog.Descriptor, state int) ([]caps.Column, error) {
	t, err := m.TableAt(r, d.Registry, state)
	if err != nil {
		return nil, err
	}
	return caps.Columns(d, func(name string) ([]string, error) {
		column := slices.Index(t.Columns(), name)
		if column < 0 {
			return nil, fmt.Errorf("registry %s has no attribute %q, which caps of dataset %s are", d.Registry, name, d.Dataset)
		}
		texts := make([]string, t.Rows())
		for e := range texts {
			texts[e] = t.Value(e, column)
		}
		return texts, nil
	})
}

// Caps are the caps in force of a version: of each entity the largest that its attribute made in
// the registry's states that its readings were checked by. None: the version has none. d is the
// descriptor that the version was published by.
func (m *Cache) Caps(r Reader, d catalog.Descriptor, v catalog.VersionPropose) ([]caps.Column, error) {
	if v.Caps == nil {
		return nil, nil
	}
	columns, err := m.CapsAt(r, d, v.Caps.To)
	if err != nil {
		return nil, err
	}
	from, err := Find[catalog.RegistryState](r, StateKey(d.Registry, v.Caps.From))
	if err != nil {
		return nil, err
	}
	to, err := Find[catalog.RegistryState](r, StateKey(d.Registry, v.Caps.To))
	if err != nil {
		return nil, err
	}
	reg, err := Find[catalog.Registry](r, PrefixRegistry+d.Registry)
	if err != nil {
		return nil, err
	}
	for n := to.Corrected - 1; n >= from.Corrected; n-- { // what each correction replaced had held until then
		parts, err := List[ReplacedRows](r, UndoPrefix(d.Registry, n))
		if err != nil {
			return nil, err
		}
		for _, c := range columns {
			column := 1 + slices.Index(reg.Columns, c.Attribute)
			for _, u := range parts {
				for i, place := range u.Places {
					if place < len(c.Caps) {
						c.Caps[place] = max(c.Caps[place], caps.Of(c.Measure, u.Rows[i][column]))
					}
				}
			}
		}
	}
	return columns, nil
}
