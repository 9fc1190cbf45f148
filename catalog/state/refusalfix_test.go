package state

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
	"github.com/weirdata/weir/catalog/tables"
)

type adviceForm struct {
	form   *regexp.Regexp
	follow func(q *catalog.Request, d catalog.Descriptor, said []string)
}

// advice are the forms that a fix of a request may have, and what somebody who
// follows it changes.
var advice = []adviceForm{
	{regexp.MustCompile(`^add (.+) to the condition: `), func(q *catalog.Request, _ catalog.Descriptor, said []string) {
		q.Where = &catalog.Predicate{Op: catalog.OpOr, Args: []catalog.Predicate{*q.Where, *statetest.In("", unquoted(said[1])...)}}
	}},
	{regexp.MustCompile(`^group by date_trunc\('(\w+)', period\)`), func(q *catalog.Request, _ catalog.Descriptor, said []string) {
		for i := range q.By {
			if q.By[i].Kind == catalog.DimPeriod {
				q.By[i].Grain = calendar.Grain(said[1])
			}
		}
	}},
	{regexp.MustCompile(`^do not group by (\w+)`), func(q *catalog.Request, d catalog.Descriptor, said []string) {
		q.By = slices.DeleteFunc(slices.Clone(q.By), func(x catalog.Dimension) bool {
			return said[1] == map[catalog.DimensionKind]string{catalog.DimEntity: d.Entity, catalog.DimAttribute: x.Column, catalog.DimPeriod: "periods"}[x.Kind]
		})
	}},
	{regexp.MustCompile(`^ask for all periods`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Periods = nil }},
	{regexp.MustCompile(`^ask for all entities and periods together`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) {
		q.Where, q.By, q.Periods = nil, nil, nil
	}},
	{regexp.MustCompile(`^ask without the condition on entities`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Where = nil }},
	{regexp.MustCompile(`^ask with --epsilon ([0-9.]+) or less`), func(q *catalog.Request, _ catalog.Descriptor, said []string) {
		q.Noise = &catalog.Noise{Epsilon: said[1]}
	}},
	{regexp.MustCompile(`^ask with --delta (\S+) or less`), func(q *catalog.Request, _ catalog.Descriptor, said []string) { q.Noise.Delta = said[1] }},
	{regexp.MustCompile(`^ask without --epsilon`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Noise = nil }},
	{regexp.MustCompile(`^what is spent is never given back; ask for exact figures`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Noise = nil }},
	{regexp.MustCompile(`^ask without --complete`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Complete = false }},
	{regexp.MustCompile(`^take (\S+) as a whole or leave it out`), func(q *catalog.Request, d catalog.Descriptor, said []string) {
		g, i, err := calendar.Parse(said[1])
		if err != nil {
			panic(err)
		}
		whole := g.Span(i, d.Grain)
		for k := range q.Periods {
			p := &q.Periods[k]
			if p.From < whole.To && whole.From < p.To {
				p.From, p.To = min(p.From, whole.From), max(p.To, whole.To)
			}
		}
	}},
	{regexp.MustCompile(`^ask with --partial`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.Partial, q.Complete = true, false }},
	{regexp.MustCompile(`^ask without PRIVATE`), func(q *catalog.Request, _ catalog.Descriptor, _ []string) { q.In = "" }},
}

func unquoted(list string) []string {
	var out []string
	for _, s := range strings.Split(list, ", ") {
		out = append(out, strings.Trim(s, "'"))
	}
	return out
}

// followed is the request of somebody who does what each of the fix's alternatives
// says. The test fails when one is not understood.
func followed(t *testing.T, q catalog.Request, d catalog.Descriptor, fix string) []catalog.Request {
	t.Helper()
	var out []catalog.Request
	for _, words := range strings.Split(strings.TrimPrefix(fix, "the smallest change that passes: "), "; or ") {
		changed := clone(t, q)
		for _, step := range strings.Split(words, ", and ") {
			at := slices.IndexFunc(advice, func(a adviceForm) bool { return a.form.MatchString(step) })
			if at < 0 {
				t.Fatalf("the fix %q says nothing to do that is known here: %q", fix, step)
			}
			advice[at].follow(&changed, d, advice[at].form.FindStringSubmatch(step))
		}
		out = append(out, changed)
	}
	return out
}

