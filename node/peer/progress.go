package peer

import (
	"context"
	"errors"
	"io"
	"time"
)

// watchdog ends a call that makes no progress. In a call whose context has a
// deadline it sleeps: the caller has said how long it wants to wait.
type watchdog struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer // nil when asleep
	limit  time.Duration
}

// watch returns a context that ends with ErrStalled after limit without touch.
// stop must be called in the end.
func watch(ctx context.Context, limit time.Duration) (context.Context, *watchdog) {
	_, deadline := ctx.Deadline()
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{cancel: cancel, limit: limit}
	if !deadline {
		w.timer = time.AfterFunc(limit, func() { cancel(ErrStalled) })
	}
	return ctx, w
}

// touch notes progress.
func (w *watchdog) touch() {
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

// rest lets the watchdog sleep until the next touch: nothing is waited for.
func (w *watchdog) rest() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watchdog) stop() {
	w.rest()
	w.cancel(nil)
}

// sentBody is a request's body on its way out.
type sentBody struct {
	io.Reader
	dog *watchdog
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.dog.touch()
	return b.Reader.Read(p)
}

// Close implements io.Closer. The reader stays the caller's.
func (b *sentBody) Close() error { return nil }

// answerBody is an answer's body on its way in. Between reads nothing is waited
// for, so the caller may take its time; how much of it, the other side's own
// stall limit says once the buffers are full.
type answerBody struct {
	io.ReadCloser
	size int64           // as the other side says; -1: it does not
	ctx  context.Context // of the call that the body belongs to
	dog  *watchdog
	what callName
}

func (b *answerBody) Read(p []byte) (int, error) {
	b.dog.touch()
	n, err := b.ReadCloser.Read(p)
	b.dog.rest()
	// An end that comes with the end of the call is none: giving the connection
	// up makes the other side finish early, and that may still arrive.
	if err != nil && (!errors.Is(err, io.EOF) || b.ctx.Err() != nil) {
		err = b.what.failed(b.ctx, err)
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.dog.stop()
	return err
}
