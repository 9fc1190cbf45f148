package wire

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

func TestRefusalSurvivesTheWayToTheClient(t *testing.T) {
	for kind, status := range map[catalog.RefusalKind]int{
		catalog.RefusedInvalid: 422, catalog.RefusedSignature: 401, catalog.RefusedForbidden: 403,
		catalog.RefusedUnknown: 404, catalog.RefusedConflict: 409, catalog.RefusedPolicy: 403,
	} {
		want := &catalog.Refusal{
			Kind: kind, Rule: "r", Reason: catalog.Why("order.state", "o-1", "refused").With(catalog.Why("x")), Fix: []catalog.Reason{catalog.Why("fix.its_contract", "c-1")}, Field: "a.b", Group: "g", Numbers: []catalog.Number{{Name: "n", Value: "1"}},
		}
		sent := RefusalProblem(want)
		if sent.Status != status {
			t.Errorf("%s: status %d, want %d", kind, sent.Status, status)
		}
		if sent.Message != "order o-1 is refused already" || sent.Fix != "its contract is c-1" {
			t.Errorf("it says %q, and to do %q", sent.Message, sent.Fix)
		}
		b, err := json.Marshal(sent)
		if err != nil {
			t.Fatal(err)
		}
		var got Problem
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Refusal()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOtherProblemsAreNoRefusals(t *testing.T) {
	for _, kind := range []string{KindRequest, KindToken, KindForbidden, KindNotFound, KindGone, KindSQL, KindBusy, KindNoQuorum, KindTimeout, KindInternal} {
		if r := NewProblem(http.StatusBadRequest, kind, "m").Refusal(); r != nil {
			t.Errorf("%s is taken for the refusal %+v", kind, r)
		}
	}
}
