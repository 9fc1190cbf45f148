package state

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/statetest"
)

// shorten makes ids of a letter two digits long, so that a buyer finds two envelopes
// with one id in some hundred tries; with all digits it takes 2^128.
func (w *world) shorten(letter string) {
	w.machine.ids = func(l string, d catalog.Digest) string {
		id := catalog.MakeID(l, d)
		if l == letter {
			return id[:len(letter)+2]
		}
		return id
	}
}

// another signs a body until the envelope gives that id.
func (w *world) another(name string, kind catalog.Kind, body any, letter, id string) catalog.Envelope {
	w.t.Helper()
	for range 1 << 14 {
		if e := w.sign(name, kind, body); w.machine.ids(letter, e.Digest()) == id {
			return e
		}
	}
	w.t.Fatalf("no envelope gives %s", id)
	return catalog.Envelope{}
}

// The ids attack: a buyer registers two portfolios that differ by one entity and get
// one id, and has both answered under it, as one portfolio. The second is refused, while
// the first is there and when it is dropped, whatever it is called.
func TestTwoPortfoliosAreNotRegisteredUnderOneID(t *testing.T) {
	h := newHistory(t, statetest.Rows(0, 60), publicPanel("m"))
	h.publish("m", versionOf{60, 12, statetest.Period("2024-01"), always})
	h.shorten(catalog.LetterVector)
	mine := h.portfolio("bank", "mine")
	if len(mine) != len(catalog.LetterVector)+2 {
		t.Fatalf("the id %s is not short, and the test shows nothing", mine)
	}
	commitment := must[catalog.Vector](t)(h.view().Vectors().Get(mine)).Commitment
	query := h.submitted("bank", private(sumOf("m", "nox", nil, nil), mine))
	refused := func(name string, version int) {
		t.Helper()
		e := h.another("bank", catalog.KindVectorRegister, h.vectorOf(name, version), catalog.LetterVector, mine)
		if e.Digest() == commitment {
			t.Fatal("it is the same envelope, and the test shows nothing")
		}
		statetest.WantRefusal(t, h.apply(e).Refusal, catalog.RefusedConflict, "id_taken")
		if v := must[catalog.Vector](t)(h.view().Vectors().Get(mine)); v.Commitment != commitment || v.Name != "mine" {
			t.Fatalf("the id names another vector now: %+v", v)
		}
	}
	refused("mine", 2)
	refused("yours", 1)
	h.ok("node1", catalog.KindQueryAttempt, catalog.QueryAttempt{Query: query, Attempt: 1, Active: h.active(), Root: "node1", Tiles: 1})
	for i, node := range h.active() {
		h.ok(node, catalog.KindQueryShare, h.share(query, 1, i))
	}
	h.ok("bank", catalog.KindVectorDrop, catalog.VectorDrop{Vector: mine})
	refused("mine", 2)
	refused("yours", 1)
}

func TestNoIDIsGivenTwice(t *testing.T) {
	t.Run("to orders", func(t *testing.T) {
		w := ready(t)
		w.shorten(catalog.LetterOrder)
		order := catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}
		first := w.ok("bank", catalog.KindOrderCreate, order).ID
		order.Purpose = "something else"
		statetest.WantRefusal(t, w.apply(w.another("insurer", catalog.KindOrderCreate, order, catalog.LetterOrder, first)).Refusal, catalog.RefusedConflict, "id_taken")
		w.ok("bureau", catalog.KindOrderRefuse, catalog.OrderRefuse{Order: first, Reason: "no"})
		statetest.WantRefusal(t, w.apply(w.another("bank", catalog.KindOrderCreate, order, catalog.LetterOrder, first)).Refusal, catalog.RefusedConflict, "id_taken")
	})
	t.Run("to contracts", func(t *testing.T) {
		w := ready(t)
		w.shorten(catalog.LetterContract)
		one := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
		two := w.ok("insurer", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
		first := w.ok("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: one}).ID
		w.ok("bureau", catalog.KindContractRevoke, catalog.ContractChange{Contract: first})
		statetest.WantRefusal(t, w.apply(w.another("bureau", catalog.KindOrderApprove, catalog.OrderApprove{Order: two}, catalog.LetterContract, first)).Refusal, catalog.RefusedConflict, "id_taken")
	})
	t.Run("to queries", func(t *testing.T) {
		w, contract, _ := asked(t)
		w.shorten(catalog.LetterQuery)
		first := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy())).ID
		other := submit(contract, statetest.SumBy(statetest.Attribute("industry")))
		statetest.WantRefusal(t, w.apply(w.another("bank", catalog.KindQuerySubmit, other, catalog.LetterQuery, first)).Refusal, catalog.RefusedConflict, "id_taken")
	})
}

