package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/granting"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
)

// maxTermMillis is the longest term that can be ordered.
const maxTermMillis = 10 * granting.DefaultTerm

// orderActs are the acts on orders and contracts.
var orderActs = []act{
	{kind: catalog.KindOrderCreate, by: buyers, handle: handler(createOrder)},
	{kind: catalog.KindOrderApprove, by: publishers, handle: handler(approveOrder)},
	{kind: catalog.KindOrderRefuse, by: publishers, handle: handler(refuseOrder)},
	{kind: catalog.KindContractSuspend, by: publishers, handle: contractTo(catalog.ContractSuspended, catalog.ContractActive)},
	{kind: catalog.KindContractResume, by: publishers, handle: contractTo(catalog.ContractActive, catalog.ContractSuspended)},
	{kind: catalog.KindContractRevoke, by: publishers, handle: contractTo(catalog.ContractRevoked, catalog.ContractActive, catalog.ContractSuspended)},
}

// createOrder records a buyer's wish for a contract.
func createOrder(c *applyContext, b catalog.OrderCreate) error {
	id, err := c.newID(records.PrefixOrder, catalog.LetterOrder)
	if err != nil {
		return err
	}
	d, err := load[catalog.Dataset](c.tx, records.PrefixDataset+b.Dataset, "unknown.dataset", b.Dataset)
	if err != nil {
		return err
	}
	if b.Purpose == "" || !catalog.IsText(b.Purpose, catalog.MaxText) {
		return catalog.Invalid("purpose", "order.purpose", catalog.MaxText)
	}
	if r := cmp.Or(judge.WithdrawnDataset(d), granting.CheckScope(d.Descriptor, b.Measures, b.Aggregates)); r != nil {
		return r
	}
	if b.Until != 0 && (b.Until <= c.now || b.Until > c.now+maxTermMillis) {
		return catalog.Invalid("until", "order.term")
	}
	if b.Queries < 0 {
		return catalog.Invalid("queries", "order.queries", b.Queries)
	}
	if r := granting.CheckBudget(d.Descriptor, b.Budget); r != nil {
		return r
	}
	reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	if r := cmp.Or(b.Scope.Check(d.Descriptor, reg.Columns), granting.CheckMinCohort(d.Descriptor, b.MinCohort)); r != nil {
		return r
	}
	if b.Portfolio {
		if r := granting.CheckPortfolio(d.Descriptor, b.Aggregates, b.MinCohort); r != nil {
			return r
		}
	}
	o := catalog.Order{OrderCreate: b, ID: id, Buyer: c.signer.ID, State: catalog.OrderOpen, Created: c.now, Amended: d.Amended}
	c.out.ID = o.ID
	return cmp.Or(
		putParties(c.tx, c.seq, records.PrefixOrderOf, o.ID, o.Buyer, d.Owner),
		records.Put(c.tx, records.PrefixOrderSigned+o.ID, c.signed),
		records.Put(c.tx, records.PrefixOrder+o.ID, o),
	)
}

// openOrder loads an order on the signer's dataset that is not decided.
func (c *applyContext) openOrder(id string) (catalog.Order, catalog.Dataset, error) {
	o, err := load[catalog.Order](c.tx, records.PrefixOrder+id, "unknown.order", id)
	if err != nil {
		return o, catalog.Dataset{}, err
	}
	d, err := c.ownDataset(o.Dataset)
	if err == nil && o.State != catalog.OrderOpen {
		r := catalog.Conflict("order_state", "order.state", o.ID, o.State)
		if o.Contract != "" {
			r = r.WithFix("fix.its_contract", o.Contract)
		}
		return o, d, r
	}
	return o, d, err
}

// approveOrder grants an order as asked or narrowed.
func approveOrder(c *applyContext, b catalog.OrderApprove) error {
	id, err := c.newID(records.PrefixContract, catalog.LetterContract)
	if err != nil {
		return err
	}
	o, d, err := c.openOrder(b.Order)
	if err != nil {
		return err
	}
	if r := judge.WithdrawnDataset(d); r != nil {
		return r
	}
	if err := checkPriceOf(c, o, d); err != nil {
		return err
	}
	reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	k, r := granting.Contract(o, d, reg.Columns, b, c.now)
	if r != nil {
		return r
	}
	k.ID = id
	if err := grantPortfolio(c, k, d); err != nil {
		return err
	}
	o.State, o.Contract = catalog.OrderApproved, k.ID
	c.out.ID = k.ID
	return cmp.Or(
		records.Put(c.tx, records.PrefixOrder+o.ID, o),
		putParties(c.tx, c.seq, records.PrefixContractOf, k.ID, k.Buyer, k.Publisher),
		records.Put(c.tx, records.PrefixContract+k.ID, k),
	)
}

// refuseOrder ends an order with a reason.
func refuseOrder(c *applyContext, b catalog.OrderRefuse) error {
	o, _, err := c.openOrder(b.Order)
	if err != nil {
		return err
	}
	if b.Reason == "" || !catalog.IsText(b.Reason, catalog.MaxText) {
		return catalog.Invalid("reason", "reason.required", catalog.MaxText)
	}
	o.State, o.Reason = catalog.OrderRefused, b.Reason
	c.out.ID = o.ID
	return records.Put(c.tx, records.PrefixOrder+o.ID, o)
}
