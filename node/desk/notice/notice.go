// Package notice tells the person of a desk what happened while nobody looked at it: an order came, a contract is nearly
// spent, a feed stopped, a node does not answer. Each is told once, in the page and to a webhook or a command of the person's, and again
// only after it was over in between. A notice names things and has no figure, purpose or reading in it.
package notice

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// Every is how often is looked.
	Every = 30 * time.Second
	// maxLooking is how long one look may take, and one telling.
	maxLooking = 20 * time.Second
	// maxKept is how many notices are kept for the page, and how many are told of one look.
	maxKept = 100
)

// Event is something that is so now. The same Kind and Of is the same event.
type Event struct {
	Kind string `json:"kind"` // order, spent, node, feed
	Of   string `json:"of"`   // an id or a name
}

// Notice is an event that was told.
type Notice struct {
	Event
	Words string `json:"words"`
	At    int64  `json:"at"` // Unix milliseconds
}

// words says an event in a sentence.
func (e Event) words() string {
	switch e.Kind {
	case KindOrder:
		return fmt.Sprintf("order %.10s came: it waits for your decision", e.Of)
	case KindSpent:
		return fmt.Sprintf("contract %.10s is nearly spent: less than a tenth of its queries or budget is left", e.Of)
	case KindNode:
		return fmt.Sprintf("node %s does not answer", e.Of)
	}
	return fmt.Sprintf("the feed of dataset %s has stopped", e.Of)
}

// Options say what a watcher looks at and whom it tells.
type Options struct {
	// Look returns what is so now, and of which kinds it could be seen: of the others nothing is known.
	Look func(context.Context) (events []Event, kinds []string)
	// Tell tells one notice outside of the page; nil: nobody.
	Tell func(context.Context, Notice) error
	// Failed is told what telling failed with.
	Failed func(error)
	Now    func() time.Time
}

// Watcher looks again and again.
type Watcher struct {
	o Options

	mu   sync.Mutex
	told map[Event]bool // guarded by mu; what is so and was told
	kept []Notice       // guarded by mu; the newest last
}

// New returns a watcher, which does nothing before Run.
func New(o Options) *Watcher { return &Watcher{o: o, told: map[Event]bool{}} }

// Run looks at once and at every tick, until ctx ends.
func (w *Watcher) Run(ctx context.Context, ticks <-chan time.Time) {
	for {
		w.look(ctx)
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
	}
}

// look tells what is new since the look before.
func (w *Watcher) look(ctx context.Context) {
	looking, cancel := context.WithTimeout(ctx, maxLooking)
	defer cancel()
	events, kinds := w.o.Look(looking)
	if ctx.Err() != nil {
		return
	}
	for _, n := range w.fresh(events, kinds) {
		if w.o.Tell == nil {
			continue
		}
		telling, cancel := context.WithTimeout(ctx, maxLooking)
		if err := w.o.Tell(telling, n); err != nil && ctx.Err() == nil {
			w.o.Failed(err)
		}
		cancel()
	}
}

// fresh keeps the events that were not told, and forgets those that are over. One of a kind that could not be seen is
// not over.
func (w *Watcher) fresh(events []Event, kinds []string) (all []Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.told {
		if slices.Contains(kinds, e.Kind) && !slices.Contains(events, e) {
			delete(w.told, e)
		}
	}
	for _, e := range events {
		if w.told[e] || len(all) == maxKept {
			continue
		}
		w.told[e] = true
		all = append(all, Notice{e, e.words(), w.o.Now().UnixMilli()})
	}
	w.kept = append(w.kept, all...)
	w.kept = slices.Clone(w.kept[max(0, len(w.kept)-maxKept):])
	return all
}

// All are the notices, the newest first.
func (w *Watcher) All() []Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.kept)
	slices.Reverse(out)
	return append([]Notice{}, out...)
}
