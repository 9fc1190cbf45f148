package disclosure

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

// joinText is sets in a readable form: pair and members, and those held back.
func joinText(sets []JoinSet) string {
	var out []string
	for _, s := range sets {
		text := fmt.Sprint(s.Pair.A, "·", s.Pair.B, " ", s.Members)
		if len(s.HeldBack) > 0 {
			text += fmt.Sprint(" held back ", s.HeldBack)
		}
		out = append(out, text)
	}
	return fmt.Sprint(out)
}

// nextPair is NextPair of the newest versions that both families have now.
func nextPair(pairs []JoinPair, a, b JoinSide) []JoinPair {
	newest := func(s JoinSide) int {
		if versions := s.Family.Versions(s.Dataset); len(versions) > 0 {
			return versions[len(versions)-1].Version
		}
		return 0
	}
	return NextPair(slices.Clone(pairs), JoinPair{newest(a), newest(b)})
}

// joinSets are those of the first period.
func joinSets(a, b JoinSide, pairs []JoinPair) ([]JoinSet, error) {
	sets, err := JoinSets(a, b, JoinGrid{Periods: []int64{0}, Pairs: pairs})
	if err != nil {
		return nil, err
	}
	return sets[0], nil
}

// twoPublishers have trees of their own over eight entities; k is 2 and 3, and
// so p·k 4 and 6, or what need says.
func twoPublishers(t *testing.T, need int, treeA, treeB string) (v, w *toy, one, other *toySet, a, b JoinSide) {
	t.Helper()
	v, w = newToy(t, 2, treeA), newToy(t, 3, treeB)
	if need > 0 {
		rule := with(func(r *conditions) { r.momentCohort = func(int, int) int { return need } })
		v.f.rule, w.f.rule = rule, rule
	}
	d, e := monthly("a", "x"), monthly("b", "y")
	d.Joins, e.Joins = []string{"b"}, []string{"a"}
	one, other = v.admit(d), w.admit(e)
	return v, w, one, other, JoinSide{v.f, "a", "x", one}, JoinSide{w.f, "b", "y", other}
}

func TestSetsOfAJoinAreTheFinestUnionsOfBothFamilies(t *testing.T) {
	for _, c := range []struct{ about, treeA, treeB, x, y, want string }{
		{"unions of three classes", "AA BB CCCC", "AAAA BBBB", "1111 1111", "1111 1111", "[1·1 [0 1 2 3] 1·1 [4 5 6 7]]"},
		{"one with another's readings falls out", "AA BB CCCC", "AAAA BBBB", "1111 1111", "1111 111.", "[1·1 [0 1 2 3]]"},
		{"one whose class is joined falls out", "AA BB CCCC", "AAAA BBBB", "1.11 1111", "1.11 1111", "[1·1 [4 5 6 7]]"},
		{"crossing classes make one set", "AA BBBB CC", "AAAA BBBB", "1111 1111", "1111 1111", "[1·1 [0 1 2 3 4 5 6 7]]"},
	} {
		t.Run(c.about, func(t *testing.T) {
			v, w, one, other, a, b := twoPublishers(t, 3, c.treeA, c.treeB)
			v.publish(one, rows("x", c.x))
			w.publish(other, rows("y", c.y))
			sets, err := joinSets(a, b, nextPair(nil, a, b))
			if err != nil {
				t.Fatal(err)
			}
			if got := joinText(sets); got != c.want {
				t.Errorf("sets %s, want %s", got, c.want)
			}
		})
	}
}

func TestTheLargerCohortOfTwoFamiliesHolds(t *testing.T) {
	_, _, _, _, a, b := twoPublishers(t, 0, "AAAA BBBB", "AAAA BBBB")
	if got := joinCohort(a, b); got != 6 {
		t.Errorf("a set needs %d with news, want 6: one measure and one product, k 3", got)
	}
	v, w, one, other, a, b := twoPublishers(t, 0, "AAAA BBBB", "AAAA BBBB")
	v.publish(one, rows("x", "1111 1111"))
	w.publish(other, rows("y", "1111 1111"))
	if sets, err := joinSets(a, b, nextPair(nil, a, b)); err != nil || len(sets) != 0 {
		t.Errorf("sets of four where six are needed: %s, %v", joinText(sets), err)
	}
}

