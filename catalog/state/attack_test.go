package state

import (
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

// attack is a way to a reading of fewer than min_cohort entities. It works where nothing
// is protected, and must not where the release rule holds.
type attack struct {
	name   string
	panels func() []*panelOf
	rows   [][]string
	run    func(h *history)
	// target, if not nil, is what is derived where many entities hide one.
	target map[reading]int64
}

const victim = 7 // of county1

func one(id string) func() []*panelOf {
	return func() []*panelOf { return []*panelOf{monthlyPanel(id)} }
}

func year(h *history, dataset string) {
	h.publish(dataset, versionOf{40, 12, statetest.Period("2024-01"), always})
}

var allButVictim = not(statetest.In("", statetest.IDs(victim)...))

func attacks() []attack {
	return slices.Concat(cohortAttacks(), familyAttacks(), cellAttacks(), versionAttacks())
}

func cohortAttacks() []attack {
	counties := func(list ...string) *catalog.Predicate { return statetest.In("county", list...) }
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
			h.ask("bank", sumOf("m", "nox", either(counties("county0", "county2"), statetest.In("", statetest.IDs(victim)...)), nil))
			h.ask("bank", sumOf("m", "nox", counties("county0"), nil))
			h.ask("bank", sumOf("m", "nox", counties("county2"), nil))
		}},
		{name: "a tracker of four queries", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", either(statetest.In("industry", "industry1"), statetest.In("", statetest.IDs(victim)...)), nil))
			h.ask("bank", sumOf("m", "nox", statetest.In("industry", "industry1", "industry2"), nil))
			h.ask("bank", sumOf("m", "nox", statetest.In("industry", "industry2", "industry3"), nil))
			h.ask("bank", sumOf("m", "nox", statetest.In("industry", "industry3"), nil))
		}},
		{name: "totals minus groups", panels: one("m"), rows: lonely(40, 39), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("bank", sumOf("m", "nox", nil, nil, statetest.Attribute("county")))
		}},
		{name: "a withheld group as the difference of a total", panels: one("m"), rows: lonely(40, 37), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil, statetest.Attribute("county")))
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "two buyers pool their answers", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.ask("insurer", sumOf("m", "nox", allButVictim, nil))
		}},
		{name: "two months", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, []calendar.Interval{january(1)}))
			h.ask("bank", sumOf("m", "nox", allButVictim, []calendar.Interval{january(2)}))
			h.ask("bank", sumOf("m", "nox", allButVictim, []calendar.Interval{{From: statetest.Period("2024-02"), To: statetest.Period("2024-03")}}))
		}},
	}
}

// lonely puts the entities from one on into a county of their own.
func lonely(n, from int) [][]string {
	rows := statetest.Rows(0, n)
	for e := from; e < n; e++ {
		rows[e][1] = "faraway"
	}
	return rows
}

func familyAttacks() []attack {
	related := func() []*panelOf {
		p := monthlyPanel("m")
		p.d.Policy.Related = [][]string{{"nox", "so2"}}
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
			h.publish("d", versionOf{40, 31, dayOf(2024, 1, 1), always})
			h.ask("bank", sumOf("m", "nox", nil, []calendar.Interval{january(1)}))
			h.ask("insurer", sumOf("d", "nox", allButVictim, nil))
		}},
		{name: "a daily dataset that lacks days of one entity", panels: dailyAndMonthly, run: func(h *history) {
			year(h, "m")
			h.publish("d", versionOf{40, 31, dayOf(2024, 1, 1), func(_ int, p int64, e int) int {
				return b2i(e != victim || p%31 != 5)
			}})
			h.ask("bank", sumOf("m", "nox", nil, []calendar.Interval{january(1)}))
			h.ask("insurer", sumOf("d", "nox", nil, nil))
		}},
		{name: "related measures whose presence differs by one entity", panels: related, run: func(h *history) {
			h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), func(m int, _ int64, e int) int { return b2i(m == 0 || e != victim) }})
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

func dailyAndMonthly() []*panelOf {
	m, d := monthlyPanel("m"), monthlyPanel("d")
	d.d.Grain, d.d.Policy.Grain, d.finest, m.finest = calendar.Day, calendar.Month, calendar.Day, calendar.Day
	return []*panelOf{m, d}
}

