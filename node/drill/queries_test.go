package drill

import (
	"fmt"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
)

// Who keeps results for longer than the cluster keeps queries has no backup called damaged by them: it is said that they are
// not compared. A result of no query of the backup differs.
func TestResultsOfForgottenQueriesDoNotDiffer(t *testing.T) {
	queries := map[string]catalog.Query{
		"q-1": {State: catalog.QueryDone, Forgotten: 1},
		"q-2": {State: catalog.QueryDone, Repeats: "q-3", Attempts: []catalog.Attempt{{Number: 1, Reseals: true}}},
		"q-3": {State: catalog.QueryDone, Attempts: []catalog.Attempt{{Number: 1}}},
		"q-4": {State: catalog.QueryFailed},
	}
	find := func(id string) (catalog.Query, error) {
		if q, is := queries[id]; is {
			return q, nil
		}
		return catalog.Query{}, fmt.Errorf("query %s: %w", id, records.ErrNotFound)
	}
	for id, x := range map[string]struct {
		differ       int
		missed, kept bool
	}{"q-1": {0, true, false}, "q-2": {0, true, false}, "q-3": {0, false, true}, "q-4": {1, false, false}, "q-5": {1, false, false}} {
		c := &Check{}
		d := &drilling{checks: map[string]*Check{recovery.Figures: c}, results: map[string]File{id: {Name: "kept.json"}}}
		if err := d.setApart([]string{"q-3"}, find); err != nil {
			t.Fatal(err)
		}
		if c.Differ != x.differ || (c.Missed != "") != x.missed || (len(d.results) > 0) != x.kept {
			t.Errorf("a result of %s: %+v, to be compared %d", id, c, len(d.results))
		}
	}
}
