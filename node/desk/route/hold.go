package route

import (
	"context"
	"net/http"
	"time"

	"github.com/weirdata/weir/node/api/wire"
)

// maxHeld is how long a request is held that waits for news.
const maxHeld = 25 * time.Second

// Seen is what there is of something that goes on.
type Seen[T any] struct {
	Now     T
	Enough  bool            // it is what is waited for
	Changed <-chan struct{} // closed with the next change
}

// Hold looks, again at every change, until it sees enough. It returns what it saw last when that takes long, or when what
// is looked at ends with life. It fails when ctx ends.
func Hold[T any](ctx, life context.Context, look func() (Seen[T], error)) (T, error) {
	over := time.NewTimer(maxHeld)
	defer over.Stop()
	for {
		seen, err := look()
		if err != nil || seen.Enough {
			return seen.Now, err
		}
		select {
		case <-seen.Changed:
		case <-over.C:
			return seen.Now, nil
		case <-life.Done():
			return seen.Now, nil
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
}

// Ending refuses to begin what would end with the desk.
func Ending(fix string) error {
	return wire.NewProblem(http.StatusServiceUnavailable, wire.KindUnavailable, "the desk is ending").Advising(fix)
}
