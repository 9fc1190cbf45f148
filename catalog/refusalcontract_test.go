package catalog

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What a contract does not grant, or no longer, is ordered anew as the fix says, with
// the same query passing under the new contract.
func TestTheFixOfAContractPasses(t *testing.T) {
	const again = "weir order create --dataset priced --purpose TEXT"
	month1, month2 := query("priced", 1), query("priced", 2)
	var scope = Scope{Columns: []string{"county"}, Grain: GrainQuarter}
	for _, tc := range []struct {
		rule    string
		order   OrderCreate
		before  func(w *world, id string)
		q       Request
		numbers []string
		flags   OrderCreate // that the fix says beside --dataset and --purpose
	}{
		{rule: "contract_revoked", q: month1, before: func(w *world, id string) { w.ok("bureau", KindContractRevoke, ContractChange{Contract: id}) }},
		{rule: "contract_expired", q: month1, order: OrderCreate{Until: testTime + 100_000}, numbers: []string{"until"}, before: func(w *world, _ string) { w.now += 200_000 }},
		{rule: "contract_exhausted", q: month2, order: OrderCreate{Queries: 1}, numbers: []string{"queries", "used", "left"}, before: func(w *world, id string) {
			w.finish(w.ok("bank", KindQuerySubmit, submit(id, month1)).ID, true)
		}},
		{rule: "contract_budget", q: month2, order: OrderCreate{Budget: "0.15"}, numbers: []string{"budget", "spent", "left", "price"}, flags: OrderCreate{Budget: "0.10"}, before: func(w *world, id string) {
			w.finish(w.ok("bank", KindQuerySubmit, submit(id, month1)).ID, true)
		}},
		{rule: "contract_scope", q: query("priced", 1), order: OrderCreate{Scope: &scope}, flags: OrderCreate{Scope: new(ScopeOf(testDescriptor("priced"), month1))}},
		{rule: "measure", q: month1, order: OrderCreate{Measures: []string{"so2"}}},
		{rule: "aggregate", q: month1, order: OrderCreate{Aggregates: []string{"avg", "count"}}},
		{rule: "contract_dataset", q: month1, order: OrderCreate{Dataset: "emissions"}},
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
			r := w.no("bank", KindQuerySubmit, submit(id, tc.q), RefusedPolicy, tc.rule)
			checkSaid(t, r, tc.numbers...)
			switch {
			case tc.flags.Scope != nil && strings.Contains(r.Fix, "ask for whole periods"):
				whole := tc.q
				whole.Periods = []Interval{{month("2024-01"), month("2024-04")}}
				w.ok("bank", KindQuerySubmit, submit(id, whole))
			case tc.flags.Scope != nil && !strings.Contains(r.Fix, again+" --for SQL"),
				tc.flags.Budget != "" && !strings.Contains(r.Fix, "at least "+tc.flags.Budget+": "+again+" --budget AMOUNT"),
				!strings.Contains(r.Fix, again):
				t.Fatalf("fix %q", r.Fix)
			}
			tc.flags.Dataset = "priced"
			w.ok("bank", KindQuerySubmit, submit(w.contract("bank", tc.flags), tc.q))
		})
	}
	w := priced(t)
	r := w.no("bank", KindQuerySubmit, submit("", month1), RefusedPolicy, "contract")
	if !strings.Contains(r.Fix, again) {
		t.Errorf("fix %q", r.Fix)
	}
	scoped := w.contract("bank", OrderCreate{Dataset: "priced", Scope: &Scope{Columns: []string{}}})
	r = w.no("bank", KindQuerySubmit, submit(scoped, month1), RefusedPolicy, "contract_scope")
	if !strings.Contains(r.Fix, again+" --for SQL") || r.Field != "by[0]" {
		t.Errorf("refusal %+v", r)
	}
	s := ScopeOf(testDescriptor("priced"), month1)
	w.ok("bank", KindQuerySubmit, submit(w.contract("bank", OrderCreate{Dataset: "priced", Scope: &s}), month1))
	id := w.contract("bank", OrderCreate{Dataset: "priced"})
	w.ok("bureau", KindContractSuspend, ContractChange{Contract: id})
	if r := w.no("bank", KindQuerySubmit, submit(id, month1), RefusedPolicy, "contract_suspended"); !strings.Contains(r.Fix, "ask the publisher to resume it") {
		t.Errorf("fix %q", r.Fix)
	}
	w.ok("bureau", KindContractResume, ContractChange{Contract: id})
	w.ok("bank", KindQuerySubmit, submit(id, month1))
}

