package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/records"
)

// refund gives the price of a failed query back to one of its contracts. What it took of
// the number of queries, and of epsilon, stays spent: its attempts may have begun to open.
func refund(c *applyContext, q *catalog.Query, contract, price string) error {
	if price == "" {
		return nil
	}
	k, err := records.Find[catalog.Contract](c.tx, records.PrefixContract+contract)
	if err != nil {
		return err
	}
	k.Spent, q.Refunded = decimal.SubtractAmount(k.Spent, price), true
	return records.Put(c.tx, records.PrefixContract+k.ID, k)
}

// contractTo handles the act that suspends, resumes or revokes a contract which is in one
// of the states from. It holds from the next query on: one that was accepted is charged,
// and completes.
func contractTo(to catalog.ContractState, from ...catalog.ContractState) func(*applyContext) error {
	return handler(func(c *applyContext, b catalog.ContractChange) error { return changeContract(c, b, to, from) })
}

func changeContract(c *applyContext, b catalog.ContractChange, to catalog.ContractState, from []catalog.ContractState) error {
	k, err := load[catalog.Contract](c.tx, records.PrefixContract+b.Contract, "unknown.contract", b.Contract)
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
	if !slices.Contains(from, k.State) {
		return catalog.Conflict("contract_state", "contract.state", k.ID, k.State)
	}
	k.State, k.Reason, k.Changed = to, b.Reason, c.now
	c.out.ID = k.ID
	return records.Put(c.tx, records.PrefixContract+k.ID, k)
}
