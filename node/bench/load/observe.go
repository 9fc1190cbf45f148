package load

import (
	"context"
	"fmt"
	"time"

	"github.com/weirdata/weir/node/dev"
)

// observation is how the nodes are at one time.
type observation struct {
	term uint64 // the highest that a node knows
}

func observe(ctx context.Context, cluster *dev.Cluster) (o observation, err error) {
	operator, err := cluster.Client(dev.Operator)
	if err != nil {
		return o, err
	}
	defer operator.Close()
	states, err := operator.Statuses(ctx)
	if err != nil {
		return o, fmt.Errorf("ask the nodes how they are: %w", err)
	}
	for _, s := range states {
		if s.Status == nil {
			return o, fmt.Errorf("node %s does not say how it is: %s", s.Node, s.Error)
		}
		o.term = max(o.term, s.Status.Ledger.Term)
	}
	return o, nil
}

// stalls watches how late an idle timer is.
type stalls struct {
	cancel  context.CancelFunc
	over    chan struct{}
	longest time.Duration // after over
}

const stallTick = 20 * time.Millisecond

func beginStalls(ctx context.Context) *stalls {
	ctx, cancel := context.WithCancel(ctx)
	s := &stalls{cancel: cancel, over: make(chan struct{})}
	go func() {
		defer close(s.over)
		t := time.NewTimer(stallTick)
		defer t.Stop()
		for due := time.Now().Add(stallTick); ; due = time.Now().Add(stallTick) {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				s.longest = max(s.longest, time.Since(due))
			}
			t.Reset(stallTick)
		}
	}()
	return s
}

// end ends the watch and returns the longest delay.
func (s *stalls) end() time.Duration {
	s.cancel()
	<-s.over
	return s.longest
}
