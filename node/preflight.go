package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/query"
	"github.com/weirdata/weir/compute/seal"
)

// Rules of refusals that come from a plan.
const (
	ruleOverflow = "overflow"       // a sum might exceed the plaintext modulus
	ruleNoise    = "noise"          // an accumulator would not decrypt
	ruleCohorts  = "cohort_test"    // a cohort test would be too large
	rulePlan     = "plan_too_large" // too many slot maps or groups
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
	if err := n.checkLoad(w.descriptor(), plan); err != nil {
		return nil, &refuseError{reason: fmt.Sprintf("the query does not fit: %v", err), cause: err}
	}
	return plan, nil
}

// checkLoad says whether every accumulator of the plan opens exactly.
func (n *Node) checkLoad(d catalog.Descriptor, plan *query.Plan) error {
	if plan.Openings() == 0 {
		return nil
	}
	magnitude, tail, err := plan.Room(d, n.params.Threshold())
	if err != nil {
		return err
	}
	_, err = n.params.CheckLoad(he.Load{Tiles: plan.MaxTiles(), Magnitude: magnitude})
	var overflow *he.OverflowError
	if plan.Noise != nil && errors.As(err, &overflow) {
		return &noisedOverflowError{tail: tail, err: overflow}
	}
	return err
}

// refuseUnfit plans a query before it is proposed (DESIGN section 6, step 2), so
// that one that could never be opened is refused with its numbers and costs
// nothing: no attempt, no charge, no entry. What the policy or the contract
// refuse is left to the ledger, which records it.
//
// The error is a *catalog.Refusal then.
func (n *Node) refuseUnfit(ctx context.Context, e catalog.Envelope) error {
	p, err := catalog.ParsePayload(e.Payload)
	if err != nil || p.Kind != catalog.KindQuerySubmit {
		return nil // the ledger says what is wrong with it
	}
	var submit catalog.QuerySubmit
	if err := json.Unmarshal(p.Body, &submit); err != nil {
		return nil //nolint:nilerr // likewise
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
		if err != nil || no != nil || len(verdict.Columns) == 0 {
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
		return fmt.Errorf("plan the query: %w", err)
	}
	if refusal != nil {
		return refusal
	}
	return nil
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
		if r := refusalOf(err); r != nil {
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
	return refuseCohorts(least, sets), nil
}

// refuseCohorts is the refusal of a cohort test that is too large; nil: it is not.
func refuseCohorts(least int, sets []catalog.CohortSet) *catalog.Refusal {
	factors := he.CohortFactors(least, cohortsOf(sets))
	r := &catalog.Refusal{Kind: catalog.RefusedPolicy, Rule: ruleCohorts}
	number := func(name string, value int) {
		r.Numbers = append(r.Numbers, catalog.Number{Name: name, Value: strconv.Itoa(value)})
	}
	switch {
	case least > he.MaxCohortMinimum:
		r.Message = fmt.Sprintf("groups have at least %d entities here; portfolios can be tested for at most %d", least, he.MaxCohortMinimum)
		r.Fix = "ask with --epsilon where the policy has dp, or without the portfolio"
		number("min_cohort", least)
		number("limit", he.MaxCohortMinimum)
	case factors > productEntries:
		r.Message = fmt.Sprintf("testing the portfolio in every class and period takes %d numbers, at most %d are possible", factors, productEntries)
		r.Fix = "select fewer measures or a shorter time at a time"
		number("factors", factors)
		number("limit", productEntries)
	default:
		return nil
	}
	return r
}

// refusalOf tells the buyer why a plan does not fit; nil when err is about
// something else.
func refusalOf(err error) *catalog.Refusal {
	r := &catalog.Refusal{Kind: catalog.RefusedPolicy, Rule: rulePlan, Message: err.Error(), Fix: "ask for fewer groups or a shorter time"}
	number := func(name, value string) { r.Numbers = append(r.Numbers, catalog.Number{Name: name, Value: value}) }
	var overflow *he.OverflowError
	var noised *noisedOverflowError
	var noise *he.NoiseError
	switch {
	case errors.As(err, &overflow):
		r.Rule, r.Fix = ruleOverflow, "select fewer entities or a shorter time"
		number("magnitude", text(overflow.Magnitude))
		number("limit", text(overflow.Limit))
		if errors.As(err, &noised) {
			r.Fix = "select fewer entities or a shorter time, or ask with a larger epsilon"
			number("noise_tail", text(noised.tail))
		}
	case errors.As(err, &noise):
		r.Rule, r.Fix = ruleNoise, "select fewer periods"
		number("tiles", strconv.Itoa(noise.Tiles))
		number("bits", strconv.FormatFloat(noise.Used, 'f', 1, 64))
		number("limit", strconv.FormatFloat(noise.Available, 'f', 1, 64))
	case errors.Is(err, query.ErrPlanTooLarge):
		r.Fix = "group by a coarser period, or select fewer groups or periods"
		number("slot_maps", strconv.Itoa(query.MaxSlotMaps))
		number("groups", strconv.Itoa(catalog.MaxGroups))
	default:
		return nil
	}
	return r
}

func text(x *big.Int) string {
	if x == nil {
		return "0"
	}
	return x.String()
}
