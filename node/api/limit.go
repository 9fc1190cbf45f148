package api

import "sync"

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
