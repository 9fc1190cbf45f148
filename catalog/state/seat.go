package state

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// replaceSeat puts another machine into a seat. Its operator alone may: nobody else can
// bring what is sealed to the seat into other hands. A machine with another key has nothing
// of what the one before had. So it acknowledges every version anew, once it has it, and
// every publisher's key is shared anew, which gives it a share, and every private vector is
// moved, which does as well. What was sealed to the one before, it cannot open
// (Cluster.Holding).
func replaceSeat(c *applyContext, b roster.Replace) error {
	at := b.Node.Point - 1
	if at < 0 || at >= len(c.cluster.Nodes) || c.cluster.Nodes[at].ID != b.Node.ID {
		return catalog.Invalid("node.id", "seat.none", b.Node.ID, b.Node.Point)
	}
	changes, err := records.List[roster.Change](c.tx, records.PrefixRoster)
	if err != nil {
		return err
	}
	last, before := changes[len(changes)-1], c.cluster.Nodes[at]
	switch {
	case b.Previous != last.Envelope.Digest():
		return catalog.Conflict("previous", "seat.previous", b.Previous, last.Envelope.Digest())
	case !bytes.Equal(c.signer.Key, before.Operator):
		return catalog.Forbidden("operator", "seat.operator", before.ID, before.Institution)
	case b.Node.Institution != before.Institution || !bytes.Equal(b.Node.Operator, before.Operator):
		return catalog.Invalid("node.institution", "seat.institution", before.ID, before.Institution)
	case bytes.Equal(b.Node.Key, before.Key) != bytes.Equal(b.Node.Sealing, before.Sealing):
		return catalog.Invalid("node.key", "seat.half", before.ID)
	case b.Node.Addr == before.Addr && b.Node.API == before.API && bytes.Equal(b.Node.Key, before.Key):
		return catalog.Conflict("node", "seat.same", before.ID)
	}
	if r := roster.Spared(changes, before.ID, c.now); r != nil {
		return r
	}
	if err := c.seating().checkMachine(b.Node, before); err != nil {
		return err
	}
	another := !bytes.Equal(b.Node.Key, before.Key)
	if another && !b.KeysLost {
		if err := checkSpared(c.tx, b.Node.ID); err != nil {
			return err
		}
	}
	cluster := roster.With(*c.cluster, b.Node) // others may be reading the one that is there
	if another {
		since := make([]uint64, len(cluster.Nodes))
		copy(since, cluster.Since)
		since[at], cluster.Since = c.seq, since
	}
	c.cluster, c.out.ID = &cluster, b.Node.ID
	if err := c.changeRoster(roster.Change{Before: &before}); err != nil || !another {
		return err
	}
	if err := shareAnew(c.tx, c.now, b.Node.ID); err != nil {
		return err
	}
	why := catalog.Why("seat.replaced", b.Node.ID)
	return cmp.Or(c.moves().wantAll(&why), ackAnew(c.tx, b.Node.ID))
}

// changeRoster stores the cluster, and what made its roster what it is: the present entry unless
// change has another. Proposals of other seats followed the seats before, and are void when those are others.
func (c *applyContext) changeRoster(change roster.Change) error {
	if change.Envelope.Payload == nil {
		change.Envelope = c.signed
	}
	change.Seq, change.At = c.seq, c.now
	if change.Seats != nil {
		if err := records.RemoveAll(c.tx, records.PrefixProposal, ""); err != nil {
			return err
		}
	}
	if err := records.Put(c.tx, records.KeyCluster, c.cluster); err != nil {
		return err
	}
	return records.Put(c.tx, records.RosterKey(c.cluster.Changes), change)
}

