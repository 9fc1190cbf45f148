package disclosure

import (
	"testing"
)

// isolation is a family that is safe, and that isolates somebody when one
// condition is switched off.
type isolation struct {
	name string
	off  func(*conditions)
	run  func(t *testing.T, w *toy) // publishes; may hand the attacker more
}

var x = Column{Measure: "x"}

// twoClasses are of four entities each.
const twoClasses = "AAAA BBBB"

var publicIsolations = []isolation{
	{"fewer than k with news make a unit", func(r *conditions) {
		r.enough = func(news, _ int) bool { return news > 0 }
	}, oneCorrection},
	{"who counts has news", func(r *conditions) {
		r.news = func(_, counts Bits, _ bool) Bits { return counts }
	}, oneCorrection},
	{"related columns are not compared", func(r *conditions) {
		r.related = func(_ *relations, a, b columnRef) bool { return a == b }
	}, func(_ *testing.T, w *toy) {
		w.quantity["x_kg"] = "x"
		a := w.admit(monthly("a", "x"))
		d := monthly("b", "x_kg")
		d.Related = [][]string{{"x_kg", "a.x"}}
		b := w.admit(d)
		w.publish(a, rows("x", "1111 1111"))
		w.publish(b, rows("x_kg", "111. 1111"))
	}},
	{"a class equals a version in which it was joined", func(r *conditions) {
		r.equal = func(bool) bool { return true }
	}, func(_ *testing.T, w *toy) {
		a := w.admit(monthly("a", "x"))
		w.publish(a, rows("x", "1111 1111"))
		w.publish(a, rows("x", "2111 1112")) // one unit of both
		w.publish(a, rows("x", "2111 3333"), func(in *VersionInput) {
			in.News[0].News = in.News[0].News.without(Bits{1})
			in.News[0].Equal = []EqualClasses{{2, []int32{0}}}
		})
	}},
	{"a group takes a part of a unit", func(r *conditions) {
		r.whole = func(_, some bool) bool { return some }
	}, func(_ *testing.T, w *toy) {
		a := w.admit(monthly("a", "x"))
		w.publish(a, rows("x", "1111 1111"))
		w.publish(a, rows("x", "2111 1112"))
	}},
	{"a product of a class whose sums are of other versions", func(r *conditions) {
		r.alone = func(bool) bool { return true }
	}, func(_ *testing.T, w *toy) {
		a := w.admit(productSet())
		w.publish(a, map[string][]string{"x": {"aaaa aaaa"}, "y": {"1111 1111"}})
		w.publish(a, map[string][]string{"x": {"baaa aaaa"}, "y": {"2222 2222"}})
		w.publish(a, map[string][]string{"x": {"baaa aaaa"}, "y": {"1111 1111"}}, func(in *VersionInput) {
			// The honest client sees no news in a pair of 1; this one does.
			in.News[1].News, in.News[2].News = Bits{0xff}, Bits{0xff}
			in.News[1].Equal, in.News[2].Equal = nil, nil
		})
	}},
	{"a product leaves out one who lacks a measure", func(r *conditions) {
		r.unpaired = func(int, int, int, bool) bool { return true }
	}, func(_ *testing.T, w *toy) {
		a := w.admit(productSet())
		w.publish(a, map[string][]string{"x": {"aaaa aaaa"}, "y": {"111. 1111"}}, func(in *VersionInput) {
			in.News[0].News = Bits{0xf7}
		})
	}},
}

// productSet needs no more than k news for a product: what it is about does not
// hang on p·k.
func productSet() Dataset {
	d := monthly("a", "x", "y")
	d.Moments = [][2]string{{"x", "y"}}
	return d
}

func oneCorrection(_ *testing.T, w *toy) {
	a := w.admit(monthly("a", "x"))
	w.publish(a, rows("x", "1111 1111"))
	w.publish(a, rows("x", "2111 1111"))
}

