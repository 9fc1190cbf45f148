package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/node/api/wire"
)

var (
	// ErrNoKey is returned when something needs a principal's key and the client
	// was made without one.
	ErrNoKey = errors.New("this needs a principal's key")
	// ErrPinned is returned when a node tells of another cluster, roster or
	// key than the profile pins.
	ErrPinned = errors.New("not what the profile pins")
)

// NodeFailure is why one node did not answer.
type NodeFailure struct {
	ID, Addr string
	Err      error
}

// UnreachableError is returned when no node could be reached.
type UnreachableError struct {
	Nodes []NodeFailure
}

// Error implements error.
func (e *UnreachableError) Error() string {
	parts := make([]string, len(e.Nodes))
	for i, n := range e.Nodes {
		parts[i] = fmt.Sprintf("%s at %s: %v", n.ID, n.Addr, n.Err)
	}
	return "no node answers: " + strings.Join(parts, "; ")
}

// Unwrap gives the nodes' errors.
func (e *UnreachableError) Unwrap() []error {
	errs := make([]error, len(e.Nodes))
	for i, n := range e.Nodes {
		errs[i] = n.Err
	}
	return errs
}

// AnswersError is returned when several nodes were asked and none could serve. What it
// wraps is the answer that says most, a *wire.Problem, whose message names the answer of
// every node.
type AnswersError struct {
	Nodes   []NodeFailure
	Problem *wire.Problem
}

func newAnswersError(telling *wire.Problem, nodes []NodeFailure) *AnswersError {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		said := n.Err.Error()
		if p, ok := errors.AsType[*wire.Problem](n.Err); ok {
			said = p.Message // without what would mend it, which is said once
		}
		parts[i] = n.ID + ": " + said
	}
	p := *telling
	p.Message = strings.Join(parts, "; ")
	p.Detail = p.Message
	return &AnswersError{Nodes: nodes, Problem: &p}
}

// Error implements error.
func (e *AnswersError) Error() string { return e.Problem.Error() }

// Unwrap gives the answer that says most.
func (e *AnswersError) Unwrap() error { return e.Problem }

// explained adds to a node's answer which other nodes did not answer.
func explained(err error, failures []NodeFailure) error {
	var away []string
	for _, f := range failures {
		if !reached(f.Err) {
			away = append(away, f.ID)
		}
	}
	if len(away) == 0 {
		return err
	}
	return fmt.Errorf("%w (not reachable: %s)", err, strings.Join(away, ", "))
}

// Failed is the error of nodes of which none could serve: what the first said that
// answered, or *UnreachableError.
func Failed(failures []NodeFailure) error {
	for _, f := range failures {
		if p, ok := errors.AsType[*wire.Problem](f.Err); ok {
			return explained(p, failures)
		}
	}
	return &UnreachableError{Nodes: failures}
}

// KeyError is returned when a publisher's key is not what all pinned nodes
// signed. Nothing was encrypted under it.
type KeyError struct {
	Publisher string
	Reason    error
}

// Error implements error.
func (e *KeyError) Error() string {
	return fmt.Sprintf("the key of publisher %s does not hold, nothing was encrypted: %v", e.Publisher, e.Reason)
}

// Unwrap gives the reason.
func (e *KeyError) Unwrap() error { return e.Reason }

// Words are what the refusal that IsRefused finds says: what was wrong, and what would
// pass. Of a refusal by a node they are the node's.
func Words(err error) (message, fix string) {
	if r, ok := errors.AsType[*catalog.Refusal](err); ok {
		return explain.Message(r), explain.Fix(r)
	}
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p.Message, p.Fix
	}
	return err.Error(), ""
}

// IsRefused reports whether the error is a refusal by the ledger, and which.
func IsRefused(err error) (*catalog.Refusal, bool) {
	r, refused := errors.AsType[*catalog.Refusal](err)
	if p, ok := errors.AsType[*wire.Problem](err); ok && !refused {
		r = p.Refusal()
	}
	return r, r != nil
}
