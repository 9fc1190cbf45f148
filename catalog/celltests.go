package catalog

import (
	"fmt"
	"slices"
)

// addTests adds the conditions of point 4 to a coverage: for every measure of a
// source against every kindred one that was live before it.
func (m *Machine) addTests(r Reader, f *family, c *coverage) error {
	t := testMaker{family: f, coverage: c, store: setStore{newColumnStore(c.entities)}, known: map[string]*patterns{}}
	c.testsOf = make([][][][]int32, len(f.Sources))
	said := make([]declaration, len(f.Sources))
	for i, s := range f.Sources {
		v, err := find[Version](r, prefixVersion+versionName(s.Dataset, s.Version))
		if err != nil {
			return err
		}
		sets, err := readSets(r, s.Dataset, s.Version)
		if err != nil {
			return err
		}
		if err := t.source(i, v.Compared, sets); err != nil {
			return fmt.Errorf("version %d of %s: %w", s.Version, s.Dataset, err)
		}
		said[i] = declaration{v.Compared, sets}
	}
	c.always = len(c.tests)
	c.jointOf = make([][][][]int32, len(f.Sources))
	for i, s := range f.Sources {
		var err error
		if c.jointOf[i], err = t.jointTests(i, said[i]); err != nil {
			return fmt.Errorf("version %d of %s: %w", s.Version, s.Dataset, err)
		}
	}
	c.marks, _, c.setWords = t.store.columns.rows()
	return nil
}

// testMaker builds the conditions of a coverage.
type testMaker struct {
	family   *family
	coverage *coverage
	store    setStore
	known    map[string]*patterns
}

// source adds the conditions of source i.
func (t *testMaker) source(i int, compared []Comparison, sets []CellSet) error {
	f, c := t.family, t.coverage
	at := slices.IndexFunc(f.Datasets, func(d familyDataset) bool { return d.ID == f.Sources[i].Dataset })
	for m, measure := range f.Datasets[at].Measures {
		var pairs []pairOf
		for _, kin := range f.kindred(measureOf{at, m}) {
			other := f.Datasets[kin.dataset]
			for j := range i + 1 {
				x := Comparison{Measure: measure, Dataset: other.ID, Release: f.Sources[j].Version, Other: other.Measures[kin.measure]}
				if f.Sources[j].Dataset != other.ID {
					continue
				}
				if j == i {
					if kin.measure >= m {
						continue
					}
					x.Release = 0
				}
				pairs = append(pairs, pairOf{j, kin.measure, slices.Index(compared, x)})
			}
		}
		if len(pairs) == 0 {
			continue
		}
		if c.testsOf[i] == nil {
			c.testsOf[i] = make([][][]int32, len(f.Datasets[at].Measures))
		}
		c.testsOf[i][m] = make([][]int32, f.Sources[i].Periods)
		patterns := t.patternsOf(i, m, pairs)
		for _, pair := range pairs {
			if err := t.pair(i, m, pair, patterns, sets); err != nil {
				return err
			}
		}
	}
	return nil
}

// pairOf is a measure of an earlier source, and the number of the comparison with
// it, or −1.
type pairOf struct{ source, measure, number int }

// pair adds the conditions of measure m of source i against an earlier one.
// patterns are those of each period.
func (t *testMaker) pair(i, m int, pair pairOf, patterns []*patterns, sets []CellSet) error {
	f, c := t.family, t.coverage
	mine, theirs := f.dataset(f.Sources[i].Dataset), f.dataset(f.Sources[pair.source].Dataset)
	coarse := mine.Grain
	if coarse.Finer(theirs.Grain) {
		coarse = theirs.Grain
	}
	known := map[int64][]int32{} // period of coarse → tests
	for p := range f.Sources[i].Periods {
		whole := mine.Grain.In(f.Sources[i].From+int64(p), coarse)
		tests, done := known[whole]
		if !done {
			var err error
			switch {
			case pair.number >= 0:
				tests, err = t.declared(pair.number, whole, sets, patterns[p])
			case mine.single() && theirs.single() && mine.Grain == theirs.Grain && (mine != theirs || m != pair.measure):
				// The presences alone tell which cells differ: the patterns.
			default:
				tests = t.barred(pair.source, pair.measure, coarse.Span(whole, theirs.Grain))
			}
			if err != nil {
				return err
			}
			known[whole] = tests
		}
		c.testsOf[i][m][p] = append(c.testsOf[i][m][p], tests...)
	}
	return nil
}

// single reports whether a period of the policy is one of the dataset.
func (d familyDataset) single() bool { return d.Cells == d.Grain }

