package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// narrowScope returns what an approval grants of an order's scope.
func narrowScope(ordered, granted *catalog.Scope) (*catalog.Scope, *catalog.Refusal) {
	switch {
	case granted == nil:
		return ordered, nil
	case ordered == nil:
		return sortedScope(granted), nil
	}
	for _, c := range granted.Columns {
		if !slices.Contains(ordered.Columns, c) {
			return nil, wider("scope.columns", "order.wider_names", c, ordered.Columns)
		}
	}
	out := sortedScope(granted)
	switch {
	case out.Grain == "":
		out.Grain = ordered.Grain
	case ordered.Grain != "" && out.Grain.Finer(ordered.Grain):
		return nil, wider("scope.grain", "order.wider_grain", ordered.Grain, out.Grain)
	}
	return out, nil
}

func sortedScope(s *catalog.Scope) *catalog.Scope {
	out := &catalog.Scope{Columns: append([]string{}, s.Columns...), Grain: s.Grain}
	slices.Sort(out.Columns)
	return out
}
