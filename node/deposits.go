package node

import (
	"context"
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/deposit"
)

// errBurned is what Node.Failed delivers on a machine that was made of a deposit which another machine was
// made of before: there are two of one name, and this one is the later.
var errBurned = errors.New("the deposit that this node was made of was used before, by another machine: stop one of the two, " +
	"and put a new machine into the seat (weir operator replace), for nobody knows what the other one signed and drew")

// openMark reads whether the node was made of a deposit.
func (n *Node) openMark() (err error) {
	n.mark, err = deposit.ReadMark(n.opts.Dir)
	return err
}

// depositTasks says in the ledger of which deposit this node was made.
func (rec *reconciler) depositTasks(v state.View) ([]task, error) {
	if rec.mark == nil {
		return nil, nil
	}
	d, known, err := v.Deposits().Get(rec.mark.Deposit)
	if err != nil || known && d.Burned() {
		return nil, err
	}
	use := custody.Use{Deposit: rec.mark.Deposit, Use: rec.mark.Use}
	return []task{{name: "burn", run: func(ctx context.Context) error {
		return rec.access.act(ctx, catalog.KindDepositUse, use)
	}}}, nil
}

// depositStatus is the newest deposit of this node's share that can be used; nil: there is none.
func (c *core) depositStatus(v state.View) (*wire.SeatDeposit, error) {
	d, standing, known, err := v.Deposits().Newest(c.id)
	if err != nil || !known {
		return nil, err
	}
	return &wire.SeatDeposit{Deposit: d.Deposit, Made: d.Made, Threshold: d.Threshold, Custodians: len(d.Custodians), Keys: standing.Keys, Vectors: standing.Vectors}, nil
}
