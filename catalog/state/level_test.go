package state

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
)

// A program stops at the entry that gives the cluster a level which it lacks, and keeps
// nothing of it. Every other wish for a level is refused alike by all programs.
func TestAProgramStopsWhereItLacksTheLevel(t *testing.T) {
	w := newWorld(t, 3, 2).admit()
	for _, level := range []int{-1, 0, 1, 3} {
		if r := w.do("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: level}).Refusal; r == nil || r.Rule != "level" {
			t.Errorf("level %d: %+v", level, r)
		}
	}
	for _, who := range []string{"bureau", "bank", "node1"} {
		if r := w.do(who, catalog.KindClusterLevel, catalog.ClusterLevel{Level: 2}).Refusal; r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may raise the level: %+v", who, r)
		}
	}
	w.now += 10
	e := catalog.NewEntry(w.now, w.sign("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: 2}))
	if _, err := w.machine.Apply(w.store, w.seq, e.Marshal()); !errors.Is(err, ErrLevel) {
		t.Errorf("a level that the program lacks: %v", err)
	}
	if c := must[catalog.Cluster](t)(w.view().Cluster()); c.FeatureLevel() != 1 || c.Level != 0 {
		t.Errorf("the level is %d", c.Level)
	}
}

func TestActsComeWithTheirLevel(t *testing.T) {
	handle := func(*applyContext) error { return nil }
	for _, x := range []struct {
		level, since int
		offered      bool
	}{{0, 0, true}, {0, 1, true}, {0, 2, false}, {1, 2, false}, {2, 2, true}, {3, 2, true}} {
		c := &applyContext{cluster: &catalog.Cluster{Level: x.level}}
		if got := c.offers(act{since: x.since, handle: handle}); got != x.offered {
			t.Errorf("at level %d an act since %d is offered: %t", x.level, x.since, got)
		}
	}
	for _, a := range acts {
		if a.since > FeatureLevel {
			t.Errorf("%s came with level %d, the program has %d", a.kind, a.since, FeatureLevel)
		}
	}
}