// mends submits a request that is refused, and then what its fix says, which must
// pass; in a world of its own for each alternative.
func mends(t *testing.T, rule string, scene func(t *testing.T) (w *world, contract string), q catalog.Request, numbers ...string) {
	t.Helper()
	w, contract := scene(t)
	d := must[catalog.Dataset](t)(w.view().Dataset(q.Dataset)).Descriptor
	r := w.advised(submit(contract, q), rule)
	statetest.CheckSaid(t, r, numbers...)
	for _, changed := range followed(t, q, d, explain.Fix(r)) {
		w, contract := scene(t)
		if out := w.do("bank", catalog.KindQuerySubmit, submit(contract, changed)); out.Refusal != nil {
			t.Errorf("%s: %s; what the fix says is refused: %+v: %s", rule, r, changed, out.Refusal)
		}
	}
}

// advised is the refusal of a preview, which alone looks for a change that would pass.
// What is applied is refused by the same rule, with the same numbers.
func (w *world) advised(q catalog.QuerySubmit, rule string) *catalog.Refusal {
	w.t.Helper()
	_, r, err := w.view().Preview(testID("bank"), q)
	if err != nil {
		w.t.Fatal(err)
	}
	statetest.WantRefusal(w.t, r, catalog.RefusedPolicy, rule)
	applied := w.no("bank", catalog.KindQuerySubmit, q, catalog.RefusedPolicy, rule)
	if explain.Message(applied) != explain.Message(r) || applied.Group != r.Group || applied.Field != r.Field || !slices.Equal(applied.Numbers, r.Numbers) || explain.Fix(applied) == "" {
		w.t.Fatalf("applied, the query is refused with %+v, in a preview with %+v", applied, r)
	}
	return r
}

// under is a scene with a contract on a dataset.
func under(dataset string, found func(t statetest.T) *world) func(*testing.T) (*world, string) {
	return func(t *testing.T) (*world, string) {
		w := found(t)
		return w, w.contract("bank", catalog.OrderCreate{Dataset: dataset})
	}
}

func monthsOf(q catalog.Request, from, to string) catalog.Request {
	q.Periods = []calendar.Interval{{From: statetest.Period(from), To: statetest.Period(to) + 1}}
	return q
}

// What is too small is told the dimension, period or condition to give up. In the
// scene everybody but enterprise 0 counts, 13 in each county; min_cohort is 5.
func TestTheFixOfTooFewEntitiesPasses(t *testing.T) {
	scene := under("emissions", func(t statetest.T) *world { return ready(t) })
	said := []string{"entities", "min_cohort"}
	few := statetest.SumBy(statetest.Attribute("county"))
	few.Where = statetest.In("", statetest.IDs(1, 2, 4, 7)...)
	mends(t, "min_cohort", scene, few, said...)
	each := statetest.SumBy(catalog.Dimension{Kind: catalog.DimEntity})
	mends(t, "min_cohort", scene, each, said...)
	alone := statetest.SumBy(catalog.Dimension{Kind: catalog.DimEntity}, statetest.Attribute("county"))
	alone.Where = statetest.In("county", "county1")
	mends(t, "min_cohort", scene, alone, said...)
	nobody := statetest.SumBy(statetest.Attribute("county"))
	nobody.Select = []catalog.Aggregate{{Func: "sum", Measure: "so2"}}
	nobody.Where = statetest.In("county", "county1")
	mends(t, "min_cohort", scene, monthsOf(nobody, "2024-12", "2024-12"), said...)

	withNoise := under("noisy", func(t statetest.T) *world { return noisy(t) })
	few.Dataset = "noisy"
	few.Where = statetest.In("", statetest.IDs(1, 2, 4, 7, 8)...)
	few.By = []catalog.Dimension{statetest.Attribute("county")}
	few.Noise = &catalog.Noise{Epsilon: "0.25"}
	mends(t, "min_cohort", withNoise, few, said...)
}

