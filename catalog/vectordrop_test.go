package catalog

import "testing"

// An exact private query freezes its classes when it is accepted. Were its vector dropped
// before the nodes have answered, no attempt could complete: the price would come back,
// and the classes would stay frozen, for nothing, for everybody else.
func TestVectorIsNotDroppedFromUnderAQuery(t *testing.T) {
	start := func(t *testing.T) (h *history, mine, query string) {
		h = newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
		h.publish("m", versionOf{60, 12, month("2024-01"), always})
		mine = h.portfolio("bank", "mine", counties1(10)...)
		return h, mine, h.submitted("bank", private(sumOf("m", "nox", nil, nil), mine))
	}
	refused := func(h *history, vector, query string) {
		h.t.Helper()
		r := h.no("bank", KindVectorDrop, VectorDrop{Vector: vector}, RefusedConflict, "vector_asked")
		if r.Fix != "drop it when query "+query+" is over" {
			h.t.Fatalf("the fix does not name the query: %q", r.Fix)
		}
		if got := h.vectorState(vector); got != VectorReady {
			h.t.Fatalf("the vector is %s", got)
		}
	}
	attempt := func(h *history, query string, number int) {
		h.t.Helper()
		h.ok("node1", KindQueryAttempt, QueryAttempt{Query: query, Attempt: number, Active: h.active(), Root: "node1", Tiles: 1})
	}

	t.Run("until it is answered", func(t *testing.T) {
		h, mine, query := start(t)
		other := h.portfolio("bank", "other", counties1(11)...)
		refused(h, mine, query)
		h.ok("bank", KindVectorDrop, VectorDrop{Vector: other}) // nothing was asked with it
		attempt(h, query, 1)
		refused(h, mine, query)
		for i, node := range h.active() {
			h.ok(node, KindQueryShare, h.share(query, 1, i))
		}
		h.ok("bank", KindVectorDrop, VectorDrop{Vector: mine})
	})
	t.Run("until its last attempt failed", func(t *testing.T) {
		h, mine, query := start(t)
		for number := 1; number <= MaxAttempts; number++ {
			attempt(h, query, number)
			refused(h, mine, query)
			h.ok("node1", KindQueryFail, QueryFail{Query: query, Attempt: number, Reason: "node2 is gone"})
		}
		h.ok("bank", KindVectorDrop, VectorDrop{Vector: mine})
	})
	t.Run("nor are weights", func(t *testing.T) {
		p := monthlyPanel("m")
		p.d.Policy.DP = &DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
		h := newHistory(t, false, testRows(0, 60), p)
		h.publish("m", versionOf{60, 12, month("2024-01"), always})
		b := h.vectorOf("loans", 1)
		b.Bits = 8
		loans := h.vector("bank", b).ID
		q := sumOf("m", "nox", nil, nil)
		q.Select = []Aggregate{{Func: "sum", Measure: "nox", Weight: loans}}
		q.Noise = &Noise{Epsilon: "0.5"}
		query := h.submitted("bank", q)
		refused(h, loans, query)
	})
	t.Run("but a registration is given up at any time", func(t *testing.T) {
		h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
		open := h.ok("bank", KindVectorRegister, h.vectorOf("mine", 1)).ID
		h.ok("bank", KindVectorDrop, VectorDrop{Vector: open})
	})
}
