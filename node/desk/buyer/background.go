package buyer

import (
	"context"
	"slices"
	"sync"

	"github.com/weirdata/weir/node/desk/route"
)

// work is a pointer to what is done in the background, of which a copy is told.
type work[T any] interface {
	*T
	named(id string) bool
	running() bool
	seen() *int // grows whenever something changes
}

// background is work that outlives the requests that began it, and ends with the process.
type background[T any, W work[T]] struct {
	ctx    context.Context //nolint:containedctx // that of the process
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool          // guarded by mu
	list    []W           // guarded by mu; the oldest first
	changed chan struct{} // guarded by mu; closed and replaced when something of the work changes
}

func newBackground[T any, W work[T]]() *background[T, W] {
	b := &background[T, W]{changed: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background()) //nolint:gosec // close calls it, which the rule does not see in a generic type
	return b
}

func (b *background[T, W]) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.wg.Wait()
}

// change changes a piece of work and wakes who waits.
func (b *background[T, W]) change(w W, do func(W)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do(w)
	*w.seen()++
	close(b.changed)
	b.changed = make(chan struct{})
}

// start runs do for a piece of work, in the place of the oldest that is over where there are most, and returns
// the work as it begins. mu is held, and fewer than most are under way.
func (b *background[T, W]) start(w W, most int, do func()) T {
	if len(b.list) == most {
		at := slices.IndexFunc(b.list, func(w W) bool { return !w.running() })
		b.list = slices.Delete(b.list, at, at+1)
	}
	b.list = append(b.list, w)
	begun := *w
	b.wg.Go(do)
	return begun
}

// await returns a piece of work when it is further than seen, is over, or time is; unknown where there is none of that id.
func (b *background[T, W]) await(ctx context.Context, id string, seen int, unknown error) (T, error) {
	return route.Hold(ctx, b.ctx, func() (route.Seen[T], error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		at := slices.IndexFunc(b.list, func(w W) bool { return w.named(id) })
		if at < 0 {
			return route.Seen[T]{}, unknown
		}
		w := b.list[at]
		return route.Seen[T]{Now: *w, Enough: *w.seen() > seen || !w.running(), Changed: b.changed}, nil
	})
}

// all are copies of the work, the newest first.
func (b *background[T, W]) all() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []T{}
	for _, w := range slices.Backward(b.list) {
		out = append(out, *w)
	}
	return out
}
