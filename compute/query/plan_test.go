package query

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/seal"
)

// run computes a plan on plaintext tiles, as nodes do on encrypted ones.
func (p *panel) run(plan *Plan) []int64 {
	out := make([]int64, plan.Width)
	for _, a := range plan.Accumulators {
		slots := make([]int64, Slots)
		for _, k := range a.Tiles {
			for i, v := range p.tile(plan.Columns[a.Column], a.Block, k) {
				slots[i] += v
			}
		}
		for i, group := range plan.SlotMaps[a.SlotMap] {
			if group >= 0 {
				out[a.Column*len(plan.Groups)+int(group)] += slots[i]
			}
		}
	}
	return out
}

func TestPlanSumsExactlyTheVerdictsCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		plan, err := NewPlan(p.descriptor, p.version, p.verdict)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.sums(), p.run(plan)); diff != "" {
			t.Fatalf("sums (-naive +plan):\n%s", diff)
		}
		for g, n := range p.groups() {
			if plan.Groups[n] != g {
				t.Fatalf("group %d is %v, want %v", n, plan.Groups[n], g)
			}
		}
		checkPlan(t, p, plan)
		again, err := NewPlan(p.descriptor, p.version, p.verdict)
		if err != nil || again.Digest() != plan.Digest() {
			t.Fatalf("planned again, the digest differs (error %v)", err)
		}
	})
}

// checkPlan checks what a plan promises beside its sums.
func checkPlan(t *rapid.T, p *panel, plan *Plan) {
	type place struct{ column, block, n int }
	tiles, maps, used := map[place]bool{}, map[place]bool{}, map[int]bool{}
	var read int64
	for _, a := range plan.Accumulators {
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
	for i, m := range plan.SlotMaps {
		if len(m) != Slots || m[Slots-1] != -1 || slices.Max(m) < 0 || int(slices.Max(m)) >= len(plan.Groups) || !used[i] {
			t.Fatalf("slot map %d is malformed or unused", i)
		}
		for _, other := range plan.SlotMaps[:i] {
			if slices.Equal(m, other) && sameWidths(p) {
				t.Fatalf("slot map %d stands there twice", i)
			}
		}
	}
	if read != plan.Tiles || plan.Width != len(plan.Groups)*len(plan.Columns) {
		t.Fatalf("%d tiles are read and %d announced", read, plan.Tiles)
	}
	e := plan.Explain(p.descriptor)
	if e.Tiles != read || e.Openings != len(plan.Accumulators) || e.Additions != read-int64(e.Openings) || e.ResultBytes != sealedBytes(t, plan) {
		t.Fatalf("explained as %+v", e)
	}
	worst := big.NewInt(0)
	for _, s := range p.run(plan) {
		if b := new(big.Int).Abs(big.NewInt(s)); b.Cmp(worst) > 0 {
			worst = b
		}
	}
	if e.Magnitude.Cmp(worst) < 0 {
		t.Fatalf("a sum is %s and the largest possible is said to be %s", worst, e.Magnitude)
	}
}

// sealedBytes is the length of a share of the plan that is sealed indeed.
func sealedBytes(t rapid.TB, plan *Plan) int64 {
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
func sameWidths(p *panel) bool {
	return !slices.ContainsFunc(p.version.Blocks, func(b catalog.Block) bool { return b.Entities != p.version.Blocks[0].Entities })
}

// onePanel is a fixed panel: 3 entities in blocks of 2 and 1, 4 periods, one
// measure, two entity groups, two periods a group.
func onePanel() *panel {
	p := &panel{
		descriptor: catalog.Descriptor{Dataset: "d", Grain: catalog.GrainMonth, Measures: []catalog.Measure{
			{Name: "m", Min: -100, Max: 101}, {Name: "n", Min: 0, Max: 10}}},
		assign: []int32{0, 1, 0},
	}
	p.version = catalog.Version{Version: 1, VersionPropose: catalog.VersionPropose{Dataset: "d", First: 10, Periods: 4, Entities: 3,
		Blocks: []catalog.Block{{First: 0, Entities: 2, Periods: 2}, {First: 2, Entities: 1, Periods: 4}}}}
	p.verdict = catalog.Verdict{Dataset: "d", Release: 1, Entities: 3, Columns: []catalog.Column{{Measure: "m"}},
		EntityGroups: []catalog.EntityGroup{{Values: []string{"x"}, Included: 2, Of: 2}, {Values: []string{"y"}, Included: 1, Of: 1}},
		PeriodGroups: []catalog.PeriodGroup{{Value: "a", Intervals: []catalog.Interval{{From: 10, To: 12}}}, {Value: "b", Intervals: []catalog.Interval{{From: 12, To: 14}}}},
		Parts:        []catalog.Part{{Group: 0, Class: 4}, {Group: 1, Class: 2}},
		Assign:       catalog.PackAssign(p.assign)}
	return p
}

func TestPlanOfASmallPanel(t *testing.T) {
	p := onePanel()
	plan, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	want := []Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0}}, {Block: 0, SlotMap: 1, Tiles: []int{1}}, {Block: 1, SlotMap: 2, Tiles: []int{0}}}
	if diff := cmp.Diff(want, plan.Accumulators); diff != "" {
		t.Fatalf("accumulators (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]int32{{0, 2, 0, 2, -1}, {1, 3, 1, 3, -1}, {0, 0, 1, 1, -1}},
		[][]int32{plan.SlotMaps[0][:5], plan.SlotMaps[1][:5], plan.SlotMaps[2][:5]}); diff != "" {
		t.Fatalf("slot maps (-want +got):\n%s", diff)
	}
	// Group x has four cells a period group, of a range centred on 0: at most 101 each.
	if got := plan.Magnitude(p.descriptor); got.Cmp(big.NewInt(4*101)) != 0 {
		t.Fatalf("magnitude %s, want 404", got)
	}
	p.verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []catalog.Interval{{From: 10, To: 14}}}}
	whole, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0, 1}}, {Block: 1, SlotMap: 1, Tiles: []int{0}}}, whole.Accumulators); diff != "" {
		t.Fatalf("tiles with equal slot maps are not added up (-want +got):\n%s", diff)
	}
}

