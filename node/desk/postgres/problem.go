package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/desk/buyer"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
	"github.com/weirdata/weir/node/desk/route"
)

// States of SQL that errors have.
const (
	stateRefused      = "42501" // what is not released, and what the desk does not do
	stateSpend        = "55000" // it would cost, and the session does not spend
	stateReadOnly     = "25006"
	stateAborted      = "25P02"
	stateSyntax       = "42601"
	stateColumn       = "42703"
	stateTable        = "42P01"
	stateFunction     = "42883"
	stateNotSupported = "0A000"
	stateParameter    = "22023"
	stateNoSetting    = "42704"
	stateNoStatement  = "26000"
	stateNoCursor     = "34000"
	stateCancelled    = "57014"
	stateEnding       = "57P01"
	stateTooMany      = "53300"
	stateTooLarge     = "54000"
	stateProtocol     = "08P01"
	statePassword     = "28P01"
	stateAway         = "58000"
	stateMemory       = "53200"
	stateInternal     = "XX000"
)

// Error is an error as the protocol tells it.
type Error struct {
	State, Message, Hint, Detail string
	At                           int // the byte of the statement, from 1; 0: not known
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

func fail(state, hint, format string, args ...any) *Error {
	return &Error{State: state, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (e *Error) response(severity string) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: e.State, Message: e.Message, Hint: e.Hint, Detail: e.Detail, Position: int32(e.At)}
}

// problemOf is an error in the protocol's words.
func problemOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*token.Error](err); ok {
		return &Error{State: stateSyntax, Message: e.Message, At: e.At + 1}
	}
	if e, ok := errors.AsType[*pgcatalog.MissingError](err); ok {
		state := map[string]string{"table": stateTable, "column": stateColumn, "function": stateFunction}[e.What]
		hint := map[string]string{
			"table": "\\dt lists the datasets", "column": "\\d TABLE lists the columns",
			"function": "of figures, ask for aggregates on a dataset (LANGUAGE.md); around them a part of Postgres' functions is known",
		}[e.What]
		return fail(cmp.Or(state, stateNotSupported), hint, "%s", e.Error())
	}
	if e, ok := errors.AsType[*pgcatalog.UnknownError](err); ok {
		return fail(stateNotSupported, "the desk has written it down beside its store, in "+ProbesFile, "this query is not understood: %s", strings.TrimPrefix(e.Error(), "sqlite3: SQL logic error: "))
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fail(stateCancelled, "what was asked of the nodes goes on; the same query takes it up", "the statement was cancelled")
	case errors.Is(err, context.DeadlineExceeded):
		return fail(stateCancelled, "ask for less", "the statement took too long")
	}
	return wireProblem(route.ProblemOf(err))
}

// wireProblem is a problem of the desk's API in the protocol's words.
func wireProblem(p *wire.Problem) *Error {
	e := &Error{State: stateInternal, Message: p.Message, Hint: p.Fix}
	switch p.Kind {
	case wire.KindSQL:
		e.State = stateSyntax
		switch {
		case strings.HasPrefix(p.Message, "there is no dataset"):
			e.State = stateTable
		case strings.HasPrefix(p.Message, "there is no measure"), strings.HasPrefix(p.Message, "there is no column"), strings.HasPrefix(p.Message, "there is no attribute"):
			e.State = stateColumn
		}
		if p.Nearest != "" {
			e.Hint = "did you mean " + p.Nearest + "?"
		}
		if p.Accepted != "" {
			e.Hint = strings.TrimSpace(e.Hint + " accepted here: " + p.Accepted)
		}
	case wire.KindUnavailable, wire.KindNoQuorum, wire.KindTimeout, route.KindAnswer:
		e.State = stateAway
	case wire.KindBusy:
		e.State = stateTooMany
	case route.KindInput, wire.KindRequest:
		e.State = stateParameter
	case wire.KindNotFound:
		e.State = stateNoSetting
	case route.KindNoKey, wire.KindForbidden, wire.KindGone, wire.KindToken:
		e.State = stateRefused
	case wire.KindInternal:
	default: // a refusal of the ledger
		e.State = stateRefused
	}
	return e
}

// refused is a problem with the smallest change that passes.
func refused(p *wire.Problem, changes []buyer.Change) *Error {
	e := wireProblem(p)
	if len(changes) > 0 {
		c := changes[0]
		e.Hint = c.Words + ": " + c.Question.SQL + asked(c.Question)
	}
	return e
}

// asked says by which settings a question is asked.
func asked(q buyer.Question) string {
	var set []string
	if q.Epsilon != "" {
		set = append(set, "SET weir.epsilon = '"+q.Epsilon+"'")
	}
	if q.Partial {
		set = append(set, "SET weir.partial = on")
	}
	if q.AsOf != 0 {
		set = append(set, fmt.Sprintf("SET weir.as_of = %d", q.AsOf))
	}
	if len(set) == 0 {
		return ""
	}
	return " (with " + strings.Join(set, ", ") + ")"
}
