package api

import (
	"sync"
	"time"
)

// limiter counts the requests under way of each caller. A caller without any
// takes no memory.
type limiter struct {
	most int

	mu      sync.Mutex
	callers map[string]int // guarded by mu; values ≥ 1
}

func newLimiter(most int) *limiter {
	return &limiter{most: most, callers: make(map[string]int)}
}

// enter takes a place for the caller and reports whether there was one; leave
// gives it back.
func (l *limiter) enter(caller string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.callers[caller] >= l.most {
		return false
	}
	l.callers[caller]++
	return true
}

func (l *limiter) leave(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.callers[caller]--; l.callers[caller] <= 0 {
		delete(l.callers, caller)
	}
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
