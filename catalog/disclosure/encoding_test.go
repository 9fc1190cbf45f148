package disclosure

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
	"pgregory.net/rapid"
)

// sameSources compares what two settled versions say.
func sameSources(a, b *Settled) bool {
	if a.Version != b.Version || a.Entities != b.Entities || a.Classes != b.Classes || a.Closed != b.Closed || !slices.Equal(a.Columns, b.Columns) {
		return false
	}
	return slices.EqualFunc(a.sources, b.sources, func(x, y *Source) bool {
		return slices.Equal(x.at, y.at) && slices.EqualFunc(x.joined, y.joined, slices.Equal) &&
			x.news.within(y.news) && y.news.within(x.news)
	})
}

func TestSettledVersionsComeBackFromTheirBytes(t *testing.T) {
	joined, chosen := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w, _ := drawVersions(t, rt)
		for _, s := range w.f.Versions("a") {
			data := s.Encode()
			back, err := ParseSettled(data)
			if err != nil {
				rt.Fatal(err)
			}
			if !sameSources(s, back) {
				rt.Fatalf("version %d came back as another", s.Version)
			}
			joined += len(s.sources[0].joined)
			for c := range s.Classes {
				if s.sources[0].Chosen(int32(c)) > 0 {
					chosen++
				}
			}
		}
	})
	if joined == 0 || chosen == 0 {
		t.Errorf("%d joined units, %d chosen: nothing was compared", joined, chosen)
	}
}

// TestUnitsAreDisjointAndHaveNewsOfK is what everything rests on.
func TestUnitsAreDisjointAndHaveNewsOfK(t *testing.T) {
	units := 0
	rapid.Check(t, func(rt *rapid.T) {
		w, a := drawVersions(t, rt)
		for _, s := range w.f.Versions("a") {
			source := s.Source(x, 0)
			seen := map[int32]bool{}
			for _, u := range source.Units() {
				news := 0
				for _, c := range u {
					if seen[c] || source.Chosen(c) > 0 {
						rt.Fatalf("class %d is in two units, or chosen and in one", c)
					}
					seen[c] = true
					news += source.News().CountIn(w.f.tree.Members(c))
				}
				if units++; news < w.f.k {
					rt.Fatalf("a unit of %d with news, fewer than %d", news, w.f.k)
				}
			}
			// A group takes units whole, each class once.
			groups := rapid.SliceOfN(rapid.Int32Range(-1, 1), w.f.tree.Classes(), w.f.tree.Classes()).Draw(rt, "groups")
			took := w.f.Choose("a", x, 0, s.Version, groups, nil)
			stepwise := w.f.noTakings()
			w.f.chooseStepwise(w.f.member("a"), x, 0, s.Version, groups, nil, stepwise)
			if !slices.Equal(took, stepwise.version) {
				rt.Fatalf("groups %v take %v, version by version %v", groups, took, stepwise.version)
			}
			for c, v := range took {
				if v == 0 {
					continue
				}
				unit := w.f.member("a").version(int(v)).Source(x, 0).unit(w.f.tree, int32(c))
				for _, other := range unit {
					if took[other] != v || groups[other] != groups[c] {
						rt.Fatalf("group %d takes class %d of version %d without class %d", groups[c], c, v, other)
					}
				}
			}
		}
		_ = a
	})
	if units == 0 {
		t.Error("no unit was drawn")
	}
}

func TestSetsComeBackInTheirShortestForm(t *testing.T) {
	back := func(t rapid.TB, set Bits, n int) (form byte) {
		t.Helper()
		data := appendSet(nil, set, n)
		r := &reader{rest: data, room: 1 << 20}
		back := r.set(n)
		if err := r.done(); err != nil || !back.within(set) || !set.within(back) {
			t.Fatalf("%v came back as %v, %v", set, back, err)
		}
		return data[0]
	}
	// One set that each form is the shortest of.
	for form, has := range map[byte]func(e int) bool{
		setGaps:   func(e int) bool { return e == 100 },
		setAbsent: func(e int) bool { return e != 100 },
		setRuns:   func(e int) bool { return e >= 50 && e < 150 },
		setWords:  func(e int) bool { return e%2 == 0 },
	} {
		var set Bits
		for e := range 200 {
			if has(e) {
				set = set.Set(e)
			}
		}
		if got := back(t, set, 200); got != form {
			t.Fatalf("the set of form %d was written in form %d", form, got)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(rt, "n")
		var set Bits
		switch rapid.IntRange(0, 2).Draw(rt, "kind") {
		case 0: // runs
			for e := 0; e < n; e++ {
				e += rapid.IntRange(0, 40).Draw(rt, "gap")
				for end := e + rapid.IntRange(0, 40).Draw(rt, "run"); e < min(end, n); e++ {
					set = set.Set(e)
				}
			}
		default:
			share := rapid.SampledFrom([]int{1, 10, 50, 90, 99}).Draw(rt, "share")
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			for e := range n {
				if r.IntN(100) < share {
					set = set.Set(e)
				}
			}
		}
		back(rt, set, n)
	})
}

func exampleSettled(tb testing.TB) []byte {
	tb.Helper()
	s := &Settled{Version: 2, Entities: 9, Classes: 4, Closed: calendar.Interval{From: 3, To: 5}, Columns: []Column{{Measure: "x"}, {"x", "x"}}}
	p := &partition{at: []int32{0, 1, 1, -2}, joined: [][]int32{{1, 2}}}
	q := &partition{at: []int32{-1, -1, 0, 0}}
	s.sources = []*Source{{p, Bits{3}}, {q, nil}, {p, nil}, {q, Bits{0x1ff}}}
	return s.Encode()
}

func TestBytesThatAreNoSettledVersionAreRefused(t *testing.T) {
	data := exampleSettled(t)
	if _, err := ParseSettled(data); err != nil {
		t.Fatal(err)
	}
	for i := range data {
		if _, err := ParseSettled(data[:i]); err == nil {
			t.Errorf("the first %d bytes were read", i)
		}
		for b := range 256 {
			changed := slices.Clone(data)
			changed[i] = byte(b)
			if s, err := ParseSettled(changed); err == nil && !bytes.Equal(s.Encode(), changed) {
				t.Errorf("byte %d as %d: another version was read", i, b)
			}
		}
	}
	if _, err := ParseSettled(append(slices.Clone(data), 0)); err == nil {
		t.Error("bytes behind the version were read over")
	}
}

func FuzzParseSettled(f *testing.F) {
	f.Add(exampleSettled(f))
	f.Add([]byte{settledFormat, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSettled(data)
		if err == nil && !bytes.Equal(s.Encode(), data) {
			t.Error("bytes that are not canonical were read")
		}
	})
}
