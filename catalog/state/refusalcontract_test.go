package state

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/statetest"
)

// What a contract does not grant, or no longer, is ordered anew as the fix says, with
// the same query passing under the new contract.
func TestTheFixOfAContractPasses(t *testing.T) {
	const again = "weir order create --dataset priced --purpose TEXT"
	month1, month2 := query("priced", 1), query("priced", 2)
	var scope = catalog.Scope{Columns: []string{"county"}, Grain: calendar.Quarter}
	for _, tc := range []struct {
		rule    string
		order   catalog.OrderCreate
		before  func(w *world, id string)
		q       catalog.Request
		numbers []string
		flags   catalog.OrderCreate // that the fix says beside --dataset and --purpose
	}{
		{rule: "contract_revoked", q: month1, before: func(w *world, id string) {
			w.ok("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: id})
		}},
		{rule: "contract_expired", q: month1, order: catalog.OrderCreate{Until: testTime + 100_000}, numbers: []string{"until"}, before: func(w *world, _ string) { w.now += 200_000 }},
		{rule: "contract_exhausted", q: month2, order: catalog.OrderCreate{Queries: 1}, numbers: []string{"queries", "used", "left"}, before: func(w *world, id string) {
			w.finish(w.ok("bank", catalog.KindQuerySubmit, submit(id, month1)).ID, true)
		}},
		{rule: "contract_budget", q: month2, order: catalog.OrderCreate{Budget: "0.15"}, numbers: []string{"budget", "spent", "left", "price"}, flags: catalog.OrderCreate{Budget: "0.10"}, before: func(w *world, id string) {
			w.finish(w.ok("bank", catalog.KindQuerySubmit, submit(id, month1)).ID, true)
		}},
		{rule: "contract_scope", q: query("priced", 1), order: catalog.OrderCreate{Scope: &scope}, flags: catalog.OrderCreate{Scope: new(catalog.ScopeOf(statetest.Descriptor("priced"), month1))}},
		{rule: "measure", q: month1, order: catalog.OrderCreate{Measures: []string{"so2"}}},
		{rule: "aggregate", q: month1, order: catalog.OrderCreate{Aggregates: []string{"avg", "count"}}},
		{rule: "contract_dataset", q: month1, order: catalog.OrderCreate{Dataset: "emissions"}},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			w := priced(t)
			if tc.order.Dataset == "" {
				tc.order.Dataset = "priced"
			}
			id := w.contract("bank", tc.order)
			if tc.before != nil {
				tc.before(w, id)
			}
			r := w.no("bank", catalog.KindQuerySubmit, submit(id, tc.q), catalog.RefusedPolicy, tc.rule)
			statetest.CheckSaid(t, r, tc.numbers...)
			switch {
			case tc.flags.Scope != nil && strings.Contains(explain.Fix(r), "ask for whole periods"):
				whole := tc.q
				whole.Periods = []calendar.Interval{{From: statetest.Period("2024-01"), To: statetest.Period("2024-04")}}
				w.ok("bank", catalog.KindQuerySubmit, submit(id, whole))
			case tc.flags.Scope != nil && !strings.Contains(explain.Fix(r), again+" --for SQL"),
				tc.flags.Budget != "" && !strings.Contains(explain.Fix(r), "at least "+tc.flags.Budget+": "+again+" --budget AMOUNT"),
				!strings.Contains(explain.Fix(r), again):
				t.Fatalf("fix %q", explain.Fix(r))
			}
			tc.flags.Dataset = "priced"
			w.ok("bank", catalog.KindQuerySubmit, submit(w.contract("bank", tc.flags), tc.q))
		})
	}
	w := priced(t)
	r := w.no("bank", catalog.KindQuerySubmit, submit("", month1), catalog.RefusedPolicy, "contract")
	if !strings.Contains(explain.Fix(r), again) {
		t.Errorf("fix %q", explain.Fix(r))
	}
	scoped := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Scope: &catalog.Scope{Columns: []string{}}})
	r = w.no("bank", catalog.KindQuerySubmit, submit(scoped, month1), catalog.RefusedPolicy, "contract_scope")
	if !strings.Contains(explain.Fix(r), again+" --for SQL") || r.Field != "by[0]" {
		t.Errorf("refusal %+v", r)
	}
	s := catalog.ScopeOf(statetest.Descriptor("priced"), month1)
	w.ok("bank", catalog.KindQuerySubmit, submit(w.contract("bank", catalog.OrderCreate{Dataset: "priced", Scope: &s}), month1))
	id := w.contract("bank", catalog.OrderCreate{Dataset: "priced"})
	w.ok("bureau", catalog.KindContractSuspend, catalog.ContractChange{Contract: id})
	if r := w.no("bank", catalog.KindQuerySubmit, submit(id, month1), catalog.RefusedPolicy, "contract_suspended"); !strings.Contains(explain.Fix(r), "ask the publisher to resume it") {
		t.Errorf("fix %q", explain.Fix(r))
	}
	w.ok("bureau", catalog.KindContractResume, catalog.ContractChange{Contract: id})
	w.ok("bank", catalog.KindQuerySubmit, submit(id, month1))
}

