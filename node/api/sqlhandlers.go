package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
)

type sqlText struct {
	Body struct {
		SQL string `json:"sql" maxLength:"65536"`
	}
}

// compile turns SQL into the request that a thin client then checks and signs.
func compile(ctx context.Context, s *server, in *sqlText) (*reply[query.Compiled], error) {
	var compiled *query.Compiled
	err := s.opts.Backend.Read(ctx, func(v catalog.View) error {
		var err error
		_, compiled, err = compileOn(v, in.Body.SQL)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &reply[query.Compiled]{Body: *compiled}, nil
}

func compileOn(v catalog.View, sql string) (catalog.Dataset, *query.Compiled, error) {
	datasets, err := v.Datasets()
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	d, compiled, err := statement.Compile(sql, datasets, v.Registry)
	var fault *query.Error
	if errors.As(err, &fault) {
		err = sqlProblem(fault)
	}
	return d, compiled, err
}

// sqlProblem keeps the place and what would have been accepted.
func sqlProblem(e *query.Error) *wire.Problem {
	p := wire.NewProblem(http.StatusUnprocessableEntity, wire.KindSQL, e.Error())
	p.Field, p.Line, p.Column = "sql", e.Line, e.Column
	return p
}

type statementIn struct {
	Body wire.Statement
}

// nodesLearn says what an opening shows to a node: PROTOCOL sections 3 and 4.
const nodesLearn = "the request, the groups and how many there are; of the values, uniformly random shares and nothing else"

// explain judges and plans a query as if it were applied now, and changes
// nothing. The same refusals come out as when it is submitted.
func explain(ctx context.Context, s *server, in *statementIn) (*reply[wire.Explained], error) {
	out := new(reply[wire.Explained])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		d, compiled, err := compileOn(v, in.Body.SQL)
		if err != nil {
			return err
		}
		request := compiled.Request
		request.Complete = in.Body.Complete
		caller := callerOf(ctx)
		verdict, refusal, err := v.Judge(caller.ID, catalog.QuerySubmit{
			Contract: in.Body.Contract, Receiving: caller.Receiving, Request: request,
		})
		if err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
		version, err := v.Version(d.ID, verdict.Release)
		if err != nil {
			return err
		}
		plan, err := query.NewPlan(d.Descriptor, version, verdict)
		if err != nil {
			return err
		}
		out.Body = wire.Explained{
			Dataset: d.ID, Release: verdict.Release, Contract: in.Body.Contract, Request: request,
			Groups: len(plan.Groups), Withheld: len(verdict.Withheld), Plan: plan.Explain(d.Descriptor), Nodes: nodesLearn,
		}
		return nil
	})
}
