package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func monthlyPanel(id string) *panelOf {
	return &panelOf{d: testDescriptor(id), what: []string{"nox", "so2"}, finest: GrainMonth}
}

func always(int, int64, int) int { return 1 }

// attack is a way to a reading of fewer than min_cohort entities. It works when the
// rule is off, and must not when it is on.
type attack struct {
	name   string
	panels func() []*panelOf
	rows   [][]string
	run    func(h *history)
	// target, if not nil, is what is derived where many entities hide one.
	target map[reading]int64
}

const victim = 7 // of county1

func january(n int64) Interval { return Interval{month("2024-01"), month("2024-01") + n} }

func one(id string) func() []*panelOf {
	return func() []*panelOf { return []*panelOf{monthlyPanel(id)} }
}

func year(h *history, dataset string) {
	h.publish(dataset, versionOf{40, 12, month("2024-01"), always})
}

var allButVictim = not(in("", ids(victim)...))

func attacks() []attack {
	return slices.Concat(cohortAttacks(), familyAttacks(), cellAttacks(), versionAttacks(), jointAttacks(), portfolioAttacks(), freezeAttacks())
}

func cohortAttacks() []attack {
	counties := func(list ...string) *Predicate { return in("county", list...) }
	return []attack{
		{name: "two cohorts one entity apart", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", sumOf("m", "nox", allButVictim, nil))
		}},
		{name: "the smaller cohort first", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", allButVictim, nil))
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a tracker of three queries padded with a known set", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", either(counties("county0", "county2"), in("", ids(victim)...)), nil))
			h.ask("bank", sumOf("m", "nox", counties("county0"), nil))
			h.ask("bank", sumOf("m", "nox", counties("county2"), nil))
		}},
		{name: "a tracker of four queries", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", either(in("industry", "industry1"), in("", ids(victim)...)), nil))
			h.ask("bank", sumOf("m", "nox", in("industry", "industry1", "industry2"), nil))
			h.ask("bank", sumOf("m", "nox", in("industry", "industry2", "industry3"), nil))
			h.ask("bank", sumOf("m", "nox", in("industry", "industry3"), nil))
		}},
		{name: "totals minus groups", panels: one("m"), rows: lonely(40, 39), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", sumOf("m", "nox", nil, nil, attr("county")))
		}},
		{name: "a withheld group as the difference of a total", panels: one("m"), rows: lonely(40, 37), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil, attr("county")))
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "two buyers pool their answers", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("insurer", sumOf("m", "nox", allButVictim, nil))
		}},
		{name: "two months", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, []Interval{january(1)}))
			h.ask("bank", sumOf("m", "nox", allButVictim, []Interval{january(2)}))
			h.ask("bank", sumOf("m", "nox", allButVictim, []Interval{{month("2024-02"), month("2024-03")}}))
		}},
	}
}

// lonely puts the entities from one on into a county of their own.
func lonely(n, from int) [][]string {
	rows := testRows(0, n)
	for e := from; e < n; e++ {
		rows[e][1] = "faraway"
	}
	return rows
}

