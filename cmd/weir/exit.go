package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Exit statuses, DESIGN section 10.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitRefused = 3
)

// usageError is a command line that cannot be run.
type usageError struct {
	message string
	command string
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%s; see `%s --help`", e.message, e.command)
}

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), command: cmd.CommandPath()}
}

// sqlError is an error about some words of SQL, with the SQL, so that the place can
// be shown.
type sqlError struct {
	sql string
	at  *query.Error
	err error
}

func (e *sqlError) Error() string { return e.err.Error() }
func (e *sqlError) Unwrap() error { return e.err }

// withSQL adds the text to an error of the compiler, or to a refusal of something
// that the text says.
func withSQL(sql string, err error) error {
	var fault *query.Error
	var refused *client.RefusedAtError
	switch {
	case errors.As(err, &fault):
		return &sqlError{sql: sql, at: fault, err: err}
	case errors.As(err, &refused):
		return &sqlError{sql: sql, at: refused.At, err: err}
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

// fail says what went wrong and returns the exit status.
func (a *app) fail(ctx context.Context, err error) int {
	code, fields := classify(err)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fields = errorFields{Kind: "interrupted", Message: a.interrupted("interrupted")}
	case halfway[fields.Kind]:
		fields.Message = a.interrupted(fields.Message)
	}
	// What came before the failure may be printed already, as a demo's report is:
	// stdout has one document.
	if a.output == outputJSON && !a.printed {
		if err := a.printJSON(errorDocument{Error: fields}); err != nil {
			a.note("%s", err)
		}
	}
	var sql *sqlError
	switch {
	case errors.As(err, &sql):
		a.note("line %d, column %d:\n%s", sql.at.Line, sql.at.Column, sql.at.Caret(sql.sql))
	case fields.Fix != "":
		a.note("%s; %s", fields.Message, fields.Fix)
	default:
		a.note("%s", fields.Message)
	}
	return code
}

// classify finds the exit status and the fields to print.
func classify(err error) (int, errorFields) {
	var usage *usageError
	var sql *query.Error
	var problem *wire.Problem
	var parity *client.ParityError
	var key *client.KeyError
	var away *client.UnreachableError
	var faults *panel.Errors
	message := fileWords(err)
	if r, ok := client.IsRefused(err); ok {
		f := errorFields{
			Kind: string(r.Kind), Rule: r.Rule, Message: r.Message, Fix: cmp.Or(r.Fix, nextStep(r.Message)),
			Field: r.Field, Group: r.Group, Numbers: r.Numbers,
		}
		if errors.As(err, &problem) {
			f.Receipt = problem.Receipt
		}
		var at *client.RefusedAtError
		if errors.As(err, &at) {
			f.Line, f.Column, f.Near = at.At.Line, at.At.Column, at.At.Near
		}
		switch {
		case r.Kind == catalog.RefusedPolicy:
			return exitRefused, f
		case r.Kind == catalog.RefusedInvalid && strings.HasPrefix(r.Field, "noise."): // --epsilon and --delta
			return exitUsage, f
		}
		return exitFailed, f
	}
	switch {
	case errors.As(err, &usage):
		return exitUsage, errorFields{Kind: "usage", Message: message}
	case errors.As(err, &sql):
		return exitUsage, errorFields{
			Kind: wire.KindSQL, Message: sql.Error(), Field: "sql",
			Line: sql.Line, Column: sql.Column, Near: sql.Near, Nearest: sql.Nearest, Accepted: sql.Want,
		}
	case errors.As(err, &problem):
		code := exitFailed
		if problem.Kind == wire.KindSQL {
			code = exitUsage
		}
		return code, errorFields{
			Kind: problem.Kind, Rule: problem.Rule, Message: problem.Message, Fix: cmp.Or(problem.Fix, nextStep(problem.Message)), Field: problem.Field,
			Line: problem.Line, Column: problem.Column, Near: problem.Near, Nearest: problem.Nearest, Accepted: problem.Accepted,
		}
	case errors.As(err, &parity):
		return exitFailed, errorFields{Kind: "parity", Message: message}
	case errors.As(err, &key):
		return exitFailed, errorFields{Kind: "key", Message: message}
	case errors.As(err, &away):
		return exitFailed, errorFields{Kind: "unreachable", Message: message, Fix: "is the cluster running? `weir dev --dir D` starts one"}
	case errors.As(err, &faults):
		f := errorFields{Kind: "data", Message: message, Count: faults.Total}
		for _, x := range faults.List {
			f.Faults = append(f.Faults, dataFault{File: x.File, Row: x.Row, Column: x.Column, Message: x.Message, Want: x.Want})
		}
		return exitFailed, f
	case errors.Is(err, context.DeadlineExceeded):
		return exitFailed, errorFields{Kind: wire.KindTimeout, Message: message}
	}
	return exitFailed, errorFields{Kind: "failed", Message: message}
}

// printJSON writes one JSON document to stdout.
func (a *app) printJSON(v any) error {
	a.printed = true
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
