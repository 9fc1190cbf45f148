package api_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// payload is an order of the buyer's as it would be signed now.
func (w *world) payload(nonce byte) catalog.Payload {
	w.Helper()
	body, err := json.Marshal(catalog.OrderCreate{Dataset: "air", Purpose: "a test"})
	if err != nil {
		w.Fatal(err)
	}
	now := time.Now().UnixMilli()
	return catalog.Payload{
		Version: 1, Cluster: w.cluster.ID().String(), Kind: catalog.KindOrderCreate, Nonce: hex.EncodeToString([]byte{15: nonce}),
		Issued: now, Expires: now + 60_000, Body: body,
	}
}

// sealed is a payload signed by somebody in the name of somebody.
func (w *world) signed(by party, name string, p catalog.Payload) catalog.Envelope {
	w.Helper()
	e, err := catalog.Sign(by.signing, name, p)
	if err != nil {
		w.Fatal(err)
	}
	return e
}

// reworded is an envelope whose payload was changed after it was signed.
func (w *world) reworded(e catalog.Envelope, change func(map[string]any)) catalog.Envelope {
	w.Helper()
	var p map[string]any
	if err := json.Unmarshal(e.Payload, &p); err != nil {
		w.Fatal(err)
	}
	change(p)
	var err error
	if e.Payload, err = json.Marshal(p); err != nil {
		w.Fatal(err)
	}
	return e
}

// Every way in which an envelope may not be what its signer meant for here and now is
// refused, and changes nothing.
func TestEnvelopesThatDoNotHoldAreRefused(t *testing.T) {
	w := newWorld(t)
	buyer, publisher, stranger := w.parties[catalog.RoleBuyer], w.parties[catalog.RolePublisher], newParty(t)
	hour := int64(time.Hour / time.Millisecond)
	changed := func(nonce byte, change func(*catalog.Payload)) catalog.Envelope {
		p := w.payload(nonce)
		change(&p)
		return w.signed(buyer, buyer.id(), p)
	}
	good := w.signed(buyer, buyer.id(), w.payload(1))
	other := w.signed(buyer, buyer.id(), w.payload(2))
	for name, c := range map[string]struct {
		envelope catalog.Envelope
		status   int
		kind     catalog.RefusalKind
	}{
		"expired":                   {changed(3, func(p *catalog.Payload) { p.Issued, p.Expires = p.Issued-hour/12, p.Issued-hour/15 }), 401, catalog.RefusedSignature},
		"from the future":           {changed(4, func(p *catalog.Payload) { p.Issued, p.Expires = p.Issued+hour, p.Expires+hour }), 401, catalog.RefusedSignature},
		"valid too long":            {changed(5, func(p *catalog.Payload) { p.Expires += 1000 * hour }), 401, catalog.RefusedSignature},
		"for another cluster":       {changed(7, func(p *catalog.Payload) { p.Cluster = catalog.Sum([]byte("other")).String() }), 401, catalog.RefusedSignature},
		"of an unknown kind":        {changed(8, func(p *catalog.Payload) { p.Kind = "order.forge" }), 422, catalog.RefusedInvalid},
		"of another kind":           {changed(9, func(p *catalog.Payload) { p.Kind = catalog.KindVectorDrop }), 422, catalog.RefusedInvalid},
		"of a kind for others":      {changed(10, func(p *catalog.Payload) { p.Kind = catalog.KindPrincipalAdd }), 403, catalog.RefusedForbidden},
		"of a node's kind":          {changed(11, func(p *catalog.Payload) { p.Kind = catalog.KindQueryShare }), 403, catalog.RefusedForbidden},
		"signed with another's key": {w.signed(publisher, buyer.id(), w.payload(14)), 401, catalog.RefusedSignature},
		"signed by a stranger":      {w.signed(stranger, stranger.id(), w.payload(15)), 401, catalog.RefusedSignature},
		"with another's signature":  {catalog.Envelope{Payload: good.Payload, Signer: good.Signer, Signature: other.Signature}, 401, catalog.RefusedSignature},
		"under another's name":      {catalog.Envelope{Payload: good.Payload, Signer: publisher.id(), Signature: good.Signature}, 401, catalog.RefusedSignature},
		"as a node":                 {catalog.Envelope{Payload: good.Payload, Signer: catalog.NodeSigner("n1"), Signature: good.Signature}, 401, catalog.RefusedSignature},
		"with its kind exchanged":   {w.reworded(good, func(p map[string]any) { p["kind"] = string(catalog.KindContractRevoke) }), 401, catalog.RefusedSignature},
		"with its body exchanged":   {w.reworded(good, func(p map[string]any) { p["body"] = map[string]any{"dataset": "water", "purpose": "x"} }), 401, catalog.RefusedSignature},
		"with a field it has not":   {w.reworded(good, func(p map[string]any) { p["admin"] = true }), 401, catalog.RefusedSignature},
		"with its time exchanged":   {w.reworded(good, func(p map[string]any) { p["expires"] = 1 }), 401, catalog.RefusedSignature},
		"without a signature":       {catalog.Envelope{Payload: good.Payload, Signer: good.Signer}, 422, "request"},
		"without anything":          {catalog.Envelope{}, 422, "request"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(c.envelope)
			if err != nil {
				t.Fatal(err)
			}
			a := w.do("POST", "/v1/envelopes", "", raw)
			var p wire.Problem
			if err := json.Unmarshal(a.body, &p); err != nil {
				t.Fatal(err)
			}
			if a.status != c.status || p.Kind != string(c.kind) || p.Message == "" {
				t.Errorf("%d %s %q, want %d %s", a.status, p.Kind, p.Message, c.status, c.kind)
			}
		})
	}
	var orders wire.Orders
	if err := json.Unmarshal(w.want(w.do("GET", "/v1/orders", w.token(catalog.RoleBuyer), nil), http.StatusOK), &orders); err != nil || len(orders.Orders) != 0 {
		t.Errorf("%d orders were made, %v", len(orders.Orders), err)
	}
}

// An envelope sent again is answered with what became of it, and counts once.
func TestReplayedEnvelopeCountsOnce(t *testing.T) {
	w := newWorld(t)
	add := w.envelope(catalog.RoleOperator, catalog.KindPrincipalAdd, catalog.PrincipalAdd{Name: "bank", Role: catalog.RoleBuyer, Key: newParty(t).public(), Receiving: newParty(t).receiving})
	raw, err := json.Marshal(add)
	if err != nil {
		t.Fatal(err)
	}
	var first, second wire.Submitted
	for _, into := range []*wire.Submitted{&first, &second} {
		if err := json.Unmarshal(w.want(w.do("POST", "/v1/envelopes", "", raw), http.StatusOK), into); err != nil {
			t.Fatal(err)
		}
	}
	if first.Outcome.ID == "" || first.Outcome.ID != second.Outcome.ID || first.Outcome.Repeat || !second.Outcome.Repeat {
		t.Errorf("first %+v, then %+v", first.Outcome, second.Outcome)
	}
	var all wire.Principals
	if err := json.Unmarshal(w.want(w.do("GET", "/v1/principals", w.token(catalog.RoleOperator), nil), http.StatusOK), &all); err != nil || len(all.Principals) != 4 {
		t.Errorf("%d principals, want 4, %v", len(all.Principals), err)
	}
}
