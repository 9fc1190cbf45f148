package catalog

import (
	"slices"
)

// classes is a partition with what the family's coverage says of each class. It
// never changes; it is derived, so it is never stored.
type classes struct {
	*partition
	coverage *coverage
	least    int     // min_cohort
	loose    bool    // the rule is off: tests show what it prevents
	start    []int32 // class → where its entities begin in order
	order    []int32 // entities by class, ascending in each
	profiles []profile
}

// profile is what a set of entities has.
type profile struct {
	enough []uint64 // columns in which at least min_cohort entities count
	some   []uint64 // columns in which any has a cell
	failed []uint64 // tests that it does not pass
}

// newClasses derives everything anew, for a registry of so many entities, which
// are not fewer than the coverage's.
func newClasses(p *partition, c *coverage, least, entities int) *classes {
	k := &classes{partition: p.grown(entities), coverage: c, least: least}
	k.index()
	k.profiles = make([]profile, k.classes())
	for i := range k.profiles {
		k.profiles[i] = k.survey(k.members(i)).profile(k)
	}
	return k
}

// classes is how many classes there are.
func (k *classes) classes() int { return k.partition.classes }

// index lists the entities by class.
func (k *classes) index() {
	k.start = make([]int32, k.classes()+1)
	for _, c := range k.assign {
		k.start[c+1]++
	}
	for c := range k.classes() {
		k.start[c+1] += k.start[c]
	}
	next := slices.Clone(k.start)
	k.order = make([]int32, len(k.assign))
	for e, c := range k.assign {
		k.order[next[c]] = int32(e)
		next[c]++
	}
}

func (k *classes) members(class int) []int32 { return k.order[k.start[class]:k.start[class+1]] }

// contributes reports whether a class contributes to a measure of a source in a
// period of its policy's grain, counted from the source's first.
func (k *classes) contributes(class, source, measure, period int) bool {
	p := &k.profiles[class]
	if k.loose {
		return true
	}
	if !hasBit(p.enough, int(k.coverage.columns[source][measure][period])) {
		return false
	}
	for _, t := range k.coverage.testsAt(source, measure, period) {
		if hasBit(p.failed, int(t)) {
			return false
		}
	}
	return true
}

// touches reports whether any entity of the class has a cell there.
func (k *classes) touches(class, source, measure, period int) bool {
	return hasBit(k.profiles[class].some, int(k.coverage.columns[source][measure][period]))
}

func (c *coverage) testsAt(source, measure, period int) []int32 {
	if c.testsOf == nil || c.testsOf[source] == nil || c.testsOf[source][measure] == nil {
		return nil
	}
	return c.testsOf[source][measure][period]
}

// survey counts a set of entities.
type survey struct {
	size  int
	count *tally
	some  []uint64
	marks *tally
}

func (k *classes) newSurvey() *survey {
	return &survey{count: newTally(k.coverage.words), some: make([]uint64, k.coverage.words), marks: newTally(k.coverage.setWords)}
}

func (k *classes) survey(members []int32) *survey {
	s := k.newSurvey()
	s.add(k, members)
	return s
}

func (s *survey) add(k *classes, members []int32) {
	c := k.coverage
	s.size += len(members)
	for _, e := range members {
		if int(e) >= c.entities {
			break // ascending; no version covers them
		}
		s.count.add(c.countRow(int(e)))
		for w, bits := range c.presentRow(int(e)) {
			s.some[w] |= bits
		}
		if c.setWords > 0 {
			s.marks.add(c.markRow(int(e)))
		}
	}
}

func (s *survey) profile(k *classes) profile {
	p := profile{enough: s.count.atLeast(k.least), some: s.some, failed: make([]uint64, (len(k.coverage.tests)+63)/64)}
	for i, t := range k.coverage.tests {
		if !s.passes(t, k.least) {
			setBit(p.failed, i)
		}
	}
	return p
}

// passes decides on a test of point 4.
func (s *survey) passes(t setTest, least int) bool {
	for _, column := range t.bars {
		if hasBit(s.some, int(column)) {
			return false
		}
	}
	for _, column := range t.levels {
		if n := s.marks.count(int(column)); n > 0 {
			return n >= least
		}
	}
	return true
}
