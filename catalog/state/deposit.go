package state

import (
	"bytes"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records"
)

// A seat may deposit its share with custodians. Its operator lists the deposit, so that everybody sees
// how old it is; the node that is made of it says so, which burns it: what was opened from the custodians'
// pieces once is no secret of theirs any more, and a second machine made of it is noticed.

// depositActs are the acts on deposits.
var depositActs = []act{
	{kind: catalog.KindDepositRegister, by: operators, public: true, handle: handler(registerDeposit)},
	{kind: catalog.KindDepositUse, by: nodes, public: true, handle: handler(useDeposit)},
}

// registerDeposit lists a deposit of a seat's present machine. Its operator alone may: a deposit that
// others listed would say that a seat is safe that is not.
func registerDeposit(c *applyContext, b custody.Register) error {
	if err := b.Check(); err != nil {
		return err
	}
	at := slices.IndexFunc(c.cluster.Nodes, func(n catalog.Node) bool { return n.ID == b.Node })
	if at < 0 || catalog.PrincipalID(c.cluster.Nodes[at].Operator) != c.signer.ID {
		return catalog.Forbidden("deposit_seat", "deposit.seat", b.Node)
	}
	if !bytes.Equal(c.cluster.Nodes[at].Key, b.Key) {
		return catalog.Conflict("deposit_machine", "deposit.machine", b.Node)
	}
	known, err := records.Has(c.tx, records.PrefixDeposit+b.Deposit.String())
	if err != nil {
		return err
	}
	if known {
		return catalog.Conflict("deposit_known", "deposit.known", b.Deposit)
	}
	c.out.ID = b.Deposit.String()
	return records.Put(c.tx, records.PrefixDeposit+b.Deposit.String(), custody.Deposit{Register: b, Seq: c.seq, At: c.now})
}

// useDeposit burns a deposit. One that nobody listed is burned all the same. Where it was used by
// another machine before, that is refused, and the node stops.
func useDeposit(c *applyContext, b custody.Use) error {
	if b.Deposit.IsZero() || b.Use.IsZero() {
		return catalog.Invalid("deposit", "deposit.digest")
	}
	key := records.PrefixDeposit + b.Deposit.String()
	d, err := records.Find[custody.Deposit](c.tx, key)
	switch {
	case errors.Is(err, records.ErrNotFound):
		d = custody.Deposit{Register: custody.Register{Deposit: b.Deposit, Node: c.node.ID, Key: c.node.Key}, Seq: c.seq, At: c.now}
	case err != nil:
		return err
	case d.Node != c.node.ID:
		return catalog.Forbidden("deposit_node", "deposit.node", d.Node, c.node.ID)
	case d.Burned():
		return catalog.Conflict("deposit_burned", "deposit.burned", b.Deposit)
	}
	d.Used, d.UsedAt, c.out.ID = b.Use, c.now, b.Deposit.String()
	return records.Put(c.tx, key, d)
}
