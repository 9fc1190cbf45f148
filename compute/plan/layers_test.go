package plan_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/noise"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/result"
	"github.com/weirdata/weir/compute/sql"
)

func layeredQuery(l *plantest.Layered, t *rapid.T) *sql.Compiled {
	s := sql.Schema{Descriptor: l.Descriptor, Columns: []string{"g"}}
	for _, u := range l.Verdict.Vectors {
		s.Vectors = append(s.Vectors, catalog.Vector{ID: u.ID, State: catalog.VectorReady,
			VectorRegister: catalog.VectorRegister{Name: u.Name, Version: 1, Bits: u.Bits, Pieces: u.Pieces}})
	}
	c, err := sql.Compile(l.Statement(), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFiguresOfSeveralVersionsEqualPlainLoops: sums, averages, counts, variances and
// private sums of which every class, measure and period may come from another version
// are what reading after reading gives, each taken once.
func TestFiguresOfSeveralVersionsEqualPlainLoops(t *testing.T) {
	for name, private := range map[string]bool{"public groups": false, "a private selector": true} {
		t.Run(name, func(t *testing.T) {
			several, multiplied := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				l := plantest.DrawLayered(t, private)
				planned, err := plan.NewPrivate(l.Descriptor, l.Layers(), l.Verdict)
				if err != nil {
					t.Fatal(err)
				}
				sums := l.Run(planned)
				table, err := result.NewTable(layeredQuery(l, t), result.Input{Descriptor: l.Descriptor, Layers: l.Layers(), Verdict: l.Verdict, Plan: planned, Sums: sums, Nodes: 3})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(l.Rows(), table.Rows); d != "" {
					t.Fatalf("rows (-plain loops +table)\n%s", d)
				}
				checkLayered(l, t, planned, sums)
				if read := slices.IndexFunc(planned.Accumulators, func(a plan.Accumulator) bool { return a.Layer != planned.Accumulators[0].Layer }); read > 0 {
					several++
				}
				multiplied += len(planned.Products)
			})
			if several == 0 || !private && multiplied == 0 {
				t.Errorf("%d plans read several versions, %d tiles are multiplied", several, multiplied)
			}
		})
	}
}

// checkPlan checks what a plan promises beside its sums.
func checkLayered(l *plantest.Layered, t *rapid.T, planned *plan.Plan, sums []int64) {
	again, err := plan.NewPrivate(l.Descriptor, l.Layers(), l.Verdict)
	if err != nil || again.Digest() != planned.Digest() {
		t.Fatalf("planned again, the digest differs (error %v)", err)
	}
	most := planned.Explain(l.Descriptor).Magnitude
	for i, v := range sums {
		if new(big.Int).Abs(big.NewInt(v)).Cmp(most) > 0 {
			t.Fatalf("element %d is %d, more than the magnitude %s", i, v, most)
		}
	}
	bound, err := plan.Bound(l.Descriptor, l.Layers(), l.Verdict)
	if err != nil || bound.Tiles < planned.Tiles {
		t.Fatalf("the bound opens %d tiles, the plan %d: %v", bound.Tiles, planned.Tiles, err)
	}
	if size := bound.Explain(l.Descriptor).Magnitude; !planned.Private() && size.Cmp(most) < 0 { // counts are not bounded
		t.Fatalf("the bound's magnitude is %s, the plan's %s", size, most)
	}
	if !slices.IsSortedFunc(planned.Accumulators, func(a, b plan.Accumulator) int {
		return slices.Compare([]int{a.Layer, a.Column, a.Block, a.Tiles[0]}, []int{b.Layer, b.Column, b.Block, b.Tiles[0]})
	}) {
		t.Fatal("the accumulators are out of order")
	}
}

// twoLayers is onePanel in two versions: x is taken from the first, y from the second,
// which begins a period later, ends two later and has one block.
func twoLayers() (*plantest.Panel, []plan.Layer) {
	p := plantest.OnePanel()
	v := p.Version
	v.Version, v.First, v.Periods, v.Blocks = 4, 11, 5, []catalog.Block{{First: 0, Entities: 3, Periods: 2}}
	p.Verdict.Version = 4
	older, newer := p.Verdict.Layers[0], p.Verdict.Layers[0]
	older.Absent, newer.Absent, newer.Version = []byte{2}, []byte{1}, 4
	p.Verdict.PeriodGroups[1].Intervals[0].To = 16
	p.Verdict.Layers = []catalog.Layer{older, newer}
	return p, []plan.Layer{{Version: p.Version}, {Version: v}}
}

