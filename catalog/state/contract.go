package state

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// refund gives the price of a failed query back. What it took of the number of
// queries, and of epsilon, stays spent: its attempts may have begun to open.
func refund(c *applyContext, q *catalog.Query) error {
	if q.Price == "" {
		return nil
	}
	k, err := records.Find[catalog.Contract](c.tx, records.PrefixContract+q.Submit.Contract)
	if err != nil {
		return err
	}
	k.Spent, q.Refunded = catalog.SubtractAmount(k.Spent, q.Price), true
	return records.Put(c.tx, records.PrefixContract+k.ID, k)
}

// checkBudget refuses a budget that is none, or that pays for no query.
func checkBudget(d catalog.Descriptor, budget string) *catalog.Refusal {
	switch {
	case budget == "":
		return nil
	case d.Price == nil:
		return catalog.Invalid("budget", "contract.budget_free", d.Dataset)
	case !catalog.IsAmount(budget):
		return catalog.Invalid("budget", "contract.budget_amount", budget, d.Price.Currency)
	case catalog.Amount(budget).Cmp(catalog.Amount(d.Price.PerQuery)) < 0:
		return catalog.Invalid("budget", "contract.budget_small", budget, d.Price.Currency, d.Price.PerQuery)
	}
	return nil
}

// suspendContract stops a contract until it is resumed. It holds from the next
// query on: one that was accepted is charged, and completes.
func suspendContract(c *applyContext, b catalog.ContractChange) error {
	return changeContract(c, b, catalog.ContractSuspended, catalog.ContractActive)
}

// resumeContract makes a suspended contract usable again.
func resumeContract(c *applyContext, b catalog.ContractChange) error {
	return changeContract(c, b, catalog.ContractActive, catalog.ContractSuspended)
}

// revokeContract ends a contract for good, from the next query on.
func revokeContract(c *applyContext, b catalog.ContractChange) error {
	return changeContract(c, b, catalog.ContractRevoked, catalog.ContractActive, catalog.ContractSuspended)
}

func changeContract(c *applyContext, b catalog.ContractChange, to catalog.ContractState, from ...catalog.ContractState) error {
	k, err := load[catalog.Contract](c, records.PrefixContract+b.Contract, "unknown.contract", b.Contract)
	if err != nil {
		return err
	}
	if k.Publisher != c.signer.ID {
		return catalog.Forbidden("owner", "contract.grantor", k.ID)
	}
	if k.Buyer == k.Publisher {
		return catalog.Conflict("own_contract", "contract.own", k.ID)
	}
	if !catalog.IsText(b.Reason, catalog.MaxText) {
		return catalog.Invalid("reason", "reason.length", catalog.MaxText)
	}
	for _, s := range from {
		if k.State == s {
			k.State, k.Reason, k.Changed = to, b.Reason, c.now
			c.out.ID = k.ID
			return records.Put(c.tx, records.PrefixContract+k.ID, k)
		}
	}
	return catalog.Conflict("contract_state", "contract.state", k.ID, k.State)
}
