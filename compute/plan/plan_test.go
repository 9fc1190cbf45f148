package plan_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/compute/plan/plantest"
	"github.com/weirdata/weir/compute/seal"
)

func TestPlanSumsExactlyTheVerdictsCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plantest.DrawPanel(t)
		planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.Sums(), p.Run(planned)); diff != "" {
			t.Fatalf("sums (-naive +plan):\n%s", diff)
		}
		for g, n := range p.Groups() {
			if planned.Groups[n] != g {
				t.Fatalf("group %d is %v, want %v", n, planned.Groups[n], g)
			}
		}
		checkPlan(t, p, planned)
		again, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil || again.Digest() != planned.Digest() {
			t.Fatalf("planned again, the digest differs (error %v)", err)
		}
	})
}

// checkPlan checks what a plan promises beside its sums.
func checkPlan(t *rapid.T, p *plantest.Panel, planned *plan.Plan) {
	type place struct{ column, block, n int }
	tiles, maps, used := map[place]bool{}, map[place]bool{}, map[int]bool{}
	var read int64
	for _, a := range planned.Accumulators {
		if at := (place{a.Column, a.Block, a.SlotMap}); maps[at] {
			t.Fatalf("two accumulators of column %d and block %d have one slot map", a.Column, a.Block)
		} else {
			maps[at], used[a.SlotMap] = true, true
		}
		if len(a.Tiles) == 0 || !slices.IsSorted(a.Tiles) {
			t.Fatalf("tiles %v", a.Tiles)
		}
		for _, k := range a.Tiles {
			if at := (place{a.Column, a.Block, k}); tiles[at] {
				t.Fatalf("tile %v is read twice", at)
			} else {
				tiles[at] = true
			}
			read++
		}
	}
	for i, m := range planned.SlotMaps {
		if len(m) != plan.Slots || m[plan.Slots-1] != -1 || slices.Max(m) < 0 || int(slices.Max(m)) >= len(planned.Groups) || !used[i] {
			t.Fatalf("slot map %d is malformed or unused", i)
		}
		for _, other := range planned.SlotMaps[:i] {
			if slices.Equal(m, other) && sameWidths(p) {
				t.Fatalf("slot map %d stands there twice", i)
			}
		}
	}
	if read != planned.Tiles || planned.Width != len(planned.Groups)*len(planned.Columns) {
		t.Fatalf("%d tiles are read and %d announced", read, planned.Tiles)
	}
	e := planned.Explain(p.Descriptor)
	if e.Tiles != read || e.Openings != len(planned.Accumulators) || e.Additions != read-int64(e.Openings) || e.ResultBytes != sealedBytes(t, planned) {
		t.Fatalf("explained as %+v", e)
	}
	worst := big.NewInt(0)
	for _, s := range p.Run(planned) {
		if b := new(big.Int).Abs(big.NewInt(s)); b.Cmp(worst) > 0 {
			worst = b
		}
	}
	if e.Magnitude.Cmp(worst) < 0 {
		t.Fatalf("a sum is %s and the largest possible is said to be %s", worst, e.Magnitude)
	}
}

// sealedBytes is the length of a share of the plan that is sealed indeed.
func sealedBytes(t rapid.TB, plan *plan.Plan) int64 {
	_, public, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if plan.Width == 0 {
		return 0
	}
	parity := new(uint64)
	if plan.Multiplies() {
		parity = nil
	}
	sealed, err := seal.Seal(public, []byte(seal.ShareInfo), nil, seal.EncodeShare(make([]uint64, plan.Width), parity))
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(sealed))
}

// sameWidths reports whether all blocks have as many entities.
func sameWidths(p *plantest.Panel) bool {
	return !slices.ContainsFunc(p.Version.Blocks, func(b catalog.Block) bool { return b.Entities != p.Version.Blocks[0].Entities })
}

