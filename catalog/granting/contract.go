package granting

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
	"github.com/weirdata/weir/catalog/decimal"
)

// DefaultTerm is for how long a contract is granted where neither order nor approval says it, in milliseconds.
const DefaultTerm = 365 * 86400_000

// Contract is what an approval at a time grants of an order on a dataset, whose registry has the columns: the order's
// terms, narrowed. It has no id yet. Whether places for exact portfolios are left, and whether the price is the one
// that the buyer could see, is not said by it.
func Contract(o catalog.Order, d catalog.Dataset, columns []string, b catalog.OrderApprove, now int64) (catalog.Contract, *catalog.Refusal) {
	until := o.Until
	if until == 0 {
		until = now + DefaultTerm
	}
	k := catalog.Contract{
		Order: o.ID, Buyer: o.Buyer, Publisher: d.Owner, Dataset: d.ID, Purpose: o.Purpose,
		From: now, Until: until, Queries: o.Queries, Budget: o.Budget, Price: d.Descriptor.Price, State: catalog.ContractActive,
	}
	var r *catalog.Refusal
	if k.Measures, r = Narrow("measures", o.Measures, d.Descriptor.MeasureNames(), b.Measures); r != nil {
		return k, r
	}
	if k.Aggregates, r = Narrow("aggregates", o.Aggregates, d.Descriptor.Policy.Aggregates, b.Aggregates); r != nil {
		return k, r
	}
	if r := checkLeft(k); r != nil {
		return k, r
	}
	switch {
	case b.Until > until || b.Until < 0:
		return k, Wider("until", "order.wider_term", calendar.LastDay(until), calendar.LastDay(b.Until))
	case b.Until > 0:
		k.Until = b.Until
	}
	if k.Until <= now {
		return k, catalog.Conflict("until", "order.term_ended")
	}
	switch {
	case b.Queries < 0 || o.Queries > 0 && b.Queries > o.Queries:
		return k, Wider("queries", "order.wider_queries", o.Queries, b.Queries)
	case b.Queries > 0:
		k.Queries = b.Queries
	}
	if r := moneyAndScope(&k, d, columns, o, b); r != nil {
		return k, r
	}
	if r := Epsilon(&k, d, b.Epsilon); r != nil {
		return k, r
	}
	k.MinCohort = max(o.MinCohort, b.MinCohort)
	if r := CheckMinCohort(d.Descriptor, k.MinCohort); r != nil {
		return k, r
	}
	if b.MinCohort != 0 && b.MinCohort < o.MinCohort {
		return k, Wider("min_cohort", "order.wider_min_cohort", o.MinCohort, b.MinCohort)
	}
	if k.Portfolio = o.Portfolio && !b.NoPortfolio; k.Portfolio {
		return k, CheckPortfolio(d.Descriptor, k.Aggregates, k.MinCohort)
	}
	return k, nil
}

// checkLeft refuses to grant an order of which amendments have taken away all that it asked for.
func checkLeft(k catalog.Contract) *catalog.Refusal {
	switch {
	case len(k.Measures) == 0:
		return catalog.Conflict("amended", "amend.no_measure", k.Dataset).WithField("measures")
	case len(k.Aggregates) == 0:
		return catalog.Conflict("amended", "amend.no_aggregate", k.Dataset).WithField("aggregates")
	}
	return nil
}

// moneyAndScope fills in what an approval grants of an order's budget and scope.
func moneyAndScope(k *catalog.Contract, d catalog.Dataset, columns []string, o catalog.Order, b catalog.OrderApprove) *catalog.Refusal {
	if r := CheckBudget(d.Descriptor, b.Budget); r != nil {
		return r
	}
	if b.Budget != "" {
		if o.Budget != "" && decimal.Amount(b.Budget).Cmp(decimal.Amount(o.Budget)) > 0 {
			return Wider("budget", "order.wider_budget", o.Budget, b.Budget)
		}
		k.Budget = b.Budget
	}
	if r := b.Scope.Check(d.Descriptor, columns); r != nil {
		return r
	}
	var r *catalog.Refusal
	k.Scope, r = NarrowScope(o.Scope, b.Scope)
	return r
}
