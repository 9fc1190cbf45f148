package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/caps"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// Registries is where registries are read that a descriptor names; a client is one.
type Registries interface {
	RegistryIDs(ctx context.Context, id string) ([]string, error)
	WholeRegistry(ctx context.Context, id string) (catalog.Registry, [][]string, error)
}

// attributeOf gives the texts of a registry's attributes by entity, of its first entities.
func attributeOf(r catalog.Registry, rows [][]string, entities int) func(name string) ([]string, error) {
	return func(name string) ([]string, error) {
		column := slices.Index(r.Columns, name)
		if column < 0 || entities > len(rows) {
			return nil, fmt.Errorf("registry %s has no attribute %q of %d entities, which caps are", r.ID, name, entities)
		}
		texts := make([]string, entities)
		for e, row := range rows[:entities] {
			if len(row) != 1+len(r.Columns) {
				return nil, fmt.Errorf("row %d of registry %s has %d cells", e, r.ID, len(row))
			}
			texts[e] = row[1+column]
		}
		return texts, nil
	}
}

// readCaps are the caps of a source by a registry that there is, for its first entities; nil where the
// policy names none.
func readCaps(ctx context.Context, c Registries, src *panel.Source, registry string, entities int) ([][]int64, error) {
	if len(src.Descriptor.Policy.Caps) == 0 {
		return nil, nil
	}
	r, rows, err := c.WholeRegistry(ctx, registry)
	if err != nil {
		return nil, err
	}
	return src.CapsBy(attributeOf(r, rows, entities))
}

// heldCaps says in a version's announcement by which caps its readings were checked; nil where the
// policy has none, or where tiles are taken over of a version that says nothing of caps. It fails
// where the registry's attributes make other caps by now than those that the files were read by.
func heldCaps(ctx context.Context, c *client.Client, p *Prepared) (*catalog.CapsHeld, error) {
	d := p.Source.Descriptor
	continued := p.appended.tiles != nil
	if p.Panel.Caps == nil || continued && p.appended.live.Caps == nil {
		return nil, nil //nolint:nilnil // nothing is said
	}
	r, rows, err := c.WholeRegistry(ctx, d.Registry)
	if err != nil {
		return nil, err
	}
	columns, err := caps.Columns(d, attributeOf(r, rows, len(rows)))
	if err != nil {
		return nil, err
	}
	for _, column := range columns {
		checked := p.Panel.Caps[d.MeasureIndex(column.Measure.Name)]
		for e, id := range p.Panel.Entities {
			if e >= len(rows) || rows[e][0] != id || checked[e] != column.Caps[e] {
				return nil, fmt.Errorf("attribute %s of %.80q, the cap of %s, is another one in registry %s than when the files were read: publish again",
					column.Attribute, id, column.Measure.Name, r.ID)
			}
		}
	}
	held := &catalog.CapsHeld{From: r.States, To: r.States, Digest: caps.Digest(columns)}
	if continued {
		held.From = p.appended.live.Caps.From
	}
	return held, nil
}

// rememberedCaps are the caps by which the files of a version were read, where readings above them were clipped.
// Nothing that was published was above its cap otherwise, and nothing is held against caps again, which may
// have been corrected since.
func rememberedCaps(ctx context.Context, c *client.Client, src *panel.Source, v catalog.Version) ([][]int64, error) {
	d := src.Descriptor
	if d.Policy.AboveCap != catalog.AboveCapClip || v.Caps == nil {
		return make([][]int64, len(d.Measures)), nil
	}
	if v.Caps.From != v.Caps.To {
		return nil, fmt.Errorf("readings of version %d of dataset %s were clipped by the caps of several states of registry %s: publish all files anew", v.Version, d.Dataset, d.Registry)
	}
	r, err := c.Registry(ctx, d.Registry)
	if err != nil {
		return nil, err
	}
	rows, err := c.RegistryRowsAt(ctx, d.Registry, v.Caps.To, v.Entities)
	if err != nil {
		return nil, err
	}
	return src.CapsBy(attributeOf(r, rows, v.Entities))
}
