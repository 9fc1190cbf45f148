package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bitset"
	"pgregory.net/rapid"
)

// scene is a drawn dataset version with a request, and its evaluation.
type scene struct {
	d       Descriptor
	v       Version
	rows    [][]string
	present map[string]bool // measure/policy period/entity: counts
	class   []int32         // of each entity before the query; nil: all in one
	q       Request
}

//nolint:funlen // one draw after the other
func drawScene(t *rapid.T) scene {
	pair := rapid.SampledFrom([][2]Grain{
		{GrainMonth, GrainMonth}, {GrainMonth, GrainQuarter}, {GrainDay, GrainMonth}, {GrainHour, GrainDay}, {GrainYear, GrainYear},
	}).Draw(t, "grains")
	s := scene{d: testDescriptor("emissions"), present: map[string]bool{}}
	s.d.Grain, s.d.Policy.Grain = pair[0], pair[1]
	s.d.Policy.MinCohort = rapid.IntRange(2, 6).Draw(t, "k")
	s.d.Policy.Public = rapid.IntRange(0, 3).Draw(t, "public") == 0
	s.rows = testRows(0, rapid.IntRange(1, 40).Draw(t, "entities"))
	s.v.Version, s.v.Entities = 1, len(s.rows)
	s.v.First = s.d.Policy.Grain.Span(s.d.Policy.Grain.In(0, s.d.Policy.Grain)+rapid.Int64Range(-20, 20).Draw(t, "first"), s.d.Grain).From
	s.v.Periods = rapid.IntRange(1, 80).Draw(t, "periods")
	all := policyPeriods(s.d, s.v.VersionPropose)
	density := rapid.IntRange(1, 10).Draw(t, "density")
	for _, m := range s.d.measureNames() {
		for p := all.From; p < all.To; p++ {
			for e := range s.rows {
				s.present[presentKey(m, p, e)] = rapid.IntRange(0, 9).Draw(t, "counts") < density
			}
		}
	}
	if rapid.Bool().Draw(t, "cut before") {
		s.class = make([]int32, len(s.rows))
		for e := range s.class {
			s.class[e] = int32(1 + e%3) // counties
		}
	}
	s.q = Request{Version: 1, Dataset: "emissions", Select: []Aggregate{{Func: "sum", Measure: "so2"}}}
	if rapid.Bool().Draw(t, "two columns") {
		s.q.Select = append(s.q.Select, Aggregate{Func: "avg", Measure: "nox"}, Aggregate{Func: "count"}, Aggregate{Func: "avg", Measure: "so2"})
	}
	if rapid.Bool().Draw(t, "where") {
		s.q.Where = drawPredicate(t, 2)
	}
	odd := rapid.IntRange(0, 7).Draw(t, "odd") == 0 // whatever comes; otherwise mostly what is allowed
	coarse := grains
	if !odd {
		coarse = grains[slices.Index(grains, s.d.Policy.Grain):]
	}
	dims := []Dimension{attr("county"), {Kind: DimPeriod, Grain: rapid.SampledFrom(coarse).Draw(t, "grain")}, attr("industry"), {Kind: DimEntity}}
	n := 3
	if odd {
		n = 4
	}
	s.q.By = rapid.Permutation(dims[:n]).Draw(t, "by")[:rapid.IntRange(0, n-1).Draw(t, "dims")]
	at := s.v.First - 5
	for range rapid.IntRange(0, 3).Draw(t, "intervals") {
		from := at + rapid.Int64Range(1, 30).Draw(t, "gap")
		at = from + rapid.Int64Range(1, 60).Draw(t, "length")
		if !odd {
			from = s.d.Policy.Grain.Span(s.d.Grain.In(from, s.d.Policy.Grain)+1, s.d.Grain).From
			at = max(from, s.d.Policy.Grain.Span(s.d.Grain.In(at, s.d.Policy.Grain), s.d.Grain).To)
		}
		if n := len(s.q.Periods); from < at && (n == 0 || from > s.q.Periods[n-1].To) {
			s.q.Periods = append(s.q.Periods, Interval{From: from, To: at})
		}
	}
	return s
}

func presentKey(m string, p int64, e int) string { return fmt.Sprintf("%s/%d/%d", m, p, e) }

