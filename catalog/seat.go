package catalog

import "slices"

// Leaving is a seat that is no part of the roster any more and may hold shares still.
type Leaving struct {
	Node  Node   `json:"node"`
	Since uint64 `json:"since,omitempty"` // as in Cluster
}

// KeyRoster is among whom a key is shared: ids by point, and how many open it.
type KeyRoster struct {
	Nodes     []string `json:"nodes"`
	Threshold int      `json:"threshold"`
}

// Point is a node's Shamir point, 0 for one that has none.
func (r KeyRoster) Point(id string) int { return slices.Index(r.Nodes, id) + 1 }

// Equal reports whether shares of both can be computed with together.
func (r KeyRoster) Equal(o KeyRoster) bool {
	return r.Threshold == o.Threshold && slices.Equal(r.Nodes, o.Nodes)
}

// InOrder lists those ids that are in the roster, ascending points.
func (r KeyRoster) InOrder(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(r.Nodes), func(id string) bool { return !slices.Contains(ids, id) })
}

// Roster is among whom new keys are shared.
func (c Cluster) Roster() KeyRoster {
	r := KeyRoster{Threshold: c.Threshold}
	for _, n := range c.Nodes {
		r.Nodes = append(r.Nodes, n.ID)
	}
	return r
}

// SinceOf is the entry that put the machine at a place of Nodes there; 0: the founding.
func (c Cluster) SinceOf(i int) uint64 {
	if i < len(c.Since) {
		return c.Since[i]
	}
	return 0
}

// Holding are the ids of the nodes that have what was sealed to them by an entry with that
// number: a machine that was put into its seat later does not.
func (c Cluster) Holding(seq uint64) []string {
	var ids []string
	for i, n := range c.Nodes {
		if c.SinceOf(i) <= seq {
			ids = append(ids, n.ID)
		}
	}
	for _, l := range c.Leaving {
		if l.Since <= seq {
			ids = append(ids, l.Node.ID)
		}
	}
	return ids
}

// ClusterLevel raises the cluster's feature level to Level, which is the next one.
type ClusterLevel struct {
	Level int `json:"level"`
}
