package api

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
)

func listVectors(ctx context.Context, s *server, in *Dated) (*reply[wire.Vectors], error) {
	out := new(reply[wire.Vectors])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		read := func(p catalog.Page) ([]catalog.Vector, string, error) { return v.VectorPage(callerOf(ctx).ID, p) }
		return paged(read, in.page(), &out.Body.Vectors, &out.Body.More)
	})
}

// showVector answers at once, or when the registration is over. What others have
// registered is nobody's business.
func showVector(ctx context.Context, s *server, in *queryWait) (*reply[catalog.Vector], error) {
	out := new(reply[catalog.Vector])
	return out, s.await(ctx, in.Wait, func(v catalog.View) (bool, error) {
		x, err := find(v.Vector, "vector", in.ID)
		if err != nil {
			return false, err
		}
		if caller := callerOf(ctx); caller.ID == "" || x.Owner != caller.ID {
			return false, notFound("vector", in.ID)
		}
		out.Body = x
		return x.Over(), nil
	})
}

// vectorsOf are the private vectors that the caller's SQL may name.
func vectorsOf(ctx context.Context, v catalog.View) statement.Vectors {
	caller := callerOf(ctx)
	if caller.ID == "" {
		return statement.Vectors{}
	}
	return statement.Vectors{Of: func() ([]catalog.Vector, error) { return v.Vectors(caller.ID) }}
}

// cohorts tells the owner of a portfolio which sets the test of a query would look
// at, before the portfolio is registered: only its owner can say what would fail.
// Every selector stands for one that is new.
func cohorts(ctx context.Context, s *server, in *statementIn) (*reply[wire.Cohorts], error) {
	out := new(reply[wire.Cohorts])
	return out, s.opts.Backend.Read(ctx, func(v catalog.View) error {
		names := vectorsOf(ctx, v)
		names.Stand = true
		d, compiled, err := compileOn(v, in.Body.SQL, names)
		if err != nil {
			return err
		}
		request := compiled.Request
		request.Complete, request.Noise = in.Body.Complete, in.Body.Noise
		caller := callerOf(ctx)
		submit := catalog.QuerySubmit{Contract: in.Body.Contract, Receiving: caller.Receiving, Request: request}
		preview, least, sets, refusal, err := v.CohortPreview(caller.ID, submit)
		if err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
		out.Body = wire.Cohorts{Dataset: d.ID, Release: preview.Verdict.Release, MinCohort: least, Sets: []wire.CohortSet{}}
		for _, set := range sets {
			out.Body.Sets = append(out.Body.Sets, wire.CohortSet(set))
		}
		return nil
	})
}
