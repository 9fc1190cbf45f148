package exchange_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

// The exchanged order: a publisher approves what it was shown. A node that hands out
// another order under the same id, or other terms, is found out before anything is
// signed, and what is signed names the digest of what the buyer signed.
func TestExchangedOrderIsNotApproved(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer, bureau := w.Client(catalog.RoleBuyer), w.Client(catalog.RolePublisher)
	good, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: "a little", Queries: 1})
	w.Must(err)
	bad, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: "everything"})
	w.Must(err)
	var other wire.Order
	record := w.Overhear("/v1/orders/" + bad)
	_, err = exchange.Order(w.Ctx, bureau, bad)
	w.Must(err)
	w.Must(json.Unmarshal(*record.Load(), &other))
	for name, change := range map[string]func(*wire.Order){
		"another order":                     func(o *wire.Order) { *o = other },
		"another order under the id":        func(o *wire.Order) { *o = other; o.ID = good },
		"another order's terms":             func(o *wire.Order) { o.OrderCreate = other.OrderCreate },
		"another order's envelope":          func(o *wire.Order) { o.Signed = other.Signed },
		"other terms":                       func(o *wire.Order) { o.Queries = 0 },
		"another buyer":                     func(o *wire.Order) { o.Buyer = w.Keys[catalog.RolePublisher].ID() },
		"another key":                       func(o *wire.Order) { o.Key = w.Keys[catalog.RolePublisher].Public().Key },
		"no envelope":                       func(o *wire.Order) { o.Signed = catalog.Envelope{} },
		"a changed signature":               func(o *wire.Order) { o.Signed.Signature[3] ^= 1 },
		"terms that the buyer did not sign": func(o *wire.Order) { o.Queries, o.Signed.Payload = 0, exchangedBytes(o.Signed.Payload) },
	} {
		w.Lies(func(path string, body []byte) []byte {
			if path != "/v1/orders/"+good {
				return body
			}
			return clienttest.Changed(t, body, change)
		})
		if _, err := exchange.ApproveOrder(w.Ctx, bureau, catalog.OrderApprove{Order: good}); !errors.Is(err, exchange.ErrOrderForged) {
			t.Errorf("%s: the approval gave %v", name, err)
		}
		if err := exchange.RefuseOrder(w.Ctx, bureau, good, "no"); !errors.Is(err, exchange.ErrOrderForged) {
			t.Errorf("%s: the refusal gave %v", name, err)
		}
	}
	w.Lies(nil)
	if o, err := exchange.Order(w.Ctx, buyer, good); err != nil || o.State != catalog.OrderOpen {
		t.Fatalf("order %+v, %v: it was decided on", o, err)
	}
	contract, err := exchange.ApproveOrder(w.Ctx, bureau, catalog.OrderApprove{Order: good})
	w.Must(err)
	k, err := exchange.Contract(w.Ctx, bureau, contract)
	w.Must(err)
	if k.Order != good || k.Queries != 1 {
		t.Errorf("the contract is %+v", k)
	}
}

// exchangedBytes is what was signed with another number of queries.
func exchangedBytes(payload []byte) []byte {
	return []byte(strings.Replace(string(payload), `"queries":1`, `"queries":0`, 1))
}