// A group that takes no class whole is told whom to add, or whatever is less, and the
// noise that would do without.
func TestTheFixOfAGroupAcrossClassesPasses(t *testing.T) {
	said := []string{"entities", "min_cohort", "missing"}
	scene := under("emissions", func(t statetest.T) *world { return ready(t) })
	county := func(without ...int) catalog.Request {
		q := statetest.SumBy()
		left := catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{*statetest.In("", statetest.IDs(without...)...)}}
		q.Where = &catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{*statetest.In("county", "county1"), left}}
		return q
	}
	q := county(4)
	mends(t, "class", scene, q, said...)
	w, contract := scene(t)
	if r := w.advised(submit(contract, q), "class"); !strings.Contains(explain.Fix(r), "add 'e00004'") {
		t.Errorf("the fix is %q", explain.Fix(r))
	}
	mends(t, "class", scene, statetest.SumBy(statetest.Attribute("industry")), said...)

	withNoise := under("noisy", func(t statetest.T) *world { return noisy(t) })
	q.Dataset = "noisy"
	mends(t, "class", withNoise, q, said...)
	w, contract = withNoise(t)
	if r := w.advised(submit(contract, q), "class"); !strings.HasSuffix(explain.Fix(r), "; or ask with --epsilon 0.5 or less") {
		t.Errorf("with noise on offer the fix is %q", explain.Fix(r))
	}

	// A contract that grants no condition on single enterprises is not told to make one.
	narrow := func(t *testing.T) (*world, string) {
		w := ready(t)
		return w, w.contract("bank", catalog.OrderCreate{Dataset: "emissions", Scope: &catalog.Scope{Columns: []string{"county", "industry"}}})
	}
	w, contract = narrow(t)
	q = statetest.SumBy()
	q.Where = &catalog.Predicate{Op: catalog.OpAnd, Args: []catalog.Predicate{*statetest.In("county", "county1"), {Op: catalog.OpNot, Args: []catalog.Predicate{*statetest.In("industry", "industry3")}}}}
	if r := w.advised(submit(contract, q), "class"); strings.Contains(explain.Fix(r), "'e0") {
		t.Errorf("the fix names what the contract does not grant: %s", explain.Fix(r))
	}
	mends(t, "class", narrow, q, said...)
}

// A row that covers too little is told to ask for it nevertheless, or for what covers
// more.
func TestTheFixOfTooLittleCoveragePasses(t *testing.T) {
	scene := under("emissions", func(t statetest.T) *world { return ready(t) })
	q := statetest.SumBy() // a county, and three enterprises of another
	q.Where = &catalog.Predicate{Op: catalog.OpOr, Args: []catalog.Predicate{*statetest.In("county", "county1"), *statetest.In("", statetest.IDs(2, 5, 8)...)}}
	mends(t, "coverage", scene, q, "included", "of", "min_coverage")
}