// checkSpared refuses to take a node's share out of a key of which just as many are left as open it, because
// others were replaced and have none yet, or say that they lost theirs. The key would be lost, and all that
// is encrypted under it.
func checkSpared(r records.Reader, node string) error {
	keys, err := records.List[catalog.Key](r, records.PrefixKey)
	if err != nil {
		return err
	}
	var lost, wait []string
	for _, k := range keys {
		if k.State != catalog.KeyReady {
			continue
		}
		holders, err := shareHolders(r, k)
		if err != nil {
			return err
		}
		if len(holders) != k.Threshold || !slices.Contains(holders, node) { // with fewer it is lost already
			continue
		}
		lost = append(lost, k.ID)
		for _, id := range k.Nodes {
			if !slices.Contains(holders, id) && !slices.Contains(wait, id) {
				wait = append(wait, id)
			}
		}
	}
	switch {
	case len(lost) == 0:
		return nil
	case len(wait) == 0: // all nodes together open it
		return catalog.Conflict("shares", "seat.keys_whole", node, lost)
	}
	return catalog.Conflict("shares", "seat.keys_lost", node, lost, wait)
}

// dropMoves ends ceremonies under way, which are of the roster before, and moves to a roster
// that is no longer the newest: their publishers approved that one alone.
func dropMoves(tx records.Tx) error {
	keys, err := records.List[catalog.Key](tx, records.PrefixKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		switch {
		case k.State == catalog.KeyFailed:
			continue
		case k.State != catalog.KeyReady:
			failKeyAttempt(&k, catalog.Why("roster.replaced"))
		case k.Refresh == nil || k.Refresh.To == nil:
			continue
		default: // what is wanted is a new sharing all the same: a machine may lack its share
			k.Refresh = failed(*k.Refresh, catalog.Why("roster.replaced"))
			k.Refresh.To, k.Refresh.Approved = nil, nil
		}
		if err := records.Put(tx, records.PrefixKey+k.ID, k); err != nil {
			return err
		}
	}
	return nil
}

// shareAnew asks for new shares of every key that is ready, for a machine that is new in the
// seat of a node, and ends what the one before took part in. What that one kept of a retired sharing
// nobody can erase; with fewer than t such it is of no use.
func shareAnew(tx records.Tx, now int64, node string) error {
	keys, err := records.List[catalog.Key](tx, records.PrefixKey)
	if err != nil {
		return err
	}
	why := catalog.Why("seat.replaced", node)
	for _, k := range keys {
		if k.State == catalog.KeyReady && slices.Contains(k.Holders(), node) {
			k.Lacks = k.Roster().InOrder(append(slices.Clone(k.Lacks), node))
		}
		switch {
		case k.State == catalog.KeyFailed:
			continue
		case k.State != catalog.KeyReady:
			failKeyAttempt(&k, why)
		case k.Refreshing() && slices.Contains(append(k.Target().Nodes, k.Nodes...), node):
			k.Refresh = failed(*k.Refresh, why)
		case k.Refresh == nil && slices.Contains(k.Nodes, node):
			if err := (canaries{tx, now}).interrupt(k.ID, why); err != nil {
				return err
			}
			k.Refresh = &catalog.Refresh{State: catalog.KeyWanted, Wanted: now}
			if err := todo(tx, true, records.PrefixTodoRefresh+k.ID, ""); err != nil {
				return err
			}
		}
		if at := k.Before().Point(node); k.Retired != nil && at > 0 {
			k.Retired = erasedAt(*k.Retired, at-1)
		}
		if err := records.Put(tx, records.PrefixKey+k.ID, k); err != nil {
			return err
		}
	}
	return nil
}

// ackAnew takes a node's acknowledgements of versions back, and asks for them anew.
func ackAnew(tx records.Tx, node string) error {
	versions, err := records.List[catalog.Version](tx, records.PrefixVersion)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.State == catalog.VersionProposed || v.State == catalog.VersionRejected {
			continue
		}
		v.Acks = slices.DeleteFunc(v.Acks, func(id string) bool { return id == node })
		name := records.VersionName(v.Dataset, v.Version)
		if err := todo(tx, v.Expired == 0, records.PrefixTodoAck+node+"/"+name, ""); err != nil {
			return err
		}
		if err := records.Put(tx, records.PrefixVersion+name, v); err != nil {
			return err
		}
	}
	return nil
}
