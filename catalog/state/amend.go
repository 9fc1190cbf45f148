package state

import (
	"cmp"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
)

// amendDataset puts another descriptor in the place of a dataset's. The one before is
// kept: versions, verdicts and orders say by how many amendments they came later. No
// amendment comes between a version's proposal and its end, so that all of a version
// follows one descriptor.
func amendDataset(c *applyContext, b catalog.DatasetAmend) error {
	to := b.Descriptor
	if r := cmp.Or(checkPairs(c.payload.Body), to.Check()); r != nil {
		return r
	}
	d, err := c.ownDataset(to.Dataset)
	if err != nil {
		return err
	}
	if r := judge.WithdrawnDataset(d); r != nil {
		return r
	}
	if b.Amended != d.Amended {
		return catalog.Conflict("amended", "amend.follows", d.ID, d.Amended, b.Amended).
			WithNumber("amended", int64(d.Amended))
	}
	if d.Amended >= catalog.MaxAmendments {
		return catalog.Conflict("amendments", "amend.most", d.ID, d.Amended, catalog.MaxAmendments)
	}
	if err := noneUnderWay(c, d); err != nil {
		return err
	}
	changes := d.Descriptor.Changes(to)
	if len(changes) == 0 {
		return catalog.Conflict("same", "amend.same", d.ID)
	}
	if r := catalog.AmendRefusal(d.ID, changes); r != nil {
		return r
	}
	if err := checkAmended(c, d, to); err != nil {
		return err
	}
	kept := records.Put(c.tx, records.DescriptorKey(d.ID, d.Amended), d.Descriptor)
	d.Descriptor, d.Amended, d.AmendedAt = to, d.Amended+1, c.now
	c.out.ID = d.ID
	return cmp.Or(kept, c.putChanged(d, 0, records.ChangeAmended))
}

// noneUnderWay refuses while a version of the dataset is on its way.
func noneUnderWay(c *applyContext, d catalog.Dataset) error {
	v, under, err := underWay(c, d)
	if err != nil || !under {
		return err
	}
	return catalog.Conflict("pending", "version.pending", v.Version, d.ID, v.State)
}

// underWay is the version of a dataset that is on its way; false when none is.
func underWay(c *applyContext, d catalog.Dataset) (catalog.Version, bool, error) {
	if d.Versions == 0 {
		return catalog.Version{}, false, nil
	}
	last, err := records.Find[catalog.Version](c.tx, records.PrefixVersion+records.VersionName(d.ID, d.Versions))
	return last, err == nil && pending(last), err
}

// checkAmended refuses what the two descriptors alone do not tell: columns that the
// registry has taken, a name that was another measure's, what the release rule does not
// admit.
func checkAmended(c *applyContext, d catalog.Dataset, to catalog.Descriptor) error {
	reg, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+to.Registry)
	if err != nil {
		return err
	}
	if r := to.CheckColumns(reg.Columns); r != nil {
		return r
	}
	for n := range d.Amended {
		earlier, err := records.DescriptorAt(c.tx, d, n)
		if err != nil {
			return err
		}
		for _, m := range to.Measures {
			if was, had := earlier.Measure(m.Name); had && !m.Continues(was) {
				return catalog.Refuse(catalog.RefusedPolicy, "amend", "amend.name_taken", d.ID, m.Name, n+1).
					WithField("measures[" + m.Name + "]")
			}
		}
	}
	return joinFamily(c, to, reg) // columns that were taken away stay in the family: sources of them settled
}

// checkPriceOf refuses to grant an order for which a query would cost more, or be paid
// in another currency, than its buyer was told.
func checkPriceOf(c *applyContext, o catalog.Order, d catalog.Dataset) error {
	if o.Amended == d.Amended || d.Descriptor.Price == nil {
		return nil
	}
	then, err := records.DescriptorAt(c.tx, d, o.Amended)
	if err != nil {
		return err
	}
	now := *d.Descriptor.Price
	if was := then.Price; was != nil && was.Currency == now.Currency && decimal.Amount(now.PerQuery).Cmp(decimal.Amount(was.PerQuery)) <= 0 {
		return nil
	}
	if then.Price == nil {
		return catalog.Conflict("price", "amend.price_new", now.PerQuery, now.Currency, o.ID, d.ID).WithField("price")
	}
	return catalog.Conflict("price", "amend.price", now.PerQuery, now.Currency, o.ID, d.ID, then.Price.PerQuery, then.Price.Currency).
		WithField("price")
}

// everMeasured is a dataset's descriptor with the measures behind its own that it had
// and that were taken away.
func everMeasured(c *applyContext, d catalog.Dataset) (catalog.Descriptor, error) {
	out := d.Descriptor
	out.Measures = slices.Clone(out.Measures)
	for n := range d.Amended {
		earlier, err := records.DescriptorAt(c.tx, d, n)
		if err != nil {
			return out, err
		}
		for _, m := range earlier.Measures {
			if _, known := out.Measure(m.Name); !known {
				out.Measures = append(out.Measures, m)
			}
		}
	}
	return out, nil
}
