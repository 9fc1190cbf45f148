package catalog

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestFrozenClassesBelongToOneSelector(t *testing.T) {
	p := newPartition(10)
	p.classes = 5
	mine, other := Sum([]byte("mine")), Sum([]byte("other"))
	q := p.freeze([]int{3, 1}, mine)
	if !q.isFrozen(1) || !q.isFrozen(3) || q.isFrozen(2) || p.isFrozen(1) {
		t.Fatalf("frozen %+v", q.frozen)
	}
	if !q.mayFreeze(1, mine, 1) || q.mayFreeze(1, other, 0) || q.mayFreeze(1, other, 1) || !q.mayFreeze(1, other, 2) || !q.mayFreeze(2, other, 1) {
		t.Fatal("who may freeze what")
	}
	if again := q.freeze([]int{1, 3}, mine); len(again.frozen) != 2 || len(again.thaw([]int{1, 3}, mine).frozen) != 2 {
		t.Fatalf("a query that fails its test frees what another rests on: %+v", again.frozen)
	}
	r := q.freeze([]int{1, 2}, other)
	if len(r.frozenIn(1)) != 2 || len(r.frozenIn(2)) != 1 || len(r.frozenIn(4)) != 0 {
		t.Fatalf("by another: %+v", r.frozen)
	}
	if s := r.thaw([]int{1, 3}, mine); !s.isFrozen(1) || s.isFrozen(3) || !s.isFrozen(2) {
		t.Fatalf("thawed: %+v", s.frozen)
	}
	back, err := decodePartition(mustRecord[partitionRecord](t, r.encode()))
	if err != nil || !slices.Equal(back.frozen, r.frozen) || !slices.Equal(back.assign, r.assign) || back.classes != r.classes {
		t.Fatalf("%v: %+v, want %+v", err, back, r)
	}
}

func mustRecord[T any](t tester, raw []byte) T {
	t.Helper()
	var v T
	if err := decodeStrict(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFrozenClassesAreNotCut(t *testing.T) {
	s := scene40(5, everybody)
	counts := s.evaluation(t).counts
	k := s.classes(t, counts, 12)
	p := k.freeze([]int{1}, Sum([]byte("x")))
	frozen := newClasses(p, k.coverage, 5, 40)
	groups := make([]int32, 40)
	for e := range groups {
		groups[e] = int32(e % 3)
	}
	if after, _ := frozen.cut(groups, nil); after != frozen {
		t.Fatal("a frozen class was cut")
	}
	if after, parents := k.cut(groups, nil); after.classes() != 4 || !slices.Equal(parents, []int32{1, 1}) {
		t.Fatalf("%d classes, cut from %v", after.classes(), parents)
	}
}

// TestClassesKeptAreTheClassesFound compares the classes that cuts leave with those
// derived anew: a node that was restarted decides as the others do.
func TestClassesKeptAreTheClassesFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, _ := drawHistory(t, false)
		f := must[family](t)(find[family](h.store, familyKey(testID("bureau"), "enterprises")))
		reg := must[Registry](t)(h.view().Registry("enterprises"))
		kept := must[*classes](t)(h.machine.classesOf(h.store, testID("bureau"), reg, &f))
		found := must[*classes](t)(NewMachine().classesOf(h.store, testID("bureau"), reg, &f))
		if !slices.Equal(kept.assign, found.assign) || !slices.Equal(kept.order, found.order) || len(kept.profiles) != len(found.profiles) {
			t.Fatal("the classes differ")
		}
		for c := range kept.profiles {
			a, b := kept.profiles[c], found.profiles[c]
			if !slices.Equal(a.enough, b.enough) || !slices.Equal(a.some, b.some) || !slices.Equal(a.failed, b.failed) {
				t.Fatalf("class %d differs: %+v, %+v", c, a, b)
			}
		}
	})
}

func TestTallyCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	const words, rows = 3, 100
	want := make([]int, 64*words)
	tally := newTally(words)
	for range rows {
		row := make([]uint64, words)
		for c := range want {
			if rng.IntN(c/8+2) == 0 {
				setBit(row, c)
				want[c]++
			}
		}
		tally.add(row)
	}
	for _, k := range []int{1, 2, 3, 5, 8, 13, 49, 64, 100, 127, 128, 1 << 20} {
		enough := tally.atLeast(k)
		for c, n := range want {
			if tally.count(c) != n || hasBit(enough, c) != (n >= k) {
				t.Fatalf("column %d: count %d, want %d; at least %d: %t", c, tally.count(c), n, k, hasBit(enough, c))
			}
		}
	}
}

func TestTransposeIsOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test
	var a, b [64]uint64
	for i := range a {
		a[i] = rng.Uint64()
	}
	b = a
	transpose(&b)
	for i := range 64 {
		for j := range 64 {
			if a[i]>>j&1 != b[j]>>i&1 {
				t.Fatalf("bit %d, %d", i, j)
			}
		}
	}
}

// TestMomentsAskForMoreEntities: p counts only where a square or product ties the
// columns together.
func TestMomentsAskForMoreEntities(t *testing.T) {
	nox, so2 := releasedColumn{Dataset: "m", Measure: "nox"}, releasedColumn{Dataset: "m", Measure: "so2"}
	square := releasedColumn{Dataset: "m", Measure: "nox", Other: "nox"}
	daily := releasedColumn{Dataset: "d", Measure: "nox"}
	grain := func(id string) Grain {
		if id == "d" {
			return GrainDay
		}
		return GrainMonth
	}
	jan := month("2024-01")
	b := (&burdens{}).grown(3, nil)
	b.extend(1, nox, Interval{jan, jan + 2})
	b.extend(1, daily, Interval{days(2024, 1, 31), days(2024, 1, 31) + 1})
	weigh := func(b *burdens, class int, at int64, more ...releasedColumn) int {
		return b.weight(class, at, GrainMonth, more, grain)
	}
	for _, test := range []struct {
		name      string
		got, want int
	}{
		{"sums alone", weigh(b, 1, jan, so2), 1},
		{"a square after two sums", weigh(b, 1, jan, square), 3},
		{"a square with its sum again", weigh(b, 1, jan, square, nox), 3},
		{"in February, where the daily dataset has nothing", weigh(b, 1, jan+1, square), 2},
		{"in March", weigh(b, 1, jan+2, square), 1},
		{"of another class", weigh(b, 2, jan, square), 1},
	} {
		if test.got != test.want {
			t.Errorf("%s: p is %d, want %d", test.name, test.got, test.want)
		}
	}
	if b.heavy(nil) {
		t.Fatal("sums are heavy")
	}
	b.extend(1, square, Interval{jan, jan + 1})
	b = b.grown(5, []int32{1, 2})
	if !b.heavy(nil) || weigh(b, 3, jan) != 3 || weigh(b, 4, jan) != 1 || weigh(b, 1, jan, so2) != 4 {
		t.Fatalf("p after the cut: %d, %d, %d", weigh(b, 3, jan), weigh(b, 4, jan), weigh(b, 1, jan, so2))
	}
	back, err := decodeBurdens(mustRecord[burdensRecord](t, b.encode()))
	if err != nil || !slices.Equal(back.encode(), b.encode()) {
		t.Fatalf("%v: %+v", err, back)
	}
	for _, bad := range []burdensRecord{{}, {Format: 1, Classes: -1}, {Format: 1, Classes: 1, Columns: b.columns}, {Format: 1, Hulls: []byte{0}}} {
		if _, err := decodeBurdens(bad); err == nil {
			t.Errorf("%+v was read", bad)
		}
	}
}

// TestLaterCutsLeaveEnoughForTheMoments that were released.
func TestLaterCutsLeaveEnoughForTheMoments(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	f := must[family](t)(find[family](h.store, familyKey(testID("bureau"), "enterprises")))
	reg := must[Registry](t)(h.view().Registry("enterprises"))
	k := must[*classes](t)(h.machine.classesOf(h.store, testID("bureau"), reg, &f))
	groups := slices.Repeat([]int32{-1}, 60)
	for e := range 30 {
		groups[e] = 0 // 10 of the 20 of each county
	}
	kin := &kinship{family: f}
	b := (&burdens{}).grown(k.classes(), nil)
	b.extend(1, releasedColumn{Dataset: "m", Measure: "nox"}, Interval{month("2024-05"), month("2024-06")})
	if after, _ := k.cut(groups, kin.bears(k, b)); after.classes() != 7 {
		t.Fatalf("%d classes after sums alone, want all three counties cut", after.classes())
	}
	b.extend(1, releasedColumn{Dataset: "m", Measure: "nox", Other: "nox"}, Interval{month("2024-05"), month("2024-06")})
	if after, _ := k.cut(groups, kin.bears(k, b)); after.classes() != 7 {
		t.Fatalf("%d classes, want all: 10 are 2·5", after.classes())
	}
	b.extend(1, releasedColumn{Dataset: "m", Measure: "so2"}, Interval{month("2024-05"), month("2024-06")})
	if after, parents := k.cut(groups, kin.bears(k, b)); after.classes() != 6 || slices.Contains(parents, 1) {
		t.Fatalf("%d classes, cut from %v: 10 are less than 3·5", after.classes(), parents)
	}
}
