package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// joinable refuses two datasets that may not be joined.
func joinable(a, b catalog.Dataset) *catalog.Refusal {
	x, y := a.Descriptor, b.Descriptor
	differ := func(what, first, second string) *catalog.Refusal {
		return catalog.Refuse(catalog.RefusedInvalid, "join_shape", "join.shape", a.ID, b.ID, what, first, second).
			WithField("join")
	}
	switch {
	case x.Registry != y.Registry:
		return differ("registry", x.Registry, y.Registry)
	case x.Grain != y.Grain:
		return differ("grain", string(x.Grain), string(y.Grain))
	case x.UTCOffset != y.UTCOffset:
		return differ("utc_offset", x.UTCOffset, y.UTCOffset)
	case x.Policy.Public && y.Policy.Public:
		return nil
	case x.Policy.Public:
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.public", a.ID, b.ID).WithField("join")
	case y.Policy.Public:
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.public", b.ID, a.ID).WithField("join")
	case a.Owner == b.Owner:
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.one_publisher", a.ID, b.ID).WithField("join")
	case !slices.Contains(x.Policy.Joins, b.ID):
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.not_listed", a.ID, b.ID).WithField("join")
	case !slices.Contains(y.Policy.Joins, a.ID):
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.not_listed", b.ID, a.ID).WithField("join")
	case x.Policy.Grain != y.Policy.Grain:
		return differ("policy.grain", string(x.Policy.Grain), string(y.Policy.Grain))
	case x.Policy.Grain != x.Grain:
		return catalog.Refuse(catalog.RefusedPolicy, "joins", "join.coarse", a.ID, b.ID, x.Grain, x.Policy.Grain).
			WithField("join")
	}
	return nil
}
