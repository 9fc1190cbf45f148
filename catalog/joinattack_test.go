package catalog

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// learn gives an attacker the figures of a joined verdict: of each group, the sum of
// the products that are in it.
func (w *joinWorld) learn(a *attacker, v Verdict, has func(dataset, m, p, e int) bool) {
	w.t.Helper()
	assign := must[[]int32](w.t)(UnpackAssign(v.Assign, v.Entities))
	first := month("2024-01")
	for g := range v.EntityGroups {
		for j, periods := range v.PeriodGroups {
			row := map[int]int64{}
			for e, part := range assign {
				if part < 0 || v.Parts[part].Group != g {
					continue
				}
				for _, i := range periods.Intervals {
					for p := i.From; p < i.To; p++ {
						at := int(p - first)
						if has(0, 0, at, e) && has(1, 0, at, e) && !excludedAt(v, int(part), p) {
							row[a.unknown(reading{what: "product", entity: e, at: p})] = 1
						}
					}
				}
			}
			if len(row) > 0 && !withheld(v, GroupIndex{Entity: g, Period: j}) {
				a.rows = append(a.rows, row)
			}
		}
	}
}

func excludedAt(v Verdict, part int, period int64) bool {
	for _, x := range v.Exclusions {
		for _, i := range x.Intervals {
			if x.Column == 0 && x.Part == part && i.From <= period && period < i.To {
				return true
			}
		}
	}
	return false
}

func withheld(v Verdict, g GroupIndex) bool {
	for _, w := range v.Withheld {
		if w == g {
			return true
		}
	}
	return false
}

// TestJoinedHistoriesIsolateNobody asks for sums of either dataset and products of
// both, by random conditions and groups, where some entities are in one dataset alone
// in some months. Cuts of either family come between: no combination of the products
// is about fewer than min_cohort entities. With the rule off, some are.
func TestJoinedHistoriesIsolateNobody(t *testing.T) {
	found := map[bool]int{}
	answered := 0
	for round := range 16 {
		for _, loose := range []bool{true, false} {
			rng := rand.New(rand.NewPCG(uint64(round), 8)) //nolint:gosec // a test's histories
			lacks := map[[3]int]bool{}
			for range rng.IntN(6) {
				lacks[[3]int{rng.IntN(2), rng.IntN(3), rng.IntN(joinEntities)}] = true
			}
			has := func(d, m, p, e int) bool { return m != 0 || !lacks[[3]int{d, p, e}] }
			w := newJoinWorld(t, nil, has)
			w.machine = NewMachine()
			w.machine.loose = loose
			a := newAttacker()
			for range 7 {
				q := w.randomJoin(rng)
				w.now += 10
				out := w.apply(w.sign("bank", KindQuerySubmit, q))
				if out.Refusal != nil {
					continue
				}
				if q.Request.Join != nil {
					answered++
					w.learn(a, must[Verdict](t)(w.view().Verdict(out.ID)), has)
				}
			}
			if set := a.isolates(5); set != nil {
				found[loose]++
				if !loose {
					t.Errorf("round %d: %v are isolated", round, set)
				}
			}
		}
	}
	if found[true] == 0 || answered < 40 {
		t.Errorf("%d histories isolate somebody without the rule, %d products were answered: the test shows nothing", found[true], answered)
	}
}

// randomJoin is a sum of either dataset or a product of both.
func (w *joinWorld) randomJoin(rng *rand.Rand) QuerySubmit {
	q := w.product("nox", "output")
	switch rng.IntN(4) {
	case 0:
		q = submit(w.contracts[0], Request{Version: 1, Dataset: "emissions", Select: []Aggregate{{Func: "sum", Measure: "nox"}}})
	case 1:
		q = submit(w.contracts[1], Request{Version: 1, Dataset: "energy", Select: []Aggregate{{Func: "sum", Measure: "output"}}})
	}
	var by []Dimension
	if rng.IntN(2) == 0 {
		by = append(by, attr([]string{"county", "industry"}[rng.IntN(2)]))
	}
	if rng.IntN(2) == 0 {
		by = append(by, Dimension{Kind: DimPeriod, Grain: GrainMonth})
	}
	q.Request.By = by
	switch rng.IntN(4) {
	case 0:
		q.Request.Where = in("county", fmt.Sprintf("county%d", rng.IntN(3)))
	case 1:
		q.Request.Where = in("industry", fmt.Sprintf("industry%d", rng.IntN(4)))
	case 2:
		q.Request.Where = not(in("", ids(rng.IntN(joinEntities))...))
	}
	return q
}