func TestPairsOfVersionsSettleInSequence(t *testing.T) {
	v, w, one, other, a, b := twoPublishers(t, 3, "AAAA BBBB", "AAAA BBBB")
	if pairs := nextPair(nil, a, b); pairs != nil {
		t.Errorf("pairs %v of datasets without versions", pairs)
	}
	v.publish(one, rows("x", "1111 1111"))
	w.publish(other, rows("y", "1111 1111"))
	pairs := nextPair(nil, a, b)
	v.publish(one, rows("x", "2221 1111")) // news of three
	pairs = nextPair(pairs, a, b)
	w.publish(other, rows("y", "1111 1113")) // of one: held back
	pairs = nextPair(nextPair(pairs, a, b), a, b)
	if want := fmt.Sprint([]JoinPair{{1, 1}, {2, 1}, {2, 2}}); fmt.Sprint(pairs) != want {
		t.Fatalf("pairs %v, want %s", pairs, want)
	}
	for n, want := range map[int]string{
		1: "[1·1 [0 1 2 3] 1·1 [4 5 6 7]]",
		2: "[2·1 [0 1 2 3] 1·1 [4 5 6 7]]",
		3: "[2·1 [0 1 2 3] 1·1 [4 5 6 7] held back [7]]",
	} {
		for _, asOf := range []JoinPair{{}, pairs[n-1]} {
			g := JoinGrid{Periods: []int64{0}, Pairs: pairs[:n]}
			if asOf != (JoinPair{}) {
				g.Pairs, g.AsOf = pairs, asOf
			}
			sets, err := JoinSets(a, b, g)
			if err != nil {
				t.Fatal(err)
			}
			if got := joinText(sets[0]); got != want {
				t.Errorf("as of pair %v: %s, want %s", pairs[n-1], got, want)
			}
		}
	}
}

// Each version with each would make rectangles, see
// TestAProductOfTwoPublishersInPairsOfVersions.
func TestVersionsThatWereNeverTheNewestTogetherAreNoPair(t *testing.T) {
	_, _, _, _, a, b := twoPublishers(t, 3, "AAAA BBBB", "AAAA BBBB")
	pairs := []JoinPair{{1, 1}, {2, 1}, {2, 2}}
	for _, asOf := range []JoinPair{{1, 2}, {3, 2}, {0, 1}} {
		_, err := JoinSets(a, b, JoinGrid{Pairs: pairs, AsOf: asOf})
		if e := (*UnsettledError)(nil); !errors.As(err, &e) || e.AsOf != asOf {
			t.Errorf("as of %v: %v, want an error of unsettled versions", asOf, err)
		}
	}
	for _, c := range []struct {
		a, b    int
		without int // version of a that is not live
		want    JoinPair
	}{
		{0, 0, 0, JoinPair{2, 2}}, {1, 0, 0, JoinPair{1, 1}}, {0, 1, 0, JoinPair{2, 1}}, {2, 1, 0, JoinPair{2, 1}},
		{1, 2, 0, JoinPair{}}, {3, 0, 0, JoinPair{}}, {0, 0, 2, JoinPair{1, 1}}, {2, 0, 2, JoinPair{}},
	} {
		got := NewestPair(pairs, c.a, c.b, func(p JoinPair) bool { return p.A != c.without })
		if got != c.want {
			t.Errorf("the newest pair of %d and %d without version %d is %v, want %v", c.a, c.b, c.without, got, c.want)
		}
	}
	if got := NewestPair(nil, 0, 0, nil); got != (JoinPair{}) {
		t.Errorf("without a pair the newest is %v", got)
	}
}

// Two whom one publisher lacks while the other corrects them, and takes that back before
// they are there again, have the products that they had: with two others that is no news
// of four.
func TestAProductSeenBeforeIsNoNewsOfAPair(t *testing.T) {
	v, w := newToy(t, 2, "AAAA BBBB"), newToy(t, 2, "AAAA BBBB")
	d, e := monthly("a", "x"), monthly("b", "y")
	d.Joins, e.Joins = []string{"b"}, []string{"a"}
	one, other := v.admit(d), w.admit(e)
	a, b := JoinSide{v.f, "a", "x", one}, JoinSide{w.f, "b", "y", other}
	var pairs []JoinPair
	x := func(row string) { v.publish(one, rows("x", row)); pairs = nextPair(pairs, a, b) }
	y := func(row string) { w.publish(other, rows("y", row)); pairs = nextPair(pairs, a, b) }
	x("1111 1111")
	y("1111 1111")
	y("..11 1111")
	x("2211 1111")
	x("1111 1111")
	y("1133 1111")
	sets, err := joinSets(a, b, pairs)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := joinText(sets), "[1·1 [0 1 2 3] held back [2 3] 1·1 [4 5 6 7]]"; got != want {
		t.Errorf("as of %v: %s, want %s", pairs[len(pairs)-1], got, want)
	}
}

