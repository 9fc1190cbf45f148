package view

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records"
)

// DepositPage lists the deposits of nodes' shares by their digests.
func (v View) DepositPage(p records.Page) ([]custody.Deposit, string, error) {
	return records.ReadPage[custody.Deposit](v.r, records.PrefixDeposit, p, records.Itself)
}

// Deposit returns a deposit; known is false where the ledger has none.
func (v View) Deposit(d catalog.Digest) (out custody.Deposit, known bool, err error) {
	return records.Lookup[custody.Deposit](v.r, records.PrefixDeposit+d.String())
}

// NewestDeposit is the one that a seat made last and that can be used, with what it is worth now; known is
// false where there is none.
func (v View) NewestDeposit(node string) (d custody.Deposit, s custody.Standing, known bool, err error) {
	all, err := records.List[custody.Deposit](v.r, records.PrefixDeposit)
	if err != nil {
		return d, s, false, err
	}
	standings, err := v.DepositStandings(all...)
	if err != nil {
		return d, s, false, err
	}
	for i, x := range all {
		usable := x.Node == node && !standings[i].Burned && !standings[i].Void
		if usable && (!known || x.Made > d.Made) {
			d, s, known = x, standings[i], true
		}
	}
	return d, s, known, nil
}

// DepositStandings are what deposits are worth now.
func (v View) DepositStandings(list ...custody.Deposit) ([]custody.Standing, error) {
	c, err := v.Cluster()
	if err != nil {
		return nil, err
	}
	keys, err := v.Keys()
	if err != nil {
		return nil, err
	}
	vectors, err := v.ReadyVectors()
	if err != nil {
		return nil, err
	}
	out := make([]custody.Standing, len(list))
	for i, d := range list {
		out[i] = custody.StandingOf(d, c, keys, vectors)
	}
	return out, nil
}
