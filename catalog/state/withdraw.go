package state

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/roster"
)

// withdrawDataset ends a dataset or a version of it. What is withdrawn stays a source
// (RELEASE.md section 2.1): readings that were answered from it are known.
func withdrawDataset(c *applyContext, b catalog.DatasetWithdraw) error {
	d, err := c.ownDataset(b.Dataset)
	if err != nil {
		return err
	}
	switch {
	case b.Version < 0:
		return catalog.Invalid("version", "withdrawn.number", b.Version)
	case b.Reason == "" || !catalog.IsText(b.Reason, catalog.MaxText):
		return catalog.Invalid("reason", "withdrawn.reason", catalog.MaxText)
	}
	if r := judge.WithdrawnDataset(d); r != nil {
		return r
	}
	w := &catalog.Withdrawal{At: c.now, Seq: c.seq, Reason: b.Reason}
	if b.Version > 0 {
		return withdrawVersion(c, d, b.Version, w)
	}
	pending, under, err := underWay(c, d)
	if err != nil {
		return err
	}
	if under {
		if err := c.reject(pending, catalog.Why("version.dataset_withdrawn")); err != nil {
			return err
		}
	}
	d.Withdrawn = w
	c.out.ID, c.out.Version = d.ID, 0
	return c.putChanged(d, 0, records.ChangeWithdrawn)
}

// withdrawVersion withdraws a live version. The newest one that is left is answered from.
func withdrawVersion(c *applyContext, d catalog.Dataset, number int, w *catalog.Withdrawal) error {
	v, err := c.version(d.ID, number)
	if err != nil {
		return err
	}
	if v.State != catalog.VersionLive {
		r := catalog.Conflict("version_state", "withdrawn.not_live", number, d.ID, v.State)
		if pending(v) {
			r = r.WithFix("fix.drop")
		}
		return r
	}
	if v.Withdrawn != nil {
		return judge.WithdrawnVersion(d, v)
	}
	v.Withdrawn = w
	if err := c.putVersion(v); err != nil {
		return err
	}
	// Those before the first one that is kept have expired. Where none is left nothing is answered until the
	// next version, as where the only one is withdrawn: a figure that is wrong must not have to stay.
	for d.Live > 0 {
		if d.Live < d.Kept {
			d.Live = 0
			break
		}
		last, err := c.version(d.ID, d.Live)
		if err != nil {
			return err
		}
		if last.State == catalog.VersionLive && last.Withdrawn == nil {
			break
		}
		d.Live--
	}
	return c.putChanged(d, number, records.ChangeWithdrawn)
}

// mostExpired bounds the versions that the entry which makes one live looks at, so that an entry takes as long
// however many there are. The next version goes on.
const mostExpired = 64

// expire notes that versions which were superseded for as long as the policy keeps them have expired, as a
// version goes live. Only its owner's word moves the time on that counts, which is when the version was proposed:
// a leader that lies could move the ledger's by an entry of its own (DATA_MODEL.md section 11.4), and what has
// expired does not come back.
func (c *applyContext) expire(d *catalog.Dataset, by catalog.Version) error {
	days := d.Descriptor.Policy.VersionDays
	if days == 0 {
		return nil
	}
	until := by.Proposed - int64(days)*24*3600_000
	for range mostExpired {
		d.Kept = max(d.Kept, 1)
		d.Newer = max(d.Newer, d.Kept+1)
		if d.Newer >= by.Version {
			return nil
		}
		newer, err := c.version(d.ID, d.Newer)
		switch {
		case err != nil:
			return err
		case newer.State != catalog.VersionLive || newer.Withdrawn != nil:
			d.Newer++
			continue
		case newer.LiveAt > until:
			return nil
		}
		if err := c.expireVersion(d.ID, d.Kept); err != nil {
			return err
		}
		d.Kept++
	}
	return nil
}

// expireVersion ends a version that may be live. No node has to hold it any more.
func (c *applyContext) expireVersion(dataset string, number int) error {
	v, err := c.version(dataset, number)
	if err != nil || v.State != catalog.VersionLive {
		return err
	}
	v.Expired = c.now
	name := records.VersionName(dataset, number)
	for _, n := range roster.All(*c.cluster) {
		if err := todo(c.tx, false, records.PrefixTodoAck+n.ID+"/"+name, ""); err != nil {
			return err
		}
	}
	return records.Put(c.tx, records.PrefixVersion+name, v)
}
