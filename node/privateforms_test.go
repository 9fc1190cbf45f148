package node

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/node/client/ask"
)

// Every form of a private query that opens nothing, or opens public columns beside
// private ones, is answered as the plain loops say; and a repeat is opened anew and
// gives the same.
func TestFormsOfPrivateQueriesEqualPlaintext(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	mine := selected(func(f int) bool { return f%4 == 0 }) // none in county c1
	loan := func(f int) uint64 { return uint64(100 * f) }  //nolint:gosec // a firm
	plan := x.vector("mine", 1, mine)
	plan.By = []string{"county"}
	x.register(ctx, t, plan)
	x.register(ctx, t, x.vector("loans", 16, loan))
	sum, cells := x.sums(mine)
	all, readings := x.sums(func(int) uint64 { return 1 })
	firms, loans := 0, 0
	for _, c := range x.list {
		if c.month == 1 {
			firms += int(mine(c.firm)) //nolint:gosec // 0 or 1
		}
		if c.co2 >= 0 {
			loans += int(loan(c.firm)) //nolint:gosec // a small weight
		}
	}
	tenths := func(n int) string { return fmt.Sprintf("%d.%d", n/10, n%10) }
	for sql, want := range map[string][][]string{
		`SELECT COUNT(*) FROM firms WHERE firm IN PRIVATE(mine) AND period = '2024-01'`:              {{fmt.Sprint(firms)}},
		`SELECT county, COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county`:           {{"c0", fmt.Sprint(cells["c0"])}},
		`SELECT county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county`: {{"c0", tenths(sum["c0"]), fmt.Sprint(cells["c0"])}},
		`SELECT SUM(PRIVATE(loans)) FROM firms`:                                                      {{fmt.Sprint(loans)}},
		`SELECT SUM(co2), COUNT(co2), SUM(PRIVATE(loans)) FROM firms`:                                {{tenths(all["c0"] + all["c1"]), fmt.Sprint(readings["c0"] + readings["c1"]), fmt.Sprint(loans)}},
	} {
		for _, round := range []string{"first", "repeat"} {
			if d := cmp.Diff(want, queryRows(ctx, t, x.buyer, sql)); d != "" {
				t.Errorf("%s, %s (-plaintext +answer)\n%s", sql, round, d)
			}
		}
	}
	r, err := ask.Query(ctx, x.buyer, `SELECT county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county`, ask.Options{Complete: true})
	if err != nil || len(r.Table.Rows) != 1 {
		t.Fatalf("all or nothing: %v", err)
	}
	if p := x.asExplained(ctx, t, x.buyer, `SELECT AVG(co2) FROM firms WHERE firm IN PRIVATE(mine) AND period < '2024-03'`, ask.Options{}); !p.Plan.Bound || !strings.Contains(p.Nodes, "private vector mine") || !strings.Contains(p.Nodes, "fewer than 4") {
		t.Errorf("explained as %+v", p)
	}
	x.asExplained(ctx, t, x.buyer, `SELECT SUM(co2 * PRIVATE(loans)) FROM firms`, ask.Options{Epsilon: "0.5"})
}
