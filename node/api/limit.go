package api

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// limiter counts the requests under way of each caller, and the bytes of their bodies. A
// caller without any takes no memory.
type limiter struct {
	most      int
	mostBytes int64

	mu      sync.Mutex
	callers map[string]load // guarded by mu; requests ≥ 1
}

// load is what one caller has under way.
type load struct {
	requests int
	bytes    int64 // of bodies, as far as they say how long they are
}

func newLimiter(most int, mostBytes int64) *limiter {
	return &limiter{most: most, mostBytes: mostBytes, callers: make(map[string]load)}
}

// enter takes a place for a request of the caller with a body of so many bytes; leave
// gives it back. The error is a *wire.Problem: the caller has too much under way.
func (l *limiter) enter(caller string, bytes int64) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.callers[caller]
	if now.requests >= l.most {
		return nil, tooMany(fmt.Sprintf("more than %d requests of yours are under way", l.most))
	}
	if bytes > 0 && now.bytes+bytes > l.mostBytes {
		return nil, tooMany(fmt.Sprintf("the requests of yours that are under way have more than %d bytes", l.mostBytes))
	}
	l.callers[caller] = load{now.requests + 1, now.bytes + bytes}
	return func() { l.leave(caller, bytes) }, nil
}

func (l *limiter) leave(caller string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := load{l.callers[caller].requests - 1, l.callers[caller].bytes - bytes}
	if now.requests <= 0 {
		delete(l.callers, caller)
		return
	}
	l.callers[caller] = now
}

// allowance bounds the bytes that each caller may upload in a period. It is kept in
// memory: it is there so that a disk takes months to fill, not hours.
type allowance struct {
	most  int64
	every time.Duration

	mu    sync.Mutex
	from  time.Time        // when the period began
	spent map[string]int64 // by caller
}

func newAllowance(most int64, every time.Duration) *allowance {
	return &allowance{most: most, every: every, spent: map[string]int64{}}
}

// take notes bytes of a caller, and reports whether it may upload them.
func (a *allowance) take(caller string, bytes int64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.from) >= a.every {
		a.from = now
		clear(a.spent)
	}
	if a.spent[caller]+bytes > a.most {
		return false
	}
	a.spent[caller] += bytes
	return true
}

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
