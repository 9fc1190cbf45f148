package state

import (
	"cmp"
	"errors"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
	"github.com/weirdata/weir/catalog/wellformed"
)

// versionActs are the acts on versions.
var versionActs = []act{
	{kind: catalog.KindVersionPropose, by: publishers, public: true, handle: handler(proposeVersion)},
	{kind: catalog.KindVersionCounts, by: publishers, handle: handler(addCounts)},
	{kind: catalog.KindVersionNews, by: publishers, handle: handler(addNews)},
	{kind: catalog.KindVersionCommit, by: publishers, public: true, handle: handler(commitVersion)},
	{kind: catalog.KindVersionDrop, by: publishers, public: true, handle: handler(dropVersion)},
	{kind: catalog.KindVersionAck, by: nodes, public: true, handle: handler(ackVersion)},
	{kind: catalog.KindVersionAttempt, by: nodes, public: true, handle: handler(attemptVersion)},
	{kind: catalog.KindVersionParity, by: nodes, handle: handler(addParity)},
	{kind: catalog.KindVersionFail, by: nodes, public: true, handle: handler(failVersion)},
}

// proposeVersion begins a version of a dataset.
func proposeVersion(c *applyContext, b catalog.VersionPropose) error {
	d, err := c.ownDataset(b.Dataset)
	if err != nil {
		return err
	}
	if r := judge.WithdrawnDataset(d); r != nil {
		return r
	}
	if err := noneUnderWay(c, d); err != nil {
		return err
	}
	k, err := records.KeyOf(c.tx, d.Owner)
	if err != nil && !errors.Is(err, records.ErrNotFound) {
		return err
	}
	switch {
	case k.State != catalog.KeyReady:
		return catalog.Conflict("key_state", "key.not_ready")
	case b.Key != k.ID || b.Epoch != k.Epoch:
		return catalog.Conflict("key", "key.current", k.ID, k.Epoch, b.Key, b.Epoch)
	}
	reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return err
	}
	if b.Entities > reg.Rows {
		return catalog.Conflict("entities", "version.entities_many", b.Entities, reg.ID, reg.Rows)
	}
	if r := wellformed.Version(d.Descriptor, b); r != nil {
		return r
	}
	if err := cmp.Or(checkSettled(c, d, b), checkCaps(c, d.Descriptor, reg, b)); err != nil {
		return err
	}
	d.Versions++
	v := catalog.Version{VersionPropose: b, Version: d.Versions, State: catalog.VersionProposed, Proposed: c.now, Entries: []uint64{c.seq}, Amended: d.Amended}
	if !d.Descriptor.Policy.Public {
		v.Counted = make([]int, len(d.Descriptor.Counted()))
	}
	return cmp.Or(records.Put(c.tx, records.PrefixDataset+d.ID, d), c.putVersion(v))
}

// checkCaps refuses a version whose readings were checked by other caps than the registry's
// attributes make: its publisher's program was told wrong ones, or they were corrected since.
func checkCaps(c *applyContext, d catalog.Descriptor, reg catalog.Registry, b catalog.VersionPropose) error {
	if b.Caps == nil {
		return nil
	}
	if b.Caps.To != reg.States {
		return catalog.Conflict("caps", "version.caps_state", b.Caps.To, reg.ID, reg.States).WithField("caps.to").WithNumber("state", int64(reg.States))
	}
	columns, err := c.machine.cache.CapsAt(c.tx, d, b.Caps.To)
	if err != nil {
		return err
	}
	if have := caps.Digest(columns); have != b.Caps.Digest {
		return catalog.Conflict("caps", "version.caps_digest", b.Caps.Digest, reg.ID, have).WithField("caps.digest")
	}
	return nil
}

func (c *applyContext) ownDataset(id string) (catalog.Dataset, error) {
	d, err := load[catalog.Dataset](c.tx, records.PrefixDataset+id, "unknown.dataset", id)
	if err == nil && d.Owner != c.signer.ID {
		return d, catalog.Forbidden("owner", "dataset.owner", id)
	}
	return d, err
}

// pending reports whether the version is on its way.
func pending(v catalog.Version) bool {
	return v.State != catalog.VersionLive && v.State != catalog.VersionRejected
}

// putVersion stores a version and keeps the index of versions on their way.
func (c *applyContext) putVersion(v catalog.Version) error {
	name := records.VersionName(v.Dataset, v.Version)
	c.out.ID, c.out.Version = v.Dataset, v.Version
	return cmp.Or(todo(c.tx, pending(v), records.PrefixTodoVersion+name, ""), records.Put(c.tx, records.PrefixVersion+name, v))
}