func TestTheFixOfWhatIsAskedOfThePolicyPasses(t *testing.T) {
	plain := under("emissions", func(t statetest.T) *world { return ready(t) })
	q := statetest.SumBy(statetest.Attribute("county")) // in the last month nobody of county1 counts for so2
	q.Select, q.Complete = []catalog.Aggregate{{Func: "avg", Measure: "so2"}}, true
	q = monthsOf(q, "2024-12", "2024-12")
	mends(t, "complete", plain, q, "withheld", "included", "of", "held_back")
	noise := statetest.SumBy()
	noise.Noise = &catalog.Noise{Epsilon: "0.1"}
	mends(t, "dp", plain, noise)

	quarterly := under("quarters", func(t statetest.T) *world {
		w := ready(t)
		d := statetest.Descriptor("quarters")
		d.Policy.Grain = calendar.Quarter
		d.Measures[0].Name, d.Measures[1].Name = "coal", "gas" // nox is compared with that of emissions
		w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
		counts := testCounts(2, 4, 40, func(_, _, _ int) bool { return true })
		v := w.proposal(d, 40, 12, counts)
		v.Counts = tables.CountsDigest(40, v.PolicyPeriods(d).From, d.MeasureNames(), counts, counts)
		number := w.ok("bureau", catalog.KindVersionPropose, v).Version
		for i, name := range d.MeasureNames() {
			w.ok("bureau", catalog.KindVersionCounts, catalog.VersionCounts{
				Dataset: d.Dataset, Version: number, Measure: name, From: v.PolicyPeriods(d).From, Bitmaps: counts[i], Present: counts[i],
			})
		}
		w.ok("bureau", catalog.KindVersionCommit, catalog.VersionCommit{Dataset: d.Dataset, Version: number})
		w.stored("quarters", number, 3)
		w.live("quarters", number)
		return w
	})
	part := statetest.SumBy()
	part.Dataset, part.Select = "quarters", []catalog.Aggregate{{Func: "sum", Measure: "coal"}}
	mends(t, "grain", quarterly, monthsOf(part, "2024-01", "2024-05"))
	fine := statetest.SumBy(catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Month})
	fine.Dataset, fine.Select = "quarters", part.Select
	mends(t, "grain", quarterly, fine)

	products := under("m", func(t statetest.T) *world {
		w := noisy(t)
		d := statistical("m", [2]string{"nox", "nox"})
		dp := testDP
		d.Policy.DP = &dp
		w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
		counts := testCounts(2, 12, 40, func(_, _, _ int) bool { return true })
		v := w.proposal(d, 40, 12, counts)
		v.Tiles = int(v.TilesPerColumn()) * len(d.TileColumns())
		n := w.publish(d, v, counts)
		w.stored("m", n, 3)
		w.live("m", n)
		return w
	})
	for rule, q := range map[string]catalog.Request{"moments": statisticFor("m", catalog.FuncVar, "so2", ""), "histogram": statisticFor("m", catalog.FuncHistogram, "so2", "")} {
		if rule == "moments" {
			w, contract := products(t)
			r := w.no("bank", catalog.KindQuerySubmit, submit(contract, q), catalog.RefusedPolicy, rule)
			fix := strings.TrimPrefix(explain.Fix(r), "moments has: nox × nox; ")
			for _, changed := range followed(t, q, statistical("m"), fix) {
				w.ok("bank", catalog.KindQuerySubmit, submit(contract, changed))
			}
			continue
		}
		mends(t, rule, products, q)
	}
}

// Epsilon is offered as far as both accounts have it, and not when one has nothing.
func TestTheFixOfANoisedQueryIsPaidFor(t *testing.T) {
	scene := func(spend ...string) func(*testing.T) (*world, string) {
		return func(t *testing.T) (*world, string) {
			w := noisy(t)
			id := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
			other := w.contract("bank", catalog.OrderCreate{Dataset: "noisy"})
			for i, e := range spend {
				contract := id
				if e[0] == 'o' { // of another contract of the family
					contract, e = other, e[1:]
				}
				q := noised(e, "")
				q.Periods = []calendar.Interval{{From: statetest.Period("2024-01"), To: statetest.Period("2024-02") + int64(i)}}
				w.finish(w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID, true)
			}
			return w, id
		}
	}
	said := []string{"epsilon", "limit"}
	mends(t, "epsilon_query", scene(), noised("0.7", ""), said...)
	mends(t, "delta_query", scene(), noised("0.5", "1e-3"), "delta", "limit")
	said = append(said, "left", "spent")
	mends(t, "epsilon_contract", scene("0.5", "0.5"), noised("0.5", ""), said...) // 0.2 are left
	mends(t, "epsilon_contract", scene("0.5", "0.5", "0.2"), noised("0.5", ""), said...)
	// 0.3 are left of the contract and 0.1 of the family: the lesser is offered.
	mends(t, "epsilon_contract", scene("0.5", "0.4", "o0.5", "o0.5"), noised("0.4", ""), said...)
	mends(t, "epsilon_family", scene("0.5", "o0.5", "o0.5", "o0.2"), noised("0.4", ""), said...)
	q := statisticFor("noisy", catalog.FuncVar, "nox", "")
	w, id := scene("0.5", "0.5", "0.2")(t)
	r := w.no("bank", catalog.KindQuerySubmit, submit(id, q), catalog.RefusedPolicy, "aggregate")
	if strings.Contains(explain.Fix(r), "order") {
		t.Errorf("the policy lists no variances, and the fix is %q", explain.Fix(r))
	}
}
