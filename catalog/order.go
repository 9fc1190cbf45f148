package catalog

import (
	"fmt"
	"slices"
)

// createOrder records a buyer's wish for a contract.
func createOrder(c *call, b OrderCreate) error {
	d, err := load[Dataset](c, prefixDataset+b.Dataset, fmt.Sprintf("dataset %.80q", b.Dataset))
	if err != nil {
		return err
	}
	if b.Purpose == "" || !isText(b.Purpose, maxText) {
		return invalid("purpose", "the purpose must be a text of 1 to %d bytes", maxText)
	}
	if r := checkScope(d.Descriptor, b.Measures, b.Aggregates); r != nil {
		return r
	}
	if b.Until != 0 && (b.Until <= c.now || b.Until > c.now+maxTermMillis) {
		return invalid("until", "the term must end within ten years from now")
	}
	if b.Queries < 0 {
		return invalid("queries", "%d queries", b.Queries)
	}
	if r := checkBudget(d.Descriptor, b.Budget); r != nil {
		return r
	}
	reg, err := find[Registry](c.tx, prefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	if r := b.Scope.check(d.Descriptor, reg.Columns); r != nil {
		return r
	}
	if r := checkMinCohort(d.Descriptor, b.MinCohort); r != nil {
		return r
	}
	o := Order{OrderCreate: b, ID: OrderID(c.digest), Buyer: c.signer.ID, State: OrderOpen, Created: c.now}
	if err := c.putParties(prefixOrderOf, o.ID, o.Buyer, d.Owner); err != nil {
		return err
	}
	c.out.ID = o.ID
	return put(c.tx, prefixOrder+o.ID, o)
}

// checkMinCohort refuses a min_cohort of a contract that would have no effect.
func checkMinCohort(d Descriptor, n int) *Refusal {
	switch {
	case n == 0:
		return nil
	case d.Policy.Public:
		return invalid("min_cohort", "dataset %s is public: every single reading can be queried", d.Dataset)
	case n < d.Policy.MinCohort || n > MaxRegistryRows:
		return invalid("min_cohort", "min_cohort is %d, the policy's is %d; a contract can only ask for larger groups", n, d.Policy.MinCohort)
	}
	return nil
}

// checkScope refuses measures that the dataset does not have and aggregates that
// its policy does not allow.
func checkScope(d Descriptor, measures, aggregates []string) *Refusal {
	known := func(s string) bool { _, ok := d.measure(s); return ok }
	if r := checkNames("measures", measures, known, "a measure of the dataset: "+quoteList(d.measureNames())); r != nil {
		return r
	}
	for i, a := range aggregates {
		if isAggregate(a) && !slices.Contains(d.Policy.Aggregates, a) {
			r := refuse(RefusedPolicy, "aggregate", "the dataset's policy does not allow %s", a).
				withFix("it allows: %s", quoteList(d.Policy.Aggregates))
			r.Field = fmt.Sprintf("aggregates[%d]", i)
			return r
		}
	}
	r := checkNames("aggregates", aggregates, isAggregate, "an aggregate")
	if r != nil {
		return r.withFix("the dataset's policy allows: %s", quoteList(d.Policy.Aggregates))
	}
	return nil
}

// openOrder loads an order on the signer's dataset that is not decided.
func (c *call) openOrder(id string) (Order, Dataset, error) {
	o, err := load[Order](c, prefixOrder+id, fmt.Sprintf("order %.80q", id))
	if err != nil {
		return o, Dataset{}, err
	}
	d, err := c.ownDataset(o.Dataset)
	if err == nil && o.State != OrderOpen {
		r := conflict("order_state", "order %s is %s already", o.ID, o.State)
		if o.Contract != "" {
			r = r.withFix("its contract is %s", o.Contract)
		}
		return o, d, r
	}
	return o, d, err
}

// lastDay is the day, in China, in which a term ends.
func lastDay(until int64) string {
	const hour = 3600 * 1000
	return GrainDay.Format(floorDiv(until-1+8*hour, 24*hour))
}

// approveOrder grants an order as asked or narrowed.
func approveOrder(c *call, b OrderApprove) error {
	o, d, err := c.openOrder(b.Order)
	if err != nil {
		return err
	}
	until := o.Until
	if until == 0 {
		until = c.now + yearMillis
	}
	k := Contract{
		ID: ContractID(c.digest), Order: o.ID, Buyer: o.Buyer, Publisher: d.Owner, Dataset: d.ID, Purpose: o.Purpose,
		From: c.now, Until: until, Queries: o.Queries, Budget: o.Budget, Price: d.Descriptor.Price, State: ContractActive,
	}
	var r *Refusal
	if k.Measures, r = narrow("measures", o.Measures, d.Descriptor.measureNames(), b.Measures); r != nil {
		return r
	}
	if k.Aggregates, r = narrow("aggregates", o.Aggregates, d.Descriptor.Policy.Aggregates, b.Aggregates); r != nil {
		return r
	}
	switch {
	case b.Until > until || b.Until < 0:
		return wider("until", "the term of the order ends on %s, the approval's on %s", lastDay(until), lastDay(b.Until))
	case b.Until > 0:
		k.Until = b.Until
	}
	if k.Until <= c.now {
		return conflict("until", "the term has ended")
	}
	switch {
	case b.Queries < 0 || o.Queries > 0 && b.Queries > o.Queries:
		return wider("queries", "the order asks for %d queries, the approval grants %d", o.Queries, b.Queries)
	case b.Queries > 0:
		k.Queries = b.Queries
	}
	if err := c.grantMoneyAndScope(&k, d, o, b); err != nil {
		return err
	}
	if r := grantEpsilon(&k, d, b.Epsilon); r != nil {
		return r
	}
	k.MinCohort = max(o.MinCohort, b.MinCohort)
	if r := checkMinCohort(d.Descriptor, k.MinCohort); r != nil {
		return r
	}
	if b.MinCohort != 0 && b.MinCohort < o.MinCohort {
		return wider("min_cohort", "the order asks for groups of at least %d entities, the approval for %d", o.MinCohort, b.MinCohort)
	}
	o.State, o.Contract = OrderApproved, k.ID
	if err := put(c.tx, prefixOrder+o.ID, o); err != nil {
		return err
	}
	if err := c.putParties(prefixContractOf, k.ID, k.Buyer, k.Publisher); err != nil {
		return err
	}
	c.out.ID = k.ID
	return put(c.tx, prefixContract+k.ID, k)
}

// grantMoneyAndScope fills in what an approval grants of an order's budget and
// scope.
func (c *call) grantMoneyAndScope(k *Contract, d Dataset, o Order, b OrderApprove) error {
	if r := checkBudget(d.Descriptor, b.Budget); r != nil {
		return r
	}
	if b.Budget != "" {
		if o.Budget != "" && amount(b.Budget).Cmp(amount(o.Budget)) > 0 {
			return wider("budget", "the order asks for a budget of %s, the approval grants %s", o.Budget, b.Budget)
		}
		k.Budget = b.Budget
	}
	reg, err := find[Registry](c.tx, prefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	if r := b.Scope.check(d.Descriptor, reg.Columns); r != nil {
		return r
	}
	var r *Refusal
	if k.Scope, r = narrowScope(o.Scope, b.Scope); r != nil {
		return r
	}
	return nil
}

func wider(field, format string, args ...any) *Refusal {
	r := invalid(field, format, args...)
	r.Rule = "narrow"
	return r.withFix("an approval may only narrow the order; the buyer has to order more")
}

// narrow returns the granted names: those of the approval, or else of the order,
// or else all. They stand in the order of all.
func narrow(field string, ordered, all, granted []string) ([]string, *Refusal) {
	if len(ordered) == 0 {
		ordered = all
	}
	if len(granted) == 0 {
		granted = ordered
	}
	for _, g := range granted {
		if !slices.Contains(ordered, g) {
			return nil, wider(field, "%.80q is not in the order, which has: %s", g, quoteList(ordered))
		}
	}
	var out []string
	for _, a := range all {
		if slices.Contains(granted, a) {
			out = append(out, a)
		}
	}
	return out, nil
}

// refuseOrder ends an order with a reason.
func refuseOrder(c *call, b OrderRefuse) error {
	o, _, err := c.openOrder(b.Order)
	if err != nil {
		return err
	}
	if b.Reason == "" || !isText(b.Reason, maxText) {
		return invalid("reason", "the reason must be a text of 1 to %d bytes", maxText)
	}
	o.State, o.Reason = OrderRefused, b.Reason
	c.out.ID = o.ID
	return put(c.tx, prefixOrder+o.ID, o)
}
