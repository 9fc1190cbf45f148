package catalog

import "slices"

// side is one family under the class rule of a query: what the cuts leave of it, and
// what is released of it with the query. A query of one dataset has one, a join two.
type side struct {
	kin     *kinship
	after   *classes // with the query's cuts
	parents []int32  // of the classes that they make, which are the last of after
	columns []releasedColumn
	periods Interval // of the policy's grain, that the version touches
	grain   Grain    // of the policy
	surveys map[int]*survey
}

// newSide cuts a family's classes by the groups that entities are in.
func newSide(kin *kinship, reach []int32, periods Interval, grain Grain) side {
	s := side{kin: kin, periods: periods, grain: grain, surveys: map[int]*survey{}}
	s.after, s.parents = kin.classes.cut(reach, kin.bears(kin.classes, kin.burdens))
	return s
}

// weight is p of point 5 for a class in a period: the distinct exact columns that are
// released there, this query's included.
func (s *side) weight(class int, period int64) int {
	b := s.kin.burdens
	if !b.heavy(s.columns) {
		return 1
	}
	return b.weight(s.cutFrom(class), period, s.grain, s.columns, s.kin.family.grain)
}

// bears reports whether a class that contributes to a measure in a period, counted
// from the version's first, does so where p is weight: then it, and each set of point 4
// that has a cell of it, must have p·k entities.
func (s *side) bears(class, measure, at, weight int) bool {
	if weight == 1 || s.after.loose {
		return true
	}
	if s.after.isFrozen(class) {
		return false // the entities that a selector tells apart are not known to be p·k
	}
	c := s.after.coverage
	return s.survey(class).count.count(int(c.columns[s.kin.source][measure][at])) >= weight*s.after.least &&
		s.pass(class, c.testsAt(s.kin.source, measure, at), weight) &&
		(!s.jointReleased(class, at) || s.pass(class, c.jointAt(s.kin.source, measure, at), weight))
}

// jointReleased reports whether a sum over the common cells of two measures was
// released of a class in a period: then who has one alone is a set of point 4.
func (s *side) jointReleased(class, at int) bool {
	return s.kin.burdens.joint(s.cutFrom(class), s.periods.From+int64(at), s.grain, s.kin.family.grain)
}

// pass reports whether all tests pass on a class with p·k entities.
func (s *side) pass(class int, tests []int32, weight int) bool {
	v, c := s.survey(class), s.after.coverage
	return !slices.ContainsFunc(tests, func(t int32) bool { return !v.passes(c.tests[t], weight*s.after.least) })
}

// cutFrom is what a class was before the query, or the class that it was cut from.
func (s *side) cutFrom(class int) int {
	if first := s.after.classes() - len(s.parents); class >= first {
		return int(s.parents[class-first])
	}
	return class
}

// survey counts a class, once.
func (s *side) survey(class int) *survey {
	if s.surveys[class] == nil {
		s.surveys[class] = s.after.survey(s.after.members(class))
	}
	return s.surveys[class]
}