func familyAttacks() []attack {
	related := func() []*panelOf {
		p := monthlyPanel("m")
		p.d.Policy.Related = [][2]string{{"nox", "so2"}}
		p.what = []string{"nox", "nox"}
		return []*panelOf{p}
	}
	return []attack{
		{name: "the same split over two measures", panels: related, run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", sumOf("m", "so2", allButVictim, nil))
		}},
		{name: "the same split over a daily and a monthly dataset", panels: dailyAndMonthly, run: func(h *history) {
			year(h, "m")
			h.publish("d", versionOf{40, 31, days(2024, 1, 1), always})
			h.ask("bank", sumOf("m", "nox", nil, []Interval{january(1)}))
			h.ask("insurer", sumOf("d", "nox", allButVictim, nil))
		}},
		{name: "a daily dataset that lacks days of one entity", panels: dailyAndMonthly, run: func(h *history) {
			year(h, "m")
			h.publish("d", versionOf{40, 31, days(2024, 1, 1), func(_ int, p int64, e int) int {
				return b2i(e != victim || p%31 != 5)
			}})
			h.ask("bank", sumOf("m", "nox", nil, []Interval{january(1)}))
			h.ask("insurer", sumOf("d", "nox", nil, nil))
		}},
		{name: "related measures whose presence differs by one entity", panels: related, run: func(h *history) {
			h.publish("m", versionOf{40, 12, month("2024-01"), func(m int, _ int64, e int) int { return b2i(m == 0 || e != victim) }})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", sumOf("m", "so2", nil, nil))
		}},
		{
			name: "related measures whose presence differs by one entity and four single hours", panels: hourlyPanel,
			target: hoursOf(24, 1),
			run: func(h *history) {
				h.publish("h", versionOf{40, 24, hour0, func(m int, p int64, e int) int {
					return b2i(m == 0 || e != victim && (e < 10 || e > 13 || p != hour0))
				}})
				h.ask("bank", sumOf("h", "nox", nil, nil))
				h.ask("bank", sumOf("h", "so2", nil, nil))
			},
		},
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func dailyAndMonthly() []*panelOf {
	m, d := monthlyPanel("m"), monthlyPanel("d")
	d.d.Grain, d.d.Policy.Grain, d.finest, m.finest = GrainDay, GrainMonth, GrainDay, GrainDay
	return []*panelOf{m, d}
}

var hour0 = 24 * days(2024, 1, 1)

// hourlyPanel releases days of hourly readings; its measures tell of the same cells.
func hourlyPanel() []*panelOf {
	p := &panelOf{d: testDescriptor("h"), what: []string{"nox", "nox"}, finest: GrainHour}
	p.d.Grain, p.d.Policy.Grain = GrainHour, GrainDay
	p.d.Policy.Related = [][2]string{{"nox", "so2"}}
	return []*panelOf{p}
}

// hoursOf is so many hours of the victim and some of each of four others.
func hoursOf(n, others int64) map[reading]int64 {
	out := map[reading]int64{}
	for i := range n {
		out[reading{"nox", victim, hour0 + i, 1}] = 1
	}
	for e := 10; e < 14; e++ {
		for i := range others {
			out[reading{"nox", e, hour0 + i, 1}] = 1
		}
	}
	return out
}

func cellAttacks() []attack {
	return []attack{
		{name: "part of a period of the policy's grain", panels: dailyAndMonthly, run: func(h *history) {
			first := days(2024, 1, 1)
			h.publish("d", versionOf{40, 31, first, func(_ int, p int64, e int) int { return b2i(p != first+30 || e == victim) }})
			h.ask("bank", sumOf("d", "nox", nil, nil))
			h.ask("bank", sumOf("d", "nox", nil, []Interval{{first, first + 30}}))
		}},
		{
			name: "one entity for a day padded with four for an hour", panels: hourlyPanel, target: hoursOf(24, 1),
			run: func(h *history) {
				h.publish("h", versionOf{40, 24, hour0, func(_ int, p int64, e int) int {
					return b2i(e < 10 || e > 13 || p == hour0)
				}})
				h.ask("bank", sumOf("h", "nox", in("", ids(victim, 10, 11, 12, 13)...), nil))
			},
		},
	}
}

func versionAttacks() []attack {
	corrected := func(_ int, p int64, e int) int { return 1 + b2i(e == victim && p == month("2024-03")) }
	return []attack{
		{name: "the same split over two versions", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 13, month("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", allButVictim, []Interval{january(12)}))
		}},
		{name: "a correction of one entity through two versions", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 12, month("2024-01"), corrected})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a correction of one entity seen two versions later", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 12, month("2024-01"), func(_ int, p int64, e int) int { return 1 + b2i(e%3 == 1 && p == month("2024-03")) }})
			h.publish("m", versionOf{40, 12, month("2024-01"), corrected})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a cell that is added later", panels: one("m"), run: func(h *history) {
			h.publish("m", versionOf{40, 12, month("2024-01"), func(_ int, p int64, e int) int { return b2i(e != victim || p != month("2024-03")) }})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "versions that turn over around one entity", panels: one("m"), run: func(h *history) {
			turnOver(h, [3]string{"Az", "ABz", "Bz"})
		}},
		{name: "versions that turn over away from one entity", panels: one("m"), run: func(h *history) {
			turnOver(h, [3]string{"Az", "AB", "B"})
		}},
		{name: "a new entity", panels: one("m"), rows: testRows(0, 41), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{41, 12, month("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a new entity among five new ones", panels: one("m"), rows: testRows(0, 46), run: func(h *history) {
			year(h, "m")
			h.publish("m", versionOf{45, 12, month("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{46, 12, month("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
	}
}

// turnOver publishes three versions in which county1 has the cells of five entities
// A, of five others B, and of the victim z, as the names say. Any two differ in five
// entities at least.
func turnOver(h *history, names [3]string) {
	a, b := []int{1, 4, 10, 13, 16}, []int{19, 22, 25, 28, 31}
	for _, name := range names {
		h.publish("m", versionOf{40, 12, month("2024-01"), func(_ int, _ int64, e int) int {
			return b2i(e%3 != 1 || strings.Contains(name, "A") && slices.Contains(a, e) || strings.Contains(name, "B") && slices.Contains(b, e) ||
				strings.Contains(name, "z") && e == victim)
		}})
		h.ask("bank", sumOf("m", "nox", in("county", "county1"), nil))
	}
}

func TestAttacksWorkWithoutTheRuleAndFailWithIt(t *testing.T) {
	for _, a := range attacks() {
		for _, loose := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, rule off %t", a.name, loose), func(t *testing.T) {
				rows := a.rows
				if rows == nil {
					rows = testRows(0, 40)
				}
				h := newHistory(t, loose, rows, a.panels()...)
				a.run(h)
				if h.accepted == 0 && (loose || a.target == nil) {
					t.Fatal("nothing was answered")
				}
				found := h.attacker.isolates(5)
				derived := a.target != nil && h.attacker.derives(a.target)
				if works := found != nil || derived; works != loose {
					t.Fatalf("isolates %v, derives its target: %t", found, derived)
				}
			})
		}
	}
}

// TestACubeNeverShrinksWhateverOthersAsk for periods that were there when it was
// cut.
func TestACubeNeverShrinksWhateverOthersAsk(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), func(_ int, p int64, e int) int { return b2i((e+int(p))%9 != 0) }})
	included := func(v *Verdict) (out []string) {
		for _, g := range v.EntityGroups {
			out = append(out, fmt.Sprint(g.Values, g.Included, g.Of))
		}
		return out
	}
	cube := sumOf("m", "nox", nil, nil, attr("county"))
	before := included(h.ask("bank", cube))
	h.ask("insurer", sumOf("m", "nox", in("", ids(0, 1, 2, 3, 4, 5, 6, 7, 8)...), nil))
	h.ask("insurer", sumOf("m", "so2", nil, nil, attr("industry")))
	h.ask("insurer", sumOf("m", "so2", nil, nil, attr("county"), attr("industry")))
	h.ask("insurer", sumOf("m", "nox", not(in("", ids(0, 3, 6, 9, 12, 15, 18, 21)...)), nil))
	other := cube
	other.Select = []Aggregate{{Func: "avg", Measure: "nox"}}
	if after := included(h.ask("bank", other)); !slices.Equal(before, after) || h.accepted < 3 {
		t.Fatalf("before %v, after %v; %d answers", before, after, h.accepted)
	}
}