// Private vectors are answered with noise where not exactly.
func TestTheFixOfAPrivateQueryPasses(t *testing.T) {
	noisyPanel := func(dp *DP) *history {
		p := monthlyPanel("m")
		p.d.Policy.DP = dp
		h := newHistory(t, false, testRows(0, 60), p)
		h.publish("m", versionOf{60, 12, month("2024-01"), always})
		return h
	}
	dp := testDP
	h := noisyPanel(&dp)
	id := h.contract("bank", OrderCreate{Dataset: "m"})
	sum := sumOf("m", "nox", nil, nil)
	h.ok("bank", KindQuerySubmit, submit(id, private(sum, h.portfolio("bank", "first", counties1(10)...))))
	second := private(sum, h.portfolio("bank", "second", counties1(12)...))
	r := h.no("bank", KindQuerySubmit, submit(id, second), RefusedPolicy, "portfolio")
	checkSaid(t, r, "entities", "portfolios")
	for _, q := range followed(t, second, h.panels["m"].d, r.Fix) {
		h.ok("bank", KindQuerySubmit, submit(id, q))
	}
	loans := h.vectorOf("loans", 1)
	loans.Bits = 8
	weighted := sum
	weighted.Select = []Aggregate{{Func: "sum", Measure: "nox", Weight: h.vector("bank", loans).ID}}
	r = h.no("bank", KindQuerySubmit, submit(id, weighted), RefusedPolicy, "weights")
	checkSaid(t, r)
	for _, q := range followed(t, weighted, h.panels["m"].d, r.Fix) {
		h.ok("bank", KindQuerySubmit, submit(id, q))
	}
	// Without noise on offer nobody is told to ask for it.
	h = noisyPanel(nil)
	id = h.contract("bank", OrderCreate{Dataset: "m"})
	first := private(sum, h.portfolio("bank", "first", counties1(10)...))
	h.ok("bank", KindQuerySubmit, submit(id, first))
	second = private(sum, h.portfolio("bank", "second", counties1(12)...))
	r = h.no("bank", KindQuerySubmit, submit(id, second), RefusedPolicy, "portfolio")
	if r.Fix != "ask for the portfolio as it was registered first; the policy offers no noise (dp)" {
		t.Errorf("fix %q", r.Fix)
	}
	h.ok("bank", KindQuerySubmit, submit(id, first))
}

// A join in which too little is common is told the periods or groups that have it.
func TestTheFixOfAJoinPasses(t *testing.T) {
	twice := func() *joinWorld {
		return newJoinWorld(t, nil, func(d, _, p, e int) bool { return d != 0 || p != 1 || e != 4 }) // of county1
	}
	w := twice()
	q := w.product("nox", "output")
	q.Request.Where = in("county", "county1")
	q.Request.Periods = []Interval{{month("2024-02"), month("2024-03")}}
	r := w.advised(q, "joint")
	checkSaid(t, r, "entities", "min_cohort", "apart")
	for _, changed := range followed(t, q.Request, testDescriptor("emissions"), r.Fix) {
		w = twice()
		q.Contract, changed.Join.Contract = w.contracts[0], w.contracts[1]
		q.Request = changed
		w.ok("bank", KindQuerySubmit, q)
	}
}

