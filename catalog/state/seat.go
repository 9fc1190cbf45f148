package state

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
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
	if err := checkSeated(c, b.Node, before); err != nil {
		return err
	}
	another := !bytes.Equal(b.Node.Key, before.Key)
	if another && !b.KeysLost {
		if err := c.checkSpared(b.Node.ID); err != nil {
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
	if err := c.shareAnew(b.Node.ID); err != nil {
		return err
	}
	why := catalog.Why("seat.replaced", b.Node.ID)
	return cmp.Or(c.moves().wantAll(&why), c.ackAnew(b.Node.ID))
}

// checkSpared refuses to take a node's share out of a key of which just as many are left as open it, because
// others were replaced and have none yet, or say that they lost theirs. The key would be lost, and all that
// is encrypted under it.
func (c *applyContext) checkSpared(node string) error {
	keys, err := records.List[catalog.Key](c.tx, records.PrefixKey)
	if err != nil {
		return err
	}
	var lost, wait []string
	for _, k := range keys {
		if k.State != catalog.KeyReady {
			continue
		}
		holders, err := c.holders(k)
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

// holders are the nodes that have a share of a key in force, those left out that say in its
// canary that they have none.
func (c *applyContext) holders(k catalog.Key) ([]string, error) {
	x, known, err := records.Lookup[resharing.Canary](c.tx, records.PrefixCanary+k.ID)
	if err != nil || !known || x.Sharing != k.InForce() {
		return k.Holders(), err
	}
	return slices.DeleteFunc(k.Holders(), func(id string) bool {
		at := slices.Index(x.Nodes, id)
		return at >= 0 && x.Lacks[at]
	}), nil
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

// checkSeated refuses a node that could pass for another, for an organisation, or for a
// machine that was replaced: whoever has that one's disk has its keys.
func checkSeated(c *applyContext, n, before catalog.Node) error {
	taken, err := c.takenKeys()
	if err != nil {
		return err
	}
	for _, other := range roster.All(*c.cluster) {
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
	ever, err := c.everSeated()
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
func (c *applyContext) takenKeys() (map[string]string, error) {
	principals, err := records.List[catalog.Principal](c.tx, records.PrefixPrincipal)
	taken := map[string]string{}
	for _, p := range principals {
		taken["key "+string(p.Key)] = ""
	}
	return taken, err
}

// everSeated are all machines that are or were in a seat, those that are there now last.
func (c *applyContext) everSeated() (all []catalog.Node, err error) {
	changes, err := records.List[roster.Change](c.tx, records.PrefixRoster)
	for _, x := range changes {
		if x.Before != nil {
			all = append(all, *x.Before)
		}
		if x.Seats != nil {
			all = append(all, x.Seats.Nodes...)
		}
	}
	return append(all, c.cluster.Nodes...), err
}

// shareAnew asks for new shares of every key that is ready, for a machine that is new in the
// seat of a node, and ends what the one before took part in. What that one kept of a retired sharing
// nobody can erase; with fewer than t such it is of no use.
func (c *applyContext) shareAnew(node string) error {
	keys, err := records.List[catalog.Key](c.tx, records.PrefixKey)
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
			if err := c.interruptCanary(k.ID, why); err != nil {
				return err
			}
			k.Refresh = &catalog.Refresh{State: catalog.KeyWanted, Wanted: c.now}
			if err := todo(c.tx, true, records.PrefixTodoRefresh+k.ID, ""); err != nil {
				return err
			}
		}
		if at := k.Before().Point(node); k.Retired != nil && at > 0 {
			k.Retired = erasedAt(*k.Retired, at-1)
		}
		if err := records.Put(c.tx, records.PrefixKey+k.ID, k); err != nil {
			return err
		}
	}
	return nil
}

// ackAnew takes a node's acknowledgements of versions back, and asks for them anew.
func (c *applyContext) ackAnew(node string) error {
	versions, err := records.List[catalog.Version](c.tx, records.PrefixVersion)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.State == catalog.VersionProposed || v.State == catalog.VersionRejected {
			continue
		}
		v.Acks = slices.DeleteFunc(v.Acks, func(id string) bool { return id == node })
		name := records.VersionName(v.Dataset, v.Version)
		if err := todo(c.tx, true, records.PrefixTodoAck+node+"/"+name, ""); err != nil {
			return err
		}
		if err := records.Put(c.tx, records.PrefixVersion+name, v); err != nil {
			return err
		}
	}
	return nil
}
