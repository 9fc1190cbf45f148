package peer

import (
	"errors"
	"fmt"
)

var (
	// ErrUnreachable is what errors.Is finds in an UnreachableError.
	ErrUnreachable = errors.New("node is unreachable")
	// ErrResponseTooLarge is returned when a response exceeds the limit of the
	// call.
	ErrResponseTooLarge = errors.New("response too large")
	// ErrStalled is returned when a body made no progress for
	// Options.StallTimeout, in a call whose context has no deadline.
	ErrStalled = errors.New("no progress")
)

// UnreachableError is returned when a node did not answer: no connection to it
// came about (Err says whether for the network or for its key), or it broke. A
// request may have been carried out nevertheless.
type UnreachableError struct {
	Node string
	Err  error
}

// Error implements error.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("node %s is unreachable: %v", e.Node, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Is makes every UnreachableError an ErrUnreachable.
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// Error is what a handler returns to say what the caller gets to know: the
// HTTP status, a short stable kind to decide on, a message for a person. Err,
// if any, stays on this side.
type Error struct {
	Status  int
	Kind    string
	Message string
	Err     error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return fmt.Sprintf("%s: %v", e.Message, e.Err)
}

// Unwrap returns the cause that was not told.
func (e *Error) Unwrap() error { return e.Err }

// RemoteError is returned when a node answered with an error.
type RemoteError struct {
	Node    string
	Status  int    // HTTP status
	Kind    string // as the handler's Error had it, or one of the Kind constants
	Message string
}

// Error implements error.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("node %s: %s (%d %s)", e.Node, e.Message, e.Status, e.Kind)
}

// Kinds of errors that the server itself answers with.
const (
	KindUnknownRoute = "unknown_route" // 404: no such route, which is also what a forbidden method is
	KindTooLarge     = "too_large"     // 413: the body exceeds the route's limit
	KindInternal     = "internal"      // 500: the handler failed; the details stay there
	KindClosing      = "closing"       // 503: the node is shutting down
	KindInvalid      = "invalid"       // 400: the body was cut short or is not JSON
)