// A query that is too large is told how large it may be: at that size it passes, and
// not above.
func TestTheFixOfATooLargeQueryPasses(t *testing.T) {
	s := scene40(2, everybody)
	s.d.Policy.Public = true
	s.d.Measures[0].Max = 1e16 // half of it, times 28, fits into 1.4·10^17
	s.q = sumBy()
	r := s.refused(t, RefusedPolicy, "magnitude")
	checkSaid(t, r, "cells", "widest", "max_sum", "max_cells")
	if r.Field != "select[0]" || r.Numbers[3] != (Number{"max_cells", "28"}) || !strings.Contains(r.Fix, "at most 28 cells") {
		t.Fatalf("refusal %+v", r)
	}
	at := func(entities, months int) {
		s.q.Where = in("", ids(upTo(entities)...)...)
		s.q.Periods = []Interval{{s.v.First, s.v.First + int64(months)}}
	}
	at(7, 4)
	s.judged(t)
	at(29, 1)
	s.refused(t, RefusedPolicy, "magnitude")
	s.d.Measures[0].Max = 1e18
	if r := s.refused(t, RefusedPolicy, "magnitude"); !strings.Contains(r.Fix, "no sum of it fits") {
		t.Errorf("fix %q", r.Fix)
	}

	for _, columns := range []int{2, 3, 60} {
		v := evaluation{descriptor: s.d, verdict: Verdict{Columns: make([]Column, columns), PeriodGroups: make([]PeriodGroup, 1)}}
		most := maxSharedGroups(columns)
		v.verdict.EntityGroups = make([]EntityGroup, min(most, MaxGroups))
		if r := v.checkSize(); r != nil {
			t.Errorf("%d groups of %d columns: %s", most, columns, r)
		}
		if most >= MaxGroups {
			continue
		}
		v.verdict.EntityGroups = make([]EntityGroup, most+1)
		r := v.checkSize()
		wantRefusal(t, r, RefusedPolicy, "max_share")
		checkSaid(t, r, "groups", "columns", "bytes", "max_groups")
		if !strings.Contains(r.Fix, "at most "+strconv.Itoa(most)) {
			t.Errorf("fix %q, want %d", r.Fix, most)
		}
	}
	s = scene40(2, everybody)
	s.d.Policy.Public = true
	s.d.Grain, s.d.Policy.Grain, s.v.First, s.v.Periods = GrainDay, GrainDay, 0, 5000
	s.q.By = []Dimension{{Kind: DimEntity}, {Kind: DimPeriod, Grain: GrainDay}}
	checkSaid(t, s.refused(t, RefusedPolicy, "max_groups"), "groups", "max_groups")
	s.q.By[1].Grain = GrainMonth
	s.judged(t)
	checkSaid(t, tooMuchWork(3<<30), "steps", "max_work")
}

func upTo(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}

// Every refusal by the policy, the contract or a limit says what would pass: no
// function that makes one is without a fix, and no rule is without a test of it.
func TestEveryPolicyRuleHasItsFix(t *testing.T) {
	tested := ""
	rules := map[string]string{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f.Name())
		if !strings.HasSuffix(f.Name(), ".go") || err != nil {
			continue
		}
		if strings.HasSuffix(f.Name(), "_test.go") {
			tested += string(source)
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), source, 0)
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
				if !ok || len(call.Args) < 2 {
					return true
				}
				if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "refuse" {
					return true
				}
				kind, ok := call.Args[0].(*ast.Ident)
				rule, literal := call.Args[1].(*ast.BasicLit)
				if !ok || kind.Name != "RefusedPolicy" || !literal {
					return true
				}
				rules[rule.Value] = f.Name()
				if !strings.Contains(text, "withFix") {
					t.Errorf("%s: %s refuses by %s and says not what would pass", f.Name(), fn.Name.Name, rule.Value)
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
