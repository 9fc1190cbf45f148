package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// policyPeriods are the periods of the policy's grain that a version touches.
func policyPeriods(d Descriptor, v VersionPropose) Interval {
	last := v.First + int64(v.Periods) - 1
	return Interval{From: d.Grain.In(v.First, d.Policy.Grain), To: d.Grain.In(last, d.Policy.Grain) + 1}
}

// proposeVersion begins a version of a dataset.
func proposeVersion(c *call, b VersionPropose) error {
	d, err := c.ownDataset(b.Dataset)
	if err != nil {
		return err
	}
	if d.Versions > 0 {
		last, err := find[Version](c.tx, prefixVersion+versionName(d.ID, d.Versions))
		if err != nil {
			return err
		}
		if last.pending() {
			return conflict("pending", "version %d of %s is %s", last.Version, d.ID, last.State).
				withFix("wait until it is live, or drop it")
		}
	}
	k, err := View{machine: c.machine, r: c.tx}.KeyOf(d.Owner)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	switch {
	case k.State != KeyReady:
		return conflict("key_state", "the publisher's key is not ready").withFix("wait for its ceremony, which needs all nodes up")
	case b.Key != k.ID || b.Epoch != k.Epoch:
		return conflict("key", "the publisher's key is %s, epoch %d; not %.80q, epoch %d", k.ID, k.Epoch, b.Key, b.Epoch)
	}
	reg, err := find[Registry](c.tx, prefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	if b.Entities > reg.Rows {
		return conflict("entities", "the version covers %d entities, registry %s has %d", b.Entities, reg.ID, reg.Rows)
	}
	if r := checkVersion(d.Descriptor, b); r != nil {
		return r
	}
	if err := c.checkCompared(d, b); err != nil {
		return err
	}
	d.Versions++
	v := Version{VersionPropose: b, Version: d.Versions, State: VersionProposed, Proposed: c.now, Entries: []uint64{c.seq}}
	if !d.Descriptor.Policy.Public {
		v.Counted = make([]int, len(d.Descriptor.Measures))
	}
	if err := put(c.tx, prefixDataset+d.ID, d); err != nil {
		return err
	}
	return c.putVersion(v)
}

func (c *call) ownDataset(id string) (Dataset, error) {
	d, err := load[Dataset](c, prefixDataset+id, fmt.Sprintf("dataset %.80q", id))
	if err == nil && d.Owner != c.signer.ID {
		return d, forbidden("owner", "dataset %s belongs to another publisher", id)
	}
	return d, err
}

func checkVersion(d Descriptor, b VersionPropose) *Refusal {
	bounds := d.Grain.Bounds()
	switch {
	case b.Entities < 1:
		return invalid("entities", "%d entities", b.Entities)
	case b.Periods < 1 || b.First < bounds.From || b.First >= bounds.To || int64(b.Periods) > bounds.To-b.First:
		return invalid("periods", "%d periods from %d on are not between the years 1 and 9999", b.Periods, b.First)
	case b.Manifest.IsZero():
		return invalid("manifest", "the digest of the manifest is missing")
	case b.Presence.IsZero():
		return invalid("presence", "the digest of the presence is missing")
	case d.Policy.Public != b.Counts.IsZero():
		return invalid("counts", "a dataset has counting bitmaps if and only if it is protected; public is %t", d.Policy.Public)
	case len(b.Blocks) > b.Entities:
		return invalid("blocks", "%d blocks of %d entities", len(b.Blocks), b.Entities)
	}
	next := 0
	for i, k := range b.Blocks {
		at := fmt.Sprintf("blocks[%d]", i)
		switch {
		case k.First != next:
			return invalid(at, "the block begins at entity %d, the one before ends at %d", k.First, next)
		case k.Entities < 1 || k.Periods < 1 || k.Entities > TileCells || k.Periods > TileCells/k.Entities:
			return invalid(at, "%d entities × %d periods, a tile has %d cells", k.Entities, k.Periods, TileCells)
		}
		next += k.Entities
	}
	if next != b.Entities {
		return invalid("blocks", "the blocks cover %d of %d entities", next, b.Entities)
	}
	return b.checkTiles(d)
}

// pending reports whether the version is on its way.
func (v Version) pending() bool { return v.State != VersionLive && v.State != VersionRejected }

// putVersion stores a version and keeps the index of versions on their way.
func (c *call) putVersion(v Version) error {
	name := versionName(v.Dataset, v.Version)
	if err := c.todo(v.pending(), prefixTodoVersion+name, ""); err != nil {
		return err
	}
	c.out.ID, c.out.Version = v.Dataset, v.Version
	return put(c.tx, prefixVersion+name, v)
}

func (c *call) version(dataset string, number int) (Version, error) {
	return load[Version](c, prefixVersion+versionName(dataset, number), fmt.Sprintf("version %d of dataset %.80q", number, dataset))
}

// ownVersion loads a version of the signer's dataset that is in one of the states.
func (c *call) ownVersion(dataset string, number int, states ...VersionState) (Dataset, Version, error) {
	d, err := c.ownDataset(dataset)
	if err != nil {
		return d, Version{}, err
	}
	v, err := c.version(dataset, number)
	if err == nil && !slices.Contains(states, v.State) {
		return d, v, v.outOfTurn()
	}
	return d, v, err
}

func (v Version) outOfTurn() *Refusal {
	return conflict("version_state", "version %d of %s is %s", v.Version, v.Dataset, v.State)
}

// commitVersion asks the nodes to store and check the version.
func commitVersion(c *call, b VersionCommit) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, VersionProposed)
	if err != nil {
		return err
	}
	if err := c.checkCounts(d, v); err != nil {
		return err
	}
	if err := c.commitSets(v); err != nil {
		return err
	}
	v.State = VersionCommitted
	for _, n := range c.cluster.Nodes {
		if err := c.todo(true, prefixTodoAck+n.ID+"/"+versionName(v.Dataset, v.Version), ""); err != nil {
			return err
		}
	}
	return c.putVersion(v)
}

