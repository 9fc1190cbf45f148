package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A preview of a query that the class rule or min_cohort refuses tells the smallest
// change that would pass. Changes are tried, with the same evaluation, so that what is
// advised does pass as long as nothing else happens. Applying a query tries none: the
// search takes up to a hundred times as long as the decision, which everybody waits
// for. What a change names is no more than a
// buyer can find out by asking EXPLAIN about one condition after the other: ids are
// public, and the partition is not promised to be a secret (DESIGN section 8, point 9).

// maxNamed is the most entities that a suggestion names.
const maxNamed = 8

// maxTrials bounds the trials of a refusal, maxTrialWork their steps together.
const (
	maxTrials    = 32
	maxTrialWork = maxWork / 4
)

// change is a request like a refused one.
type change struct {
	words   string // what to do
	size    int    // entities that are added or left out; others count as more
	request Request
}

// smallest is the smallest change that would pass; false: none does, as far as steps
// for each trial allow to look.
func (v *evaluation) smallest(changes []change, steps int64) (change, bool) {
	if !v.advise {
		return change{}, false
	}
	changes = append(slices.Clip(changes), v.two(changes)...)
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.size, b.size) })
	for i, c := range changes {
		if i == maxTrials || steps*int64(i+1) > maxTrialWork {
			break
		}
		if v.passes(c.request) {
			return c, true
		}
	}
	return change{}, false
}

// passes evaluates another request on the same state.
func (v *evaluation) passes(q Request) bool {
	trial := *v
	trial.trial, trial.request = true, q
	trial.verdict, trial.outcome, trial.grid = Verdict{}, outcome{}, 0
	trial.intervals, trial.assign, trial.reach = nil, nil, nil
	if q.Noise != nil {
		trial.kin = nil
	}
	if v.allowed != nil && !v.allowed(q) {
		return false
	}
	if v.join != nil {
		second := *v.join
		trial.join = &second
	}
	_, err := trial.run()
	return err == nil
}

// otherEntities are the requests that add the entities which complete a class, or
// leave out as many as make the others of one a group of their own. sets are the
// members of each class, of the group and not.
func (v *evaluation) otherEntities(inside, outside [][]int32, least int) []change {
	var out []change
	for c := range inside {
		in, others := inside[c], outside[c]
		if len(in) == 0 || len(others) == 0 {
			continue
		}
		if q := v.request; q.Where != nil && len(others) <= maxNamed {
			ids := v.idsOf(others)
			q.Where = &Predicate{Op: opOr, Args: []Predicate{*q.Where, {Op: opIn, Values: ids}}}
			out = append(out, change{fmt.Sprintf("add %s to the condition: with %s the class is complete", quoteNames(ids), themOrIt(ids)), len(ids), q})
		}
		if n := least - len(others); n > 0 && n <= maxNamed && len(in)-n >= least {
			ids := v.idsOf(in[len(in)-n:])
			left := Predicate{Op: opNot, Args: []Predicate{{Op: opIn, Values: ids}}}
			q := v.request
			if q.Where != nil {
				left = Predicate{Op: opAnd, Args: []Predicate{*q.Where, left}}
			}
			q.Where = &left
			out = append(out, change{fmt.Sprintf("leave %s out by the condition: then %d others of the class are outside", quoteNames(ids), least), len(ids), q})
		}
	}
	return out
}

func themOrIt(ids []string) string {
	if len(ids) == 1 {
		return "it"
	}
	return "them"
}

// idsOf are the ids of entities, ascending.
func (v *evaluation) idsOf(members []int32) []string {
	ids := make([]string, len(members))
	for i, e := range members {
		ids[i] = v.whole.ID(int(e))
	}
	slices.Sort(ids)
	return ids
}

// quoteNames are ids as SQL writes them.
func quoteNames(ids []string) string {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = "'" + strings.ReplaceAll(shorten(id), "'", "''") + "'"
	}
	return strings.Join(quoted, ", ")
}

// Sizes of changes that are not counted in entities: after all that are, and two of
// them after each alone.
const (
	sizeDimension = MaxRegistryRows + 1
	sizePeriods   = sizeDimension + 1
	sizeCondition = sizeDimension + 2
	sizeAll       = 3 * sizeCondition
)

// two are the changes that are made of two that widen groups, and the widest of all.
func (v *evaluation) two(changes []change) []change {
	out := []change{{"ask for all entities and periods together", sizeAll, v.request}}
	q := &out[0].request
	q.By, q.Where, q.Periods = nil, nil, nil
	for _, first := range changes {
		if first.size < sizeDimension {
			continue
		}
		wider := *v
		wider.request = first.request
		for _, second := range wider.widerGroups() {
			out = append(out, change{first.words + ", and " + second.words, first.size + second.size, second.request})
		}
	}
	return out
}

// widerGroups are the requests with one dimension less, coarser periods, all periods,
// or no condition on entities.
func (v *evaluation) widerGroups() []change {
	var out []change
	add := func(size int, q Request, format string, args ...any) {
		out = append(out, change{fmt.Sprintf(format, args...), size, q})
	}
	for i := len(v.request.By) - 1; i >= 0; i-- {
		d := v.request.By[i]
		q := v.request
		if coarser := d.Grain.coarser(); d.Kind == DimPeriod && coarser != "" {
			q.By = slices.Clone(q.By)
			q.By[i].Grain = coarser
			add(sizeDimension, q, "group by date_trunc('%s', period)", coarser)
			q = v.request
		}
		q.By = slices.Delete(slices.Clone(q.By), i, i+1)
		add(sizeDimension, q, "do not group by %s", v.dimensionName(d))
	}
	if len(v.request.Periods) > 0 {
		q := v.request
		q.Periods = nil
		add(sizePeriods, q, "ask for all periods")
	}
	if v.request.Where != nil {
		q := v.request
		q.Where = nil
		add(sizeCondition, q, "ask without the condition on entities")
	}
	return out
}

func (v *evaluation) dimensionName(d Dimension) string {
	switch d.Kind {
	case DimPeriod:
		return "periods"
	case DimEntity:
		return v.descriptor.Entity
	case DimAttribute:
	}
	return d.Column
}

// coarser is the next coarser grain, or empty.
func (g Grain) coarser() Grain {
	all := []Grain{GrainHour, GrainDay, GrainMonth, GrainQuarter, GrainYear}
	if i := slices.Index(all, g); i >= 0 && i+1 < len(all) {
		return all[i+1]
	}
	return ""
}

// orNoised adds to a fix that the same is answered with noise, where it is.
func (v *evaluation) orNoised(fix string) string {
	if !v.advise || v.noised == "" || v.request.Noise != nil {
		return fix
	}
	q := v.request
	q.Noise = &Noise{Epsilon: v.noised}
	if !v.passes(q) {
		return fix
	}
	return fix + fmt.Sprintf("; or ask with --epsilon %s or less", v.noised)
}
