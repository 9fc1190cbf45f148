package node

import (
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
)

// leadRetention has queries forgotten of which the retention is over. The time is this node's clock, less
// what it may be ahead of the ledger's.
func (l *leader) leadRetention(v state.View, _ map[string]bool) ([]task, error) {
	until := l.opts.Clock().Add(-catalog.MaxSkew * time.Millisecond).UnixMilli()
	due, err := v.ForgetDue(until)
	if err != nil || !due {
		return nil, err
	}
	return []task{l.decide("retention", catalog.KindQueryForget, catalog.QueryForget{Until: until})}, nil
}
