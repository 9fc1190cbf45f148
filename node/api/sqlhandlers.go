package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/fit"
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
		_, compiled, err = compileOn(v, in.Body.SQL, vectorsOf(ctx, v))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &reply[query.Compiled]{Body: *compiled}, nil
}

func compileOn(v catalog.View, sql string, vectors statement.Vectors) (catalog.Dataset, *query.Compiled, error) {
	datasets, err := v.Datasets()
	if err != nil {
		return catalog.Dataset{}, nil, err
	}
	d, compiled, err := statement.Compile(sql, datasets, registriesOf(v), vectors)
	var fault *query.Error
	if errors.As(err, &fault) {
		err = sqlProblem(fault)
	}
	return d, compiled, err
}

func registriesOf(v catalog.View) statement.Registries {
	return statement.Registries{Registry: v.Registry, Unknown: func(r catalog.Registry, asked []query.ColumnValues) ([]query.UnknownValue, error) {
		t, err := v.Table(r.ID, r.Rows)
		if err != nil {
			return nil, err
		}
		return query.Unknown(t, asked), nil
	}}
}

// sqlProblem keeps the place and what would have been accepted.
func sqlProblem(e *query.Error) *wire.Problem {
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
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		r, err := find(v.Registry, "registry", in.ID)
		if err != nil {
			return err
		}
		out.Body.Unknown, err = registriesOf(v).Unknown(r, in.Body.Asked)
		return err
	})
}

type statementIn struct {
	Body wire.Statement
}

// explain judges and plans a query as if it were applied now, and changes
// nothing. The same refusals come out as when it is submitted.
func explain(ctx context.Context, s *server, in *statementIn) (*reply[wire.Explained], error) {
	out := new(reply[wire.Explained])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		names := vectorsOf(ctx, v)
		names.Stand = in.Body.NewPortfolio
		d, compiled, err := compileOn(v, in.Body.SQL, names)
		if err != nil {
			return err
		}
		request := compiled.Request
		request.Complete, request.Noise = in.Body.Complete, in.Body.Noise
		if request.Join != nil {
			request.Join.Contract = in.Body.JoinContract
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
		version, err := v.Version(d.ID, verdict.Release)
		if err != nil {
			return err
		}
		plan, descriptor, err := planOf(v, d.Descriptor, version, verdict)
		if err != nil {
			return unfit(err)
		}
		if err := testable(v, caller.ID, submit, verdict, d.Descriptor); err != nil {
			return err
		}
		planned := plan.Explain(descriptor)
		planned.Bound = query.NeedsPresence(verdict)
		out.Body = wire.Explained{
			Dataset: d.ID, Release: verdict.Release, Contract: in.Body.Contract, Request: request,
			Groups: len(plan.Groups), Withheld: len(verdict.Withheld), Plan: planned, Nodes: nodesWords(d.Descriptor, preview.Contract, verdict),
			WithheldGroups: withheldGroups(verdict), Verdict: verdictWords(d.Descriptor, preview),
			Price: preview.Price, Repeats: preview.Repeats, Millis: estimate(planned),
			LeftOut: leftOut(d.Descriptor, verdict),
		}
		if out.Body.Bits, err = bitsOf(v, descriptor, plan); err != nil {
			return err
		}
		if n, limited := preview.Contract.QueriesLeft(); limited {
			out.Body.QueriesLeft = &n
		}
		out.Body.BudgetLeft, _ = preview.Contract.BudgetLeft()
		if p := preview.Contract.Price; p != nil {
			out.Body.Currency = p.Currency
		}
		if plan.Noise != nil {
			out.Body.Noise, err = explainNoise(v, caller.ID, submit, d.Descriptor, plan)
		}
		return err
	})
}

// planOf plans a verdict, or bounds the plan of one that is made with the presence.
// It returns the descriptor that it is planned by, of a join that of both.
func planOf(view catalog.View, d catalog.Descriptor, v catalog.Version, verdict catalog.Verdict) (plan *query.Plan, by catalog.Descriptor, err error) {
	switch {
	case verdict.Join != nil:
		second, err := view.Dataset(verdict.Join.Dataset)
		if err != nil {
			return nil, d, err
		}
		other, err := view.Version(verdict.Join.Dataset, verdict.Join.Release)
		if err != nil {
			return nil, d, err
		}
		plan, err = query.NewJoinPlan(query.Side{Descriptor: d, Version: v}, query.Side{Descriptor: second.Descriptor, Version: other}, verdict)
		return plan, catalog.JoinDescriptors(d, second.Descriptor), err
	case query.NeedsPresence(verdict):
		plan, err = query.PlanBound(d, v, verdict)
	default:
		plan, err = query.NewPlan(d, v, verdict)
	}
	return plan, d, err
}

