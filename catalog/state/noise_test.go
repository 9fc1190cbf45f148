package state

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
)

var testDP = catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "1.2", EpsilonFamily: "2", Delta: "1e-6"}

// noisy is ready with a second dataset "noisy" on the same registry, whose
// policy offers noised answers.
func noisy(t statetest.T) *world {
	w := ready(t)
	d := statetest.Descriptor("noisy")
	dp := testDP
	d.Policy.DP = &dp
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	n := w.publish(d, w.proposal(d, 40, 12, counts), counts)
	w.stored("noisy", n, 3)
	w.live("noisy", n)
	return w
}

func noised(epsilon, delta string, by ...catalog.Dimension) catalog.Request {
	q := statetest.SumBy(by...)
	q.Dataset, q.Noise = "noisy", &catalog.Noise{Epsilon: epsilon, Delta: delta}
	return q
}

func (w *world) spent(contract string) (ofContract, ofFamily string) {
	w.t.Helper()
	family := must[catalog.Account](w.t)(w.view().FamilyNoise(testID("bureau"), "enterprises"))
	return must[catalog.Contract](w.t)(w.view().Contract(contract)).EpsilonSpent, family.Spent
}

func TestNoiseIsAskedForWithinThePolicy(t *testing.T) {
	w := noisy(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	for _, bad := range []catalog.Noise{
		{}, {Epsilon: "0"}, {Epsilon: "0.0"}, {Epsilon: "1.1"}, {Epsilon: "1e-1"}, {Epsilon: "-0.1"}, {Epsilon: "+0.1"}, {Epsilon: ".5"}, {Epsilon: "1/2"},
		{Epsilon: "0.1", Delta: "0"}, {Epsilon: "0.1", Delta: "1"}, {Epsilon: "0.1", Delta: "x"}, {Delta: "1e-9"},
		{Epsilon: "0.1", Delta: "1e-999999999"}, {Epsilon: "0." + strings.Repeat("1", 13)},
	} {
		q := noised("", "")
		q.Noise = &bad
		if r := w.no("bank", catalog.KindQuerySubmit, submit(id, q), catalog.RefusedInvalid, "invalid"); !strings.HasPrefix(r.Field, "noise.") {
			t.Errorf("%+v: refusal %+v", bad, r)
		}
	}
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.500000000001", "")), catalog.RefusedPolicy, "epsilon_query")
	if !slices.Equal(r.Numbers, []catalog.Number{{Name: "epsilon", Value: "0.500000000001"}, {Name: "limit", Value: "0.5"}}) || explain.Fix(r) == "" {
		t.Errorf("refusal %+v", r)
	}
	w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", "1.1e-6")), catalog.RefusedPolicy, "delta_query")
	counts := noised("0.5", "")
	counts.Select = []catalog.Aggregate{{Func: "count"}}
	w.no("bank", catalog.KindQuerySubmit, submit(id, counts), catalog.RefusedInvalid, "noise_of_counts")

	exact := noised("0.5", "")
	exact.Dataset = "emissions"
	w.no("bank", catalog.KindQuerySubmit, submit(w.contract("bank", catalog.OrderCreate{Dataset: "emissions"}), exact), catalog.RefusedPolicy, "dp")
	if a, b := w.spent(id); a != "" || b != "0" {
		t.Errorf("refusals spent %q and %q", a, b)
	}
	q := w.ok("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", "1e-6", statetest.Attribute("county")))).ID
	v := must[catalog.Verdict](t)(w.view().Verdict(q))
	if v.Noise == nil || *v.Noise != (catalog.Noise{Epsilon: "0.5", Delta: "1e-6"}) || len(v.Layers[0].Exclusions) > 0 {
		t.Errorf("verdict %+v", v)
	}
}

