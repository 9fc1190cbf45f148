package ask

import (
	"errors"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/client/audit"
)

// Each version that a figure is summed from is held against the decision, not only the
// one as of which is answered.
func TestEveryLayersVersionIsHeldAgainstTheDecision(t *testing.T) {
	digest := func(s string) catalog.Digest { return catalog.Sum([]byte(s)) }
	decided := &audit.ProvenQuery{Decision: catalog.Decision{Dataset: "air", Version: 3, Manifest: digest("m3"), Presence: digest("p3")}}
	version := func(n int, manifest, presence string) catalog.Version {
		var v catalog.Version
		v.Dataset, v.Version, v.Manifest, v.Presence = "air", n, digest(manifest), digest(presence)
		return v
	}
	check := func(versions ...catalog.Version) error {
		var p planned
		for _, v := range versions {
			p.layers = append(p.layers, plan.Layer{Version: v})
		}
		return checkSources(decided, catalog.Query{ID: "q-1"}, p)
	}
	first, third := version(1, "m1", "p1"), version(3, "m3", "p3")
	if err := check(third); err != nil {
		t.Errorf("the version alone: %v", err)
	}
	if err := check(first, third); !errors.Is(err, ErrVerdictForged) {
		t.Errorf("an older version, which the decision does not list: %v", err)
	}
	decided.Decision.Layers = []catalog.DecidedLayer{
		{Version: 1, Manifest: digest("m1"), Presence: digest("p1")}, {Version: 3, Manifest: digest("m3"), Presence: digest("p3")},
	}
	for _, good := range [][]catalog.Version{{first, third}, nil} {
		if err := check(good...); err != nil {
			t.Errorf("%d layers as decided: %v", len(good), err)
		}
	}
	other := version(1, "m1", "p1")
	other.Dataset = "water"
	for name, bad := range map[string]catalog.Version{
		"manifest": version(1, "m3", "p1"), "presence": version(1, "m1", "p3"), "version": version(2, "m1", "p1"), "dataset": other,
	} {
		if err := check(bad, third); !errors.Is(err, ErrVerdictForged) {
			t.Errorf("a layer with another %s: %v", name, err)
		}
	}
}

// TestAFigureIsOfTheJoinedVersionsThatWereDecidedOn: all of them are held against the
// decision, with none and with another one it is not taken.
func TestAFigureIsOfTheJoinedVersionsThatWereDecidedOn(t *testing.T) {
	digest := func(s string) catalog.Digest { return catalog.Sum([]byte(s)) }
	version := func(dataset string, n int, manifest, presence string) catalog.Version {
		var v catalog.Version
		v.Dataset, v.Version, v.Manifest, v.Presence = dataset, n, digest(manifest), digest(presence)
		return v
	}
	join := &catalog.JoinedDecision{JoinedQuery: catalog.JoinedQuery{Dataset: "energy", Version: 3}, Manifest: digest("m3"), Presence: digest("p3")}
	decided := &audit.ProvenQuery{Decision: catalog.Decision{Dataset: "air", Version: 1, Join: join}}
	check := func(joined ...catalog.Version) error {
		return checkSources(decided, catalog.Query{ID: "q-1"}, planned{joined: joined})
	}
	first, third := version("energy", 1, "m1", "p1"), version("energy", 3, "m3", "p3")
	if err := check(third); err != nil {
		t.Errorf("the version alone: %v", err)
	}
	if err := check(first, third); !errors.Is(err, ErrVerdictForged) {
		t.Errorf("an older version, which the decision does not list: %v", err)
	}
	join.Layers = []catalog.DecidedLayer{{Version: 1, Manifest: digest("m1"), Presence: digest("p1")}, {Version: 3, Manifest: digest("m3"), Presence: digest("p3")}}
	if err := check(first, third); err != nil {
		t.Errorf("both as decided: %v", err)
	}
	for name, bad := range map[string]catalog.Version{
		"manifest": version("energy", 1, "m3", "p1"), "presence": version("energy", 1, "m1", "p3"),
		"version": version("energy", 2, "m1", "p1"), "dataset": version("water", 1, "m1", "p1"),
	} {
		if err := check(bad, third); !errors.Is(err, ErrVerdictForged) {
			t.Errorf("joined with another %s: %v", name, err)
		}
	}
	if err := check(); !errors.Is(err, ErrVerdictForged) {
		t.Errorf("joined with nothing: %v", err)
	}
	if decided.Decision.Join = nil; !errors.Is(check(third), ErrVerdictForged) {
		t.Errorf("joined, and decided on one dataset: %v", check(third))
	}
}
