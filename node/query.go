package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/vault"
)

func querySession(id string, attempt int) string { return fmt.Sprintf("query/%s/%d", id, attempt) }

// answerQuery does this node's part of a query's running attempt (DESIGN section
// 6, step 4): plan anew from the ledger, open, fold, add up, add noise where the
// verdict says so, seal to the buyer,
// commit the sealed bytes.
func (n *Node) answerQuery(ctx context.Context, id string, a catalog.Attempt) error {
	err := n.once(ctx, querySession(id, a.Number), catalog.KindQueryShare, func() (any, error) {
		if a.Reseals {
			return n.reseal(id, a)
		}
		return n.runQuery(ctx, id, a)
	})
	if err != nil && ends(err) {
		body := catalog.QueryFail{Query: id, Attempt: a.Number, Reason: n.id + ": " + err.Error()}
		return errors.Join(err, n.act(ctx, catalog.KindQueryFail, body))
	}
	return err
}

// runQuery returns the sealed share to commit.
func (n *Node) runQuery(ctx context.Context, id string, a catalog.Attempt) (any, error) {
	var q catalog.Query
	var verdict catalog.Verdict
	err := n.view(func(v catalog.View) (err error) {
		if q, err = v.Query(id); err != nil {
			return err
		}
		verdict, err = v.Verdict(id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load query %s: %w", id, err)
	}
	w, err := n.loadVersion(q.Dataset, q.Release)
	if err != nil {
		return nil, err
	}
	if err := n.loadJoined(ctx, &w, verdict); err != nil {
		return nil, err
	}
	if query.NeedsPresence(verdict) {
		if err := n.fetchPresence(ctx, &w); err != nil {
			return nil, err
		}
	}
	plan, err := n.plan(w, verdict)
	if err != nil {
		return nil, err
	}
	if err := checkTiles(a, w, plan); err != nil {
		return nil, err
	}
	if err := n.fetchManifest(ctx, &w); err != nil {
		return nil, err
	}
	var draws []noise.Draw
	if plan.Noise != nil {
		if draws, err = n.keys.noise.draw(id, plan); err != nil {
			return nil, err
		}
		defer wipeDraws(draws)
	}
	values, parity, contexts, err := n.openPlan(ctx, q, a, w, plan)
	if errors.Is(err, errCohort) {
		return catalog.CohortFailed{Query: id, Attempt: a.Number}, nil
	}
	if err != nil {
		return nil, err
	}
	if draws != nil {
		if err := addNoise(n.params, values, draws); err != nil {
			return nil, fmt.Errorf("add the noise of query %s: %w", id, err)
		}
	}
	n.headways.find(querySession(id, a.Number)).enter(wire.StageAnswer)
	digest := plan.Digest()
	share := seal.EncodeShare(values, parity)
	defer vault.Wipe(share)
	sealed, err := seal.Seal(q.Submit.Receiving, []byte(seal.ShareInfo), seal.ShareAAD(contexts, digest, q.Envelope), share)
	if err != nil {
		return nil, fmt.Errorf("seal the share of query %s: %w", id, err)
	}
	if q.Repeats == "" && resealable(verdict) {
		if err := n.shares.keep(id, keptShare{attempt: a.Number, plan: digest, contexts: contexts, share: share}); err != nil {
			n.log.WarnContext(ctx, "a repeat of this query will be opened anew", "query", id, "error", err)
		}
	}
	return catalog.QueryShare{Query: id, Attempt: a.Number, Plan: digest, Context: contexts, Sealed: sealed}, nil
}

// checkTiles holds a plan to the tiles that its attempt names, by which the keys wear.
// The leader counts what a verdict on two measures takes at most.
func checkTiles(a catalog.Attempt, w work, plan *query.Plan) error {
	if plan.Tiles > a.Tiles || plan.Tiles < a.Tiles && w.presence == nil {
		return refusef("the attempt names %d tiles, the plan opens %d", a.Tiles, plan.Tiles)
	}
	if plan.SecondTiles > a.Joined {
		return refusef("the attempt names %d tiles of the joined dataset, the plan opens %d", a.Joined, plan.SecondTiles)
	}
	return nil
}

// openPlan opens the plan's accumulators and folds them: this node's additive
// share of every released number, summed over all accumulators, and of the
// parity (PROTOCOL section 4). Tiles that are multiplied are opened one by one, and
// then there is no parity: the members have checked it among themselves.
func (n *Node) openPlan(ctx context.Context, q catalog.Query, a catalog.Attempt, w work, plan *query.Plan) (values []uint64, parity *uint64, contexts catalog.Digest, err error) {
	o := opening{
		session: querySession(q.ID, a.Number), subject: q.Envelope.String(), key: w.key,
		plan: plan.Digest(), attempt: a.Number, root: a.Root, headway: n.headways.begin(querySession(q.ID, a.Number), countsOf(plan)),
	}
	if o.active, err = n.members(a.Active); err != nil {
		return nil, nil, contexts, err
	}
	values = make([]uint64, plan.Width)
	groups := len(plan.Groups)
	sum := []uint64{0}
	singles := make([][]uint64, len(plan.Singles))
	defer wipeShares(singles)
	privately := newPrivateOpening(plan)
	defer privately.wipe()
	alone, own := plan.OwnSingles(), plan.OwnOpenings()
	contexts, err = n.open(ctx, o, accumulators{
		count: own,
		fill: func(ctx context.Context, number int, acc *he.Accumulator) error {
			return n.accumulate(ctx, openingDigests(w, plan, alone, number), acc, o.headway)
		},
		take: func(number int, slots []uint64) error {
			p, err := n.params.Parity(slots)
			if err != nil {
				return err
			}
			if err := n.params.AddMod(sum, []uint64{p}); err != nil {
				return err
			}
			if single := number - len(plan.Accumulators); single >= 0 {
				singles[alone[single]] = slots
				return nil
			}
			if privately.take(number, slots) {
				return nil
			}
			acc := plan.Accumulators[number]
			column := values[acc.Column*groups : (acc.Column+1)*groups]
			_, err = n.params.Fold(slots, plan.SlotMaps[acc.SlotMap], column)
			return err
		},
	})
	if err == nil && own < plan.Openings() {
		contexts, err = n.openSecond(ctx, o, w, plan, contexts, sum, singles)
	}
	if err != nil || !plan.Multiplies() {
		return values, &sum[0], contexts, err
	}
	if err := n.agreeParity(ctx, o, sum[0]); err != nil {
		return nil, nil, contexts, err
	}
	if plan.Private() {
		return values, nil, contexts, n.answerPrivately(ctx, q.ID, o, privately, values)
	}
	return values, nil, contexts, n.multiply(ctx, o, plan, singles, values)
}

// openingDigests names the tiles of one opening: of an accumulator, or behind them
// all, the one that is opened alone, of those numbers.
func openingDigests(w work, plan *query.Plan, alone []int, number int) []catalog.Digest {
	if single := number - len(plan.Accumulators); single >= 0 {
		s := plan.Singles[alone[single]]
		return []catalog.Digest{w.manifest.Tile(s.Packed, s.Block, s.Tile)}
	}
	acc := plan.Accumulators[number]
	digests := make([]catalog.Digest, len(acc.Tiles))
	for i, k := range acc.Tiles {
		digests[i] = w.manifest.Tile(plan.Packed[acc.Column], acc.Block, k)
	}
	return digests
}
