package bureau

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/client/clienttest"
	"github.com/weirdata/weir/node/client/exchange"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/desk/route"
)

// pricedDescriptor is a protected dataset with a price and noise.
const pricedDescriptor = `
dataset: works
title: {en: Works}
license: internal
entity: {registry: firms, column: firm}
period: {column: month, grain: month}
utc_offset: "+08:00"
measures:
  - {name: nox, column: NOX, unit: kg, range: [0, 100000], decimals: 2}
policy: {aggregates: [count, sum, avg], grain: month, min_cohort: 2, cubes: [[county]], dp: {epsilon_per_query: 0.5, epsilon_per_contract: 5, epsilon_family: 10, delta: 1e-9}}
price: {per_query: "10.00", currency: CNY}
`

// What is shown of an order before it is granted is what is granted.
func TestAnOrderIsNarrowedAndGranted(t *testing.T) {
	w, b := publisher(t)
	_, err := publish.Registry(w.Ctx, b.client, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, b.client, w.Prepare(b.client, pricedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	buyer := w.Client(catalog.RoleBuyer)
	until := time.Now().AddDate(2, 0, 0).UnixMilli()
	id, err := exchange.CreateOrder(w.Ctx, buyer, catalog.OrderCreate{Dataset: "works", Purpose: "risk", Budget: "95.00", Until: until})
	w.Must(err)
	if s, err := b.standing(w.Ctx, none{}); err != nil || !s.Publisher || s.Key != "ready" || s.Waiting != 1 || s.Datasets != 1 {
		t.Errorf("it stands so: %+v, %v", s, err)
	}
	list, err := b.inbox(w.Ctx, none{})
	w.Must(err)
	if len(list.Orders) != 1 || list.Orders[0].ID != id || list.Orders[0].Title.EN != "Works" {
		t.Fatalf("the inbox has %+v", list.Orders)
	}
	c, err := b.asked(w.Ctx, named{id})
	w.Must(err)
	want := Terms{
		Measures: []string{"nox"}, Aggregates: []string{"count", "sum", "avg"}, Columns: []string{"firm", "county"}, Grain: "month", MinCohort: 2,
		Until: until, Budget: "95.00", Epsilon: "5", Price: "10.00", Currency: "CNY", Most: 9, Income: "90.00",
	}
	if d := cmp.Diff(want, c.Asked); d != "" {
		t.Error(d)
	}
	if len(c.Changes) != 0 || c.Problem != nil || c.Accounts == nil || c.Accounts.Family.Left != "10" || len(c.Policy) == 0 || len(c.Choices.Grains) < 3 {
		t.Errorf("as asked it is %+v", c)
	}
	last := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	g := Grant{Aggregates: []string{"sum"}, Scoped: true, Columns: []string{"county"}, Grain: "quarter", Queries: 5, Until: last, Epsilon: "0", MinCohort: 3}
	c, err = b.consider(w.Ctx, considered{id, g})
	w.Must(err)
	if c.Problem != nil {
		t.Fatalf("it cannot be granted: %+v", c.Problem)
	}
	changed := map[string][2][]string{}
	for _, x := range c.Changes {
		changed[x.Field] = [2][]string{x.Asked, x.Granted}
	}
	wanted := map[string][2][]string{
		"aggregates": {{"count", "sum", "avg"}, {"sum"}}, "columns": {{"firm", "county"}, {"county"}}, "grain": {{"month"}, {"quarter"}},
		"min_cohort": {{"2"}, {"3"}}, "until": {{c.Changes[4].Asked[0]}, {last}}, "queries": {{}, {"5"}}, "epsilon": {{"5"}, {"0"}},
	}
	if d := cmp.Diff(wanted, changed); d != "" {
		t.Error(d)
	}
	if c.Granted.Most != 5 || c.Granted.Income != "50.00" {
		t.Errorf("it brings %+v", c.Granted)
	}
	wider := g
	wider.Budget = "100.00"
	if c, err := b.consider(w.Ctx, considered{id, wider}); err != nil || c.Problem == nil || c.Problem.Rule != "narrow" || c.Problem.Field != "budget" {
		t.Errorf("more than asked: %+v, %v", c.Problem, err)
	}
	done, err := b.approve(w.Ctx, considered{id, g})
	w.Must(err)
	k, err := exchange.Contract(w.Ctx, buyer, done.Contract)
	w.Must(err)
	d, err := b.client.Dataset(w.Ctx, "works")
	w.Must(err)
	if diff := cmp.Diff(c.Granted, termsOf(k, d.Descriptor, []string{"county"})); diff != "" {
		t.Errorf("granted is other than was shown: %s", diff)
	}
	own, err := b.listOwn(w.Ctx, none{})
	w.Must(err)
	if len(own.Datasets) != 1 || own.Datasets[0].Contracts != 1 || own.Datasets[0].Waiting != 0 || len(own.Ledgers) != 1 || own.Ledgers[0].Account.Spent != "0" {
		t.Errorf("one's own are %+v", own)
	}
	if x, err := b.changeContract(w.Ctx, changedContract(k.ID, "suspend", "a question")); err != nil || x.State != "suspended" {
		t.Errorf("it is %+v, %v", x, err)
	}
	if _, err := b.changeContract(w.Ctx, changedContract(k.ID, "burn", "")); route.ProblemOf(err).Field != "act" {
		t.Errorf("it is %v", err)
	}
}

func changedContract(id, act, reason string) changed {
	return changed{id, ContractChange{Act: act, Reason: reason}}
}

func TestAnOrderIsRefusedWithAReason(t *testing.T) {
	w, b := publisher(t)
	w.PublishAir()
	id, err := exchange.CreateOrder(w.Ctx, w.Client(catalog.RoleBuyer), catalog.OrderCreate{Dataset: "air", Purpose: "curiosity"})
	w.Must(err)
	if _, err := b.refuse(w.Ctx, refused{id, Reason{"  "}}); route.ProblemOf(err).Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	_, err = b.refuse(w.Ctx, refused{id, Reason{"the purpose is not clear"}})
	w.Must(err)
	c, err := b.asked(w.Ctx, named{id})
	w.Must(err)
	if c.Order.State != catalog.OrderRefused || c.Order.Reason != "the purpose is not clear" {
		t.Errorf("it is %+v", c.Order)
	}
}

// A price and a text are amended, what was promised is not, and a version is withdrawn.
func TestADatasetIsAmendedAndWithdrawn(t *testing.T) {
	w, b := publisher(t)
	_, err := publish.Registry(w.Ctx, b.client, clienttest.Firms(12), nil)
	w.Must(err)
	_, err = publish.Publish(w.Ctx, b.client, w.Prepare(b.client, pricedDescriptor, clienttest.WorksCSV(12, 3)), nil)
	w.Must(err)
	o, err := b.showOwn(w.Ctx, named{"works"})
	w.Must(err)
	if len(o.Fields) != len(catalog.PolicyFields()) || o.Ledger == nil {
		t.Errorf("it has %d fields", len(o.Fields))
	}
	change := Amendment{Title: o.Descriptor.Title, Description: o.Descriptor.Description, License: o.Descriptor.License, Price: &catalog.Price{PerQuery: "8.00", Currency: "CNY"}, Policy: o.Descriptor.Policy}
	x, err := b.compare(w.Ctx, amended{"works", change})
	w.Must(err)
	if len(x.Changes) != 1 || x.Changes[0].Field != "price" || !x.May {
		t.Errorf("it changes %+v", x)
	}
	promised := change
	promised.Policy.MinCohort = 3
	if x, err = b.compare(w.Ctx, amended{"works", promised}); err != nil || x.May || len(x.Changes) != 2 || x.Changes[0].Reason+x.Changes[1].Reason == "" {
		t.Errorf("it changes %+v, %v", x, err)
	}
	if _, err := b.amend(w.Ctx, amended{"works", promised}); err == nil {
		t.Error("what was promised is amended")
	}
	_, err = b.amend(w.Ctx, amended{"works", change})
	w.Must(err)
	if _, err := b.amend(w.Ctx, amended{"works", change}); route.ProblemOf(err).Field != "amended" {
		t.Errorf("what was seen before: %v", err)
	}
	if _, err := b.withdraw(w.Ctx, withdrawn{"works", Withdrawal{Version: 1}}); route.ProblemOf(err).Field != "reason" {
		t.Errorf("without a reason: %v", err)
	}
	_, err = b.withdraw(w.Ctx, withdrawn{"works", Withdrawal{Version: 1, Reason: "a wrong file"}})
	w.Must(err)
	if o, err = b.showOwn(w.Ctx, named{"works"}); err != nil || o.Versions[0].Withdrawn != "a wrong file" || o.Descriptor.Price.PerQuery != "8.00" {
		t.Errorf("it is %+v, %v", o, err)
	}
}
