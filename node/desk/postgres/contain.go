package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/weirdata/weir/node/failure"
)

// contained runs do. A panic ends the session and not the desk, on whose other work people wait: SQLite's Go side panics
// where memory is short.
func (s *Server) contained(ctx context.Context, do func() error) error {
	err := failure.Contain(do)
	if p, panicked := errors.AsType[*failure.PanicError](err); panicked {
		s.options.Logger.ErrorContext(ctx, "a session of Postgres' protocol panicked, and is ended", "panic", p.Value, "stack", p.Stack)
	}
	return err
}

// broken is what a client is told of a panic, after which its session ends; nil: err is none.
func broken(err error) *Error {
	p, ok := errors.AsType[*failure.PanicError](err)
	switch {
	case !ok:
		return nil
	case strings.Contains(p.Error(), "out of memory"):
		return fail(stateMemory, "ask for less at a time, and connect again", "the query needs more memory than a session has")
	}
	return fail(stateInternal, "connect again; the desk's log says more", "the desk failed at this statement")
}
