// Package roster says who takes part in a cluster, and makes the cluster with another machine
// in a seat or with other seats.
package roster

import (
	"slices"

	"github.com/weirdata/weir/catalog"
)

// All are the nodes that take part: those with seats, then those that leave.
func All(c catalog.Cluster) []catalog.Node {
	all := slices.Clone(c.Nodes)
	for _, l := range c.Leaving {
		all = append(all, l.Node)
	}
	return all
}

// WithoutLate is who has erased what was retired at a time (milliseconds), by place among nodes, with
// those as well whose seats were given up and who have had the time to (MaxErasing), whatever else they
// hold: a machine that is gone with its disk would be waited for without end.
func WithoutLate(c catalog.Cluster, nodes []string, erased []bool, since, now int64) []bool {
	erased = slices.Clone(erased)
	for i, id := range nodes {
		leaves := slices.ContainsFunc(c.Leaving, func(l catalog.Leaving) bool { return l.Node.ID == id })
		erased[i] = erased[i] || leaves && now > since+MaxErasing
	}
	return erased
}

// Unerased is a key's retired sharing as WithoutLate has it; nil: nobody is waited for to erase it.
func Unerased(c catalog.Cluster, k catalog.Key, now int64) *catalog.Retired {
	if k.Retired == nil {
		return nil
	}
	r := *k.Retired
	r.Erased = WithoutLate(c, k.Before().Nodes, r.Erased, r.Since, now)
	if !slices.Contains(r.Erased, false) {
		return nil
	}
	return &r
}

// Of is the cluster with the roster of a key: the nodes in it as they are now, at their points
// in the key.
func Of(c catalog.Cluster, r catalog.KeyRoster) catalog.Cluster {
	all := All(c)
	c.Threshold, c.Nodes, c.Since, c.Leaving = r.Threshold, nil, nil, nil
	for i, id := range r.Nodes {
		for _, n := range all {
			if n.ID == id {
				n.Point = i + 1
				c.Nodes = append(c.Nodes, n)
			}
		}
	}
	return c
}

// Seated is the cluster with another roster. The one before is unchanged. seq is the entry's.
func Seated(c catalog.Cluster, nodes []catalog.Node, threshold int, seq uint64) catalog.Cluster {
	put := make([]uint64, len(nodes))
	for i, n := range nodes {
		put[i] = seq
		for j, was := range c.Nodes {
			if was.ID == n.ID {
				put[i] = c.SinceOf(j)
			}
		}
	}
	c.Leaving = slices.Clone(c.Leaving)
	for j, was := range c.Nodes {
		if !slices.ContainsFunc(nodes, func(n catalog.Node) bool { return n.ID == was.ID }) {
			c.Leaving = append(c.Leaving, catalog.Leaving{Node: was, Since: c.SinceOf(j)})
		}
	}
	c.Nodes, c.Threshold, c.Since = slices.Clone(nodes), threshold, put
	c.Changes++
	return c
}

// With is the cluster with a machine in the seat that it names. The one before is unchanged.
func With(c catalog.Cluster, n catalog.Node) catalog.Cluster {
	c.Nodes = slices.Clone(c.Nodes)
	c.Nodes[n.Point-1] = n
	c.Changes++
	return c
}
