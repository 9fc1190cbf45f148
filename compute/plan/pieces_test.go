package plan_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// Members that take the figures for those of other pieces do not have the same plan.
func TestPlansByPieceHaveTheirOwnDigest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawSelected(t)
		digests := map[catalog.Digest]bool{plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)).Digest(): true}
		for pieces := 2; pieces < 5; pieces++ {
			p.Sorted(t, pieces)
			digests[plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)).Digest()] = true
			p.Verdict.Pieces = 0 // within the partition as a whole
			digests[plantest.Must(plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict)).Digest()] = true
		}
		if len(digests) != 7 {
			t.Fatalf("%d digests of 7 plans", len(digests))
		}
	})
}

func TestVerdictsByPieceThatDoNotFitAreNotPlanned(t *testing.T) {
	for name, change := range map[string]func(v *catalog.Verdict){
		"other pieces than the vector's": func(v *catalog.Verdict) { v.Pieces = 3 },
		"fewer pieces than none":         func(v *catalog.Verdict) { v.Pieces = -1 },
		"pieces of nothing":              func(v *catalog.Verdict) { v.In = "" },
		"pieces of another vector":       func(v *catalog.Verdict) { v.In = "v-w" },
		"pieces with noise":              func(v *catalog.Verdict) { v.Noise = &catalog.Noise{Epsilon: "1"} },
		"bits that are no pieces":        func(v *catalog.Verdict) { v.Vectors[0].Bits = 3 },
	} {
		rapid.Check(t, func(t *rapid.T) {
			p := plantest.DrawSelected(t)
			p.Sorted(t, 2)
			change(&p.Verdict)
			if _, err := plan.NewPrivate(p.Descriptor, p.Layers(), p.Verdict); err == nil {
				t.Fatalf("%s is planned", name)
			}
		})
	}
}
