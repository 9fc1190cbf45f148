package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
)

// Exit statuses.
const (
	ExitDone    = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitRefused = 3
	ExitPartial = 4
)

// ErrNotWhole is returned when there is an answer, printed with what it lacks, and
// nobody asked for less with --partial.
var ErrNotWhole = errors.New("the answer is not whole")

// UsageError is a command line that cannot be run.
type UsageError struct {
	Message string
	Command string // whose help is pointed at
}

// Error implements error.
func (e *UsageError) Error() string {
	return fmt.Sprintf("%s; see `%s --help`", e.Message, e.Command)
}

// Usagef returns a UsageError of a command.
func Usagef(cmd *cobra.Command, format string, args ...any) error {
	return &UsageError{Message: fmt.Sprintf(format, args...), Command: cmd.CommandPath()}
}

// sqlError is an error about some words of SQL, with the SQL, so that the place can
// be shown.
type sqlError struct {
	sql string
	at  *sql.Error
	err error
}

func (e *sqlError) Error() string { return e.err.Error() }
func (e *sqlError) Unwrap() error { return e.err }

// WithSQL adds the text to an error of the compiler, or to a refusal of something
// that the text says.
func WithSQL(text string, err error) error {
	var fault *sql.Error
	var refused *ask.RefusedAtError
	switch {
	case errors.As(err, &fault):
		return &sqlError{sql: text, at: fault, err: err}
	case errors.As(err, &refused):
		return &sqlError{sql: text, at: refused.At, err: err}
	}
	return err
}

// errorDocument is what -o json prints when something failed.
type errorDocument struct {
	Error errorFields `json:"error"`
}

type errorFields struct {
	Kind    string           `json:"kind"`
	Rule    string           `json:"rule,omitempty"`
	Code    string           `json:"code,omitempty"`
	Message string           `json:"message"`
	Fix     string           `json:"fix,omitempty"`
	Field   string           `json:"field,omitempty"`
	Group   string           `json:"group,omitempty"`
	Numbers []catalog.Number `json:"numbers,omitempty"`
	Receipt *wire.Receipt    `json:"receipt,omitempty"`
	Faults  []dataFault      `json:"faults,omitempty"` // of the files, the first ones
	Count   int              `json:"count,omitempty"`  // how many there are

	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Near     string `json:"near,omitempty"`
	Nearest  string `json:"nearest,omitempty"`
	Accepted string `json:"accepted,omitempty"`
}

// dataFault is one fault of a publisher's or a buyer's file.
type dataFault struct {
	File    string `json:"file"`
	Row     int    `json:"row,omitempty"` // line on which the row begins; 0: the file as a whole
	Column  string `json:"column,omitempty"`
	Message string `json:"message"`
	Want    string `json:"want,omitempty"`
}

// Fail says what went wrong and returns the exit status.
func (a *App) Fail(ctx context.Context, err error) int {
	if errors.Is(err, ErrNotWhole) {
		return ExitPartial
	}
	code, fields := classify(err)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fields = errorFields{Kind: "interrupted", Message: a.interrupted("interrupted")}
	case incomplete[fields.Kind]:
		fields.Message = a.interrupted(fields.Message)
	}
	// What came before the failure may be printed already, as a demo's report is:
	// stdout has one document.
	if a.Output == JSON && !a.Printed {
		if err := a.PrintJSON(errorDocument{Error: fields}); err != nil {
			a.Note("%s", err)
		}
	}
	var fault *sqlError
	switch {
	case errors.As(err, &fault):
		a.Note("line %d, column %d:\n%s", fault.at.Line, fault.at.Column, fault.at.Caret(fault.sql))
	case fields.Fix != "":
		a.Note("%s; %s", fields.Message, fields.Fix)
	default:
		a.Note("%s", fields.Message)
	}
	return code
}

// classify finds the exit status and the fields to print.
func classify(err error) (int, errorFields) {
	var usage *UsageError
	var fault *sql.Error
	var problem *wire.Problem
	var lie *ask.LieError
	var parity *ask.ParityError
	var key *client.KeyError
	var away *client.UnreachableError
	var faults *panel.Errors
	message := describeFileError(err)
	if r, ok := client.IsRefused(err); ok {
		said, fix := client.Words(err)
		f := errorFields{
			Kind: string(r.Kind), Rule: r.Rule, Code: r.Code, Message: said, Fix: cmp.Or(fix, suggestList(said)),
			Field: r.Field, Group: explain.Group(r.Group), Numbers: r.Numbers,
		}
		if errors.As(err, &problem) {
			f.Receipt = problem.Receipt
		}
		var at *ask.RefusedAtError
		if errors.As(err, &at) {
			f.Line, f.Column, f.Near = at.At.Line, at.At.Column, at.At.Near
		}
		switch {
		case r.Kind == catalog.RefusedPolicy:
			return ExitRefused, f
		case r.Kind == catalog.RefusedInvalid && strings.HasPrefix(r.Field, "noise."): // --epsilon and --delta
			return ExitUsage, f
		}
		return ExitFailed, f
	}
	switch {
	case errors.As(err, &usage):
		return ExitUsage, errorFields{Kind: "usage", Message: message}
	case errors.As(err, &fault):
		return ExitUsage, errorFields{
			Kind: wire.KindSQL, Message: fault.Error(), Field: "sql",
			Line: fault.Line, Column: fault.Column, Near: fault.Near, Nearest: fault.Nearest, Accepted: fault.Want,
		}
	case errors.As(err, &problem):
		code := ExitFailed
		if problem.Kind == wire.KindSQL {
			code = ExitUsage
		}
		return code, errorFields{
			Kind: problem.Kind, Rule: problem.Rule, Message: problem.Message, Fix: cmp.Or(problem.Fix, suggestList(problem.Message)), Field: problem.Field,
			Line: problem.Line, Column: problem.Column, Near: problem.Near, Nearest: problem.Nearest, Accepted: problem.Accepted,
		}
	case errors.As(err, &lie):
		return ExitFailed, errorFields{Kind: "lie", Message: message}
	case errors.As(err, &parity):
		return ExitFailed, errorFields{Kind: "parity", Message: message}
	case errors.As(err, &key):
		return ExitFailed, errorFields{Kind: "key", Message: message}
	case errors.As(err, &away):
		return ExitFailed, errorFields{Kind: "unreachable", Message: message, Fix: "is the cluster running? `weir dev --dir D` starts one"}
	case errors.As(err, &faults):
		f := errorFields{Kind: "data", Message: message, Count: faults.Total}
		for _, x := range faults.List {
			f.Faults = append(f.Faults, dataFault{File: x.File, Row: x.Row, Column: x.Column, Message: x.Message, Want: x.Want})
		}
		return ExitFailed, f
	case errors.Is(err, context.DeadlineExceeded):
		return ExitFailed, errorFields{Kind: wire.KindTimeout, Message: message}
	}
	return ExitFailed, errorFields{Kind: "failed", Message: message}
}

// PrintJSON writes one JSON document to stdout.
func (a *App) PrintJSON(v any) error {
	a.Printed = true
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if _, err := a.Stdout.Write(shown.JSON(b.Bytes())); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