func TestPlanOfASmallPanel(t *testing.T) {
	p := plantest.OnePanel()
	planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0}}, {Block: 0, SlotMap: 1, Tiles: []int{1}}, {Block: 1, SlotMap: 2, Tiles: []int{0}}}
	if diff := cmp.Diff(want, planned.Accumulators); diff != "" {
		t.Fatalf("accumulators (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]int32{{0, 2, 0, 2, -1}, {1, 3, 1, 3, -1}, {0, 0, 1, 1, -1}},
		[][]int32{planned.SlotMaps[0][:5], planned.SlotMaps[1][:5], planned.SlotMaps[2][:5]}); diff != "" {
		t.Fatalf("slot maps (-want +got):\n%s", diff)
	}
	// Group x has four cells a period group, of a range centred on 0: at most 101 each.
	if got := planned.Explain(p.Descriptor).Magnitude; got.Cmp(big.NewInt(4*101)) != 0 {
		t.Fatalf("magnitude %s, want 404", got)
	}
	p.Verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: 10, To: 14}}}}
	whole, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]plan.Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0, 1}}, {Block: 1, SlotMap: 1, Tiles: []int{0}}}, whole.Accumulators); diff != "" {
		t.Fatalf("tiles with equal slot maps are not added up (-want +got):\n%s", diff)
	}
}

func TestATileThatEndsEarlyIsLikeOneWhoseRestIsNotSelected(t *testing.T) {
	p := plantest.OnePanel()
	p.Version.Periods = 3
	p.Verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []calendar.Interval{{From: 10, To: 11}, {From: 12, To: 13}}}}
	planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0, 1}}, {Block: 1, SlotMap: 1, Tiles: []int{0}}}
	if diff := cmp.Diff(want, planned.Accumulators); diff != "" {
		t.Fatalf("accumulators (-want +got):\n%s", diff)
	}
}

// TestDigestDiffersWhenAnythingDiffers changes one thing at a time, in the
// verdict and in the plan itself.
func TestDigestDiffersWhenAnythingDiffers(t *testing.T) {
	changes := map[string]func(*plantest.Panel){
		"nothing":        func(*plantest.Panel) {},
		"the dataset":    func(p *plantest.Panel) { p.Descriptor.Dataset, p.Version.Dataset, p.Verdict.Dataset = "e", "e", "e" },
		"the version":    func(p *plantest.Panel) { p.Version.Version, p.Verdict.Version, p.Verdict.Layers[0].Version = 2, 2, 2 },
		"the assignment": func(p *plantest.Panel) { p.Verdict.Assign = assignment.Pack([]int32{0, 0, 0}) },
		"the column":     func(p *plantest.Panel) { p.Verdict.Columns[0].Measure = "n" },
		"columns":        func(p *plantest.Panel) { p.Verdict.Columns = append(p.Verdict.Columns, catalog.Column{Measure: "n"}) },
		"a withheld group": func(p *plantest.Panel) {
			p.Verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 1}}
		},
		"an exclusion": func(p *plantest.Panel) {
			p.Verdict.Layers[0].Exclusions = []catalog.Exclusion{{Part: 1, Intervals: []calendar.Interval{{From: 13, To: 14}}}}
		},
		"a period group": func(p *plantest.Panel) { p.Verdict.PeriodGroups[1].Intervals[0].To = 13 },
		"the blocks":     func(p *plantest.Panel) { p.Version.Blocks[0].Periods = 4 },
		"the tiles": func(p *plantest.Panel) {
			p.Version.Periods = 6
			p.Verdict.PeriodGroups[1].Intervals = append(p.Verdict.PeriodGroups[1].Intervals, calendar.Interval{From: 14, To: 16})
		},
	}
	seen := map[catalog.Digest]string{}
	for name, change := range changes {
		p := plantest.OnePanel()
		change(p)
		plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, ok := seen[plan.Digest()]; ok {
			t.Errorf("a change of %s and one of %s have one digest", name, other)
		}
		seen[plan.Digest()] = name
	}
	p := plantest.OnePanel()
	planned, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*plan.Plan){
		"the order of groups":   func(q *plan.Plan) { q.Groups[0], q.Groups[1] = q.Groups[1], q.Groups[0] },
		"one entry of a map":    func(q *plan.Plan) { q.SlotMaps[1][8000] = 0 },
		"an accumulator's map":  func(q *plan.Plan) { q.Accumulators[1].SlotMap = 0 },
		"an accumulator's tile": func(q *plan.Plan) { q.Accumulators[1].Tiles[0] = 0 },
		"a column's measure":    func(q *plan.Plan) { q.Columns[0] = 7 },
	} {
		var other plan.Plan
		text, err := json.Marshal(planned)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &other); err != nil {
			t.Fatal(err)
		}
		if other.Digest() != planned.Digest() {
			t.Fatal("a copy has another digest")
		}
		change(&other)
		if before, ok := seen[other.Digest()]; ok {
			t.Errorf("a change of %s gives the digest of a change of %s", name, before)
		}
		seen[other.Digest()] = name
	}
}

