package audit

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// A decision that is on other datasets than were asked for is not taken.
func TestDecisionsAreOfTheDatasetsThatWereAsked(t *testing.T) {
	join := func(id string) *catalog.Join {
		if id == "" {
			return nil
		}
		return &catalog.Join{Dataset: id}
	}
	for _, x := range []struct {
		asked, got string
		same       bool
	}{{"", "", true}, {"energy", "energy", true}, {"energy", "", false}, {"", "energy", false}, {"energy", "water", false}} {
		var decided *catalog.JoinedDecision
		if x.got != "" {
			decided = &catalog.JoinedDecision{JoinedQuery: catalog.JoinedQuery{Dataset: x.got}}
		}
		if err := sameJoin(join(x.asked), decided); (err == nil) != x.same {
			t.Errorf("asked %q, decided on %q: %v", x.asked, x.got, err)
		}
	}
}
