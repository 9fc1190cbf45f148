package api

import (
	"context"
	"fmt"
)

// Cores bounds how many goroutines compute at a time for clients. What holds the cluster
// together (heartbeats, votes, pings) is small and has to run soon: with fewer of them than
// the process has cores, it never waits behind them.
type Cores chan struct{}

// NewCores returns places for so many goroutines, one at least.
func NewCores(n int) Cores { return make(Cores, max(n, 1)) }

// Enter takes a place, and waits for one until ctx ends. leave gives it back.
func (c Cores) Enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("begin to compute: %w", err)
	}
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a core to compute on: %w", ctx.Err())
	}
}
