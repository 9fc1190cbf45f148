package catalog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

type adviceForm struct {
	form   *regexp.Regexp
	follow func(q *Request, d Descriptor, said []string)
}

// advice are the forms that a fix of a request may have, and what somebody who
// follows it changes.
var advice = []adviceForm{
	{regexp.MustCompile(`^add (.+) to the condition: `), func(q *Request, _ Descriptor, said []string) {
		q.Where = either(q.Where, in("", unquoted(said[1])...))
	}},
	{regexp.MustCompile(`^leave (.+) out by the condition: `), func(q *Request, _ Descriptor, said []string) {
		left := not(in("", unquoted(said[1])...))
		if q.Where != nil {
			left = &Predicate{Op: opAnd, Args: []Predicate{*q.Where, *left}}
		}
		q.Where = left
	}},
	{regexp.MustCompile(`^group by date_trunc\('(\w+)', period\)`), func(q *Request, _ Descriptor, said []string) {
		for i := range q.By {
			if q.By[i].Kind == DimPeriod {
				q.By[i].Grain = Grain(said[1])
			}
		}
	}},
	{regexp.MustCompile(`^do not group by (\w+)`), func(q *Request, d Descriptor, said []string) {
		q.By = slices.DeleteFunc(slices.Clone(q.By), func(x Dimension) bool {
			return said[1] == map[DimensionKind]string{DimEntity: d.Entity, DimAttribute: x.Column, DimPeriod: "periods"}[x.Kind]
		})
	}},
	{regexp.MustCompile(`^ask for all periods`), func(q *Request, _ Descriptor, _ []string) { q.Periods = nil }},
	{regexp.MustCompile(`^ask for all entities and periods together`), func(q *Request, _ Descriptor, _ []string) {
		q.Where, q.By, q.Periods = nil, nil, nil
	}},
	{regexp.MustCompile(`^ask without the condition on entities`), func(q *Request, _ Descriptor, _ []string) { q.Where = nil }},
	{regexp.MustCompile(`^ask with --epsilon ([0-9.]+) or less`), func(q *Request, _ Descriptor, said []string) {
		q.Noise = &Noise{Epsilon: said[1]}
	}},
	{regexp.MustCompile(`^ask with --delta (\S+) or less`), func(q *Request, _ Descriptor, said []string) { q.Noise.Delta = said[1] }},
	{regexp.MustCompile(`^ask without --epsilon`), func(q *Request, _ Descriptor, _ []string) { q.Noise = nil }},
	{regexp.MustCompile(`^what is spent is never given back; ask for exact figures`), func(q *Request, _ Descriptor, _ []string) { q.Noise = nil }},
	{regexp.MustCompile(`^ask without --complete`), func(q *Request, _ Descriptor, _ []string) { q.Complete = false }},
	{regexp.MustCompile(`^take (\S+) as a whole or leave it out`), func(q *Request, d Descriptor, said []string) {
		g, i, err := ParsePeriod(said[1])
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
	{regexp.MustCompile(`^leave the version out`), func(q *Request, _ Descriptor, _ []string) { q.Release = 0 }},
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
func followed(t *testing.T, q Request, d Descriptor, fix string) []Request {
	t.Helper()
	var out []Request
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
func mends(t *testing.T, rule string, scene func(t *testing.T) (w *world, contract string), q Request, numbers ...string) {
	t.Helper()
	w, contract := scene(t)
	d := must[Dataset](t)(w.view().Dataset(q.Dataset)).Descriptor
	r := w.advised(submit(contract, q), rule)
	checkSaid(t, r, numbers...)
	for _, changed := range followed(t, q, d, r.Fix) {
		w, contract := scene(t)
		if out := w.do("bank", KindQuerySubmit, submit(contract, changed)); out.Refusal != nil {
			t.Errorf("%s: %s; what the fix says is refused: %+v: %s", rule, r, changed, out.Refusal)
		}
	}
}

// advised is the refusal of a preview, which alone looks for a change that would pass.
// What is applied is refused by the same rule, with the same numbers.
func (w *world) advised(q QuerySubmit, rule string) *Refusal {
	w.t.Helper()
	_, r, err := w.view().Preview(testID("bank"), q)
	if err != nil {
		w.t.Fatal(err)
	}
	wantRefusal(w.t, r, RefusedPolicy, rule)
	applied := w.no("bank", KindQuerySubmit, q, RefusedPolicy, rule)
	if applied.Message != r.Message || applied.Group != r.Group || applied.Field != r.Field || !slices.Equal(applied.Numbers, r.Numbers) || applied.Fix == "" {
		w.t.Fatalf("applied, the query is refused with %+v, in a preview with %+v", applied, r)
	}
	return r
}

// checkSaid fails when a refusal lacks its fix or a number.
func checkSaid(t *testing.T, r *Refusal, numbers ...string) {
	t.Helper()
	if r.Fix == "" || r.Message == "" {
		t.Errorf("refusal %+v says not what would pass", r)
	}
	for _, name := range numbers {
		if !slices.ContainsFunc(r.Numbers, func(n Number) bool { return n.Name == name && n.Value != "" }) {
			t.Errorf("refusal %s has the numbers %v, not %s", r.Rule, r.Numbers, name)
		}
	}
}

// under is a scene with a contract on a dataset.
func under(dataset string, found func(t tester) *world) func(*testing.T) (*world, string) {
	return func(t *testing.T) (*world, string) {
		w := found(t)
		return w, w.contract("bank", OrderCreate{Dataset: dataset})
	}
}

func monthsOf(q Request, from, to string) Request {
	q.Periods = []Interval{{month(from), month(to) + 1}}
	return q
}

// What is too small is told the dimension, period or condition to give up. In the
// scene everybody but enterprise 0 counts, 13 in each county; min_cohort is 5.
func TestTheFixOfTooFewEntitiesPasses(t *testing.T) {
	scene := under("emissions", func(t tester) *world { return ready(t) })
	said := []string{"entities", "min_cohort"}
	few := sumBy(attr("county"))
	few.Where = in("", ids(1, 2, 4, 7)...)
	mends(t, "min_cohort", scene, few, said...)
	each := sumBy(Dimension{Kind: DimEntity})
	mends(t, "min_cohort", scene, each, said...)
	alone := sumBy(Dimension{Kind: DimEntity}, attr("county"))
	alone.Where = in("county", "county1")
	mends(t, "min_cohort", scene, alone, said...)
	nobody := sumBy(attr("county"))
	nobody.Select = []Aggregate{{Func: "sum", Measure: "so2"}}
	nobody.Where = in("county", "county1")
	mends(t, "min_cohort", scene, monthsOf(nobody, "2024-12", "2024-12"), said...)

	withNoise := under("noisy", func(t tester) *world { return noisy(t) })
	few.Dataset = "noisy"
	few.Where = in("", ids(1, 2, 4, 7, 8)...)
	few.By = []Dimension{attr("county")}
	few.Noise = &Noise{Epsilon: "0.25"}
	mends(t, "min_cohort", withNoise, few, said...)
}

// A group that would leave too few of a class is told whom to add, or whom to leave
// out, whatever is less, and the noise that would do without.
func TestTheFixOfAGroupAcrossClassesPasses(t *testing.T) {
	said := []string{"entities", "min_cohort", "missing"}
	scene := under("emissions", func(t tester) *world { return ready(t) })
	county := func(without ...int) Request {
		q := sumBy()
		q.Where = &Predicate{Op: opAnd, Args: []Predicate{*in("county", "county1"), *not(in("", ids(without...)...))}}
		return q
	}
	for without, want := range map[int]string{1: "add 'e00004'", 3: "leave 'e00034', 'e00037' out", 4: "leave 'e00037' out"} {
		q := county([]int{4, 7, 10, 13}[:without]...)
		mends(t, "class", scene, q, said...)
		w, contract := scene(t)
		if r := w.advised(submit(contract, q), "class"); !strings.Contains(r.Fix, want) {
			t.Errorf("without %d of 13: the fix is %q, want %q", without, r.Fix, want)
		}
	}
	by := sumBy(attr("industry"))
	by.Where = county(4).Where
	mends(t, "min_cohort", scene, by)
	by = sumBy(attr("industry"), Dimension{Kind: DimPeriod, Grain: GrainMonth})
	by.Where = in("", ids(1, 4, 7)...)
	mends(t, "min_cohort", scene, monthsOf(by, "2024-03", "2024-04"))

	withNoise := under("noisy", func(t tester) *world { return noisy(t) })
	q := county(4)
	q.Dataset = "noisy"
	mends(t, "class", withNoise, q, said...)
	w, contract := withNoise(t)
	if r := w.advised(submit(contract, q), "class"); !strings.HasSuffix(r.Fix, "; or ask with --epsilon 0.5 or less") {
		t.Errorf("with noise on offer the fix is %q", r.Fix)
	}

	// A contract that grants no condition on single enterprises is not told to make one.
	narrow := func(t *testing.T) (*world, string) {
		w := ready(t)
		return w, w.contract("bank", OrderCreate{Dataset: "emissions", Scope: &Scope{Columns: []string{"county", "industry"}}})
	}
	w, contract = narrow(t)
	q = sumBy()
	q.Where = &Predicate{Op: opAnd, Args: []Predicate{*in("county", "county1"), *not(in("industry", "industry3"))}}
	if r := w.advised(submit(contract, q), "class"); strings.Contains(r.Fix, "'e0") {
		t.Errorf("the fix names what the contract does not grant: %s", r.Fix)
	}
	mends(t, "class", narrow, q, said...)
}

func TestTheFixOfWhatIsAskedOfThePolicyPasses(t *testing.T) {
	plain := under("emissions", func(t tester) *world { return ready(t) })
	q := sumBy(attr("county")) // in the last month nobody of county1 counts for so2
	q.Select, q.Complete = []Aggregate{{Func: "avg", Measure: "so2"}}, true
	q = monthsOf(q, "2024-12", "2024-12")
	mends(t, "complete", plain, q, "withheld", "included", "of", "min_cohort")
	noise := sumBy()
	noise.Noise = &Noise{Epsilon: "0.1"}
	mends(t, "dp", plain, noise)

	quarterly := under("quarters", func(t tester) *world {
		w := ready(t)
		d := testDescriptor("quarters")
		d.Policy.Grain = GrainQuarter
		d.Measures[0].Name, d.Measures[1].Name = "coal", "gas" // nox is compared with that of emissions
		w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
		counts := testCounts(2, 4, 40, func(_, _, _ int) bool { return true })
		v := w.proposal(d, 40, 12, counts)
		v.Counts = CountsDigest(40, policyPeriods(d, v).From, d.measureNames(), counts, counts)
		number := w.ok("bureau", KindVersionPropose, v).Version
		for i, name := range d.measureNames() {
			w.ok("bureau", KindVersionCounts, VersionCounts{
				Dataset: d.Dataset, Version: number, Measure: name, From: policyPeriods(d, v).From, Bitmaps: counts[i], Present: counts[i],
			})
		}
		w.ok("bureau", KindVersionCommit, VersionCommit{Dataset: d.Dataset, Version: number})
		w.stored("quarters", number, 3)
		w.live("quarters", number)
		return w
	})
	part := sumBy()
	part.Dataset, part.Select = "quarters", []Aggregate{{Func: "sum", Measure: "coal"}}
	mends(t, "grain", quarterly, monthsOf(part, "2024-01", "2024-05"))
	fine := sumBy(Dimension{Kind: DimPeriod, Grain: GrainMonth})
	fine.Dataset, fine.Select = "quarters", part.Select
	mends(t, "grain", quarterly, fine)

	corrected := under("emissions", func(t tester) *world {
		w := ready(t)
		w.release(testDescriptor("emissions"), 12)
		return w
	})
	old := sumBy()
	old.Release = 1
	mends(t, "release", corrected, old)

	products := under("m", func(t tester) *world {
		w := noisy(t)
		d := statistical("m", [2]string{"nox", "nox"})
		dp := testDP
		d.Policy.DP = &dp
		w.ok("bureau", KindDatasetCreate, DatasetCreate{Descriptor: d})
		counts := testCounts(2, 12, 40, func(_, _, _ int) bool { return true })
		v := w.proposal(d, 40, 12, counts)
		v.Tiles = int(v.tilesPerColumn()) * len(d.TileColumns())
		n := w.publish(d, v, counts)
		w.stored("m", n, 3)
		w.live("m", n)
		return w
	})
	for rule, q := range map[string]Request{"moments": statisticOf("m", FuncVar, "so2", ""), "histogram": statisticOf("m", FuncHistogram, "so2", "")} {
		if rule == "moments" {
			w, contract := products(t)
			r := w.no("bank", KindQuerySubmit, submit(contract, q), RefusedPolicy, rule)
			r.Fix = strings.TrimPrefix(r.Fix, "moments has: nox × nox; ")
			for _, changed := range followed(t, q, statistical("m"), r.Fix) {
				w.ok("bank", KindQuerySubmit, submit(contract, changed))
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
			id := w.contract("bank", OrderCreate{Dataset: "noisy"})
			other := w.contract("bank", OrderCreate{Dataset: "noisy"})
			for i, e := range spend {
				contract := id
				if e[0] == 'o' { // of another contract of the family
					contract, e = other, e[1:]
				}
				q := noised(e, "")
				q.Periods = []Interval{{month("2024-01"), month("2024-02") + int64(i)}}
				w.finish(w.ok("bank", KindQuerySubmit, submit(contract, q)).ID, true)
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
	q := statisticOf("noisy", FuncVar, "nox", "")
	w, id := scene("0.5", "0.5", "0.2")(t)
	r := w.no("bank", KindQuerySubmit, submit(id, q), RefusedPolicy, "aggregate")
	if strings.Contains(r.Fix, "order") {
		t.Errorf("the policy lists no variances, and the fix is %q", r.Fix)
	}
}
