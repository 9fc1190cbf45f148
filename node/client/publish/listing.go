package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/tables"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
)

// Listing is what the catalog has of a dataset that is to be published.
type Listing struct {
	Dataset  *catalog.Dataset // nil: it is new
	Registry *catalog.Registry
	Next     int // number that the version will have
}

// CheckListing compares what was prepared with the catalog, and refuses what would be
// refused when it is published: another descriptor than the dataset has, other rows
// than the registry has. Nothing is changed.
func CheckListing(ctx context.Context, c *client.Client, p *Prepared) (Listing, error) {
	out := Listing{Next: 1}
	d, err := listedDataset(ctx, c, p)
	if err != nil {
		return out, err
	}
	if out.Dataset = d; d != nil {
		out.Next = d.Versions + 1
		if err := checkTurn(ctx, c, d); err != nil {
			return out, err
		}
	} else if err := checkRelated(ctx, c, p.Source.Descriptor); err != nil {
		return out, err
	}
	id := p.Source.Descriptor.Registry
	r, err := c.Registry(ctx, id)
	switch {
	case client.IsNotFound(err) && p.Registry.ID != "":
		return out, checkNewRegistry(ctx, c, p)
	case err != nil:
		return out, fmt.Errorf("read registry %s: %w", id, err)
	}
	out.Registry = &r
	if p.Registry.ID != "" {
		same, err := holds(ctx, c, p.Registry, r, tables.RowsDigest(p.Registry.Rows))
		if err != nil {
			return out, err
		}
		if !same { // it has no rows yet
			return out, checkNewRegistry(ctx, c, p)
		}
	}
	if d == nil {
		check := wire.DatasetCheck{Descriptor: p.Source.Descriptor}
		_, err = client.Post[wire.DatasetCheck](ctx, c, "/v1/check/dataset", check, true)
	}
	return out, err
}

// checkTurn refuses a version of another publisher's dataset, and one while the version
// before is on its way.
func checkTurn(ctx context.Context, c *client.Client, d *catalog.Dataset) error {
	me, err := c.Principal()
	if err != nil {
		return err
	}
	if d.Owner != me {
		return catalog.Forbidden("owner", "dataset.owner", d.ID)
	}
	if d.Versions == 0 {
		return nil
	}
	last, err := c.Version(ctx, d.ID, d.Versions)
	if err != nil {
		return fmt.Errorf("read the newest version of dataset %s: %w", d.ID, err)
	}
	switch last.State {
	case catalog.VersionLive, catalog.VersionRejected, catalog.VersionProposed: // one that is proposed is given up
		return nil
	}
	return catalog.Conflict("pending", "version.pending", last.Version, d.ID, last.State).WithFix("fix.wait_live")
}

// Check refuses what no version can be, whatever the catalog has.
func (p *Prepared) Check() error {
	b := p.proposed()
	b.Blocks, b.Tiles = p.Blocks, p.Tiles()
	if r := b.CheckTiles(p.Source.Descriptor); r != nil {
		return r
	}
	return nil
}

// checkNewRegistry refuses a registry that the data makes, and the catalog does not have
// yet, for what the dataset would be refused once it is there: attributes that it has
// not, and a protected registry of the same publisher with one of its ids (RELEASE.md
// section 3.3).
func checkNewRegistry(ctx context.Context, c *client.Client, p *Prepared) error {
	d := p.Source.Descriptor
	if r := d.CheckColumns(p.Registry.Columns); r != nil {
		return r
	}
	shared, err := FindSharedRegistries(ctx, c, p)
	if err != nil || len(shared) == 0 {
		return err
	}
	r := catalog.Conflict("unrelated", "unrelated.shared_id", d.Registry, shared[0].Example, shared[0].Registry)
	r.Field = "policy.unrelated"
	return r
}

// checkRelated refuses a new dataset's related measures that the family does not have.
func checkRelated(ctx context.Context, c *client.Client, d catalog.Descriptor) error {
	if len(d.Policy.Related) == 0 {
		return nil
	}
	mine, err := protected(ctx, c, client.EveryDataset)
	if err != nil {
		return err
	}
	r := d.CheckRelated(func(dataset string) []string {
		for _, other := range mine {
			if other.ID == dataset && other.Descriptor.Registry == d.Registry {
				return other.Descriptor.MeasureNames()
			}
		}
		return nil
	})
	if r != nil {
		return r
	}
	return nil
}

// ensureListed makes sure that the registry and the dataset are in the catalog,
// the dataset with exactly this descriptor.
func ensureListed(ctx context.Context, c *client.Client, p *Prepared, progress func(Progress)) error {
	have, err := listedDataset(ctx, c, p) // before anything is sent
	if err != nil {
		return err
	}
	if p.Registry.ID != "" {
		_, err := Registry(ctx, c, p.Registry, func(done, total int) {
			progress(Progress{Stage: StageRegistry, Rows: done, RowsTotal: total})
		})
		if err != nil {
			return fmt.Errorf("publish registry %s: %w", p.Registry.ID, err)
		}
	}
	if have == nil {
		_, err = c.Submit(ctx, catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: p.Source.Descriptor})
	}
	return err
}

// listedDataset is the dataset as the catalog has it, with exactly this descriptor;
// nil when it is new.
func listedDataset(ctx context.Context, c *client.Client, p *Prepared) (*catalog.Dataset, error) {
	d := p.Source.Descriptor
	have, err := c.Dataset(ctx, d.Dataset)
	if client.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	if p.appended.tiles != nil && have.Live != p.appended.live.Version {
		return nil, fmt.Errorf("dataset %s has version %d by now, and this one continues version %d: append again", d.Dataset, have.Live, p.appended.live.Version)
	}
	if err := checkDescriptor(have, d); err != nil {
		return nil, err
	}
	return &have, nil
}

// holds reports whether a registry has exactly these rows. Rows of a draft do not
// count: another one may take its place. A registry with other rows is refused, with what
// differs.
func holds(ctx context.Context, c *client.Client, t RegistryTable, have catalog.Registry, digest catalog.Digest) (bool, error) {
	switch {
	case have.Rows == 0:
		return false, nil
	case have.Rows == len(t.Rows) && have.Digest == digest && have.IDColumn == t.IDColumn && slices.Equal(have.Columns, t.Columns):
		return true, nil
	}
	no := catalog.Conflict("registry_exists", "registry.other_rows", t.ID, have.Rows, len(t.Rows))
	no.Field = "id"
	return false, otherRows(ctx, c, t, have, no)
}