// TestDigestIsStable pins the encoding: plans are compared between machines that
// may run different builds.
func TestDigestIsStable(t *testing.T) {
	p := plantest.OnePanel()
	plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	const want = "aed045c06dae16fd11ea48185a63160f903a715deaf5aa5dd4f7163ff41ac43a"
	if got := plan.Digest().String(); got != want {
		t.Fatalf("digest %s, want %s", got, want)
	}
}

func TestPlanRefusesWhatDoesNotFit(t *testing.T) {
	interval := func(from, to int64) []calendar.Interval { return []calendar.Interval{{From: from, To: to}} }
	for name, change := range map[string]func(*plantest.Panel){
		"another dataset":          func(p *plantest.Panel) { p.Version.Dataset = "e" },
		"another version":          func(p *plantest.Panel) { p.Version.Version = 2 },
		"another registry":         func(p *plantest.Panel) { p.Version.Entities = 4 },
		"a short assignment":       func(p *plantest.Panel) { p.Verdict.Assign = assignment.Pack([]int32{0}) },
		"a part that is not there": func(p *plantest.Panel) { p.Verdict.Assign = assignment.Pack([]int32{0, 2, 0}) },
		"an unknown measure":       func(p *plantest.Panel) { p.Verdict.Columns[0].Measure = "x" },
		"a doubled column":         func(p *plantest.Panel) { p.Verdict.Columns = append(p.Verdict.Columns, p.Verdict.Columns[0]) },
		"overlapping periods":      func(p *plantest.Panel) { p.Verdict.PeriodGroups[1].Intervals = interval(11, 14) },
		"withheld out of range":    func(p *plantest.Panel) { p.Verdict.Withheld = []catalog.GroupIndex{{Entity: 0, Period: 2}} },
		"withheld out of order": func(p *plantest.Panel) {
			p.Verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 0}, {Entity: 0, Period: 1}}
		},
		"an exclusion's column": func(p *plantest.Panel) { p.Verdict.Layers[0].Exclusions = []catalog.Exclusion{{Column: 1}} },
		"an exclusion's part":   func(p *plantest.Panel) { p.Verdict.Layers[0].Exclusions = []catalog.Exclusion{{Part: -1}} },
		"a part's group":        func(p *plantest.Panel) { p.Verdict.Parts[1].Group = 2 },
		"a gap between blocks":  func(p *plantest.Panel) { p.Version.Blocks[1].First = 3 },
		"missing blocks":        func(p *plantest.Panel) { p.Version.Blocks = p.Version.Blocks[:1] },
		"a tile that overflows": func(p *plantest.Panel) { p.Version.Blocks[0].Periods = 4096 },
		"an empty block":        func(p *plantest.Panel) { p.Version.Blocks[1].Periods = 0 },
	} {
		p := plantest.OnePanel()
		change(p)
		if plan, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); err == nil {
			t.Errorf("%s: planned as %+v", name, plan.Accumulators)
		}
	}
}

func TestPlanBoundsGroupsAndSlotMaps(t *testing.T) {
	p := plantest.OnePanel()
	p.Verdict.EntityGroups = make([]catalog.EntityGroup, catalog.MaxGroups/2+1)
	if _, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); !errors.Is(err, plan.ErrTooLarge) {
		t.Errorf("65,538 groups: %v", err)
	}
	p = plantest.OnePanel()
	p.Version.Periods, p.Verdict.PeriodGroups = plan.MaxSlotMaps+1, nil
	p.Version.Blocks[0].Periods, p.Version.Blocks[1].Periods = 1, 1
	for i := range int64(plan.MaxSlotMaps + 1) {
		p.Verdict.PeriodGroups = append(p.Verdict.PeriodGroups, catalog.PeriodGroup{Intervals: []calendar.Interval{{From: 10 + i, To: 11 + i}}})
	}
	if _, err := plan.New(p.Descriptor, p.Layers(), p.Verdict); !errors.Is(err, plan.ErrTooLarge) {
		t.Errorf("8,193 slot maps: %v", err)
	}
}
