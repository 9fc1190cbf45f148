package family

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// A version that was withdrawn is live by its state, and none of its cells may be summed.
func TestAWithdrawnVersionIsNotLive(t *testing.T) {
	p := &Cells{versions: map[int]catalog.Version{
		1: {State: catalog.VersionLive},
		2: {State: catalog.VersionLive, Withdrawn: &catalog.Withdrawal{}},
		3: {State: catalog.VersionRejected},
	}}
	for version, want := range map[int]bool{1: true, 2: false, 3: false} {
		if got := p.Live(version); got != want || p.Err != nil {
			t.Errorf("version %d is live: %v, want %v; %v", version, got, want, p.Err)
		}
	}
	if p.Live(4) || p.Err == nil {
		t.Error("a version that nobody lists is live, or no fault")
	}
}
