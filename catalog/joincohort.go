package catalog

import "slices"

// The class rule of a join. A part is made of classes of both families: the least
// set of entities that is a union of classes of either one. It is released in a
// period only where the two measures have readings of the very same entities.
//
// Then what is joint in a class is what the class has of its own measure, so all
// that holds of a class's own cells (cuts leave min_cohort in every piece, point 3;
// changed cells are none or min_cohort, point 4; p·k, point 5) holds of the cells
// that are multiplied, today and after any later cut of either family. Were
// min_cohort differing entities let pass, the two families' later cuts, which do not
// look at each other's presence, could leave a single one on one side.

// joinSide is one family in a join.
type joinSide struct {
	side
	member [][]int // by part: its classes
}

// joint judges a join of protected datasets.
type joint struct {
	*cohort
	sides  [2]joinSide
	partOf []int32 // of all entities of the registry
	best   int     // most entities that both have in a part and period
	apart  int     // fewest, but not none, that only one has in a part where both have min_cohort
}

// protectJoined cuts both families by the query's groups and releases the parts that
// contribute on both sides.
func (v *evaluation) protectJoined() error {
	k := &cohort{evaluation: v, periods: policyPeriods(v.descriptor, v.version.VersionPropose)}
	if r := k.checkWork(); r != nil {
		return r
	}
	second := v.join
	j := &joint{cohort: k}
	other := second.dataset.Descriptor
	j.sides[0].side = newSide(v.kin, v.reach, k.periods, v.descriptor.Policy.Grain)
	j.sides[1].side = newSide(second.kin, v.reach, policyPeriods(other, second.version.VersionPropose), other.Policy.Grain)
	for _, c := range v.verdict.Columns {
		j.sides[0].columns = append(j.sides[0].columns, releasedColumn{Dataset: v.descriptor.Dataset, Measure: c.Measure, Other: c.Times})
		j.sides[1].columns = append(j.sides[1].columns, releasedColumn{
			Dataset: other.Dataset, Measure: ownMeasure(c.Times), Other: JoinedMeasure(v.descriptor.Dataset, c.Measure),
		})
	}
	v.outcome.classes, v.outcome.parents = j.sides[0].after, j.sides[0].parents
	second.outcome.classes, second.outcome.parents = j.sides[1].after, j.sides[1].parents
	j.findParts()
	k.released, k.used = make([]bool, v.grid), make([]bool, len(v.verdict.Parts))
	k.excluded = make([][]Interval, len(v.verdict.Columns)*len(v.verdict.Parts))
	k.spans()
	for c := range v.verdict.Columns {
		if err := j.column(c); err != nil {
			return err
		}
	}
	if !slices.Contains(k.released, true) {
		return j.nothingJoint()
	}
	return k.settle()
}

// findParts finds the least sets of entities that are unions of classes of both
// families, and of them those wholly inside a group.
func (j *joint) findParts() {
	a := j.sides[0].after
	find := j.connected()
	const none, mixed = -3, -2
	group := slices.Repeat([]int32{none}, a.classes())
	for e, g := range j.assign {
		switch at := find(int(a.class(e))); {
		case group[at] == none:
			group[at] = g
		case group[at] != g:
			group[at] = mixed
		}
	}
	for at, g := range group {
		if g >= 0 {
			j.verdict.Parts = append(j.verdict.Parts, Part{Group: int(g), Class: at})
		}
	}
	slices.SortFunc(j.verdict.Parts, func(x, y Part) int {
		if x.Group != y.Group {
			return x.Group - y.Group
		}
		return x.Class - y.Class
	})
	number := slices.Repeat([]int32{-1}, a.classes())
	for i, p := range j.verdict.Parts {
		number[p.Class] = int32(i)
	}
	for i := range j.sides {
		s := &j.sides[i]
		s.member = make([][]int, len(j.verdict.Parts))
		for c := range s.after.classes() {
			at := find(i*a.classes() + c)
			if at < len(number) && number[at] >= 0 { // else it has no entity, or is in no group
				s.member[number[at]] = append(s.member[number[at]], c)
			}
		}
	}
	j.sizes = make([]int, len(j.verdict.Parts))
	j.partOf = make([]int32, len(j.reach))
	for e := range j.partOf {
		j.partOf[e] = number[find(int(a.class(e)))]
	}
	j.cohort.partOf = slices.Clone(j.partOf[:len(j.assign)])
	for _, p := range j.cohort.partOf {
		if p >= 0 {
			j.sizes[p]++
		}
	}
	j.verdict.Assign = PackAssign(j.cohort.partOf)
}

// connected tells which classes hang together: it returns the lowest class of the
// first family in the set that a class is in. Those of the second family are numbered
// on behind the first one's.
func (j *joint) connected() func(class int) int {
	a, b := j.sides[0].after, j.sides[1].after
	root := make([]int, a.classes()+b.classes())
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for e := range j.reach {
		x, y := find(int(a.class(e))), find(a.classes()+int(b.class(e)))
		root[max(x, y)] = min(x, y)
	}
	return find
}

