package disclosure

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// versionsTaken is class → version whose cells are summed, 0 none, of what is taken of a
// source.
func versionsTaken(f *Family, dataset string, c Column, period int64, taken Taking) []int32 {
	out := make([]int32, f.tree.Classes())
	for class, given := range givenBy(f, taken) {
		if given > 0 {
			out[class] = given
			if older := f.member(dataset).version(int(given)).Source(c, period).Chosen(int32(class)); older > 0 {
				out[class] = int32(older)
			}
		}
	}
	return out
}

// givenBy is class → version that gave it, 0 none.
func givenBy(f *Family, taken Taking) []int32 {
	out := make([]int32, f.tree.Classes())
	for _, g := range taken {
		g.Classes.each(func(class int) { out[class] = g.Version })
	}
	return out
}

// plainCoverage counts entity by entity.
func plainCoverage(f *Family, s *toySet, g Grid, group int32, periods []int64) (out Coverage) {
	versions := f.Versions(s.ID)
	classGroups := f.tree.Groups(g.Assign)
	for e := range g.Assign {
		if g.Assign[e] != group {
			continue
		}
		counts, missed, held := false, false, false
		for _, c := range g.Columns {
			for _, p := range periods {
				_, who := CellsOf(s, g.AsOf, c, p)
				class := f.tree.Class(e)
				taken := f.noTakings()
				f.chooseStepwise(f.member(s.ID), c, p, g.AsOf, classGroups, f.member(s.ID).withdrawals(g.AsOf, g.Live), taken)
				has := class >= 0 && taken.version[class] != 0
				if who.Has(e) {
					counts, missed = true, missed || !has
				}
				for _, v := range versions {
					if has && v.Version <= g.AsOf && v.Version > int(taken.given[class]) && v.newsOf(c, p).Has(e) {
						held = true
					}
				}
			}
		}
		if counts {
			out.Of++
			if !missed {
				out.Included++
				if held {
					out.HeldBack++
				}
			}
		}
	}
	return out
}

// drawGrid draws a query of one or both measures: in total, by county without A,
// or by groups that cut nothing.
func drawGrid(rt *rapid.T, tree *Tree, county string, versions int) Grid {
	g := Grid{Columns: []Column{x, {Measure: "y"}}[:rapid.IntRange(1, 2).Draw(rt, "columns")], Groups: 3, AsOf: rapid.IntRange(1, versions).Draw(rt, "as of")}
	g.Periods = rapid.SampledFrom([][][]int64{{{0}, {1}}, {{0, 1}}, {{1}}}).Draw(rt, "periods")
	switch by := rapid.IntRange(0, 2).Draw(rt, "groups"); by {
	case 0:
		g.Assign = make([]int32, len(county))
	default:
		for e, c := range letters(county) {
			group := int32(c-'A')%4 - 1
			if by == 2 {
				group = max(tree.Class(e), -1) % 3
			}
			g.Assign = append(g.Assign, group)
		}
	}
	if gone := rapid.IntRange(0, 4).Draw(rt, "withdrawn"); gone > 0 {
		g.Live = func(v int) bool { return v != gone }
	}
	return g
}

func TestCoverageIsCountedOfEveryEntity(t *testing.T) {
	some := Coverage{}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(6, 70).Draw(rt, "entities")
		draw := func(letters, what string) string {
			return string(rapid.SliceOfN(rapid.SampledFrom([]byte(letters)), n, n).Draw(rt, what))
		}
		county, industry := draw("AABC", "county"), draw("AABC", "industry")
		w := newToy(t, rapid.IntRange(2, 3).Draw(rt, "k"), county, industry)
		a := w.admit(monthly("a", "x", "y"))
		versions := rapid.IntRange(1, 4).Draw(rt, "versions")
		for v := range versions {
			if v > 0 && rapid.Bool().Draw(rt, "append") { // some wait in the pool
				county, industry, n = county+"CCD", industry+"ABA", n+3
				codes, entities := codesOf(county, industry)
				tree, err := w.f.Tree().Extend(codes, entities)
				if err != nil {
					rt.Fatal(err)
				}
				w.f.Grow(tree)
			}
			const readings = "1111111122.?"
			w.publish(a, map[string][]string{
				"x": {draw(readings, "x"), draw(readings, "x")}, "y": {draw(readings, "y"), draw("1111112.", "y")},
			})
		}
		g := drawGrid(rt, w.f.tree, county, versions)
		got, err := w.f.Answer("a", g, a)
		if err != nil {
			rt.Fatal(err)
		}
		for group := range g.Groups {
			for j, periods := range g.Periods {
				want := plainCoverage(w.f, a, g, int32(group), periods)
				if c := got.Coverage[group][j]; c != want {
					rt.Fatalf("group %d, periods %v: %v, want %v", group, periods, c, want)
				}
				some.Of, some.HeldBack = some.Of+want.Of-want.Included, some.HeldBack+want.HeldBack
			}
		}
		all := slices.Concat(g.Periods...)
		for c, column := range g.Columns {
			for i, p := range all {
				want := w.f.Choose("a", column, p, g.AsOf, got.Groups, g.Live)
				if have := versionsTaken(w.f, "a", column, p, got.Taken[c*len(all)+i]); fmt.Sprint(have) != fmt.Sprint(want) {
					rt.Fatalf("%v in %d: %v, want %v", column, p, have, want)
				}
			}
		}
	})
	if some.Of == 0 || some.HeldBack == 0 {
		t.Errorf("%d entities not included, %d held back: nothing was compared", some.Of, some.HeldBack)
	}
}
