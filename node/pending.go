package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api"
	"github.com/weirdata/weir/node/mpc"
)

// maxPending is how many queries may be accepted and not over. mpc.MaxQueries of them are
// opened at a time; the rest wait in the ledger, and every node reads their records at
// every change of the state. With more, each would take longer to be told that it waits
// than to be asked again.
const maxPending = 64

// admitQuery refuses a query for now when too many are pending. A principal may have as
// many pending as there is room left for, so that one alone has half of the room, and each
// of many gets some. What this node's state does not show yet is let pass. The error is an
// *api.BusyError.
func (acc *access) admitQuery(e catalog.Envelope, p catalog.Payload) error {
	if p.Kind != catalog.KindQuerySubmit {
		return nil
	}
	return acc.view(func(v state.View) error {
		_, err := v.Query(catalog.QueryID(e.Digest()))
		if !errors.Is(err, records.ErrNotFound) {
			return err // it is sent again, and has its place
		}
		pending, err := v.PendingQueries()
		if err != nil {
			return err
		}
		return tooManyPending(pending, e.Signer)
	})
}

// tooManyPending refuses a principal's next query for now, as admitQuery says.
func tooManyPending(pending []catalog.Query, principal string) error {
	own := 0
	for _, q := range pending {
		if q.Principal == principal {
			own++
		}
	}
	if own < maxPending-len(pending) {
		return nil
	}
	return &api.BusyError{
		Message: fmt.Sprintf("%d queries are pending, %d of them yours", len(pending), own),
		Wait:    time.Duration(1+len(pending)/mpc.MaxQueries) * time.Second,
	}
}
