package disclosure

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plainUnits is the third rule of RELEASE.md section 2.5 word by word: it goes down
// the tree, and returns the units at and under a node and the classes that go on
// to the parent.
func plainUnits(t *Tree, n int32, news map[int32]int, taking map[int32]bool, k int) (units [][]int32, rest []int32) {
	for c := range int32(t.Classes()) {
		if !taking[c] || t.classes[c].node != n {
			continue
		}
		if news[c] >= k {
			units = append(units, []int32{c})
		} else {
			rest = append(rest, c)
		}
	}
	for child := range int32(len(t.nodes)) {
		if t.nodes[child].parent == n {
			more, up := plainUnits(t, child, news, taking, k)
			units, rest = append(units, more...), append(rest, up...)
		}
	}
	total, size := 0, func(unit []int32) (entities int) {
		for _, c := range unit {
			entities += len(t.Members(c))
		}
		return entities
	}
	for _, c := range rest {
		total += news[c]
	}
	slices.Sort(rest)
	switch {
	case len(rest) == 0:
	case total >= k:
		return append(units, rest), nil
	case len(units) > 0:
		best := slices.MinFunc(units, func(a, b []int32) int {
			if d := size(a) - size(b); d != 0 {
				return d
			}
			return int(a[0] - b[0])
		})
		at := slices.IndexFunc(units, func(u []int32) bool { return u[0] == best[0] })
		units[at] = append(slices.Clone(best), rest...)
		slices.Sort(units[at])
		return units, nil
	}
	return units, rest
}

func TestUnitsAreThoseOfTheRule(t *testing.T) {
	joined, left := 0, 0
	compare := func(rt *rapid.T) {
		tree := drawTree(rt)
		f := NewFamily(tree)
		k := rapid.IntRange(1, 8).Draw(rt, "cohort")
		share := rapid.IntRange(1, 60).Draw(rt, "share")
		var bits Bits
		news := map[int32]int{}
		for e := range tree.Entities() {
			if c := tree.Class(e); rapid.IntRange(0, 99).Draw(rt, "news") < share {
				bits = bits.Set(e)
				if c >= 0 {
					news[c]++
				}
			}
		}
		at, taking, takes := make([]int32, tree.Classes()), make([]bool, tree.Classes()), map[int32]bool{}
		for c := range at {
			at[c], taking[c] = unitNone, rapid.IntRange(0, 4).Draw(rt, "takes part") > 0
			takes[int32(c)] = taking[c]
		}
		s := &Source{partition: &partition{at: at}}
		s.joined = f.units(at, taking, bits, k)
		want, rest := plainUnits(tree, 0, news, takes, k)
		slices.SortFunc(want, slices.Compare)
		if fmt.Sprint(s.Units()) != fmt.Sprint(want) {
			rt.Fatalf("units %v, want %v", s.Units(), want)
		}
		joined += len(s.joined)
		left += len(rest)
	}
	for range 5 { // in few draws there may be nothing to compare
		rapid.Check(t, compare)
	}
	if joined == 0 || left == 0 {
		t.Errorf("%d joined units, %d classes left at the root: nothing was compared", joined, left)
	}
}
