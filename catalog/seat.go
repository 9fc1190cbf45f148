package catalog

import "slices"

// MaxRosterChanges is how often machines of a cluster may be replaced or moved.
const MaxRosterChanges = 500

// SeatReplace puts another machine into a seat of the roster, or gives the machine in it
// other addresses. Node has the id, point, institution and operator of the seat. Previous
// is the digest of the envelope that changed the roster last, or founded the cluster. The
// seat's operator signs it.
type SeatReplace struct {
	Previous Digest `json:"previous"`
	Node     Node   `json:"node"`
}

// RosterChange is an entry that made or changed the roster: the founding, then one
// SeatReplace after the other. Whoever knows the cluster's id can check all of them.
type RosterChange struct {
	Seq      uint64   `json:"seq"`
	Envelope Envelope `json:"envelope"`
	Before   *Node    `json:"before,omitempty"` // what was in the seat; nil at the founding
}

// With is the cluster with a machine in the seat that it names. The one before is unchanged.
func (c Cluster) With(n Node) Cluster {
	c.Nodes = slices.Clone(c.Nodes)
	c.Nodes[n.Point-1] = n
	c.Changes++
	return c
}

// Holding are the ids of the nodes that have what was sealed to them by an entry with that
// number: a machine that was put into its seat later does not.
func (c Cluster) Holding(seq uint64) []string {
	var ids []string
	for i, n := range c.Nodes {
		if i >= len(c.Since) || c.Since[i] <= seq {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// ClusterLevel raises the cluster's feature level to Level, which is the next one.
type ClusterLevel struct {
	Level int `json:"level"`
}
