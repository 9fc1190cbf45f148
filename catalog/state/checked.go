package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
)

// checkMembers refuses an attempt of a query among other nodes than those that can open: t, of whom one is the root,
// or of a checked answer t+1 or t+2. Sets and roots of these follow from who they are (package checked), and are
// not named. It returns of how many members each set is; 0: the attempt has one.
func checkMembers(roster catalog.KeyRoster, verify bool, b catalog.QueryAttempt, holders []string) (setOf int, _ *catalog.Refusal) {
	t := roster.Threshold
	switch {
	case !verify:
		return 0, checkActive(roster, b.Active, b.Root, holders)
	case !checked.Possible(len(b.Active), t):
		return 0, catalog.Invalid("active", "active.checked_size", len(b.Active), t+1, t+2)
	case b.Root != "":
		return 0, catalog.Invalid("root", "active.checked_root", b.Root)
	}
	return t, checkHolders(roster, b.Active, holders)
}

// checkHolders refuses members that are not distinct nodes of the roster in its order, or do not hold what is opened.
func checkHolders(roster catalog.KeyRoster, active, holders []string) *catalog.Refusal {
	if !slices.Equal(roster.InOrder(active), active) {
		return catalog.Invalid("active", "active.order", active)
	}
	for _, id := range active {
		if !slices.Contains(holders, id) {
			return catalog.Conflict("holder", "active.holder", id)
		}
	}
	return nil
}

// opensTimes is how often each tile of an attempt counts against its key: once for each set that opens it.
func opensTimes(b catalog.QueryAttempt, setOf int) int64 {
	if setOf == 0 {
		return 1
	}
	return int64(checked.Count(len(b.Active), setOf))
}