func (s scene) evaluation(t rapid.TB) *evaluation {
	table, err := NewTable(testColumns, s.rows)
	if err != nil {
		t.Fatal(err)
	}
	all := policyPeriods(s.d, s.v.VersionPropose)
	counts := func(m string) (bitmaps, error) {
		var list bitmaps
		for p := all.From; p < all.To; p++ {
			b := bitset.New(uint(len(s.rows)))
			for e := range s.rows {
				b.SetTo(uint(e), s.present[presentKey(m, p, e)])
			}
			list = append(list, b)
		}
		return list, nil
	}
	e := &evaluation{descriptor: s.d, version: s.v, request: s.q, table: table, whole: table, counts: counts}
	if s.d.Policy.Public || len(s.q.columns(s.d)) == 0 {
		return e
	}
	e.kin = &kinship{family: family{MinCohort: s.d.Policy.MinCohort, Datasets: []familyDataset{familyDatasetOf(s.d)}}, burdens: &burdens{}}
	if all.To-all.From < 1e5 { // more are refused before anything is looked at
		e.kin.classes = s.classes(t, counts, int(all.To-all.From))
	}
	return e
}

// classes are the scene's classes as the machine would hold them.
func (s scene) classes(t rapid.TB, counts func(string) (bitmaps, error), periods int) *classes {
	c := &coverage{entities: len(s.rows), sources: []source{{Dataset: s.d.Dataset, Version: 1, Entities: len(s.rows), Periods: periods}}}
	store := newColumnStore(c.entities)
	c.columns = [][][]int32{nil}
	for _, m := range s.d.measureNames() {
		list, err := counts(m)
		if err != nil {
			t.Fatal(err)
		}
		var ids []int32
		for _, b := range list {
			ids = append(ids, store.add(b, b))
		}
		c.columns[0] = append(c.columns[0], ids)
	}
	c.count, c.present, c.words = store.rows()
	p := newPartition(len(s.rows))
	if s.class != nil {
		p.assign, p.classes = s.class, int(slices.Max(s.class))+1
	}
	return newClasses(p, c, s.d.Policy.MinCohort, len(s.rows))
}

// oracle answers, straight from the definitions, cell by cell.
type oracle struct{ scene }

func (o oracle) selected(e int, p int64) bool {
	if !o.q.Where.MatchRow(testColumns, o.rows[e]) || p < o.v.First || p >= o.v.First+int64(o.v.Periods) {
		return false
	}
	return len(o.q.Periods) == 0 || slices.ContainsFunc(o.q.Periods, func(i Interval) bool { return i.From <= p && p < i.To })
}

func (o oracle) entityGroup(e int) string {
	var values []string
	for _, d := range o.q.By {
		switch d.Kind {
		case DimEntity:
			values = append(values, o.rows[e][0])
		case DimAttribute:
			values = append(values, o.rows[e][1+slices.Index(testColumns, d.Column)])
		}
	}
	return strings.Join(values, "|")
}

// parts cuts the classes by the definition of DESIGN section 8, point 3, and
// returns for each entity the members of its class.
func (o oracle) parts() [][]int {
	before := map[int32][]int{}
	for e := range o.rows {
		c := int32(0)
		if o.class != nil {
			c = o.class[e]
		}
		before[c] = append(before[c], e)
	}
	out := make([][]int, len(o.rows))
	for _, members := range before {
		for _, part := range o.cut(members) {
			for _, e := range part {
				out[e] = part
			}
		}
	}
	return out
}

func (o oracle) cut(class []int) [][]int {
	groups, rest := map[string][]int{}, []int(nil)
	for _, e := range class {
		if o.q.Where.MatchRow(testColumns, o.rows[e]) {
			g := o.entityGroup(e)
			groups[g] = append(groups[g], e)
		} else {
			rest = append(rest, e)
		}
	}
	var pieces, kept [][]int
	for _, p := range groups {
		pieces = append(pieces, p)
	}
	slices.SortFunc(pieces, func(a, b []int) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return a[0] - b[0]
	})
	for _, p := range pieces {
		if o.fits(class, p) {
			kept = append(kept, p)
		} else {
			rest = append(rest, p...)
		}
	}
	for len(kept) > 0 && len(rest) > 0 && !o.fits(class, rest) {
		rest, kept = append(rest, kept[0]...), kept[1:]
	}
	if len(kept) == 0 {
		return [][]int{class}
	}
	return append(kept, rest)
}

