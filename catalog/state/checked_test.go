package state

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/checked"
	"github.com/weirdata/weir/catalog/statetest"
)

// checkedWorld is like ready, of n nodes at the newest feature level.
func checkedWorld(t statetest.T, n, threshold int) (w *world, contract string) {
	body := testInit(n, threshold)
	body.Level = FeatureLevel
	w = newWorldOf(t, body).admit().registry("enterprises", statetest.Rows(0, 40), 16).key("bureau")
	d := statetest.Descriptor("emissions")
	d.Price = &catalog.Price{PerQuery: "3.00", Currency: "CNY"}
	w.ok("bureau", catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: d})
	counts := testCounts(2, 12, 40, func(m, p, e int) bool { return e != 0 && (m != 1 || p != 11 || e%3 != 1) })
	number := w.publish(d, w.proposal(d, 40, 12, counts), counts)
	w.stored("emissions", number, n)
	w.live("emissions", number)
	return w, w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
}

func verified(by ...catalog.Dimension) catalog.Request {
	q := statetest.SumBy(by...)
	q.Verify = true
	return q
}

// checkedAttempt names the first members nodes.
func checkedAttempt(query string, number, members int) catalog.QueryAttempt {
	b := catalog.QueryAttempt{Query: query, Attempt: number, Tiles: 12}
	for p := 1; p <= members; p++ {
		b.Active = append(b.Active, nodeName(p))
	}
	return b
}

// TestEverySetOfACheckedAnswerCountsAgainstTheKey: k sets are k times the tiles (PROTOCOL.md section 3.7), the record
// names the members, and all of them commit before the query is done.
func TestEverySetOfACheckedAnswerCountsAgainstTheKey(t *testing.T) {
	for _, x := range []struct{ n, threshold, members, sets int }{{3, 2, 3, 3}, {4, 2, 4, 6}, {4, 2, 3, 3}, {5, 3, 5, 10}} {
		t.Run(fmt.Sprintf("%d of %d by %d", x.threshold, x.n, x.members), func(t *testing.T) {
			w, contract := checkedWorld(t, x.n, x.threshold)
			id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, verified(statetest.Attribute("county")))).ID
			opened := func() int64 { return must[catalog.Key](t)(w.view().Keys().Of(testID("bureau"))).Opened }
			before := opened()
			named := checkedAttempt(id, 1, x.members)
			for what, bad := range map[string]func(*catalog.QueryAttempt){
				"a root":      func(b *catalog.QueryAttempt) { b.Root = "node1" },
				"t nodes":     func(b *catalog.QueryAttempt) { b.Active = b.Active[:x.threshold] },
				"another":     func(b *catalog.QueryAttempt) { b.Active = append(slices.Clone(b.Active[1:]), "node9") },
				"other order": func(b *catalog.QueryAttempt) { b.Active = append(slices.Clone(b.Active[1:]), b.Active[0]) },
				"one twice":   func(b *catalog.QueryAttempt) { b.Active = append(slices.Clone(b.Active[1:]), b.Active[x.members-1]) },
				"no tiles":    func(b *catalog.QueryAttempt) { b.Tiles = 0 },
			} {
				b := named
				bad(&b)
				if r := w.do("node1", catalog.KindQueryAttempt, b).Refusal; r == nil {
					t.Errorf("%s: the attempt is named", what)
				}
			}
			w.ok("node1", catalog.KindQueryAttempt, named)
			if got := opened() - before; got != int64(12*x.sets) {
				t.Errorf("%d tiles count, want %d", got, 12*x.sets)
			}
			for i, node := range named.Active {
				if q := must[catalog.Query](t)(w.view().Query(id)); q.State != catalog.QueryRunning {
					t.Fatalf("after %d shares it is %s", i, q.State)
				}
				w.ok(node, catalog.KindQueryShare, w.share(id, 1, i))
			}
			q := must[catalog.Query](t)(w.view().Query(id))
			if a := q.Attempts[0]; q.State != catalog.QueryDone || a.SetOf != x.threshold || !slices.Equal(a.Active, named.Active) || len(checked.SetsOf(a)) != x.sets {
				t.Errorf("query %+v", q)
			}
			sameElsewhere(t, w)
		})
	}
}

