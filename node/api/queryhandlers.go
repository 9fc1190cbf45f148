package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
)

// maxWait is the longest time that a caller may wait for a query's end in one
// request.
const maxWait = 60 * time.Second

func listQueries(ctx context.Context, v state.View, in *Dated) (out wire.Queries, err error) {
	out.Queries, out.Next, err = paged(v.QueryPage(callerOf(ctx).ID, in.page()))
	return out, err
}

// owns reports whether the caller is the owner of a query or private vector. What a query
// asked and what it released is nobody else's business, not even an operator's.
func owns(ctx context.Context, owner string) bool {
	caller := callerOf(ctx)
	return caller.ID != "" && owner == caller.ID
}

// ownQuery finds a query of the caller's.
func ownQuery(ctx context.Context, v state.View, id string) (catalog.Query, error) {
	q, err := find(v.Query, "query", id)
	if err == nil && !owns(ctx, q.Principal) {
		return catalog.Query{}, notFound("query", id)
	}
	return q, err
}

// keptQuery finds a query of the caller's of which the answer is kept.
func keptQuery(ctx context.Context, v state.View, id string) (catalog.Query, error) {
	q, err := ownQuery(ctx, v, id)
	if err == nil && q.Forgotten > 0 {
		err = gone("the answer to query "+q.ID, q.Forgotten, "for as long", "ask again, as a query like any other; its receipt is still to be had: weir evidence prove "+q.ID)
	}
	return q, err
}

// gone says since when there is no longer what a dataset's policy has kept for a time.
func gone(what string, since int64, kept, advice string) error {
	return wire.NewProblem(http.StatusGone, wire.KindGone, fmt.Sprintf("%s is gone since %s: it was kept %s as the dataset's policy says",
		what, time.UnixMilli(since).UTC().Format(time.DateOnly), kept)).Advising(advice)
}

// Waiting is the parameter of reads that wait for something to be over.
type Waiting struct {
	Wait int `query:"wait" minimum:"0" maximum:"60" doc:"Seconds to wait until it is over"`
}

type queryWait struct {
	ByID
	Waiting
}

// queryShown is queryWait that prefers; huma finds parameters one structure deep.
type queryShown struct {
	ByID
	Waiting
	Preferring
}

// showQuery answers at once, or when the query is done or failed. Its owner is told how
// far this node is with it, and given the answer with it where it prefers that.
func showQuery(ctx context.Context, s *server, in *queryShown) (*reply[wire.Query], error) {
	out, err := await(ctx, s, in.Wait, func(v state.View) (wire.Query, bool, error) {
		q, err := ownQuery(ctx, v, in.ID)
		return wire.Query{Query: q}, q.State == catalog.QueryDone || q.State == catalog.QueryFailed, err
	})
	if err == nil {
		out.Body.Progress = s.opts.Progress(out.Body.Query)
		if out.Body.State == catalog.QueryDone && in.prefers(wire.PreferAnswer) {
			out.Body.Answer = answerOf(ctx, s, out.Body.Query)
		}
	}
	return out, err
}

// maxAnswer bounds the verdict and the shares, in bytes, that come with a query. The routes of larger ones are counted as
// what they take.
const maxAnswer = 512 << 10

// answerOf is what would be handed out of a query that is done, piece by piece; nil: it is too large, or a piece cannot be
// had. Its owner, who then asks for each, is told why.
func answerOf(ctx context.Context, s *server, q catalog.Query) *wire.Answer {
	var out wire.Answer
	size := 0
	err := s.opts.Backend.Look(func(v state.View) error {
		shares, err := queryShares(ctx, v, &ByID{q.ID})
		if err != nil {
			return err
		}
		if out.Cluster, err = cluster(ctx, v, nil); err != nil {
			return err
		}
		if out.Verdict, err = v.EncodedVerdict(q.ID); err != nil {
			return err
		}
		out.Shares, size = shares.Shares, len(out.Verdict)
		for _, share := range out.Shares {
			size += len(share.Sealed)
		}
		return nil
	})
	if err != nil || size > maxAnswer {
		return nil
	}
	receipt, err := s.opts.Evidence.Prove(ctx, callerOf(ctx).Key, provenOf(q))
	if out.Receipt = string(receipt); err != nil {
		return nil
	}
	return &out
}

// await reads until what was read is over, or so many seconds have passed; it
// reads once when they are 0. The first read is linearizable. Later ones look at this
// node's own state, which only goes on from there: were each of many who wait to ask the
// leader at every change, the leader would do little else.
func await[T any](ctx context.Context, s *server, seconds int, read func(state.View) (record T, over bool, err error)) (*reply[T], error) {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	var over bool
	out := new(reply[T])
	see := func(v state.View) (err error) {
		out.Body, over, err = read(v)
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
			return out, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return out, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// queryShares hands the sealed shares to the query's owner and to nobody else:
// sealed or not, t of them are the figure.
func queryShares(ctx context.Context, v state.View, in *ByID) (wire.Shares, error) {
	out := wire.Shares{Query: in.ID, Shares: []wire.SealedShare{}}
	q, err := keptQuery(ctx, v, in.ID)
	if err != nil {
		return out, err
	}
	if q.State != catalog.QueryDone {
		return out, wire.NewProblem(http.StatusConflict, string(catalog.RefusedConflict), fmt.Sprintf("query %s is %s", q.ID, q.State)).
			Advising("wait for its end with ?wait=SECONDS on the query")
	}
	shares, err := v.Shares(in.ID)
	if err != nil {
		return out, err
	}
	var active []string // none where only counts were asked for: nothing is opened
	if len(q.Attempts) > 0 {
		active = q.Attempts[len(q.Attempts)-1].Active
	}
	if len(shares) != len(active) {
		return out, fmt.Errorf("query %s: %d shares of %d nodes", q.ID, len(shares), len(active))
	}
	for i, share := range shares {
		out.Shares = append(out.Shares, wire.SealedShare{Node: active[i], Sealed: share.Sealed})
	}
	return out, nil
}

func queryVerdict(ctx context.Context, v state.View, in *ByID) (catalog.Verdict, error) {
	if _, err := keptQuery(ctx, v, in.ID); err != nil {
		return catalog.Verdict{}, err
	}
	return find(v.Verdict, "verdict of query", in.ID)
}

func listVectors(ctx context.Context, v state.View, in *Dated) (out wire.Vectors, err error) {
	out.Vectors, out.Next, err = paged(v.Vectors().Page(callerOf(ctx).ID, in.page()))
	return out, err
}

// showVector answers at once, or when the registration is over.
func showVector(ctx context.Context, s *server, in *queryWait) (*reply[catalog.Vector], error) {
	return await(ctx, s, in.Wait, func(v state.View) (catalog.Vector, bool, error) {
		x, err := find(v.Vectors().Get, "vector", in.ID)
		if err == nil && !owns(ctx, x.Owner) {
			err = notFound("vector", in.ID)
		}
		return x, x.Over(), err
	})
}
