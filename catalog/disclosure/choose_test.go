package disclosure

import (
	"fmt"
	"slices"
	"testing"
)

// TestASmallCountyIsJoinedWithItsNeighbour is the example of the README: what a
// county's figure takes when the county is too small for a class, and when it
// joins another for one month only.
func TestASmallCountyIsJoinedWithItsNeighbour(t *testing.T) {
	// C has two entities, k is 3: one class with the smallest county, B.
	w := newToy(t, 3, "AAAAA BBBB CC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "11111 1111 11", "11... 1111 11"))
	assign := []int32{0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2}
	got, err := w.f.Answer("a", Grid{Columns: []Column{x}, Periods: [][]int64{{0}, {1}}, Groups: 3, Assign: assign, AsOf: 1}, a)
	if err != nil {
		t.Fatal(err)
	}
	// In the second month A has two readings and joins the rest: in a total only.
	want := [][]Coverage{{{5, 5, 0}, {0, 2, 0}}, {{0, 4, 0}, {0, 4, 0}}, {{0, 2, 0}, {0, 2, 0}}}
	if fmt.Sprint(got.Coverage) != fmt.Sprint(want) {
		t.Errorf("coverage %v, want %v", got.Coverage, want)
	}
	total, err := w.f.Answer("a", Grid{Columns: []Column{x}, Periods: [][]int64{{0, 1}}, Groups: 1, Assign: make([]int32, 11), AsOf: 1}, a)
	if err != nil {
		t.Fatal(err)
	}
	if total.Coverage[0][0] != (Coverage{11, 11, 0}) {
		t.Errorf("the total covers %v", total.Coverage[0][0])
	}
}

// A county's total becomes final while a small class inside it stays provisional.
func TestCorrectionsOfAFewAreHeldBackInTheirClassAndFinalInTheirCounty(t *testing.T) {
	w := newToy(t, 2, "AAAAAA BBBBBB", "pppqqq pppqqq")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "111 111 111 111"))
	w.publish(a, rows("x", "211 211 111 112"))
	answer := func(asOf int, groups int, assign []int32) *Answer {
		t.Helper()
		got, err := w.f.Answer("a", Grid{Columns: []Column{x}, Periods: [][]int64{{0}}, Groups: groups, Assign: assign, AsOf: asOf}, a)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	classes := []int32{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}
	counties := []int32{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}
	for _, c := range []struct {
		about    string
		got      *Answer
		versions []int32
		coverage []Coverage
	}{
		{"classes", answer(2, 4, classes), []int32{1, 1, 1, 1}, []Coverage{{3, 3, 1}, {3, 3, 1}, {3, 3, 0}, {3, 3, 1}}},
		// B's one correction joins A's unit, at the root.
		{"counties", answer(2, 2, counties), []int32{1, 1, 1, 1}, []Coverage{{6, 6, 2}, {6, 6, 1}}},
		{"total", answer(2, 1, make([]int32, 12)), []int32{2, 2, 1, 2}, []Coverage{{12, 12, 0}}},
		{"total as of the first", answer(1, 1, make([]int32, 12)), []int32{1, 1, 1, 1}, []Coverage{{12, 12, 0}}},
	} {
		if have := versionsTaken(w.f, "a", x, 0, c.got.Taken[0]); !slices.Equal(have, c.versions) {
			t.Errorf("%s: versions %v, want %v", c.about, have, c.versions)
		}
		for g, want := range c.coverage {
			if c.got.Coverage[g][0] != want {
				t.Errorf("%s, group %d: %v, want %v", c.about, g, c.got.Coverage[g][0], want)
			}
		}
	}
	third := w.publish(a, rows("x", "211 211 111 122"))
	wantUnits(t, third.Source(x, 0), "")
	if got := answer(3, 1, make([]int32, 12)); got.Coverage[0][0] != (Coverage{12, 12, 1}) {
		t.Errorf("one more correction: %v", got.Coverage[0][0])
	}
}

func TestAGroupTakesNoUnitThatOverlapsWhatItHas(t *testing.T) {
	w := newToy(t, 2, "AAAAAA BBBBBB", "pppqqq pppqqq")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "111 111 111 111"))
	w.publish(a, rows("x", "211 211 111 111")) // 0+1
	w.publish(a, rows("x", "222 ... 111 111")) // 0 alone, 1 has gone
	got := w.f.Choose("a", x, 0, 3, []int32{0, 0, 0, 0}, nil)
	if want := []int32{3, 1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("versions %v, want %v", got, want)
	}
	if got = w.f.Choose("a", x, 0, 3, []int32{-1, 0, 0, -1}, nil); !slices.Equal(got, []int32{0, 1, 1, 0}) {
		t.Errorf("without the first class: %v", got)
	}
}

func TestTheUnitChosenOutlivesTheVersionThatChoseIt(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	w.publish(a, rows("x", "2211 1111"))
	w.publish(a, rows("x", "1111 1111")) // taken back
	w.publish(a, rows("x", "3111 1111")) // held back: provisional is what version 3 had
	got := w.f.Choose("a", x, 0, 4, []int32{0, 0}, nil)
	if !slices.Equal(got, []int32{1, 1}) {
		t.Errorf("versions %v, want the first, which the third chose", got)
	}
}

func TestWithdrawnVersionsAreNotSummed(t *testing.T) {
	w := newToy(t, 2, twoClasses)
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	w.publish(a, rows("x", "2211 1111"))
	w.publish(a, rows("x", "2211 1122"))
	without := func(gone int) func(int) bool { return func(v int) bool { return v != gone } }
	if got := w.f.Choose("a", x, 0, 3, []int32{0, 0}, without(2)); !slices.Equal(got, []int32{1, 3}) {
		t.Errorf("without version 2: %v", got)
	}
	if got := w.f.Choose("a", x, 0, 3, []int32{0, 0}, without(1)); !slices.Equal(got, []int32{2, 3}) {
		t.Errorf("without version 1: %v", got)
	}
	if got := w.f.Choose("a", x, 0, 2, []int32{0, 0}, without(1)); !slices.Equal(got, []int32{2, 0}) {
		t.Errorf("as of version 2 without version 1: %v", got)
	}
}
