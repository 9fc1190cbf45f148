package state

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// A correction of one enterprise stays out of its county's figure; who asks for complete
// answers is told so, and who does not gets the figure of before.
func TestCompleteIsRefusedWhereACorrectionIsHeldBack(t *testing.T) {
	s := scene40(5, everybody)
	h := s.history(t)
	corrected := func(m int, p int64, e int) int { return 1 + b2i(m == 0 && e == 0 && p == statetest.Period("2024-01")) }
	h.publish("emissions", versionOf{40, 12, statetest.Period("2024-01"), corrected})
	q := sumOf("emissions", "nox", nil, []calendar.Interval{{From: statetest.Period("2024-01"), To: statetest.Period("2024-01") + 1}}, statetest.Attribute("county"))
	v, r, err := h.view().Judge(testID("bureau"), submit("", q))
	if err != nil || r != nil {
		t.Fatal(err, r)
	}
	held := 0
	for _, c := range v.Coverage {
		held += c.HeldBack
	}
	if held != 1 || len(v.Withheld) > 0 || len(v.Layers) == 0 {
		t.Fatalf("%d corrections are held back, withheld are %v, layers %+v", held, v.Withheld, v.Layers)
	}
	q.Complete = true
	if _, r, err := h.view().Judge(testID("bureau"), submit("", q)); err != nil || r == nil || r.Rule != "complete" {
		t.Errorf("%v, %v, want it refused as not complete", r, err)
	}
}

// Nobody can count the entities of a private list, so a contract that grants exact figures
// of one does not ask for more of them than the policy.
func TestAPortfolioIsNotGrantedWithALargerCohort(t *testing.T) {
	s := scene40(5, everybody)
	h := s.history(t)
	h.no("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Portfolio: true, MinCohort: 6}, catalog.RefusedInvalid, "invalid")
	order := h.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "x", Portfolio: true}).ID
	h.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, MinCohort: 6}, catalog.RefusedInvalid, "invalid")
	h.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, MinCohort: 6, NoPortfolio: true})
}