// TestPlanDigestBindsLabelsAndLayers: two plans that differ in what a group is called, or
// in the version that a class comes from, are two.
func TestPlanDigestBindsLabelsAndLayers(t *testing.T) {
	seen := map[catalog.Digest]string{}
	for name, change := range map[string]func(p *plantest.Panel, layers []plan.Layer){
		"nothing":                 func(*plantest.Panel, []plan.Layer) {},
		"an entity group's label": func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.EntityGroups[1].Values = []string{"z"} },
		"two labels exchanged": func(p *plantest.Panel, _ []plan.Layer) {
			p.Verdict.EntityGroups[0].Values, p.Verdict.EntityGroups[1].Values = []string{"y"}, []string{"x"}
		},
		"a label cut in two":         func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.EntityGroups[1].Values = []string{"y", ""} },
		"a period group's label":     func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.PeriodGroups[0].Value = "c" },
		"the version answered as of": func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.Version = 5 },
		"an older layer's version":   func(p *plantest.Panel, l []plan.Layer) { l[0].Version.Version, p.Verdict.Layers[0].Version = 2, 2 },
		"the newer layer's version":  func(p *plantest.Panel, l []plan.Layer) { l[1].Version.Version, p.Verdict.Layers[1].Version = 3, 3 },
		"the older layer's entities": func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.Assign = assignment.Pack([]int32{0, 1, -1}) },
		"the newer layer's entities": func(p *plantest.Panel, _ []plan.Layer) { p.Verdict.Assign = assignment.Pack([]int32{0, 1, 1}) },
		"which layer has which class": func(p *plantest.Panel, _ []plan.Layer) {
			a, b := &p.Verdict.Layers[0], &p.Verdict.Layers[1]
			a.Absent, b.Absent = b.Absent, a.Absent
		},
		"an exclusion": func(p *plantest.Panel, _ []plan.Layer) {
			p.Verdict.Layers[1].Exclusions = []catalog.Exclusion{{Part: 1, Intervals: []calendar.Interval{{From: 14, To: 15}}}}
		},
	} {
		p, layers := twoLayers()
		change(p, layers)
		digest := plantest.Must(plan.New(p.Descriptor, layers, p.Verdict)).Digest()
		if other, known := seen[digest]; known {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[digest] = name
	}
}

func TestLayersThatDoNotFitAreNotPlanned(t *testing.T) {
	for name, change := range map[string]func(p *plantest.Panel, layers *[]plan.Layer){
		"a version too few":                    func(_ *plantest.Panel, l *[]plan.Layer) { *l = (*l)[:1] },
		"the versions exchanged":               func(_ *plantest.Panel, l *[]plan.Layer) { slices.Reverse(*l) },
		"the layers exchanged":                 func(p *plantest.Panel, l *[]plan.Layer) { slices.Reverse(*l); slices.Reverse(p.Verdict.Layers) },
		"one version twice":                    func(p *plantest.Panel, l *[]plan.Layer) { (*l)[1], p.Verdict.Layers[1] = (*l)[0], p.Verdict.Layers[0] },
		"a version that is newer than asked":   func(p *plantest.Panel, _ *[]plan.Layer) { p.Verdict.Version = 3 },
		"no layer":                             func(p *plantest.Panel, l *[]plan.Layer) { *l, p.Verdict.Layers = nil, nil },
		"a coverage of other groups":           func(p *plantest.Panel, _ *[]plan.Layer) { p.Verdict.Coverage = make([]catalog.Coverage, 3) },
		"parts that the verdict does not have": func(p *plantest.Panel, _ *[]plan.Layer) { p.Verdict.Layers[1].Absent = []byte{4} },
		"a second dataset": func(p *plantest.Panel, _ *[]plan.Layer) {
			p.Verdict.Join = &catalog.JoinedVersion{Dataset: "e", Version: 1}
		},
	} {
		p, layers := twoLayers()
		change(p, &layers)
		if plan, err := plan.New(p.Descriptor, layers, p.Verdict); err == nil {
			t.Errorf("%s: planned as %+v", name, plan.Accumulators)
		}
	}
	p, _ := twoLayers()
	p.Verdict.Layers = nil
	for i := range 4 {
		p.Verdict.Withheld = append(p.Verdict.Withheld, catalog.GroupIndex{Entity: i / 2, Period: i % 2})
	}
	if plan, err := plan.New(p.Descriptor, nil, p.Verdict); err != nil || plan.Width != 0 || plan.Openings() != 0 {
		t.Errorf("a verdict that withholds everything, and has no layer: %+v, %v", plan, err)
	}
}

// TestNoiseCoversEveryPeriodOnce: an entity's cells are in one layer each, so that its
// record moves a number by its range times the periods that any version has there.
func TestNoiseCoversEveryPeriodOnce(t *testing.T) {
	p, layers := twoLayers()
	p.Verdict.Noise = &catalog.Noise{Epsilon: "1"}
	plan := plantest.Must(plan.New(p.Descriptor, layers, p.Verdict))
	// 10 to 15, of which the first version has 10 to 13 and the second 11 to 15.
	if want := plantest.Must(noise.NewLaplace(big.NewRat(6*201, 1))); plan.Noise[0].String() != want.String() {
		t.Errorf("the noise is %s, want %s", plan.Noise[0], want)
	}
}
