package mpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/vault"
	"github.com/weirdata/weir/node/versions"
)

// Queries does a node's part in answering queries, and in the parity openings of versions.
type Queries struct {
	*member
	noise   drawer
	kept    *keptShares
	vectors *Vectors
}

// Answer does this node's part of a query's running attempt (DATA_MODEL.md section
// 4.1): plan anew from the ledger, open, fold, add up, add noise where the
// verdict says so, seal to the buyer,
// commit the sealed bytes.
func (qs *Queries) Answer(ctx context.Context, id string, a catalog.Attempt) error {
	compute := func() (any, error) {
		if a.Reseals {
			return qs.reseal(id, a)
		}
		return qs.runQuery(ctx, id, a)
	}
	return qs.once(ctx, QuerySession(id, a.Number), catalog.KindQueryShare, compute, func(why catalog.Reason) error {
		return qs.Ledger.Act(ctx, catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: a.Number, Reason: why})
	})
}

// runQuery returns the sealed share to commit.
func (qs *Queries) runQuery(ctx context.Context, id string, a catalog.Attempt) (any, error) {
	var q catalog.Query
	var verdict catalog.Verdict
	err := qs.Ledger.View(func(v state.View) (err error) {
		if q, err = v.Query(id); err != nil {
			return err
		}
		verdict, err = v.Verdict(id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load query %s: %w", id, err)
	}
	w, err := qs.Versions.Sources(ctx, verdict)
	if err != nil {
		return nil, err
	}
	plan, err := qs.Versions.Plan(w, verdict)
	if err != nil {
		return nil, err
	}
	if err := versions.CheckTiles(a, w, plan); err != nil {
		return nil, err
	}
	if err := qs.Versions.FetchManifests(ctx, w); err != nil {
		return nil, err
	}
	roster, err := qs.rosterOf(verdict, a, w, plan)
	if err != nil {
		return nil, err
	}
	if err := qs.fetchWitnesses(ctx, q, roster.Point(qs.id)); err != nil {
		return nil, err
	}
	var draws []noise.Draw
	if plan.Noise != nil {
		if draws, err = qs.noise.draw(id, plan); err != nil {
			return nil, err
		}
		defer wipeDraws(draws)
	}
	if a.SetOf > 0 {
		return qs.answerChecked(ctx, q, a, roster, w, plan)
	}
	values, parity, contexts, err := qs.openPlan(ctx, q, verdict, a, w, plan)
	if errors.Is(err, ErrTestFailed) || errors.Is(err, ErrWitnesses) {
		return catalog.TestFailed{Query: id, Attempt: a.Number, Witnesses: errors.Is(err, ErrWitnesses)}, nil
	}
	if err != nil {
		return nil, err
	}
	if draws != nil {
		if err := addNoise(qs.Params, values, draws); err != nil {
			return nil, fmt.Errorf("add the noise of query %s: %w", id, err)
		}
	}
	qs.attempts.progress(QuerySession(id, a.Number)).enter(wire.StageAnswer)
	s := keptShare{attempt: a.Number, plan: plan.Digest(), contexts: contexts, share: seal.EncodeShare(values, parity)}
	defer vault.Wipe(s.share)
	body, err := sealShare(q, a, s)
	if err == nil && q.Repeats == "" && Reseals(verdict) {
		if err := qs.kept.keep(id, s); err != nil {
			qs.Logger.WarnContext(ctx, "a repeat of this query will be opened anew", "query", id, "error", err)
		}
	}
	return body, err
}

// sealShare seals this node's share of an answer to the buyer of q, as an attempt commits it.
func sealShare(q catalog.Query, a catalog.Attempt, s keptShare) (any, error) {
	sealed, err := seal.Seal(q.Submit.Receiving, []byte(seal.ShareInfo), seal.ShareAAD(s.contexts, s.plan, q.Envelope), s.share)
	if err != nil {
		return nil, fmt.Errorf("seal the share of query %s: %w", q.ID, err)
	}
	return catalog.QueryShare{Query: q.ID, Attempt: a.Number, Plan: s.plan, Context: s.contexts, Sealed: sealed}, nil
}

// openPlan opens the plan's accumulators and folds them: this node's additive
// share of every released number, summed over all accumulators, and of the
// parity (PROTOCOL.md section 4). Tiles that are multiplied are opened one by one, and
// then there is no parity: the members have checked it among themselves.
func (qs *Queries) openPlan(ctx context.Context, q catalog.Query, verdict catalog.Verdict, a catalog.Attempt, w versions.Sources, plan *plan.Plan) (values []uint64, parity *uint64, contexts catalog.Digest, err error) {
	session := QuerySession(q.ID, a.Number)
	o := openingOf(q, a, plan)
	o.progress = qs.attempts.start(session, countsOf(plan))
	roster, err := qs.rosterOf(verdict, a, w, plan)
	if err != nil {
		return nil, nil, contexts, err
	}
	if o.active, err = qs.among(roster, a.Active); err != nil {
		return nil, nil, contexts, err
	}
	opened := &opened{
		params: qs.Params, plan: plan, values: make([]uint64, plan.Width), parity: []uint64{0},
		singles: make([][]uint64, len(plan.Singles)), multiplied: make([][]uint64, len(plan.Accumulators)),
	}
	defer opened.wipe()
	if contexts, err = qs.openVersions(ctx, o, a, w, plan, opened.takeOne); err != nil || !plan.Multiplies() {
		return opened.values, &opened.parity[0], contexts, err
	}
	if err := qs.agreeParity(ctx, o, opened.parity[0]); err != nil {
		return nil, nil, contexts, err
	}
	if plan.Private() {
		return opened.values, nil, contexts, qs.answerPrivately(ctx, q, verdict, a, roster, o, opened)
	}
	return opened.values, nil, contexts, qs.multiply(ctx, o, plan, opened.singles, opened.values)
}

// openVersions opens all tiles that a plan reads, of whatever version, under the key of
// each. An opening's context names the plan, which says of which version every number
// is, and the key. Batches are numbered on from one key to the next.
func (qs *Queries) openVersions(ctx context.Context, o opening, a catalog.Attempt, w versions.Sources, plan *plan.Plan,
	take func(set, number int, slots []uint64) error,
) (contexts catalog.Digest, err error) {
	var list [][32]byte
	for _, part := range versions.OpeningsByKey(w, plan) {
		o.key, o.sharing = part.Key, a.SharingOf(part.Key)
		one, err := qs.open(ctx, o, accumulators{
			numbers: part.Numbers,
			fill: func(ctx context.Context, number int, acc *he.Accumulator) error {
				return qs.Blobs.Sum(ctx, versions.OpeningTiles(w, plan, number), acc, o.progress.added)
			},
			doubt: func(number int) { qs.Blobs.Doubt(versions.OpeningTiles(w, plan, number)) },
			take:  take,
		})
		if err != nil {
			return catalog.Digest{}, err
		}
		list = append(list, one)
		o.first += (len(part.Numbers) + o.batchSize() - 1) / o.batchSize()
	}
	return joinContexts(list), nil
}

// joinContexts is the digest of the contexts of openings under several keys.
func joinContexts(list [][32]byte) catalog.Digest {
	if len(list) == 1 {
		return list[0]
	}
	return seal.ContextsDigest(list)
}

// openingOf is what an attempt opens of a query's plan.
func openingOf(q catalog.Query, a catalog.Attempt, plan *plan.Plan) opening {
	o := opening{session: QuerySession(q.ID, a.Number), subject: q.Envelope.String(), plan: plan.Digest(), attempt: a.Number, root: a.Root}
	o.sets = checked.SetsOf(a)
	return o
}

// Contexts are what the members of an attempt of a query commit to with their shares
// (catalog.QueryShare), for whoever computes the accumulators without opening them: digest is that
// of the accumulator with a number. among is the roster that the attempt's points are of.
func Contexts(cluster catalog.Digest, q catalog.Query, a catalog.Attempt, among catalog.KeyRoster, w versions.Sources, plan *plan.Plan,
	digest func(number int) ([32]byte, error),
) (catalog.Digest, error) {
	o := openingOf(q, a, plan)
	var list [][32]byte
	for _, part := range versions.OpeningsByKey(w, plan) {
		o.sharing = a.SharingOf(part.Key)
		var under [][32]byte
		for _, number := range part.Numbers {
			d, err := digest(number)
			if err != nil {
				return catalog.Digest{}, err
			}
			for _, x := range o.of(cluster, among.Point, number, d) {
				under = append(under, x.Context())
			}
		}
		list = append(list, seal.ContextsDigest(under))
	}
	return joinContexts(list), nil
}

// Recompute plans a recorded query and adds up what its last attempt opened, as a member does; among is the roster that the
// attempt's points are of. It returns the plan's digest and what members committed to (Contexts), and opens nothing.
func Recompute(ctx context.Context, l versions.Ledger, store *versions.Store, cluster catalog.Digest, query string, among catalog.KeyRoster,
	accumulate func(tiles []catalog.Digest, acc *he.Accumulator) error,
) (plan, contexts catalog.Digest, err error) {
	var q catalog.Query
	var verdict catalog.Verdict
	err = l.View(func(v state.View) (err error) {
		if q, err = v.Query(query); err == nil {
			verdict, err = v.Verdict(query)
		}
		return err
	})
	if err != nil {
		return plan, contexts, err
	}
	a, _ := UnderWay(q.Attempts)
	w, err := store.Sources(ctx, verdict)
	if err != nil {
		return plan, contexts, err
	}
	p, err := store.Plan(w, verdict)
	if err == nil {
		err = store.FetchManifests(ctx, w)
	}
	if err != nil {
		return plan, contexts, err
	}
	contexts, err = Contexts(cluster, q, a, among, w, p, func(number int) (sum [32]byte, err error) {
		acc := he.NewAccumulator(store.Params)
		if err := accumulate(versions.OpeningDigests(w, p, number), acc); err != nil {
			return sum, err
		}
		return acc.Digest()
	})
	return p.Digest(), contexts, err
}

// opened is what comes of a plan's openings: this node's shares.
type opened struct {
	params     he.Parameters
	plan       *plan.Plan
	values     []uint64   // of the released numbers
	parity     []uint64   // one number: of all that was opened
	singles    [][]uint64 // slots of the tiles that are opened alone
	multiplied [][]uint64 // slots by accumulator, of the columns that a private vector multiplies
}

// wipe forgets what is not folded into the values.
func (o *opened) wipe() {
	wipeShares(o.singles)
	wipeShares(o.multiplied)
}

// takeOne is take where there is one set.
func (o *opened) takeOne(_, number int, slots []uint64) error { return o.take(number, slots) }

// take folds the slots of an opening, or keeps them to be multiplied.
func (o *opened) take(number int, slots []uint64) error {
	p, err := o.params.Parity(slots)
	if err != nil {
		return err
	}
	if err := o.params.AddMod(o.parity, []uint64{p}); err != nil {
		return err
	}
	if single := number - len(o.plan.Accumulators); single >= 0 {
		o.singles[single] = slots
		return nil
	}
	acc, groups := o.plan.Accumulators[number], len(o.plan.Groups)
	if o.plan.Private() && o.plan.Vector(acc.Column) != "" {
		o.multiplied[number] = slots
		return nil
	}
	_, err = o.params.Fold(slots, o.plan.SlotMaps[acc.SlotMap], o.values[acc.Column*groups:(acc.Column+1)*groups])
	return err
}