func TestPublicFiguresIsolateSomebodyOnceAConditionIsOff(t *testing.T) {
	for _, c := range publicIsolations {
		t.Run(c.name, func(t *testing.T) {
			for _, off := range []bool{false, true} {
				w := newToy(t, 2, twoClasses)
				rule := theRule
				rule.momentCohort = func(k, _ int) int { return k }
				if off {
					c.off(&rule)
				}
				w.f.rule = &rule
				c.run(t, w)
				if got := w.isolated(); (got != nil) != off {
					t.Errorf("condition off: %v; isolated are %v", off, got)
				}
			}
		})
	}
}

// private hands the attacker the figures of every piece that pass as of every
// version, one group of all classes, and says who is told of.
func (w *toy) private(s *toySet, pieceOf []int8, pieces int) []int {
	w.t.Helper()
	groups := make([]int32, w.f.tree.Classes())
	for _, settled := range w.f.Versions(s.ID) {
		q := PortfolioQuery{Columns: []Column{x}, Periods: []int64{0}, Groups: groups, AsOf: settled.Version}
		test, err := w.f.Test(s.ID, q, s)
		if err != nil {
			w.t.Fatal(err)
		}
		fails := make([]bool, pieces)
		for _, f := range test.Passes(pieces, pieceOf) {
			fails[f.Piece] = true
		}
		for i := range pieces {
			if fails[i] {
				continue
			}
			w.learnPiece(s, q, pieceOf, int8(i))
		}
	}
	return w.isolated()
}

// learnPiece hands over a piece's figure.
func (w *toy) learnPiece(s *toySet, q PortfolioQuery, pieceOf []int8, piece int8) {
	w.t.Helper()
	versions, err := w.f.PortfolioVersions(s.ID, q, x, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	form := map[int]uint64{}
	keep := w.attacker
	w.attacker = &attacker{entity: keep.entity}
	for c, v := range versions {
		for _, e := range w.f.tree.Members(int32(c)) {
			if v != 0 && pieceOf[e] == piece {
				w.learn(s, int(v), x, 0, []int32{e})
			}
		}
	}
	for _, row := range w.attacker.rows {
		for _, a := range row {
			form[a.unknown] = addMod(form[a.unknown], a.coefficient)
		}
	}
	keep.entity, w.attacker = w.attacker.entity, keep
	w.attacker.learn(form)
}

// pieces are written as rows: "." none, "0" the first.
func pieces(text string) (of []int8) {
	for _, c := range letters(text) {
		if c == '.' {
			of = append(of, -1)
		} else {
			of = append(of, int8(c-'0'))
		}
	}
	return of
}

var privateIsolations = []struct {
	name     string
	off      func(*conditions)
	list     string
	versions []string
}{
	{"one side of the pieces has news", func(r *conditions) {
		r.mixed = func(c, _, _, _ int, _ bool) int { return min(c, 1) }
	}, "000. 0000", []string{"1111 1111"}},
	{"a unit counts k where one side has k and the other one", func(r *conditions) {
		r.mixed = func(c, r, _, k int, _ bool) int {
			if c > 0 && r > 0 {
				return max(1, min(k, max(c, r)))
			}
			return 0
		}
	}, "000. 0000", []string{"1111 1111"}},
	{"units of older versions count", func(r *conditions) {
		r.ownUnits = func(int, int, int) bool { return true }
	}, "00.. 00..", []string{"1111 1111", "2112 1111"}},
	{"a change for the piece is no change", func(r *conditions) {
		r.unchanged = func(bool) bool { return true }
	}, "00.. 00..", []string{"1111 1111", "2112 1111"}},
}

func TestPrivateFiguresIsolateSomebodyOnceAConditionIsOff(t *testing.T) {
	for _, c := range privateIsolations {
		t.Run(c.name, func(t *testing.T) {
			for _, off := range []bool{false, true} {
				w := newToy(t, 2, twoClasses)
				rule := theRule
				if off {
					c.off(&rule)
				}
				w.f.rule = &rule
				a := w.admit(monthly("a", "x"))
				for _, v := range c.versions {
					w.publish(a, rows("x", v))
				}
				if got := w.private(a, pieces(c.list), 1); (got != nil) != off {
					t.Errorf("condition off: %v; isolated are %v", off, got)
				}
			}
		})
	}
}

// Two equations in two readings have a solution up to their order: where a class
// of two has its sum and its squares, both readings are told. p·k keeps it.
func TestSumsAndSquaresOfAFewTellTheirReadings(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newToy(t, 2, "AA BB CC DD")
		if off {
			w.f.rule = with(func(r *conditions) { r.momentCohort = func(k, _ int) int { return k } })
		}
		d := monthly("a", "x")
		d.Moments = [][2]string{{"x", "x"}}
		a := w.admit(d)
		got := w.publish(a, rows("x", "12 34 56 78"), allNews(1))
		square := got.Source(Column{"x", "x"}, 0)
		if solved := square.Alone(0); solved != off {
			t.Errorf("p·k off: %v; a class of two has its squares: %v (%s)", off, solved, unitsText(square))
		}
	}
}

