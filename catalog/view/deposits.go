package view

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/custody"
	"github.com/weirdata/weir/catalog/records"
)

// Deposits reads the deposits of nodes' shares with custodians. What one is worth follows from the cluster, the keys
// and the vectors of the same view.
type Deposits struct{ v View }

// Deposits are those of the state.
func (v View) Deposits() Deposits { return Deposits{v} }

// Page lists the deposits of nodes' shares by their digests.
func (ds Deposits) Page(p records.Page) ([]custody.Deposit, string, error) {
	return records.ReadPage[custody.Deposit](ds.v.r, records.PrefixDeposit, p, records.Itself)
}

// Get returns a deposit; known is false where the ledger has none.
func (ds Deposits) Get(d catalog.Digest) (out custody.Deposit, known bool, err error) {
	return records.Lookup[custody.Deposit](ds.v.r, records.PrefixDeposit+d.String())
}

// Newest is the one that a seat made last and that can be used, with what it is worth now; known is
// false where there is none.
func (ds Deposits) Newest(node string) (d custody.Deposit, s custody.Standing, known bool, err error) {
	all, err := records.List[custody.Deposit](ds.v.r, records.PrefixDeposit)
	if err != nil {
		return d, s, false, err
	}
	standings, err := ds.Standings(all...)
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

// Standings are what deposits are worth now.
func (ds Deposits) Standings(list ...custody.Deposit) ([]custody.Standing, error) {
	c, err := ds.v.Cluster()
	if err != nil {
		return nil, err
	}
	keys, err := ds.v.Keys().All()
	if err != nil {
		return nil, err
	}
	vectors, err := ds.v.Vectors().Ready()
	if err != nil {
		return nil, err
	}
	out := make([]custody.Standing, len(list))
	for i, d := range list {
		out[i] = custody.StandingOf(d, c, keys, vectors)
	}
	return out, nil
}
