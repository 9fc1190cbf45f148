package state

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/statetest"
)

func FuzzParseEntry(f *testing.F) {
	w := newWorld(f, 3, 2)
	good := catalog.NewEntry(w.now, w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer))).Marshal()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{1})
	f.Add(catalog.NewEntry(0, catalog.Envelope{}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := catalog.ParseEntry(b)
		if err == nil && !bytes.Equal(e.Marshal(), b) {
			t.Fatalf("%x is written as %x", b, e.Marshal())
		}
	})
}

func FuzzParsePayload(f *testing.F) {
	w := newWorld(f, 3, 2)
	good := w.sign("operator", catalog.KindPrincipalAdd, testPrincipal("bank", catalog.RoleBuyer)).Payload
	f.Add(good)
	f.Add(bytes.Replace(good, []byte(`"v":1`), []byte(`"v":1,"v":1`), 1))
	f.Add([]byte(`{"v":1,"body":{"a":[{"b":"\""}]}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := catalog.ParsePayload(b)
		if err != nil {
			return
		}
		again, err := catalog.ParsePayload(catalog.Encode(p))
		if err != nil || !bytes.Equal(catalog.Encode(again), catalog.Encode(p)) {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

// FuzzApply feeds the body of every kind, signed by whoever may send it.
func FuzzApply(f *testing.F) {
	w := ready(f)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "emissions"})
	w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy()))
	mine := w.vector("bank", w.vectorOf("mine", 1)).ID
	open := w.ok("bank", catalog.KindVectorRegister, w.vectorOf("loans", 1)).ID
	selects := statetest.SumBy()
	selects.In = mine
	private := w.ok("bank", catalog.KindQuerySubmit, submit(contract, statetest.SumBy(statetest.Attribute("county"))))
	weighs := submit(contract, statetest.SumBy())
	weighs.Request.Select = []catalog.Aggregate{{Func: "sum", Measure: "nox", Weight: mine}}
	weighs.Request.Noise = &catalog.Noise{Epsilon: "0.5"}
	kinds := map[string][]catalog.Kind{
		"operator": {catalog.KindPrincipalAdd},
		"bureau":   {catalog.KindRegistryCreate, catalog.KindRegistryRows, catalog.KindDatasetCreate, catalog.KindVersionPropose, catalog.KindVersionCounts, catalog.KindVersionNews, catalog.KindOrderApprove},
		"bank":     {catalog.KindOrderCreate, catalog.KindQuerySubmit, catalog.KindVectorRegister, catalog.KindVectorDrop},
		"node1": {catalog.KindKeyStart, catalog.KindKeyCommit, catalog.KindKeyTested, catalog.KindKeySign, catalog.KindVersionAttempt, catalog.KindVersionParity, catalog.KindQueryAttempt, catalog.KindQueryShare, catalog.KindVectorHold, catalog.KindVectorLine, catalog.KindVectorAttempt, catalog.KindVectorBits, catalog.KindVectorFail, catalog.KindTestFailed,
			catalog.KindMoveBegin, catalog.KindMoveDeal, catalog.KindMoveHold, catalog.KindMoveLine, catalog.KindMoveAttempt, catalog.KindMoveBits, catalog.KindMoveFail, catalog.KindMoveErased},
	}
	seeds := []any{
		testPrincipal("x", catalog.RoleBuyer), createEnterprises(statetest.Rows(0, 3)), catalog.RegistryRows{ID: "enterprises", Rows: statetest.Rows(0, 2)},
		catalog.DatasetCreate{Descriptor: statetest.Descriptor("x")}, w.proposal(statetest.Descriptor("emissions"), 40, 2, testCounts(2, 2, 40, func(_, _, _ int) bool { return true })),
		catalog.VersionCounts{Dataset: "emissions", Version: 1, Measure: "nox", Bitmaps: [][]byte{{1}}}, catalog.VersionNews{Dataset: "emissions", Version: 1, News: []catalog.SourceNews{{News: []byte{1}}}}, catalog.OrderCreate{Dataset: "emissions", Purpose: "x"},
		submit(contract, statetest.SumBy(statetest.Attribute("county"), catalog.Dimension{Kind: catalog.DimPeriod, Grain: calendar.Year})),
		startOf("rival", 1), w.commitment("k", 1, 1), w.attempt("q", 1), w.share("q", 1, 1),
		w.vectorOf("mine", 2), catalog.VectorHold{Vector: open, Nonce: testNonce("node1")}, catalog.VectorLine{Vector: open, Values: []uint64{1, 2}},
		catalog.VectorAttempt{Vector: open, Attempt: 1, Active: w.active()}, catalog.VectorBits{Vector: open, Attempt: 1, Values: []uint64{1, 2}},
		catalog.TestFailed{Query: private.ID, Attempt: 1}, submit(contract, selects), weighs,
	}
	for _, s := range seeds {
		f.Add(catalog.Encode(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		c := *w
		c.t = t
		for _, who := range []string{"operator", "bureau", "bank", "node1"} {
			for _, kind := range kinds[who] {
				c.store, c.log = w.store.Clone(), nil
				e, err := catalog.Sign(testKey(who), signerOf(who), c.payload(kind, json.RawMessage(body)))
				if err != nil {
					return
				}
				c.apply(e) // checks that a refusal changes nothing
			}
		}
	})
}
