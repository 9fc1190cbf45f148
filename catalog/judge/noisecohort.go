package judge

import (
	"math/bits"
	"slices"

	"github.com/bits-and-blooms/bitset"
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/records"
)

// protectNoised withholds the groups of a noised query that are too small. Noise
// protects one entity's whole record whatever else is released, so such a query
// neither cuts classes nor is bound by them, and nothing is left out of a group
// that is released. What remains of the policy is min_cohort, group by group: in
// every column, at least that many of the group's entities must count in some
// period of the group (PROTOCOL.md section 8.6).
func (v *evaluation) protectNoised() error {
	groups, periods := len(v.verdict.EntityGroups), len(v.verdict.PeriodGroups)
	least := max(v.least, v.descriptor.Policy.MinCohort)
	smallest := slices.Repeat([]int{v.version.Entities}, v.grid) // over the columns
	if r := checkWork(v.noisedSteps()); r != nil {
		return r
	}
	extent := v.version.PolicyPeriods(v.descriptor)
	tally := make([]int, groups)
	for _, c := range v.verdict.Columns {
		if c.Count {
			continue
		}
		counts, err := commonCounts(v.counts, c)
		if err != nil {
			return err
		}
		for j, group := range v.verdict.PeriodGroups {
			clear(tally)
			tallyUnion(tally, v.assign, v.union(counts, extent, group))
			for g, n := range tally {
				smallest[g*periods+j] = min(smallest[g*periods+j], n)
			}
		}
	}
	best, top := -1, 0
	for at, n := range smallest {
		if n > best {
			best, top = n, at
		}
		if n < least {
			v.verdict.Withheld = append(v.verdict.Withheld, catalog.GroupIndex{Entity: at / periods, Period: at % periods})
			v.verdict.Coverage[at].Included = 0
		}
	}
	if len(v.verdict.Withheld) == v.grid {
		r := v.refuseNoised("min_cohort", "cohort.few", top, best)
		if v.trial {
			return r
		}
		if c, found := (advisor{v}).smallest((advisor{v}).widerGroups(), v.noisedSteps()); found {
			return r.WithFixes(c.fix())
		}
		return r.WithFix("fix.wider_groups", least)
	}
	if v.request.Complete && len(v.verdict.Withheld) > 0 {
		w := v.verdict.Withheld[0]
		at := w.Entity*periods + w.Period
		return v.refuseNoised("complete", "noise.incomplete", at, smallest[at]).
			WithNumber("withheld", int64(len(v.verdict.Withheld))).
			WithFix("fix.incomplete")
	}
	return nil
}

// refuseNoised refuses for a group of the grid in which n entities count.
func (v *evaluation) refuseNoised(rule, code string, at, n int) *catalog.Refusal {
	least, periods := max(v.least, v.descriptor.Policy.MinCohort), len(v.verdict.PeriodGroups)
	name := v.groupName(at/periods, at%periods)
	r := catalog.Refuse(catalog.RefusedPolicy, rule, code, least, name, n)
	r.Group = name
	return r.WithNumber("entities", int64(n)).WithNumber("min_cohort", int64(least))
}

// noisedSteps are what the test takes.
func (v *evaluation) noisedSteps() int64 {
	steps := int64(0)
	for _, g := range v.verdict.PeriodGroups {
		steps += int64(v.version.Entities + len(v.verdict.EntityGroups))
		for _, i := range g.Intervals {
			span := v.inPolicy(i)
			steps += (span.To - span.From) * int64(v.version.Entities/64+1)
		}
	}
	return steps * int64(len(v.verdict.Columns))
}

// commonCounts are the entities that count, period by period, in every measure of
// a column.
func commonCounts(read func(measure string) (records.Bitmaps, error), c catalog.Column) (records.Bitmaps, error) {
	measures := c.Measures()
	counts, err := read(measures[0])
	if err != nil || len(measures) == 1 {
		return counts, err
	}
	common := make(records.Bitmaps, len(counts))
	for p := range counts {
		common[p] = counts[p].Clone()
	}
	for _, m := range measures[1:] {
		other, err := read(m)
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
func (v *evaluation) union(counts records.Bitmaps, extent calendar.Interval, group catalog.PeriodGroup) *bitset.BitSet {
	out := bitset.New(uint(v.version.Entities)) //nolint:gosec // at most MaxRegistryRows
	for _, i := range group.Intervals {
		span := v.inPolicy(i)
		for _, set := range counts[span.From-extent.From : span.To-extent.From] {
			out.InPlaceUnion(set)
		}
	}
	return out
}

// tallyUnion counts the entities of a bitmap by entity group, which assign says of each.
func tallyUnion(tally []int, assign []int32, set *bitset.BitSet) {
	for i, w := range set.Words() {
		for ; w != 0; w &= w - 1 {
			if e := i<<6 + bits.TrailingZeros64(w); e < len(assign) && assign[e] >= 0 {
				tally[assign[e]]++
			}
		}
	}
}
