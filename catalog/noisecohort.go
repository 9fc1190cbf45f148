package catalog

import (
	"math/bits"

	"github.com/bits-and-blooms/bitset"
)

// protectNoised withholds the groups of a noised query that are too small. Noise
// protects one entity's whole record whatever else is released, so such a query
// neither cuts classes nor is bound by them, and nothing is left out of a group
// that is released. What remains of the policy is min_cohort, group by group: in
// every column, at least that many of the group's entities must count in some
// period of the group (PROTOCOL section 8).
func (v *evaluation) protectNoised() error {
	groups, periods := len(v.verdict.EntityGroups), len(v.verdict.PeriodGroups)
	least := max(v.least, v.descriptor.Policy.MinCohort)
	smallest := make([]int, v.grid) // over the columns
	for i := range smallest {
		smallest[i] = v.version.Entities
	}
	if r := v.checkNoisedWork(); r != nil {
		return r
	}
	extent := policyPeriods(v.descriptor, v.version.VersionPropose)
	tally := make([]int, groups)
	for _, c := range v.verdict.Columns {
		if c.Count {
			continue
		}
		counts, err := v.commonCounts(c)
		if err != nil {
			return err
		}
		for j, group := range v.verdict.PeriodGroups {
			clear(tally)
			v.tallyUnion(tally, v.union(counts, extent, group))
			for g, n := range tally {
				smallest[g*periods+j] = min(smallest[g*periods+j], n)
			}
		}
	}
	best, top := -1, 0
	released := make([]bool, groups)
	for at, n := range smallest {
		if n > best {
			best, top = n, at
		}
		if n >= least {
			released[at/periods] = true
		} else {
			v.verdict.Withheld = append(v.verdict.Withheld, GroupIndex{Entity: at / periods, Period: at % periods})
		}
	}
	for g := range released {
		if !released[g] {
			v.verdict.EntityGroups[g].Included = 0
		}
	}
	if len(v.verdict.Withheld) == v.grid {
		r := v.refuseNoised("min_cohort", "nothing can be released: fewer than %d entities count in every group, the largest (%s) has %d", top, best)
		if v.trial {
			return r
		}
		if c, found := v.smallest(v.widerGroups(), v.noisedSteps()); found {
			return r.withFix("the smallest change that passes: %s", c.words)
		}
		return r.withFix("ask for groups of at least %d entities: fewer dimensions or a wider condition", least)
	}
	if v.request.Complete && len(v.verdict.Withheld) > 0 {
		w := v.verdict.Withheld[0]
		at := w.Entity*periods + w.Period
		return v.refuseNoised("complete", "the answer would be incomplete: fewer than %d entities count in some group, (%s) the first has %d", at, smallest[at]).
			withNumber("withheld", int64(len(v.verdict.Withheld))).
			withFix("ask without --complete, or for larger groups")
	}
	return nil
}

// refuseNoised refuses for a group of the grid in which n entities count.
func (v *evaluation) refuseNoised(rule, format string, at, n int) *Refusal {
	least, periods := max(v.least, v.descriptor.Policy.MinCohort), len(v.verdict.PeriodGroups)
	name := v.groupName(at/periods, at%periods)
	r := refuse(RefusedPolicy, rule, format, least, name, n)
	r.Group = name
	return r.withNumber("entities", int64(n)).withNumber("min_cohort", int64(least))
}

// noisedSteps are what the test takes.
func (v *evaluation) noisedSteps() int64 {
	d, steps := v.descriptor, int64(0)
	for _, g := range v.verdict.PeriodGroups {
		steps += int64(v.version.Entities + len(v.verdict.EntityGroups))
		for _, i := range g.Intervals {
			steps += (d.Grain.In(i.To-1, d.Policy.Grain) - d.Grain.In(i.From, d.Policy.Grain) + 1) * int64(v.version.Entities/64+1)
		}
	}
	return steps * int64(len(v.verdict.Columns))
}

// checkNoisedWork refuses a test that would hold up the cluster.
func (v *evaluation) checkNoisedWork() *Refusal {
	if n := v.noisedSteps(); n > maxWork {
		return tooMuchWork(n)
	}
	return nil
}

// commonCounts are the entities that count, period by period, in every measure of
// a column.
func (v *evaluation) commonCounts(c Column) (bitmaps, error) {
	measures := c.measures()
	counts, err := v.counts(measures[0])
	if err != nil || len(measures) == 1 {
		return counts, err
	}
	common := make(bitmaps, len(counts))
	for p := range counts {
		common[p] = counts[p].Clone()
	}
	for _, m := range measures[1:] {
		other, err := v.counts(m)
		if err != nil {
			return nil, err
		}
		for p := range common {
			common[p].InPlaceIntersection(other[p])
		}
	}
	return common, nil
}

// union is the entities that count in any of the policy's periods of a group.
func (v *evaluation) union(counts bitmaps, extent Interval, group PeriodGroup) *bitset.BitSet {
	d := v.descriptor
	out := bitset.New(uint(v.version.Entities)) //nolint:gosec // at most MaxRegistryRows
	for _, i := range group.Intervals {
		last := d.Grain.In(i.To-1, d.Policy.Grain)
		for q := d.Grain.In(i.From, d.Policy.Grain); q <= last; q++ {
			out.InPlaceUnion(counts[q-extent.From])
		}
	}
	return out
}

// tallyUnion counts the entities of a bitmap by entity group.
func (v *evaluation) tallyUnion(tally []int, set *bitset.BitSet) {
	for i, w := range set.Words() {
		for ; w != 0; w &= w - 1 {
			if e := i<<6 + bits.TrailingZeros64(w); e < len(v.assign) && v.assign[e] >= 0 {
				tally[v.assign[e]]++
			}
		}
	}
}