// allNews declares that everybody who counts has news in a column.
func allNews(columns ...int) func(*VersionInput) {
	return func(in *VersionInput) {
		for i := range in.News {
			for _, c := range columns {
				if in.News[i].Column == c {
					in.News[i].News = Bits{1<<in.Entities - 1}
				}
			}
		}
	}
}

// A product of two publishers over all but one of a set, with a second measure
// that is one for everybody, is the sum of all but one.
func TestAJoinOfAllButOneTellsOfThatOne(t *testing.T) {
	for _, off := range []bool{false, true} {
		rule := theRule
		rule.momentCohort = func(k, _ int) int { return k }
		if off {
			rule.samePeople = func(bool) bool { return true }
		}
		a, b := joinSides(t, &rule, "1111 1111", "111. 1111")
		sets, err := joinSets(a, b, nextPair(nil, a, b))
		if err != nil {
			t.Fatal(err)
		}
		has := false
		for _, s := range sets {
			has = has || s.Members[0] == 0
		}
		if has != off {
			t.Errorf("condition off: %v; the first class has a product: %v", off, has)
		}
	}
}

func joinSides(t *testing.T, rule *conditions, x, y string) (a, b JoinSide) {
	t.Helper()
	v, w := newToy(t, 2, twoClasses), newToy(t, 2, twoClasses)
	v.f.rule, w.f.rule = rule, rule
	d, e := monthly("a", "x"), monthly("b", "y")
	d.Joins, e.Joins = []string{"b"}, []string{"a"}
	one, other := v.admit(d), w.admit(e)
	v.publish(one, rows("x", x))
	w.publish(other, rows("y", y))
	return JoinSide{v.f, "a", "x", one}, JoinSide{w.f, "b", "y", other}
}

// A class of which k moved in both factors has no p·k with news in the product,
// whatever its publisher declares.
func TestNewsOfAProductIsOnThePairOfItsFactors(t *testing.T) {
	for _, off := range []bool{false, true} {
		w := newToy(t, 2, "AAAAAAAAA")
		if off {
			w.f.rule = with(func(r *conditions) { r.pair = func(_, counts Bits) Bits { return counts } })
		}
		a := w.admit(productSet())
		w.publish(a, map[string][]string{"x": {"abcdefghi"}, "y": {"222222222"}})
		second := map[string][]string{"x": {"zycdefghi"}, "y": {"332222222"}}
		everybody := func(in *VersionInput) { in.News[2].News, in.News[2].Equal = Bits{0x1ff}, nil }
		got, err := w.try(a, second, everybody)
		if !off {
			wantDeclared(t, err, DeclaredPair)
			got, err = w.try(a, second)
		}
		if err != nil {
			t.Fatal(err)
		}
		if moved := got.Source(xy, 0).Alone(0); moved != off {
			t.Errorf("condition off: %v; a product of two who moved is a unit: %v", off, moved)
		}
	}
}
