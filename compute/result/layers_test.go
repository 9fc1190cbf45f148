package result

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
)

// TestACellTakenTwiceGivesNoTable: a verdict that counts a class in two versions
// contradicts itself.
func TestACellTakenTwiceGivesNoTable(t *testing.T) {
	p, c := queryOfFew()
	again := p.Verdict.Layers[0]
	again.Version = 2
	p.Verdict.Version, p.Verdict.Layers = 2, append(p.Verdict.Layers, again)
	second := *p
	second.Version.Version = 2
	layers := []plan.Layer{{Version: p.Version, Presence: p}, {Version: second.Version, Presence: &second}}
	planned := plantest.Must(plan.New(p.Descriptor, layers, p.Verdict))
	in := Input{Descriptor: p.Descriptor, Layers: layers, Verdict: p.Verdict, Plan: planned, Sums: make([]int64, planned.Width)}
	if table, err := NewTable(c, in); err == nil || !strings.Contains(err.Error(), "taken from two versions") {
		t.Errorf("a table of %v, error %v", table, err)
	}
	whole := []calendar.Interval{{From: 10, To: 14}}
	p.Verdict.Layers[0].Exclusions = []catalog.Exclusion{{Part: 0, Intervals: whole}, {Part: 1, Intervals: whole}}
	in.Verdict, in.Plan = p.Verdict, plantest.Must(plan.New(p.Descriptor, layers, p.Verdict))
	in.Sums = second.Sums()
	table, err := NewTable(c, in)
	if err != nil || table.Omitted[0] != 0 {
		t.Errorf("what one version leaves out, the other has: omitted %v, error %v", table, err)
	}
}
