package load

import (
	"context"
	"fmt"
	"time"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/dev"
)

// highestTerm is the highest term that a node knows.
func highestTerm(ctx context.Context, cluster *dev.Cluster) (term uint64, err error) {
	operator, err := cluster.Client(dev.Operator)
	if err != nil {
		return 0, err
	}
	defer operator.Close()
	states, err := operator.Statuses(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the nodes how they are: %w", err)
	}
	for _, s := range states {
		if s.Status == nil {
			return 0, fmt.Errorf("node %s does not say how it is: %s", s.Node, s.Error)
		}
		term = max(term, s.Status.Ledger.Term)
	}
	return term, nil
}

const stallTick = 20 * time.Millisecond

// watchStalls watches how late an idle timer is until end is called, which returns the
// longest delay.
func watchStalls(ctx context.Context) (end func() time.Duration) {
	var longest time.Duration
	due := time.Now()
	stop := client.Poll(ctx, stallTick, func(context.Context) {
		now := time.Now()
		longest, due = max(longest, now.Sub(due)), now.Add(stallTick)
	})
	return func() time.Duration {
		stop()
		return longest
	}
}