// TestShareOfACheckedAnswerHasRoomForItsSets and for no more.
func TestShareOfACheckedAnswerHasRoomForItsSets(t *testing.T) {
	w, contract := checkedWorld(t, 4, 2)
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, verified(statetest.Attribute("county")))).ID
	w.ok("node1", catalog.KindQueryAttempt, checkedAttempt(id, 1, 4))
	share := w.share(id, 1, 0)
	share.Sealed = bytes.Repeat([]byte{1}, 3*catalog.MaxSealed(3, 1)+1)
	w.no("node1", catalog.KindQueryShare, share, catalog.RefusedInvalid, "invalid")
	share.Sealed = share.Sealed[1:]
	w.ok("node1", catalog.KindQueryShare, share)
}

// TestCheckedAnswerIsOpenedAnewWhenItIsRepeated: nothing of it is kept, so a repeat wears the key and is charged.
func TestCheckedAnswerIsOpenedAnewWhenItIsRepeated(t *testing.T) {
	w, contract := checkedWorld(t, 3, 2)
	ask := func() catalog.Query {
		id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, verified(statetest.Attribute("county")))).ID
		return must[catalog.Query](t)(w.view().Query(id))
	}
	first := ask()
	w.ok("node1", catalog.KindQueryAttempt, checkedAttempt(first.ID, 1, 3))
	for i, node := range []string{"node1", "node2", "node3"} {
		w.ok(node, catalog.KindQueryShare, w.share(first.ID, 1, i))
	}
	plain := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county")))).ID
	if q := must[catalog.Query](t)(w.view().Query(plain)); q.Repeats != "" {
		t.Errorf("the query that is not checked repeats %s", q.Repeats)
	}
	again := ask()
	if again.Repeats != first.ID || again.Price != "3.00" {
		t.Fatalf("repeat %+v", again)
	}
	reseals := checkedAttempt(again.ID, 1, 3)
	reseals.Tiles, reseals.Reseals = 0, true
	w.no("node1", catalog.KindQueryAttempt, reseals, catalog.RefusedInvalid, "invalid")
	w.ok("node1", catalog.KindQueryAttempt, checkedAttempt(again.ID, 1, 3))
}

// TestAnswersThatAreNotCheckedAreRefusedWithWhatWouldPass: each by its own rule, and the ledger is as it was.
func TestAnswersThatAreNotCheckedAreRefusedWithWhatWouldPass(t *testing.T) {
	w, contract := checkedWorld(t, 3, 2)
	noised, private := verified(), verified()
	noised.Noise = &catalog.Noise{Epsilon: "0.1"}
	private.In = "v-1"
	for rule, q := range map[string]catalog.Request{"verify_noise": noised, "verify_private": private} {
		statetest.CheckSaid(t, w.no("bank", catalog.KindQuerySubmit, submit(contract, q), catalog.RefusedPolicy, rule))
	}
	two, own := checkedWorld(t, 2, 2)
	statetest.CheckSaid(t, two.no("bank", catalog.KindQuerySubmit, submit(own, verified()), catalog.RefusedPolicy, "verify_nodes"))

	j := newJoinWorld(t, nil, nil)
	product := j.product("nox", "output")
	product.Request.Verify = true
	_, refusal, err := j.view().Preview(testID("bank"), product)
	if err != nil {
		t.Fatal(err)
	}
	statetest.WantRefusal(t, refusal, catalog.RefusedPolicy, "verify_product")
	statetest.CheckSaid(t, refusal)
}

// TestCheckedAnswersComeWithTheirLevel: before it the ledger cannot read what asks for one, and a preview says why.
func TestCheckedAnswersComeWithTheirLevel(t *testing.T) {
	w := ready(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	w.no("bank", catalog.KindQuerySubmit, submit(contract, verified()), catalog.RefusedInvalid, "body")
	_, refusal, err := w.view().Preview(testID("bank"), submit(contract, verified()))
	if err != nil {
		t.Fatal(err)
	}
	statetest.WantRefusal(t, refusal, catalog.RefusedPolicy, "verify_level")
	statetest.CheckSaid(t, refusal)
}

// TestCountsAreCheckedByNobody: they are public, and nothing is opened.
func TestCountsAreCheckedByNobody(t *testing.T) {
	w, contract := checkedWorld(t, 2, 2)
	q := verified()
	q.Select = []catalog.Aggregate{{Func: "count"}}
	if got := must[catalog.Query](t)(w.view().Query(w.ok("bank", catalog.KindQuerySubmit, submit(contract, q)).ID)); got.State != catalog.QueryDone {
		t.Errorf("query %+v", got)
	}
}