// bitsOf computes what the members of an active set will check before they open;
// nil where nothing is opened.
func bitsOf(v catalog.View, d catalog.Descriptor, plan *query.Plan) (*wire.Bits, error) {
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
	b, err := fit.Check(params, d, plan)
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
	if r := fit.Refusal(err); r != nil {
		return r
	}
	return err
}

// testable refuses an exact private query whose cohort test would be too large.
func testable(v catalog.View, caller string, submit catalog.QuerySubmit, verdict catalog.Verdict, d catalog.Descriptor) error {
	if verdict.In == "" || verdict.Noise != nil || d.Policy.Public {
		return nil
	}
	_, least, sets, refusal, err := v.CohortPreview(caller, submit)
	if err != nil {
		return err
	}
	if refusal == nil {
		refusal = fit.Cohorts(least, sets)
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// withheldGroups names the first of the groups that would not be released.
func withheldGroups(v catalog.Verdict) []string {
	var out []string
	for _, g := range v.Withheld[:min(len(v.Withheld), wire.MaxWithheld)] {
		parts := slices.Clone(v.EntityGroups[g.Entity].Values)
		if p := v.PeriodGroups[g.Period].Value; p != "" {
			parts = append(parts, p)
		}
		out = append(out, groupWords(parts))
	}
	return out
}

func groupWords(values []string) string {
	if len(values) == 0 {
		return "all selected entities"
	}
	return strings.Join(values, ", ")
}

// leftOut says what the first of the released groups would lack: entities in all
// periods, or a class in some.
func leftOut(d catalog.Descriptor, v catalog.Verdict) []string {
	var out []string
	for _, g := range v.EntityGroups {
		if g.Included > 0 && g.Included < g.Of {
			out = append(out, fmt.Sprintf("%s: %d of %d entities", groupWords(g.Values), g.Of-g.Included, g.Of))
		}
	}
	for _, x := range v.Exclusions {
		var periods []string
		for _, i := range x.Intervals {
			first, last := d.Grain.Format(i.From), d.Grain.Format(i.To-1)
			if first != last {
				first += " to " + last
			}
			periods = append(periods, first)
		}
		group := groupWords(v.EntityGroups[v.Parts[x.Part].Group].Values)
		out = append(out, fmt.Sprintf("%s: a class of entities in %s, of %s", group, strings.Join(periods, " and "), v.Columns[x.Column].Measure))
	}
	return out[:min(len(out), wire.MaxWithheld)]
}

// verdictWords says why a query would be accepted, and what it would leave out.
func verdictWords(d catalog.Descriptor, p catalog.Preview) []string {
	words := []string{fmt.Sprintf("accepted under contract %s", p.Contract.ID)}
	if p.Repeats != "" {
		words = append(words, fmt.Sprintf("query %s released this already: the same verdict, not counted, the price alone", p.Repeats))
	}
	if j := p.Join; j != nil {
		text := fmt.Sprintf("joined with version %d of dataset %s under contract %s", j.Release, j.Dataset, j.Contract)
		if j.Price != "" {
			text += fmt.Sprintf(", which pays %s %s", j.Price, j.Currency)
		}
		words = append(words, text)
	}
	if d.Policy.Public {
		return append(words, "the dataset is public: every group is released")
	}
	included, of := 0, 0
	for _, g := range p.Verdict.EntityGroups {
		included, of = included+g.Included, of+g.Of
	}
	words = append(words, fmt.Sprintf("min_cohort is %d: %d of %d entities are included", max(d.Policy.MinCohort, p.Contract.MinCohort), included, of))
	if n := len(p.Verdict.Withheld); n > 0 {
		what := "1 group would have too few entities with readings and is withheld"
		if n > 1 {
			what = fmt.Sprintf("%d groups would have too few entities with readings and are withheld", n)
		}
		words = append(words, what)
	}
	return words
}

// explainNoise says what noise a query's figures would carry, and what it costs.
func explainNoise(v catalog.View, caller string, q catalog.QuerySubmit, d catalog.Descriptor, plan *query.Plan) (*wire.ExplainedNoise, error) {
	cluster, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	var out wire.ExplainedNoise
	if out.Sums, err = plan.NoiseOf(d, cluster.Threshold); err != nil {
		return nil, err
	}
	budget, err := v.NoiseBudget(caller, q)
	if err != nil {
		return nil, err
	}
	out.NoiseBudget = *budget
	return &out, nil
}
