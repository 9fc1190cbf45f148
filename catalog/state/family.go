package state

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
)

// putFamily stores a family's record and remembers the rule's view of it.
func (c *applyContext) putFamily(owner, registry string, f *records.Family, rule *disclosure.Family) error {
	if err := records.Put(c.tx, records.FamilyKey(owner, registry), f); err != nil {
		return err
	}
	c.machine.cache.KeepFamily(owner, registry, f, rule)
	return nil
}

// putTree stores a family's tree.
func putTree(tx records.Tx, owner, registry string, f *records.Family, tree *disclosure.Tree) error {
	raw := tree.Encode()
	f.Tree = catalog.Sum(raw)
	return records.PutText(tx, records.TreeKey(owner, registry), string(raw))
}

// settle decides what a version of a protected dataset leaves as it goes live
// (RELEASE.md section 2.4). It returns a *disclosure.DeclarationError, a
// *disclosure.Conflict or an *judge.OutdatedError for what the version may not declare, or
// not be (unsettled); nothing has changed then.
func settle(c *applyContext, d catalog.Dataset, v catalog.Version) error {
	owner, registry := d.Owner, d.Descriptor.Registry
	f, rule, err := c.machine.cache.FamilyOf(c.tx, owner, registry)
	if err != nil {
		return err
	}
	news, err := records.ReadNews(c.tx, v.Dataset, v.Version)
	if err != nil {
		return err
	}
	if err := judge.CheckOutdated(f, rule, d, v, news); err != nil {
		return err
	}
	cells := c.machine.cache.CellsOf(c.tx, d)
	s, err := rule.Settle(d.ID, disclosure.VersionInput{
		Version: v.Version, Entities: v.Entities, Closed: v.Closed, News: disclosure.ReadNews(news),
	}, cells)
	if broken := cells.Fault(); broken != nil {
		return broken
	}
	if err != nil {
		return err
	}
	raw := s.Encode()
	if err := records.PutText(c.tx, records.SettledKey(owner, registry, len(f.Settled)), string(raw)); err != nil {
		return err
	}
	f.Settled = append(slices.Clip(f.Settled), records.Settled{Dataset: d.ID, Version: v.Version, Seq: c.seq, Digest: catalog.Sum(raw)})
	after := rule.Clone()
	if err := after.Add(d.ID, s); err != nil {
		return fmt.Errorf("family of %s: %w", f.Dataset, err)
	}
	return c.putFamily(owner, registry, f, after)
}

// extendFamilies makes classes of what was appended to a registry, in every family on
// it.
func extendFamilies(c *applyContext, reg catalog.Registry, codes [][]uint32) error {
	list, err := records.Names(c.tx, records.PrefixFamily)
	if err != nil {
		return err
	}
	for _, name := range list {
		owner, registry, _ := strings.Cut(name, "/")
		if registry != reg.ID {
			continue
		}
		if err := checkSharedIDs(c, owner, reg, nil); err != nil {
			return err
		}
		f, rule, err := c.machine.cache.FamilyOf(c.tx, owner, registry)
		if err != nil {
			return err
		}
		tree, err := rule.Tree().Extend(codes, reg.Rows)
		if err != nil {
			return fmt.Errorf("registry %s: %w", reg.ID, err)
		}
		if err := putTree(c.tx, owner, registry, f, tree); err != nil {
			return err
		}
		after := rule.Clone()
		after.Grow(tree)
		if err := c.putFamily(owner, registry, f, after); err != nil {
			return err
		}
	}
	return nil
}
