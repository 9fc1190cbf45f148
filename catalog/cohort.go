package catalog

import (
	"cmp"
	"math/bits"
	"slices"
)

// outcome is what accepting the query does to its family.
type outcome struct {
	classes *classes // after the cuts
	parents []int32  // of the new classes
	spans   []releasedSpan
	freezes []int // classes that are bound to the query's selector
}

// releasedSpan is a class and the periods, from the first to the last, in which a
// column of it is released.
type releasedSpan struct {
	class  int
	column releasedColumn
	span   Interval
}

// cohort applies the class rule to a verdict.
type cohort struct {
	*evaluation
	periods  Interval     // of the policy's grain, that the version touches
	wanted   []wantedSpan // of them those that the query takes, ascending
	side     side
	partOf   []int32      // entity of the version → part
	sizes    []int        // of the parts, in the version
	released []bool       // by group: some class contributes to some column in some period
	used     []bool       // by part: likewise
	excluded [][]Interval // by column and part
	total    int          // intervals in excluded
	selector Digest       // commitment of the private selector; zero: none
}

// wantedSpan is a period of the policy's grain and the period group it is in.
type wantedSpan struct {
	period int64
	group  int
}

// protect cuts the family's classes by the query's groups and releases, per
// column and period of the policy's grain, the classes that lie wholly inside a
// group and contribute there.
func (v *evaluation) protect() error {
	k := cohort{evaluation: v, periods: policyPeriods(v.descriptor, v.version.VersionPropose)}
	if v.request.In != "" {
		k.selector = v.commitments[0]
	}
	if r := k.checkWork(); r != nil {
		return r
	}
	k.side = newSide(v.kin, v.reach, k.periods, v.descriptor.Policy.Grain)
	for _, c := range v.verdict.Columns {
		k.side.columns = append(k.side.columns, releasedColumn{Dataset: v.descriptor.Dataset, Measure: c.Measure, Other: c.Times, With: c.With})
	}
	v.outcome.classes, v.outcome.parents = k.side.after, k.side.parents
	k.parts()
	k.released, k.used = make([]bool, v.grid), make([]bool, len(v.verdict.Parts))
	k.excluded = make([][]Interval, len(v.verdict.Columns)*len(v.verdict.Parts))
	k.spans()
	for _, s := range v.statistics() {
		if err := k.statistic(s); err != nil {
			return err
		}
	}
	return k.settle()
}

// steps are what judging the query takes.
func (k *cohort) steps() int64 {
	d, periods := k.descriptor, int64(0)
	for _, g := range k.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			periods += d.Grain.In(i.To-1, d.Policy.Grain) - d.Grain.In(i.From, d.Policy.Grain) + 1
		}
	}
	return int64(len(k.verdict.Columns)) * int64(k.version.Entities+len(k.verdict.EntityGroups)) * periods
}

// checkWork refuses a query whose judging would hold up the cluster.
func (k *cohort) checkWork() *Refusal {
	if n := k.steps(); n > maxWork {
		return tooMuchWork(n)
	}
	return nil
}

func tooMuchWork(steps int64) *Refusal {
	return refuse(RefusedPolicy, "max_work", "judging the query takes %d steps, at most %d are possible", steps, maxWork).
		withFix("ask for fewer measures or periods at a time, in at least %d parts", (steps+maxWork-1)/maxWork).
		withNumber("steps", steps).withNumber("max_work", maxWork)
}

// parts finds the classes that lie wholly inside a group, as far as the version
// has their entities.
func (k *cohort) parts() {
	const mixed = -2
	after := k.outcome.classes
	group := slices.Repeat([]int32{-3}, after.classes()) // −3: no entity of the version
	for e, g := range k.assign {
		switch c := after.class(e); {
		case group[c] == -3:
			group[c] = g
		case group[c] != g:
			group[c] = mixed
		}
	}
	for c, g := range group {
		if g >= 0 && !k.taken(c) {
			k.verdict.Parts = append(k.verdict.Parts, Part{Group: int(g), Class: c})
		}
	}
	slices.SortFunc(k.verdict.Parts, func(a, b Part) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Class, b.Class)) })
	number := slices.Repeat([]int32{-1}, after.classes())
	for i, p := range k.verdict.Parts {
		number[p.Class] = int32(i)
	}
	k.sizes = make([]int, len(k.verdict.Parts))
	k.partOf = make([]int32, len(k.assign))
	for e := range k.partOf {
		if k.partOf[e] = number[after.class(e)]; k.partOf[e] >= 0 {
			k.sizes[k.partOf[e]]++
		}
	}
	k.verdict.Assign = PackAssign(k.partOf)
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

// tallyBits counts the entities of a bitmap by what they are assigned to.
func tallyBits(words []uint64, assign []int32, into []int) {
	for i, w := range words {
		for ; w != 0; w &= w - 1 {
			if g := assign[i<<6+bits.TrailingZeros64(w)]; g >= 0 {
				into[g]++
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
		return refuse(RefusedPolicy, "max_exclusions", "more than %d parts of groups are too small in some period", maxExclusions).
			withFix("ask for larger groups or fewer periods").withNumber("max_exclusions", maxExclusions)
	}
	k.excluded[at] = append(list, span)
	return nil
}

// settle writes the outcome into the verdict. Parts that are released nowhere are
// left out of it: they say no more than the numbers of entities do.
func (k *cohort) settle() error {
	groups, periods := len(k.verdict.EntityGroups), len(k.verdict.PeriodGroups)
	for g := range groups {
		for j := range periods {
			if !k.released[g*periods+j] {
				k.verdict.Withheld = append(k.verdict.Withheld, GroupIndex{Entity: g, Period: j})
			}
		}
	}
	parts, kept, number := len(k.verdict.Parts), []Part(nil), make([]int32, len(k.verdict.Parts))
	for i, p := range k.verdict.Parts {
		if number[i] = -1; k.used[i] {
			number[i] = int32(len(kept))
			kept = append(kept, p)
			k.verdict.EntityGroups[p.Group].Included += k.sizes[i]
		}
	}
	for at, list := range k.excluded {
		if i := at % max(parts, 1); len(list) > 0 && number[i] >= 0 {
			k.verdict.Exclusions = append(k.verdict.Exclusions, Exclusion{Column: at / parts, Part: int(number[i]), Intervals: list})
		}
	}
	if len(k.verdict.Withheld) == k.grid {
		return k.nothingLeft()
	}
	if len(kept) < parts {
		for e, p := range k.partOf {
			if p >= 0 {
				k.partOf[e] = number[p]
			}
		}
		k.verdict.Assign = PackAssign(k.partOf)
	}
	k.verdict.Parts = kept
	if k.request.In != "" && !k.loose() {
		k.outcome.freezes = k.verdict.classNumbers()
	}
	if r := k.incomplete(); r != nil && k.request.Complete {
		return r
	}
	return nil
}
