package state

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// drawHistory draws a family and what many people ask of it over several versions.
func drawHistory(t *rapid.T) (*history, int) {
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
		p.d.Policy.Related, p.what = [][]string{{"nox", "so2"}}, []string{"x", "x"}
	}
	if moments {
		p.d.Policy.Aggregates = []string{"count", "sum", "avg", "var", "covar"}
		p.d.Policy.Moments = [][2]string{{"nox", "so2"}, {"nox", "nox"}}
	}
	covered, known := rapid.IntRange(max(n-10, 10), n).Draw(t, "covered"), 2
	h := newHistory(t, statetest.Rows(0, covered), p)
	h.attacked = true
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
	first := statetest.Period("2024-01")
	publish := func() {
		held, e0, q := append([]int(nil), state...), covered, rapid.IntRange(2, periods).Draw(t, "periods")
		h.publish("m", versionOf{e0, q, first, func(m int, p int64, e int) int { return held[(m*periods+int(p-first))*n+e] }})
	}
	publish()
	for range rapid.IntRange(2, 14).Draw(t, "acts") {
		if rapid.IntRange(0, 4).Draw(t, "act") > 0 {
			who, q := rapid.SampledFrom([]string{"bank", "insurer"}).Draw(t, "who"), drawQuestion(t, rng, n)
			q.Partial = rapid.Bool().Draw(t, "partial")
			if moments && rapid.IntRange(0, 2).Draw(t, "moment") == 0 {
				q.Select = []catalog.Aggregate{rapid.SampledFrom([]catalog.Aggregate{{Func: catalog.FuncCovar, Measure: "nox", Other: "so2"}, {Func: catalog.FuncVar, Measure: "nox"}}).Draw(t, "moment")}
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
		if more := rapid.IntRange(covered, n).Draw(t, "covered"); more > covered {
			h.appendRows(statetest.Rows(covered, more-covered))
			covered = more
		}
		publish()
	}
	return h, k
}

func drawQuestion(t *rapid.T, rng *rand.Rand, n int) catalog.Request {
	var where *catalog.Predicate
	switch rapid.IntRange(0, 9).Draw(t, "where") {
	case 1:
		where = statetest.DrawPredicate(t, 2)
	case 2: // all but a few
		var few []int
		for range rapid.IntRange(1, 3).Draw(t, "few") {
			if e := rng.IntN(n); len(few) == 0 || few[0] != e {
				few = append(few[:min(len(few), 1)], e)
			}
		}
		where = not(statetest.In("", statetest.IDs(few...)...))
	case 3: // a random half
		var half []int
		for e := range n {
			if rng.IntN(2) == 0 {
				half = append(half, e)
			}
		}
		if len(half) > 0 {
			where = statetest.In("", statetest.IDs(half...)...)
		}
	}
	var by []catalog.Dimension
	for _, d := range []catalog.Dimension{statetest.Attribute("county"), statetest.Attribute("industry"), {Kind: catalog.DimPeriod, Grain: calendar.Month}} {
		if rapid.IntRange(0, 2).Draw(t, "by") == 0 {
			by = append(by, d)
		}
	}
	var periods []calendar.Interval
	if rapid.Bool().Draw(t, "some periods") {
		from := int64(rapid.IntRange(0, 1).Draw(t, "from"))
		periods = []calendar.Interval{{From: statetest.Period("2024-01") + from, To: statetest.Period("2024-01") + from + int64(rapid.IntRange(1, 3).Draw(t, "length"))}}
	}
	return sumOf("m", rapid.SampledFrom([]string{"nox", "so2"}).Draw(t, "measure"), where, periods, by...)
}

// TestNothingIsDerivedOfFewEntitiesWhateverIsAsked has an attacker who holds every
// answer of a random history look for a combination that says something of fewer
// than min_cohort entities; where nothing is protected the same search finds one in most
// histories.
func TestNothingIsDerivedOfFewEntitiesWhateverIsAsked(t *testing.T) {
	figures, broken, drawn := 0, 0, 0
	for range rounds(2, 5) {
		rapid.Check(t, func(t *rapid.T) {
			h, k := drawHistory(t)
			drawn++
			figures += len(h.attacker.rows)
			if found := h.attacker.isolates(k); found != nil {
				t.Fatalf("the entities %v, fewer than %d, are isolated", found, k)
			}
			if drawn%4 == 0 && h.plain.isolates(k) != nil {
				broken++
			}
		})
	}
	t.Logf("%d figures; without the rule %d of %d histories isolate somebody", figures, broken, drawn/4)
	if figures < 250 || 2*broken < drawn/4 {
		t.Fatalf("%d figures were given, and without the rule %d of %d histories isolate somebody", figures, broken, drawn/4)
	}
}