func TestEpsilonIsChargedWhenAnAttemptIsNamedAndNeverGivenBack(t *testing.T) {
	w := noisy(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy", Queries: 3})
	query := w.ok("bank", catalog.KindQuerySubmit, submit(id, noised("0.5", ""))).ID
	if a, b := w.spent(id); a != "" || b != "0" {
		t.Fatalf("accepting spent %q and %q", a, b)
	}
	for n, want := range []string{"0.5", "1"} {
		attempt := w.sign("node3", catalog.KindQueryAttempt, w.attempt(query, n+1))
		if out := w.apply(attempt); out.Refusal != nil {
			t.Fatal(out.Refusal)
		}
		w.apply(attempt) // a repeat
		w.no("node3", catalog.KindQueryAttempt, w.attempt(query, n+1), catalog.RefusedConflict, "attempt")
		if a, b := w.spent(id); a != want || b != want {
			t.Fatalf("attempt %d: spent %q and %q, want %s", n+1, a, b, want)
		}
		w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: query, Attempt: n + 1, Reason: told("gone")})
		if a, b := w.spent(id); a != want || b != want {
			t.Fatalf("a failed attempt gave back: %q and %q", a, b)
		}
	}
	// 0.2 are left of the contract: the third attempt is not named.
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(query, 3))
	q := must[catalog.Query](t)(w.view().Query(query))
	if q.State != catalog.QueryFailed || len(q.Attempts) != 2 || !strings.Contains(explain.Reason(q.Reason), "0.2 left of 1.2") {
		t.Errorf("query %+v", q)
	}
	if k := must[catalog.Contract](t)(w.view().Contract(id)); k.Used != 1 || k.EpsilonSpent != "1" {
		t.Errorf("contract %+v", k)
	}
	if left := must[[]catalog.Query](t)(w.view().PendingQueries()); len(left) != 0 {
		t.Errorf("pending %+v", left)
	}
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.3", "")), catalog.RefusedPolicy, "epsilon_contract")
	if !slices.Equal(r.Numbers, []catalog.Number{{Name: "epsilon", Value: "0.3"}, {Name: "left", Value: "0.2"}, {Name: "spent", Value: "1"}, {Name: "limit", Value: "1.2"}}) || !strings.Contains(explain.Fix(r), "0.2") {
		t.Errorf("refusal %+v", r)
	}
	b := must[*catalog.NoiseBudget](t)(w.view().NoiseBudget(testID("bank"), submit(id, noised("0.1", ""))))
	if *b != (catalog.NoiseBudget{Epsilon: "0.1", MostCost: "0.3", Contract: catalog.Account{Limit: "1.2", Spent: "1", Left: "0.2"}, Family: catalog.Account{Limit: "2", Spent: "1", Left: "1"}}) {
		t.Errorf("budget %+v", b)
	}
	// Exact queries go on.
	exact := statetest.SumBy(statetest.Attribute("county"))
	exact.Dataset = "noisy"
	w.ok("bank", catalog.KindQuerySubmit, submit(id, exact))
}

func TestOneBudgetOfEpsilonForAllBuyersOfAFamily(t *testing.T) {
	w := noisy(t)
	bank, insurer := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"}), w.contract("insurer", catalog.OrderCreate{Dataset: "noisy"})
	name := func(buyer, contract, epsilon string) string {
		s := submit(contract, noised(epsilon, ""))
		s.Receiving = testReceiving(buyer)
		id := w.ok(buyer, catalog.KindQuerySubmit, s).ID
		w.ok("node3", catalog.KindQueryAttempt, w.attempt(id, 1))
		return id
	}
	name("bank", bank, "0.5")
	name("bank", bank, "0.5")
	name("insurer", insurer, "0.5")
	name("insurer", insurer, "0.4")
	r := w.no("insurer", catalog.KindQuerySubmit, submit(insurer, noised("0.2", "")), catalog.RefusedPolicy, "epsilon_family")
	if !slices.Contains(r.Numbers, catalog.Number{Name: "left", Value: "0.1"}) {
		t.Errorf("refusal %+v", r)
	}
	name("bank", bank, "0.1")
	r = w.no("insurer", catalog.KindQuerySubmit, submit(insurer, noised("0.000000000001", "")), catalog.RefusedPolicy, "epsilon_family")
	if !slices.Contains(r.Numbers, catalog.Number{Name: "left", Value: "0"}) || !strings.Contains(explain.Fix(r), "exact") {
		t.Errorf("refusal %+v", r)
	}
	if a, b := w.spent(bank); a != "1.1" || b != "2" {
		t.Errorf("spent %s and %s", a, b)
	}
}

func TestApprovalNarrowsWhatAContractMaySpendOnNoise(t *testing.T) {
	w := noisy(t)
	order := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "noisy", Purpose: "risk"}).ID
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Epsilon: "1.3"}, catalog.RefusedInvalid, "narrow")
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Epsilon: "1e-1"}, catalog.RefusedInvalid, "invalid")
	id := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: order, Epsilon: "0.30"}).ID
	w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.4", "")), catalog.RefusedPolicy, "epsilon_contract")
	q := w.ok("bank", catalog.KindQuerySubmit, submit(id, noised("0.3", ""))).ID
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(q, 1))
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, noised("0.1", "")), catalog.RefusedPolicy, "epsilon_contract")
	if !slices.Contains(r.Numbers, catalog.Number{Name: "limit", Value: "0.3"}) || !slices.Contains(r.Numbers, catalog.Number{Name: "left", Value: "0"}) {
		t.Errorf("refusal %+v", r)
	}
	exact := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	w.no("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: exact, Epsilon: "0.1"}, catalog.RefusedInvalid, "invalid")
}

func TestDatasetsOfAFamilyShareTheBudgetOfEpsilon(t *testing.T) {
	w := noisy(t)
	d := statetest.Descriptor("third")
	dp := testDP
	dp.EpsilonFamily = "2.5"
	d.Policy.DP = &dp
	if r := w.no("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d}, catalog.RefusedConflict, "family"); r.Field != "policy.dp.epsilon_family" {
		t.Errorf("refusal %+v", r)
	}
	dp.EpsilonFamily = "2.0"
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
}

