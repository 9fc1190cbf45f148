package catalog

import "testing"

// An envelope that was answered is not answered anew by a node that was started again,
// or whose state came from a snapshot: what was seen is state.
func TestReplayToANodeThatRestartedCountsOnce(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", OrderCreate{Dataset: "emissions", Queries: 5})
	e := w.sign("bank", KindQuerySubmit, submit(contract, sumBy(attr("county"))))
	first := w.apply(e)
	if first.Refusal != nil {
		t.Fatal(first.Refusal)
	}
	w.machine, w.store = NewMachine(), w.store.Clone()
	again := w.apply(e)
	if !again.Repeat || again.ID != first.ID {
		t.Fatalf("the replay is answered %+v, the first was %+v", again, first)
	}
	w.now += MaxEnvelopeAge + MaxSkew + 1
	if late := w.apply(e); !late.Repeat && late.Refusal == nil {
		t.Fatalf("the replay of an expired envelope is answered %+v", late)
	}
	if k := must[Contract](t)(w.view().Contract(contract)); k.Used != 1 {
		t.Fatalf("%d queries were counted", k.Used)
	}
}

// A portfolio that was answered is dropped and registered again with one entity less, as
// it was, or under another name: the difference of two answers would be that entity.
func TestDroppedPortfoliosDoNotFreeWhatTheyFroze(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	some := counties1(10)
	mine := h.portfolio("bank", "mine", some...)
	ask := sumOf("m", "nox", nil, []Interval{january(1)})
	if h.ask("bank", private(ask, mine)) == nil {
		t.Fatal("the first portfolio was not answered")
	}
	h.ok("bank", KindVectorDrop, VectorDrop{Vector: mine})
	contract := h.granted["bank/m"]
	h.no("bank", KindQuerySubmit, submit(contract, private(ask, mine)), RefusedConflict, "vector_state")
	for name, entities := range map[string][]int{"mine": some[:9], "other": some[:9], "again": some} {
		next := h.portfolio("bank", name, entities...)
		h.no("bank", KindQuerySubmit, submit(contract, private(ask, next)), RefusedPolicy, "portfolio")
		h.ok("bank", KindVectorDrop, VectorDrop{Vector: next})
	}
}

// A contract that asks for larger groups, and then one that does not: the second is
// answered by the same classes, so that the difference of both answers is of as many
// entities as the policy says.
func TestContractRenewedWithASmallerCohortTellsOfNoFewer(t *testing.T) {
	h := newHistory(t, false, testRows(0, 60), monthlyPanel("m"))
	h.publish("m", versionOf{60, 12, month("2024-01"), always})
	least := must[Dataset](t)(h.view().Dataset("m")).Descriptor.Policy.MinCohort
	large := h.contract("bank", OrderCreate{Dataset: "m", MinCohort: 2 * least})
	small := h.contract("bank", OrderCreate{Dataset: "m"})
	members := func(contract string, q Request) (in []int) {
		out := h.do("bank", KindQuerySubmit, submit(contract, q))
		if out.Refusal != nil {
			return nil
		}
		v := must[Verdict](t)(h.view().Verdict(out.ID))
		for _, g := range v.EntityGroups {
			in = append(in, g.Included)
		}
		return in
	}
	for less := 1; less <= 2*least; less++ {
		rest := ids(counties1(20)[less:]...)
		whole := members(large, sumOf("m", "nox", nil, []Interval{january(1)}, attr("county")))
		part := members(small, sumOf("m", "nox", in("", rest...), []Interval{january(1)}))
		if len(whole) != 3 {
			t.Fatalf("the counties are %v", whole)
		}
		for _, n := range part {
			if left := whole[1] - n; n < least || left != 0 && left < least {
				t.Errorf("without %d of them %d of %d are answered: the difference tells of %d", less, n, whole[1], left)
			}
		}
	}
}
