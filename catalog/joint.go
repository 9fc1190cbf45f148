package catalog

import (
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// A statistic of two measures is summed over the cells that both have. Beside each
// one's own sums that tells the sums over the cells that only one has, so those are
// sets of DESIGN section 8, point 4: for the statistic, and for sums of a class and
// period in which such a statistic was released, but not for all sums.

// jointPairs are the pairs of different measures whose products a policy releases
// exactly, the one that stands first in the descriptor first.
func (d Descriptor) jointPairs() [][2]string {
	var out [][2]string
	names := d.measureNames()
	for _, p := range d.Policy.Moments {
		if slices.Index(names, p[0]) > slices.Index(names, p[1]) {
			p[0], p[1] = p[1], p[0]
		}
		if p[0] != p[1] && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// jointComparisons are those that a version of the dataset is held against itself
// by, where a period of the policy has several of the dataset: there the ledger does
// not see from who has a cell at all which cells differ.
func (d familyDataset) jointComparisons() []Comparison {
	if d.single() {
		return nil
	}
	var out []Comparison
	for _, p := range d.Joint {
		out = append(out, Comparison{Measure: p[1], Dataset: d.ID, Other: p[0]})
	}
	return out
}

// jointKin lists the measures whose sums, over all their cells or over those that
// they have in common, may tell of the same readings as a measure's, itself included:
// kindred ones, those that it has products with, and whatever follows. It is false
// where the presences do not tell the cells of all of them apart: a joint statistic
// of these is not released exactly.
func (f *family) jointKin(of measureOf) ([]measureOf, bool) {
	found := []measureOf{of}
	own := f.Datasets[of.dataset]
	add := func(m measureOf) {
		if !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	watched := true
	for next := 0; next < len(found); next++ {
		at := found[next]
		d := f.Datasets[at.dataset]
		if at.dataset != of.dataset && (!d.single() || !own.single() || d.Grain != own.Grain) {
			watched = false
		}
		for _, m := range f.kindred(at) {
			add(m)
		}
		for _, p := range d.Joint {
			for i, name := range p {
				if name == d.Measures[at.measure] {
					add(measureOf{at.dataset, d.measureIndex(p[1-i])})
				}
			}
		}
	}
	return found, watched
}

// declaration is what a version says of the cells in which it differs from others.
type declaration struct {
	compared []Comparison
	sets     []CellSet
}

// jointTests are the conditions on joint statistics of a source, by measure and
// period: of the entities that have cells in the same ones of all columns that may be
// added and subtracted there, a class must have none or enough, and of those of each
// such pattern whose cells changed since another version. They are nil where a period
// of the policy has several of the dataset, and of measures without products.
func (t *testMaker) jointTests(source int, said declaration) ([][][]int32, error) {
	s := t.family.Sources[source]
	at := slices.IndexFunc(t.family.Datasets, func(d familyDataset) bool { return d.ID == s.Dataset })
	d := t.family.Datasets[at]
	if !d.single() || len(d.Joint) == 0 {
		return nil, nil
	}
	out := make([][][]int32, len(d.Measures))
	for m, name := range d.Measures {
		out[m] = make([][]int32, s.Periods)
		if !slices.ContainsFunc(d.Joint, func(p [2]string) bool { return p[0] == name || p[1] == name }) {
			continue
		}
		kin, _ := t.family.jointKin(measureOf{at, m})
		for p := range s.Periods {
			columns := t.columnsOf(kin, source, s.From+int64(p))
			if len(columns) < 2 {
				continue // all have the same cells: the measures' own conditions are enough
			}
			patterns := t.pattern(columns)
			changed, err := t.changedJoint(at, kin, said, s.From+int64(p), patterns)
			if err != nil {
				return nil, err
			}
			out[m][p] = slices.Concat(patterns.tests, changed)
		}
	}
	return out, nil
}

// changedJoint are the tests of the declared changes of measures of a dataset in a
// period, pattern by pattern.
func (t *testMaker) changedJoint(dataset int, kin []measureOf, said declaration, period int64, p *patterns) ([]int32, error) {
	var out []int32
	d := t.family.Datasets[dataset]
	for number, x := range said.compared {
		if !slices.Contains(kin, measureOf{dataset, d.measureIndex(x.Measure)}) {
			continue
		}
		tests, err := t.declared(number, period, said.sets, p)
		if err != nil {
			return nil, err
		}
		out = append(out, tests...)
	}
	return out, nil
}

// columnsOf are the distinct columns of measures, in the sources up to one, in a
// period of its grain.
func (t *testMaker) columnsOf(measures []measureOf, source int, period int64) []int32 {
	var columns []int32
	grain := t.family.dataset(t.family.Sources[source].Dataset).Grain
	for i, s := range t.family.Sources[:source+1] {
		at := period - s.From
		d := t.family.dataset(s.Dataset)
		if d.Grain != grain || at < 0 || at >= int64(s.Periods) {
			continue
		}
		for _, m := range measures {
			if t.family.Datasets[m.dataset].ID == s.Dataset {
				columns = append(columns, t.coverage.columns[i][m.measure][at])
			}
		}
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// alwaysIn masks those tests of a word that hold for every class. The others are for
// classes of which a joint statistic is or was released (kinship.bears).
func (c *coverage) alwaysIn(word int) uint64 {
	switch n := c.always - 64*word; {
	case n >= 64:
		return ^uint64(0)
	case n <= 0:
		return 0
	default:
		return 1<<n - 1
	}
}

// jointAt are the conditions on joint statistics of a measure of a source in a
// period.
func (c *coverage) jointAt(source, measure, period int) []int32 {
	if c.jointOf == nil || c.jointOf[source] == nil {
		return nil
	}
	return c.jointOf[source][measure][period]
}

// passesAll reports whether a part of a class passes those tests that the class
// itself passes, with so many entities.
func (s *survey) passesAll(of *classes, class int, tests []int32, least int) bool {
	return !slices.ContainsFunc(tests, func(t int32) bool {
		return !hasBit(of.profiles[class].failed, int(t)) && !s.passes(of.coverage.tests[t], least)
	})
}

// jointPair decides where the cells that two measures have in common may be taken
// beside each one's own.
//
// Where a period of the policy is one of the dataset, the presences tell which
// entities have one measure and not the other: a class must have none of either
// kind, or p·k, from the moment a version goes live, and cuts keep it so. Where it
// is coarser, the ledger knows of the differing cells only how many an entity has,
// either way: then the class must have none, and its joint sums say no more than the
// measures' own.
type jointPair struct {
	measures [2]int
	x, y     bitmaps
	differ   map[int64][]int32 // period → levels of the differing cells; nil where the patterns tell
}

// both are the entities that count in both measures.
func (j jointPair) both(at int) *bitset.BitSet { return j.x[at].Intersection(j.y[at]) }

// jointOf reads what is known of the pairs of a statistic, or refuses one that the
// family does not watch.
func (k *cohort) jointOf(s statistic) ([]jointPair, error) {
	var out []jointPair
	for _, p := range s.pairs {
		x, y := k.descriptor.Measures[p[0]].Name, k.descriptor.Measures[p[1]].Name
		j := jointPair{measures: p}
		known := k.watched(x, y, p[0])
		var err error
		if j.x, err = k.counts(x); err != nil {
			return nil, err
		}
		if j.y, err = k.counts(y); err != nil {
			return nil, err
		}
		if known && k.descriptor.countsPresence() {
			if j.differ, known, err = k.differing(x, y); err != nil {
				return nil, err
			}
		}
		if !known && !k.loose() {
			r := refuse(RefusedPolicy, "joint", "where %s has a reading and %s has none is not watched in dataset %s, so sums over the cells that have both are not released exactly", x, y, k.descriptor.Dataset).
				withFix("its publisher has to list the product under moments and to publish a version since")
			r.Field = "select"
			return nil, r
		}
		out = append(out, j)
	}
	return out, nil
}

// watched reports whether the family watches where one of two measures of the
// dataset is missing; at is the number of one.
func (k *cohort) watched(x, y string, at int) bool {
	f := &k.kin.family
	i := slices.IndexFunc(f.Datasets, func(d familyDataset) bool { return d.ID == k.descriptor.Dataset })
	if i < 0 || !slices.Contains(f.Datasets[i].Joint, [2]string{x, y}) {
		return false
	}
	_, told := f.jointKin(measureOf{i, at})
	return told || !f.Datasets[i].single()
}

// differing reads the sets of cells that one of two measures has and the other has
// not; false when the version does not name them.
func (k *cohort) differing(x, y string) (map[int64][]int32, bool, error) {
	i := slices.Index(k.version.Compared, Comparison{Measure: y, Dataset: k.descriptor.Dataset, Other: x})
	if i < 0 {
		return nil, false, nil
	}
	sets, err := k.sets()
	if err != nil {
		return nil, false, err
	}
	out := map[int64][]int32{}
	for _, s := range sets {
		if s.Comparison != i {
			continue
		}
		if out[s.Period], err = unpackLevels(s.Levels); err != nil {
			return nil, false, err
		}
	}
	return out, true, nil
}

// narrow takes parts out that must not be in a sum over the common cells of a
// period: those in which fewer than p·k entities have both (point 5) or one alone, or
// whose differing cells are not known well enough.
func (j jointPair) narrow(k *cohort, at int, taken []bool) {
	after := k.outcome.classes
	if after.loose {
		return
	}
	both := make([]int, len(taken))
	tallyBits(j.both(at).Words(), k.partOf, both)
	var tests []int32
	for _, m := range j.measures {
		tests = append(tests, after.coverage.jointAt(k.kin.source, m, at)...)
	}
	for i := range taken {
		if !taken[i] {
			continue
		}
		weight := k.weight(i, at)
		taken[i] = both[i] >= weight*after.least && k.side.pass(k.verdict.Parts[i].Class, tests, weight)
	}
	for e, level := range j.differ[k.periods.From+int64(at)] {
		if level >= 0 && e < len(k.partOf) && k.partOf[e] >= 0 {
			taken[k.partOf[e]] = false
		}
	}
}
