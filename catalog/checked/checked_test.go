package checked

import (
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
)

func TestSetsAreAllInOrder(t *testing.T) {
	got := indexes(4, 2)
	want := [][]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}
	if !slices.EqualFunc(got, want, slices.Equal[[]int]) {
		t.Errorf("sets are %v", got)
	}
	for _, x := range [][3]int{{3, 2, 3}, {4, 2, 6}, {5, 3, 10}, {10, 8, 45}, {2, 2, 1}, {1, 2, 0}, {3, -1, 0}} {
		if n := Count(x[0], x[1]); n != x[2] {
			t.Errorf("%d of %d: %d sets", x[1], x[0], n)
		}
	}
	for _, x := range [][3]int{{3, 2, 2}, {4, 2, 3}, {5, 3, 6}, {4, 3, 3}} {
		if n := CountOf(x[0], x[1]); n != x[2] {
			t.Errorf("a member is in %d of the sets of %d of %d", n, x[1], x[0])
		}
	}
}

// TestSetsOfAnAttempt: the rule of PROTOCOL.md section 3.7, which members and whoever asks must have alike.
func TestSetsOfAnAttempt(t *testing.T) {
	one := catalog.Attempt{Active: []string{"a", "c"}, Root: "c"}
	if got := SetsOf(one); len(got) != 1 || !slices.Equal(got[0].Members, one.Active) || got[0].Root != "c" {
		t.Errorf("of an answer that is not checked: %v", got)
	}
	several := catalog.Attempt{Active: []string{"a", "b", "d", "e"}, SetOf: 2}
	want := []Set{
		{[]string{"a", "b"}, "a"}, {[]string{"a", "d"}, "d"}, {[]string{"a", "e"}, "a"},
		{[]string{"b", "d"}, "d"}, {[]string{"b", "e"}, "b"}, {[]string{"d", "e"}, "e"},
	}
	got := SetsOf(several)
	if !slices.EqualFunc(got, want, func(a, b Set) bool { return a.Root == b.Root && slices.Equal(a.Members, b.Members) }) {
		t.Errorf("got %v", got)
	}
	for _, x := range []struct {
		from, root string
		want       bool
	}{{"b", "a", true}, {"a", "b", false}, {"e", "b", true}, {"a", "d", true}, {"d", "a", false}, {"a", "a", false}, {"x", "a", false}} {
		if Sends(several, x.from, x.root) != x.want {
			t.Errorf("%s contributes to %s: want %v", x.from, x.root, x.want)
		}
	}
}

func TestMembersAreTwoMoreWhereThereAreSoMany(t *testing.T) {
	for _, x := range [][3]int{{2, 2, 0}, {3, 2, 3}, {4, 2, 4}, {7, 2, 4}, {5, 3, 5}, {4, 3, 4}, {0, 2, 0}} {
		if got := Members(x[0], x[1]); got != x[2] {
			t.Errorf("of %d nodes with the threshold %d: %d", x[0], x[1], got)
		}
	}
	for _, x := range [][3]int{{2, 2, 0}, {3, 2, 1}, {4, 2, 1}, {5, 2, 0}} {
		if Possible(x[0], x[1]) != (x[2] == 1) {
			t.Errorf("%d members of sets of %d", x[0], x[1])
		}
	}
}

// TestWantedLeavesOneOutWhereMembersDisagreed: or the same ones would disagree in every attempt.
func TestWantedLeavesOneOutWhereMembersDisagreed(t *testing.T) {
	late := catalog.Attempt{Failed: catalog.Why("node.late", "1m")}
	disagreed := catalog.Attempt{Failed: catalog.Why("node.says", "n1").With(catalog.Why("node.disagree", "n1", "n2"))}
	sent := catalog.Attempt{Failed: catalog.Why("node.says", "n1").With(catalog.Why("node.deviates_sent", "n2"))}
	deviates := catalog.Attempt{Failed: catalog.Why("node.says", "n1").With(catalog.Why("node.deviates"))}
	for _, x := range []struct {
		verify   bool
		nodes, t int
		attempts []catalog.Attempt
		want     int
	}{
		{false, 4, 2, nil, 2}, {false, 1, 2, nil, 2}, {true, 4, 2, nil, 4}, {true, 3, 2, nil, 3}, {true, 2, 2, nil, 3}, {true, 7, 3, nil, 5},
		{true, 4, 2, []catalog.Attempt{late}, 4}, {true, 4, 2, []catalog.Attempt{late, disagreed}, 3}, {false, 4, 2, []catalog.Attempt{disagreed}, 2},
		{true, 4, 2, []catalog.Attempt{sent}, 3}, {true, 4, 2, []catalog.Attempt{deviates}, 3},
	} {
		if got := Wanted(x.verify, x.nodes, x.t, x.attempts); got != x.want {
			t.Errorf("%+v: %d", x, got)
		}
	}
}

// TestALieWhereAnotherMemberIsIsOutvotedAndNotNamed: of members 0 and 1 nobody can say who lied.
func TestALieWhereAnotherMemberIsIsOutvotedAndNotNamed(t *testing.T) {
	right, wrong := []uint64{5}, []uint64{6}
	got := Compare(4, 2, [][]uint64{wrong, right, right, right, right, right})
	if !slices.Equal(got.Answer, right) || !slices.Equal(got.Suspects, []int{0, 1}) || got.Agree {
		t.Errorf("compared: %+v", got)
	}
	if got := Compare(4, 2, [][]uint64{right}); got.Answer != nil || got.Suspects != nil || got.Agree {
		t.Errorf("answers are missing: %+v", got)
	}
	if got := Compare(4, 2, [][]uint64{right, right, right, right, right, right}); !got.Agree || !slices.Equal(got.Answer, right) {
		t.Errorf("nobody lies: %+v", got)
	}
}

// TestTwoLiarsGetNoAnswer: where every member's absence leaves a difference nobody is told a figure.
func TestTwoLiarsGetNoAnswer(t *testing.T) {
	a := func(x uint64) []uint64 { return []uint64{x} }
	if got := Compare(4, 2, [][]uint64{a(1), a(2), a(3), a(4), a(5), a(6)}); got.Answer != nil || got.Suspects != nil || got.Agree {
		t.Errorf("compared: %+v", got)
	}
}
