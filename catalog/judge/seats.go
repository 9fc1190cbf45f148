package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/roster"
)

// SeatHolds is the refusal to let a seat that leaves go at a time, because of what it holds; nil: it
// holds nothing that is needed.
func SeatHolds(r records.Reader, node string, now int64) (*catalog.Refusal, error) {
	keys, err := records.List[catalog.Key](r, records.PrefixKey)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		erasing := k.Retired != nil && k.Before().Point(node) > 0 && !k.Retired.Erased[k.Before().Point(node)-1] && now <= k.Retired.Since+roster.MaxErasing
		switch {
		case k.State == catalog.KeyFailed:
		case slices.Contains(k.Nodes, node):
			return catalog.Conflict("holds", "seat.holds_key", node, k.ID, k.Publisher), nil
		case erasing:
			return catalog.Conflict("holds", "seat.holds_old", node, k.ID), nil
		}
	}
	vectors, err := records.ListNamed[catalog.Vector](r, records.PrefixVectorHeld, records.PrefixVector)
	if err != nil {
		return nil, err
	}
	for _, v := range vectors {
		if slices.Contains(v.InForce().Nodes, node) {
			return catalog.Conflict("holds", "seat.holds_vector", node, v.ID, v.Owner), nil
		}
	}
	moves, err := records.List[resharing.Move](r, records.PrefixMove)
	if err != nil {
		return nil, err
	}
	for _, m := range moves {
		i := slices.Index(m.Members(), node)
		if i >= 0 && (m.State != resharing.Erasing || !m.Erased[i] && now <= m.InForce+roster.MaxErasing) {
			return catalog.Conflict("holds", "seat.holds_move", node, m.Seq), nil
		}
	}
	return nil, nil //nolint:nilnil // it holds nothing
}
