// Package failure has the errors with which a node's work ends, and the codes under which the
// ledger and the API name them. An error says all that this node knows, for its log; what is
// recorded is a code with its arguments alone.
package failure

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/consensus/panictrace"
)

var (
	// ErrDeviates is returned when members of an attempt computed different things
	// from the same ledger. It is an alarm, and ends the attempt.
	ErrDeviates = errors.New("members of the active set disagree")
	// ErrRestarted ends a ceremony attempt in which this node had committed before
	// it lost its secrets: the next attempt draws everything anew.
	ErrRestarted = errors.New("the node was restarted in the middle of the ceremony and no longer has what it committed to")
	// ErrNoShare is returned when this node holds no usable share of a key. Trying
	// again does not help; another active set does.
	ErrNoShare = errors.New("this node holds no usable share of the key")
	// ErrSpent ends an attempt whose root failed after it had used up contributions
	// that the others will not send again. It is also what a root finds that was
	// run again after such a failure.
	ErrSpent = errors.New("the root failed after contributions had been used up")
	// ErrHalfway ends an attempt whose computation on shares did not come to its end.
	// Its throw-away keys are good for one use: nothing is sent again in the attempt.
	ErrHalfway = errors.New("the computation on shares broke off")
	// ErrDamaged ends an attempt for which this node lacks a sound blob that no
	// other node could give it: a set without this node may answer.
	ErrDamaged = errors.New("a blob is damaged here and could not be fetched from another node")
	// ErrPanicked is what errors.Is finds in a PanicError.
	ErrPanicked = errors.New("the work panicked")
)

// codes are those of the errors above, in the order in which they count where an error is
// several. What else an error says is for this node's log: it has the words of libraries, and
// what no other node needs to know.
var codes = []struct {
	err  error
	code string
	ends bool // an attempt that failed with it can never succeed
}{
	{ErrDeviates, "node.deviates", true}, {ErrRestarted, "node.restarted", false}, {ErrNoShare, "node.no_share", true},
	{ErrSpent, "node.spent", true}, {ErrHalfway, "node.halfway", true}, {ErrDamaged, "node.damaged", true},
	{ErrPanicked, "node.panicked", true}, {he.ErrMalformed, "node.malformed", false},
}

// RefusedError is why this node can never acknowledge a version or answer a query.
type RefusedError struct {
	Why    catalog.Reason
	cause  error // nil, or what decides on how it is told
	detail error // nil, or what a library says, for this node's log
}

// Error implements error.
func (e *RefusedError) Error() string {
	if detail := cmp.Or(e.detail, e.cause); detail != nil {
		return fmt.Sprintf("%s: %v", explain.Reason(e.Why), detail)
	}
	return explain.Reason(e.Why)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.cause }

// Refuse refuses by a code of package explain with its arguments.
func Refuse(code string, args ...any) error {
	return &RefusedError{Why: catalog.Why(code, args...)}
}

// RefuseFor is Refuse where an error says more than may be recorded.
func RefuseFor(detail error, code string, args ...any) error {
	return &RefusedError{Why: catalog.Why(code, args...), detail: detail}
}

// RefuseWith refuses by a reason. errors.Is finds the cause.
func RefuseWith(cause error, why catalog.Reason) error {
	return &RefusedError{Why: why, cause: cause}
}

// codedError is an error whose code says more than what errors.Is finds of it.
type codedError struct {
	why catalog.Reason
	err error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// WithCode gives an error a code of package explain, with its arguments.
func WithCode(err error, code string, args ...any) error {
	return &codedError{why: catalog.Why(code, args...), err: err}
}

// Reason is an error as a code.
func Reason(err error) catalog.Reason {
	if coded, is := errors.AsType[*codedError](err); is {
		return coded.why
	}
	if refused, is := errors.AsType[*RefusedError](err); is {
		return refused.Why
	}
	if refusal, is := errors.AsType[*catalog.Refusal](err); is {
		return refusal.Reason
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return catalog.Why(c.code)
		}
	}
	return catalog.Why("node.failed")
}

// OfNode is why a node could not do its part, as the ledger records it.
func OfNode(id string, err error) catalog.Reason {
	return catalog.Why("node.says", id).With(Reason(err))
}

// Ends reports whether an attempt that failed with err can never succeed.
func Ends(err error) bool {
	for _, c := range codes {
		if c.ends && errors.Is(err, c.err) {
			return true
		}
	}
	_, refused := errors.AsType[*RefusedError](err)
	return refused
}

// PanicError is a panic in some work. The process lives on: what the ledger asks
// of one node it asks of all, so a query that panics would end every one of
// them, at every start.
type PanicError struct {
	Value any
	Stack string
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("%v: %v", ErrPanicked, e.Value) }

// Is reports whether target is ErrPanicked.
func (e *PanicError) Is(target error) bool { return target == ErrPanicked }

// Contain runs do and turns a panic into a PanicError.
func Contain(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: panictrace.Frames()}
		}
	}()
	return do()
}

// Each runs do for 0..count−1, limit at a time, until one fails. A panic is a failure.
func Each(ctx context.Context, limit, count int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for i := range count {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return Contain(func() error { return do(ctx, i) })
		})
	}
	return g.Wait()
}
