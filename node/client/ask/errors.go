package ask

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
)

// ErrQueryFailed is returned when no attempt of a query completed.
var ErrQueryFailed = errors.New("the query failed")

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

// RefusedAtError is a refusal with the words of the SQL that it is about.
type RefusedAtError struct {
	At  *sql.Error
	Err error // what was refused
}

// Error implements error.
func (e *RefusedAtError) Error() string { return e.Err.Error() }

// Unwrap gives the refusal.
func (e *RefusedAtError) Unwrap() error { return e.Err }

// located finds the words of the SQL that a refusal is about. A condition that
// nothing meets is a fault of the text, like a misspelt name: a *sql.Error.
func located(compiled *sql.Compiled, err error) error {
	r, refused := client.IsRefused(err)
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
