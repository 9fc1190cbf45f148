package catalog

import (
	"slices"

	"github.com/bits-and-blooms/bitset"
)

// statistic are columns that belong together: figures are made of several of them,
// so all must be over the same classes and periods. A column that no other depends
// on is a statistic of its own.
type statistic struct {
	columns  []int    // of the verdict, ascending
	readings []int    // the measure that each of them sums, position in the descriptor
	measures []int    // whose presence matters, positions in the descriptor, ascending
	pairs    [][2]int // measures of which cells are taken where both have one
}

// statistics groups the columns of a request by the aggregates that need them.
func (v *evaluation) statistics() []statistic {
	columns := v.verdict.Columns
	of := make([]int, len(columns)) // column → the first column of its statistic
	for i := range of {
		of[i] = i
	}
	for _, a := range v.request.Select {
		first := -1
		for _, c := range v.request.columnsOf(a, v.descriptor) {
			i := slices.Index(columns, c)
			if first < 0 {
				first = of[i]
			}
			from, to := max(of[i], first), min(of[i], first)
			for j := range of {
				if of[j] == from {
					of[j] = to
				}
			}
			first = to
		}
	}
	var out []statistic
	for i, c := range columns {
		if of[i] == i && c.Measure != "" { // cells as such are counted whatever contributes
			out = append(out, v.statisticOf(of, i))
		}
	}
	return out
}

// statisticOf collects the columns of one statistic.
func (v *evaluation) statisticOf(of []int, first int) statistic {
	var s statistic
	names := v.descriptor.measureNames()
	for i, c := range v.verdict.Columns {
		if of[i] != first {
			continue
		}
		s.columns = append(s.columns, i)
		s.readings = append(s.readings, slices.Index(names, c.Measure))
		own := c.measures()
		for j, name := range own {
			at := slices.Index(names, name)
			if !slices.Contains(s.measures, at) {
				s.measures = append(s.measures, at)
			}
			for _, other := range own[:j] {
				pair := [2]int{slices.Index(names, other), at}
				slices.Sort(pair[:])
				if !slices.Contains(s.pairs, pair) {
					s.pairs = append(s.pairs, pair)
				}
			}
		}
	}
	slices.Sort(s.measures)
	return s
}

// statistic applies the rule to the columns of one statistic: a class is taken in a
// period when it contributes there to every measure and pair of them.
func (k *cohort) statistic(s statistic) error {
	joint, err := k.jointOf(s)
	if err != nil {
		return err
	}
	parts, periods := len(k.verdict.Parts), len(k.verdict.PeriodGroups)
	hull := make([]Interval, parts)
	taken := make([]bool, parts)
	releases := slices.ContainsFunc(s.columns, func(c int) bool { return !k.verdict.Columns[c].Count })
	for _, w := range k.wanted {
		at := int(w.period - k.periods.From)
		for i := range taken {
			taken[i] = !slices.ContainsFunc(s.measures, func(m int) bool { return !k.contributes(i, m, at) })
		}
		for _, j := range joint {
			j.narrow(k, at, taken)
		}
		if err := k.largerCohort(s, joint, at, taken); err != nil {
			return err
		}
		span := k.descriptor.Policy.Grain.Span(w.period, k.descriptor.Grain)
		for i, p := range k.verdict.Parts {
			if !taken[i] {
				if r := k.leaveOut(s, i, at, span); r != nil {
					return r
				}
				continue
			}
			if !releases {
				continue // a count is no release
			}
			k.released[p.Group*periods+w.group] = true
			k.used[i] = true
			if hull[i].From == hull[i].To {
				hull[i] = Interval{From: w.period, To: w.period}
			}
			hull[i].To = w.period + 1
		}
	}
	for _, c := range s.columns {
		if k.verdict.Columns[c].Count {
			continue
		}
		for i, p := range k.verdict.Parts {
			if hull[i].From < hull[i].To && !k.kin.burdens.covers(p.Class, k.side.columns[c], hull[i]) {
				k.outcome.spans = append(k.outcome.spans, releasedSpan{p.Class, k.side.columns[c], hull[i]})
			}
		}
	}
	return nil
}

// leaveOut excludes a part from the columns of which it has a cell in the period.
func (k *cohort) leaveOut(s statistic, part, at int, span Interval) *Refusal {
	for i, c := range s.columns {
		if !k.outcome.classes.touches(k.verdict.Parts[part].Class, k.kin.source, s.readings[i], at) {
			continue
		}
		if r := k.exclude(c*len(k.verdict.Parts)+part, span); r != nil {
			return r
		}
	}
	return nil
}

// largerCohort leaves out the groups in which fewer entities count than a contract
// asks for, where that is more than the family's min_cohort. What a private selector
// takes of a class is such a group, and what it leaves: a class with fewer is left out
// whole, since no selector could pass the test on it.
func (k *cohort) largerCohort(s statistic, joint []jointPair, at int, taken []bool) error {
	if k.least <= k.descriptor.Policy.MinCohort {
		return nil
	}
	var counted []*bitset.BitSet
	for _, m := range s.measures {
		counts, err := k.counts(k.descriptor.Measures[m].Name)
		if err != nil {
			return err
		}
		counted = append(counted, counts[at])
	}
	for _, j := range joint {
		counted = append(counted, j.both(at))
	}
	byPart := make([]int, len(taken))
	for _, set := range counted {
		clear(byPart)
		tallyBits(set.Words(), k.partOf, byPart)
		sum := make([]int, len(k.verdict.EntityGroups))
		for i, p := range k.verdict.Parts {
			if taken[i] {
				sum[p.Group] += byPart[i]
			}
		}
		for i, p := range k.verdict.Parts {
			taken[i] = taken[i] && sum[p.Group] >= k.least && (k.request.In == "" || byPart[i] >= k.least)
		}
	}
	return nil
}

// weight is p of point 5 for a part in a period, counted from the version's first.
func (k *cohort) weight(part, at int) int {
	return k.side.weight(k.verdict.Parts[part].Class, k.periods.From+int64(at))
}

// contributes decides on a part in a period, counted from the version's first.
func (k *cohort) contributes(part, measure, at int) bool {
	class := k.verdict.Parts[part].Class
	if !k.side.after.contributes(class, k.kin.source, measure, at) {
		return false
	}
	weight := k.weight(part, at)
	if weight == 1 || k.side.after.loose {
		return true
	}
	if k.request.In != "" {
		return false // the entities that a selector tells apart are not known to be p·k
	}
	return k.side.bears(class, measure, at, weight)
}
