package catalog

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// drawHistory draws a family and what many people ask of it over several versions.
func drawHistory(t *rapid.T, loose bool) (*history, int) {
	moments := rapid.IntRange(0, 2).Draw(t, "moments") == 0
	n := rapid.IntRange(20, 60).Draw(t, "entities")
	if moments {
		n = min(2*n, 90) // a class has p·k entities
	}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)) //nolint:gosec // a test's readings
	k := rapid.IntRange(3, 5).Draw(t, "k")
	p := monthlyPanel("m")
	p.d.Policy.MinCohort = k
	p.d.Policy.Cubes = rapid.SampledFrom([][][]string{nil, {{"county"}}, {{"county"}, {"industry"}}, {{"county", "industry"}}}).Draw(t, "cubes")
	if rapid.Bool().Draw(t, "related") {
		p.d.Policy.Related, p.what = [][2]string{{"nox", "so2"}}, []string{"x", "x"}
	}
	if moments {
		p.d.Policy.Aggregates = []string{"count", "sum", "avg", "var", "covar"}
		p.d.Policy.Moments = [][2]string{{"nox", "so2"}, {"nox", "nox"}}
	}
	h := newHistory(t, loose, testRows(0, n), p)
	const periods = 4
	state := make([]int, 2*periods*n) // measure, period, entity
	density := rapid.IntRange(5, 10).Draw(t, "density")
	for i := range state {
		state[i] = b2i(rng.IntN(10) < density)
	}
	if len(p.d.Policy.Related) > 0 { // the same readings; a few are in one of them only
		copy(state[periods*n:], state[:periods*n])
		for range rapid.IntRange(0, 12).Draw(t, "differ") {
			state[rng.IntN(len(state))] = 0
		}
	}
	first := month("2024-01")
	covered, known := rapid.IntRange(max(n-10, 10), n).Draw(t, "covered"), 2
	publish := func() {
		held, e0, q := append([]int(nil), state...), covered, rapid.IntRange(2, periods).Draw(t, "periods")
		h.publish("m", versionOf{e0, q, first, func(m int, p int64, e int) int { return held[(m*periods+int(p-first))*n+e] }})
	}
	publish()
	portfolios := drawPortfolios(t, h, n)
	for range rapid.IntRange(2, 14).Draw(t, "acts") {
		if rapid.IntRange(0, 4).Draw(t, "act") > 0 {
			who, q := rapid.SampledFrom([]string{"bank", "insurer"}).Draw(t, "who"), drawQuestion(t, rng, n)
			switch kind := rapid.IntRange(0, 5).Draw(t, "private"); {
			case kind < 2:
				q = private(q, portfolios[who])
			case kind < 4 && moments:
				q.Select = []Aggregate{rapid.SampledFrom([]Aggregate{{Func: FuncCovar, Measure: "nox", Other: "so2"}, {Func: FuncVar, Measure: "nox"}}).Draw(t, "moment")}
			}
			h.ask(who, q)
			continue
		}
		if known++; rapid.Bool().Draw(t, "some change") {
			m, q := rng.IntN(2), rng.IntN(periods)
			for range rapid.SampledFrom([]int{1, 2, k, 2 * k, n}).Draw(t, "changed") {
				cell := (m*periods+q)*n + rng.IntN(n)
				switch kind := rapid.IntRange(0, 3).Draw(t, "kind"); {
				case kind == 0:
					state[cell] = 0
				case len(p.d.Policy.Related) == 0:
					state[cell] = known // another number
				case state[cell] == 0:
					state[cell] = 1 // related measures tell the same of a cell
				}
			}
		}
		covered = rapid.IntRange(covered, n).Draw(t, "covered")
		publish()
	}
	return h, k
}

// drawPortfolios gives both buyers one: of a few, of a part, or of nearly all.
func drawPortfolios(t *rapid.T, h *history, n int) map[string]string {
	out := map[string]string{}
	for _, who := range []string{"bank", "insurer"} {
		share := rapid.SampledFrom([]int{1, 5, 9}).Draw(t, "share")
		var mine []int
		for e := range n {
			if rapid.IntRange(0, 9).Draw(t, "selected") < share {
				mine = append(mine, e)
			}
		}
		out[who] = h.portfolio(who, "mine", mine...)
	}
	return out
}

func drawQuestion(t *rapid.T, rng *rand.Rand, n int) Request {
	var where *Predicate
	switch rapid.IntRange(0, 3).Draw(t, "where") {
	case 1:
		where = drawPredicate(t, 2)
	case 2: // all but a few
		var few []int
		for range rapid.IntRange(1, 3).Draw(t, "few") {
			if e := rng.IntN(n); len(few) == 0 || few[0] != e {
				few = append(few[:min(len(few), 1)], e)
			}
		}
		where = not(in("", ids(few...)...))
	case 3: // a random half
		var half []int
		for e := range n {
			if rng.IntN(2) == 0 {
				half = append(half, e)
			}
		}
		if len(half) > 0 {
			where = in("", ids(half...)...)
		}
	}
	var by []Dimension
	for _, d := range []Dimension{attr("county"), attr("industry"), {Kind: DimPeriod, Grain: GrainMonth}} {
		if rapid.IntRange(0, 2).Draw(t, "by") == 0 {
			by = append(by, d)
		}
	}
	var periods []Interval
	if rapid.Bool().Draw(t, "some periods") {
		from := int64(rapid.IntRange(0, 1).Draw(t, "from"))
		periods = []Interval{{month("2024-01") + from, month("2024-01") + from + int64(rapid.IntRange(1, 3).Draw(t, "length"))}}
	}
	return sumOf("m", rapid.SampledFrom([]string{"nox", "so2"}).Draw(t, "measure"), where, periods, by...)
}

// TestNothingIsDerivedOfFewEntitiesWhateverIsAsked has an attacker who holds every
// answer of a random history look for a combination that says something of fewer
// than min_cohort entities; the same search finds one in most histories without
// the rule.
func TestNothingIsDerivedOfFewEntitiesWhateverIsAsked(t *testing.T) {
	figures := 0
	for range rounds(2, 10) {
		rapid.Check(t, func(t *rapid.T) {
			h, k := drawHistory(t, false)
			figures += len(h.attacker.rows)
			if found := h.attacker.isolates(k); found != nil {
				t.Fatalf("the entities %v, fewer than %d, are isolated", found, k)
			}
		})
	}
	if figures < 250 {
		t.Fatalf("only %d figures were given", figures)
	}
	broken, drawn := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		if h, k := drawHistory(t, true); h.attacker.isolates(k) != nil {
			broken++
		}
	})
	t.Logf("%d figures; without the rule %d of %d histories isolate somebody", figures, broken, drawn)
	if 2*broken < drawn {
		t.Fatalf("without the rule only %d of %d histories isolate somebody", broken, drawn)
	}
}
