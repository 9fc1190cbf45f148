package catalog

import (
	"fmt"
	"slices"
)

// nothingLeft refuses with the group that came closest, and the smallest change
// that would pass.
func (k *cohort) nothingLeft() error {
	if k.trial {
		return refuse(RefusedPolicy, "min_cohort", "nothing can be released")
	}
	if r := k.frozenForOthers(); r != nil {
		return r
	}
	groups, periods := len(k.verdict.EntityGroups), len(k.verdict.PeriodGroups)
	best := make([]int, k.grid)
	tally := make([]int, groups)
	for _, c := range k.verdict.Columns {
		if c.Count {
			continue
		}
		counts, err := k.counts(c.Measure)
		if err != nil {
			return err
		}
		for _, w := range k.wanted {
			clear(tally)
			tallyBits(counts[w.period-k.periods.From].Words(), k.assign, tally)
			for g, n := range tally {
				best[g*periods+w.group] = max(best[g*periods+w.group], n)
			}
		}
	}
	top := 0
	for cell := range best {
		if best[cell] > best[top] {
			top = cell
		}
	}
	least := int64(max(k.least, k.descriptor.Policy.MinCohort))
	g := top / periods
	name, n, of := k.groupName(g, top%periods), int64(best[top]), int64(k.verdict.EntityGroups[g].Of)
	var r *Refusal
	switch {
	case of < least:
		n = of
		r = refuse(RefusedPolicy, "min_cohort", "nothing can be released: the largest group (%s) has %s, dataset %s releases groups of at least %d",
			name, entitiesOf(of), k.descriptor.Dataset, least)
	case n < least:
		r = refuse(RefusedPolicy, "min_cohort", "nothing can be released: fewer than %d entities count in every group, the largest (%s) has %d", least, name, n)
	default:
		return k.cutsAcross(g, top%periods, n)
	}
	r.Group = name
	fix := fmt.Sprintf("ask for groups of at least %d entities: fewer dimensions or a wider condition; COUNT is always answered", least)
	if c, found := k.smallest(k.widerGroups(), k.steps()); found {
		fix = "the smallest change that passes: " + c.words
	}
	return r.withNumber("entities", n).withNumber("min_cohort", least).withFix("%s", k.orNoised(fix))
}

// cutsAcross refuses a query whose groups are large enough but would leave less
// than that of every class they meet.
func (k *cohort) cutsAcross(group, period int, n int64) *Refusal {
	least := max(k.least, k.descriptor.Policy.MinCohort)
	inside, outside := k.acrossClasses(group)
	missing := 0 // of the class that lacks the fewest
	for c := range inside {
		if lacks := len(outside[c]); len(inside[c]) > 0 && lacks > 0 && (missing == 0 || lacks < missing) {
			missing = lacks
		}
	}
	name := k.groupName(group, period)
	r := refuse(RefusedPolicy, "class", "nothing can be released: %d entities count in the group (%s), but taking them would leave fewer than %d of every class that releases have in common",
		n, name, least)
	r.Group = name
	r.withNumber("entities", n).withNumber("min_cohort", int64(least))
	fix := "the group differs in too few cells from what was released before; ask for other periods or a wider condition"
	if missing > 0 {
		r.withNumber("missing", int64(missing))
		fix = fmt.Sprintf("the nearest class lacks %d entities: ask for groups of which none, or at least %d, of a class are left out", missing, least)
	}
	if c, found := k.smallest(append(k.otherEntities(inside, outside, least), k.widerGroups()...), k.steps()); found {
		fix = "the smallest change that passes: " + c.words
	}
	return r.withFix("%s", k.orNoised(fix))
}

// acrossClasses are the members of each class that are in a group, and those that are
// not.
func (k *cohort) acrossClasses(group int) (inside, outside [][]int32) {
	after := k.outcome.classes
	inside, outside = make([][]int32, after.classes()), make([][]int32, after.classes())
	for e, g := range k.assign {
		side := outside
		if g == int32(group) {
			side = inside
		}
		c := after.class(e)
		side[c] = append(side[c], int32(e))
	}
	return inside, outside
}

// entitiesOf counts entities in words.
func entitiesOf(n int64) string {
	if n == 1 {
		return "1 entity"
	}
	return fmt.Sprintf("%d entities", n)
}

// incomplete refuses a request that takes all or nothing; nil: nothing is missing.
func (k *cohort) incomplete() *Refusal {
	least := int64(max(k.least, k.descriptor.Policy.MinCohort))
	n := len(k.verdict.Withheld) + len(k.verdict.Exclusions)
	group, period := -1, -1
	for g, e := range k.verdict.EntityGroups {
		if e.Included < e.Of && k.lacks(g) {
			n++
			if group < 0 {
				group = g
			}
		}
	}
	switch {
	case n == 0:
		return nil
	case len(k.verdict.Withheld) > 0:
		group, period = k.verdict.Withheld[0].Entity, k.verdict.Withheld[0].Period
	case len(k.verdict.Exclusions) > 0:
		group = k.verdict.Parts[k.verdict.Exclusions[0].Part].Group
	}
	name, e := k.groupName(group, period), k.verdict.EntityGroups[group]
	r := refuse(RefusedPolicy, "complete", "the answer would be incomplete: %d of %d entities of (%s) are in it, some not in every period, because classes of at least %d are released as a whole or not at all",
		e.Included, e.Of, name, least)
	r.Group = name
	return r.withNumber("withheld", int64(len(k.verdict.Withheld))).withNumber("included", int64(e.Included)).withNumber("of", int64(e.Of)).
		withNumber("min_cohort", least).withFix("ask without --complete, or for larger groups")
}

// lacks reports whether an entity of the group that is left out has a cell that
// was asked for.
func (k *cohort) lacks(group int) bool {
	c := k.kin.classes.coverage
	for _, column := range k.verdict.Columns {
		if column.Count {
			continue
		}
		measure := slices.Index(k.descriptor.measureNames(), column.Measure)
		for _, w := range k.wanted {
			at := int(c.columns[k.kin.source][measure][w.period-k.periods.From])
			for e, g := range k.assign {
				if g == int32(group) && k.partOf[e] < 0 && hasBit(c.presentRow(e), at) {
					return true
				}
			}
		}
	}
	return false
}
