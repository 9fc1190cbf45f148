package view

import (
	"errors"
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

// ruleFor is the release rule's view of the family of a protected dataset.
func (v View) ruleFor(dataset string) (catalog.Dataset, *disclosure.Family, error) {
	d, _, err := v.familyFor(dataset)
	if err != nil {
		return d, nil, err
	}
	_, rule, err := v.cache.FamilyOf(v.r, d.Owner, d.Descriptor.Registry)
	return d, rule, err
}

// ReleaseTree returns the tree of classes of a protected dataset's family.
func (v View) ReleaseTree(dataset string) (*disclosure.Tree, error) {
	_, rule, err := v.ruleFor(dataset)
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

// Answer returns what a protected dataset's exact figures would take of its live
// versions, and cover, by groups of the caller's: what a query would be given, without
// contract, min_coverage or bounds. ErrNotFound for a public dataset.
func (v View) Answer(dataset string, g disclosure.Grid) (*disclosure.Answer, error) {
	d, rule, err := v.ruleFor(dataset)
	if err != nil {
		return nil, err
	}
	cells := v.cache.CellsOf(v.r, d)
	g.Live = cells.Live
	out, err := rule.Answer(dataset, g, cells)
	if fault := cells.Fault(); fault != nil {
		return nil, fault
	}
	return out, err
}

// FamilyNoise returns the account of epsilon of an owner's datasets on a
// registry; ErrNotFound when none of them offers noised answers.
func (v View) FamilyNoise(owner, registry string) (catalog.Account, error) {
	f, err := records.Find[records.NoiseFamily](v.r, records.NoiseKey(owner, registry))
	if err != nil {
		return catalog.Account{}, err
	}
	limit, ok := catalog.ParseEpsilon(f.Limit)
	spent, also := catalog.ParseEpsilon(f.Spent)
	if !ok || !also {
		return catalog.Account{}, errors.New("the state holds an epsilon that is none: " + f.Limit + ", " + f.Spent)
	}
	return catalog.NewAccount(limit, spent), nil
}
