package ask

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
)

// A verdict that is on other datasets than were asked for is not taken.
func TestJoinsAreOfTheDatasetsThatWereAsked(t *testing.T) {
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
		var version *catalog.JoinedVersion
		if x.got != "" {
			version = &catalog.JoinedVersion{Dataset: x.got}
		}
		if sameJoin(join(x.asked), version) != x.same {
			t.Errorf("asked %q, the verdict is on %q: same is not %t", x.asked, x.got, x.same)
		}
	}
}

// A version of a joined dataset goes into the request of a join, and is not passed over in
// silence where nothing is joined.
func TestAVersionOfTheJoinedDatasetIsAskedOfAJoinAlone(t *testing.T) {
	o := Options{AsOf: 2, JoinAsOf: 3}
	joined := sql.Compiled{Request: catalog.Request{Join: &catalog.Join{Dataset: "energy"}}}
	r := &joined.Request
	if err := o.complete(&joined); err != nil || r.AsOf != 2 || r.Join.AsOf != 3 {
		t.Errorf("request as of %d and %d: %v", r.AsOf, r.Join.AsOf, err)
	}
	if err := o.complete(&sql.Compiled{}); err == nil {
		t.Error("version 3 of a dataset that is not joined is passed over")
	}
}