// patterns tell, for a measure of a source in a period, in which of the sources
// that tell of the same cells each entity has any: of is the number of its
// pattern, −1 where it has none. Entities of one pattern are alike to whoever adds
// and subtracts the sums of these sources, and those of different patterns may be
// told apart, so a class must have none or enough of each.
type patterns struct {
	of     []int32
	number int
	tests  []int32
}

// maxPatterns bounds the patterns that are told apart; beyond it every class
// fails.
const maxPatterns = 64

// patternsOf adds the conditions on the patterns of measure m of source i, and
// returns the patterns of each period; nil where all presences are the same.
func (t *testMaker) patternsOf(i, m int, pairs []pairOf) []*patterns {
	f, c := t.family, t.coverage
	mine := f.dataset(f.Sources[i].Dataset)
	out := make([]*patterns, f.Sources[i].Periods)
	for p := range out {
		columns := []int32{c.columns[i][m][p]}
		for _, pair := range pairs {
			s := f.Sources[pair.source]
			q := f.Sources[i].From + int64(p) - s.From
			if f.dataset(s.Dataset).Grain == mine.Grain && q >= 0 && q < int64(s.Periods) {
				columns = append(columns, c.columns[pair.source][pair.measure][q])
			}
		}
		slices.Sort(columns)
		if columns = slices.Compact(columns); len(columns) > 1 {
			out[p] = t.pattern(columns)
			c.testsOf[i][m][p] = append(c.testsOf[i][m][p], out[p].tests...)
		}
	}
	return out
}

// pattern finds the patterns of the presences of some columns.
func (t *testMaker) pattern(columns []int32) *patterns {
	name := fmt.Sprint(columns)
	if p := t.known[name]; p != nil {
		return p
	}
	p := &patterns{of: make([]int32, t.coverage.entities)}
	index := map[string]int32{}
	key := make([]byte, len(columns))
	for e := range p.of {
		some := false
		row := t.coverage.presentRow(e)
		for i, column := range columns {
			key[i] = 0
			if hasBit(row, int(column)) {
				key[i], some = 1, true
			}
		}
		if p.of[e] = -1; !some {
			continue
		}
		number, known := index[string(key)]
		if !known {
			number = int32(len(index))
			index[string(key)] = number
		}
		p.of[e] = number
	}
	p.number = len(index)
	if p.number > maxPatterns {
		p.number = 0
		p.tests = []int32{t.add(setTest{bars: columns})}
	}
	for number := range int32(p.number) {
		p.tests = append(p.tests, t.add(setTest{levels: t.store.add(p.only(number, nil))}))
	}
	t.known[name] = p
	return p
}

// only are the levels of the entities of one pattern, all 0 when levels is nil.
func (p *patterns) only(number int32, levels []int32) []int32 {
	out := slices.Repeat([]int32{-1}, len(p.of))
	for e, n := range p.of {
		switch {
		case n != number:
		case levels == nil:
			out[e] = 0
		case e < len(levels):
			out[e] = levels[e]
		}
	}
	return out
}

func (t *testMaker) add(test setTest) int32 {
	t.coverage.tests = append(t.coverage.tests, test)
	return int32(len(t.coverage.tests) - 1)
}

// declared are the tests of a set that the publisher named: of all of it, and of
// its part in each pattern.
func (t *testMaker) declared(number int, period int64, sets []CellSet, patterns *patterns) ([]int32, error) {
	k, found := slices.BinarySearchFunc(sets, CellSet{Comparison: number, Period: period}, func(a, b CellSet) int {
		switch {
		case a.after(b):
			return 1
		case b.after(a):
			return -1
		}
		return 0
	})
	if !found {
		return nil, nil
	}
	// The set may cover more entities than any source: a version that was
	// compared with is forgotten when nothing was released of it.
	levels, err := unpackLevels(sets[k].Levels)
	if err != nil {
		return nil, err
	}
	levels = levels[:min(len(levels), t.coverage.entities)]
	tests := []int32{t.add(setTest{levels: t.store.add(levels)})}
	if patterns == nil {
		return tests, nil
	}
	for n := range int32(patterns.number) {
		if part := patterns.only(n, levels); slices.Max(part) >= 0 {
			tests = append(tests, t.add(setTest{levels: t.store.add(part)}))
		}
	}
	return tests, nil
}

// barred is the test where nobody said what differs.
func (t *testMaker) barred(j, n int, span Interval) []int32 {
	s := t.family.Sources[j]
	from, to := max(span.From-s.From, 0), min(span.To-s.From, int64(s.Periods))
	if from >= to {
		return nil
	}
	bars := slices.Clone(t.coverage.columns[j][n][from:to])
	slices.Sort(bars)
	return []int32{t.add(setTest{bars: slices.Compact(bars)})}
}
