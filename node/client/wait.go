package client

import (
	"context"
	"fmt"
	"time"
)

// A node holds a request for what is waited for until it is there: for firstWait, so that a
// person soon hears what is waited for, and then for nextWait.
const (
	firstWait = 5 * time.Second
	nextWait  = 20 * time.Second
)

// held is a call that a node holds for so long.
func (r Call) held(wait time.Duration) Call {
	r.Path += fmt.Sprintf("?wait=%d", int(wait.Seconds()))
	r.Wait = wait
	return r
}

// Await reads a record until done says that it is as it is waited for, or fails. What is
// named in errors.
func Await[T any](ctx context.Context, c *Client, what string, r Call, done func(T) (bool, error)) (T, error) {
	for wait := firstWait; ; wait = nextWait {
		v, err := Get[T](ctx, c, r.held(wait))
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return v, fmt.Errorf("wait for %s: %w", what, err)
		}
		if over, err := done(v); over || err != nil {
			return v, err
		}
		// A node answers at once only when it is done; this guards against one that does not
		// keep to that.
		if err := Pause(ctx, FirstPause); err != nil {
			return v, fmt.Errorf("wait for %s: %w", what, err)
		}
	}
}

// Poll looks again and again, with a pause between two looks, until end is called, which
// waits for the last look's end.
func Poll(ctx context.Context, every time.Duration, look func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			look(ctx)
			if Pause(ctx, every) != nil {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// Pause waits for d, or ends with ctx.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
