package catalog

import "slices"

// freezeAttacks go at what freezes and frees classes while several queries of one
// portfolio are under way, and at what a selector was answered on before.
func freezeAttacks() []attack {
	rows := testRows(0, 60)
	some := []int{1, 4, 10, 13, 16, 19, 22, 25, 28, 31}
	more := append(slices.Clone(some), victim)
	absent := month("2024-03")
	sum := func(measure string) Request { return sumOf("m", measure, nil, nil) }
	members := func() Request { return sumOf("m", "nox", in("", ids(some...)...), nil) }
	gap := func(_ int, p int64, e int) int { return b2i(p != absent || !slices.Contains(some[:7], e)) } // four of more are there
	bad := private(sumOf("m", "nox", nil, []Interval{{absent, absent + 1}}), "")
	changed := func(_ int, p int64, e int) int {
		return 1 + b2i((e == victim || e > 30 && e%3 == 1) && p == absent)
	}
	related := func() []*panelOf {
		p := monthlyPanel("m")
		p.d.Policy.Related, p.what = [][2]string{{"nox", "so2"}}, []string{"nox", "nox"}
		return []*panelOf{p}
	}
	return []attack{
		{name: "a portfolio and a related measure that one of it lacks", panels: related, rows: rows, run: func(h *history) {
			h.publish("m", versionOf{60, 12, month("2024-01"), func(m int, _ int64, e int) int {
				return b2i(m == 0 || e != victim && (e%3 != 1 || e <= 34)) // nine of the county have no so2
			}})
			mine := h.portfolio("bank", "mine", more...)
			h.ask("bank", private(sum("nox"), mine))
			h.ask("bank", private(sum("so2"), mine))
		}},
		{name: "a portfolio before and after two corrections", panels: one("m"), rows: rows, run: func(h *history) {
			mine := h.portfolioOn("m", "bank", "mine", versionOf{60, 12, month("2024-01"), always}, more...)
			h.ask("bank", private(sum("nox"), mine))
			h.publish("m", versionOf{60, 12, month("2024-01"), changed})
			h.ask("bank", sum("nox"))
			h.publish("m", versionOf{60, 12, month("2024-01"), changed})
			h.ask("bank", private(sum("nox"), mine))
		}},
		{name: "a failed test, a cut, and the portfolio again", panels: one("m"), rows: rows, run: func(h *history) {
			mine := h.portfolioOn("m", "bank", "mine", versionOf{60, 12, month("2024-01"), gap}, more...)
			h.ask("bank", private(bad, mine))
			h.ask("bank", members())
			h.ask("bank", private(sumOf("m", "nox", nil, []Interval{january(2)}), mine))
		}},
		{name: "a cut while the portfolio is being tested", panels: one("m"), rows: rows, run: func(h *history) {
			mine := h.portfolioOn("m", "bank", "mine", versionOf{60, 12, month("2024-01"), always}, more...)
			q := h.submitted("bank", private(sum("nox"), mine))
			h.ask("insurer", members())
			h.tell(q)
		}},
		{name: "a cut after one of two queries of a portfolio failed", panels: one("m"), rows: rows, run: func(h *history) {
			mine := h.portfolioOn("m", "bank", "mine", versionOf{60, 12, month("2024-01"), gap}, more...)
			first := h.submitted("bank", private(bad, mine))
			second := h.submitted("bank", private(sumOf("m", "nox", nil, []Interval{january(2)}), mine))
			h.tell(first)
			h.ask("insurer", members())
			h.tell(second)
		}},
	}
}

// portfolioOn publishes a version and registers a selector on its registry.
func (h *history) portfolioOn(dataset, who, name string, v versionOf, entities ...int) string {
	h.t.Helper()
	h.publish(dataset, v)
	return h.portfolio(who, name, entities...)
}

// submitted has a private query accepted, and leaves it there.
func (h *history) submitted(who string, q Request) string {
	h.t.Helper()
	if h.granted[who+"/"+q.Dataset] == "" {
		h.granted[who+"/"+q.Dataset] = h.contract(who, OrderCreate{Dataset: q.Dataset})
	}
	h.accepted++
	return h.ok(who, KindQuerySubmit, submit(h.granted[who+"/"+q.Dataset], q)).ID
}

// tell runs a query that was left, and hands the attacker what comes out.
func (h *history) tell(query string) {
	h.t.Helper()
	v := must[Verdict](h.t)(h.view().Verdict(query))
	if h.test(query, v) {
		h.learn(v)
	}
}
