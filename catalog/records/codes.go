package records

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
)

// Values of a registry's attributes have numbers that never change, in the order in
// which they first came: trees of classes are made of them, and grow by them long
// after. The lists are only ever added to.

// Codes returns, by attribute, the number of each row's value, and adds those that
// are new.
func Codes(tx Tx, reg catalog.Registry, t *tables.Table) ([][]uint32, error) {
	out := make([][]uint32, len(reg.Columns))
	for a := range reg.Columns {
		key := CodesKey(reg.ID, a)
		values, _, err := Lookup[[]string](tx, key)
		if err != nil {
			return nil, err
		}
		number := make(map[string]uint32, len(values)) // looked up only
		for i, v := range values {
			number[v] = uint32(i) //nolint:gosec // at most MaxRegistryRows and corrections
		}
		known := len(values)
		out[a] = make([]uint32, t.Rows())
		for e := range out[a] {
			v := t.Value(e, a)
			n, seen := number[v]
			if !seen {
				n = uint32(len(values)) //nolint:gosec // as above
				number[v] = n
				values = append(values, v)
			}
			out[a][e] = n
		}
		if len(values) == known {
			continue
		}
		if err := Put(tx, key, values); err != nil {
			return nil, err
		}
	}
	return out, nil
}
