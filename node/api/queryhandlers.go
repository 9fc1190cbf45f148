package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// maxWait is the longest time that a caller may wait for a query's end in one
// request.
const maxWait = 60 * time.Second

func listQueries(ctx context.Context, s *server, in *Dated) (*reply[wire.Queries], error) {
	out := new(reply[wire.Queries])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		read := func(p records.Page) ([]catalog.Query, string, error) { return v.QueryPage(callerOf(ctx).ID, p) }
		return paged(read, in.page(), &out.Body.Queries, &out.Body.More)
	})
}

// owns reports whether the query is the caller's. What a query asked and what
// it released is nobody else's business, not even an operator's.
func owns(ctx context.Context, q catalog.Query) bool {
	caller := callerOf(ctx)
	return caller.ID != "" && q.Principal == caller.ID
}

// ownQuery finds a query of the caller's.
func ownQuery(ctx context.Context, v state.View, id string) (catalog.Query, error) {
	q, err := find(v.Query, "query", id)
	if err == nil && !owns(ctx, q) {
		return catalog.Query{}, notFound("query", id)
	}
	return q, err
}

// Waiting is the parameter of reads that wait for something to be over.
type Waiting struct {
	Wait int `query:"wait" minimum:"0" maximum:"60" doc:"Seconds to wait until it is over"`
}

type queryWait struct {
	ByID
	Waiting
}

// showQuery answers at once, or when the query is done or failed. Its owner is told how
// far this node is with it.
func showQuery(ctx context.Context, s *server, in *queryWait) (*reply[wire.Query], error) {
	out := new(reply[wire.Query])
	err := s.await(ctx, in.Wait, func(v state.View) (bool, error) {
		var err error
		out.Body.Query, err = ownQuery(ctx, v, in.ID)
		return out.Body.State == catalog.QueryDone || out.Body.State == catalog.QueryFailed, err
	})
	if err == nil {
		out.Body.Progress = s.opts.Progress(out.Body.Query)
	}
	return out, err
}

// await reads until what was read is over, or so many seconds have passed; it
// reads once when they are 0. The first read is linearizable. Later ones look at this
// node's own state, which only goes on from there: were each of many who wait to ask the
// leader at every change, the leader would do little else.
func (s *server) await(ctx context.Context, seconds int, read func(state.View) (over bool, err error)) error {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	var over bool
	see := func(v state.View) (err error) {
		over, err = read(v)
		return err
	}
	for first := true; ; first = false {
		// Taken before the read, so that no change between the two is missed.
		changed := s.opts.Backend.Changes()
		var err error
		if first {
			err = s.opts.Backend.Read(ctx, see)
		} else {
			err = s.opts.Backend.Look(see)
		}
		if err != nil || over || seconds == 0 {
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// queryShares hands the sealed shares to the query's owner and to nobody else:
// sealed or not, t of them are the figure.
func queryShares(ctx context.Context, s *server, in *ByID) (*reply[wire.Shares], error) {
	out := &reply[wire.Shares]{Body: wire.Shares{Query: in.ID, Shares: []wire.SealedShare{}}}
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		q, err := ownQuery(ctx, v, in.ID)
		if err != nil {
			return err
		}
		if q.State != catalog.QueryDone {
			p := wire.NewProblem(http.StatusConflict, string(catalog.RefusedConflict), fmt.Sprintf("query %s is %s", q.ID, q.State))
			p.Fix = "wait for its end with ?wait=SECONDS on the query"
			return p
		}
		shares, err := v.Shares(in.ID)
		if err != nil {
			return err
		}
		var active []string // none where only counts were asked for: nothing is opened
		if len(q.Attempts) > 0 {
			active = q.Attempts[len(q.Attempts)-1].Active
		}
		if len(shares) != len(active) {
			return fmt.Errorf("query %s: %d shares of %d nodes", q.ID, len(shares), len(active))
		}
		for i, share := range shares {
			out.Body.Shares = append(out.Body.Shares, wire.SealedShare{Node: active[i], Sealed: share.Sealed})
		}
		return nil
	})
}

func queryVerdict(ctx context.Context, s *server, in *ByID) (*reply[catalog.Verdict], error) {
	out := new(reply[catalog.Verdict])
	return out, s.opts.Backend.Read(ctx, func(v state.View) error {
		if _, err := ownQuery(ctx, v, in.ID); err != nil {
			return err
		}
		verdict, err := find(v.Verdict, "verdict of query", in.ID)
		out.Body = verdict
		return err
	})
}
