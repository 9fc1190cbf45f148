package node

import (
	"context"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
)

// forgetEvery is how seldom a node says again that time has passed: its word has whole hours, so that it says
// one an hour at most, however many answers end.
const forgetEvery = time.Hour

// forgetTasks has what is due forgotten. Each node says by its own clock, less what it may be ahead of the
// ledger's, that the retention of something is over; the leader goes on until nothing is left of what a
// threshold of nodes has said.
func (rec *reconciler) forgetTasks(v state.View) ([]task, error) {
	until := rec.opts.Clock().Add(-maxSkew).Truncate(forgetEvery).UnixMilli()
	f, err := v.Forgetting(rec.id, until)
	if err != nil || !f.Unsaid && (!f.Agreed || !rec.ledger.IsLeader()) {
		return nil, err
	}
	return []task{{name: "forget", run: func(ctx context.Context) error {
		return rec.access.act(ctx, catalog.KindQueryForget, catalog.QueryForget{Until: until})
	}}}, nil
}
