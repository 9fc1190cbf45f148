package state

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/statetest"
)

// A program stops at the entry that gives the cluster a level which it lacks, and keeps
// nothing of it. Every other wish for a level is refused alike by all programs.
func TestAProgramStopsWhereItLacksTheLevel(t *testing.T) {
	body := testInit(3, 2)
	body.Level = FeatureLevel
	w := newWorldOf(t, body).admit()
	for _, level := range []int{-1, 0, FeatureLevel, FeatureLevel + 2} {
		if r := w.do("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: level}).Refusal; r == nil || r.Rule != "level" {
			t.Errorf("level %d: %+v", level, r)
		}
	}
	for _, who := range []string{"bureau", "bank", "node1"} {
		if r := w.do(who, catalog.KindClusterLevel, catalog.ClusterLevel{Level: FeatureLevel + 1}).Refusal; r == nil || r.Kind != catalog.RefusedForbidden {
			t.Errorf("%s may raise the level: %+v", who, r)
		}
	}
	w.now += 10
	e := catalog.NewEntry(w.now, w.sign("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: FeatureLevel + 1}))
	if _, err := w.machine.Apply(w.store, w.seq, e.Marshal()); !errors.Is(err, ErrLevel) {
		t.Errorf("a level that the program lacks: %v", err)
	}
	if c := must[catalog.Cluster](t)(w.view().Cluster()); c.FeatureLevel() != FeatureLevel {
		t.Errorf("the level is %d", c.Level)
	}
}

func TestActsComeWithTheirLevel(t *testing.T) {
	handle := func(*applyContext) error { return nil }
	for _, x := range []struct {
		level, since int
		offered      bool
	}{{0, 0, true}, {0, 1, true}, {0, 2, false}, {1, 2, false}, {2, 2, true}, {3, 2, true}} {
		cluster := catalog.Cluster{Level: x.level}
		if got := (act{since: x.since, handle: handle}).offered(cluster.FeatureLevel()); got != x.offered {
			t.Errorf("at level %d an act since %d is offered: %t", x.level, x.since, got)
		}
	}
	for _, a := range acts {
		if a.since > FeatureLevel {
			t.Errorf("%s came with level %d, the program has %d", a.kind, a.since, FeatureLevel)
		}
	}
}

// TestFieldsComeWithTheirLevel: what a program before this one cannot read is refused as that
// program refuses it, to the byte of the outcome, until the level is raised.
func TestFieldsComeWithTheirLevel(t *testing.T) {
	body := testInit(3, 2)
	body.Level = 1
	w := newWorldOf(t, body).admit().registry("enterprises", [][]string{{"a", "c", "i"}, {"b", "c", "i"}}, 2)
	list := func(change func(*catalog.Descriptor)) catalog.Outcome {
		d := statetest.Descriptor("emissions")
		change(&d)
		return w.do("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	}
	raw := catalog.Encode(catalog.DatasetCreate{Descriptor: statetest.Descriptor("emissions")})
	unknown := w.do("bureau", catalog.KindDatasetCreate, json.RawMessage(strings.Replace(string(raw), `"measures":[{`, `"measures":[{"nobody":1,`, 1)))
	if unknown.Refusal == nil || unknown.Refusal.Parts == nil {
		t.Fatalf("a field that nobody knows: %+v", unknown.Refusal)
	}
	newer := map[string]func(*catalog.Descriptor){
		"numbers":   func(d *catalog.Descriptor) { d.Numbers = []string{"county"} },
		"ucum":      func(d *catalog.Descriptor) { d.Measures[0].UCUM = "t" },
		"pollutant": func(d *catalog.Descriptor) { d.Measures[0].Pollutant = "a21026" },
		"pcaf":      func(d *catalog.Descriptor) { d.Measures[0].PCAF = &catalog.PCAF{Scope: "1", Option: "1a", Score: 1} },
		"week":      func(d *catalog.Descriptor) { d.Grain, d.Policy.Grain = calendar.Week, calendar.Week },
		"half-hour": func(d *catalog.Descriptor) { d.Grain = calendar.HalfHour },
	}
	for name, change := range newer {
		got := list(change)
		if got.Refusal == nil || !reflect.DeepEqual(got.Refusal, unknown.Refusal) {
			t.Errorf("%s at level 1: %+v, want %+v", name, got.Refusal, unknown.Refusal)
		}
	}
	caps := map[string]func(*catalog.Descriptor){
		"caps": func(d *catalog.Descriptor) {
			dp := testDP
			d.Numbers, d.Policy.DP, d.Policy.Caps = []string{"county"}, &dp, map[string]string{"nox": "county"}
		},
		"above_cap": func(d *catalog.Descriptor) { d.Policy.AboveCap = catalog.AboveCapRefuse },
	}
	w.ok("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: 2})
	for name, change := range caps {
		if got := list(change); got.Refusal == nil || !reflect.DeepEqual(got.Refusal, unknown.Refusal) {
			t.Errorf("%s at level 2: %+v, want %+v", name, got.Refusal, unknown.Refusal)
		}
	}
	for name, change := range newer {
		if got := list(func(d *catalog.Descriptor) { change(d); d.Dataset += "_" + strings.ReplaceAll(name, "-", "_") }); got.Refusal != nil {
			t.Errorf("%s at level 2: %+v", name, got.Refusal)
		}
	}
	w.ok("operator", catalog.KindClusterLevel, catalog.ClusterLevel{Level: 3})
	if got := list(func(d *catalog.Descriptor) { caps["caps"](d); caps["above_cap"](d); d.Dataset = "capped" }); got.Refusal != nil {
		t.Errorf("caps at level 3: %+v", got.Refusal)
	}
}

// A cluster is founded at a level, and never at one that the program lacks.
func TestAFoundingHasItsLevel(t *testing.T) {
	for _, x := range []struct{ level, want int }{{0, 1}, {1, 1}, {FeatureLevel, FeatureLevel}} {
		body := testInit(3, 2)
		body.Level = x.level
		if c := must[catalog.Cluster](t)(newWorldOf(t, body).view().Cluster()); c.FeatureLevel() != x.want {
			t.Errorf("founded at %d: level %d", x.level, c.FeatureLevel())
		}
	}
	body := testInit(3, 2)
	body.Level = FeatureLevel + 1
	w := &world{t: t, machine: NewMachine(), store: memstore.New(), now: testTime, n: 3}
	e := catalog.NewEntry(w.now, w.sign("operator", catalog.KindInit, body))
	if _, err := w.machine.Apply(w.store, 1, e.Marshal()); !errors.Is(err, ErrLevel) {
		t.Errorf("a founding of a level that the program lacks: %v", err)
	}
}
