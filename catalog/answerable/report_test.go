package answerable

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog/disclosure"
)

// plain is a level's measure, worked out entity by entity from what the rule chooses.
func (w *world) plain(by []string, measure string) LevelMeasure {
	asOf, tree := len(w.readings), w.family.Tree()
	name := func(e int) string {
		var parts []string
		for _, b := range by {
			for _, a := range w.attributes {
				if a.Name == b {
					parts = append(parts, a.Values[a.Codes[e]])
				}
			}
		}
		return strings.Join(parts, "|")
	}
	var names []string
	for e := range tree.Entities() {
		if !slices.Contains(names, name(e)) {
			names = append(names, name(e))
		}
	}
	slices.Sort(names)
	assign := make([]int32, tree.Entities())
	for e := range assign {
		assign[e] = int32(slices.Index(names, name(e)))
	}
	groups := tree.Groups(assign)
	out := LevelMeasure{Measure: measure}
	var value, all int64
	taken := func(e int, period int64) int32 {
		class := tree.Class(e)
		if class < 0 {
			return 0
		}
		return w.family.Choose("d", disclosure.Column{Measure: measure}, period, asOf, groups, nil)[class]
	}
	incomplete, seen := map[int32]bool{}, map[int32]bool{}
	for p := range int64(len(w.readings[asOf-1][measure])) {
		for g := range names {
			in, of, held := 0, 0, 0
			for e, v := range w.readings[asOf-1][measure][p] {
				if assign[e] != int32(g) || v == 0 {
					continue
				}
				of++
				all += v
				if took := taken(e, p); took > 0 {
					in++
					value += v
					if int(took) < asOf && w.isNew(disclosure.Column{Measure: measure}, asOf, int(p), e) {
						held++
					}
				}
			}
			if of == 0 {
				continue
			}
			seen[int32(g)] = true
			out.Figures++
			out.Included, out.Of = out.Included+in, out.Of+of
			if in == of {
				out.Whole++
			} else {
				incomplete[int32(g)] = true
			}
			if in == 0 || 10*in < 9*of {
				out.Withheld++
			}
			if held > 0 {
				out.HeldBack++
			}
		}
	}
	out.Complete = len(seen) - len(incomplete)
	permille := int(1000 * value / max(all, 1))
	out.Value = &permille
	return out
}

// TestReportsAreWhatPlainLoopsFind: groups, coverage of entities and of value, and
// corrections held back, in families drawn at random.
func TestReportsAreWhatPlainLoopsFind(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(300) {
		w := drawn(t, seed)
		report := w.report()
		var levels []string
		for _, l := range report.Levels {
			levels = append(levels, strings.Join(l.By, "×"))
			for _, m := range l.Measures {
				want := w.plain(l.By, m.Measure)
				got := m
				got.Worst, got.Short = nil, nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("seed %d, by %q, %s (-plain +report):\n%s", seed, l.By, m.Measure, diff)
				}
				if (m.Worst == nil) != (m.Whole == m.Figures) || (len(m.Short) == 0) != (m.Whole == m.Figures) {
					t.Fatalf("seed %d, by %q: %d of %d figures are whole, worst is %v, short are %v", seed, l.By, m.Whole, m.Figures, m.Worst, m.Short)
				}
				for what, n := range map[string]int{"whole": m.Whole, "withheld": m.Withheld, "held back": m.HeldBack} {
					reached[what] += n
				}
			}
		}
		if diff := cmp.Diff([]string{"", "county", "county×industry", "industry"}, levels); diff != "" {
			t.Fatalf("levels (-want +got):\n%s", diff)
		}
		for _, c := range report.Columns {
			why := 0
			for _, x := range c.Why {
				why += x.Classes
				reached[x.Code]++
			}
			if c.Alone+c.Joined+c.Kept+c.None != c.Classes || why != c.Joined+c.None {
				t.Fatalf("seed %d: the classes of column %s do not add up: %+v", seed, c.Measure, c)
			}
		}
	}
	for _, what := range []string{"whole", "withheld", "held back", WhySmall, WhySums, WhyUnpaired, WhyAbsent, WhyNews} {
		if reached[what] == 0 {
			t.Errorf("no family reached %q", what)
		}
	}
}

// TestAGroupBelowTheCohortNamesWhatItTakesWithIt: one plant in a county by itself joins
// the smallest county, and neither has a figure any more.
func TestAGroupBelowTheCohortNamesWhatItTakesWithIt(t *testing.T) {
	w := newWorld(t, descriptor(3, [][]string{{"county"}}, "nox"),
		[]Attribute{attribute("county", strings.Repeat("n", 8)+strings.Repeat("s", 12)+"w")}, 21)
	row := make([]int64, 21)
	for e := range row {
		row[e] = 10
	}
	w.publish(map[string][][]int64{"nox": {row, row}})
	report := w.report()
	by := []string{"county"}
	north, west := Group{by, []string{"n"}, 8}, Group{by, []string{"w"}, 1}
	want := []Joined{{Entities: 9, Leaves: []Leaf{{west, true}, {north, false}}, Missing: []Group{north, west}}}
	if diff := cmp.Diff(want, report.Joined); diff != "" {
		t.Errorf("joined (-want +got):\n%s", diff)
	}
	permille := 571 // 12 of 21
	county := LevelMeasure{
		Measure: "nox", Complete: 1, Figures: 6, Whole: 2, Withheld: 4, Included: 24, Of: 42, Value: &permille,
		Worst: &Worst{"1970-01", 12, 21}, Short: []Short{{[]string{"n"}, 0, 16}, {[]string{"w"}, 0, 2}},
	}
	if diff := cmp.Diff(county, report.Levels[1].Measures[0]); diff != "" {
		t.Errorf("by county (-want +got):\n%s", diff)
	}
	if total := report.Levels[0].Measures[0]; total.Complete != 1 || total.Included != 42 {
		t.Errorf("the total: %+v", total)
	}
}

