package state

import (
	"cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/resharing"
	"github.com/weirdata/weir/catalog/view"
)

// healthActs are the acts that keep shares young, and try them (DATA_MODEL.md section 6).
var healthActs = []act{
	{kind: catalog.KindRefreshEvery, by: operators, public: true, handle: handler(refreshEvery)},
	{kind: catalog.KindRefreshDue, by: nodes, public: true, handle: handler(refreshDue)},
	{kind: catalog.KindCanaryBegin, by: nodes, public: true, handle: handler(beginCanary)},
	{kind: catalog.KindCanarySet, by: nodes, public: true, handle: handler(canarySet)},
	{kind: catalog.KindCanaryLacks, by: nodes, public: true, handle: handler(canaryLacks)},
	{kind: catalog.KindCanaryFail, by: nodes, public: true, handle: handler(failCanary)},
}

// refreshEvery sets the schedule of refreshes.
func refreshEvery(c *applyContext, b resharing.Every) error {
	if b.Every != 0 && (b.Every < resharing.MinEvery || b.Every > resharing.MaxEvery) {
		return catalog.Invalid("every", "refresh.every", b.Every, resharing.MinEvery, int64(resharing.MaxEvery))
	}
	return records.Put(c.tx, records.KeySchedule, resharing.Schedule{Every: b.Every, Set: c.now})
}

// refreshDue asks for new shares of all that is due by the ledger's time. Any node may: it is
// refused where nothing is.
func refreshDue(c *applyContext, _ resharing.Due) error {
	keys, vectors, err := view.RefreshDue(c.tx, c.now)
	if err != nil {
		return err
	}
	if len(keys)+len(vectors) == 0 {
		return catalog.Conflict("refresh_due", "refresh.not_due")
	}
	for _, k := range keys {
		k.Refresh = &catalog.Refresh{State: catalog.KeyWanted, Wanted: c.now}
		if err := cmp.Or(todo(c.tx, true, records.PrefixTodoRefresh+k.ID, ""), records.Put(c.tx, records.PrefixKey+k.ID, k)); err != nil {
			return err
		}
	}
	for _, v := range vectors {
		if err := c.moves().want(v); err != nil {
			return err
		}
	}
	if len(vectors) == 0 {
		return nil
	}
	s, err := records.Find[resharing.Schedule](c.tx, records.KeySchedule)
	if err != nil {
		return err
	}
	s.Asked = c.now
	return records.Put(c.tx, records.KeySchedule, s)
}

// beginCanary begins the next canary of a key. Any node may; what it opens is counted against
// the key like everything else.
func beginCanary(c *applyContext, b resharing.CanaryBegin) error {
	k, err := load[catalog.Key](c.tx, records.PrefixKey+b.Key, "unknown.key", b.Key)
	if err != nil {
		return err
	}
	last, _, err := records.Lookup[resharing.Canary](c.tx, records.PrefixCanary+k.ID)
	switch {
	case err != nil:
		return err
	case k.State != catalog.KeyReady || k.Refresh != nil:
		return catalog.Conflict("canary_key", "canary.key", k.ID)
	case last.Found() && last.Sharing == k.InForce():
		return catalog.Conflict("canary_found", "canary.found", last.Number, k.ID)
	case b.Number != last.Number+1 || last.Number > 0 && last.Ended == 0:
		return catalog.Conflict("canary", "canary.number", b.Number, k.ID, last.Number)
	case last.VainUnder(k.InForce()) >= resharing.MaxVain:
		return catalog.Conflict("canary_vain", "canary.vain", last.VainUnder(k.InForce()), k.ID)
	case last.Number > 0 && c.now < last.Began+resharing.CanaryAgain:
		return catalog.Conflict("canary_soon", "canary.soon", last.Number, k.ID, resharing.CanaryAgain/60_000)
	}
	if err := openTiles(c, k.ID, int64(len(k.Nodes))); err != nil {
		return err
	}
	c.out.ID = k.ID
	return c.canaries().put(resharing.Canary{
		Key: k.ID, Number: b.Number, Reference: c.digest, Sharing: k.InForce(), Nodes: k.Nodes, Threshold: k.Threshold, Began: c.now, Vain: last.VainUnder(k.InForce()),
		Sets: make([]resharing.SetState, len(k.Nodes)), Lacks: make([]bool, len(k.Nodes)),
	})
}

// canarySet takes what the root of a set found. With the last set that is needed the canary is
// over, and says who does not fit.
func canarySet(c *applyContext, b resharing.CanarySet) error {
	x, point, err := c.canaries().open(b.Key, b.Number, c.node.ID)
	switch {
	case err != nil:
		return err
	case b.Set < 0 || b.Set >= len(x.Sets):
		return catalog.Invalid("set", "canary.set", b.Set, len(x.Sets))
	case b.Set != point-1: // whose root is the node at its first point
		return catalog.Forbidden("root", "canary.root", c.node.ID, b.Set)
	case x.Sets[b.Set] != resharing.SetUnknown:
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	x.Sets[b.Set] = resharing.SetRight
	if b.Wrong {
		x.Sets[b.Set] = resharing.SetWrong
	}
	return c.canaries().end(x)
}

// canaryLacks takes a member's word that it has no share.
func canaryLacks(c *applyContext, b resharing.CanaryLacks) error {
	x, point, err := c.canaries().open(b.Key, b.Number, c.node.ID)
	switch {
	case err != nil:
		return err
	case x.Lacks[point-1]:
		return catalog.Conflict("twice", "node.acknowledged", c.node.ID)
	}
	x.Lacks[point-1] = true
	return c.canaries().end(x)
}

// failCanary ends a canary that does not get on. Who had said that it has no share is named.
func failCanary(c *applyContext, b resharing.CanaryFail) error {
	x, _, err := c.canaries().open(b.Key, b.Number, c.node.ID)
	if err != nil {
		return err
	}
	x = x.Lacking()
	x.Ended, x.Reason = c.now, b.Reason.Clean()
	return c.canaries().put(x)
}
