package disclosure

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func query(asOf int, groups []int32, periods ...int64) PortfolioQuery {
	return PortfolioQuery{Columns: []Column{x}, Periods: periods, Groups: groups, AsOf: asOf}
}

func testOf(t *testing.T, w *toy, s *toySet, q PortfolioQuery) *Test {
	t.Helper()
	test, err := w.f.Test(s.ID, q, s)
	if err != nil {
		t.Fatal(err)
	}
	return test
}

func TestATestHasAStepForEachVersionThatChangedAUnit(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 111. 1111"))
	w.publish(a, rows("x", "1111 1112 1111")) // one reading arrives: held back
	w.publish(a, rows("x", "22.1 1112 1111"))
	w.publish(a, rows("x", "1111 1112 1111")) // taken back
	got := testOf(t, w, a, query(4, []int32{0, 0, 1}, 0))
	want := &Test{
		Units: []TestUnit{{Members: []int32{0, 1, 2, 3}, Both: true}, {Members: []int32{4, 5, 6}}, {Members: []int32{0, 1}}, {Members: []int32{8, 9, 10, 11}, Both: true}},
		// In version 3 B joins A, in version 4 it has what it had in the first.
		Moves: []TestMove{{[]int32{0, 1, 2, 3, 4, 5, 6}}, {[]int32{0, 1, 2, 3, 4, 5, 6, 7}}, {[]int32{0, 1, 2, 3, 4, 5, 6, 7}}, {[]int32{8, 9, 10, 11}}},
		Figures: []TestFigure{
			{K: 2, Group: 0, Run: Run{x, []int64{0}}, Steps: []TestStep{{Units: []int{0, 1}}, {Units: []int{2}, Move: 1}, {Move: 2}}},
			{K: 2, Group: 1, Run: Run{x, []int64{0}}, Steps: []TestStep{{Units: []int{3}, Move: 3}}},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Test{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the test differs (-want +got):\n%s", diff)
	}
	if n := got.Products(3); n != 3*(2+4*(2+2)+4*4+2*2*2) {
		t.Errorf("%d products", n)
	}
}

func TestWhatPassesATest(t *testing.T) {
	for _, c := range []struct {
		about, list string
		versions    []string
		passes      string // by version, "." or "x"
	}{
		{"two units mixed", "0... 0... ....", []string{"1111 1111 1111"}, "."},
		{"one of a unit and all but one of another", "0... 000. ....", []string{"1111 1111 1111"}, "."},
		{"one unit mixed", "0... .... ....", []string{"1111 1111 1111"}, "x"},
		{"one unit with two on each side", "00.. .... ....", []string{"1111 1111 1111"}, "."},
		{"one unit with three and one", "000. .... ....", []string{"1111 1111 1111"}, "x"},
		{"one unit whole", "0000 .... ....", []string{"1111 1111 1111"}, "x"},
		{"nobody", ".... .... ....", []string{"1111 1111 1111"}, "."},
		{"a piece fails by the other that fills its unit", "01.. 01.. 1111", []string{"1111 1111 1111"}, "."},
		{"nobody is in no piece", "0011 1100 0011", []string{"1111 1111 1111"}, "x"},
		{"a joined unit in which only the piece has news", "0... 0... ....", []string{"1111 1111 1111", "2111 2111 1111", "2211 2111 1111"}, ".xx"},
		{"a version changes two mixed units", "0... 0... ....", []string{"1111 1111 1111", "2211 2211 1111"}, ".."},
		{"a version changes one mixed unit", "0... 0... ....", []string{"1111 1111 1111", "2211 1111 1111"}, ".x"},
		{"a version changes a unit without the piece", "0... 0... ....", []string{"1111 1111 1111", "1111 1111 2211"}, ".."},
		{"a change is taken back", "0... 0... ....", []string{"1111 1111 1111", "2211 1111 1111", "1111 1111 1111"}, ".xx"},
		{"a change elsewhere after one that fails", "0... 0... ....", []string{"1111 1111 1111", "2211 1111 1111", "2211 1111 2211"}, ".xx"},
		{"a member vanishes", "0... 0... ....", []string{"1111 1111 1111", ".221 1111 1111"}, ".x"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newToy(t, 2, "AAAA BBBB CCCC")
			a := w.admit(monthly("a", "x"))
			for i, v := range c.versions {
				w.publish(a, rows("x", v))
				test := testOf(t, w, a, query(i+1, []int32{0, 0, 0}, 0))
				fails := slices.ContainsFunc(test.Passes(2, pieces(c.list)), func(f Failure) bool { return f.Piece == 0 })
				if fails != (c.passes[i] == 'x') {
					t.Errorf("as of version %d it fails: %v", i+1, fails)
				}
			}
			q := query(len(c.versions), []int32{0, 0, 0}, 0)
			asOf, found, err := w.f.NewestPassing("a", q.AsOf, q.at, a, 1, pieces(onePiece(c.list)))
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for i, p := range c.passes {
				if p == '.' {
					want = i + 1
				}
			}
			if onePiece(c.list) == c.list && (asOf != want || found != (want > 0)) {
				t.Errorf("the newest that passes is %d, want %d", asOf, want)
			}
		})
	}
}

// at is the same query as of another version.
func (q PortfolioQuery) at(asOf int) PortfolioQuery {
	q.AsOf = asOf
	return q
}

// onePiece leaves the first piece of a list.
func onePiece(list string) string {
	out := []byte(list)
	for i, c := range out {
		if c > '0' {
			out[i] = '.'
		}
	}
	return string(out)
}

func TestARunIsTestedOnWhatAllOfItsSourcesHave(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111 1111", "111. 1... 1111", "1111 1111 1111"))
	w.publish(a, rows("x", "1111 1111 1111", "111. 1... 1111", "2211 1111 1111"))
	got := testOf(t, w, a, query(2, []int32{0, 0, 0}, 0, 1, 2))
	if len(got.Figures) != 2 {
		t.Fatalf("%d figures, want two: the third month changed", len(got.Figures))
	}
	// In the second month B joins A, so only C is the same in both.
	if diff := cmp.Diff([]TestUnit{{Members: []int32{8, 9, 10, 11}, Both: true}}, got.Units[:len(got.Figures[0].Steps[0].Units)]); diff != "" {
		t.Error(diff)
	}
	if periods := got.Figures[0].Run.Periods; !slices.Equal(periods, []int64{0, 1}) {
		t.Errorf("the first run has the months %v", periods)
	}
}

func TestARunHasAtMostTwelveSources(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", slices.Repeat([]string{"1111 1111 1111"}, 25)...))
	var periods []int64
	for p := range int64(25) {
		periods = append(periods, p)
	}
	got := testOf(t, w, a, query(1, []int32{0, 0, 0}, periods...))
	for i, want := range []int{12, 12, 1} {
		if n := len(got.Figures[i].Run.Periods); n != want {
			t.Errorf("run %d has %d months, want %d", i, n, want)
		}
	}
}

func TestATestThatIsTooLargeIsRefusedWithItsNumber(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111 1111"))
	got := testOf(t, w, a, query(1, []int32{0, 0, 0}, 0))
	one := got.Products(1)
	if err := got.Fits(MaxProducts / one); err != nil {
		t.Errorf("%d products are refused: %v", MaxProducts/one*one, err)
	}
	var large *TooLargeError
	if err := got.Fits(MaxProducts/one + 1); !errors.As(err, &large) || large.Products != (MaxProducts/one+1)*one {
		t.Errorf("got %v, want that the test is too large", err)
	}
}

func TestThereIsNoFigureThatUsesAWithdrawnVersion(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111 1111"))
	w.publish(a, rows("x", "2211 1111 1111"))
	q := query(2, []int32{0, 0, 0}, 0)
	q.Live = func(v int) bool { return v != 1 }
	_, err := w.f.Test("a", q, a)
	var gone *WithdrawnError
	if !errors.As(err, &gone) || gone.Version != 1 {
		t.Errorf("got %v, want that version 1 was withdrawn", err)
	}
	if _, err = w.f.PortfolioVersions("a", q, x, 0); !errors.As(err, &gone) {
		t.Errorf("got %v, want that version 1 was withdrawn", err)
	}
	q.Live = func(v int) bool { return v != 2 }
	if asOf, found, err := w.f.NewestPassing("a", q.AsOf, q.at, a, 1, pieces("0... 0... ....")); asOf != 1 || !found || err != nil {
		t.Errorf("the newest that passes is %d, %v, %v; want 1", asOf, found, err)
	}
}

func TestClassesBornAfterTheVersionAreInNoFigure(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	codes, n := codesOf("AAAA BBBB AA")
	tree, err := w.f.Tree().Extend(codes, n)
	if err != nil {
		t.Fatal(err)
	}
	w.f.Grow(tree)
	w.publish(a, rows("x", "1111 1111 11"))
	for asOf, want := range map[int]int{1: 1, 2: 2} {
		test := testOf(t, w, a, query(asOf, []int32{0, 0, 0}, 0))
		if got := len(test.Figures[0].Steps); got != want {
			t.Errorf("as of version %d: %d steps, want %d", asOf, got, want)
		}
	}
}

func TestDigestsTellTestsAndSourcesApart(t *testing.T) {
	w := newToy(t, 2, "AAAA BBBB CCCC")
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111 1111"))
	q := query(1, []int32{0, 0, 0}, 0)
	test, sources := testOf(t, w, a, q).Digest(), w.f.SourcesDigest("a", q)
	if again := testOf(t, w, a, q).Digest(); again != test {
		t.Error("the same test has another digest")
	}
	w.publish(a, rows("x", "2211 1111 1111"))
	if w.f.SourcesDigest("a", q) != sources {
		t.Error("a later version changes the digest of sources up to the first")
	}
	q.AsOf = 2
	if w.f.SourcesDigest("a", q) == sources || testOf(t, w, a, q).Digest() == test {
		t.Error("another version has the same digest")
	}
}

// plainPasses is RELEASE.md section 6 word by word, on one source.
func plainPasses(f *Family, s *toySet, versions []*Settled, groups []int32, pieceOf []int8, piece int8) bool {
	if len(versions) == 0 {
		return true
	}
	last := versions[len(versions)-1]
	now := f.Choose(s.ID, x, 0, last.Version, groups, nil)
	before := make([]int32, len(now))
	if len(versions) > 1 {
		before = f.Choose(s.ID, x, 0, versions[len(versions)-2].Version, groups, nil)
	}
	if slices.Equal(now, before) {
		return plainPasses(f, s, versions[:len(versions)-1], groups, pieceOf, piece)
	}
	source := last.Source(x, 0)
	var inside [][]int32
	for _, u := range source.Units() {
		if !slices.ContainsFunc(u, func(c int32) bool { return groups[c] < 0 }) {
			inside = append(inside, u)
		}
	}
	count, k := 0, f.k
	for _, u := range inside {
		c, r := 0, 0
		for _, class := range u {
			for _, e := range f.tree.Members(class) {
				if source.News().Has(int(e)) && pieceOf[e] == piece {
					c++
				}
				if source.News().Has(int(e)) && pieceOf[e] < 0 {
					r++
				}
			}
		}
		switch {
		case c >= k && r >= k && len(inside) < 8*k:
			count += k
		case c > 0 && r > 0:
			count++
		}
	}
	if count >= k {
		return true
	}
	for c := range now {
		for _, v := range []int32{now[c], before[c]} {
			if v == 0 || now[c] == before[c] {
				continue
			}
			present, _ := s.Cells(int(v), "x", 0)
			for _, e := range f.tree.Members(int32(c)) {
				if present.Has(int(e)) && pieceOf[e] == piece {
					return false
				}
			}
		}
	}
	return plainPasses(f, s, versions[:len(versions)-1], groups, pieceOf, piece)
}

func TestTheTestSaysWhatTheRuleSays(t *testing.T) {
	passed, failed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w, a := drawVersions(t, rt)
		versions := w.f.Versions("a")
		groups := rapid.SliceOfN(rapid.Int32Range(-1, 0), w.f.tree.Classes(), w.f.tree.Classes()).Draw(rt, "groups")
		list := rapid.SliceOfN(rapid.Int8Range(-1, 1), w.f.tree.Entities(), w.f.tree.Entities()).Draw(rt, "pieces")
		test := testOf(t, w, a, query(len(versions), groups, 0))
		fails := test.Passes(2, list)
		for piece := range 2 {
			got := !slices.ContainsFunc(fails, func(f Failure) bool { return f.Piece == piece })
			if want := plainPasses(w.f, a, versions, groups, list, int8(piece)); got != want {
				rt.Fatalf("piece %d passes: %v, want %v", piece, got, want)
			}
			if got {
				passed++
			} else {
				failed++
			}
		}
	})
	if passed == 0 || failed == 0 {
		t.Errorf("%d passed, %d failed: nothing was compared", passed, failed)
	}
}

// drawVersions draws a family of one dataset and one month with several versions.
func drawVersions(t *testing.T, rt *rapid.T) (*toy, *toySet) {
	letter := rapid.SampledFrom([]byte("1111111122.?"))
	n := rapid.IntRange(6, 24).Draw(rt, "entities")
	draw := func(from *rapid.Generator[byte], what string) string {
		return string(rapid.SliceOfN(from, n, n).Draw(rt, what))
	}
	county := rapid.SampledFrom([]byte("AABC"))
	w := newToy(t, rapid.IntRange(2, 3).Draw(rt, "k"), draw(county, "county"), draw(county, "industry"))
	a := w.admit(monthly("a", "x"))
	for range rapid.IntRange(1, 4).Draw(rt, "versions") {
		w.publish(a, rows("x", draw(letter, "readings")))
	}
	return w, a
}
