package client

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
)

var (
	// ErrNoKey is returned when something needs a principal's key and the client
	// was made without one.
	ErrNoKey = errors.New("this needs a principal's key")
	// ErrRejected is returned when the nodes did not accept a dataset version;
	// the wrapping error has their reason.
	ErrRejected = errors.New("the nodes rejected the version")
	// ErrPinned is returned when a node tells of another cluster, roster or
	// key than the profile pins.
	ErrPinned = errors.New("not what the profile pins")
	// ErrQueryFailed is returned when no attempt of a query completed.
	ErrQueryFailed = errors.New("the query failed")
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

// explain adds to a node's answer which other nodes did not answer.
func (c *Client) explain(err error, failures []NodeFailure) error {
	var away []string
	for _, f := range failures {
		var p *wire.Problem
		if !errors.As(f.Err, &p) {
			away = append(away, f.ID)
		}
	}
	if len(away) == 0 {
		return err
	}
	return fmt.Errorf("%w (not reachable: %s)", err, strings.Join(away, ", "))
}

// ParityError is returned when the shares of a result do not add up to parity 0:
// an accident in storage, addition or opening, or a wrong key share. There is no
// figure.
type ParityError struct {
	Query string
	Nodes []string // of the active set
}

// Error implements error.
func (e *ParityError) Error() string {
	return fmt.Sprintf("the parity of query %s does not add up (nodes %s): an accident in storage, addition or opening; no figure is printed",
		e.Query, strings.Join(e.Nodes, ", "))
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

// RefusedAtError is a refusal with the words of the SQL that it is about.
type RefusedAtError struct {
	At  *query.Error
	Err error // what was refused
}

// Error implements error.
func (e *RefusedAtError) Error() string { return e.Err.Error() }

// Unwrap gives the refusal.
func (e *RefusedAtError) Unwrap() error { return e.Err }

// located finds the words of the SQL that a refusal is about. A condition that
// nothing meets is a fault of the text, like a misspelt name: a *query.Error.
func located(compiled *query.Compiled, err error) error {
	r, refused := IsRefused(err)
	if !refused {
		return err
	}
	at := compiled.Locate(r)
	switch {
	case at == nil:
		return err
	case r.Rule == catalog.RuleEmpty:
		return at
	}
	return &RefusedAtError{At: at, Err: err}
}

// IsRefused reports whether the error is a refusal by the ledger, and which.
func IsRefused(err error) (*catalog.Refusal, bool) {
	var r *catalog.Refusal
	if errors.As(err, &r) {
		return r, true
	}
	var p *wire.Problem
	if errors.As(err, &p) {
		r = p.Refusal()
	}
	return r, r != nil
}