// A withdrawn version stays in the sequence of pairs: it gives no set, and what it had
// new is new no more.
func TestPairsOfWithdrawnVersionsAreNotSummed(t *testing.T) {
	v, w, one, other, a, b := twoPublishers(t, 3, "AAAA BBBB", "AAAA BBBB")
	v.publish(one, rows("x", "1111 1111"))
	w.publish(other, rows("y", "1111 1111"))
	pairs := nextPair(nil, a, b)
	v.publish(one, rows("x", "2222 1111"))
	pairs = nextPair(pairs, a, b)
	w.publish(other, rows("y", "1111 2222"))
	pairs = nextPair(pairs, a, b)
	for _, c := range []struct {
		without JoinPair // versions that are withdrawn
		want    string
	}{
		{JoinPair{}, "[2·1 [0 1 2 3] 2·2 [4 5 6 7]]"},
		{JoinPair{A: 2}, "[1·1 [0 1 2 3] held back [0 1 2 3] 1·1 [4 5 6 7] held back [4 5 6 7]]"},
		{JoinPair{B: 2}, "[2·1 [0 1 2 3] 1·1 [4 5 6 7] held back [4 5 6 7]]"},
		{JoinPair{B: 1}, "[2·2 [4 5 6 7]]"},
	} {
		sets, err := JoinSets(a, b, JoinGrid{
			Periods: []int64{0}, Pairs: pairs, Live: func(p JoinPair) bool { return p.A != c.without.A && p.B != c.without.B },
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := joinText(sets[0]); got != c.want {
			t.Errorf("without %v: %s, want %s", c.without, got, c.want)
		}
	}
}

func TestAJoinNeedsTheDataAtThePolicysGrain(t *testing.T) {
	_, _, _, _, a, b := twoPublishers(t, 0, "AAAA BBBB", "AAAA BBBB")
	a.Measure = "none"
	_, err := joinSets(a, b, nil)
	wantConflict(t, err, ConflictUnknown)
	w := newToy(t, 2, twoClasses)
	d := monthly("c", "x")
	d.Grain = calendar.Day
	s := w.admit(d)
	_, err = joinSets(JoinSide{w.f, "c", "x", s}, b, nil)
	wantConflict(t, err, ConflictGrain)
}

func TestPairsThatGoBackwardsAreRefused(t *testing.T) {
	_, _, _, _, a, b := twoPublishers(t, 0, "AAAA BBBB", "AAAA BBBB")
	_, err := joinSets(a, b, []JoinPair{{1, 2}, {2, 1}})
	if e := (*PairsError)(nil); !errors.As(err, &e) {
		t.Errorf("got %v, want an error of pairs", err)
	}
}

func TestASetWithAnEntityOfAPoolIsNoUnion(t *testing.T) {
	v, w, one, other, a, b := twoPublishers(t, 3, "AAAA BBBB", "AAAA BBBB")
	codes, n := codesOf("AAAA BBBB C")
	tree, err := v.f.Tree().Extend(codes, n)
	if err != nil {
		t.Fatal(err)
	}
	v.f.Grow(tree)
	v.publish(one, rows("x", "1111 1111 1"))
	w.publish(other, rows("y", "1111 1111"))
	sets, err := joinSets(a, b, nextPair(nil, a, b))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := joinText(sets), "[1·1 [0 1 2 3] 1·1 [4 5 6 7]]"; got != want {
		t.Errorf("sets %s, want %s", got, want)
	}
	// B's family makes a class of entities that wait in A's pool.
	wide, entities := codesOf("AAAA BBBB CCC")
	if tree, err = w.f.Tree().Extend(wide, entities); err != nil {
		t.Fatal(err)
	}
	w.f.Grow(tree)
	w.publish(other, rows("y", "2222 1111 111"))
	sets, err = joinSets(a, b, nextPair(nextPair(nil, a, b), a, b))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := joinText(sets), "[1·2 [0 1 2 3] 1·2 [4 5 6 7]]"; got != want {
		t.Errorf("sets %s, want %s", got, want)
	}
}

// Each of two related measures times the same other one would make a rectangle
// of products, see JoinSide.firstAlike.
func TestOnlyTheFirstOfRelatedMeasuresIsJoined(t *testing.T) {
	w, v := newToy(t, 2, twoClasses), newToy(t, 2, twoClasses)
	d, e := monthly("a", "x", "x_kg", "z"), monthly("b", "y")
	d.Joins, e.Joins, d.Related = []string{"b"}, []string{"a"}, [][]string{{"x_kg", "x"}}
	one, other := w.admit(d), v.admit(e)
	b := JoinSide{v.f, "b", "y", other}
	for measure, refused := range map[string]bool{"x": false, "x_kg": true, "z": false} {
		_, err := joinSets(JoinSide{w.f, "a", measure, one}, b, nil)
		if refused {
			wantConflict(t, err, ConflictJoined)
		} else if err != nil {
			t.Errorf("%s: %v", measure, err)
		}
	}
	// Nor may another dataset with a related measure come in, or be joined later.
	late := monthly("c", "x")
	late.MinCohort, late.Joins = 2, []string{"b"}
	wantConflict(t, w.f.Admit(late), ConflictMoments)
	late.Joins = nil
	wantConflict(t, w.f.Admit(late), ConflictMoments)
	u := newToy(t, 2, twoClasses)
	u.admit(monthly("a", "x"))
	u.admit(monthly("c", "x"))
	d, late = monthly("a", "x"), monthly("c", "x")
	d.MinCohort, d.Joins, late.MinCohort, late.Joins = 2, []string{"b"}, 2, []string{"b"}
	if err := u.f.Admit(d); err != nil {
		t.Errorf("the first join: %v", err)
	}
	wantConflict(t, u.f.Admit(late), ConflictMoments)
}
