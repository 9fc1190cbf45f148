package catalog

import (
	"encoding/binary"
	"errors"
	"slices"
)

// CohortSets returns what the cohort test of an accepted, exact private query looks
// at, and the least number of entities, the policy's or the contract's if that asks
// for more: the distinct sets, in one order on every node that is at the same entry of
// the ledger. (A version that goes live between two nodes' looks may change them, so
// the members of an attempt have to agree on what they test.) There are none where
// nothing is protected.
func (v View) CohortSets(query string) (least int, sets []CohortSet, err error) {
	q, err := v.Query(query)
	if err != nil {
		return 0, nil, err
	}
	d, err := v.Dataset(q.Dataset)
	if err != nil {
		return 0, nil, err
	}
	k, err := v.Contract(q.Submit.Contract)
	if err != nil {
		return 0, nil, err
	}
	least = max(d.Descriptor.Policy.MinCohort, k.MinCohort)
	verdict, err := v.Verdict(q.ID)
	if err != nil || verdict.In == "" || verdict.Noise != nil || d.Descriptor.Policy.Public || !encrypted(verdict.Columns) {
		return least, nil, err
	}
	version, err := v.Version(q.Dataset, q.Release)
	if err != nil {
		return 0, nil, err
	}
	reg, err := v.Registry(d.Descriptor.Registry)
	if err != nil {
		return 0, nil, err
	}
	kin, err := v.machine.kin(v.r, d, version, reg)
	if err != nil {
		return 0, nil, err
	}
	return least, cohortSets(kin.classes, kin.source, d.Descriptor, version, verdict), nil
}

// CohortPreview judges a query as Preview does, with NewVector for a selector that
// is not registered yet, and returns what its cohort test would look at.
func (v View) CohortPreview(principal string, q QuerySubmit) (Preview, int, []CohortSet, *Refusal, error) {
	j, err := v.preview(principal, q)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return Preview{}, 0, nil, refusal, nil
	}
	if err != nil {
		return Preview{}, 0, nil, nil, err
	}
	p := Preview{Verdict: j.verdict, Contract: j.charged, Price: j.charged.perQuery(), Repeats: j.repeats}
	if j.kin == nil || j.outcome.classes == nil || j.verdict.In == "" {
		return p, 0, nil, nil, nil
	}
	least := max(j.dataset.Descriptor.Policy.MinCohort, j.contract.MinCohort)
	return p, least, cohortSets(j.outcome.classes, j.kin.source, j.dataset.Descriptor, j.version, j.verdict), nil, nil
}

// cohortSets collects the sets of PROTOCOL section 6: for every released class and
// every measure and period in which it contributes, the entities that count there,
// and those of every level of every set of DESIGN section 8, point 4. Taking the
// levels one by one is stricter than point 4, which looks at the highest alone: the
// highest of the selected is not known.
func cohortSets(k *classes, source int, d Descriptor, v Version, verdict Verdict) []CohortSet {
	s := setCollector{classes: k, known: map[string]int{}}
	first := policyPeriods(d, v.VersionPropose).From
	names := d.measureNames()
	for part, p := range verdict.Parts {
		for column, c := range verdict.Columns {
			if c.Count {
				continue
			}
			measure := slices.Index(names, c.Measure)
			for _, q := range verdict.policyPeriodsOf(d, column, part) {
				s.collect(p.Class, source, measure, int(q-first))
			}
		}
	}
	return s.sets
}

// policyPeriodsOf are the periods of the policy's grain in which a column is
// released of a part.
func (v Verdict) policyPeriodsOf(d Descriptor, column, part int) []int64 {
	var out []int64
	group := v.Parts[part].Group
	for j, g := range v.PeriodGroups {
		if slices.Contains(v.Withheld, GroupIndex{Entity: group, Period: j}) {
			continue
		}
		for _, i := range g.Intervals {
			last := d.Grain.In(i.To-1, d.Policy.Grain)
			for q := d.Grain.In(i.From, d.Policy.Grain); q <= last; q++ {
				if !v.excludes(column, part, d.Policy.Grain.Span(q, d.Grain)) {
					out = append(out, q)
				}
			}
		}
	}
	return out
}

func (v Verdict) excludes(column, part int, span Interval) bool {
	return slices.ContainsFunc(v.Exclusions, func(e Exclusion) bool {
		return e.Column == column && e.Part == part && slices.ContainsFunc(e.Intervals, func(i Interval) bool { return i.From < span.To && span.From < i.To })
	})
}

// setCollector keeps distinct sets in the order in which they come.
type setCollector struct {
	classes *classes
	known   map[string]int // members → position in sets
	sets    []CohortSet
}

// collect adds the sets of a class in one column of the coverage.
func (s *setCollector) collect(class, source, measure, at int) {
	c := s.classes.coverage
	column := int(c.columns[source][measure][at])
	tests := c.testsAt(source, measure, at)
	members := s.classes.members(class)
	var counting []int32
	rest := false
	for _, e := range members {
		if int(e) >= c.entities {
			break
		}
		switch {
		case hasBit(c.countRow(int(e)), column):
			counting = append(counting, e)
		case hasBit(c.presentRow(int(e)), column):
			rest = true
		}
	}
	s.add(counting, rest)
	for _, t := range tests {
		for _, level := range c.tests[t].levels {
			s.add(s.marked(members, int(level)), false)
		}
	}
}

// marked are the members in a level of a set.
func (s *setCollector) marked(members []int32, level int) []int32 {
	var out []int32
	for _, e := range members {
		if int(e) < s.classes.coverage.entities && hasBit(s.classes.coverage.markRow(int(e)), level) {
			out = append(out, e)
		}
	}
	return out
}

// add keeps a set that is not there yet; of two that differ in NoRest the stricter
// one.
func (s *setCollector) add(members []int32, noRest bool) {
	if len(members) == 0 {
		return
	}
	key := make([]byte, 0, 4*len(members))
	for _, e := range members {
		key = binary.LittleEndian.AppendUint32(key, uint32(e)) //nolint:gosec // a position in a registry
	}
	i, known := s.known[string(key)]
	if !known {
		i = len(s.sets)
		s.known[string(key)] = i
		s.sets = append(s.sets, CohortSet{Members: members})
	}
	s.sets[i].NoRest = s.sets[i].NoRest || noRest
}
