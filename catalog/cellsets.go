package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// maxLevel bounds ⌊log2 n⌋ of the cells of one entity in one period.
const maxLevel = 40

// maxCompared bounds what a version is compared with.
const maxCompared = 4096

// measureOf names a measure of a dataset of a family by positions.
type measureOf struct{ dataset, measure int }

// kindred lists the measures that may tell of the same cells as one does, itself
// included, in order: those declared as related, those of the same name and unit
// in the family, and whatever follows from these.
func (f *family) kindred(of measureOf) []measureOf {
	found := []measureOf{of}
	for next := 0; next < len(found); next++ {
		d := f.Datasets[found[next].dataset]
		name, unit := d.Measures[found[next].measure], d.Units[found[next].measure]
		for i, other := range f.Datasets {
			for j := range other.Measures {
				at := measureOf{i, j}
				same := other.Measures[j] == name && other.Units[j] == unit
				tied := i == found[next].dataset && slices.ContainsFunc(d.Related, func(p [2]string) bool {
					return p == [2]string{name, other.Measures[j]} || p == [2]string{other.Measures[j], name}
				})
				if (same || tied) && !slices.Contains(found, at) {
					found = append(found, at)
				}
			}
		}
	}
	return found
}

// Kindred returns the releases that a version of the dataset, proposed now, should
// be compared with so that nothing is taken for the worst: of everything that was
// or can be released of kindred measures.
func (v View) Kindred(dataset string) ([]Comparison, error) {
	d, err := v.Dataset(dataset)
	if err != nil || d.Descriptor.Policy.Public {
		return nil, err
	}
	f, err := find[family](v.r, familyKey(d.Owner, d.Descriptor.Registry))
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(f.Datasets, func(x familyDataset) bool { return x.ID == dataset })
	var out []Comparison
	for i, measure := range f.Datasets[at].Measures {
		for _, kin := range f.kindred(measureOf{at, i}) {
			other := f.Datasets[kin.dataset]
			for _, s := range f.Sources {
				if s.Dataset == other.ID {
					out = append(out, Comparison{Measure: measure, Dataset: other.ID, Release: s.Version, Other: other.Measures[kin.measure]})
				}
			}
			if kin.dataset == at && kin.measure < i {
				out = append(out, Comparison{Measure: measure, Dataset: dataset, Other: other.Measures[kin.measure]})
			}
		}
	}
	for _, x := range f.Datasets[at].jointComparisons() {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out, nil
}

// checkCompared refuses comparisons with what is not in the family.
func (c *call) checkCompared(d Dataset, b VersionPropose) error {
	if len(b.Compared) == 0 && b.Sets.IsZero() {
		return nil
	}
	if d.Descriptor.Policy.Public || len(b.Compared) == 0 || b.Sets.IsZero() || len(b.Compared) > maxCompared {
		return invalid("compared", "%d comparisons with the digest %s: a protected version has at most %d, and a digest with them", len(b.Compared), b.Sets, maxCompared)
	}
	f, err := find[family](c.tx, familyKey(d.Owner, d.Descriptor.Registry))
	if err != nil {
		return err
	}
	for i, x := range b.Compared {
		at := fmt.Sprintf("compared[%d]", i)
		other := f.dataset(x.Dataset)
		switch {
		case f.dataset(d.ID).measureIndex(x.Measure) < 0 || other == nil || other.measureIndex(x.Other) < 0:
			return invalid(at, "%s against %s of %s: no such measures in the family", x.Measure, x.Other, x.Dataset)
		case slices.Contains(b.Compared[:i], x):
			return invalid(at, "the comparison occurs twice")
		case x.Release == 0 && x.Dataset == d.ID && other.measureIndex(x.Other) < other.measureIndex(x.Measure):
			continue
		}
		v, err := find[Version](c.tx, prefixVersion+versionName(x.Dataset, x.Release))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || v.State != VersionLive {
			return invalid(at, "dataset %s has no live version %d", x.Dataset, x.Release)
		}
	}
	return nil
}

// SetsDigest is the digest of a version's sets, VersionPropose.Sets: SHA-256 over
// a label and, per set, its numbers and its levels with their length.
func SetsDigest(sets []CellSet) Digest {
	b := []byte("weir sets v1\n")
	h := sha256.New()
	for _, s := range sets {
		b = binary.AppendVarint(b, int64(s.Comparison))
		b = binary.AppendVarint(b, s.Period)
		b = binary.AppendUvarint(b, uint64(len(s.Levels)))
		b = append(b, s.Levels...)
		h.Write(b)
		b = b[:0]
	}
	h.Write(b)
	return Digest(h.Sum(nil))
}

// addSets takes sets of a protected dataset's version. The same chunk again
// changes nothing.
func addSets(c *call, b VersionSets) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, VersionProposed)
	if err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	if r := c.checkSets(d, v, b); r != nil {
		return r
	}
	key := fmt.Sprintf("%s%s/%08d", prefixSets, versionName(v.Dataset, v.Version), b.From)
	if b.From < v.SetsHeld {
		held, err := c.tx.Get([]byte(key))
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		if string(held) == string(encode(b.Sets)) {
			return nil
		}
	}
	switch {
	case b.From != v.SetsHeld:
		return conflict("chunk", "sets from number %d, the next is %d", b.From, v.SetsHeld).withNumber("next", int64(v.SetsHeld))
	case v.Chunks == MaxChunks:
		return invalid("sets", "bitmaps and sets come in more than %d chunks", MaxChunks).withFix("send more of them at a time")
	}
	v.SetsHeld += len(b.Sets)
	v.Chunks++
	if err := put(c.tx, key, b.Sets); err != nil {
		return err
	}
	return c.putVersion(v)
}

