package catalog

import (
	"math/bits"
)

// cohort applies min_cohort to a verdict.
type cohort struct {
	*evaluation
	periods  Interval     // of the policy's grain, that the version touches
	wanted   []wantedSpan // of them those that the query takes, ascending
	released []bool       // by group: some column contributes in some period
	best     []int        // by group: the largest number of entities that count
	excluded [][]Interval // by column and entity group
	total    int          // intervals in excluded
}

// wantedSpan is a period of the policy's grain and the period group it is in.
type wantedSpan struct {
	period int64
	group  int
}

// protect leaves out, per column, entity group and period of the policy's
// grain, what fewer than min_cohort entities count in, and withholds the groups
// of which nothing is left.
func (v *evaluation) protect() error {
	k := cohort{evaluation: v, periods: policyPeriods(v.descriptor, v.version.VersionPropose)}
	if r := k.checkWork(); r != nil {
		return r
	}
	k.released, k.best = make([]bool, v.grid), make([]int, v.grid)
	k.excluded = make([][]Interval, len(v.verdict.Columns)*len(v.verdict.EntityGroups))
	k.spans()
	for i, c := range v.verdict.Columns {
		counts, err := v.counts(c.Measure)
		if err != nil {
			return err
		}
		if r := k.column(i, counts); r != nil {
			return r
		}
	}
	if r := k.settle(); r != nil {
		return r
	}
	return nil
}

// checkWork refuses a cohort test that would hold up the cluster.
func (k *cohort) checkWork() *Refusal {
	d, periods := k.descriptor, int64(0)
	for _, g := range k.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			periods += d.Grain.In(i.To-1, d.Policy.Grain) - d.Grain.In(i.From, d.Policy.Grain) + 1
		}
	}
	steps := int64(len(k.verdict.Columns)) * int64(k.version.Entities+len(k.verdict.EntityGroups)) * periods
	if steps > maxWork {
		return refuse(RefusedInvalid, "max_work", "judging the query takes %d steps, at most %d are possible", steps, maxWork).
			withFix("ask for fewer measures or periods at a time")
	}
	return nil
}

// spans lists the wanted periods of the policy's grain. Each lies in one period
// group: groups are not finer, and no period is split.
func (k *cohort) spans() {
	d := k.descriptor
	for j, g := range k.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			last := d.Grain.In(i.To-1, d.Policy.Grain)
			for q := d.Grain.In(i.From, d.Policy.Grain); q <= last; q++ {
				k.wanted = append(k.wanted, wantedSpan{period: q, group: j})
			}
		}
	}
}

// column applies the rule to one column.
func (k *cohort) column(column int, counts bitmaps) *Refusal {
	groups, periods := len(k.verdict.EntityGroups), len(k.verdict.PeriodGroups)
	least := k.descriptor.Policy.MinCohort
	tally := make([]int, groups)
	for _, w := range k.wanted {
		clear(tally)
		k.tally(tally, counts[w.period-k.periods.From].Words())
		span := k.descriptor.Policy.Grain.Span(w.period, k.descriptor.Grain)
		for g, n := range tally {
			cell := g*periods + w.group
			k.best[cell] = max(k.best[cell], n)
			if n >= least {
				k.released[cell] = true
				continue
			}
			if r := k.exclude(column*groups+g, span); r != nil {
				return r
			}
		}
	}
	return nil
}

// tally counts the entities of a bitmap by group.
func (k *cohort) tally(tally []int, words []uint64) {
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			if g := k.assign[i<<6+bits.TrailingZeros64(w)]; g >= 0 {
				tally[g]++
			}
		}
	}
}

func (k *cohort) exclude(at int, span Interval) *Refusal {
	list := k.excluded[at]
	if n := len(list); n > 0 && list[n-1].To == span.From {
		list[n-1].To = span.To
		return nil
	}
	if k.total++; k.total > maxExclusions {
		return refuse(RefusedInvalid, "max_exclusions", "more than %d parts of groups are too small", maxExclusions).
			withFix("ask for larger groups or fewer periods")
	}
	k.excluded[at] = append(list, span)
	return nil
}

// settle writes the outcome into the verdict. Exclusions of an entity group of
// which nothing is released say no more than the withheld groups do.
func (k *cohort) settle() *Refusal {
	groups, periods := len(k.verdict.EntityGroups), len(k.verdict.PeriodGroups)
	for g := range groups {
		kept := false
		for j := range periods {
			if k.released[g*periods+j] {
				kept = true
			} else {
				k.verdict.Withheld = append(k.verdict.Withheld, GroupIndex{Entity: g, Period: j})
			}
		}
		if !kept {
			k.verdict.EntityGroups[g].Included = 0
		}
	}
	for at, list := range k.excluded {
		if g := at % groups; len(list) > 0 && k.verdict.EntityGroups[g].Included > 0 {
			k.verdict.Exclusions = append(k.verdict.Exclusions, Exclusion{Column: at / groups, Group: g, Intervals: list})
		}
	}
	if len(k.verdict.Withheld) == k.grid {
		return k.nothingLeft()
	}
	if k.request.Complete && len(k.verdict.Withheld)+len(k.verdict.Exclusions) > 0 {
		return k.incomplete()
	}
	return nil
}

// nothingLeft refuses with the group that came closest.
func (k *cohort) nothingLeft() *Refusal {
	periods := len(k.verdict.PeriodGroups)
	top := 0
	for cell := range k.best {
		if k.best[cell] > k.best[top] {
			top = cell
		}
	}
	least := int64(k.descriptor.Policy.MinCohort)
	g := top / periods
	name, n := k.groupName(g, top%periods), int64(k.best[top])
	r := refuse(RefusedPolicy, "min_cohort", "nothing can be released: fewer than %d entities count in every group, the largest (%s) has %d", least, name, n)
	if of := int64(k.verdict.EntityGroups[g].Of); of < least {
		r.Message = refuse("", "", "nothing can be released: the largest group (%s) has %d entities, dataset %s releases groups of at least %d",
			name, of, k.descriptor.Dataset, least).Message
		n = of
	}
	r.Group = name
	return r.withNumber("entities", n).withNumber("min_cohort", least).
		withFix("ask for groups of at least %d entities: fewer dimensions or a wider condition; COUNT is always answered", least)
}

// incomplete refuses a request that takes all or nothing.
func (k *cohort) incomplete() *Refusal {
	g, j := 0, -1
	if len(k.verdict.Withheld) > 0 {
		g, j = k.verdict.Withheld[0].Entity, k.verdict.Withheld[0].Period
	} else {
		g = k.verdict.Exclusions[0].Group
	}
	name := k.groupName(g, j)
	least := int64(k.descriptor.Policy.MinCohort)
	r := refuse(RefusedPolicy, "complete", "the answer would be incomplete: in %d of %d groups, (%s) the first, fewer than %d entities count in some period",
		len(k.verdict.Withheld)+len(k.verdict.Exclusions), k.grid, name, least)
	r.Group = name
	return r.withNumber("withheld", int64(len(k.verdict.Withheld))).withNumber("min_cohort", least).
		withFix("ask without --complete, or for larger groups")
}