func TestIDsAreTheWholeDigestOfWhatWasSigned(t *testing.T) {
	w := ready(t)
	e := w.sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"})
	id := w.apply(e).ID
	if id != "o-"+e.Digest().String() || id != catalog.OrderID(e.Digest()) || !catalog.IsID(catalog.LetterOrder, id) {
		t.Errorf("the order is %s, its envelope %s", id, e.Digest())
	}
	if want := "p-" + catalog.Sum(testPublic("bank")).String(); testID("bank") != want {
		t.Errorf("the principal is %s, want %s", testID("bank"), want)
	}
	if catalog.IsID(catalog.LetterContract, catalog.OwnContractID("emissions")) || catalog.IsIDBeginning(catalog.LetterContract, catalog.OwnContractID("abcdefabcdef")) {
		t.Error("the id of an own contract can be that of an envelope")
	}
	if found := must[catalog.Envelope](t)(w.view().SignedOrder(id)); found.Digest() != e.Digest() {
		t.Errorf("the order was signed as %s, kept is %s", e.Digest(), found.Digest())
	}
}

func TestEachIDFindsThoseThatBeginSo(t *testing.T) {
	w := ready(t)
	id := w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"}).ID
	w.ok("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk"})
	for _, begin := range []string{id[:10], id[:40], id} {
		var found []string
		if err := w.view().EachID(catalog.LetterOrder, begin, func(id string) (bool, error) { found = append(found, id); return true, nil }); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0] != id {
			t.Errorf("%s begins %v, want %s", begin, found, id)
		}
	}
	for _, begin := range []string{"", "o-", id[:9], "o-" + strings.Repeat("g", 8), "c-" + id[2:], id + "0"} {
		err := w.view().EachID(catalog.LetterOrder, begin, func(id string) (bool, error) { t.Errorf("%s begins %q", begin, id); return true, nil })
		if !errors.Is(err, records.ErrNotFound) {
			t.Errorf("%q is taken for the beginning of an id: %v", begin, err)
		}
	}
}

func TestOrderIsReadAsItsBuyerSignedIt(t *testing.T) {
	w := ready(t)
	e := w.sign("bank", catalog.KindOrderCreate, catalog.OrderCreate{Dataset: "emissions", Purpose: "risk", Measures: []string{}})
	id := w.apply(e).ID
	record := must[catalog.Order](t)(w.view().Order(id))
	o, err := attest.OpenOrder(e, testPublic("bank"), w.id)
	if err != nil || o.ID != id || o.Buyer != testID("bank") || o.Purpose != "risk" || !o.Same(record) {
		t.Fatalf("%+v, %v; the ledger has %+v", o, err, record)
	}
	for name, change := range map[string]func(*catalog.Order){
		"purpose": func(r *catalog.Order) { r.Purpose = "audit" }, "queries": func(r *catalog.Order) { r.Queries = 7 },
		"buyer": func(r *catalog.Order) { r.Buyer = testID("insurer") }, "id": func(r *catalog.Order) { r.ID = catalog.OrderID(catalog.Digest{}) },
	} {
		changed := record
		if change(&changed); o.Same(changed) {
			t.Errorf("another %s is taken for what was signed", name)
		}
	}
	query := w.sign("bank", catalog.KindQuerySubmit, submit("", statetest.SumBy()))
	changed := e
	changed.Payload = append([]byte(nil), e.Payload...)
	changed.Payload[len(changed.Payload)/2] ^= 1
	for name, err := range map[string]error{
		"another's key":   second(attest.OpenOrder(e, testPublic("insurer"), w.id)),
		"another cluster": second(attest.OpenOrder(e, testPublic("bank"), catalog.Digest{})),
		"another act":     second(attest.OpenOrder(query, testPublic("bank"), w.id)),
		"changed bytes":   second(attest.OpenOrder(changed, testPublic("bank"), w.id)),
	} {
		if err == nil {
			t.Errorf("%s: it is taken for an order", name)
		}
	}
}

func second(_ attest.SignedOrder, err error) error { return err }