// TestEntitiesThatWaitAreInNoFigure: fewer than the cohort in all make no class.
func TestEntitiesThatWaitAreInNoFigure(t *testing.T) {
	w := newWorld(t, descriptor(3, [][]string{{"county"}}, "nox"), []Attribute{attribute("county", "nn")}, 2)
	w.publish(map[string][][]int64{"nox": {{1, 2}}})
	report := w.report()
	if diff := cmp.Diff([]Leaf{{Group{[]string{"county"}, []string{"n"}, 2}, true}}, report.Pool); diff != "" {
		t.Errorf("pool (-want +got):\n%s", diff)
	}
	if total := report.Levels[0].Measures[0]; total.Included != 0 || total.Of != 2 || total.Withheld != 1 {
		t.Errorf("the total: %+v", total)
	}
}

// TestARelatedColumnSaysWhatItIsComparedWith: the second of two related columns of one
// version has news only as declared.
func TestARelatedColumnSaysWhatItIsComparedWith(t *testing.T) {
	d := descriptor(2, [][]string{{"county"}}, "x", "y")
	d.Policy.Related = [][]string{{"x", "y"}}
	w := newWorld(t, d, []Attribute{attribute("county", "aaabbb")}, 6)
	rows := [][]int64{{1, 2, 3, 4, 5, 6}}
	w.readings = []map[string][][]int64{{"x": rows, "y": rows}}
	in := disclosure.VersionInput{Version: 1, Entities: 6}
	in.Closed.To = 1
	s, err := w.family.Settle("d", in, w)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.family.Add("d", s); err != nil {
		t.Fatal(err)
	}
	want := []Column{
		{Measure: "x", Needs: 2, Related: []string{"y"}, Sources: 1, Classes: 2, Alone: 2, Why: []Why{}},
		{Measure: "y", Needs: 2, Related: []string{"x"}, Sources: 1, Classes: 2, None: 2, Why: []Why{{WhyNews, 2}}},
	}
	if diff := cmp.Diff(want, w.report().Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

// TestListsSayWhatWouldPass: with many classes a random list passes as a total; by
// county it does where the county's classes are mixed often enough.
func TestListsSayWhatWouldPass(t *testing.T) {
	counties, industries := "", ""
	const entities = 240
	for e := range entities {
		counties += string(rune('a' + e/120)) // two counties
		industries += string(rune('A' + e%4)) // of four classes with 30 entities each
	}
	w := newWorld(t, descriptor(5, [][]string{{"county"}, {"industry"}}, "x"), []Attribute{attribute("county", counties), attribute("industry", industries)}, entities)
	row := make([]int64, entities)
	for e := range row {
		row[e] = 1
	}
	w.publish(map[string][][]int64{"x": {row, row, row}})
	if diff := cmp.Diff([]List{
		{Entities: 100, Figures: 3, Passing: 3, AsOf: 1},
		{Entities: 100, By: []string{"county"}, Figures: 6, Passing: 6, AsOf: 1},
	}, w.report().Lists); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
	// A correction of five entities makes one unit of everybody, and one mixed unit is
	// fewer than five: the total passes as of the first version only. It lies in no
	// county, so that nothing changed there.
	next := slices.Clone(row)
	for e := range 5 {
		next[4*e] = 2
	}
	w.publish(map[string][][]int64{"x": {next, row, row}})
	if diff := cmp.Diff([]List{
		{Entities: 100, Figures: 3, Passing: 2, AsOf: 1},
		{Entities: 100, By: []string{"county"}, Figures: 6, Passing: 6, AsOf: 2},
	}, w.report().Lists); diff != "" {
		t.Errorf("lists after a correction (-want +got):\n%s", diff)
	}
}

// TestListsFindTheVersionThatTheRuleFinds, in families of two versions.
func TestListsFindTheVersionThatTheRuleFinds(t *testing.T) {
	found := map[int]int{}
	for seed := range uint64(200) {
		w := drawn(t, seed)
		r := &reporting{Facts: w.facts(), tree: w.family.Tree()}
		r.periods = w.family.AskedPeriods(r.Descriptor, nil, r.AsOf, nil)
		for _, grouping := range [][]int{nil, {0}} {
			whole := &wholeTests{r: r, grouping: grouping, tests: map[int]*disclosure.Test{}}
			for n := range 4 {
				pieceOf := sample(n, 2+2*n, r.tree.Entities())
				at := func(asOf int) disclosure.PortfolioQuery {
					q := r.query(grouping, r.periods)
					q.AsOf = asOf
					return q
				}
				want, _, err := w.family.NewestPassing("d", r.AsOf, at, w, 1, pieceOf)
				if err != nil {
					t.Fatal(err)
				}
				got, err := whole.newest(pieceOf)
				if err != nil || got != want {
					t.Fatalf("seed %d, by %v: version %d, want %d; error %v", seed, grouping, got, want, err)
				}
				found[got]++
			}
		}
	}
	if len(found) < 3 {
		t.Errorf("only the versions %v were found", found)
	}
}

// TestListsAreTheSameEverywhere: a sample has as many as it should, and depends on its
// number.
func TestListsAreTheSameEverywhere(t *testing.T) {
	count := func(s []int8) (n int) {
		for _, p := range s {
			if p == 0 {
				n++
			}
		}
		return n
	}
	a, again, b := sample(0, 100, 250), sample(0, 100, 250), sample(1, 100, 250)
	if count(a) != 100 || count(b) != 100 || !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Errorf("%d and %d entities, again the same %t, the other one different %t", count(a), count(b), slices.Equal(a, again), !slices.Equal(a, b))
	}
}
