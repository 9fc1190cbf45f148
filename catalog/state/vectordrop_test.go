package state

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
)

// Were a vector dropped before the nodes have answered a query with it, no attempt could
// complete.
func TestVectorIsNotDroppedFromUnderAQuery(t *testing.T) {
	start := func(t *testing.T) (h *history, mine, query string) {
		h = newHistory(t, statetest.Rows(0, 60), publicPanel("m"))
		h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
		mine = h.portfolio("bank", "mine")
		return h, mine, h.submitted("bank", private(sumOf("m", "nox", nil, nil), mine))
	}
	refused := func(h *history, vector, query string) {
		h.t.Helper()
		r := h.no("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: vector}, catalog.RefusedConflict, "vector_asked")
		if explain.Fix(r) != "drop it when query "+query+" is over" {
			h.t.Fatalf("the fix does not name the query: %q", explain.Fix(r))
		}
		if got := h.vectorState(vector); got != catalog.VectorReady {
			h.t.Fatalf("the vector is %s", got)
		}
	}
	attempt := func(h *history, query string, number int) {
		h.t.Helper()
		h.ok("node1", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: query, Attempt: number, Active: h.active(), Root: "node1", Tiles: 1})
	}

	t.Run("until it is answered", func(t *testing.T) {
		h, mine, query := start(t)
		other := h.portfolio("bank", "other")
		refused(h, mine, query)
		h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: other}) // nothing was asked with it
		attempt(h, query, 1)
		refused(h, mine, query)
		for i, node := range h.active() {
			h.ok(node, catalog.KindQueryShare, h.share(query, 1, i))
		}
		h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: mine})
	})
	t.Run("until its last attempt failed", func(t *testing.T) {
		h, mine, query := start(t)
		for number := 1; number <= catalog.MaxAttempts; number++ {
			attempt(h, query, number)
			refused(h, mine, query)
			h.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: query, Attempt: number, Reason: told("node2 is gone")})
		}
		h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: mine})
	})
	t.Run("nor are weights", func(t *testing.T) {
		p := monthlyPanel("m")
		p.d.Policy.DP = &catalog.DP{EpsilonPerQuery: "0.5", EpsilonPerContract: "5", EpsilonFamily: "10", Delta: "1e-9"}
		h := newHistory(t, statetest.Rows(0, 60), p)
		h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
		b := h.vectorOf("loans", 1)
		b.Bits, b.Pieces = 8, 0
		loans := h.vector("bank", b).ID
		q := sumOf("m", "nox", nil, nil)
		q.Select = []catalog.Aggregate{{Func: "sum", Measure: "nox", Weight: loans}}
		q.Noise = &catalog.Noise{Epsilon: "0.5"}
		query := h.submitted("bank", q)
		refused(h, loans, query)
	})
	t.Run("but a registration is given up at any time", func(t *testing.T) {
		h := newHistory(t, statetest.Rows(0, 60), publicPanel("m"))
		open := h.ok("bank", catalog.KindVectorRegister, h.vectorOf("mine", 1)).ID
		h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: open})
	})
}
