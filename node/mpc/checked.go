package mpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/vault"
	"github.com/weirdata/weir/node/versions"
)

// errNotChecked is returned where an attempt names several sets for what one set alone may open. The state machine
// names none.
var errNotChecked = errors.New("noised answers, private vectors and products are not opened under several sets")

// answerChecked opens the plan's accumulators under every set of the attempt (PROTOCOL.md section 3.7) and seals this
// node's shares of all sets that it is in at once, to be committed. Nothing of them is kept.
func (qs *Queries) answerChecked(ctx context.Context, q catalog.Query, a catalog.Attempt, roster catalog.KeyRoster, w versions.Sources, plan *plan.Plan) (any, error) {
	if plan.Noise != nil || plan.Multiplies() {
		return nil, fmt.Errorf("answer query %s: %w", q.ID, errNotChecked)
	}
	session := QuerySession(q.ID, a.Number)
	o := openingOf(q, a, plan)
	o.progress = qs.attempts.start(session, countsOf(plan))
	var err error
	if o.active, err = qs.among(roster, a.Active); err != nil {
		return nil, err
	}
	bySet := make([]*opened, len(o.sets))
	for i, s := range o.sets {
		if s.Has(qs.id) {
			bySet[i] = &opened{params: qs.Params, plan: plan, values: make([]uint64, plan.Width), parity: []uint64{0}}
		}
	}
	contexts, err := qs.openVersions(ctx, o, a, w, plan, func(set, number int, slots []uint64) error { return bySet[set].take(number, slots) })
	if err != nil {
		return nil, err
	}
	var shares []seal.SetShare
	for i, one := range bySet {
		if one != nil {
			shares = append(shares, seal.SetShare{Set: i, Values: one.values, Parity: one.parity[0]})
		}
	}
	qs.attempts.progress(session).enter(wire.StageAnswer)
	return sealChecked(q, a, plan.Digest(), contexts, shares)
}

// sealChecked seals shares of several sets to the buyer of q, as an attempt commits them.
func sealChecked(q catalog.Query, a catalog.Attempt, plan, contexts catalog.Digest, shares []seal.SetShare) (any, error) {
	plain := seal.EncodeChecked(shares)
	defer vault.Wipe(plain)
	aad := seal.CheckedAAD(contexts, plan, q.Envelope, len(a.Active), a.SetOf)
	sealed, err := seal.Seal(q.Submit.Receiving, []byte(seal.CheckedInfo), aad, plain)
	if err != nil {
		return nil, fmt.Errorf("seal the shares of query %s: %w", q.ID, err)
	}
	return catalog.QueryShare{Query: q.ID, Attempt: a.Number, Plan: plan, Context: contexts, Sealed: sealed}, nil
}
