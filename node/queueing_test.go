package node

import (
	"errors"
	"fmt"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api"
)

// One principal alone has half of the room, a second one a quarter, and so on; there is
// always room for one who has nothing pending until all of it is taken.
func TestPendingQueriesAreBoundedAndSharedOut(t *testing.T) {
	var pending []catalog.Query
	fill := func(principal string) (count int) {
		for tooManyPending(pending, principal) == nil {
			pending = append(pending, catalog.Query{Principal: principal})
			count++
		}
		return count
	}
	for i, want := range []int{32, 16, 8, 4, 2, 1} {
		if got := fill(fmt.Sprintf("buyer %d", i)); got != want {
			t.Errorf("principal %d has %d pending, want %d", i, got, want)
		}
	}
	err := tooManyPending(pending, "buyer 0")
	var busy *api.BusyError
	if !errors.As(err, &busy) || busy.Wait <= 0 {
		t.Errorf("the next one is answered %v", err)
	}
	if got := fill("late"); got != 1 || len(pending) != maxPending {
		t.Errorf("a late one has %d pending of %d", got, len(pending))
	}
}
