package judge

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// protection is the release rule as an exact query on a protected dataset finds it.
type protection struct {
	family *disclosure.Family
	cells  *records.Cells
}

// protect takes what the release rule gives the query's groups (RELEASE.md section 2.6), and
// withholds those of which it gives nothing or too little.
func (v *evaluation) protect() error {
	if r := checkWork(v.steps()); r != nil {
		return r
	}
	grid := v.disclosureGrid()
	answer, err := v.rule.family.Answer(v.descriptor.Dataset, grid, v.rule.cells)
	if fault := v.rule.cells.Fault(); fault != nil {
		return fault
	}
	if err != nil {
		return err
	}
	a := &allotment{evaluation: v, answer: answer, periods: slices.Concat(grid.Periods...)}
	for j, periods := range grid.Periods {
		a.groups = append(a.groups, slices.Repeat([]int{j}, len(periods))...)
	}
	for g := range v.verdict.EntityGroups {
		for j := range v.verdict.PeriodGroups {
			v.verdict.Coverage = append(v.verdict.Coverage, catalog.Coverage(answer.Coverage[g][j]))
		}
	}
	taken := a.taken()
	v.withhold(taken)
	if len(v.verdict.Withheld) == v.grid {
		return v.nothingLeft(taken)
	}
	if r := v.incomplete(); r != nil && v.request.Complete {
		return r
	}
	a.layOut()
	return nil
}

// disclosureGrid is what the query asks of the dataset, by columns of the rule: one for
// each of the verdict's.
func (v *evaluation) disclosureGrid() disclosure.Grid {
	g := disclosure.Grid{
		Periods: v.policyPeriods(), Groups: len(v.verdict.EntityGroups), Assign: v.assign, AsOf: v.version.Version, Live: v.rule.cells.Live,
	}
	for _, c := range v.verdict.Columns {
		g.Columns = append(g.Columns, v.sourceColumn(c))
	}
	g.Joint = slices.DeleteFunc(v.statistics(), func(s disclosure.Joint) bool { return len(s.Columns) < 2 })
	return g
}

// sourceColumn is the column of the release rule that a column of a verdict is summed
// from. Sums over the cells that two measures have in common are the measures' own
// sums: Joint sees to that.
func (v *evaluation) sourceColumn(c catalog.Column) disclosure.Column {
	if c.Measure == "" { // counts cells of any measure: those of the classes that the first sum takes
		for _, other := range v.verdict.Columns {
			if other.Measure != "" {
				return v.sourceColumn(other)
			}
		}
	}
	if c.Times == "" {
		return disclosure.Column{Measure: c.Measure}
	}
	for _, d := range disclosure.Columns(v.descriptor) {
		if d.Measure == c.Measure && d.With == c.Times || d.Measure == c.Times && d.With == c.Measure {
			return d
		}
	}
	return disclosure.Column{Measure: c.Measure, With: c.Times} // of which there is nothing
}

// policyPeriods are the periods of the policy's grain, by period group. Each lies in one
// group: groups are not finer, and no period is split.
func (v *evaluation) policyPeriods() [][]int64 {
	out := make([][]int64, len(v.verdict.PeriodGroups))
	for j, g := range v.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			span := v.inPolicy(i)
			for p := span.From; p < span.To; p++ {
				out[j] = append(out[j], p)
			}
		}
	}
	return out
}

// inPolicy are the periods of the policy's grain that have one of an interval.
func (v *evaluation) inPolicy(i calendar.Interval) calendar.Interval {
	d := v.descriptor
	return calendar.Interval{From: d.Grain.In(i.From, d.Policy.Grain), To: d.Grain.In(i.To-1, d.Policy.Grain) + 1}
}

const maxWork = 1 << 30 // steps of judging one query

// steps are what judging the query takes.
func (v *evaluation) steps() int64 {
	periods := int64(0)
	for _, g := range v.verdict.PeriodGroups {
		for _, i := range g.Intervals {
			span := v.inPolicy(i)
			periods += span.To - span.From
		}
	}
	classes := int64(v.rule.family.Tree().Classes())
	return int64(len(v.verdict.Columns))*periods*(int64(v.version.Entities/64)+classes+1) + int64(v.version.Entities)*int64(len(v.verdict.PeriodGroups))
}

// checkWork refuses a query whose judging would hold up the cluster.
func checkWork(steps int64) *catalog.Refusal {
	if steps <= maxWork {
		return nil
	}
	return catalog.Refuse(catalog.RefusedPolicy, "max_work", "query.max_work", steps, maxWork, (steps+maxWork-1)/maxWork).
		WithNumber("steps", steps).WithNumber("max_work", maxWork)
}

// withhold lists the groups of which nothing is taken, or that cover less than the
// policy's least coverage, where the request does not want these, or fewer entities
// than the contract's least.
func (v *evaluation) withhold(taken []bool) {
	periods := len(v.verdict.PeriodGroups)
	for at, c := range v.verdict.Coverage {
		if taken[at] && v.covered(c) && c.Included >= v.contractLeast() {
			continue
		}
		v.verdict.Withheld = append(v.verdict.Withheld, catalog.GroupIndex{Entity: at / periods, Period: at % periods})
	}
}

// withheld reports, by group of the grid, whether it is withheld.
func (v *evaluation) withheld() []bool {
	out := make([]bool, v.grid)
	for _, w := range v.verdict.Withheld {
		out[w.Entity*len(v.verdict.PeriodGroups)+w.Period] = true
	}
	return out
}

// covered reports whether a row with such a coverage is released.
func (v *evaluation) covered(c catalog.Coverage) bool {
	return v.request.Partial || v.descriptor.Policy.Covers(c.Included, c.Of)
}

// contractLeast is how many entities a figure must cover because a contract asks for
// more than the policy's min_cohort; 0: none does.
func (v *evaluation) contractLeast() int {
	if v.least > v.descriptor.Policy.MinCohort {
		return v.least
	}
	return 0
}

// closed are the periods of the dataset's grain that are complete in a version up to
// one, as far as these have them (RELEASE.md section 2.1): ascending, not touching.
func (p *protection) closed(d catalog.Descriptor, asOf int) []calendar.Interval {
	var out []calendar.Interval
	for _, s := range p.family.Versions(d.Dataset) {
		if s.Version > asOf || s.Closed.From == s.Closed.To || !p.cells.Live(s.Version) {
			continue
		}
		first, last := d.Policy.Grain.Span(s.Closed.From, d.Grain), d.Policy.Grain.Span(s.Closed.To-1, d.Grain)
		all := extentOf(p.cells.Version(s.Version))
		out = append(out, calendar.Interval{From: max(first.From, all.From), To: min(last.To, all.To)})
	}
	return calendar.NewPeriodSet(out)
}
