package state

import (
	"bytes"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/roster"
)

// seating is which machines are and were in the seats of the cluster. It says which others may follow them, and what
// they have signed.
type seating struct {
	r       records.Reader
	cluster *catalog.Cluster
}

// seating is that of the state, with the cluster as the handler has left it so far.
func (c *applyContext) seating() seating { return seating{c.tx, c.cluster} }

// check refuses a roster that cannot follow the present one, or has a node that could
// pass for another, for an organisation, or for a machine that was in a seat.
func (s seating) check(b roster.Propose) error {
	ever, err := s.ever()
	if err != nil {
		return err
	}
	if r := roster.Check(*s.cluster, ever, b); r != nil {
		return r
	}
	taken, err := s.takenKeys()
	if err != nil {
		return err
	}
	for _, l := range s.cluster.Leaving {
		if r := roster.CheckNode("leaving", l.Node, l.Node.Point, taken); r != nil {
			return r
		}
	}
	for i, n := range b.Nodes {
		at := fmt.Sprintf("nodes[%d]", i)
		if r := roster.CheckNode(at, n, i+1, taken); r != nil {
			return r
		}
		p, known, err := records.Lookup[catalog.Principal](s.r, records.PrefixPrincipal+catalog.PrincipalID(n.Operator))
		if err != nil {
			return err
		}
		if !known || p.Role != catalog.RoleOperator || p.Name != n.Institution {
			return catalog.Invalid(at+".operator", "roster.operator", catalog.PrincipalID(n.Operator), n.Institution)
		}
	}
	return nil
}

// checkMachine refuses a node that could pass for another, for an organisation, or for a
// machine that was replaced: whoever has that one's disk has its keys.
func (s seating) checkMachine(n, before catalog.Node) error {
	taken, err := s.takenKeys()
	if err != nil {
		return err
	}
	for _, other := range roster.All(*s.cluster) {
		if other.ID == before.ID {
			continue
		}
		if r := roster.CheckNode("node", other, other.Point, taken); r != nil {
			return r
		}
	}
	if r := roster.CheckNode("node", n, before.Point, taken); r != nil {
		return r
	}
	ever, err := s.ever()
	if err != nil {
		return err
	}
	for _, was := range ever {
		again := bytes.Equal(n.Key, was.Key) && !bytes.Equal(n.Key, before.Key)
		if again || bytes.Equal(n.Sealing, was.Sealing) && !bytes.Equal(n.Sealing, before.Sealing) {
			return catalog.Conflict("key", "seat.retired", was.ID)
		}
	}
	return nil
}

// takenKeys are the keys of organisations, which no node may have.
func (s seating) takenKeys() (map[string]string, error) {
	principals, err := records.List[catalog.Principal](s.r, records.PrefixPrincipal)
	taken := map[string]string{}
	for _, p := range principals {
		taken["key "+string(p.Key)] = ""
	}
	return taken, err
}

// ever are all machines that are or were in a seat, those that are there now last.
func (s seating) ever() (all []catalog.Node, err error) {
	changes, err := records.List[roster.Change](s.r, records.PrefixRoster)
	for _, x := range changes {
		if x.Before != nil {
			all = append(all, *x.Before)
		}
		if x.Seats != nil {
			all = append(all, x.Seats.Nodes...)
		}
	}
	return append(all, s.cluster.Nodes...), err
}

// checkNote refuses a checkpoint that is not of what is presented, or that too few have signed.
func (s seating) checkNote(b recovery.Present) error {
	machines, err := s.ever()
	if err != nil {
		return err
	}
	if voices := attest.CheckpointVoices(*s.cluster, machines, b.Size, b.Root, b.Note); voices < s.cluster.Threshold {
		return catalog.Refuse(catalog.RefusedSignature, "restore_note", "restore.note", voices, s.cluster.Threshold)
	}
	return nil
}