func (o oracle) fits(class, part []int) bool {
	k := o.d.Policy.MinCohort
	if len(part) < k {
		return false
	}
	all := policyPeriods(o.d, o.v.VersionPropose)
	for _, m := range o.d.measureNames() {
		for p := all.From; p < all.To; p++ {
			if n := o.counting(m, p, part); o.counting(m, p, class) >= k && n > 0 && n < k {
				return false
			}
		}
	}
	return true
}

func (o oracle) counting(m string, p int64, of []int) int {
	n := 0
	for _, e := range of {
		if o.present[presentKey(m, p, e)] {
			n++
		}
	}
	return n
}

// released reports whether a selected cell may be summed: its class lies in its
// group and contributes.
func (o oracle) released(class []int, m string, e int, p int64) bool {
	if o.d.Policy.Public {
		return true
	}
	for _, other := range class {
		if !o.q.Where.MatchRow(testColumns, o.rows[other]) || o.entityGroup(other) != o.entityGroup(e) {
			return false
		}
	}
	return o.counting(m, o.d.Grain.In(p, o.d.Policy.Grain), class) >= o.d.Policy.MinCohort
}

// splits reports whether the request takes a part of a period of the policy.
func (o oracle) splits() bool {
	taken := map[int64]int{}
	all := map[int64]int{}
	for p := o.v.First; p < o.v.First+int64(o.v.Periods); p++ {
		all[o.d.Grain.In(p, o.d.Policy.Grain)]++
		if len(o.q.Periods) == 0 || slices.ContainsFunc(o.q.Periods, func(i Interval) bool { return i.From <= p && p < i.To }) {
			taken[o.d.Grain.In(p, o.d.Policy.Grain)]++
		}
	}
	for q, n := range taken {
		if n != all[q] {
			return true
		}
	}
	return false
}

// counted reads a verdict by its documented meaning.
func counted(v Verdict, assign []int32, c, e int, p int64) bool {
	part := int(assign[e])
	if part < 0 {
		return false
	}
	i := v.Parts[part].Group
	for j, g := range v.PeriodGroups {
		in := slices.ContainsFunc(g.Intervals, func(i Interval) bool { return i.From <= p && p < i.To })
		if !in || slices.Contains(v.Withheld, GroupIndex{i, j}) {
			continue
		}
		return !slices.ContainsFunc(v.Exclusions, func(x Exclusion) bool {
			return x.Column == c && x.Part == part && slices.ContainsFunc(x.Intervals, func(i Interval) bool { return i.From <= p && p < i.To })
		})
	}
	return false
}

