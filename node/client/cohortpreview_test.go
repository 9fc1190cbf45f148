package client_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client"
)

// upTo are the entities [from, to).
func upTo(from, to int32) []int32 {
	var out []int32
	for e := from; e < to; e++ {
		out = append(out, e)
	}
	return out
}

func TestWhichEntriesToLeaveOut(t *testing.T) {
	class := []catalog.CohortSet{{Members: upTo(0, 20)}}
	cases := []struct {
		name     string
		sets     []catalog.CohortSet
		selected []int32
		want     []int32
		why      string
	}{
		{"enough of a class", class, upTo(3, 8), nil, ""},
		{"nobody of it", class, upTo(30, 31), nil, ""},
		{"all of it", class, upTo(0, 20), nil, ""},
		{"one of it", class, []int32{7, 40}, []int32{7}, "1 of 20 entities are selected, at least 5 or none must be"},
		{"all but one", class, upTo(1, 20), []int32{1, 2, 3, 4}, "all but 1 of 20 entities are selected, at least 5 or none must be left"},
		{"all, where the rest may not be empty", []catalog.CohortSet{{Members: upTo(0, 20), NoRest: true}}, upTo(0, 20), upTo(0, 5),
			"all 20 entities are selected, and others of their class have readings without counting: at least 5 must be left"},
		{"all but two of nine, of which no five can be left", []catalog.CohortSet{{Members: upTo(0, 9)}}, upTo(0, 7), upTo(0, 7), "all but 2 of 9"},
		{"what one set wants out another loses too", []catalog.CohortSet{{Members: upTo(0, 20)}, {Members: upTo(10, 30)}}, upTo(1, 28), []int32{10, 11, 12, 13}, "all but 1 of 20"},
	}
	for _, c := range cases {
		p := client.ProposeCohort(5, c.sets, c.selected)
		if diff := cmp.Diff(c.want, p.LeaveOut); diff != "" {
			t.Errorf("%s: left out (-want +got):\n%s", c.name, diff)
		}
		why := ""
		if len(p.Failures) > 0 {
			why = p.Failures[0].Why(5)
		}
		if !strings.HasPrefix(why, c.why) || (c.why == "") != (why == "") || len(p.Hopeless) > 0 {
			t.Errorf("%s: fails because %q, want %q; hopeless %v", c.name, why, c.why, p.Hopeless)
		}
		if p.Left != len(c.selected)-len(c.want) {
			t.Errorf("%s: %d are left", c.name, p.Left)
		}
	}
}

// A set of fewer than k fails whoever is selected; the buyer is told.
func TestSetsThatCannotPassAreHopeless(t *testing.T) {
	p := client.ProposeCohort(5, []catalog.CohortSet{{Members: upTo(0, 3)}, {Members: upTo(10, 20)}}, []int32{1, 12, 13, 14, 15, 16})
	if len(p.Hopeless) != 1 || p.Hopeless[0].Set != 0 || p.Left != 5 || p.Released != 5 {
		t.Fatalf("proposed %+v", p)
	}
}

// passes is the test of PROTOCOL section 6, written once more.
func passes(k int, sets []catalog.CohortSet, selected map[int32]bool) bool {
	for _, s := range sets {
		c := 0
		for _, e := range s.Members {
			if selected[e] {
				c++
			}
		}
		rest := len(s.Members) - c
		if c > 0 && c < k || rest > 0 && rest < k || s.NoRest && rest == 0 {
			return false
		}
	}
	return true
}

func TestWhatStaysPassesAndNothingCouldBePutBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 4).Draw(t, "k")
		entities := rapid.IntRange(2*k, 13).Draw(t, "entities")
		var sets []catalog.CohortSet
		for range rapid.IntRange(1, 4).Draw(t, "sets") {
			members := rapid.Permutation(upTo(0, int32(entities))).Draw(t, "members")[:rapid.IntRange(k, entities).Draw(t, "size")] //nolint:gosec // small
			slices.Sort(members)
			sets = append(sets, catalog.CohortSet{Members: members, NoRest: rapid.Bool().Draw(t, "no rest")})
		}
		var selected []int32
		for e := range int32(entities) + 2 { //nolint:gosec // small
			if rapid.Bool().Draw(t, "selected") {
				selected = append(selected, e)
			}
		}
		p := client.ProposeCohort(k, sets, selected)
		left := map[int32]bool{}
		for _, e := range selected {
			left[e] = !slices.Contains(p.LeaveOut, e)
		}
		all := map[int32]bool{}
		for _, e := range selected {
			all[e] = true
		}
		if passes(k, sets, all) != (len(p.Failures) == 0) || (len(p.Failures) == 0) != (len(p.LeaveOut) == 0) {
			t.Fatalf("of %v in %v (k %d) it says %+v", selected, sets, k, p)
		}
		if !passes(k, sets, left) || len(p.Hopeless) > 0 {
			t.Fatalf("of %v in %v (k %d) it leaves out %v, and the rest fails", selected, sets, k, p.LeaveOut)
		}
		for _, e := range p.LeaveOut {
			left[e] = true
			if passes(k, sets, left) {
				t.Fatalf("of %v in %v (k %d) it leaves out %v, and %d could stay", selected, sets, k, p.LeaveOut, e)
			}
			left[e] = false
		}
	})
}

// The proposal of a single set is as short as any.
func TestNoShorterProposalOfOneSetPasses(t *testing.T) {
	for k := 1; k <= 5; k++ {
		for m := k; m <= 14; m++ {
			for c := range m + 1 {
				for _, noRest := range []bool{false, true} {
					sets := []catalog.CohortSet{{Members: upTo(0, int32(m)), NoRest: noRest}} //nolint:gosec // small
					least := c
					for stays := 0; stays <= c; stays++ {
						in := map[int32]bool{}
						for _, e := range upTo(0, int32(stays)) { //nolint:gosec // small
							in[e] = true
						}
						if passes(k, sets, in) {
							least = c - stays
						}
					}
					p := client.ProposeCohort(k, sets, upTo(0, int32(c))) //nolint:gosec // small
					if len(p.LeaveOut) != least {
						t.Errorf("k %d, %d of %d selected, no rest %t: leaves out %d, %d would do", k, c, m, noRest, len(p.LeaveOut), least)
					}
				}
			}
		}
	}
}

func BenchmarkProposeCohort(b *testing.B) {
	var sets []catalog.CohortSet
	var selected []int32
	for class := range int32(700) {
		for range 12 {
			sets = append(sets, catalog.CohortSet{Members: upTo(class*36, class*36+36)})
		}
	}
	for e := range int32(25_200) {
		if e%12 == 0 {
			selected = append(selected, e)
		}
	}
	for b.Loop() {
		if p := client.ProposeCohort(5, sets, selected); p.Left != 0 {
			b.Fatalf("%d of %d are left, and no class has five", p.Left, len(selected))
		}
	}
}
