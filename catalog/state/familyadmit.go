package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
)

// joinFamily holds a protected dataset to its family's rules, or founds one.
func joinFamily(c *applyContext, d catalog.Descriptor, reg catalog.Registry) error {
	if d.Policy.Public {
		return checkApart(c, d)
	}
	f, rule, err := c.machine.cache.FamilyOf(c.tx, c.signer.ID, reg.ID)
	fresh := errors.Is(err, records.ErrNotFound)
	if err != nil && !fresh {
		return err
	}
	if fresh {
		f = &records.Family{}
	}
	if r := d.CheckRelated(f.MeasuresOf); r != nil {
		return r
	}
	if err := checkUnrelated(c, d, reg); err != nil {
		return err
	}
	if fresh {
		if f, rule, err = foundFamily(c, d, reg); err != nil {
			return err
		}
	} else if r := differs(f, d); r != nil {
		return r
	}
	return declare(c, d, f, rule)
}

// declare has the signer's family take the descriptor of a dataset, as far as the release
// rule admits it.
func declare(c *applyContext, d catalog.Descriptor, f *records.Family, rule *disclosure.Family) error {
	after := rule.Clone()
	if err := after.Admit(records.DatasetOf(d)); err != nil {
		return judge.RefuseConflict(err)
	}
	f.Declared = append(slices.Clip(f.Declared), records.DatasetOf(d))
	return c.putFamily(c.signer.ID, d.Registry, f, after)
}

// foundFamily makes the family that a publisher's first protected dataset on a
// registry founds, and its tree of classes.
func foundFamily(c *applyContext, d catalog.Descriptor, reg catalog.Registry) (*records.Family, *disclosure.Family, error) {
	p := d.Policy
	t, err := c.machine.cache.Table(c.tx, reg)
	if err != nil {
		return nil, nil, err
	}
	codes, err := records.Codes(c.tx, reg, t)
	if err != nil {
		return nil, nil, err
	}
	order, err := disclosure.Order(p.Cubes, reg.Columns)
	if err != nil {
		return nil, nil, catalog.Invalid("policy.cubes", "policy.cubes_attributes", reg.Columns)
	}
	tree, err := disclosure.Grow(p.MinCohort, codes, order, reg.Rows)
	if err != nil {
		return nil, nil, fmt.Errorf("classes of registry %s: %w", reg.ID, err)
	}
	f := &records.Family{
		Dataset: d.Dataset, MinCohort: p.MinCohort, Cubes: p.Cubes, Portfolios: p.Owners(), Change: p.Change(), UTCOffset: d.UTCOffset,
	}
	return f, disclosure.NewFamily(tree), putTree(c.tx, c.signer.ID, reg.ID, f, tree)
}

// differs refuses what all datasets of a family share.
func differs(f *records.Family, d catalog.Descriptor) *catalog.Refusal {
	p := d.Policy
	differ := func(field, have, want string) *catalog.Refusal {
		return catalog.Conflict("family", "family.differs", field, have, want, f.Dataset).WithField(field)
	}
	switch {
	case f.MinCohort != p.MinCohort:
		return differ("policy.min_cohort", fmt.Sprint(p.MinCohort), fmt.Sprint(f.MinCohort))
	case f.Portfolios != p.Owners():
		return differ("policy.portfolios", fmt.Sprint(p.Owners()), fmt.Sprint(f.Portfolios))
	case f.Change != p.Change():
		return differ("policy.portfolio_change", string(p.Change()), string(f.Change))
	case !slices.EqualFunc(f.Cubes, p.Cubes, slices.Equal[[]string]):
		return differ("policy.cubes", fmt.Sprint(p.Cubes), fmt.Sprint(f.Cubes))
	case f.UTCOffset != d.UTCOffset:
		return differ("utc_offset", d.UTCOffset, f.UTCOffset)
	}
	return nil
}

// checkUnrelated refuses a protected dataset on a registry that shares an id with
// another protected registry of its publisher, unless its policy says that they are
// unrelated (RELEASE.md section 3), and what checkApart does.
func checkUnrelated(c *applyContext, d catalog.Descriptor, reg catalog.Registry) error {
	return cmp.Or(checkSharedIDs(c, c.signer.ID, reg, d.Policy.Unrelated), checkApart(c, d))
}

// checkApart refuses a public dataset with a measure that a protected one of the same
// publisher and registry has, and the other way round, unless its policy says that they
// are unrelated.
func checkApart(c *applyContext, d catalog.Descriptor) error {
	others, err := datasetsOn(c, c.signer.ID, d.Registry)
	if err != nil {
		return err
	}
	code := "unrelated.public"
	if d.Policy.Public {
		code = "unrelated.protected"
	}
	for _, other := range others {
		if other.Policy.Public == d.Policy.Public || slices.Contains(d.Policy.Unrelated, other.Dataset) {
			continue
		}
		for _, name := range d.MeasureNames() {
			if _, shared := other.Measure(name); shared {
				return catalog.Conflict("unrelated", code, other.Dataset, name).WithField("policy.unrelated")
			}
		}
	}
	return nil
}

// datasetsOn are the descriptors of a publisher's datasets on a registry, withdrawn ones
// too, with all measures that they ever had: figures of them are out.
func datasetsOn(c *applyContext, owner, registry string) ([]catalog.Descriptor, error) {
	all, err := records.List[catalog.Dataset](c.tx, records.PrefixDataset)
	if err != nil {
		return nil, err
	}
	var out []catalog.Descriptor
	for _, d := range all {
		if d.Owner != owner || d.Descriptor.Registry != registry {
			continue
		}
		descriptor, err := everMeasured(c, d)
		if err != nil {
			return nil, err
		}
		out = append(out, descriptor)
	}
	return out, nil
}

// checkSharedIDs refuses a registry that shares an id with another one on which the
// owner has a family, unless one of the two said that they are unrelated: unrelated,
// or a dataset of either registry.
func checkSharedIDs(c *applyContext, owner string, reg catalog.Registry, unrelated []string) error {
	own, err := datasetsOn(c, owner, reg.ID)
	if err != nil {
		return err
	}
	others, err := records.Names(c.tx, records.PrefixFamily+owner+"/")
	if err != nil {
		return err
	}
	for _, other := range others {
		theirs, err := datasetsOn(c, owner, other)
		if err != nil {
			return err
		}
		said := func(list []catalog.Descriptor, name string) bool {
			return slices.ContainsFunc(list, func(d catalog.Descriptor) bool { return slices.Contains(d.Policy.Unrelated, name) })
		}
		if other == reg.ID || slices.Contains(unrelated, other) || said(own, other) || said(theirs, reg.ID) {
			continue
		}
		id, shared, err := sharedID(c, reg, other)
		if err != nil {
			return err
		}
		if shared {
			return catalog.Conflict("unrelated", "unrelated.shared_id", reg.ID, id, other).
				WithField("policy.unrelated")
		}
	}
	return nil
}

// sharedID is the first id of a registry that another one has too.
func sharedID(c *applyContext, reg catalog.Registry, other string) (string, bool, error) {
	second, err := records.Find[catalog.Registry](c.tx, records.PrefixRegistry+other)
	if err != nil {
		return "", false, err
	}
	a, err := c.machine.cache.Table(c.tx, reg)
	if err != nil {
		return "", false, err
	}
	b, err := c.machine.cache.Table(c.tx, second)
	if err != nil {
		return "", false, err
	}
	for _, id := range a.IDs() {
		if _, shared := b.Index(id); shared {
			return id, true, nil
		}
	}
	return "", false, nil
}