// TestVerdictIsWhatTheDefinitionSays compares verdicts with an evaluation cell
// by cell that knows nothing of groups as numbers, bitmaps or intervals.
func TestVerdictIsWhatTheDefinitionSays(t *testing.T) {
	judged := 0
	property := func(t *rapid.T) {
		s := drawScene(t)
		o := oracle{s}
		if r := s.q.Check(s.d, testColumns); r != nil {
			return // a grain finer than the dataset's
		}
		v, err := s.evaluation(t).run()
		some, left, counts := false, false, false
		parts := o.parts()
		names := s.columnNames()
		for e := range s.rows {
			for p := s.v.First; p < s.v.First+int64(s.v.Periods); p++ {
				if o.selected(e, p) {
					some = true
					for _, m := range names {
						left = left || o.released(parts[e], m, e, p)
						counts = counts || o.groupCounts(m, e, p)
					}
				}
			}
		}
		grain := s.q.grain()
		var want string
		switch {
		case !some:
			want = "empty"
		case !s.d.Policy.Public && (o.splits() || grain != "" && grain.Finer(s.d.Policy.Grain)):
			want = "grain"
		case !left && counts:
			want = "class"
		case !left:
			want = "min_cohort"
		}
		if want != "" {
			r, ok := err.(*Refusal) //nolint:errorlint // run returns it as it is
			if !ok || r.Rule != want && (want != "empty" || r.Rule != "grain") {
				t.Fatalf("%v, want refusal %s", err, want)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		compareVerdict(t, o, v, names, parts)
		judged++
	}
	for range rounds(4, 20) {
		rapid.Check(t, property)
	}
	if judged < 50 {
		t.Fatalf("only %d verdicts were compared", judged)
	}
}

func (s scene) columnNames() []string {
	var names []string
	for _, c := range s.q.columns(s.d) {
		names = append(names, c.Measure)
	}
	return names
}

func compareVerdict(t *rapid.T, o oracle, v Verdict, names []string, parts [][]int) {
	assign, err := UnpackAssign(v.Assign, v.Entities)
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for e := range o.rows {
		if !o.q.Where.MatchRow(testColumns, o.rows[e]) {
			if assign[e] != -1 {
				t.Fatalf("entity %d is not selected and in group %d", e, assign[e])
			}
			continue
		}
		groups[o.entityGroup(e)]++
		if assign[e] < 0 {
			continue
		}
		if g := v.EntityGroups[v.Parts[assign[e]].Group]; strings.Join(g.Values, "|") != o.entityGroup(e) {
			t.Fatalf("entity %d is in group %v, want %s", e, g.Values, o.entityGroup(e))
		}
	}
	if len(groups) != len(v.EntityGroups) || !slices.IsSortedFunc(v.EntityGroups, func(a, b EntityGroup) int { return slices.Compare(a.Values, b.Values) }) {
		t.Fatalf("groups %v, want %d, sorted", v.EntityGroups, len(groups))
	}
	shown := make([]bool, len(v.EntityGroups)*len(v.PeriodGroups))
	for e := range o.rows {
		for p := o.v.First; p < o.v.First+int64(o.v.Periods); p++ {
			for c, m := range names {
				if !o.d.Policy.Public && !o.present[presentKey(m, o.d.Grain.In(p, o.d.Policy.Grain), e)] {
					continue // no cell
				}
				want := o.selected(e, p) && o.released(parts[e], m, e, p)
				if got := counted(v, assign, c, e, p); got != want {
					t.Fatalf("cell (%s, entity %d, %s): counted %t, want %t\n%s", m, e, o.d.Grain.Format(p), got, want, encode(v))
				}
				if want {
					j := slices.IndexFunc(v.PeriodGroups, func(g PeriodGroup) bool {
						return slices.ContainsFunc(g.Intervals, func(i Interval) bool { return i.From <= p && p < i.To })
					})
					if grain := o.q.grain(); grain != "" && v.PeriodGroups[j].Value != grain.Format(o.d.Grain.In(p, grain)) {
						t.Fatalf("period %s is in group %s", o.d.Grain.Format(p), v.PeriodGroups[j].Value)
					}
					shown[v.Parts[assign[e]].Group*len(v.PeriodGroups)+j] = true
				}
			}
		}
	}
	for at, show := range shown {
		g := GroupIndex{at / len(v.PeriodGroups), at % len(v.PeriodGroups)}
		if slices.Contains(v.Withheld, g) == show {
			t.Fatalf("group %v: released %t, withheld %v", g, show, v.Withheld)
		}
	}
	included := make([]int, len(v.EntityGroups))
	for e := range o.rows {
		if assign[e] >= 0 {
			included[v.Parts[assign[e]].Group]++
		}
	}
	for i, g := range v.EntityGroups {
		if g.Of != groups[strings.Join(g.Values, "|")] || g.Included != included[i] {
			t.Fatalf("group %v: %d of %d, want %d of %d", g.Values, g.Included, g.Of, included[i], groups[strings.Join(g.Values, "|")])
		}
	}
}

// groupCounts reports whether enough entities of the whole group count.
func (o oracle) groupCounts(m string, e int, p int64) bool {
	var group []int
	for other := range o.rows {
		if o.q.Where.MatchRow(testColumns, o.rows[other]) && o.entityGroup(other) == o.entityGroup(e) {
			group = append(group, other)
		}
	}
	return o.counting(m, o.d.Grain.In(p, o.d.Policy.Grain), group) >= o.d.Policy.MinCohort
}
