package state

import (
	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
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
	for d.Live > 0 {
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