// dropVersion gives up a version that is not live.
func dropVersion(c *call, b VersionCommit) error {
	_, v, err := c.ownVersion(b.Dataset, b.Version, VersionProposed, VersionCommitted, VersionStored)
	if err != nil {
		return err
	}
	return c.reject(v, "dropped by its publisher")
}

// reject ends a version. Its bitmaps are of no use any more.
func (c *call) reject(v Version, reason string) error {
	v.State, v.Reason = VersionRejected, reason
	v.Parity, v.Held = nil, nil
	v.fail(reason)
	name := versionName(v.Dataset, v.Version)
	if err := removeAll(c.tx, prefixCounts+name+"/", ""); err != nil {
		return err
	}
	if err := removeAll(c.tx, prefixSets+name+"/", ""); err != nil {
		return err
	}
	for _, n := range c.cluster.Nodes {
		if err := c.todo(false, prefixTodoAck+n.ID+"/"+name, ""); err != nil {
			return err
		}
	}
	return c.putVersion(v)
}

// ackVersion takes a node's word that it holds the version and checked it, or
// that the version cannot be accepted.
func ackVersion(c *call, b VersionAck) error {
	v, err := c.version(b.Dataset, b.Version)
	if err != nil {
		return err
	}
	switch {
	case v.State == VersionProposed || v.State == VersionRejected:
		return v.outOfTurn()
	case slices.Contains(v.Acks, c.node.ID):
		return conflict("twice", "node %s has acknowledged", c.node.ID)
	case b.Reason != "" && v.State == VersionLive:
		return v.outOfTurn()
	case b.Reason != "":
		return c.reject(v, fmt.Sprintf("node %s: %s", c.node.ID, cleanReason(b.Reason)))
	}
	v.Acks = c.inOrder(append(v.Acks, c.node.ID))
	n := len(c.cluster.Nodes)
	if v.State == VersionCommitted && len(v.Acks) >= max(n/2+1, c.cluster.Threshold) {
		v.State = VersionStored
	}
	if err := c.todo(false, prefixTodoAck+c.node.ID+"/"+versionName(v.Dataset, v.Version), ""); err != nil {
		return err
	}
	return c.putVersion(v)
}

// inOrder lists those ids that are in the roster, ascending points.
func (c *call) inOrder(ids []string) []string {
	var out []string
	for _, n := range c.cluster.Nodes {
		if slices.Contains(ids, n.ID) {
			out = append(out, n.ID)
		}
	}
	return out
}