func TestATileThatEndsEarlyIsLikeOneWhoseRestIsNotSelected(t *testing.T) {
	p := onePanel()
	p.version.Periods = 3
	p.verdict.PeriodGroups = []catalog.PeriodGroup{{Intervals: []catalog.Interval{{From: 10, To: 11}, {From: 12, To: 13}}}}
	plan, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	want := []Accumulator{{Block: 0, SlotMap: 0, Tiles: []int{0, 1}}, {Block: 1, SlotMap: 1, Tiles: []int{0}}}
	if diff := cmp.Diff(want, plan.Accumulators); diff != "" {
		t.Fatalf("accumulators (-want +got):\n%s", diff)
	}
}

// TestDigestDiffersWhenAnythingDiffers changes one thing at a time, in the
// verdict and in the plan itself.
func TestDigestDiffersWhenAnythingDiffers(t *testing.T) {
	changes := map[string]func(*panel){
		"nothing":        func(*panel) {},
		"the dataset":    func(p *panel) { p.descriptor.Dataset, p.version.Dataset, p.verdict.Dataset = "e", "e", "e" },
		"the version":    func(p *panel) { p.version.Version, p.verdict.Release = 2, 2 },
		"the assignment": func(p *panel) { p.verdict.Assign = catalog.PackAssign([]int32{0, 0, 0}) },
		"the column":     func(p *panel) { p.verdict.Columns[0].Measure = "n" },
		"columns":        func(p *panel) { p.verdict.Columns = append(p.verdict.Columns, catalog.Column{Measure: "n"}) },
		"a withheld group": func(p *panel) {
			p.verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 1}}
		},
		"an exclusion": func(p *panel) {
			p.verdict.Exclusions = []catalog.Exclusion{{Part: 1, Intervals: []catalog.Interval{{From: 13, To: 14}}}}
		},
		"a period group": func(p *panel) { p.verdict.PeriodGroups[1].Intervals[0].To = 13 },
		"the blocks":     func(p *panel) { p.version.Blocks[0].Periods = 4 },
		"the tiles": func(p *panel) {
			p.version.Periods = 6
			p.verdict.PeriodGroups[1].Intervals = append(p.verdict.PeriodGroups[1].Intervals, catalog.Interval{From: 14, To: 16})
		},
	}
	seen := map[catalog.Digest]string{}
	for name, change := range changes {
		p := onePanel()
		change(p)
		plan, err := NewPlan(p.descriptor, p.version, p.verdict)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if other, ok := seen[plan.Digest()]; ok {
			t.Errorf("a change of %s and one of %s have one digest", name, other)
		}
		seen[plan.Digest()] = name
	}
	p := onePanel()
	plan, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Plan){
		"the order of groups":   func(q *Plan) { q.Groups[0], q.Groups[1] = q.Groups[1], q.Groups[0] },
		"one entry of a map":    func(q *Plan) { q.SlotMaps[1][8000] = 0 },
		"an accumulator's map":  func(q *Plan) { q.Accumulators[1].SlotMap = 0 },
		"an accumulator's tile": func(q *Plan) { q.Accumulators[1].Tiles[0] = 0 },
		"a column's measure":    func(q *Plan) { q.Columns[0] = 7 },
	} {
		var other Plan
		text, err := json.Marshal(plan)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &other); err != nil {
			t.Fatal(err)
		}
		if other.Digest() != plan.Digest() {
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
	p := onePanel()
	plan, err := NewPlan(p.descriptor, p.version, p.verdict)
	if err != nil {
		t.Fatal(err)
	}
	const want = "8ab761bfdafd5c7ca8b3f4b5029fcd25b8f9bd58c75964210087f0b33464970b"
	if got := plan.Digest().String(); got != want {
		t.Fatalf("digest %s, want %s", got, want)
	}
}

