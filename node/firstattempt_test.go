package node

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// The first attempt of a query and of a repeat is proposed with it: both have one stamp.
func TestAttemptsAreProposedWithTheirQueries(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	_, bureau, truth := withStations(ctx, t)
	check := func(what string, q catalog.Query) {
		t.Helper()
		if a := q.Attempts[0]; a.Named != q.Accepted || len(q.Attempts) != 1 || a.Reseals != (q.Repeats != "") {
			t.Errorf("%s: accepted at %d, its attempt was named at %d: %+v", what, q.Accepted, a.Named, q.Attempts)
		}
	}
	check("fresh", askStations(ctx, t, bureau, truth))
	check("repeat", askStations(ctx, t, bureau, truth))
	for range 4 { // the client takes one node or another
		check("again", askStations(ctx, t, bureau, truth))
	}
}

// As many queries are named at a time as there is room for, and each once.
func TestNamingIsBounded(t *testing.T) {
	l := &leader{naming: map[string]bool{}}
	if !l.beginNaming("a", 2) || l.beginNaming("a", 2) || !l.beginNaming("b", 2) || l.beginNaming("c", 2) || l.beginNaming("c", -1) {
		t.Error("more than two are named, or one twice")
	}
	if l.endNaming("a"); l.isNaming("a") || !l.isNaming("b") || !l.beginNaming("c", 2) {
		t.Error("one that ended leaves no room")
	}
}
