package state

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records/memstore"
	"github.com/weirdata/weir/catalog/shortform"
	"github.com/weirdata/weir/catalog/statetest"
)

// When a query is forgotten the entries are named that carried its shares, those of failed attempts too. Applied anew with
// nothing but their short forms, the log comes to the same outcomes and the same state.
func TestShortEntriesMakeTheSameState(t *testing.T) {
	w := brief(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 5})
	first := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 0))).ID
	var want []uint64
	share := func(node string, b catalog.QueryShare) {
		t.Helper()
		want = append(want, w.ok(node, catalog.KindQueryShare, b).Seq)
	}
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(first, 1))
	share("node1", w.share(first, 1, 1))
	w.ok("node1", catalog.KindQueryFail, catalog.QueryFail{Query: first, Attempt: 1, Reason: told("x")})
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(first, 2))
	share("node1", w.share(first, 2, 1))
	share("node2", w.share(first, 2, 2))
	again := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 0))).ID // a repeat
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(again, 1))
	share("node1", w.share(again, 1, 1))
	share("node2", w.share(again, 1, 2))
	w.now += catalog.MinRetention * testDay
	kept := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 1))).ID
	w.finish(kept, true)
	w.ok("node2", catalog.KindQueryForget, catalog.QueryForget{Until: w.now})
	named := w.ok("node1", catalog.KindQueryForget, catalog.QueryForget{Until: w.now}).Shortened
	if slices.Sort(named); !slices.Equal(named, want) {
		t.Fatalf("shortened are the entries %v, want %v", named, want)
	}

	m, whole, short := NewMachine(), memstore.New(), memstore.New()
	before, after := 0, 0
	for i, entry := range w.log {
		seq := uint64(i) + 1 //nolint:gosec // the world counts from 1
		out, err := m.Apply(whole, seq, entry)
		if err != nil {
			t.Fatal(err)
		}
		got, err := []byte(nil), error(nil)
		if slices.Contains(named, seq) {
			form := must[[]byte](t)(m.Short(entry))
			before, after = before+len(entry), after+len(form)
			got, err = m.ApplyShort(short, seq, form, out)
		} else {
			got, err = NewMachine().Apply(short, seq, entry)
		}
		if err != nil || !bytes.Equal(got, out) {
			t.Fatalf("entry %d comes to %s (%v), and whole to %s", seq, got, err, out)
		}
		if is := slices.Equal(m.Shortens(out), nil); is != (seq != uint64(len(w.log))) {
			t.Errorf("entry %d shortens %v", seq, m.Shortens(out))
		}
	}
	for _, key := range slices.Concat(whole.Keys(), short.Keys()) {
		if !bytes.Equal(must[[]byte](t)(whole.Get([]byte(key))), must[[]byte](t)(short.Get([]byte(key)))) {
			t.Errorf("the states differ in %s", key)
		}
	}
	t.Logf("%d entries had %d bytes, and have %d", len(named), before, after)
}

// What is no short form, or not of an entry that took a share, is applied by nobody, and an entry in the log is never
// taken for one.
func TestShortFormsAreReadStrictly(t *testing.T) {
	w := brief(t)
	contract := w.contract("bank", catalog.OrderCreate{Dataset: "priced", Queries: 5})
	id := w.ok("bank", catalog.KindQuerySubmit, submit(contract, query("priced", 0))).ID
	w.ok("node3", catalog.KindQueryAttempt, w.attempt(id, 1))
	if _, err := w.machine.Short(w.log[len(w.log)-1]); err == nil {
		t.Error("an attempt has a short form")
	}
	e := w.sign("node1", catalog.KindQueryShare, w.share(id, 1, 1))
	form := must[[]byte](t)(shortform.Of(catalog.NewEntry(w.now, e).Marshal()))
	statetest.WantRefusal(t, w.applyBytes(form).Refusal, catalog.RefusedInvalid, "entry")
	taken := catalog.Outcome{Time: w.now, Kind: catalog.KindQueryShare, ID: id, Share: &catalog.ShareTaken{Node: "node1", Attempt: 1}}
	for name, x := range map[string]struct{ form, outcome []byte }{
		"cut":        {form[:len(form)-1], catalog.Encode(taken)},
		"longer":     {append(slices.Clone(form), 0), catalog.Encode(taken)},
		"version":    {append([]byte{9}, form[1:]...), catalog.Encode(taken)},
		"no share":   {form, catalog.Encode(catalog.Outcome{Time: w.now, Kind: catalog.KindQueryShare, ID: id})},
		"no outcome": {form, []byte("{")},
	} {
		if out, err := w.machine.ApplyShort(w.store.Clone(), w.seq+1, x.form, x.outcome); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
	for name, expires := range map[string]int64{"over": w.now, "never over": catalog.MaxTime, "longer than an envelope is valid": w.now + catalog.MaxEnvelopeAge + catalog.MaxSkew + 1} {
		forged := slices.Clone(form)
		binary.BigEndian.PutUint64(forged[1:], uint64(expires)) //nolint:gosec // none is below 0
		if out, err := w.machine.ApplyShort(w.store.Clone(), w.seq+1, forged, catalog.Encode(taken)); err == nil {
			t.Errorf("an envelope that is %s when its share is taken: %s", name, out)
		}
	}
	other := taken
	other.Share = &catalog.ShareTaken{Node: "node9", Attempt: 1}
	for name, o := range map[string]catalog.Outcome{"of no member": other, "of no query": {Time: w.now, ID: "q-0", Share: taken.Share}} {
		raw, err := w.machine.ApplyShort(w.store.Clone(), w.seq+1, form, catalog.Encode(o))
		var out catalog.Outcome
		if err == nil && (json.Unmarshal(raw, &out) != nil || out.Refusal == nil) {
			t.Errorf("%s: %s", name, raw)
		}
	}
}
