package roster

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
)

// Check refuses a roster that cannot follow a cluster's. ever are all machines that have been
// in a seat: no seat is given to one of them, or called like one, for whoever has the old
// machine's disk has its keys.
func Check(c catalog.Cluster, ever []catalog.Node, b Propose) *catalog.Refusal {
	n := len(b.Nodes)
	switch {
	case n < 2 || n > catalog.MaxNodes:
		return catalog.Invalid("nodes", "cluster.nodes", n, catalog.MaxNodes)
	case b.Threshold < 2 || b.Threshold > n:
		return catalog.Invalid("threshold", "cluster.threshold", b.Threshold, n, n)
	}
	next := 0 // place in the present roster of the next seat that may stay
	for i, node := range b.Nodes {
		at := fmt.Sprintf("nodes[%d]", i)
		j := slices.IndexFunc(c.Nodes, func(n catalog.Node) bool { return n.ID == node.ID })
		switch {
		case node.Point != i+1:
			return catalog.Invalid(at+".point", "node.point", node.Point, i+1)
		case j < 0:
			if r := checkNew(at, node, ever); r != nil {
				return r
			}
			next = len(c.Nodes)
		case j < next:
			return catalog.Invalid(at, "roster.order", node.ID)
		case !isSame(node, c.Nodes[j]):
			return catalog.Invalid(at, "roster.changed", node.ID)
		default:
			next = j + 1
		}
	}
	after := Seated(c, b.Nodes, b.Threshold, 0)
	if after.Roster().Equal(c.Roster()) {
		return catalog.Conflict("nodes", "roster.same")
	}
	if all := len(All(after)); all > catalog.MaxNodes {
		return catalog.Conflict("leaving", "roster.many", all, catalog.MaxNodes)
	}
	return nil
}

// checkNew refuses a new seat for a machine that was in one.
func checkNew(at string, node catalog.Node, ever []catalog.Node) *catalog.Refusal {
	switch {
	case len(node.Operator) != ed25519.PublicKeySize:
		return catalog.Invalid(at+".operator", "node.operator", node.Institution, len(node.Operator), catalog.MaxName, ed25519.PublicKeySize)
	case len(node.Key) != ed25519.PublicKeySize:
		return catalog.Invalid(at+".key", "key.size", len(node.Key), ed25519.PublicKeySize)
	case len(node.Sealing) != catalog.ReceivingKeySize:
		return catalog.Invalid(at+".sealing", "node.sealing_size", len(node.Sealing), catalog.ReceivingKeySize)
	}
	for _, was := range ever {
		if was.ID == node.ID || bytes.Equal(was.Key, node.Key) || bytes.Equal(was.Sealing, node.Sealing) {
			return catalog.Conflict("used", "roster.used", node.ID, was.ID).WithField(at)
		}
	}
	return nil
}

// Rebased is a proposal with the machines that are in a cluster's seats now: those that stay are no
// matter of a proposal, their operators alone say which machine is there. So who replaces or moves a machine makes no
// proposal void, least of all the one that has its seat given up.
func Rebased(c catalog.Cluster, b Propose) Propose {
	b.Nodes = slices.Clone(b.Nodes)
	for i, n := range b.Nodes {
		if at := c.Roster().Point(n.ID) - 1; at >= 0 {
			b.Nodes[i] = c.Nodes[at]
			b.Nodes[i].Point = n.Point
		}
	}
	return b
}

// Spared refuses to have the machine in a seat replaced once more, of those changes that there were.
func Spared(changes []Change, seat string, now int64) *catalog.Refusal {
	alone, own, lately := 0, 0, 0
	for _, x := range changes {
		if x.Before == nil {
			continue
		}
		alone++
		if x.Before.ID == seat {
			own++
			if x.At > now-Time {
				lately++
			}
		}
	}
	switch {
	case alone >= MaxAlone:
		return catalog.Conflict("changes", "seat.many_alone", MaxAlone)
	case own >= MaxOfSeat:
		return catalog.Conflict("changes", "seat.many_own", seat, MaxOfSeat)
	case lately >= MaxInTime:
		return catalog.Conflict("changes", "seat.often", seat, lately, int64(Time/(24*3600*1000)))
	}
	return nil
}

// isSame reports whether two are the same machine in the same seat, at whatever points.
func isSame(a, b catalog.Node) bool {
	a.Point = b.Point
	return bytes.Equal(catalog.Encode(a), catalog.Encode(b))
}

// Approvals is what a proposal has and lacks.
type Approvals struct {
	Seats     int            // of the present roster whose operators have signed
	Needed    int            // of them
	Newcomers []catalog.Node // new seats whose operators have not signed
}

// Enough reports whether the roster changes.
func (a Approvals) Enough() bool { return a.Seats >= a.Needed && len(a.Newcomers) == 0 }

// Count counts the approvals of a roster by operators. What is counted is seats: more than half of
// the present ones, and no fewer than open together, so that whoever changes the roster could
// open everything already. And nobody has a seat who does not want it.
func Count(c catalog.Cluster, b Propose, signed func(operator []byte) bool) Approvals {
	a := Approvals{Needed: max(len(c.Nodes)/2+1, c.Threshold)}
	for _, n := range c.Nodes {
		if signed(n.Operator) {
			a.Seats++
		}
	}
	for _, n := range b.Nodes {
		if !signed(n.Operator) && c.Roster().Point(n.ID) == 0 {
			a.Newcomers = append(a.Newcomers, n)
		}
	}
	return a
}

// HasSeat reports whether an operator has a seat among nodes.
func HasSeat(nodes []catalog.Node, operator []byte) bool {
	return slices.ContainsFunc(nodes, func(n catalog.Node) bool { return bytes.Equal(n.Operator, operator) })
}
