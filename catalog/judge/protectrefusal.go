package judge

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
)

// nothingLeft refuses a query of which no group is released, with the group that came
// closest, and the smallest change that would pass. taken says of which groups something
// could be taken.
func (v *evaluation) nothingLeft(taken []bool) error {
	if v.trial {
		return catalog.Refuse(catalog.RefusedPolicy, "min_cohort", "cohort.trial")
	}
	top := 0
	for at, c := range v.verdict.Coverage {
		best := v.verdict.Coverage[top]
		if cmp.Or(cmp.Compare(rank(taken[at]), rank(taken[top])), cmp.Compare(c.Included, best.Included), cmp.Compare(c.Of, best.Of)) > 0 {
			top = at
		}
	}
	c, periods := v.verdict.Coverage[top], len(v.verdict.PeriodGroups)
	group, k := top/periods, v.descriptor.Policy.MinCohort
	name := v.groupName(group, top%periods)
	var r *catalog.Refusal
	changes := advisor{v}.widerGroups()
	switch {
	case taken[top] && c.Included < v.contractLeast():
		r = catalog.Refuse(catalog.RefusedPolicy, "min_cohort", "cohort.contract_least", v.least, name, c.Included).
			WithNumber("entities", int64(c.Included)).WithNumber("min_cohort", int64(v.least)).WithFix("fix.larger")
	case taken[top]:
		r = catalog.Refuse(catalog.RefusedPolicy, "coverage", "cohort.coverage",
			name, c.Included, c.Of, v.descriptor.Dataset, v.descriptor.Policy.Coverage()).
			WithNumber("included", int64(c.Included)).WithNumber("of", int64(c.Of)).WithFix("fix.partial")
		r.Numbers = append(r.Numbers, catalog.Number{Name: "min_coverage", Value: v.descriptor.Policy.Coverage()})
		changes = append(changes, advisor{v}.partly())
	case v.verdict.EntityGroups[group].Of < k || c.Of < k:
		n := int64(min(v.verdict.EntityGroups[group].Of, c.Of))
		r = catalog.Refuse(catalog.RefusedPolicy, "min_cohort", "cohort.small", v.descriptor.Dataset, k, name, n).
			WithNumber("entities", n).WithNumber("min_cohort", int64(k)).WithFix("fix.larger_groups", k)
	default:
		r, changes = v.noClass(group, name, c, changes)
	}
	r.Group = name
	fix := r.Fix[0]
	if c, found := (advisor{v}).smallest(changes, v.steps()); found {
		fix = c.fix()
	}
	return r.WithFixes(advisor{v}.orNoised(fix)...)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// noClass refuses for a group that has enough entities and takes no class whole.
func (v *evaluation) noClass(group int, name string, c catalog.Coverage, changes []change) (*catalog.Refusal, []change) {
	inside, outside := acrossClasses(v.rule.family.Tree(), v.assign, group)
	missing := 0 // of the class that lacks the fewest
	for class := range inside {
		if lacks := len(outside[class]); len(inside[class]) > 0 && lacks > 0 && (missing == 0 || lacks < missing) {
			missing = lacks
		}
	}
	r := catalog.Refuse(catalog.RefusedPolicy, "class", "cohort.class", c.Of, name).
		WithNumber("entities", int64(c.Of)).WithNumber("min_cohort", int64(v.descriptor.Policy.MinCohort)).WithFix("fix.other_periods")
	if missing > 0 {
		r = r.WithNumber("missing", int64(missing)).WithFix("fix.whole_classes", missing)
	}
	return r, append(changes, advisor{v}.otherEntities(inside, outside)...)
}

// acrossClasses are the members of each class that are in a group, which assign says of each, and those that are not.
func acrossClasses(tree *disclosure.Tree, assign []int32, group int) (inside, outside [][]int32) {
	inside, outside = make([][]int32, tree.Classes()), make([][]int32, tree.Classes())
	for class := range inside {
		for _, e := range tree.Members(int32(class)) { //nolint:gosec // a class
			switch {
			case int(e) >= len(assign):
			case assign[e] == int32(group): //nolint:gosec // a group
				inside[class] = append(inside[class], e)
			default:
				outside[class] = append(outside[class], e)
			}
		}
	}
	return inside, outside
}

// incomplete refuses a request that takes all or nothing; nil: nothing is missing, and no
// correction is held back.
func (v *evaluation) incomplete() *catalog.Refusal {
	periods := len(v.verdict.PeriodGroups)
	lacks := func(c catalog.Coverage) bool { return c.Included < c.Of || c.HeldBack > 0 }
	at := slices.IndexFunc(v.verdict.Coverage, lacks)
	if len(v.verdict.Withheld) > 0 {
		at = v.verdict.Withheld[0].Entity*periods + v.verdict.Withheld[0].Period
	}
	if at < 0 {
		return nil
	}
	c := v.verdict.Coverage[at]
	r := catalog.Refuse(catalog.RefusedPolicy, "complete", "cohort.incomplete",
		c.Included, c.Of, v.groupName(at/periods, at%periods), c.HeldBack, len(v.verdict.Withheld))
	r.Group = v.groupName(at/periods, at%periods)
	return r.WithNumber("withheld", int64(len(v.verdict.Withheld))).WithNumber("included", int64(c.Included)).WithNumber("of", int64(c.Of)).
		WithNumber("held_back", int64(c.HeldBack))
}
