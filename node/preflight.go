package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/fit"
)

// planner makes the plan of a verdict.
type planner func(w work, verdict catalog.Verdict) (*query.Plan, error)

// planOf plans with the presence where there is one. Without it, a verdict that is
// planned by it gets a bound of its plan, which is enough to refuse and to charge.
func planOf(w work, verdict catalog.Verdict) (*query.Plan, error) {
	switch {
	case w.second != nil:
		return query.NewJoinPlan(w.side(), w.second.side(), verdict)
	case w.presence != nil:
		return query.NewPrivatePlan(w.dataset.Descriptor, w.version, verdict, w.presence)
	case query.NeedsPresence(verdict):
		return query.PlanBound(w.dataset.Descriptor, w.version, verdict)
	}
	return query.NewPlan(w.dataset.Descriptor, w.version, verdict)
}

// plan builds the plan that follows from the verdict and checks that it opens
// exactly. A plan that does not fit can never succeed: the error is a
// refuseError.
func (n *Node) plan(w work, verdict catalog.Verdict) (plan *query.Plan, err error) {
	err = contained(func() (err error) {
		plan, err = n.opts.plan(w, verdict)
		return err
	})
	if err != nil {
		return nil, &refuseError{reason: fmt.Sprintf("the query cannot be planned: %v", err), cause: err}
	}
	if _, err := fit.Check(n.params, w.descriptor(), plan); err != nil {
		return nil, &refuseError{reason: fmt.Sprintf("the query does not fit: %v", err), cause: err}
	}
	return plan, nil
}

// refuseUnfit plans a query before it is proposed (DESIGN section 6, step 2), so
// that one that could never be opened is refused with its numbers and costs
// nothing: no attempt, no charge, no entry. The error is a *catalog.Refusal then.
//
// What the policy or the contract refuse is left to the ledger, which records it.
// foreseen is that refusal, as far as this node sees, with a change that would pass.
func (n *Node) refuseUnfit(ctx context.Context, e catalog.Envelope) (foreseen *catalog.Refusal, err error) {
	p, err := catalog.ParsePayload(e.Payload)
	if err != nil || p.Kind != catalog.KindQuerySubmit {
		return nil, nil //nolint:nilerr // the ledger says what is wrong with it
	}
	var submit catalog.QuerySubmit
	if err := json.Unmarshal(p.Body, &submit); err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	var refusal *catalog.Refusal
	err = n.Read(ctx, func(v catalog.View) error {
		signer, err := v.Principal(e.Signer)
		if errors.Is(err, catalog.ErrNotFound) || err == nil && !e.Verify(signer.Key) {
			return nil // what would be refused is told to nobody but the signer
		}
		if err != nil {
			return err
		}
		verdict, no, err := v.Judge(signer.ID, submit)
		if foreseen = no; err != nil || no != nil || len(verdict.Columns) == 0 {
			return err
		}
		if refusal = refuseReceiving(submit.Receiving); refusal != nil {
			return nil
		}
		if refusal, err = n.unfit(v, verdict); err != nil || refusal != nil {
			return err
		}
		if verdict.In != "" && verdict.Noise == nil {
			refusal, err = unfitCohorts(v, signer.ID, submit)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("plan the query: %w", err)
	}
	if refusal != nil {
		return nil, refusal
	}
	return foreseen, nil
}

// refuseReceiving refuses a key that nothing can be sealed to. Only sealing
// shows it (the X25519 half may be a point of small order), and found out after
// the opening it costs three attempts, which wear the publisher's key, while the
// contract gets its query back.
func refuseReceiving(key []byte) *catalog.Refusal {
	if _, err := seal.Seal(key, []byte(seal.ShareInfo), nil, nil); err != nil {
		return &catalog.Refusal{
			Kind: catalog.RefusedInvalid, Rule: "receiving", Field: "receiving",
			Message: fmt.Sprintf("nothing can be sealed to the receiving key: %v", err),
			Fix:     "make a key with weir keygen",
		}
	}
	return nil
}

// unfit plans a verdict and says why it could never be opened.
func (n *Node) unfit(v catalog.View, verdict catalog.Verdict) (*catalog.Refusal, error) {
	var w work
	var err error
	if w.dataset, err = v.Dataset(verdict.Dataset); err != nil {
		return nil, err
	}
	if w.version, err = v.Version(verdict.Dataset, verdict.Release); err != nil {
		return nil, err
	}
	if err := joinedIn(v, &w, verdict); err != nil {
		return nil, err
	}
	if _, err := n.plan(w, verdict); err != nil {
		if r := fit.Refusal(err); r != nil {
			return r, nil
		}
		return nil, err
	}
	return nil, nil
}

// unfitCohorts refuses an exact private query whose cohort test would be larger than
// what members can send each other: it would take three attempts, freeze its classes
// and answer nothing.
func unfitCohorts(v catalog.View, principal string, submit catalog.QuerySubmit) (*catalog.Refusal, error) {
	_, least, sets, refusal, err := v.CohortPreview(principal, submit)
	if err != nil || refusal != nil {
		return refusal, err
	}
	return fit.Cohorts(least, sets), nil
}