func TestPlanRefusesWhatDoesNotFit(t *testing.T) {
	interval := func(from, to int64) []catalog.Interval { return []catalog.Interval{{From: from, To: to}} }
	for name, change := range map[string]func(*panel){
		"another dataset":          func(p *panel) { p.version.Dataset = "e" },
		"another version":          func(p *panel) { p.version.Version = 2 },
		"another registry":         func(p *panel) { p.version.Entities = 4 },
		"a short assignment":       func(p *panel) { p.verdict.Assign = catalog.PackAssign([]int32{0}) },
		"a part that is not there": func(p *panel) { p.verdict.Assign = catalog.PackAssign([]int32{0, 2, 0}) },
		"an unknown measure":       func(p *panel) { p.verdict.Columns[0].Measure = "x" },
		"a doubled column":         func(p *panel) { p.verdict.Columns = append(p.verdict.Columns, p.verdict.Columns[0]) },
		"overlapping periods":      func(p *panel) { p.verdict.PeriodGroups[1].Intervals = interval(11, 14) },
		"withheld out of range":    func(p *panel) { p.verdict.Withheld = []catalog.GroupIndex{{Entity: 0, Period: 2}} },
		"withheld out of order": func(p *panel) {
			p.verdict.Withheld = []catalog.GroupIndex{{Entity: 1, Period: 0}, {Entity: 0, Period: 1}}
		},
		"an exclusion's column": func(p *panel) { p.verdict.Exclusions = []catalog.Exclusion{{Column: 1}} },
		"an exclusion's part":   func(p *panel) { p.verdict.Exclusions = []catalog.Exclusion{{Part: -1}} },
		"a part's group":        func(p *panel) { p.verdict.Parts[1].Group = 2 },
		"a gap between blocks":  func(p *panel) { p.version.Blocks[1].First = 3 },
		"missing blocks":        func(p *panel) { p.version.Blocks = p.version.Blocks[:1] },
		"a tile that overflows": func(p *panel) { p.version.Blocks[0].Periods = 4096 },
		"an empty block":        func(p *panel) { p.version.Blocks[1].Periods = 0 },
	} {
		p := onePanel()
		change(p)
		if plan, err := NewPlan(p.descriptor, p.version, p.verdict); err == nil {
			t.Errorf("%s: planned as %+v", name, plan.Accumulators)
		}
	}
}

func TestPlanBoundsGroupsAndSlotMaps(t *testing.T) {
	p := onePanel()
	p.verdict.EntityGroups = make([]catalog.EntityGroup, catalog.MaxGroups/2+1)
	if _, err := NewPlan(p.descriptor, p.version, p.verdict); !errors.Is(err, ErrPlanTooLarge) {
		t.Errorf("65,538 groups: %v", err)
	}
	p = onePanel()
	p.version.Periods, p.verdict.PeriodGroups = MaxSlotMaps+1, nil
	p.version.Blocks[0].Periods, p.version.Blocks[1].Periods = 1, 1
	for i := range int64(MaxSlotMaps + 1) {
		p.verdict.PeriodGroups = append(p.verdict.PeriodGroups, catalog.PeriodGroup{Intervals: []catalog.Interval{{From: 10 + i, To: 11 + i}}})
	}
	if _, err := NewPlan(p.descriptor, p.version, p.verdict); !errors.Is(err, ErrPlanTooLarge) {
		t.Errorf("8,193 slot maps: %v", err)
	}
}
