// Package changes has what follows from changes of the state: who waits for one is told, and what was derived
// from the state is kept until an entry touches what it was derived from.
package changes

import "sync"

// News tells any number of waiting requests that the state changed.
type News struct {
	mu sync.Mutex
	ch chan struct{}
}

// NewNews has nobody waiting.
func NewNews() *News { return &News{ch: make(chan struct{})} }

// Next returns a channel that is closed at the next change after the call.
func (w *News) Next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ch
}

// Publish tells of a change.
func (w *News) Publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.ch)
	w.ch = make(chan struct{})
}
