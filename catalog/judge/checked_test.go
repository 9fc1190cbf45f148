package judge

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/statetest"
)

// TestSharesOfSeveralSetsFitOneEntry: the groups that fit for one set do not for six.
func TestSharesOfSeveralSetsFitOneEntry(t *testing.T) {
	most := maxSharedGroups(2)
	if r := checkShares(most, 2, 1); r != nil {
		t.Errorf("one set: %v", r)
	}
	statetest.WantRefusal(t, checkShares(most, 2, 6), catalog.RefusedPolicy, "verify_share")
	statetest.CheckSaid(t, checkShares(most, 2, 6), "groups", "bytes")
	if r := checkShares(most/7, 2, 6); r != nil {
		t.Errorf("a seventh of them: %v", r)
	}
}
