package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/versions"
)

// refuseUnfit plans a query before it is proposed (DATA_MODEL.md section 4), so
// that one that could never be opened is refused with its numbers and costs
// nothing: no attempt, no charge, no entry. The error is a *catalog.Refusal then.
//
// What the policy or the contract refuse is left to the ledger, which records it. With
// again, a query that repeats one of the last day is not planned.
func (acc *access) refuseUnfit(ctx context.Context, e catalog.Envelope, p catalog.Payload, again bool) (f foreseen, err error) {
	if p.Kind != catalog.KindQuerySubmit {
		return f, nil
	}
	var submit catalog.QuerySubmit
	if err := json.Unmarshal(p.Body, &submit); err != nil {
		return f, nil //nolint:nilerr // the ledger says what is wrong with it
	}
	if err := acc.Read(ctx, func(state.View) error { return nil }); err != nil {
		return f, fmt.Errorf("plan the query: %w", err)
	}
	leave, err := acc.cores.Enter(ctx)
	if err != nil {
		return f, fmt.Errorf("plan the query: %w", err)
	}
	defer leave()
	var refusal *catalog.Refusal
	err = acc.view(func(v state.View) error {
		signer, err := v.Principal(e.Signer)
		if errors.Is(err, records.ErrNotFound) || err == nil && !e.Verify(signer.Key) {
			return nil // what would be refused is told to nobody but the signer
		}
		if err != nil {
			return err
		}
		p, no, err := v.Preview(signer.ID, submit)
		if f.refusal = no; err != nil || no != nil || len(p.Verdict.Columns) == 0 {
			return err
		}
		f.preview = &p
		if again && p.Free {
			if f.repeats, err = answeredBy(v, e.Digest(), submit, p); err != nil || f.repeats != nil {
				return err
			}
		}
		if p.Test != nil {
			if refusal = plan.RefuseTest(plan.TestStructure(p.Test, p.Pieces)); refusal != nil {
				return nil
			}
		}
		if refusal = refuseReceiving(submit.Receiving); refusal != nil {
			return nil
		}
		w, err := versions.SourcesOf(v, p.Verdict)
		if err != nil {
			return err
		}
		_, err = acc.versions.Plan(w, p.Verdict)
		if refusal = plan.Refusal(err); refusal != nil { // why it could never be opened
			return nil
		}
		return err
	})
	if err != nil {
		return f, fmt.Errorf("plan the query: %w", err)
	}
	if refusal != nil {
		return f, refusal
	}
	return f, nil
}

// foreseen is what this node sees of how the ledger would decide on a query now.
type foreseen struct {
	refusal *catalog.Refusal // with a change that would pass; nil: none
	preview *judge.Preview   // nil: it is refused, or asks for nothing that is opened
	repeats *catalog.Query   // that has its answer already; nil: it is to be asked
}

// answeredBy is the query of the last day whose very shares are the answer to one that repeats it; nil: they are not to be
// had, or sealed to another key of the buyer's. What is not sealed again for a repeat (mpc.Reseals) is asked anew here too.
func answeredBy(v state.View, envelope catalog.Digest, again catalog.QuerySubmit, p judge.Preview) (*catalog.Query, error) {
	if !mpc.Reseals(p.Verdict) {
		return nil, nil //nolint:nilnil // as the comment says
	}
	first, err := v.Query(p.Repeats)
	if err != nil {
		return nil, err
	}
	if first.Envelope == envelope { // it was recorded, and answered meanwhile: whoever sends it again is told so
		return nil, nil //nolint:nilnil // likewise
	}
	if first.State != catalog.QueryDone || first.Forgotten > 0 || !bytes.Equal(first.Submit.Receiving, again.Receiving) {
		return nil, nil //nolint:nilnil // likewise
	}
	return &first, nil
}

// refuseReceiving refuses a key that nothing can be sealed to. Only sealing
// shows it (the X25519 half may be a point of small order), and found out after
// the opening it costs three attempts, which wear the publisher's key, while the
// contract gets its query back.
func refuseReceiving(key []byte) *catalog.Refusal {
	if _, err := seal.Seal(key, []byte(seal.ShareInfo), nil, nil); err != nil {
		r := catalog.Refuse(catalog.RefusedInvalid, "receiving", "receiving.unusable")
		r.Field = "receiving"
		return r
	}
	return nil
}