var hour0 = 24 * dayOf(2024, 1, 1)

// hourlyPanel releases days of hourly readings; its measures tell of the same cells.
func hourlyPanel() []*panelOf {
	p := &panelOf{d: statetest.Descriptor("h"), what: []string{"nox", "nox"}, finest: calendar.Hour}
	p.d.Grain, p.d.Policy.Grain = calendar.Hour, calendar.Day
	p.d.Policy.Related = [][]string{{"nox", "so2"}}
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
			first := dayOf(2024, 1, 1)
			h.publish("d", versionOf{40, 31, first, func(_ int, p int64, e int) int { return b2i(p != first+30 || e == victim) }})
			h.ask("bank", sumOf("d", "nox", nil, nil))
			h.ask("bank", sumOf("d", "nox", nil, []calendar.Interval{{From: first, To: first + 30}}))
		}},
		{
			name: "one entity for a day padded with four for an hour", panels: hourlyPanel, target: hoursOf(24, 1),
			run: func(h *history) {
				h.publish("h", versionOf{40, 24, hour0, func(_ int, p int64, e int) int {
					return b2i(e < 10 || e > 13 || p == hour0)
				}})
				h.ask("bank", sumOf("h", "nox", statetest.In("", statetest.IDs(victim, 10, 11, 12, 13)...), nil))
			},
		},
	}
}

func versionAttacks() []attack {
	corrected := func(_ int, p int64, e int) int { return 1 + b2i(e == victim && p == statetest.Period("2024-03")) }
	return []attack{
		{name: "the same split over two versions", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 13, statetest.Period("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", allButVictim, []calendar.Interval{january(12)}))
		}},
		{name: "a correction of one entity through two versions", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), corrected})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a correction of one entity seen two versions later", panels: one("m"), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), func(_ int, p int64, e int) int { return 1 + b2i(e%3 == 1 && p == statetest.Period("2024-03")) }})
			h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), corrected})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a cell that is added later", panels: one("m"), run: func(h *history) {
			h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), func(_ int, p int64, e int) int { return b2i(e != victim || p != statetest.Period("2024-03")) }})
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
		{name: "a new entity", panels: one("m"), rows: statetest.Rows(0, 41), run: func(h *history) {
			year(h, "m")
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{41, 12, statetest.Period("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", nil, nil))
		}},
		{name: "a new entity among five new ones", panels: one("m"), rows: statetest.Rows(0, 46), run: func(h *history) {
			year(h, "m")
			h.publish("m", versionOf{45, 12, statetest.Period("2024-01"), always})
			h.ask("bank", sumOf("m", "nox", nil, nil))
			h.publish("m", versionOf{46, 12, statetest.Period("2024-01"), always})
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
		h.publish("m", versionOf{40, 12, statetest.Period("2024-01"), func(_ int, _ int64, e int) int {
			return b2i(e%3 != 1 || strings.Contains(name, "A") && slices.Contains(a, e) || strings.Contains(name, "B") && slices.Contains(b, e) ||
				strings.Contains(name, "z") && e == victim)
		}})
		h.ask("bank", sumOf("m", "nox", statetest.In("county", "county1"), nil))
	}
}

func TestAttacksWorkWithoutTheRuleAndFailWithIt(t *testing.T) {
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			rows := a.rows
			if rows == nil {
				rows = statetest.Rows(0, 40)
			}
			h := newHistory(t, rows, a.panels()...)
			h.attacked = true
			a.run(h)
			works := func(by *attacker) bool { return by.isolates(5) != nil || a.target != nil && by.derives(a.target) }
			if !works(h.plain) {
				t.Fatal("it does not work where nothing is protected, and shows nothing")
			}
			if works(h.attacker) {
				t.Fatalf("it works: isolated are %v", h.attacker.isolates(5))
			}
		})
	}
}

func not(p *catalog.Predicate) *catalog.Predicate {
	return &catalog.Predicate{Op: catalog.OpNot, Args: []catalog.Predicate{*p}}
}

func either(p ...*catalog.Predicate) *catalog.Predicate {
	out := &catalog.Predicate{Op: catalog.OpOr}
	for _, x := range p {
		out.Args = append(out.Args, *x)
	}
	return out
}
