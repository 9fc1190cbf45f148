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

	view    View
	dataset catalog.Dataset // by which it was asked for
}

// ReleaseFamily returns the state of the release rule of a protected dataset's family;
// ErrNotFound for a public one.
func (v View) ReleaseFamily(dataset string) (ReleaseFamily, error) {
	d, err := records.Find[catalog.Dataset](v.r, records.PrefixDataset+dataset)
	if err != nil {
		return ReleaseFamily{}, err
	}
	if d.Descriptor.Policy.Public {
		return ReleaseFamily{}, fmt.Errorf("family of public dataset %s: %w", dataset, records.ErrNotFound)
	}
	f, err := records.Find[records.Family](v.r, records.FamilyKey(d.Owner, d.Descriptor.Registry))
	return ReleaseFamily{Tree: f.Tree, Datasets: f.Declared, Settled: f.Settled, view: v, dataset: d}, err
}

// Classes returns the tree of the family's classes.
func (f ReleaseFamily) Classes() (*disclosure.Tree, error) {
	_, rule, err := f.view.cache.FamilyOf(f.view.r, f.dataset.Owner, f.dataset.Descriptor.Registry)
	if err != nil {
		return nil, err
	}
	return rule.Tree(), nil
}

// TreeBytes are the bytes of the family's tree, whose digest is Tree.
func (f ReleaseFamily) TreeBytes() ([]byte, error) {
	return records.GetVerified(f.view.r, records.TreeKey(f.dataset.Owner, f.dataset.Descriptor.Registry), f.Tree)
}

// SettledBytes are the bytes of what a version of the dataset settled, whose digest Settled
// has; ErrNotFound for one that settled nothing.
func (f ReleaseFamily) SettledBytes(version int) ([]byte, error) {
	i := slices.IndexFunc(f.Settled, func(s records.Settled) bool { return s.Dataset == f.dataset.ID && s.Version == version })
	if i < 0 {
		return nil, fmt.Errorf("what version %d of dataset %s settled: %w", version, f.dataset.ID, records.ErrNotFound)
	}
	return records.GetVerified(f.view.r, records.SettledKey(f.dataset.Owner, f.dataset.Descriptor.Registry, i), f.Settled[i].Digest)
}
