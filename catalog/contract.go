package catalog

import (
	"fmt"
	"strconv"
)

// ContractState says whether a contract may be used. That its term is over is
// not a state: Until says it.
type ContractState string

// States of a contract.
const (
	ContractActive    ContractState = "active"
	ContractSuspended ContractState = "suspended" // until it is resumed
	ContractRevoked   ContractState = "revoked"   // for good
)

// QueriesLeft is how many more queries may be asked; limited is false when any
// number may.
func (k Contract) QueriesLeft() (left int, limited bool) {
	return max(k.Queries-k.Used, 0), k.Queries > 0
}

// BudgetLeft is the amount that may still be spent, in the price's currency;
// limited is false when any amount may.
func (k Contract) BudgetLeft() (left string, limited bool) {
	if k.Budget == "" {
		return "", false
	}
	return subtractAmount(k.Budget, k.Spent), true
}

// usable refuses what a contract no longer allows whatever is asked.
func (k Contract) usable(now int64) *Refusal {
	again := fmt.Sprintf("order a new one: weir order create --dataset %s --purpose TEXT", k.Dataset)
	because := ""
	if k.Reason != "" {
		because = ": " + k.Reason
	}
	switch {
	case k.State == ContractRevoked:
		return refuse(RefusedPolicy, "contract_revoked", "contract %s was revoked by its publisher%s", k.ID, because).withFix("%s", again)
	case k.State == ContractSuspended:
		return refuse(RefusedPolicy, "contract_suspended", "contract %s is suspended by its publisher%s", k.ID, because).
			withFix("ask the publisher to resume it; %s", k.left())
	case now >= k.Until:
		return refuse(RefusedPolicy, "contract_expired", "contract %s has expired, in the hour %s UTC", k.ID, GrainHour.Format(k.Until/3600_000)).
			withFix("%s", again).withNumber("until", k.Until).withNumber("now", now)
	}
	return nil
}

// left says in words what a contract still has.
func (k Contract) left() string {
	text := "it has any number of queries left"
	if n, limited := k.QueriesLeft(); limited {
		text = fmt.Sprintf("it has %d of %d queries left", n, k.Queries)
	}
	if b, limited := k.BudgetLeft(); limited {
		text += fmt.Sprintf(" and %s of %s %s", b, k.Budget, k.currency())
	}
	return text
}

func (k Contract) currency() string {
	if k.Price == nil {
		return ""
	}
	return k.Price.Currency
}

// perQuery is the price of one query; empty when it costs nothing.
func (k Contract) perQuery() string {
	if k.Price == nil {
		return ""
	}
	return k.Price.PerQuery
}

// charge takes one query from the contract, or refuses with what is left and
// what would pass. A repeat of a released query takes the price alone.
func (k Contract) charge(repeat bool) (Contract, *Refusal) {
	again := fmt.Sprintf("order a new one: weir order create --dataset %s --purpose TEXT", k.Dataset)
	if n, limited := k.QueriesLeft(); limited && n == 0 && !repeat {
		return k, refuse(RefusedPolicy, "contract_exhausted", "all %d queries of contract %s are used", k.Queries, k.ID).
			withFix("queries that it has released may be repeated; for others %s", again).
			withNumber("queries", int64(k.Queries)).withNumber("used", int64(k.Used)).withNumber("left", 0)
	}
	price := k.perQuery()
	if left, limited := k.BudgetLeft(); limited && amount(left).Cmp(amount(price)) < 0 {
		r := refuse(RefusedPolicy, "contract_budget", "a query costs %s %s, contract %s has %s of %s left", price, k.currency(), k.ID, left, k.Budget).
			withFix("order a budget of at least %s: weir order create --dataset %s --purpose TEXT --budget AMOUNT", price, k.Dataset)
		r.Numbers = append(r.Numbers, Number{"budget", k.Budget}, Number{"spent", k.Spent}, Number{"left", left}, Number{"price", price})
		return k, r
	}
	if !repeat {
		k.Used++
	}
	if price != "" {
		k.Spent = AddAmounts(k.Spent, price)
	}
	return k, nil
}

// refund gives the price of a failed query back. What it took of the number of
// queries, and of privacy, stays spent: its classes were cut, and its attempts
// may have begun to open.
func (c *call) refund(q *Query) error {
	if q.Price == "" {
		return nil
	}
	k, err := find[Contract](c.tx, prefixContract+q.Submit.Contract)
	if err != nil {
		return err
	}
	k.Spent, q.Refunded = subtractAmount(k.Spent, q.Price), true
	return put(c.tx, prefixContract+k.ID, k)
}

// checkBudget refuses a budget that is none, or that pays for no query.
func checkBudget(d Descriptor, budget string) *Refusal {
	switch {
	case budget == "":
		return nil
	case d.Price == nil:
		return invalid("budget", "queries of dataset %s cost nothing", d.Dataset).withFix("leave the budget out")
	case !isAmount(budget):
		return invalid("budget", "%.40q is not an amount of money", budget).withFix(`write it like 100.00, in %s`, d.Price.Currency)
	case amount(budget).Cmp(amount(d.Price.PerQuery)) < 0:
		return invalid("budget", "%s %s pays for no query, one costs %s", budget, d.Price.Currency, d.Price.PerQuery)
	}
	return nil
}

// ContractChange is the body of the acts of a publisher on a contract it
// granted. The buyer reads the reason.
type ContractChange struct {
	Contract string `json:"contract"`
	Reason   string `json:"reason,omitempty"`
}

// suspendContract stops a contract until it is resumed. It holds from the next
// query on: one that was accepted is charged, and completes.
func suspendContract(c *call, b ContractChange) error {
	return c.changeContract(b, ContractSuspended, ContractActive)
}

// resumeContract makes a suspended contract usable again.
func resumeContract(c *call, b ContractChange) error {
	return c.changeContract(b, ContractActive, ContractSuspended)
}

// revokeContract ends a contract for good, from the next query on.
func revokeContract(c *call, b ContractChange) error {
	return c.changeContract(b, ContractRevoked, ContractActive, ContractSuspended)
}

func (c *call) changeContract(b ContractChange, to ContractState, from ...ContractState) error {
	k, err := load[Contract](c, prefixContract+b.Contract, "contract "+strconv.Quote(shorten(b.Contract)))
	if err != nil {
		return err
	}
	if k.Publisher != c.signer.ID {
		return forbidden("owner", "contract %s was not granted by you", k.ID)
	}
	if k.Buyer == k.Publisher {
		return conflict("own_contract", "contract %s is the publisher's own", k.ID)
	}
	if !isText(b.Reason, maxText) {
		return invalid("reason", "the reason must be a text of at most %d bytes", maxText)
	}
	for _, s := range from {
		if k.State == s {
			k.State, k.Reason, k.Changed = to, b.Reason, c.now
			c.out.ID = k.ID
			return put(c.tx, prefixContract+k.ID, k)
		}
	}
	return conflict("contract_state", "contract %s is %s already", k.ID, k.State)
}

// shorten keeps a name from outside readable in a message.
func shorten(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
