package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// TestPlansFindMeasuresByTheDescriptorThatAVersionWasPublishedBy: a verdict that was
// decided by an amended descriptor, which has the measures in another order, others
// before them, and lacks some, takes the same cells as before and counts the same.
func TestPlansFindMeasuresByTheDescriptorThatAVersionWasPublishedBy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawPanel(t)
		held := p.Descriptor
		amended := held
		amended.Measures = append([]catalog.Measure{{Name: "later", Max: 7}}, held.Measures...)
		slices.Reverse(amended.Measures[1:])
		layers := []plan.Layer{{Version: p.Version, Presence: p, Held: &held}}
		before, err := plan.New(held, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		planned, err := plan.New(amended, layers, p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Accumulators, planned.Accumulators); diff != "" {
			t.Fatalf("other sums are opened (-before +amended):\n%s", diff)
		}
		if diff := cmp.Diff(before.Layers[0].Packed, planned.Layers[0].Packed); diff != "" {
			t.Fatalf("other tiles are added up (-before +amended):\n%s", diff)
		}
		was, err := plan.NewGrid(held, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		now, err := plan.NewGrid(amended, layers, p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range p.Verdict.Columns {
			a, err := was.CountColumn(held, i)
			if err != nil {
				t.Fatal(err)
			}
			b, err := now.CountColumn(amended, i)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatalf("other cells of %s are counted (-before +amended):\n%s", c.Measure, diff)
			}
		}
	})
}

// TestAVersionPublishedWithoutAMeasureGivesNothingOfIt: what a verdict takes of such a
// version must be left out, else the figure would lack it without a word.
func TestAVersionPublishedWithoutAMeasureGivesNothingOfIt(t *testing.T) {
	p, layers := twoLayers()
	held := p.Descriptor
	held.Measures = held.Measures[1:] // n alone
	layers[0].Held = &held
	if _, err := plan.New(p.Descriptor, layers, p.Verdict); err == nil || !strings.Contains(err.Error(), "without its measures") {
		t.Fatalf("m of a version that was published without it: %v", err)
	}
	p.Verdict.Layers[0].Exclusions = []catalog.Exclusion{{Column: 0, Part: 0, Intervals: []calendar.Interval{{From: 10, To: 16}}}}
	plan, err := plan.New(p.Descriptor, layers, p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range plan.Accumulators {
		if a.Layer == 0 {
			t.Fatalf("the version without the measure is opened: %+v", a)
		}
	}
	if len(plan.Accumulators) == 0 {
		t.Fatal("nothing is opened of the version that has it")
	}
}

// TestJoinsFindMeasuresByTheDescriptorsThatTheirVersionsWerePublishedBy likewise, of both
// datasets.
func TestJoinsFindMeasuresByTheDescriptorsThatTheirVersionsWerePublishedBy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, verdict := drawJoin(t)
		before, err := plan.NewJoin([]plan.Pair{{plan.Side{Descriptor: a.Descriptor, Version: a.Version, Presence: a},
			plan.Side{Descriptor: b.Descriptor, Version: b.Version, Presence: b}}}, verdict)
		if err != nil {
			t.Fatal(err)
		}
		amend := func(d catalog.Descriptor) catalog.Descriptor {
			d.Measures = append([]catalog.Measure{{Name: "later", Max: 7}}, d.Measures...)
			return d
		}
		plan, err := plan.NewJoin([]plan.Pair{{plan.Side{Descriptor: amend(a.Descriptor), Version: a.Version, Presence: a, Held: &a.Descriptor},
			plan.Side{Descriptor: amend(b.Descriptor), Version: b.Version, Presence: b, Held: &b.Descriptor}}}, verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Singles, plan.Singles); diff != "" {
			t.Fatalf("other tiles are opened (-before +amended):\n%s", diff)
		}
		if diff := cmp.Diff(before.Products, plan.Products); diff != "" {
			t.Fatalf("others are multiplied (-before +amended):\n%s", diff)
		}
	})
}