func TestNoisedGroupsNeedTheCohortAndLeaveNothingOut(t *testing.T) {
	w := noisy(t)
	id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
	few := noised("0.1", "", statetest.Attribute("county"))
	few.Where = &catalog.Predicate{Op: "in", Values: []string{"e00000", "e00003", "e00006", "e00009", "e00012"}}
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, few), catalog.RefusedPolicy, "min_cohort") // e00000 counts nowhere
	if !slices.Equal(r.Numbers, []catalog.Number{{Name: "entities", Value: "4"}, {Name: "min_cohort", Value: "5"}}) || r.Group != "county county0" {
		t.Errorf("refusal %+v", r)
	}
	few.Where.Values = append(few.Where.Values, "e00015", "e00016")
	v, refusal, err := w.view().Judge(testID("bank"), submit(id, few))
	if err != nil || refusal != nil {
		t.Fatal(err, refusal)
	}
	if d := fmt.Sprint(v.Withheld, v.EntityGroups, v.Coverage); d != "[{1 0}] [{[county0] 6} {[county1] 1}] [{6 6 0} {0 1 0}]" {
		t.Errorf("verdict %s", d)
	}
	few.Complete = true
	w.no("bank", catalog.KindQuerySubmit, submit(id, few), catalog.RefusedPolicy, "complete")

	// An exact answer leaves a month out of so2 in county1; a noised one does not,
	// and withholds the month when it is a group of its own.
	whole := noised("0.1", "", statetest.Attribute("county"))
	whole.Select = []catalog.Aggregate{{Func: "sum", Measure: "so2"}}
	if v, _, _ = w.view().Judge(testID("bank"), submit(id, whole)); len(v.Withheld)+len(v.Layers[0].Exclusions) > 0 || len(v.EntityGroups) != 3 {
		t.Errorf("verdict %+v", v)
	}
	whole.By = append(whole.By, catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Month})
	if v, _, _ = w.view().Judge(testID("bank"), submit(id, whole)); !slices.Equal(v.Withheld, []catalog.GroupIndex{{Entity: 1, Period: 11}}) || len(v.Layers[0].Exclusions) > 0 {
		t.Errorf("verdict %+v", v)
	}
}

// Whatever buyers ask, nodes name and let fail, in whatever order: no account
// exceeds its limit, and each is exactly the sum of what was named.
func TestEpsilonNeverExceedsAnyBudget(t *testing.T) {
	start := noisy(t)
	contracts := map[string]string{
		"bank":    start.contract("bank", catalog.OrderCreate{Dataset: "noisy"}),
		"insurer": start.contract("insurer", catalog.OrderCreate{Dataset: "noisy"}),
	}
	family, contract := must1(decimal.ParseEpsilon(testDP.EpsilonFamily)), must1(decimal.ParseEpsilon(testDP.EpsilonPerContract))
	rapid.Check(t, func(t *rapid.T) {
		w := *start
		w.t, w.store, w.log = t, start.store.Clone(), nil
		named := map[string]*big.Rat{"bank": new(big.Rat), "insurer": new(big.Rat)}
		open := map[string][2]string{} // query → buyer, epsilon
		var ids []string
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(ids) == 0 || rapid.IntRange(0, 2).Draw(t, "act") == 0 {
				buyer := rapid.SampledFrom([]string{"bank", "insurer"}).Draw(t, "buyer")
				epsilon := rapid.SampledFrom([]string{"0.5", "0.3", "0.1", "0.07", "0.000000000001", "0.333333333333"}).Draw(t, "epsilon")
				s := submit(contracts[buyer], noised(epsilon, ""))
				if out := w.do(buyer, catalog.KindQuerySubmit, s); out.Refusal == nil {
					ids = append(ids, out.ID)
					open[out.ID] = [2]string{buyer, epsilon}
				}
				continue
			}
			id := rapid.SampledFrom(ids).Draw(t, "query")
			before := must[catalog.Query](t)(w.view().Query(id))
			attempts := len(before.Attempts)
			if rapid.Bool().Draw(t, "fail") {
				w.do("node1", catalog.KindQueryFail, catalog.QueryFail{Query: id, Attempt: attempts, Reason: told("gone")})
			} else {
				w.do("node3", catalog.KindQueryAttempt, w.attempt(id, attempts+1))
			}
			if after := must[catalog.Query](t)(w.view().Query(id)); len(after.Attempts) > attempts {
				cost := must1(decimal.ParseEpsilon(open[id][1]))
				named[open[id][0]].Add(named[open[id][0]], cost)
			}
			total := new(big.Rat).Add(named["bank"], named["insurer"])
			if total.Cmp(family) > 0 {
				t.Fatalf("the family has spent %s of %s", decimal.EpsilonText(total), decimal.EpsilonText(family))
			}
			for buyer, sum := range named {
				a, b := w.spent(contracts[buyer])
				if sum.Cmp(contract) > 0 || a != decimal.EpsilonText(sum) && sum.Sign() > 0 || b != decimal.EpsilonText(total) {
					t.Fatalf("%s: ledgers say %s and %s, named were %s and %s", buyer, a, b, decimal.EpsilonText(sum), decimal.EpsilonText(total))
				}
			}
		}
	})
}

func must1(v *big.Rat, ok bool) *big.Rat {
	if !ok {
		panic("not an epsilon")
	}
	return v
}
