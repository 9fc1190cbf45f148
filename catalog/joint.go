package catalog

import (
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// A statistic of two measures is summed over the cells that both have. Beside each
// one's own sums that tells the sums over the cells that only one has, so those are
// sets of DESIGN section 8, point 4: for the statistic, not for the measures' sums.

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

// jointTests are the conditions on sums over common cells of a source, by joint pair
// and period: a class must have none or enough entities with both measures, with the
// first alone, and with the second alone. They are nil where a period of the policy
// has several of the dataset.
func (t *testMaker) jointTests(source int) [][][]int32 {
	s := t.family.Sources[source]
	d := t.family.dataset(s.Dataset)
	if !d.single() {
		return nil
	}
	out := make([][][]int32, len(d.Joint))
	for j, pair := range d.Joint {
		x, y := d.measureIndex(pair[0]), d.measureIndex(pair[1])
		out[j] = make([][]int32, s.Periods)
		for p := range s.Periods {
			columns := []int32{t.coverage.columns[source][x][p], t.coverage.columns[source][y][p]}
			if columns[0] == columns[1] {
				continue // both have the same cells
			}
			slices.Sort(columns)
			out[j][p] = t.pattern(columns).tests
		}
	}
	return out
}

// jointAt are the conditions on a joint pair of a source in a period.
func (c *coverage) jointAt(source, pair, period int) []int32 {
	if c.jointOf == nil || c.jointOf[source] == nil {
		return nil
	}
	return c.jointOf[source][pair][period]
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
// either way: then the class must have none.
type jointPair struct {
	number int // of the dataset's joint pairs
	x, y   bitmaps
	differ map[int64][]int32 // period → levels of the differing cells; nil where the patterns tell
}

// both are the entities that count in both measures.
func (j jointPair) both(at int) *bitset.BitSet { return j.x[at].Intersection(j.y[at]) }

// jointOf reads what is known of the pairs of a statistic, or refuses one that the
// family does not watch.
func (k *cohort) jointOf(s statistic) ([]jointPair, error) {
	var out []jointPair
	for _, p := range s.pairs {
		x, y := k.descriptor.Measures[p[0]].Name, k.descriptor.Measures[p[1]].Name
		j := jointPair{number: -1}
		if d := k.kin.family.dataset(k.descriptor.Dataset); d != nil {
			j.number = slices.Index(d.Joint, [2]string{x, y})
		}
		var err error
		if j.x, err = k.counts(x); err != nil {
			return nil, err
		}
		if j.y, err = k.counts(y); err != nil {
			return nil, err
		}
		known := j.number >= 0
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
	tests := after.coverage.jointAt(k.kin.source, j.number, at)
	for i := range taken {
		if !taken[i] {
			continue
		}
		least := k.weight(i, at) * after.least
		s := k.survey(i)
		taken[i] = both[i] >= least && !slices.ContainsFunc(tests, func(t int32) bool { return !s.passes(after.coverage.tests[t], least) })
	}
	for e, level := range j.differ[k.periods.From+int64(at)] {
		if level >= 0 && e < len(k.partOf) && k.partOf[e] >= 0 {
			taken[k.partOf[e]] = false
		}
	}
}
