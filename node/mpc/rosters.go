package mpc

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/plan"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/versions"
)

// A key is shared among the roster that it was made by or moved to, which need not be the
// cluster's as it is now, and so is a vector. A node's Shamir point is its place in that roster
// (PROTOCOL.md section 1.6).

// among are the nodes of a roster, or those of them that ids name, at their points in it.
func (n *member) among(r catalog.KeyRoster, ids []string) ([]catalog.Node, error) {
	var out []catalog.Node
	for _, m := range roster.Of(n.Cluster, r).Nodes {
		if slices.Contains(ids, m.ID) {
			out = append(out, m)
		}
	}
	if len(out) != len(ids) {
		return nil, fmt.Errorf("of the nodes %q some are not in the roster %q, or take no part in the cluster any more", ids, r.Nodes)
	}
	return out, nil
}

// errRosters is returned where shares of different rosters would be computed with together.
// It does not pass within an attempt.
func errRosters(what string) error {
	return fmt.Errorf("%w: %s is shared among other nodes than the rest of what is computed", failure.ErrDeviates, what)
}

// parameters are those of a key that is shared among a roster.
func (n *member) parameters(k catalog.Key, r catalog.KeyRoster) (he.Parameters, error) {
	lit := he.DataParameters(len(r.Nodes), r.Threshold)
	lit.Dealers = len(k.Ceremony().Nodes) // it is the sum of so many secrets wherever it moves
	return n.keys.parameters(lit)
}

// share is this node's share of a key by one of its sharings.
func (n *member) share(k catalog.Key, s catalog.Sharing) (*he.NodeKey, error) {
	r, known := k.RosterOf(s)
	if !known {
		return nil, fmt.Errorf("%w %s: epoch %d, attempt %d is over", failure.ErrNoShare, k.ID, s.Epoch, s.Attempt)
	}
	p, err := n.parameters(k, r)
	if err != nil {
		return nil, err
	}
	return n.keys.Get(p, s)
}

// CheckKey returns an error unless this node can open a key by the sharing in force, where it is
// one of those who can.
func (p *Party) CheckKey(k catalog.Key) error {
	n := p.Ceremonies.member
	if k.Roster().Point(n.id) == 0 {
		return nil
	}
	_, err := n.share(k, k.InForce())
	return err
}

// rosterOf is among whom an attempt of a query computes: all keys that it opens and all
// vectors are shared among them.
func (qs *Queries) rosterOf(verdict catalog.Verdict, a catalog.Attempt, w versions.Sources, plan *plan.Plan) (r catalog.KeyRoster, err error) {
	for i, part := range versions.OpeningsByKey(w, plan) {
		of, known := part.Key.RosterOf(a.SharingOf(part.Key))
		if !known || i > 0 && !of.Equal(r) {
			return r, errRosters("key " + part.Key.ID)
		}
		r = of
	}
	err = qs.Ledger.View(func(v state.View) error {
		for _, u := range verdict.Vectors {
			x, err := v.Vectors().Get(u.ID)
			if err != nil {
				return err
			}
			of := vectorRoster(x)
			if s := x.InForce(); s.Move == a.MoveOf(x.ID) {
				of = s.Roster()
			} else if a.MoveOf(x.ID) > 0 { // it was moved again since
				return errRosters("vector " + x.ID)
			}
			if r.Nodes == nil {
				r = of
			} else if !of.Equal(r) {
				return errRosters("vector " + x.ID)
			}
		}
		return nil
	})
	if r.Nodes == nil {
		r = qs.Cluster.Roster()
	}
	return r, err
}

// vectorRoster is among whom a vector's owner shared it.
func vectorRoster(x catalog.Vector) catalog.KeyRoster {
	return catalog.KeyRoster{Nodes: x.Nodes, Threshold: x.Threshold}
}
