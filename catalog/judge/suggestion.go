package judge

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// A preview of a query that the release rule or min_cohort refuses tells the smallest
// change that would pass. Changes are tried, with the same evaluation, so that what is
// advised does pass. Applying a query tries none: everybody waits for that. What a
// change names is no more than a buyer can find out by asking EXPLAIN about one
// condition after the other: ids and classes are public.

// maxNamed is the most entities that a suggestion names.
const maxNamed = 8

// maxTrials bounds the trials of a refusal, maxTrialWork their steps together.
const (
	maxTrials    = 32
	maxTrialWork = maxWork / 4
)

// advisor looks for a request that would pass where one is refused.
type advisor struct{ *evaluation }

// change is a request like a refused one.
type change struct {
	what    catalog.Reason // to do
	size    int            // entities that are added or left out; others count as more
	request catalog.Request
}

// smallest is the smallest change that would pass; false: none does, as far as steps
// for each trial allow to look.
func (v advisor) smallest(changes []change, steps int64) (change, bool) {
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
func (v advisor) passes(q catalog.Request) bool {
	trial := *v.evaluation
	trial.trial, trial.request = true, q
	trial.verdict, trial.grid, trial.intervals, trial.assign = catalog.Verdict{}, 0, nil, nil
	if q.Noise != nil {
		trial.rule, trial.list, trial.extent = nil, nil, []calendar.Interval{extentOf(v.version)}
	}
	if v.allowed != nil && !v.allowed(q) {
		return false
	}
	_, err := trial.run()
	return err == nil
}

// otherEntities are the requests that add the entities which complete a class. inside
// and outside are the members of each class, of the group and not.
func (v advisor) otherEntities(inside, outside [][]int32) []change {
	var out []change
	for c := range inside {
		in, others := inside[c], outside[c]
		q := v.request
		if len(in) == 0 || len(others) == 0 || len(others) > maxNamed || q.Where == nil {
			continue
		}
		ids, code := v.idsOf(others), "change.add"
		if len(ids) == 1 {
			code = "change.add_one"
		}
		q.Where = &catalog.Predicate{Op: catalog.OpOr, Args: []catalog.Predicate{*q.Where, {Op: catalog.OpIn, Values: ids}}}
		out = append(out, change{catalog.Why(code, ids), len(ids), q})
	}
	return out
}

// partly is the request that takes rows which cover too little, too.
func (v advisor) partly() change {
	q := v.request
	q.Partial, q.Complete = true, false
	return change{catalog.Why("change.partial"), sizeDimension, q}
}

// fix is the change as what would pass.
func (c change) fix() catalog.Reason { return catalog.Why("fix.smallest_change").With(c.what) }

// idsOf are the ids of entities, ascending.
func (v advisor) idsOf(members []int32) []string {
	ids := make([]string, len(members))
	for i, e := range members {
		ids[i] = v.table.ID(int(e))
	}
	slices.Sort(ids)
	return ids
}

// Sizes of changes that are not counted in entities: after all that are, and two of
// them after each alone.
const (
	sizeDimension = catalog.MaxRegistryRows + 1
	sizePeriods   = sizeDimension + 1
	sizeCondition = sizeDimension + 2
	sizeAll       = 3 * sizeCondition
)

// two are the changes that are made of two that widen groups, and the widest of all.
func (v advisor) two(changes []change) []change {
	out := []change{{catalog.Why("change.everything"), sizeAll, v.request}}
	q := &out[0].request
	q.By, q.Where, q.Periods = nil, nil, nil
	for _, first := range changes {
		if first.size < sizeDimension {
			continue
		}
		wider := *v.evaluation
		wider.request = first.request
		for _, second := range (advisor{&wider}).widerGroups() {
			out = append(out, change{catalog.Why("change.both").With(first.what, second.what), first.size + second.size, second.request})
		}
	}
	return out
}

// widerGroups are the requests with one dimension less, coarser periods, all periods,
// or no condition on entities.
func (v advisor) widerGroups() []change {
	var out []change
	add := func(size int, q catalog.Request, code string, args ...any) {
		out = append(out, change{catalog.Why(code, args...), size, q})
	}
	for i := len(v.request.By) - 1; i >= 0; i-- {
		d := v.request.By[i]
		q := v.request
		if coarser := d.Grain.Coarser(); d.Kind == catalog.DimPeriod && coarser != "" {
			q.By = slices.Clone(q.By)
			q.By[i].Grain = coarser
			add(sizeDimension, q, "change.period", coarser)
			q = v.request
		}
		q.By = slices.Delete(slices.Clone(q.By), i, i+1)
		add(sizeDimension, q, "change.dimension", d.Called(v.descriptor.Entity))
	}
	if len(v.request.Periods) > 0 {
		q := v.request
		q.Periods = nil
		add(sizePeriods, q, "change.all_periods")
	}
	if v.request.Where != nil {
		q := v.request
		q.Where = nil
		add(sizeCondition, q, "change.no_condition")
	}
	return out
}

// orNoised adds to a fix that the same is answered with noise, where it is.
func (v advisor) orNoised(fix catalog.Reason) []catalog.Reason {
	if !v.advise || v.noised == "" || v.request.Noise != nil {
		return []catalog.Reason{fix}
	}
	q := v.request
	q.Noise = &catalog.Noise{Epsilon: v.noised}
	if !v.passes(q) {
		return []catalog.Reason{fix}
	}
	return []catalog.Reason{fix, catalog.Why("fix.or_epsilon", v.noised)}
}
