package api

import (
	"context"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/statement"
	"github.com/weirdata/weir/node/api/wire"
)

func listVectors(ctx context.Context, s *server, in *Dated) (*reply[wire.Vectors], error) {
	out := new(reply[wire.Vectors])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		read := func(p records.Page) ([]catalog.Vector, string, error) { return v.VectorPage(callerOf(ctx).ID, p) }
		return paged(read, in.page(), &out.Body.Vectors, &out.Body.More)
	})
}

// showVector answers at once, or when the registration is over. What others have
// registered is nobody's business.
func showVector(ctx context.Context, s *server, in *queryWait) (*reply[catalog.Vector], error) {
	out := new(reply[catalog.Vector])
	return out, s.await(ctx, in.Wait, func(v state.View) (bool, error) {
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
func vectorsOf(ctx context.Context, v state.View) statement.Vectors {
	caller := callerOf(ctx)
	if caller.ID == "" {
		return statement.Vectors{}
	}
	return statement.Vectors{Of: func() ([]catalog.Vector, error) { return v.Vectors(caller.ID) }}
}
