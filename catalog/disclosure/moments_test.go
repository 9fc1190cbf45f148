package disclosure

import (
	"testing"

	"github.com/weirdata/weir/catalog/calendar"
)

var xy = Column{"x", "y"}

// productOf settles versions of two measures and returns the last product. k is
// 2 and p 3.
func productOf(t *testing.T, change func(d *Dataset, s *toySet), versions ...[2]string) *Source {
	t.Helper()
	w := newToy(t, 2, "AAAAAAAAA BBBBBBBBB")
	d := productSet()
	if change != nil {
		change(&d, nil)
	}
	a := w.admit(d)
	if change != nil {
		change(&d, a)
	}
	var last *Settled
	for _, v := range versions {
		last = w.publish(a, map[string][]string{"x": {v[0]}, "y": {v[1]}})
	}
	return last.Source(xy, 0)
}

func TestAProductTakesClassesThatBothSumsHaveAlike(t *testing.T) {
	const old, other = "aaaaaaaaa aaaaaaaaa", "zzzzzzzzz aaaaaaaaa"
	for _, c := range []struct {
		about    string
		versions [][2]string
		want     string
	}{
		{"both are whole", [][2]string{{old, "bbbbbbbbb bbbbbbbbb"}}, "0 1"},
		{"many have x alone", [][2]string{{old, ".......bb bbbbbbbbb"}}, "0+1"},
		{"two have x alone", [][2]string{{old, "..bbbbbbb bbbbbbbbb"}}, "1"},
		{"p·k have x alone and one y", [][2]string{{".aaaaaaaa aaaaaaaaa", "bbb...... bbbbbbbbb"}}, "1"},
		{"both move", [][2]string{{old, "bbbbbbbbb bbbbbbbbb"}, {other, "ccccccccc bbbbbbbbb"}}, "0"},
		{"one moves", [][2]string{{old, "bbbbbbbbb bbbbbbbbb"}, {other, "bbbbbbbbb bbbbbbbbb"}}, ""},
		{"one moves, later both", [][2]string{
			{old, "bbbbbbbbb bbbbbbbbb"}, {other, "bbbbbbbbb bbbbbbbbb"}, {"yyyyyyyyy aaaaaaaaa", "ccccccccc bbbbbbbbb"},
		}, ""},
		{"both move, for fewer than p·k", [][2]string{{old, "bbbbbbbbb bbbbbbbbb"}, {"zzaaaaaaa aaaaaaaaa", "ccbbbbbbb bbbbbbbbb"}}, ""},
	} {
		t.Run(c.about, func(t *testing.T) { wantUnits(t, productOf(t, nil, c.versions...), c.want) })
	}
}

func TestAProductMayLackManyWhoHaveOneMeasureAlone(t *testing.T) {
	// Six of fifteen have x alone, nine both: p·k is 6.
	w := newToy(t, 2, "AAAAAAAAAAAAAAA BB")
	a := w.admit(productSet())
	s := w.publish(a, map[string][]string{"x": {"aaaaaaaaaaaaaaa aa"}, "y": {"bbbbbbbbb...... bb"}})
	wantUnits(t, s.Source(xy, 0), "0+1")
}

func TestAProductIsChosenWithItsFactors(t *testing.T) {
	const a, b = "aaaaaaaaa aaaaaaaaa", "bbbbbbbbb bbbbbbbbb"
	s := productOf(t, nil, [2]string{a, b}, [2]string{a, b})
	if s.Chosen(0) != 1 || s.Chosen(1) != 1 {
		t.Errorf("products of versions %d and %d are chosen, want the first", s.Chosen(0), s.Chosen(1))
	}
	wantUnits(t, s, "")
}

func TestAProductAtACoarserGrainNeedsEveryReadingInPairs(t *testing.T) {
	const a, b = "aaaaaaaaa aaaaaaaaa", "bbbbbbbbb bbbbbbbbb"
	daily := func(d *Dataset) { d.Grain = calendar.Day }
	for _, c := range []struct {
		about string
		tell  func(s *toySet)
		y     string
		want  string
	}{
		{"nobody told", func(*toySet) {}, b, ""},
		{"all are paired", func(s *toySet) { s.unpaired["1xy"] = nil }, b, "0 1"},
		{"one lacks a day", func(s *toySet) { s.unpaired["1xy"] = Bits{1} }, b, "1"},
		{"many lack a measure altogether", func(s *toySet) { s.unpaired["1xy"] = nil }, "bbbbbbbbb .........", "0"},
	} {
		t.Run(c.about, func(t *testing.T) {
			got := productOf(t, func(d *Dataset, s *toySet) {
				if daily(d); s != nil {
					c.tell(s)
				}
			}, [2]string{a, c.y})
			wantUnits(t, got, c.want)
		})
	}
}