// version loads a version that is in one of the states; none are named: in any.
func (c *applyContext) version(dataset string, number int, states ...catalog.VersionState) (catalog.Version, error) {
	v, err := load[catalog.Version](c.tx, records.PrefixVersion+records.VersionName(dataset, number), "unknown.version", number, dataset)
	if err == nil && len(states) > 0 && !slices.Contains(states, v.State) {
		return v, outOfTurn(v)
	}
	return v, err
}

// ownVersion loads a version of the signer's dataset that is in one of the states.
func (c *applyContext) ownVersion(dataset string, number int, states ...catalog.VersionState) (catalog.Dataset, catalog.Version, error) {
	d, err := c.ownDataset(dataset)
	if err != nil {
		return d, catalog.Version{}, err
	}
	v, err := c.version(dataset, number, states...)
	return d, v, err
}

func outOfTurn(v catalog.Version) *catalog.Refusal {
	return catalog.Conflict("version_state", "version.state", v.Version, v.Dataset, v.State)
}

// commitVersion asks the nodes to store and check the version.
func commitVersion(c *applyContext, b catalog.VersionCommit) error {
	d, v, err := c.ownVersion(b.Dataset, b.Version, catalog.VersionProposed)
	if err != nil {
		return err
	}
	if err := cmp.Or(checkCounts(c, d, v), checkNews(c, v)); err != nil {
		return err
	}
	v.State = catalog.VersionCommitted
	for _, n := range roster.All(*c.cluster) {
		if err := todo(c.tx, true, records.PrefixTodoAck+n.ID+"/"+records.VersionName(v.Dataset, v.Version), ""); err != nil {
			return err
		}
	}
	return c.putVersion(v)
}

// dropVersion gives up a version that is not live.
func dropVersion(c *applyContext, b catalog.VersionCommit) error {
	_, v, err := c.ownVersion(b.Dataset, b.Version, catalog.VersionProposed, catalog.VersionCommitted, catalog.VersionStored)
	if err != nil {
		return err
	}
	return c.reject(v, catalog.Why("version.dropped"))
}

// reject ends a version. Its bitmaps are of no use any more.
func (c *applyContext) reject(v catalog.Version, reason catalog.Reason) error {
	v.State, v.Reason = catalog.VersionRejected, reason
	v.Parity, v.Held = nil, nil
	if a := running(v.Attempts); a != nil {
		a.Failed = reason
	}
	name := records.VersionName(v.Dataset, v.Version)
	err := cmp.Or(
		records.RemoveAll(c.tx, records.PrefixCounts+name+"/", ""),
		records.RemoveAll(c.tx, records.PrefixNews+name+"/", ""),
	)
	if err != nil {
		return err
	}
	for _, n := range roster.All(*c.cluster) {
		if err := todo(c.tx, false, records.PrefixTodoAck+n.ID+"/"+name, ""); err != nil {
			return err
		}
	}
	return c.putVersion(v)
}

// ackVersion takes a node's word that it holds the version and checked it, or
// that the version cannot be accepted.
func ackVersion(c *applyContext, b catalog.VersionAck) error {
	v, err := c.version(b.Dataset, b.Version)
	if err != nil {
		return err
	}
	switch {
	case v.State == catalog.VersionProposed || v.State == catalog.VersionRejected:
		return outOfTurn(v)
	case v.Expired != 0:
		return catalog.Conflict("version_state", "version.expired_held", v.Version, v.Dataset)
	case slices.Contains(v.Acks, c.node.ID):
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	case !b.Reason.IsZero() && v.State == catalog.VersionLive:
		return outOfTurn(v)
	case !b.Reason.IsZero():
		return c.reject(v, catalog.Why("node.said", c.node.ID).With(b.Reason.Clean()))
	}
	v.Acks = membersInOrder(*c.cluster, append(v.Acks, c.node.ID))
	k, err := records.Find[catalog.Key](c.tx, records.PrefixKey+v.Key)
	if err != nil {
		return err
	}
	if v.State == catalog.VersionCommitted && len(inOrder(k.Nodes, v.Acks)) >= max(len(k.Nodes)/2+1, k.Threshold) {
		v.State = catalog.VersionStored
	}
	acked := records.PrefixTodoAck + c.node.ID + "/" + records.VersionName(v.Dataset, v.Version)
	return cmp.Or(todo(c.tx, false, acked, ""), c.putVersion(v))
}

// membersInOrder lists those ids that take part, those with seats first, in ascending points.
func membersInOrder(cluster catalog.Cluster, ids []string) []string {
	var all []string
	for _, n := range roster.All(cluster) {
		all = append(all, n.ID)
	}
	return inOrder(all, ids)
}

// inOrder lists those ids that are in all, in its order.
func inOrder(all, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !slices.Contains(ids, id) })
}
