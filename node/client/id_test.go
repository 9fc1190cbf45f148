package client_test

import (
	"strings"
	"testing"

	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/audit"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
)

func TestIDsAreTypedByTheirBeginning(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	buyer, bureau := w.Client(catalog.RoleBuyer), w.Client(catalog.RolePublisher)
	order, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "air", Purpose: "a test"})
	w.Must(err)
	contract, err := exchange.ApproveOrder(w.Ctx, bureau, catalog.OrderApprove{Order: order[:10]})
	w.Must(err)
	res, err := ask.Query(w.Ctx, buyer, "SELECT SUM(pm10) FROM air", ask.Options{Contract: contract[:12]})
	w.Must(err)
	query := res.Query.ID
	if res.Query.Submit.Contract != contract {
		t.Errorf("signed was the contract %s, want %s", res.Query.Submit.Contract, contract)
	}
	o, err := exchange.Order(w.Ctx, buyer, order[:10])
	w.Must(err)
	k, err := exchange.Contract(w.Ctx, buyer, contract[:10])
	w.Must(err)
	st, err := exchange.Statement(w.Ctx, bureau, contract[:10], "")
	w.Must(err)
	_, proven, err := audit.QueryReceipt(w.Ctx, buyer, query[:10])
	w.Must(err)
	if o.ID != order || k.ID != contract || st.Lines[0].Query != query || proven.ID != query {
		t.Errorf("found %s, %s, %s, %s", o.ID, k.ID, st.Lines[0].Query, proven.ID)
	}
	w.Must(exchange.ChangeContract(w.Ctx, bureau, catalog.KindContractRevoke, contract[:10], "over"))
	for typed, rule := range map[string]string{
		"o-1234":         client.RuleIDForm,
		"mine":           client.RuleIDForm,
		contract[:10]:    client.RuleIDForm,
		contract:         client.RuleIDForm,
		"o-" + query[2:]: client.RuleIDUnknown, // whole, and there is none
		"o-00000000":     client.RuleIDUnknown,
	} {
		_, err := exchange.Order(w.Ctx, buyer, typed)
		if r, refused := client.IsRefused(err); refused && r.Rule != rule || !refused && rule != client.RuleIDUnknown || err == nil {
			t.Errorf("%s: %v, want %s", typed, err, rule)
		}
	}
	// What others have asked is not found by its beginning.
	if _, err := bureau.ID(w.Ctx, catalog.LetterQuery, query[:10]); err == nil {
		t.Error("the publisher finds the buyer's query")
	}
	// A node's answer is not believed where it does not begin as typed; where it begins
	// several, all are named.
	sibling := order[:10] + strings.Repeat("0", 56)
	for name, x := range map[string]struct {
		ids  []string
		want string
	}{
		"two":            {[]string{sibling, order}, order},
		"another's":      {[]string{contract}, "begins with"},
		"another letter": {[]string{"c-" + order[2:]}, "begins with"},
	} {
		w.Lies(func(path string, body []byte) []byte {
			if !strings.HasPrefix(path, "/v1/ids/") {
				return body
			}
			return clienttest.Changed(t, body, func(a *wire.IDs) { a.IDs = x.ids })
		})
		if id, err := buyer.ID(w.Ctx, catalog.LetterOrder, order[:10]); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %s, %v", name, id, err)
		}
	}
}
