package view

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records"
)

// DepositPage lists the deposits of nodes' shares by their digests.
func (v View) DepositPage(p records.Page) ([]custody.Deposit, string, error) {
	return records.ReadPage[custody.Deposit](v.r, records.PrefixDeposit, p, nil)
}

// Deposit returns a deposit; known is false where the ledger has none.
func (v View) Deposit(d catalog.Digest) (out custody.Deposit, known bool, err error) {
	return records.Lookup[custody.Deposit](v.r, records.PrefixDeposit+d.String())
}

// NewestDeposit is the one that a seat made last and that was not used, with what it is worth now; known is
// false where there is none.
func (v View) NewestDeposit(node string) (d custody.Deposit, s custody.Standing, known bool, err error) {
	all, err := records.List[custody.Deposit](v.r, records.PrefixDeposit)
	if err != nil {
		return d, s, false, err
	}
	for _, x := range all {
		if x.Node == node && !x.Burned() && (!known || x.Made > d.Made) {
			d, known = x, true
		}
	}
	if !known {
		return d, s, false, nil
	}
	s, err = v.DepositStanding(d)
	return d, s, true, err
}

// DepositStanding is what a deposit is worth now.
func (v View) DepositStanding(d custody.Deposit) (s custody.Standing, err error) {
	c, err := v.Cluster()
	if err != nil {
		return s, err
	}
	keys, err := v.Keys()
	if err != nil {
		return s, err
	}
	vectors, err := v.ReadyVectors()
	if err != nil {
		return s, err
	}
	return custody.StandingOf(d, c, keys, vectors), nil
}
