package view

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// ReleaseFamily is the state of the release rule of a protected dataset's family
// (RELEASE.md sections 1 to 4), as everybody may know it.
type ReleaseFamily struct {
	Tree     catalog.Digest       // of the tree's bytes
	Datasets []disclosure.Dataset // as they were declared, amendments included, in the order of the ledger
	Settled  []records.Settled    // in the order in which they went live
}

// familyFor reads the family of a protected dataset, ErrNotFound for a public one.
func (v View) familyFor(dataset string) (catalog.Dataset, records.Family, error) {
	d, err := records.Find[catalog.Dataset](v.r, records.PrefixDataset+dataset)
	if err != nil {
		return d, records.Family{}, err
	}
	if d.Descriptor.Policy.Public {
		return d, records.Family{}, fmt.Errorf("family of public dataset %s: %w", dataset, records.ErrNotFound)
	}
	f, err := records.Find[records.Family](v.r, records.FamilyKey(d.Owner, d.Descriptor.Registry))
	return d, f, err
}

// ReleaseFamily returns the state of the release rule of a protected dataset's family;
// ErrNotFound for a public one.
func (v View) ReleaseFamily(dataset string) (ReleaseFamily, error) {
	_, f, err := v.familyFor(dataset)
	return ReleaseFamily{Tree: f.Tree, Datasets: f.Declared, Settled: f.Settled}, err
}

// ReleaseTree returns the tree of classes of a protected dataset's family.
func (v View) ReleaseTree(dataset string) (*disclosure.Tree, error) {
	d, _, err := v.familyFor(dataset)
	if err != nil {
		return nil, err
	}
	_, rule, err := v.cache.FamilyOf(v.r, d.Owner, d.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	return rule.Tree(), nil
}

// TreeBytes are the bytes of the tree of a protected dataset's family, whose digest
// ReleaseFamily names.
func (v View) TreeBytes(dataset string) ([]byte, error) {
	d, f, err := v.familyFor(dataset)
	if err != nil {
		return nil, err
	}
	return records.GetVerified(v.r, records.TreeKey(d.Owner, d.Descriptor.Registry), f.Tree)
}

// SettledBytes are the bytes of what a version settled, whose digest ReleaseFamily
// names; ErrNotFound for one that settled nothing.
func (v View) SettledBytes(dataset string, version int) ([]byte, error) {
	d, f, err := v.familyFor(dataset)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.Settled, func(s records.Settled) bool { return s.Dataset == dataset && s.Version == version })
	if i < 0 {
		return nil, fmt.Errorf("what version %d of dataset %s settled: %w", version, dataset, records.ErrNotFound)
	}
	return records.GetVerified(v.r, records.SettledKey(d.Owner, d.Descriptor.Registry, i), f.Settled[i].Digest)
}