func (c *call) checkSets(d Dataset, v Version, b VersionSets) *Refusal {
	size := 0
	for i, s := range b.Sets {
		at := fmt.Sprintf("sets[%d]", i)
		if s.Comparison < 0 || s.Comparison >= len(v.Compared) {
			return invalid(at, "there is no comparison %d", s.Comparison)
		}
		if i > 0 && !s.after(b.Sets[i-1]) {
			return invalid(at, "the sets are not in ascending order")
		}
		entities := v.Entities
		if x := v.Compared[s.Comparison]; x.Release != 0 {
			other, err := find[Version](c.tx, prefixVersion+versionName(x.Dataset, x.Release))
			if err != nil {
				return invalid(at, "%v", err)
			}
			entities = max(entities, other.Entities)
		}
		levels, err := UnpackAssign(s.Levels, entities)
		if err != nil {
			return invalid(at, "levels: %v", err)
		}
		if most := slices.Max(levels); most < 0 || most > maxLevel {
			return invalid(at, "the highest level is %d; a set without cells is left out", most)
		}
		size += len(s.Levels)
	}
	if len(b.Sets) == 0 || size > MaxChunk {
		return invalid("sets", "%d sets of %d bytes for dataset %s, at most %d bytes are accepted", len(b.Sets), size, d.ID, MaxChunk)
	}
	return nil
}

func (s CellSet) after(t CellSet) bool {
	return s.Comparison > t.Comparison || s.Comparison == t.Comparison && s.Period > t.Period
}

func readSets(r Reader, dataset string, version int) ([]CellSet, error) {
	chunks, err := list[[]CellSet](r, prefixSets+versionName(dataset, version)+"/")
	if err != nil {
		return nil, fmt.Errorf("read the sets of version %d of %s: %w", version, dataset, err)
	}
	return slices.Concat(chunks...), nil
}

// Sets returns the sets of a version, which nodes hold against the presences.
func (v View) Sets(dataset string, version int) ([]CellSet, error) {
	return readSets(v.r, dataset, version)
}

// commitSets refuses to commit a version whose sets are not the ones announced.
func (c *call) commitSets(v Version) error {
	if v.Sets.IsZero() {
		return nil
	}
	sets, err := readSets(c.tx, v.Dataset, v.Version)
	if err != nil {
		return err
	}
	for i := 1; i < len(sets); i++ {
		if !sets[i].after(sets[i-1]) {
			return conflict("sets", "set %d is out of order", i).withFix("drop the version and propose it anew")
		}
	}
	if have := SetsDigest(sets); have != v.Sets {
		return conflict("digest", "the sets have the digest %s, announced was %s", have, v.Sets).withFix("drop the version and propose it anew")
	}
	return nil
}

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

// unpackLevels reads levels that were checked when they came in.
func unpackLevels(b []byte) ([]int32, error) {
	n, rest := 0, b[min(1, len(b)):]
	for len(rest) > 0 {
		run, k := binary.Uvarint(rest)
		if k <= 0 || run > MaxRegistryRows {
			return nil, errors.New("levels: bad run")
		}
		_, l := binary.Varint(rest[k:])
		if l <= 0 {
			return nil, errors.New("levels: bad run")
		}
		n, rest = n+int(run), rest[k+l:]
	}
	return UnpackAssign(b, n)
}