// column decides on the parts of one product, period by period.
func (j *joint) column(c int) error {
	column := j.verdict.Columns[c]
	names := [2]string{column.Measure, ownMeasure(column.Times)}
	var held [2]bitmaps
	var measures [2]int
	for i, counts := range []func(string) (bitmaps, error){j.counts, j.join.counts} {
		s := &j.sides[i]
		var err error
		if held[i], err = counts(names[i]); err != nil {
			return err
		}
		measures[i] = s.kin.family.dataset(s.columns[c].Dataset).measureIndex(names[i])
	}
	parts, periods := len(j.verdict.Parts), len(j.verdict.PeriodGroups)
	hull := make([]Interval, parts)
	both, apart := make([]int, parts), make([]int, parts)
	for _, w := range j.wanted {
		taken := make([]bool, parts)
		if w.period >= j.sides[1].periods.From && w.period < j.sides[1].periods.To {
			x, y := held[0][w.period-j.periods.From], held[1][w.period-j.sides[1].periods.From]
			clear(both)
			clear(apart)
			tallyBits(x.Intersection(y).Words(), j.partOf, both)
			tallyBits(x.SymmetricDifference(y).Words(), j.partOf, apart)
			j.take(w, measures, both, apart, taken)
		}
		span := j.descriptor.Policy.Grain.Span(w.period, j.descriptor.Grain)
		for i, p := range j.verdict.Parts {
			if !taken[i] {
				if r := j.leaveOutJoint(c, i, measures[0], w.period, span); r != nil {
					return r
				}
				continue
			}
			j.released[p.Group*periods+w.group], j.used[i] = true, true
			if hull[i].From == hull[i].To {
				hull[i].From = w.period
			}
			hull[i].To = w.period + 1
		}
	}
	for side, out := range []*outcome{&j.outcome, &j.join.outcome} {
		s := &j.sides[side]
		for i := range hull {
			if hull[i].From == hull[i].To {
				continue
			}
			for _, class := range s.member[i] {
				if !s.kin.burdens.covers(class, s.columns[c], hull[i]) {
					out.spans = append(out.spans, releasedSpan{class, s.columns[c], hull[i]})
				}
			}
		}
	}
	return nil
}

// take decides which parts are released in a period.
func (j *joint) take(w wantedSpan, measures [2]int, both, apart []int, taken []bool) {
	for i := range taken {
		least, fits := 0, true
		for side := range j.sides {
			s := &j.sides[side]
			at := int(w.period - s.periods.From)
			weight := 1
			for _, class := range s.member[i] {
				weight = max(weight, s.weight(class, w.period))
			}
			for _, class := range s.member[i] {
				if s.after.touches(class, s.kin.source, measures[side], at) && !s.contributes(class, measures[side], at, weight) {
					fits = false
				}
			}
			least = max(least, weight*s.after.least)
		}
		j.best = max(j.best, both[i])
		if both[i] >= least && apart[i] > 0 && (j.apart == 0 || apart[i] < j.apart) {
			j.apart = apart[i]
		}
		taken[i] = j.loose() && both[i] > 0 || fits && both[i] >= least && apart[i] == 0
	}
	if j.least <= j.sides[0].after.least && j.least <= j.sides[1].after.least {
		return
	}
	sum := make([]int, len(j.verdict.EntityGroups))
	for i, p := range j.verdict.Parts {
		if taken[i] {
			sum[p.Group] += both[i]
		}
	}
	for i, p := range j.verdict.Parts {
		taken[i] = taken[i] && sum[p.Group] >= j.least
	}
}

// leaveOutJoint excludes a part where it has a cell of the first measure: elsewhere
// there is nothing to multiply.
func (j *joint) leaveOutJoint(column, part, measure int, period int64, span Interval) *Refusal {
	s := &j.sides[0]
	at := int(period - s.periods.From)
	for _, class := range s.member[part] {
		if s.after.touches(class, s.kin.source, measure, at) {
			return j.exclude(column*len(j.verdict.Parts)+part, span)
		}
	}
	return nil
}

// contributes decides on a class of the side in a period.
func (s *joinSide) contributes(class, measure, at, weight int) bool {
	return s.after.contributes(class, s.kin.source, measure, at) && s.bears(class, measure, at, weight)
}

// nothingJoint refuses a join of which nothing is left.
func (j *joint) nothingJoint() *Refusal {
	if j.trial {
		return refuse(RefusedPolicy, "joint", "nothing can be released")
	}
	least := int64(max(j.least, j.sides[0].after.least, j.sides[1].after.least))
	r := refuse(RefusedPolicy, "joint", "nothing can be released: what dataset %s and dataset %s have in common is released only of classes of which both have readings of the same entities, at least %d (more where other sums were released), in a period",
		j.descriptor.Dataset, j.join.dataset.ID, least).
		withFix("ask for larger groups or other periods; COUNT(*) is always answered").
		withNumber("entities", int64(j.best)).withNumber("min_cohort", least)
	if j.apart > 0 {
		r = r.withNumber("apart", int64(j.apart)).
			withFix("in the nearest class %d entities have a reading in one dataset alone: ask for other groups or periods; COUNT(*) is always answered", j.apart)
	}
	if c, found := j.smallest(j.widerGroups(), j.steps()); found {
		r.withFix("the smallest change that passes: %s", c.words)
	}
	r.Field = "select"
	return r
}