// Private vectors are answered with noise where not exactly.
func TestTheFixOfAPrivateQueryPasses(t *testing.T) {
	noisyPanel := func(dp *catalog.DP) *history {
		p := monthlyPanel("m")
		p.d.Policy.DP = dp
		h := newHistory(t, statetest.Rows(0, 60), p)
		h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
		return h
	}
	dp := testDP
	h := noisyPanel(&dp)
	id := h.contract("bank", catalog.OrderCreate{Dataset: "m"})
	mine := private(sumOf("m", "nox", nil, nil), h.portfolio("bank", "mine"))
	loans := h.vectorOf("loans", 1)
	loans.Bits, loans.Pieces = 8, 0
	weighted := sumOf("m", "nox", nil, nil)
	weighted.Select = []catalog.Aggregate{{Func: "sum", Measure: "nox", Weight: h.vector("bank", loans).ID}}
	for rule, q := range map[string]catalog.Request{"portfolio_contract": mine, "weights": weighted} {
		r := h.no("bank", catalog.KindQuerySubmit, submit(id, q), catalog.RefusedPolicy, rule)
		statetest.CheckSaid(t, r)
		for _, q := range followed(t, q, h.panels["m"].d, explain.Fix(r)) {
			h.ok("bank", catalog.KindQuerySubmit, submit(id, q))
		}
	}
	// Without noise on offer nobody is told to ask for it.
	h = noisyPanel(nil)
	id = h.contract("bank", catalog.OrderCreate{Dataset: "m"})
	r := h.no("bank", catalog.KindQuerySubmit, submit(id, private(mine, h.portfolio("bank", "mine"))), catalog.RefusedPolicy, "portfolio_contract")
	if explain.Fix(r) != "ask without PRIVATE; the policy offers no noise (dp)" {
		t.Errorf("fix %q", explain.Fix(r))
	}
}

// A join in which too little is common is told the periods or groups that have it.
func TestTheFixOfAJoinPasses(t *testing.T) {
	twice := func() *joinWorld {
		return newJoinWorld(t, nil, func(d, _, p, e int) bool { return d != 0 || p != 1 || e != 4 }) // of county1
	}
	w := twice()
	q := w.product("nox", "output")
	q.Request.Where = statetest.In("county", "county1")
	q.Request.Periods = []calendar.Interval{{From: statetest.Period("2024-02"), To: statetest.Period("2024-03")}}
	r := w.advised(q, "joint")
	statetest.CheckSaid(t, r, "entities", "min_cohort")
	for _, changed := range followed(t, q.Request, statetest.Descriptor("emissions"), explain.Fix(r)) {
		w = twice()
		q.Contract, changed.Join.Contract = w.contracts[0], w.contracts[1]
		q.Request = changed
		w.ok("bank", catalog.KindQuerySubmit, q)
	}
}

// Every refusal by the policy, the contract or a limit says what would pass: no
// function that makes one is without a fix, and no rule is without a test of it.
func TestEveryPolicyRuleHasItsFix(t *testing.T) {
	tested := ""
	rules := map[string]string{}
	for _, path := range sources(t) {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "_test.go") {
			tested += string(source)
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			text := string(source[fn.Pos()-1 : fn.End()-1])
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 3 {
					return true
				}
				rule, literal := call.Args[1].(*ast.BasicLit)
				if unqualified(call.Fun) != "Refuse" || unqualified(call.Args[0]) != "RefusedPolicy" || !literal {
					return true
				}
				rules[rule.Value] = path
				code, literal := call.Args[2].(*ast.BasicLit)
				says := literal && explain.Fix(&catalog.Refusal{Reason: catalog.Reason{Code: strings.Trim(code.Value, `"`)}}) != ""
				if !says && !strings.Contains(text, "WithFix") {
					t.Errorf("%s: %s refuses by %s and says not what would pass", path, fn.Name.Name, rule.Value)
				}
				return true
			})
		}
	}
	if len(rules) < 25 {
		t.Fatalf("found %d rules: %v", len(rules), rules)
	}
	for rule, file := range rules {
		if !strings.Contains(tested, rule) {
			t.Errorf("no test is refused by %s (%s)", rule, file)
		}
	}
}

// unqualified is a name without its package; empty: the expression is not a name.
func unqualified(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
