package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/versions"
)

type sqlText struct {
	Body struct {
		SQL string `json:"sql" maxLength:"65536"`
	}
}

// compile turns SQL into the request that a thin client then checks and signs.
func compile(ctx context.Context, s *server, in *sqlText) (*reply[sql.Compiled], error) {
	var compiled *sql.Compiled
	err := s.judge(ctx, func(v state.View) error {
		var err error
		_, compiled, err = compileOn(ctx, v, in.Body.SQL, vectorsOf(ctx, v))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &reply[sql.Compiled]{Body: *compiled}, nil
}

// judge calls fn with a state that holds everything acknowledged before the call, on one of
// the cores that are for computing. It does not begin once the caller has gone.
func (s *server) judge(ctx context.Context, fn func(state.View) error) error {
	if err := s.opts.Backend.Read(ctx, func(state.View) error { return nil }); err != nil {
		return err
	}
	return s.compute(ctx, fn)
}

// compute calls fn with this node's state on one of the cores that are for computing.
func (s *server) compute(ctx context.Context, fn func(state.View) error) error {
	leave, err := s.opts.Cores.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.opts.Backend.Look(fn)
}

func compileOn(ctx context.Context, v state.View, text string, vectors statement.Vectors) (catalog.Dataset, *sql.Compiled, error) {
	datasets, err := v.Datasets()
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	d, compiled, err := statement.Compile(ctx, text, datasets, registriesOf(v), vectors)
	if fault, ok := errors.AsType[*sql.Error](err); ok {
		err = sqlProblem(fault)
	}
	return d, compiled, err
}

// vectorsOf are the private vectors that the caller's SQL may name.
func vectorsOf(ctx context.Context, v state.View) statement.Vectors {
	caller := callerOf(ctx)
	if caller.ID == "" {
		return statement.Vectors{}
	}
	return statement.Vectors{Of: func() ([]catalog.Vector, error) { return v.Vectors().Of(caller.ID) }}
}

func registriesOf(v state.View) statement.Registries {
	return statement.Registries{
		Registry: v.Registries().Get,
		Unknown: func(r catalog.Registry, asked []sql.ColumnValues) ([]sql.UnknownValue, error) {
			t, err := v.Registries().Table(r.ID, r.Rows)
			if err != nil {
				return nil, err
			}
			return sql.Unknown(t, asked), nil
		},
		Distinct: func(r catalog.Registry, column string) ([]string, error) {
			t, err := v.Registries().Table(r.ID, r.Rows)
			if err != nil {
				return nil, err
			}
			values, _ := t.Distinct(column)
			return values, nil
		},
	}
}

// sqlProblem keeps the place and what would have been accepted.
func sqlProblem(e *sql.Error) *wire.Problem {
	p := wire.NewProblem(http.StatusUnprocessableEntity, wire.KindSQL, e.Error())
	p.Field, p.Line, p.Column, p.Near, p.Nearest, p.Accepted = "sql", e.Line, e.Column, e.Near, e.Nearest, e.Want
	return p
}

type valuesIn struct {
	ByID
	Body wire.Values
}

// unknownValues tells which values no row of a registry has, so that a client that
// compiles SQL itself need not read all rows to find a typing mistake.
func unknownValues(ctx context.Context, s *server, in *valuesIn) (*reply[wire.UnknownValues], error) {
	out := new(reply[wire.UnknownValues])
	return out, s.judge(ctx, func(v state.View) error {
		r, err := find(v.Registries().Get, "registry", in.ID)
		if err != nil {
			return err
		}
		out.Body.Unknown, err = registriesOf(v).Unknown(r, in.Body.Asked)
		return err
	})
}

type datasetCheckIn struct {
	Body wire.DatasetCheck
}

// checkDataset refuses what creating the dataset would be refused for, and changes
// nothing.
func checkDataset(ctx context.Context, s *server, in *datasetCheckIn) (*reply[wire.DatasetCheck], error) {
	err := s.judge(ctx, func(v state.View) error {
		refusal, err := v.PreviewDataset(callerOf(ctx).ID, catalog.DatasetCreate{Descriptor: in.Body.Descriptor})
		if err == nil && refusal != nil {
			return refusal
		}
		return err
	})
	return &reply[wire.DatasetCheck]{Body: in.Body}, err
}

type statementIn struct {
	Body wire.Statement
}

// explain judges and plans a query as if it were applied now, and changes
// nothing. The same refusals come out as when it is submitted.
func explain(ctx context.Context, s *server, in *statementIn) (*reply[wire.Explained], error) {
	out := new(reply[wire.Explained])
	return out, s.explainOnce(ctx, in.Body, &out.Body, func(v state.View) error {
		names := vectorsOf(ctx, v)
		names.Stand = in.Body.NewPortfolio
		d, compiled, err := compileOn(ctx, v, in.Body.SQL, names)
		if err == nil {
			err = compiled.CheckNoise(in.Body.Noise)
		}
		if err != nil {
			return err
		}
		request := compiled.Request
		request.Complete, request.Partial, request.AsOf, request.Noise = in.Body.Complete, in.Body.Partial, in.Body.AsOf, in.Body.Noise
		request.Verify = in.Body.Verify
		if request.Join != nil {
			request.Join.Contract, request.Join.AsOf = in.Body.JoinContract, in.Body.JoinAsOf
		}
		caller := callerOf(ctx)
		submit := catalog.QuerySubmit{Contract: in.Body.Contract, Receiving: caller.Receiving, Request: request}
		preview, refusal, err := v.Preview(caller.ID, submit)
		if err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
		verdict := preview.Verdict
		sources, err := versions.SourcesOf(v, verdict)
		if err != nil {
			return err
		}
		planned, err := versions.PlanOf(sources, verdict)
		if err != nil {
			return unfit(err)
		}
		explained := planned.Explain(sources.Descriptor())
		explained.Bound = plan.NeedsPresence(verdict)
		out.Body = wire.Explained{
			Dataset: d.ID, Version: verdict.Version, Contract: in.Body.Contract, Request: request,
			Groups: len(planned.Groups), Withheld: len(verdict.Withheld), Plan: explained, Nodes: nodesWords(d.Descriptor, preview.Contract, verdict),
			WithheldGroups: withheldGroups(verdict), Verdict: verdictWords(d.Descriptor, preview),
			Price: preview.Price, Repeats: preview.Repeats, Millis: estimate(explained),
			LeftOut: leftOut(d.Descriptor, verdict),
		}
		explainCoverage(&out.Body, verdict)
		if c := preview.Check; c.Sets > 0 {
			out.Body.Checked = &wire.ExplainedCheck{Members: c.Members, SetOf: c.SetOf, Sets: c.Sets, Tiles: int64(c.Sets) * explained.Tiles, Most: catalog.MaxOpened}
		}
		if preview.Test != nil {
			out.Body.TestProducts = preview.Test.Products(preview.Pieces)
		}
		if out.Body.Bits, err = bitsOf(v, sources.Descriptor(), planned); err != nil {
			return err
		}
		if n, limited := preview.Contract.QueriesLeft(); limited {
			out.Body.QueriesLeft = &n
		}
		out.Body.BudgetLeft, _ = preview.Contract.BudgetLeft()
		if p := preview.Contract.Price; p != nil {
			out.Body.Currency = p.Currency
		}
		if planned.Noise != nil {
			out.Body.Noise, err = explainNoise(v, caller.ID, submit, d.Descriptor, verdict, planned)
		}
		return err
	})
}

// bitsOf computes what the members of an active set will check before they open;
// nil where nothing is opened.
func bitsOf(v state.View, d catalog.Descriptor, plan *plan.Plan) (*wire.Bits, error) {
	if plan.Openings() == 0 {
		return nil, nil //nolint:nilnil // nothing to tell
	}
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	params, err := he.NewParameters(he.DataParameters(len(cluster.Nodes), cluster.Threshold))
	if err != nil {
		return nil, err
	}
	b, err := plan.Check(params, d)
	if err != nil {
		return nil, unfit(err)
	}
	return &wire.Bits{
		Noise: b.NoiseUsed, NoiseAvailable: b.NoiseAvailable,
		Magnitude: float64(b.Magnitude.BitLen()), MagnitudeAvailable: float64(b.Limit.BitLen()),
	}, nil
}

// unfit is the refusal of a plan that cannot be computed, or the error itself.
func unfit(err error) error {
	if r := plan.Refusal(err); r != nil {
		return r
	}
	return err
}

// explainNoise says what noise a query's figures would carry, and what it costs.
func explainNoise(v state.View, caller string, q catalog.QuerySubmit, d catalog.Descriptor, verdict catalog.Verdict, plan *plan.Plan) (*wire.ExplainedNoise, error) {
	among, err := v.RosterOf(verdict)
	if err != nil {
		return nil, err
	}
	var out wire.ExplainedNoise
	if out.Sums, err = plan.NoiseOf(d, among.Threshold); err != nil {
		return nil, err
	}
	budget, err := v.NoiseBudget(caller, q)
	if err != nil {
		return nil, err
	}
	out.NoiseBudget = *budget
	return &out, nil
}
