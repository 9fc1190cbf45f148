package ask_test

import (
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/sql"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
)

// What a refusal advises is a query that is answered, and an order of it covers it.
func TestAdvisedQueriesAreAnswered(t *testing.T) {
	w := clienttest.New(t)
	publisher, buyer := w.Client(catalog.RolePublisher), w.Client(catalog.RoleBuyer)
	_, err := publish.Registry(w.Ctx, publisher, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, publisher, w.Prepare(publisher, clienttest.ProtectedDescriptor, clienttest.WorksCSV(12, 2)), nil)
	w.Must(err)

	const text = "SELECT SUM(nox) FROM works WHERE firm = 'f001' AND period = '2024-01'"
	order := catalog.OrderCreate{Purpose: "a test"}
	w.Must(ask.NarrowOrder(w.Ctx, buyer, text, &order))
	if order.Dataset != "works" || len(order.Measures) != 1 || len(order.Aggregates) != 1 || order.Scope == nil {
		t.Fatalf("the order is %+v", order)
	}
	other := catalog.OrderCreate{Dataset: "air"}
	if err := ask.NarrowOrder(w.Ctx, buyer, text, &other); err == nil || err.Error() != "the order is on dataset air, the query asks works" {
		t.Errorf("an order on another dataset: %v", err)
	}
	id, err := exchange.CreateOrder(w.Ctx, buyer, order)
	w.Must(err)
	_, err = exchange.ApproveOrder(w.Ctx, publisher, catalog.OrderApprove{Order: id})
	w.Must(err)

	var o ask.Options
	_, refused := ask.Explain(w.Ctx, buyer, text, o)
	if _, ok := client.IsRefused(refused); !ok {
		t.Fatalf("one firm is not refused: %v", refused)
	}
	changes, err := ask.Advised(w.Ctx, buyer, text, o, refused)
	w.Must(err)
	if len(changes) != 1 || changes[0].Explain.Groups != 1 {
		t.Fatalf("advised are %+v of %v", changes, refused)
	}
	o.Store = t.TempDir()
	r, err := ask.Query(w.Ctx, buyer, changes[0].SQL, changes[0].Options)
	w.Must(err)
	if len(r.Table.Rows) != 1 {
		t.Errorf("%s has rows %v", changes[0].SQL, r.Table.Rows)
	}
	for _, err := range []error{nil, &sql.Error{Message: "a fault"}} {
		if changes, failed := ask.Advised(w.Ctx, buyer, text, o, err); changes != nil || failed != nil {
			t.Errorf("%v advises %v, %v", err, changes, failed)
		}
	}
}

// The own store has the last answer of each query for its owner to read again, and nobody else's.
func TestAnswersAreReadAgain(t *testing.T) {
	w := clienttest.New(t)
	w.PublishAir()
	w.Contract("air", catalog.OrderApprove{})
	buyer, store := w.Client(catalog.RoleBuyer), t.TempDir()
	if all, err := ask.Answers(buyer, store); err != nil || all != nil {
		t.Fatalf("an empty store has %v, %v", all, err)
	}
	var asked []*ask.Result
	for _, text := range []string{"SELECT SUM(pm10) FROM air", "SELECT county, SUM(pm25) FROM air GROUP BY county"} {
		r, err := ask.Query(w.Ctx, buyer, text, ask.Options{Store: store})
		w.Must(err)
		asked = append(asked, r)
	}
	all, err := ask.Answers(buyer, store)
	w.Must(err)
	if len(all) != 2 {
		t.Fatalf("the store has %d answers", len(all))
	}
	for _, r := range all {
		for _, want := range asked {
			if r.Query.ID == want.Query.ID && (len(r.Table.Rows) != len(want.Table.Rows) || r.Query.Submit.Request.SQL != want.Query.Submit.Request.SQL || r.Stored.IsZero()) {
				t.Errorf("%s is read as %+v", want.Query.ID, r)
			}
		}
	}
	for _, c := range []*client.Client{w.Client(catalog.RolePublisher), w.Client(catalog.RoleOperator)} {
		if all, err := ask.Answers(c, store); err != nil || all != nil {
			t.Errorf("another key reads %v, %v", all, err)
		}
	}
}
