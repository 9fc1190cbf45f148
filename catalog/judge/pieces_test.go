package judge

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// A verdict by piece has the grid of the request without pieces, and bounds what it
// releases by the figures of all of them.
func TestVerdictByPieceHasTheGridOfTheRest(t *testing.T) {
	s := publicQuery40()
	s.q = statetest.SumBy(statetest.Attribute("county"), catalog.Dimension{Kind: catalog.DimPiece})
	s.q.In = "v-mine"
	run := func(pieces int) (catalog.Verdict, error) {
		s.vectors = []catalog.VectorUse{{ID: "v-mine", Name: "mine", Bits: pieces, Pieces: pieces, Entities: 40}}
		return s.run(t)
	}
	v, err := run(3)
	if err != nil || v.Pieces != 3 || len(v.EntityGroups) != 3 || len(v.EntityGroups[0].Values) != 1 {
		t.Fatalf("%v: %+v", err, v)
	}
	s.q.By = s.q.By[:1]
	if v, err = run(3); err != nil || v.Pieces != 0 {
		t.Fatalf("as a whole: %v: %+v", err, v)
	}
	// 40 entities × 150 days are 6,000 groups: five pieces of them fit, eleven do not.
	s.q.By = []catalog.Dimension{{Kind: catalog.DimEntity}, {Kind: catalog.DimPiece}, {Kind: catalog.DimPeriod, Grain: calendar.Day}}
	s.d.Grain, s.first, s.periods = calendar.Day, 0, 150
	if v, err = run(5); err != nil || len(v.EntityGroups)*len(v.PeriodGroups) != 6000 {
		t.Fatalf("%v: %+v", err, v)
	}
	_, err = run(11)
	r, ok := err.(*catalog.Refusal) //nolint:errorlint // run returns it as it is
	if !ok || r.Rule != "max_groups" || !slices.Equal(r.Numbers, []catalog.Number{{Name: "groups", Value: "66000"}, {Name: "max_groups", Value: "65536"}}) {
		t.Fatalf("%v", err)
	}
}
